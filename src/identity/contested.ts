import { compareLinks, type Link, type Vertex } from './graph.js'
import type { Rules } from './rules.js'

/** The name of the limit over all namespaces together. */
export const TOTAL = 'total'

/** The name of the rule that a human's word has broken: these two are two people. */
export const DENIED = 'denied'

/** Ids of two identifiers that are two people. */
export type Denial = readonly [a: string, b: string]

/** A link that would have made a profile break a limit. */
export interface Refusal {
  readonly link: Link
  /** The namespace whose limit it was, or {@link TOTAL}, or {@link DENIED}. */
  readonly rule: string
  readonly limit: number
  /** How many there would have been. */
  readonly wouldBe: number
}

/** Identifiers that are one person. */
export interface Part {
  readonly members: Vertex[]
  /** Still lead to the person; not counted, and never the address. */
  readonly retired: Vertex[]
}

/** The parts of a contested component, and every link that was refused on the way. */
export interface Folding {
  readonly parts: readonly Part[]
  readonly refusals: readonly Refusal[]
}

interface Group extends Part {
  /** How many of each namespace, by name. */
  readonly counts: Map<string, number>
}

/** The first limit that these counts break, strongest namespace first, then the total. */
export function brokenLimit(rules: Rules, counts: ReadonlyMap<string, number>): Omit<Refusal, 'link'> | undefined {
  let total = 0
  for (const count of counts.values()) total += count
  for (const { name, maxIdentifiers } of rules.namespaces.values()) {
    const count = counts.get(name) ?? 0
    if (count > maxIdentifiers) return { rule: name, limit: maxIdentifiers, wouldBe: count }
  }
  const limit = rules.maxIdentifiersPerProfile
  return total > limit ? { rule: TOTAL, limit, wouldBe: total } : undefined
}

/**
 * Replays the links of one component in their total order and refuses each that would break a limit (A.2 step 6); then
 * attaches what is left over of one person to that person (step 7).
 *
 * Laws    the same vertices, links and denials in any order give the same parts.
 * Cost    n log n for n links; a join moves the smaller group.
 */
export function fold(
  rules: Rules,
  vertices: readonly Vertex[],
  links: readonly Link[],
  denials: readonly Denial[],
): Folding {
  const byId = new Map(vertices.map((vertex) => [vertex.id, vertex]))
  const apart = denials.flatMap(([a, b]) => {
    const [left, right] = [byId.get(a), byId.get(b)]
    return left === undefined || right === undefined ? [] : [[left, right] as const]
  })
  const groups = new Map<Vertex, Group>(
    vertices.map((vertex) => [
      vertex,
      { members: [vertex], retired: [], counts: new Map([[vertex.namespace.name, 1]]) },
    ]),
  )
  const areApart = (one: Group, other: Group): boolean =>
    apart.some(([a, b]) => {
      const [left, right] = [groups.get(a), groups.get(b)]
      return (left === one && right === other) || (left === other && right === one)
    })
  const refusals: Refusal[] = []
  for (const link of [...links].sort(compareLinks(rules.linkPreference))) {
    const [left, right] = [groups.get(link.a) as Group, groups.get(link.b) as Group]
    if (left === right) continue
    const counts = new Map(left.counts)
    for (const [name, count] of right.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    const broken = brokenLimit(rules, counts) ?? (areApart(left, right) ? DENIAL : undefined)
    if (broken !== undefined) {
      refusals.push({ link, ...broken })
      continue
    }
    const [large, small] = left.members.length < right.members.length ? [right, left] : [left, right]
    for (const [name, count] of counts) large.counts.set(name, count)
    for (const member of small.members) {
      large.members.push(member)
      groups.set(member, large)
    }
  }
  return { parts: retireLeftovers(groups, refusals, areApart), refusals }
}

/** None may be one person; there would be one. */
const DENIAL = { rule: DENIED, limit: 0, wouldBe: 1 } as const

/** Once, against the groups as the replay left them. What was refused stays apart, since groups only grow. */
function retireLeftovers(
  groups: ReadonlyMap<Vertex, Group>,
  refusals: readonly Refusal[],
  areApart: (one: Group, other: Group) => boolean,
): readonly Part[] {
  const refused = new Map<Group, { refusal: Refusal; own: Vertex; other: Vertex }[]>()
  for (const refusal of refusals) {
    const { a, b } = refusal.link
    for (const [own, other] of [[a, b] as const, [b, a] as const]) {
      const group = groups.get(own) as Group
      const list = refused.get(group)
      if (list === undefined) refused.set(group, [{ refusal, own, other }])
      else list.push({ refusal, own, other })
    }
  }
  const parts = new Set(groups.values())
  for (const [group, list] of refused) {
    if (group.members.some((member) => member.namespace.anchor)) continue
    const homes = new Set(list.map(({ other }) => groups.get(other) as Group))
    const [home] = homes
    // A guest on a shared device must not become an alias of the owner: an anchor vouches for every link, and all
    // that is left over is of the one kind that there was too much of.
    const ofOnePerson = list.every(({ refusal: { rule }, own, other }) => {
      const kind = rule === TOTAL ? own.namespace.name : rule
      return (
        rule !== DENIED && other.namespace.anchor && group.members.every((member) => member.namespace.name === kind)
      )
    })
    if (home === undefined || homes.size > 1 || !ofOnePerson || areApart(group, home)) continue
    home.retired.push(...group.members)
    parts.delete(group)
  }
  return [...parts]
}
