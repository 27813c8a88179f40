import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence, Identifiers } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store, Table } from '../../src/stores/store.js'
import { oracle, type PlainAnswer, type PlainRecord, type PlainRules } from './oracle.js'

/** More by LAW_RUNS; a failure prints its seed, LAW_SEED runs it again. */
const numRuns = Number(process.env.LAW_RUNS ?? 100)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
const law = { numRuns, ...seed }

const RULES = {
  ranks: { customer_id: 1, userId: 2, email: 3, phone: 4, device: 4 },
  limits: { customer_id: 1, userId: 2, email: 2, phone: 2, device: 3 },
  anchors: ['customer_id', 'userId'],
  hubs: { email: 3, phone: 4 },
  total: 7,
} as const

/** Few values, so that people collide; some whose byte order is not JavaScript's. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  customer_id: ['c1', 'c2', 'c3', 'C1', 'c\u{1f600}', 'c\uff21'],
  userId: ['u1', 'u2', 'u3', 'u4'],
  email: ['a@x.io', 'b@x.io', 'c@x.io', 'd@x.io', 'e@x.io'],
  phone: ['+49170000001', '+49170000002', '+49170000003'],
  device: ['d1', 'd2', 'd3', 'd4', 'd\u{1f600}', 'd\ue000'],
}
const identifier = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((namespace) => fc.tuple(fc.constant(namespace), fc.constantFrom(...(VALUES[namespace] as string[]))))
const ids = fc.array(identifier, { minLength: 1, maxLength: 4 })
const at = fc.option(fc.integer({ min: 0, max: 5 }), { freq: 5 })
/** Two customers and more emails than they have room for: what is left over, and to whom it belongs. */
const crowded = fc
  .tuple(
    fc.constantFrom('c1', 'c2').map((value) => ['customer_id', value] as const),
    fc.constantFrom(...(VALUES.email as string[])).map((value) => ['email', value] as const),
    fc.option(identifier, { freq: 6 }),
  )
  .map(([customer, email, more]) => (more === null ? [customer, email] : [customer, email, more]))
const bookOf = (bag: typeof ids | typeof crowded): fc.Arbitrary<PlainRecord[]> =>
  fc
    .array(fc.tuple(at, bag), { minLength: 1, maxLength: 24 })
    .map((list) => list.map(([time, shown], index) => ({ key: `r${index}`, at: time, ids: shown })))
const book = fc.oneof({ weight: 2, arbitrary: bookOf(ids) }, { weight: 1, arbitrary: bookOf(crowded) })
const shuffled = (records: readonly PlainRecord[]) =>
  fc.shuffledSubarray([...records], { minLength: records.length, maxLength: records.length })
const prefer = fc.constantFrom('most-recent' as const, 'earliest' as const)

function resolverOf(store: Store, linkPreference: PlainRules['prefer'] = 'most-recent'): IdentityResolver {
  const namespaces = Object.fromEntries(
    Object.keys(RULES.ranks).map((name) => [
      name,
      {
        priority: RULES.ranks[name as 'email'],
        maxIdentifiers: RULES.limits[name as 'email'],
        anchor: RULES.anchors.includes(name as never),
        hub: RULES.hubs[name as 'email'] ?? false,
      } as const,
    ]),
  )
  return new IdentityResolver({ store, target: 'email', namespaces, maxIdentifiersPerProfile: 7, linkPreference })
}

const evidenceOf = ({ key, at: time, ids: bag, keep }: PlainRecord): Evidence => ({
  source: 'book',
  keep,
  key,
  observedAt: time === null ? null : `2026-01-01T00:0${time}:00Z`,
  ids: bag.map(([namespace, value]) => ({ namespace, value })),
})

async function rows(store: Store, table: Table): Promise<Map<string, unknown>> {
  const entries = await store.scan(table, { prefix: ['main'], limit: 10_000 })
  return new Map(entries.map(({ key, value }) => [key.slice(1).join('='), value]))
}

interface Kept {
  readonly a: readonly [string, string]
  readonly b: readonly [string, string]
  readonly rule: string
  readonly limit: number
  readonly wouldBe: number
  readonly winner: string
  readonly loser: string
  readonly records: readonly (readonly [string, string])[]
}

/** The graph as the store has it, in the oracle's words; history (redirects) left out. */
async function stateOf(store: Store): Promise<PlainAnswer> {
  const profiles: Record<string, readonly string[]> = {}
  for (const [id, row] of (await rows(store, 'profile')) as Map<string, { members?: string[][] }>) {
    if (row.members !== undefined) profiles[id] = row.members.map((member) => member.join('='))
  }
  const conflicts = [...((await rows(store, 'conflict')) as Map<string, Kept>).values()].map((row) =>
    [
      ...[row.a.join('='), row.b.join('='), row.rule, row.limit, row.wouldBe],
      ...[`winner ${row.winner}`, `loser ${row.loser}`, ...row.records.map(([, key]) => key)],
    ].join(' '),
  )
  // An empty home marks what only a denial names: nobody.
  const placed = [...(await rows(store, 'identifier'))].filter(([, home]) => home !== '')
  const homes = Object.fromEntries(placed) as PlainAnswer['homes']
  const nowhere = Object.keys(homes).filter((id) => homes[id] === null)
  expect(new Set((await rows(store, 'quarantine')).keys())).toEqual(new Set(nowhere))
  return { homes, profiles, conflicts: conflicts.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) }
}

