import type { Identifier } from '../model/identifier.js'
import { conflictRow, denialsIn, linkingRecords } from './absorb.js'
import { type RecordRef, wordOf } from './evidence.js'
import { Graph, type Link } from './graph.js'
import { historyOf } from './history.js'
import { named } from './naming.js'
import { gather } from './neighbourhood.js'
import { quarantineProblem } from './resolution.js'
import type { ConflictRow, HistoryRow, MetaRow, Rows } from './rows.js'
import { idOf, type Problem, partsOf, type Rules } from './rules.js'
import { type Solution, solve } from './solve.js'
import { forgottenOf } from './tombstones.js'

/** Two people who claim one identifier: records showed `a` and `b` together, and a limit keeps them apart. */
export interface Conflict {
  /** The stronger identifier; its profile is the loser. */
  readonly a: Identifier
  /** The contested one; its profile is the winner. */
  readonly b: Identifier
  /** The namespace whose limit it was, or `total`; `denied` where they were said to be two people. */
  readonly rule: string
  readonly limit: number
  /** How many there would have been. */
  readonly wouldBe: number
  readonly winner: string
  readonly loser: string
  /** The records that showed them together: the first 20 by source and key. */
  readonly records: readonly RecordName[]
  readonly recordCount: number
}

export interface RecordName {
  readonly source: string
  readonly key: string
  /** True for what was said by hand: then `source` is `by hand`, and `key` the call, such as `merge`. */
  readonly byHand?: true
}

/** Why two identifiers are one person, or are not. */
export type Explanation = { readonly rulesHash: string } & (
  | {
      readonly verdict: 'same'
      readonly profileId: string
      /** From the one to the other by records that showed two identifiers together. A retired one leads there by a refused link. */
      readonly path: readonly Step[]
    }
  /** Links between them were refused. */
  | { readonly verdict: 'apart'; readonly conflicts: readonly Conflict[] }
  /** No records lead from the one to the other. */
  | { readonly verdict: 'unlinked' }
  /** One of them is not known, or joins nobody. */
  | {
      readonly verdict: 'unusable'
      readonly problem: Problem | 'unknown' | 'forgotten' | 'shared by too many' | 'blocked by hand'
    }
)

export interface Step {
  readonly from: Identifier
  readonly to: Identifier
  readonly records: readonly RecordName[]
}

/** Conflict rows as the host sees them. */
export function conflictOf(row: ConflictRow): Conflict {
  const { a, b, records, claims: _, ...rest } = row
  return { ...rest, a: identifier(...a), b: identifier(...b), records: namesOf(records) }
}

export const identifier = (namespace: string, value: string): Identifier => ({ namespace, value })

/** A record as a human knows it. */
export function nameOf(ref: RecordRef): RecordName {
  const word = wordOf(ref)
  if (word !== undefined) return { source: 'by hand', key: word, byHand: true }
  const [source, key] = ref
  return { source, key }
}

/** Versions of one record have one name. */
export const namesOf = (refs: readonly RecordRef[]): readonly RecordName[] => [
  ...new Map(refs.map(nameOf).map((name) => [JSON.stringify(name), name])).values(),
]

/** What became of an identifier in one commit. */
export interface HistoryEntry {
  /** The number of the commit: later ones are greater. */
  readonly sequence: number
  /**
   * `merged` with another profile; `split` off into one of its own; `moved` to another, or its profile got another id;
   * `quarantined`: it joins nobody, and `released` again; `retired`: kept and never the address, and `unretired` again;
   * `left`: nothing shows it any more.
   */
  readonly what: HistoryRow['what']
  /** Profile ids. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** Of the records that changed in that commit those that hold it: the first 5. */
  readonly records: readonly RecordName[]
}

/** Oldest first; nothing for what joins nobody, or was seen and never changed its place. */
export async function* tellHistory(rules: Rules, rows: Rows, of: Identifier): AsyncGenerator<HistoryEntry> {
  const reading = rules.read(of.namespace, of.value)
  if ('problem' in reading) return
  for await (const { sequence, row } of historyOf(rows, idOf(of.namespace, reading.value))) {
    const { what, from, to, records = [] } = row
    yield { sequence, what, from, to, records: namesOf(records) }
  }
}

