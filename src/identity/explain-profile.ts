import type { Identifier } from '../model/identifier.js'
import { conflictRow } from './absorb.js'
import { firstRefs, LINK_RECORDS_MAX } from './evidence.js'
import { type Conflict, clusterOf, conflictOf, identifier, nameOf, type RecordName } from './explain.js'
import { compareLinks, type Link } from './graph.js'
import { type Profile, profileOf } from './profiles.js'
import type { Rows } from './rows.js'
import { idOf, type Rules } from './rules.js'

/** Links, refused links and conflicts that are told of one person; all are counted. */
const TOLD_MAX = 200

/** How the identifiers of one person hang together. */
export interface ProfileExplanation {
  readonly rulesHash: string
  readonly profileId: string
  /** As {@link Profile} has them. */
  readonly identifiers: Profile['identifiers']
  /** What records or a merge showed together, in the order in which it counts: the first 200 of `linkCount`. */
  readonly links: readonly EvidenceLink[]
  readonly linkCount: number
  /** Refused links that lead to this person alone: one end of each is retired. The first 200 of `retiredByCount`. */
  readonly retiredBy: readonly RefusedLink[]
  readonly retiredByCount: number
  /** Open ones that it is part of: the first 200 of `conflictCount`. */
  readonly conflicts: readonly Conflict[]
  readonly conflictCount: number
}

export interface EvidenceLink {
  /** The stronger identifier. */
  readonly a: Identifier
  readonly b: Identifier
  /** Words by hand first, then by source and key: the first 20 of `recordCount`. */
  readonly records: readonly RecordName[]
  readonly recordCount: number
}

export interface RefusedLink extends EvidenceLink {
  /** The namespace whose limit it was, or `total`. */
  readonly rule: string
  readonly limit: number
  /** How many there would have been. */
  readonly wouldBe: number
}

/** Cost    solves the cluster of the person again. */
export async function explainProfile(
  rules: Rules,
  rows: Rows,
  of: string | Identifier,
): Promise<ProfileExplanation | undefined> {
  const profile = await profileOf(rules, rows, of)
  const [first] = profile?.identifiers ?? []
  if (profile === undefined || first === undefined) return undefined
  const { profileId } = profile
  const cluster = await clusterOf(rules, rows, idOf(first.namespace, first.value))
  const own = cluster.profiles.find((solved) => solved.profileId === profileId)
  if (own === undefined) return undefined // changed since
  // Vertices of two graphs are not the same objects: they are told by their ids.
  const ids = new Set([...own.members, ...own.retired].map(({ id }) => id))
  const retirements = cluster.retirements.filter((refused) => refused.profileId === profileId)
  const refused = new Set(retirements.map(({ link }) => linkName(link)))
  const links = cluster.links
    .filter((link) => ids.has(link.a.id) && ids.has(link.b.id) && !refused.has(linkName(link)))
    .sort(compareLinks(rules.linkPreference))
  const conflicts = cluster.conflicts.filter(({ winner, loser }) => winner === profileId || loser === profileId)
  return {
    rulesHash: rules.hash,
    profileId,
    identifiers: [
      ...own.members.map(({ namespace, value }) => ({ namespace: namespace.name, value, retired: false })),
      ...own.retired.map(({ namespace, value }) => ({ namespace: namespace.name, value, retired: true })),
    ],
    links: links.slice(0, TOLD_MAX).map(linkOf),
    linkCount: links.length,
    retiredBy: retirements
      .slice(0, TOLD_MAX)
      .map(({ link, rule, limit, wouldBe }) => ({ ...linkOf(link), rule, limit, wouldBe })),
    retiredByCount: retirements.length,
    conflicts: conflicts.slice(0, TOLD_MAX).map((conflict) => conflictOf(conflictRow(conflict))),
    conflictCount: conflicts.length,
  }
}

const linkName = ({ a, b }: Link): string => `${a.id}\u0001${b.id}`

const linkOf = ({ a, b, refs }: Link): EvidenceLink => ({
  a: identifier(a.namespace.name, a.value),
  b: identifier(b.namespace.name, b.value),
  records: firstRefs(refs, LINK_RECORDS_MAX).map(nameOf),
  recordCount: refs.length,
})
