import type { Identifier } from '../model/identifier.js'
import { conflictRow, denialsIn, linkingRecords } from './absorb.js'
import type { RecordRef } from './evidence.js'
import { Graph, type Link } from './graph.js'
import { gather } from './neighbourhood.js'
import type { ConflictRow, Rows } from './rows.js'
import { idOf, type Problem, partsOf, type Rules } from './rules.js'
import { solve } from './solve.js'

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
  | { readonly verdict: 'unusable'; readonly problem: Problem | 'unknown' | 'shared by too many' }
)

export interface Step {
  readonly from: Identifier
  readonly to: Identifier
  readonly records: readonly RecordName[]
}

/** Conflict rows as the host sees them. */
export function conflictOf(row: ConflictRow): Conflict {
  const { a, b, records, ...rest } = row
  return { ...rest, a: identifier(...a), b: identifier(...b), records: namesOf(records) }
}

const identifier = (namespace: string, value: string): Identifier => ({ namespace, value })
/** Versions of one record have one name. */
const namesOf = (refs: readonly RecordRef[]): readonly RecordName[] => [
  ...new Map(refs.map(([source, key]) => [JSON.stringify([source, key]), { source, key }])).values(),
]

/** Cost    solves the cluster of the two again. */
export async function explainPair(rules: Rules, rows: Rows, pair: readonly Identifier[]): Promise<Explanation> {
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
    if (!homes.has(id)) return said({ verdict: 'unusable', problem: 'unknown' })
    if (homes.get(id) === null) return said({ verdict: 'unusable', problem: 'shared by too many' })
  }
  const around = await gather(rules, rows, [], [from])
  const records = linkingRecords(around)
  const graph = new Graph(rules, records)
  const [one] = [graph.vertices.get(from)]
  const links = one === undefined ? [] : (graph.links([one]).get(graph.rootOf(one)) ?? [])
  const { conflicts } = solve(rules, records, denialsIn(around))
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