/** All links of the cluster that an identifier is in, and what is made of it. */
export async function clusterOf(
  rules: Rules,
  rows: Rows,
  id: string,
): Promise<Solution & { readonly links: readonly Link[] }> {
  const around = await gather(rules, rows, [], { seeds: [id] })
  const records = linkingRecords(around)
  const graph = new Graph(rules, records)
  const one = graph.vertices.get(id)
  const links = one === undefined ? [] : (graph.links([one]).get(graph.rootOf(one)) ?? [])
  const solution = await named(rules, rows, around, solve(rules, records, denialsIn(around)))
  return { ...solution, links }
}

/** Cost    solves the cluster of the two again. */
export async function explainPair(
  rules: Rules,
  rows: Rows,
  pair: readonly Identifier[],
  meta: MetaRow | undefined,
): Promise<Explanation> {
  const said = (verdict: Unhashed): Explanation => ({ rulesHash: rules.hash, ...verdict })
  const ids: string[] = []
  for (const { namespace, value } of pair) {
    const reading = rules.read(namespace, value)
    if ('problem' in reading) return said({ verdict: 'unusable', problem: reading.problem })
    ids.push(idOf(namespace, reading.value))
  }
  const [from, to] = ids as [string, string]
  const homes = await rows.homes([from, to])
  for (const id of [from, to]) {
    if (!homes.has(id)) {
      const isForgotten = (await forgottenOf(rows, meta, [id])).has(id)
      return said({ verdict: 'unusable', problem: isForgotten ? 'forgotten' : 'unknown' })
    }
    if (homes.get(id) !== null) continue
    const why = (await rows.quarantines([id])).get(id)
    return said({ verdict: 'unusable', problem: quarantineProblem(why) })
  }
  const { links, conflicts } = await clusterOf(rules, rows, from)
  const refused = new Map(conflicts.map((conflict) => [conflict.link.a.id + conflict.link.b.id, conflict]))
  const isRefused = ({ a, b }: Link): boolean => refused.has(a.id + b.id)
  const profileId = homes.get(from) as string
  if (profileId === homes.get(to)) {
    const path =
      shortestPath(
        links.filter((link) => !isRefused(link)),
        from,
        to,
      ) ?? []
    return said({ verdict: 'same', profileId, path: path.map(stepOf) })
  }
  const path = shortestPath(links, from, to)
  if (path === undefined) return said({ verdict: 'unlinked' })
  const between = path.flatMap(({ link }) => refused.get(link.a.id + link.b.id) ?? [])
  return said({ verdict: 'apart', conflicts: between.map((conflict) => conflictOf(conflictRow(conflict))) })
}

type Unhashed = Explanation extends infer Whole ? (Whole extends Explanation ? Omit<Whole, 'rulesHash'> : never) : never

interface Hop {
  readonly link: Link
  readonly from: string
  readonly to: string
}

const stepOf = ({ link, from, to }: Hop): Step => ({
  from: identifier(...partsOf(from)),
  to: identifier(...partsOf(to)),
  records: namesOf(link.refs),
})

/** Breadth first. */
function shortestPath(links: readonly Link[], from: string, to: string): readonly Hop[] | undefined {
  const hops = new Map<string, Hop[]>()
  for (const link of links) {
    for (const [start, end] of [[link.a.id, link.b.id] as const, [link.b.id, link.a.id] as const]) {
      const list = hops.get(start) ?? []
      hops.set(start, list)
      list.push({ link, from: start, to: end })
    }
  }
  const reached = new Map<string, Hop | undefined>([[from, undefined]])
  for (const id of reached.keys()) {
    if (id === to) break
    for (const hop of hops.get(id) ?? []) if (!reached.has(hop.to)) reached.set(hop.to, hop)
  }
  if (!reached.has(to)) return undefined
  const path: Hop[] = []
  for (let hop = reached.get(to); hop !== undefined; hop = reached.get(hop.from)) path.unshift(hop)
  return path
}
