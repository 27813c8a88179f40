import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

const make = (hub: number | false = false, store = new MemoryStore()) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 2 }, email: { priority: 3, hub } },
  })
const seen = (key: string, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: '2026-01-01T00:00:00Z',
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const SHOP = { namespace: 'email', value: 'Shop@example.com' }
const C1 = { namespace: 'customer_id', value: 'c-1' }
const C2 = { namespace: 'customer_id', value: 'c-2' }
const shared = [
  seen('1', { customer_id: 'c-1', email: SHOP.value }),
  seen('2', { customer_id: 'c-2', email: SHOP.value }),
]

describe('block()', () => {
  test('parts those whom a value joined, says so, and unblock() joins them again', async () => {
    const resolver = make()
    await resolver.observe(shared)
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'same' })
    expect(await resolver.block(SHOP)).toMatchObject({ records: 1 })
    expect(await resolver.block(SHOP)).toMatchObject({ records: 0 })
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'unlinked' })
    expect(await resolver.explain(C1, SHOP)).toMatchObject({ verdict: 'unusable', problem: 'blocked by hand' })
    expect(await resolver.resolve([{ email: SHOP.value }, { customer_id: 'c-1', email: SHOP.value }])).toMatchObject([
      {
        status: 'unresolvable',
        reason: { code: 'IDENTIFIER_UNUSABLE', facts: { namespaces: 'email blocked by hand' } },
      },
      { status: 'unresolved', reason: { code: 'ADDRESS_UNKNOWN' } },
    ])
    await resolver.unblock(SHOP)
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'same' })
    expect(await resolver.resolve([{ customer_id: 'c-2' }])).toMatchObject([{ address: 'shop@example.com' }])
  })

  test('holds for a value of which nothing was known yet, which is then no address either', async () => {
    const resolver = make()
    await resolver.block(SHOP)
    expect(await resolver.resolve([{ email: SHOP.value }])).toMatchObject([{ status: 'unresolvable' }])
    await resolver.observe(shared)
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'unlinked' })
    await resolver.unblock(SHOP)
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'same' })
  })

  test('of a value that too many share says that, and gives the other reason back', async () => {
    const resolver = make(1)
    await resolver.observe(shared)
    const problem = async () => (await resolver.explain(C1, SHOP)) as { problem?: string }
    expect(await problem()).toMatchObject({ problem: 'shared by too many' })
    await resolver.block(SHOP)
    expect(await problem()).toMatchObject({ problem: 'blocked by hand' })
    await resolver.retract([{ source: 'crm', key: '2' }])
    expect(await problem()).toMatchObject({ problem: 'blocked by hand' })
    await resolver.observe(shared)
    await resolver.unblock(SHOP)
    expect(await problem()).toMatchObject({ problem: 'shared by too many' })
    await resolver.retract([{ source: 'crm', key: '2' }])
    expect(await resolver.explain(C1, SHOP)).toMatchObject({ verdict: 'same' })
  })

  test('leaves not a row behind when it is taken back', async () => {
    const store = new MemoryStore()
    const resolver = make(false, store)
    await resolver.block(SHOP)
    await resolver.unblock(SHOP)
    for (const table of ['evidence', 'evidenceById', 'identifier', 'quarantine'] as const) {
      expect(await store.scan(table, { prefix: ['main'], limit: 10 })).toEqual([])
    }
  })

  test('refuses an identifier that joins nobody anyway', async () => {
    await expect(make().block({ namespace: 'email', value: 'none' })).rejects.toThrow(
      'option block names an identifier',
    )
  })
})
