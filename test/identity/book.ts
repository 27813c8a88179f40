import fc from 'fast-check'
import { expect } from 'vitest'
import { homeIn } from '../../src/identity/holders.js'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { ProfileRow } from '../../src/identity/rows.js'
import type { Evidence } from '../../src/model/identifier.js'
import type { Json } from '../../src/model/value.js'
import { type Store, TABLES, type Table } from '../../src/stores/store.js'
import type { PlainAnswer, PlainRecord, PlainRules } from './oracle.js'

/** More by LAW_RUNS; a failure prints its seed, LAW_SEED runs it again. */
const numRuns = Number(process.env.LAW_RUNS ?? 100)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
export const law = { numRuns, ...seed }

export const RULES = {
  ranks: { customer_id: 1, userId: 2, email: 3, phone: 4, device: 4 },
  limits: { customer_id: 1, userId: 2, email: 2, phone: 2, device: 3 },
  anchors: ['customer_id', 'userId'],
  hubs: { email: 3, phone: 4 },
  total: 7,
} as const

/** Few values, so that people collide; some whose byte order is not JavaScript's. */
export const VALUES: Readonly<Record<string, readonly string[]>> = {
  customer_id: ['c1', 'c2', 'c3', 'C1', 'c\u{1f600}', 'c\uff21'],
  userId: ['u1', 'u2', 'u3', 'u4'],
  email: ['a@x.io', 'b@x.io', 'c@x.io', 'd@x.io', 'e@x.io'],
  phone: ['+49170000001', '+49170000002', '+49170000003'],
  device: ['d1', 'd2', 'd3', 'd4', 'd\u{1f600}', 'd\ue000'],
}
export const identifier = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((namespace) => fc.tuple(fc.constant(namespace), fc.constantFrom(...(VALUES[namespace] as string[]))))
export const ids = fc.array(identifier, { minLength: 1, maxLength: 4 })
export const at = fc.option(fc.integer({ min: 0, max: 5 }), { freq: 5 })
/** Two customers and more emails than they have room for: what is left over, and to whom it belongs. */
export const crowded = fc
  .tuple(
    fc.constantFrom('c1', 'c2').map((value) => ['customer_id', value] as const),
    fc.constantFrom(...(VALUES.email as string[])).map((value) => ['email', value] as const),
    fc.option(identifier, { freq: 6 }),
  )
  .map(([customer, email, more]) => (more === null ? [customer, email] : [customer, email, more]))
export const bookOf = (bag: typeof ids | typeof crowded): fc.Arbitrary<PlainRecord[]> =>
  fc
    .array(fc.tuple(at, bag), { minLength: 1, maxLength: 24 })
    .map((list) => list.map(([time, shown], index) => ({ key: `r${index}`, at: time, ids: shown })))
export const book = fc.oneof({ weight: 2, arbitrary: bookOf(ids) }, { weight: 1, arbitrary: bookOf(crowded) })
export const shuffled = (records: readonly PlainRecord[]) =>
  fc.shuffledSubarray([...records], { minLength: records.length, maxLength: records.length })
export const prefer = fc.constantFrom('most-recent' as const, 'earliest' as const)

export function resolverOf(
  store: Store,
  linkPreference: PlainRules['prefer'] = 'most-recent',
  more: Partial<IdentityResolverOptions> = {},
): IdentityResolver {
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
  return new IdentityResolver({
    ...{ store, target: 'email', namespaces, maxIdentifiersPerProfile: 7, linkPreference },
    ...more,
  })
}

/** Minutes as the time of a record. */
export const timeOf = (time: number): string => new Date(Date.UTC(2026, 0, 1) + time * 60_000).toISOString()

export const evidenceOf = ({ source = 'book', key, at: time, ids: bag, keep }: PlainRecord): Evidence => ({
  source,
  keep,
  key,
  observedAt: time === null ? null : timeOf(time),
  ids: bag.map(([namespace, value]) => ({ namespace, value })),
})

export async function rows(store: Store, table: Table): Promise<Map<string, unknown>> {
  const entries = await store.scan(table, { prefix: ['main'], limit: 10_000 })
  return new Map(entries.map(({ key, value }) => [key.slice(1).join('='), value]))
}

/** Where each identifier leads, without the records that hold it. */
export async function homesIn(store: Store): Promise<Map<string, unknown>> {
  return new Map([...(await rows(store, 'identifier'))].map(([id, row]) => [id, homeIn(row as Json)]))
}

const minutes = (microseconds: number | null): number | null =>
  microseconds === null ? null : (microseconds / 1000 - Date.UTC(2026, 0, 1)) / 60_000
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export interface Kept {
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
export async function stateOf(store: Store): Promise<PlainAnswer> {
  const profiles: Record<string, readonly string[]> = {}
  const since: Record<string, readonly (number | null)[]> = {}
  for (const [id, row] of (await rows(store, 'profile')) as Map<string, ProfileRow>) {
    if (row.members === undefined) continue
    profiles[id] = row.members.map((member) => member.join('='))
    const emails = row.members.filter(([namespace]) => namespace === 'email')
    since[id] = row.since?.email?.map(minutes) ?? emails.map(() => null)
  }
  const conflicts = [...((await rows(store, 'conflict')) as Map<string, Kept>).values()].map((row) =>
    [
      ...[row.a.join('='), row.b.join('='), row.rule, row.limit, row.wouldBe],
      ...[
        `winner ${row.winner}`,
        `loser ${row.loser}`,
        ...row.records.map(([source, key]) => (source.startsWith('!') ? source.slice(1) : key)).sort(byBytes),
      ],
    ].join(' '),
  )
  // An empty home marks what only a denial names: nobody.
  const placed = [...(await homesIn(store))].filter(([, home]) => home !== '')
  const homes = Object.fromEntries(placed) as PlainAnswer['homes']
  const nowhere = Object.keys(homes).filter((id) => homes[id] === null)
  expect(new Set((await rows(store, 'quarantine')).keys())).toEqual(new Set(nowhere))
  return { homes, profiles, since, conflicts: conflicts.sort(byBytes) }
}

/** Every entry of these tables as a text. */
export async function textsIn(
  store: Store,
  prefixes: readonly string[],
  tables: readonly Table[] = TABLES,
): Promise<string[]> {
  const found: string[] = []
  for (const table of tables) {
    for (const prefix of prefixes) {
      for (let after: readonly string[] | undefined; ; ) {
        const page = await store.scan(table, { prefix: [prefix], after, limit: 1_000 })
        for (const { key, value } of page) found.push(`${table} ${JSON.stringify([key, value])}`)
        if (page.length < 1_000) break
        after = page.at(-1)?.key
      }
    }
  }
  return found
}

/** Cuts a list into batches. */
export function batches<Item>(list: readonly Item[], cuts: readonly number[]): Item[][] {
  const ends = [...new Set([...cuts.map((cut) => cut % (list.length + 1)), list.length])].sort((a, b) => a - b)
  return ends.map((end, index) => list.slice(ends[index - 1] ?? 0, end))
}
export const cuts = fc.array(fc.nat({ max: 100 }), { maxLength: 5 })
