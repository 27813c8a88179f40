import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { DAY, HOUR, NOW, stage } from './export-stage.js'

const MAPPING = { key: 'person', observedAt: 'at', identifiers: { email: 'email', userId: 'userId' } } as const

const resolver = (store = new MemoryStore()) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1 },
      userId: { priority: 2, maxIdentifiers: 1 },
      email: { priority: 3 },
    },
  })

/** What a warehouse knows: which account a customer has, and no address. */
const CRM: Evidence = {
  source: 'crm',
  key: 'c-1',
  observedAt: '2026-11-01T00:00:00Z',
  ids: [
    { namespace: 'customer_id', value: 'c-1' },
    { namespace: 'userId', value: 'u-1' },
  ],
}
const addressOf = async (identity: IdentityResolver) => (await identity.resolve([{ customer_id: 'c-1' }]))[0]

describe('evidence from events that Iterable has', () => {
  test('joins a customer to the inbox in which they opened a mail', async () => {
    const identity = resolver()
    await identity.observe([CRM])
    expect(await addressOf(identity)).toMatchObject({ status: 'unresolved' })
    const { source, open } = stage()
    open(NOW - DAY, { email: 'Ada@Example.com', userId: 'u-1' })
    open(NOW - 2 * DAY, { email: 'ada@example.com', userId: 'u-1' })
    open(NOW - 2 * DAY, { email: '', campaignId: 7 })
    const { rows, records, rejected } = await identity.ingest(source, MAPPING)
    expect({ rows, records, rejected }).toEqual({ rows: 3, records: 1, rejected: { EVIDENCE_KEY_NULL: 1 } })
    expect(await addressOf(identity)).toMatchObject({ status: 'resolved', address: 'ada@example.com' })
  })

  test('is read from where the last reading stood', async () => {
    const identity = resolver()
    await identity.observe([CRM])
    const { source, open, asked, time } = stage()
    open(NOW - DAY, { email: 'old@example.com', userId: 'u-1' })
    await identity.ingest(source, MAPPING)
    asked.length = 0
    time.ms += DAY
    open(NOW + HOUR, { email: 'new@example.com', userId: 'u-1' })
    expect(await identity.ingest(source, MAPPING)).toMatchObject({ rows: 1, records: 1 })
    expect(asked.map((query) => query.get('startDateTime'))).toEqual(['2026-11-20 11:00:00 +00:00'])
    expect(await addressOf(identity)).toMatchObject({ address: 'new@example.com' })
  })

  test('nobody who was forgotten comes back by it, and nothing of them is left in a key', async () => {
    const store = new MemoryStore()
    const identity = resolver(store)
    const { source, open } = stage()
    open(NOW - DAY, { email: 'ada@example.com', userId: 'u-1' })
    await identity.ingest(source, MAPPING)
    await identity.forget([{ namespace: 'email', value: 'ada@example.com' }], { projects: ['shop'] })
    expect(await store.scan('evidence', { prefix: ['main'], limit: 10 })).toEqual([])
  })
})

describe('evidence from users as they are', () => {
  test('a user whose address has changed is one record, with the new one', async () => {
    const store = new MemoryStore()
    const identity = resolver(store)
    await identity.observe([CRM])
    const { fake, source, time } = stage({
      fake: { projectType: 'userId' },
      export: { dataType: 'user', from: '2026-11-20T00:00:00Z' },
    })
    const write = (email: string) =>
      fake.handle({
        method: 'POST',
        path: '/api/users/bulkUpdate',
        headers: { 'api-key': 'fake-key' },
        body: new TextEncoder().encode(JSON.stringify({ users: [{ userId: 'u-1', email, dataFields: { email } }] })),
      })
    await write('old@example.com')
    time.ms += 2 * HOUR
    await identity.ingest(source, MAPPING)
    await write('new@example.com')
    time.ms += 2 * HOUR
    await identity.ingest(source, MAPPING)
    const [answer] = await identity.resolve([{ customer_id: 'c-1' }])
    expect(answer).toMatchObject({ status: 'resolved', address: 'new@example.com' })
    expect(await store.scan('evidence', { prefix: ['main', 'iterable-user'], limit: 10 })).toMatchObject([
      { key: ['main', 'iterable-user', '{"userId":"u-1"}'], value: { at: (NOW + 2 * HOUR) * 1_000 } },
    ])
  })
})
