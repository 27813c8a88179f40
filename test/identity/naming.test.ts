import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'
import { at, evidenceOf, homesIn, ids, law, resolverOf, rows, VALUES } from './book.js'
import type { PlainRecord } from './oracle.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const

function make(options: Partial<IdentityResolverOptions> = {}): IdentityResolver {
  const where = { store: new MemoryStore(), target: 'email', namespaces: NAMESPACES }
  return new IdentityResolver({ ...where, idPolicy: 'pinned', ...options })
}
const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const one = async (resolver: IdentityResolver, bag: Record<string, string>, project?: string) =>
  (await resolver.resolve([bag], { project }))[0] as { profileId: string; address?: string; why?: string }
async function bindAs(resolver: IdentityResolver, bag: Record<string, string>): Promise<string> {
  const { profileId, address = '' } = await one(resolver, bag)
  await resolver.store.commit(resolver.bind('prod', [{ profileId, address }]))
  return profileId
}
const [C1, C2] = [{ customer_id: 'c-1' }, { customer_id: 'c-2' }]
const PHONE = '+491701234567'

describe("idPolicy: 'pinned'", () => {
  test('keeps an id when an older record moves the founder; by default the id moves', async () => {
    const idsOf = async (idPolicy: 'founder' | 'pinned') => {
      const resolver = make({ idPolicy })
      await resolver.observe([seen('1', 5, { ...C1, email: 'ada@example.com' })])
      const before = await one(resolver, C1)
      await resolver.observe([seen('2', 1, { email: 'ada@example.com', phone: PHONE })])
      return [before.profileId, (await one(resolver, C1)).profileId]
    }
    const [pinned, kept] = await idsOf('pinned')
    expect(kept).toBe(pinned)
    const [founder, moved] = await idsOf('founder')
    expect(founder).toBe(pinned)
    expect(moved).not.toBe(founder)
  })

  test('leaves the id with the larger part, and gives the other one that nobody had', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { ...C1, email: 'ada@example.com' }),
      seen('2', 2, { email: 'ada@example.com', phone: PHONE }),
    ])
    const before = await bindAs(resolver, C1)
    // The founder, c-1, goes alone.
    await resolver.observe([seen('1', 3, { ...C1 })])
    expect(await one(resolver, { phone: PHONE }, 'prod')).toMatchObject({ profileId: before, why: 'bound' })
    const alone = await one(resolver, C1)
    expect(alone.profileId).toMatch(/^p_[0-9a-f]{32}$/)
    expect(alone.profileId).not.toBe(before)
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
  })

  test('takes the larger id when two become one, and gives the other back when they part', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 5, { ...C1, email: 'ada@example.com', phone: '+491701234500' }),
      seen('2', 1, { email: 'eve@example.com', phone: PHONE }),
    ])
    const large = await bindAs(resolver, C1)
    const small = await bindAs(resolver, { phone: PHONE })
    await resolver.observe([seen('3', 6, { ...C1, phone: PHONE })])
    expect(await one(resolver, { email: 'eve@example.com' }, 'prod')).toMatchObject({
      profileId: large,
      address: 'ada@example.com',
      why: 'bound',
    })
    const [moved] = (await resolver.changes({ project: 'prod' })).changes
    expect(moved).toEqual({ profileId: small, from: 'eve@example.com', to: 'ada@example.com' })
    await resolver.retract([{ source: 'crm', key: '3' }])
    expect(await one(resolver, { phone: PHONE }, 'prod')).toMatchObject({ profileId: small, why: 'bound' })
    expect(await one(resolver, C1, 'prod')).toMatchObject({ profileId: large, why: 'bound' })
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
  })

  test('finds bindings of people who became part of another, over two steps', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 5, { ...C1, phone: '+491701234500' }),
      seen('2', 5, { email: 'eve@example.com' }),
      seen('3', 5, { email: 'eva@example.com', phone: PHONE }),
    ])
    const eve = await bindAs(resolver, { email: 'eve@example.com' })
    await resolver.observe([seen('4', 6, { email: 'eve@example.com', phone: PHONE })])
    await resolver.observe([seen('5', 7, { ...C1, phone: PHONE }), seen('6', 7, { ...C1, email: 'new@example.com' })])
    expect(await one(resolver, C1, 'prod')).toMatchObject({ address: 'eve@example.com', why: 'bound' })
    await resolver.observe([seen('2', 8, {}), seen('4', 8, { phone: PHONE })])
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([
      { profileId: eve, from: 'eve@example.com', to: 'new@example.com' },
    ])
  })

  test('gives an address that nobody knows the id that observing it would give, also where that of its name is taken', async () => {
    const resolver = make()
    const mail = { email: 'ada@example.com' }
    await resolver.observe([
      seen('1', 1, mail),
      seen('2', 2, { ...mail, ...C1 }),
      seen('3', 3, { ...C1, phone: PHONE }),
    ])
    const taken = await one(resolver, C1)
    await resolver.retract([{ source: 'crm', key: '1' }])
    await resolver.observe([seen('2', 4, {})])
    expect((await one(resolver, C1)).profileId).toBe(taken.profileId)
    const given = await one(resolver, mail)
    expect(given).toMatchObject({ why: 'given', address: 'ada@example.com' })
    expect(given.profileId).not.toBe(taken.profileId)
    await resolver.observe([seen('4', 5, mail)])
    expect((await one(resolver, mail)).profileId).toBe(given.profileId)
  })

  test('explains conflicts in the ids that are in use', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 5, { ...C1, email: 'home@example.com' })])
    await resolver.observe([seen('0', 1, { email: 'home@example.com', phone: PHONE })])
    await resolver.observe([seen('2', 2, { ...C2, email: 'home@example.com' })])
    const [conflict] = (await rows(resolver.store, 'conflict')).values() as IterableIterator<{
      winner: string
      loser: string
    }>
    const [a, b] = [C1, C2].map(({ customer_id: value }) => ({ namespace: 'customer_id', value }))
    const { winner, loser } = conflict as { winner: string; loser: string }
    expect(await resolver.explain(a as never, b as never)).toMatchObject({ conflicts: [{ winner, loser }] })
    expect([(await one(resolver, C1)).profileId, (await one(resolver, C2)).profileId].sort()).toEqual(
      [winner, loser].sort(),
    )
  })

  test('is a rule of its own, and the default is not', () => {
    expect(make({ idPolicy: 'founder' }).rulesHash).toBe(make({ idPolicy: undefined }).rulesHash)
    expect(make().rulesHash).not.toBe(make({ idPolicy: 'founder' }).rulesHash)
  })
})