/** Cuts a list into batches. */
function batches<Item>(list: readonly Item[], cuts: readonly number[]): Item[][] {
  const ends = [...new Set([...cuts.map((cut) => cut % (list.length + 1)), list.length])].sort((a, b) => a - b)
  return ends.map((end, index) => list.slice(ends[index - 1] ?? 0, end))
}
const cuts = fc.array(fc.nat({ max: 100 }), { maxLength: 5 })

describe('who is who', () => {
  test('G5 [I5] does not depend on the order or the slicing of the evidence, and is what the plain oracle says', async () => {
    const run = fc.tuple(
      book.chain((records) => fc.tuple(fc.constant(records), shuffled(records))),
      cuts,
      prefer,
    )
    await fc.assert(
      fc.asyncProperty(run, async ([[records, order], at, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        for (const batch of batches(order, at)) await resolver.observe(batch.map(evidenceOf))
        expect(await stateOf(store)).toEqual(oracle(records, { ...RULES, prefer: preference }))
        expect(await resolver.conflictCount()).toBe((await rows(store, 'conflict')).size)
      }),
      law,
    )
  })

  test('G5 [I5] is the same after any history of new, replaced, repeated, late and retracted records', async () => {
    const step = fc.record({ key: fc.nat({ max: 9 }), at, ids, gone: fc.integer({ min: 0, max: 4 }) })
    const history = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(history, async (batchList) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        const kept = new Map<string, PlainRecord>()
        for (const steps of batchList) {
          const records = steps.map((one) => ({ key: `r${one.key}`, at: one.at, ids: one.ids }))
          for (const record of records) {
            const known = kept.get(record.key)?.at ?? null
            if (known === null || record.at === null || record.at >= known) kept.set(record.key, record)
          }
          await resolver.observe(records.map(evidenceOf))
          const gone = steps.filter((one) => one.gone === 0).map((one) => `r${one.key}`)
          for (const key of gone) kept.delete(key)
          await resolver.retract(gone.map((key) => ({ source: 'book', key })))
          expect(await stateOf(store)).toEqual(oracle([...kept.values()], { ...RULES, prefer: 'most-recent' }))
        }
      }),
      law,
    )
  })

  test('G5 G6 [I5] what is kept with its history is the same in any order, slices and repeats, and is taken out whole', async () => {
    // Few bags, so that one is seen again at another time.
    const bags = fc.array(fc.oneof(ids, crowded as typeof ids), { minLength: 1, maxLength: 6 })
    const steps = bags.chain((few) =>
      fc.array(fc.record({ key: fc.nat({ max: 2 }), at, ids: fc.constantFrom(...few) }), {
        minLength: 1,
        maxLength: 20,
      }),
    )
    const kept = steps.map((list) => list.map((one): PlainRecord => ({ ...one, key: `h${one.key}`, keep: 'history' })))
    const drawn = fc.tuple(kept, bookOf(ids), prefer, cuts, fc.array(fc.nat({ max: 5 }), { maxLength: 3 }))
    const orders = drawn.chain((all) =>
      fc.tuple(fc.constant(all), shuffled([...all[0], ...all[0].slice(0, 3), ...all[1]])),
    )
    await fc.assert(
      fc.asyncProperty(orders, async ([[versions, plain, preference, at, gone], order]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const rules = { ...RULES, prefer: preference }
        for (const batch of batches(order, at)) await resolver.observe(batch.map(evidenceOf))
        expect(await stateOf(store)).toEqual(oracle([...versions, ...plain], rules))
        const out = gone.map((key) => `h${key}`)
        await resolver.retract(out.map((key) => ({ source: 'book', key })))
        const left = [...versions.filter(({ key }) => !out.includes(key)), ...plain]
        expect(await stateOf(store)).toEqual(oracle(left, rules))
        await resolver.retract(order.map(({ key }) => ({ source: 'book', key })))
        for (const table of ['evidence', 'evidenceById', 'identifier'] as const) {
          expect((await rows(store, table)).size).toBe(0)
        }
      }),
      law,
    )
  })

  test('G5 G6 [I5] denials part people whatever came first, and leave no trace when they are taken back', async () => {
    const few = fc.constantFrom(
      ['customer_id', 'c1'] as const,
      ['customer_id', 'c2'] as const,
      ['email', 'a@x.io'] as const,
    )
    const one = fc.oneof(identifier, few) as typeof identifier
    const pair = fc.tuple(one, one).filter(([a, b]) => a.join('=') !== b.join('='))
    const early = fc.oneof(fc.constant(0), fc.nat({ max: 24 })) // before anything is known of the two
    const word = fc.record({ pair, after: early, taken: fc.option(fc.nat({ max: 24 })) })
    const drawn = fc.tuple(book, fc.array(word, { minLength: 1, maxLength: 4 }), prefer)
    const named = ([namespace, value]: readonly [string, string]) => ({ namespace, value })
    const textOf = (one: readonly [string, string]): string => one.join('=')
    await fc.assert(
      fc.asyncProperty(drawn, async ([records, words, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const said = new Map<string, readonly [string, string]>()
        for (let step = 0; step <= 25; step += 1) {
          for (const {
            pair: [a, b],
            after,
          } of words.filter((one) => one.after === step)) {
            await resolver.deny(named(a), named(b))
            said.set([textOf(a), textOf(b)].sort().join(' '), [textOf(a), textOf(b)])
            expect(after).toBe(step)
          }
          for (const {
            pair: [a, b],
          } of words.filter((one) => one.taken === step)) {
            await resolver.allow(named(b), named(a))
            said.delete([textOf(a), textOf(b)].sort().join(' '))
          }
          const record = records[step]
          if (record !== undefined) await resolver.observe([evidenceOf(record)])
        }
        const rules = { ...RULES, prefer: preference }
        expect(await stateOf(store)).toEqual(oracle(records, rules, [...said.values()]))
        for (const [a, b] of said.values()) {
          const [left, right] = [a, b].map((id) => named([id.slice(0, id.indexOf('=')), id.slice(id.indexOf('=') + 1)]))
          await resolver.allow(left as never, right as never)
        }
        expect(await stateOf(store)).toEqual(oracle(records, rules))
        expect([...(await rows(store, 'identifier')).values()]).not.toContain('')
      }),
      law,
    )
  })

  test('G6 adding evidence and taking it away again gives the exact former people, ids included', async () => {
    await fc.assert(
      fc.asyncProperty(book, book, async (records, bad) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const before = await stateOf(store)
        const noise = bad.map((record) => ({ ...evidenceOf(record), source: 'bad' }))
        await resolver.observe(noise)
        await resolver.retract(noise)
        expect(await stateOf(store)).toEqual(before)
      }),
      law,
    )
  })

  test('G1 G3 G4 every identifier has one place, no profile breaks a limit, and every parting has its conflict', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        await resolverOf(store).observe(records.map(evidenceOf))
        const { homes, profiles } = await stateOf(store)
        const conflicts = [...((await rows(store, 'conflict')) as Map<string, Kept>).values()]
        for (const home of Object.values(homes)) if (home !== null) expect(profiles[home]).toBeDefined()
        for (const members of Object.values(profiles)) {
          expect(members.length).toBeLessThanOrEqual(RULES.total)
          for (const [namespace, limit] of Object.entries(RULES.limits)) {
            expect(members.filter((id) => id.startsWith(`${namespace}=`)).length).toBeLessThanOrEqual(limit)
          }
        }
        for (const record of records) {
          const known = record.ids.map((id) => id.join('=')).filter((id) => homes[id] !== null)
          for (const id of known) expect(homes[id]).toBeDefined()
          if (new Set(known.map((id) => homes[id])).size < 2) continue
          expect(conflicts.some(({ a, b }) => known.includes(a.join('=')) && known.includes(b.join('=')))).toBe(true)
        }
      }),
      law,
    )
  })

  test('G2 [I4] [I5] a record that was observed leads to one person, or is unresolvable with a reason; never to two', async () => {
    const bag = fc.dictionary(fc.constantFrom(...Object.keys(VALUES)), fc.nat({ max: 5 }), { minKeys: 1, maxKeys: 4 })
    const bags = fc.array(bag, { minLength: 1, maxLength: 20 }).map((list) =>
      list.map(
        (one): Identifiers =>
          Object.fromEntries(
            Object.entries(one).map(([namespace, index]) => {
              const values = VALUES[namespace] as readonly string[]
              return [namespace, values[index % values.length] as string]
            }),
          ),
      ),
    )
    await fc.assert(
      fc.asyncProperty(bags, async (list) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(
          list.map((one, index) => evidenceOf({ key: `r${index}`, at: 1, ids: Object.entries(one) })),
        )
        const { homes, profiles } = await stateOf(store)
        for (const [index, resolution] of (await resolver.resolve(list)).entries()) {
          const known = Object.entries(list[index] as Identifiers).filter((id) => homes[id.join('=')] !== null)
          if (resolution.status === 'unresolvable') {
            expect(resolution.reason.code).toBe('IDENTIFIER_UNUSABLE')
            expect(known).toEqual([])
            continue
          }
          const members = profiles[resolution.profileId as string] as readonly string[]
          const addresses = members.filter((id) => id.startsWith('email='))
          if (resolution.status === 'resolved') expect(addresses).toContain(`email=${resolution.address}`)
          else expect(addresses).toEqual([])
        }
      }),
      law,
    )
  })

  test('G5 [I5] the same evidence again commits nothing', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const meta = await store.get('identityMeta', [['main']])
        const again = await resolver.observe(records.map(evidenceOf))
        expect(again).toMatchObject({ records: 0, identifiers: 0, blocked: 0 })
        expect(await store.get('identityMeta', [['main']])).toEqual(meta)
      }),
      law,
    )
  })
})
