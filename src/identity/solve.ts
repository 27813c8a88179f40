import { hash } from 'node:crypto'
import { brokenLimit, type Denial, fold, type Part, type Refusal } from './contested.js'
import { compareVertices, Graph, type LinkingRecord, type Vertex } from './graph.js'
import { compareNumbers } from './order.js'
import type { Rules } from './rules.js'

/** One person as far as the evidence goes. */
export interface SolvedProfile {
  readonly profileId: string
  /** The identifier that was seen first; the id is a digest of it, unless ids are pinned. */
  readonly founder: Vertex
  /** Strongest namespace first; within one, the best address first: {@link compareMembers}. */
  readonly members: readonly Vertex[]
  readonly retired: readonly Vertex[]
}

/** A refused link whose ends are two people now. */
export interface SolvedConflict extends Refusal {
  /** The profile that has the weaker identifier of the two. */
  readonly winner: string
  /** The profile of the stronger one, which goes without it. */
  readonly loser: string
}

/** A refused link that retired one of its ends: both are of one profile. */
export interface SolvedRetirement extends Refusal {
  readonly profileId: string
}

export interface Solution {
  readonly profiles: readonly SolvedProfile[]
  readonly conflicts: readonly SolvedConflict[]
  readonly retirements: readonly SolvedRetirement[]
}

/**
 * Who is who: a function of records and rules (A.2 steps 3 to 8). The records must be closed: all records of every
 * identifier that is in one of them, without what is quarantined. `denials` part whom records join.
 *
 * Laws    any order of the records gives the same profiles and conflicts; records with no identifier in common can be
 *         solved apart.
 */
export function solve(rules: Rules, records: readonly LinkingRecord[], denials: readonly Denial[] = []): Solution {
  const graph = new Graph(rules, records)
  const profiles: SolvedProfile[] = []
  const contested: (readonly Vertex[])[] = []
  for (const vertices of graph.components()) {
    if (brokenLimit(rules, countsOf(vertices)) === undefined && !holdsDenied(graph, vertices, denials)) {
      profiles.push(profileOf(rules, { members: [...vertices], retired: [] }))
    } else contested.push(vertices)
  }
  if (contested.length === 0) return { profiles, conflicts: [], retirements: [] }
  const links = graph.links(contested.map(([first]) => first as Vertex))
  const foldings = contested.map((vertices) =>
    fold(rules, vertices, links.get(graph.rootOf(vertices[0] as Vertex)) ?? [], denials),
  )
  const parts = foldings.flatMap((folding) => folding.parts)
  const all = ({ members, retired }: Part): readonly Vertex[] => [...members, ...retired]
  graph.shareOut(new Map(parts.flatMap((part) => all(part).map((vertex) => [vertex, part]))))
  const homes = new Map<Vertex, string>()
  for (const part of parts) {
    const profile = profileOf(rules, part)
    profiles.push(profile)
    for (const vertex of all(part)) homes.set(vertex, profile.profileId)
  }
  const conflicts: SolvedConflict[] = []
  const retirements: SolvedRetirement[] = []
  for (const refusal of foldings.flatMap(({ refusals }) => refusals)) {
    const [loser, winner] = [homes.get(refusal.link.a) as string, homes.get(refusal.link.b) as string]
    if (winner !== loser) conflicts.push({ ...refusal, winner, loser })
    else retirements.push({ ...refusal, profileId: winner })
  }
  return { profiles, conflicts, retirements }
}

function holdsDenied(graph: Graph, vertices: readonly Vertex[], denials: readonly Denial[]): boolean {
  if (denials.length === 0) return false
  const root = graph.rootOf(vertices[0] as Vertex)
  return denials.some((pair) =>
    pair.every((id) => {
      const vertex = graph.vertices.get(id)
      return vertex !== undefined && graph.rootOf(vertex) === root
    }),
  )
}

function countsOf(vertices: readonly Vertex[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { namespace } of vertices) counts.set(namespace.name, (counts.get(namespace.name) ?? 0) + 1)
  return counts
}

function profileOf(rules: Rules, { members, retired }: Part): SolvedProfile {
  const founder = members.reduce((least, member) => (compareFounders(member, least) < 0 ? member : least))
  return {
    profileId: profileIdOf(rules, founder.namespace.name, founder.value),
    founder,
    members: members.sort(compareMembers),
    retired: retired.sort(compareMembers),
  }
}

/** Named by its founding identifier alone: the same on another machine, in another store, after a rebuild. */
export function profileIdOf(rules: Rules, namespace: string, value: string): string {
  return `p_${hash('sha256', `${rules.salt}\u0001${namespace}\u0001${value}`).slice(0, 32)}`
}

/** Order   earliest seen, then strongest. */
const compareFounders = (a: Vertex, b: Vertex): number => compareNumbers(a.first, b.first) || compareVertices(a, b)

/** Order   within a namespace: by the source that showed it, then most recently seen, then in more records, then by bytes. */
const compareMembers = (a: Vertex, b: Vertex): number =>
  a.namespace.order - b.namespace.order ||
  a.place - b.place ||
  compareNumbers(b.last, a.last) ||
  b.records - a.records ||
  compareVertices(a, b)
