import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2, hub: 2 },
  phone: { priority: 3 },
} as const
const make = (store = new MemoryStore()) => new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })

/** A record of source `crm` that is kept with its history; `day` is when it changed. */
const seen = (key: string, day: number | null, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: day === null ? null : `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
  keep: 'history',
})
const one = async (resolver: IdentityResolver, bag: Record<string, string>) => (await resolver.resolve([bag]))[0]
const kept = async (resolver: IdentityResolver) => {
  const entries = await resolver.store.scan('evidence', { prefix: ['main'], limit: 100 })
  return entries.map(({ value }) => value as { at: number; first?: number; ids: unknown; unusable?: unknown })
}
const day = (n: number) => Date.UTC(2026, 0, n) * 1_000

describe("keep: 'history'", () => {
  test('a changed address adds to the person, who is reached at the newer one', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' })])
    await resolver.observe([seen('1', 2, { customer_id: 'c-1', email: 'new@example.com' })])
    for (const email of ['old@example.com', 'new@example.com']) {
      expect(await one(resolver, { email })).toMatchObject({ address: 'new@example.com', why: 'recent' })
    }
    // A late record of the older address does not make it the newer one.
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: 'older@example.com' })])
    expect(await one(resolver, { email: 'older@example.com' })).toMatchObject({ address: 'new@example.com' })
  })

  test('the same identifiers again move their last time forward and never back, in any form, and add no record', async () => {
    const resolver = make()
    const ada = { customer_id: 'c-1', email: 'ada@example.com' }
    await resolver.observe([seen('1', 3, ada)])
    await resolver.observe([seen('1', 2, { email: ' ADA@example.com', customer_id: 'c-1' })])
    expect(await kept(resolver)).toMatchObject([{ at: day(3), first: day(2) }])
    await resolver.observe([seen('1', 5, ada), seen('1', 4, ada)])
    expect(await kept(resolver)).toMatchObject([{ at: day(5), first: day(2) }])
    expect(await resolver.observe([seen('1', 5, ada), seen('1', 3, ada)])).toMatchObject({ records: 0 })
    // Of no known time: the oldest of all.
    await resolver.observe([seen('1', null, ada)])
    expect(await kept(resolver)).toMatchObject([{ at: day(5), first: null }])
  })

  test('an address that comes back is the newest again', async () => {
    const resolver = make()
    const [home, work] = ['home@example.com', 'work@example.com']
    await resolver.observe([home, work, home].map((email, at) => seen('1', at + 1, { customer_id: 'c-1', email })))
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ address: home })
    expect(await kept(resolver)).toHaveLength(2)
  })

  test('versions of one record own a value once', async () => {
    const resolver = make()
    const bags = ['+491701234567', '+491701234568', '+491701234569'].map((phone) => ({ email: 'a@example.com', phone }))
    await resolver.observe(bags.map((bag, at) => seen('1', at + 1, bag)))
    expect(await one(resolver, { email: 'a@example.com' })).toMatchObject({ status: 'resolved' })
    await resolver.observe(['2', '3'].map((key) => seen(key, 1, { email: 'a@example.com' })))
    expect(await one(resolver, { email: 'a@example.com' })).toMatchObject({ status: 'unresolvable' })
  })

  test('retract() takes all versions of a record out, and of no other', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' }),
      seen('1', 2, { customer_id: 'c-1', email: 'new@example.com' }),
      seen('10', 2, { customer_id: 'c-10', email: 'ten@example.com' }),
      { ...seen('1', 3, { customer_id: 'c-1', email: 'latest@example.com' }), keep: 'latest' },
    ])
    expect(await resolver.retract([{ source: 'crm', key: '1' }])).toMatchObject({ records: 3 })
    expect(await one(resolver, { customer_id: 'c-1' })).toMatchObject({ status: 'unresolved' })
    expect(await one(resolver, { customer_id: 'c-10' })).toMatchObject({ address: 'ten@example.com' })
    expect(await resolver.retract([{ source: 'crm', key: '1' }])).toMatchObject({ records: 0 })
  })

  test('what stood there before the history was kept stays, and is read as before', async () => {
    const store = new MemoryStore()
    const before = make(store)
    await before.observe([{ ...seen('1', 1, { customer_id: 'c-1', email: 'old@example.com' }), keep: undefined }])
    expect((await store.scan('evidence', { prefix: ['main'], limit: 9 }))[0]?.key).toEqual(['main', 'crm', '1'])
    await make(store).observe([seen('1', 2, { customer_id: 'c-1', email: 'new@example.com' })])
    expect(await one(make(store), { email: 'old@example.com' })).toMatchObject({ address: 'new@example.com' })
  })

  test('a conflict and explain() name the record once for all its versions', async () => {
    const resolver = make()
    const [home, phone] = ['home@example.com', '+491701234567']
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: home }),
      seen('1', 2, { customer_id: 'c-1', email: home, phone }),
      seen('2', 3, { customer_id: 'c-2', email: home }),
    ])
    const conflicts = []
    for await (const conflict of resolver.conflicts()) conflicts.push(conflict)
    expect(conflicts).toMatchObject([{ records: [{ source: 'crm', key: '1' }], recordCount: 2 }])
    const [c1, email] = [
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'email', value: home },
    ] as const
    expect(await resolver.explain(c1, email)).toMatchObject({ conflicts: [{ records: [{ source: 'crm', key: '1' }] }] })
  })

  test('a record with anything else in keep is refused, by the name of the mistake', async () => {
    const record = { ...seen('1', 1, { customer_id: 'c-1' }), keep: 'all' } as unknown as Evidence
    await expect(make().observe([record])).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
