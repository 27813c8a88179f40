import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

const make = (limit = 2) =>
  new IdentityResolver({
    store: new MemoryStore(),
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: limit }, phone: { priority: 4, hub: 1 } },
  })
const seen = (key: string, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: '2026-01-01T00:00:00Z',
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const C1 = { namespace: 'customer_id', value: 'c-1' }
const C2 = { namespace: 'customer_id', value: 'c-2' }
const ANN = { namespace: 'email', value: 'ann@example.com' }
const MERGE = { source: 'by hand', key: 'merge', byHand: true } as const
const profileOf = async (resolver: IdentityResolver, bag: Record<string, string>) => {
  const [found] = await resolver.resolve([bag])
  return found !== undefined && 'profileId' in found ? found.profileId : undefined
}

describe('merge()', () => {
  test('joins two people whom no record joins, and unmerge() gives each the id that it had', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', { customer_id: 'c-1', email: 'ann@example.com' }),
      seen('2', { customer_id: 'c-2' }),
    ])
    const before = [
      await profileOf(resolver, { customer_id: 'c-1' }),
      await profileOf(resolver, { customer_id: 'c-2' }),
    ]
    await resolver.merge(C1, C2)
    expect(await profileOf(resolver, { customer_id: 'c-2' })).toBe(before[0])
    expect(await resolver.resolve([{ customer_id: 'c-2' }])).toMatchObject([{ address: 'ann@example.com' }])
    expect(await resolver.explain(ANN, C2)).toMatchObject({
      verdict: 'same',
      path: [
        { from: ANN, to: C1, records: [{ source: 'crm', key: '1' }] },
        { from: C1, to: C2, records: [MERGE] },
      ],
    })
    expect(await resolver.merge(C2, C1)).toMatchObject({ records: 0 })
    await resolver.unmerge(C2, C1)
    const after = [await profileOf(resolver, { customer_id: 'c-1' }), await profileOf(resolver, { customer_id: 'c-2' })]
    expect(after).toEqual(before)
  })

  test('does not break a limit: what it asks for is a conflict whose record is the merge', async () => {
    const resolver = make(1)
    await resolver.observe([seen('1', { customer_id: 'c-1' }), seen('2', { customer_id: 'c-2' })])
    expect(await resolver.merge(C1, C2)).toMatchObject({ conflicts: 1 })
    for await (const conflict of resolver.conflicts()) {
      expect(conflict).toMatchObject({ rule: 'customer_id', limit: 1, wouldBe: 2, records: [MERGE], recordCount: 1 })
    }
    expect(await profileOf(resolver, { customer_id: 'c-2' })).not.toBe(
      await profileOf(resolver, { customer_id: 'c-1' }),
    )
    expect(await resolver.unmerge(C1, C2)).toMatchObject({ conflicts: 0 })
  })

  test('comes before newer records where both claim one identifier', async () => {
    const resolver = make(1)
    await resolver.observe([
      seen('1', { customer_id: 'c-1', email: 'ann@example.com' }),
      { ...seen('2', { customer_id: 'c-2', email: 'ann@example.com' }), observedAt: '2026-02-01T00:00:00Z' },
    ])
    expect(await resolver.resolve([{ customer_id: 'c-2' }])).toMatchObject([{ address: 'ann@example.com' }])
    await resolver.merge(C1, ANN)
    expect(await resolver.resolve([{ customer_id: 'c-1' }])).toMatchObject([{ address: 'ann@example.com' }])
  })

  test('gives way to deny() of the same pair', async () => {
    const resolver = make()
    await resolver.merge(C1, C2)
    await resolver.deny(C1, C2)
    expect(await resolver.explain(C1, C2)).toMatchObject({
      verdict: 'apart',
      conflicts: [{ rule: 'denied', records: [MERGE] }],
    })
  })

  test('makes both known before any record, gives no identifier an age, and is no owner of a shared value', async () => {
    const resolver = make()
    const phone = { namespace: 'phone', value: '+4917000000001' }
    await resolver.merge(C1, phone)
    await resolver.observe([seen('1', { customer_id: 'c-2', phone: phone.value, email: 'bob@example.com' })])
    expect(await resolver.resolve([{ customer_id: 'c-1' }])).toMatchObject([{ address: 'bob@example.com' }])
    const alone = make()
    await alone.observe([seen('1', { customer_id: 'c-2', phone: phone.value, email: 'bob@example.com' })])
    expect(await profileOf(resolver, { customer_id: 'c-1' })).toBe(await profileOf(alone, { customer_id: 'c-2' }))
  })

  test('refuses a pair of the same, and an identifier that joins nobody', async () => {
    const resolver = make()
    await expect(resolver.merge(ANN, { ...ANN, value: ' ANN@example.com' })).rejects.toThrow('option merge names one')
    await expect(resolver.merge(ANN, { namespace: 'email', value: 'none' })).rejects.toThrow('joins nobody: blocked')
  })

  test('a host cannot take a merge out by its name', async () => {
    const resolver = make()
    await resolver.merge(C1, C2)
    expect(await resolver.retract([MERGE, { source: '!merge', key: 'x' }])).toMatchObject({ records: 0 })
  })
})