/** Who is with whom, and what is said of them, without ids. */
async function peopleOf(store: Store) {
  const groups = new Map<string, string[]>()
  const homes = [...(await homesIn(store))] as [string, string | null][]
  for (const [id, home] of homes) if (home) groups.set(home, [...(groups.get(home) ?? []), id].sort())
  const nameOf = (profileId: string): string => (groups.get(profileId) ?? []).join(' ')
  const profiles = [...(await rows(store, 'profile'))] as [string, { members?: unknown; was?: unknown }][]
  const conflicts = [...(await rows(store, 'conflict')).values()] as { winner: string; loser: string }[]
  return {
    groups,
    homes: new Map(homes),
    people: new Map(profiles.flatMap(([id, { was: _, ...row }]) => (row.members ? [[nameOf(id), row]] : []))),
    conflicts: new Set(conflicts.map((row) => JSON.stringify({ ...row, ...ends(row, nameOf) }))),
    quarantined: new Set(homes.filter(([, home]) => home === null).map(([id]) => id)),
  }
}
const ends = ({ winner, loser }: { winner: string; loser: string }, nameOf: (id: string) => string) => ({
  winner: nameOf(winner),
  loser: nameOf(loser),
})

type People = Awaited<ReturnType<typeof peopleOf>>
const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** The rule as it is told: the largest overlap first, each id and each person once; by bytes among equals. */
function keptIds(before: People, after: People, founders: People): ReadonlyMap<string, string> {
  const edges = [...founders.groups].flatMap(([founder, members]) => {
    const formers = members.flatMap((id) => before.homes.get(id) ?? [])
    return [...new Set(formers)].map((former) => ({
      ...{ name: members.join(' '), founder, former },
      count: formers.filter((other) => other === former).length,
    }))
  })
  edges.sort((x, y) => y.count - x.count || bytes(x.former, y.former) || bytes(x.founder, y.founder))
  const kept = new Map<string, string>()
  for (const { name, former } of edges) {
    if (!kept.has(name) && ![...kept.values()].includes(former)) kept.set(name, former)
  }
  expect(after.groups.size).toBe(founders.groups.size)
  return kept
}

describe('laws of pinned ids', () => {
  const step = fc.record({ key: fc.nat({ max: 9 }), at, ids, gone: fc.integer({ min: 0, max: 3 }) })
  const history = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 })

  test('[I5] after any history the people are those of the other policy, and each has kept its id', async () => {
    const bags = Object.entries(VALUES).flatMap(([namespace, values]) =>
      values.map((value) => ({ [namespace]: value })),
    )
    await fc.assert(
      fc.asyncProperty(history, async (batchList) => {
        const [pinned, founder] = [new MemoryStore(), new MemoryStore()]
        const resolver = resolverOf(pinned, 'most-recent', { idPolicy: 'pinned' })
        const other = resolverOf(founder)
        for (const steps of batchList) {
          const gone = steps.filter((one) => one.gone === 0).map((one) => ({ source: 'book', key: `r${one.key}` }))
          const records = steps.map((one): PlainRecord => ({ key: `r${one.key}`, at: one.at, ids: one.ids }))
          for (const work of ['observe', 'retract'] as const) {
            const before = await peopleOf(pinned)
            for (const each of [resolver, other]) {
              if (work === 'observe') await each.observe(records.map(evidenceOf))
              else await each.retract(gone)
            }
            const [after, plain] = [await peopleOf(pinned), await peopleOf(founder)]
            for (const part of ['people', 'conflicts', 'quarantined'] as const) expect(after[part]).toEqual(plain[part])
            const ids = new Map([...after.groups].map(([id, members]) => [members.join(' '), id]))
            for (const [name, id] of keptIds(before, after, plain)) expect(ids.get(name)).toBe(id)
          }
        }
        const [answers, plain] = [await resolver.resolve(bags), await other.resolve(bags)]
        const said = (list: readonly object[]) => list.map((one) => ({ ...one, rulesHash: '', profileId: '' }))
        expect(said(answers)).toEqual(said(plain))
        // Every id that ever was leads to somebody who is, or to nobody.
        const profiles = (await rows(pinned, 'profile')) as Map<string, { to?: string }>
        for (const id of profiles.keys()) {
          let [now, hops] = [id as string | undefined, 0]
          for (; now !== undefined && profiles.has(now); hops += 1) {
            now = profiles.get(now)?.to
            expect(hops).toBeLessThan(100)
          }
        }
      }),
      law,
    )
  })
})
