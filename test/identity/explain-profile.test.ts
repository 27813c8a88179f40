import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { book, evidenceOf, law, resolverOf, stateOf } from './book.js'

const make = () =>
  new IdentityResolver({
    store: new MemoryStore(),
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 3, maxIdentifiers: 2 } },
  })
const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const C1 = { namespace: 'customer_id', value: 'c-1' }
const email = (value: string) => ({ namespace: 'email', value: `${value}@example.com` })

describe('explainProfile()', () => {
  test('tells the links with their records, what was retired and why, and the conflicts', async () => {
    const resolver = make()
    for (const day of [1, 2, 3]) {
      await resolver.observe([seen(`${day}`, day, { customer_id: 'c-1', email: `a${day}@example.com` })])
    }
    await resolver.observe([
      seen('4', 1, { customer_id: 'c-1', email: 'a3@example.com' }),
      seen('5', 5, { customer_id: 'c-2', email: 'a2@example.com' }),
    ])
    await resolver.merge(C1, email('a2'))
    const told = await resolver.explainProfile(email('a1'))
    expect(told).toMatchObject({
      rulesHash: resolver.rulesHash,
      profileId: (await resolver.profile(C1))?.profileId,
      identifiers: (await resolver.profile(C1))?.identifiers,
      links: [
        {
          a: C1,
          b: email('a2'),
          records: [
            { source: 'by hand', key: 'merge' },
            { source: 'crm', key: '2' },
          ],
          recordCount: 2,
        },
        {
          a: C1,
          b: email('a3'),
          records: [
            { source: 'crm', key: '3' },
            { source: 'crm', key: '4' },
          ],
          recordCount: 2,
        },
      ],
      linkCount: 2,
      retiredBy: [
        { a: C1, b: email('a1'), rule: 'email', limit: 2, wouldBe: 3, records: [{ key: '1' }], recordCount: 1 },
      ],
      retiredByCount: 1,
      conflicts: [{ a: { value: 'c-2' }, b: email('a2'), rule: 'customer_id' }],
      conflictCount: 1,
    })
    expect(await resolver.explainProfile(told?.profileId as string)).toEqual(told)
  })

  test('is bounded, and counts all', async () => {
    const resolver = new IdentityResolver({
      store: new MemoryStore(),
      target: 'email',
      maxIdentifiersPerProfile: 1_000,
      namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, device: { priority: 5, maxIdentifiers: 1_000 } },
    })
    await resolver.observe(
      Array.from({ length: 250 }, (_, n) => seen(`${n}`, 1, { customer_id: 'c-1', device: `d-${n}` })),
    )
    await resolver.observe(
      Array.from({ length: 30 }, (_, n) => seen(`x${n}`, 2, { customer_id: 'c-1', device: 'd-0' })),
    )
    const told = await resolver.explainProfile(C1)
    expect(told?.links).toHaveLength(200)
    expect(told?.linkCount).toBe(250)
    expect(told?.links[0]?.records).toHaveLength(20)
    expect(told?.links[0]?.recordCount).toBe(31)
  })

  test('knows nobody by what is unknown', async () => {
    expect(await make().explainProfile(C1)).toBeUndefined()
    expect(await make().explainProfile('p_no')).toBeUndefined()
  })

  test('[I5] for any evidence the links hang all members together, and each retired alias has its refused link', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const { profiles } = await stateOf(store)
        for (const [profileId, members] of Object.entries(profiles)) {
          const told = await resolver.explainProfile(profileId)
          expect(told?.identifiers).toEqual((await resolver.profile(profileId))?.identifiers)
          const reached = new Set(members.slice(0, 1))
          const name = ({ namespace, value }: { namespace: string; value: string }) => `${namespace}=${value}`
          for (const _ of members) {
            for (const { a, b } of told?.links ?? []) {
              if (reached.has(name(a)) || reached.has(name(b))) reached.add(name(a)).add(name(b))
            }
          }
          expect(reached).toEqual(new Set(members))
          const retired = told?.identifiers.filter((one) => one.retired) ?? []
          expect(told?.retiredByCount === 0).toBe(retired.length === 0)
          expect(told?.conflictCount).toBe((await resolver.profile(profileId))?.conflicts)
        }
      }),
      law,
    )
  })
})
