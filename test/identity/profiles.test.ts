import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver, type Profile } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { book, evidenceOf, law, resolverOf, stateOf } from './book.js'

const make = (store = new MemoryStore()) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1 },
      email: { priority: 3, maxIdentifiers: 2 },
      phone: { priority: 4, hub: 2 },
    },
  })
const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
async function all(resolver: IdentityResolver): Promise<Profile[]> {
  const found: Profile[] = []
  for await (const profile of resolver.profiles()) found.push(profile)
  return found
}
const one = (namespace: string, value: string, retired = false) => ({ namespace, value, retired })

describe('profiles()', () => {
  test('gives every person with all identifiers, the retired ones last', async () => {
    const resolver = make()
    for (const day of [1, 2, 3]) {
      await resolver.observe([seen(`${day}`, day, { customer_id: 'c-1', email: `a${day}@example.com` })])
    }
    const [person, ...others] = await all(resolver)
    expect(others).toEqual([])
    expect(person?.identifiers).toEqual([
      one('customer_id', 'c-1'),
      one('email', 'a3@example.com'),
      one('email', 'a2@example.com'),
      one('email', 'a1@example.com', true),
    ])
    expect(await resolver.profile({ namespace: 'email', value: ' A1@example.com' })).toEqual(person)
  })

  test('has as many conflicts as are open', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: 'a@example.com' }),
      seen('2', 2, { customer_id: 'c-2', email: 'a@example.com' }),
    ])
    expect((await all(resolver)).map(({ conflicts }) => conflicts)).toEqual([1, 1])
  })

  test('reads on past the first page, and leaves redirects out', async () => {
    const resolver = make()
    await resolver.observe(Array.from({ length: 1_001 }, (_, n) => seen(`${n}`, 2, { customer_id: `k${n}` })))
    const former = await resolver.profile({ namespace: 'customer_id', value: 'k7' })
    await resolver.observe([seen('older', 1, { customer_id: 'k7', email: 'k7@example.com' })])
    await resolver.observe([seen('oldest', 1, { email: 'k7@example.com' })])
    const people = await all(resolver)
    expect(people).toHaveLength(1_001)
    expect(new Set(people.map(({ profileId }) => profileId)).size).toBe(1_001)
    const renamed = await resolver.profile(former?.profileId as string)
    expect(renamed?.identifiers).toEqual([one('customer_id', 'k7'), one('email', 'k7@example.com')])
  })

  test('profile() knows nobody by what is unknown, shared or no identifier', async () => {
    const resolver = make()
    await resolver.observe([1, 2, 3].map((n) => seen(`${n}`, n, { customer_id: `c-${n}`, phone: '+4917000000001' })))
    for (const nobody of [
      'p_no',
      { namespace: 'email', value: 'no@example.com' },
      { namespace: 'shoe', value: '43' },
    ]) {
      expect(await resolver.profile(nobody)).toBeUndefined()
    }
    expect(await resolver.profile({ namespace: 'phone', value: '+4917000000001' })).toBeUndefined()
  })

  test('[I5] tell for any evidence where each identifier is, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const { homes, profiles } = await stateOf(store)
        const told: Record<string, string> = {}
        for (const { profileId, identifiers } of await all(resolver)) {
          for (const { namespace, value, retired } of identifiers) {
            const id = `${namespace}=${value}`
            expect(told[id]).toBeUndefined()
            told[id] = profileId
            expect(retired).toBe(!profiles[profileId]?.includes(id))
          }
        }
        expect(told).toEqual(Object.fromEntries(Object.entries(homes).filter(([, home]) => home !== null)))
      }),
      law,
    )
  })
})

describe('a graph that version 0.1.0 made', () => {
  const lines = readFileSync(new URL('../golden/identity/state-0.1.0.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  const old = async () => {
    const store = new MemoryStore()
    await store.commit(lines.map((line): Op => ({ op: 'put', ...JSON.parse(line) })))
    return { store, resolver: make(store) }
  }
  const C4 = { namespace: 'customer_id', value: 'c-4' }
  const D = { namespace: 'email', value: 'd@example.com' }

  test('is read, and its people are listed', async () => {
    const { resolver } = await old()
    expect(await resolver.resolve([{ customer_id: 'c-4' }], { project: 'shop' })).toMatchObject([
      { status: 'resolved', address: 'd@example.com', why: 'bound' },
    ])
    expect(await all(resolver)).toHaveLength(5)
    expect(await resolver.conflictCount()).toBe(1)
    // The alias leads to its person from the start, and is told once that person was touched.
    const f1 = { namespace: 'email', value: 'f1@example.com' }
    expect((await resolver.profile(f1))?.identifiers).not.toContainEqual({ ...f1, retired: true })
    await resolver.observe([seen('10', 9, { customer_id: 'c-5' })])
    expect((await resolver.profile(f1))?.identifiers).toContainEqual({ ...f1, retired: true })
  })

  test('takes words by hand, and what was denied in it can be allowed', async () => {
    const { store, resolver } = await old()
    // What is touched is told with its times from then on.
    const people = async () => ({ ...(await stateOf(store)), since: {} })
    const before = await people()
    await resolver.block(D)
    expect(await resolver.resolve([{ email: D.value }])).toMatchObject([{ status: 'unresolvable' }])
    await resolver.unblock(D)
    await resolver.block({ namespace: 'phone', value: '+4917000000001' })
    await resolver.unblock({ namespace: 'phone', value: '+4917000000001' })
    expect(await people()).toEqual(before)
    expect(await resolver.merge(D, { ...C4, value: 'c-9' })).toMatchObject({ conflicts: 2 })
    await resolver.allow({ ...C4, value: 'c-9' }, D)
    await resolver.unmerge(D, { ...C4, value: 'c-9' })
    expect(await people()).toEqual(before)
  })
})
