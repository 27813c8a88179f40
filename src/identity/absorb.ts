import { hash } from 'node:crypto'
import { compareBytes } from '../model/byte-order.js'
import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { agingOps } from './aging.js'
import { addressFacts } from './choice.js'
import { claimFacts } from './claims.js'
import type { Denial } from './contested.js'
import { firstRefs, LINK_RECORDS_MAX, wordOf } from './evidence.js'
import type { LinkingRecord, Vertex } from './graph.js'
import { historyOps } from './history.js'
import { LAYOUT } from './meta.js'
import { named, traceOf } from './naming.js'
import { gather, idsOf, type Neighbourhood, type RecordChange } from './neighbourhood.js'
import { newcomers } from './newcomers.js'
import { pinsIn } from './pins.js'
import { placeOps } from './placing.js'
import { type ConflictRow, isRedirect, type MetaRow, type ProfileRow, type Rows, sequenceKey } from './rows.js'
import { idOf, type Rules } from './rules.js'
import { type Solution, type SolvedConflict, solve } from './solve.js'
import { type Former, type Succession, succession } from './succession.js'
import { isUnindexed } from './tombstones.js'

/** What is taken out of who is who besides what records say. */
export interface Erasure {
  readonly seeds?: readonly string[] | undefined
  /** Identifiers that count as not there, in whatever record they stand. */
  readonly without?: ReadonlySet<string> | undefined
  readonly forgets?: MetaRow['forgets']
}

/**
 * The ops that take changed records into the graph: the records, and whatever they make of the people they touch.
 *
 * Pure but for reading: the same store and changes give the same ops. They check the meta row, so that they only hold
 * if nobody else wrote to the graph since.
 */
export async function absorb(
  rules: Rules,
  rows: Rows,
  meta: MetaRow | undefined,
  changes: readonly RecordChange[],
  { seeds, without, forgets = meta?.forgets }: Erasure = {},
): Promise<readonly Op[]> {
  const isErasure = seeds !== undefined || without !== undefined
  const mayReturn = meta?.redirects === true || (meta !== undefined && meta.layout === undefined)
  const parted = isErasure
    ? { ops: [], others: changes, places: undefined }
    : await newcomers(rules, rows, changes, mayReturn)
  const { others, places } = parted
  const around = await gather(rules, rows, others, { seeds, without, places })
  const solution = await named(rules, rows, around, solve(rules, linkingRecords(around), denialsIn(around)))
  const homes = homesIn(solution)
  const placed = placeOps(rules, rows, around, homes)
  const ops: Op[] = []
  for (const change of changes) {
    ops.push(evidenceOp(rows, change))
    for (const op of agingOps(rules, rows, change)) ops.push(op)
  }
  for (const op of parted.ops) ops.push(op)
  for (const op of placed) ops.push(op)

  const former = await formerProfiles(rows, around, solution)
  const conflicts = new Map(solution.conflicts.map((conflict) => [digestOf(conflict), conflict] as const))
  const followed = succession(rules, solution, former, around)
  const changed = profileOps(rules, rows, { solution, former, followed, around, conflicts: [...conflicts] }, ops)
  const said = { denials: denialsIn(around), pins: pinsIn(around), homes }
  const rowOf = (conflict: SolvedConflict): ConflictRow => ({
    ...conflictRow(conflict),
    ...claimFacts(rules, conflict, said),
  })
  const opened = await conflictOps(rows, new Map([...conflicts].map(([id, one]) => [id, rowOf(one)])), former, ops)

  let sequence = meta?.sequence ?? 0
  // Not in the order in which a store happened to answer: the same evidence leaves the same log.
  for (const profileId of [...changed].sort(compareBytes)) {
    sequence += 1
    ops.push({ op: 'put', table: 'identityLog', key: [rows.graph, sequenceKey(sequence)], value: profileId })
  }
  const version = (meta?.version ?? 0) + 1
  ops.push(...historyOps(rows, { solution, former, around, redirects: followed.redirects, changes: others, version }))
  const conflictCount = (meta?.conflicts ?? 0) + opened
  const counts = { rules: rules.hash, sequence, conflicts: conflictCount, version, layout: LAYOUT }
  const next: MetaRow = {
    ...meta,
    ...counts,
    ...((mayReturn || placed.some(isDeparture)) && { redirects: true as const }),
    ...(forgets && { forgets: changes.some(isCrowded) ? { ...forgets, crowded: true } : forgets }),
  }
  const key = rows.metaKey
  return [
    { op: 'check', table: 'identityMeta', key, is: meta as Json | undefined },
    ...ops,
    { op: 'put', table: 'identityMeta', key, value: next as object as Json },
  ]
}

/** True if an identifier is not known any more. The profile that it founded may lead to another. */
const isDeparture = ({ op, table }: Op): boolean => op === 'delete' && table === 'identifier'

/** True if a record gets identifiers that stand in no index. */
const isCrowded = ({ after }: RecordChange): boolean =>
  after?.unusable?.some(([, , problem]) => isUnindexed(problem)) === true

/** The records as solving sees them: without what joins nobody. */
export function linkingRecords(around: Neighbourhood): readonly LinkingRecord[] {
  const linking: LinkingRecord[] = []
  for (const { ref, record } of around.records.values()) {
    const word = wordOf(ref)
    if (word !== undefined && word !== 'merge') continue
    const ids = record.ids.filter(([namespace, value]) => !around.quarantined.has(idOf(namespace, value)))
    if (ids.length === 0) continue
    const first = record.first === undefined ? {} : { first: record.first ?? Number.NEGATIVE_INFINITY }
    linking.push({ ref, at: record.at ?? Number.NEGATIVE_INFINITY, ...first, ids, byHand: word && true })
  }
  return linking
}

/** Pairs that are two people, whatever links them. */
export function denialsIn(around: Neighbourhood): readonly Denial[] {
  const denials: Denial[] = []
  for (const { ref, record } of around.records.values()) {
    if (wordOf(ref) === 'deny' && record.ids.length === 2) denials.push(idsOf(record) as [string, string])
  }
  return denials
}

function evidenceOp(rows: Rows, { ref, after }: RecordChange): Op {
  const key = [rows.graph, ...ref]
  return after === undefined
    ? { op: 'delete', table: 'evidence', key }
    : { op: 'put', table: 'evidence', key, value: after as Json }
}

/** Profile id by identifier. */
function homesIn({ profiles }: Solution): ReadonlyMap<string, string> {
  const homes = new Map<string, string>()
  for (const { profileId, members, retired } of profiles) {
    for (const { id } of members) homes.set(id, profileId)
    for (const { id } of retired) homes.set(id, profileId)
  }
  return homes
}

/** The profile rows that stand under the ids of then and now. */
async function formerProfiles(rows: Rows, around: Neighbourhood, solution: Solution): Promise<Former> {
  const ids = new Set(solution.profiles.map(({ profileId }) => profileId))
  for (const home of around.ids.values()) if (home) ids.add(home)
  return rows.profiles([...ids])
}

interface ProfileChange {
  readonly solution: Solution
  readonly former: Former
  readonly followed: Succession
  readonly around: Neighbourhood
  readonly conflicts: readonly (readonly [digest: string, conflict: SolvedConflict])[]
}

/** Adds the ops; returns the ids whose bindings may be out of date: what was known before and is not the same now. */
function profileOps(rules: Rules, rows: Rows, change: ProfileChange, ops: Op[]): readonly string[] {
  const { solution, former, followed, around, conflicts } = change
  const { redirects, was } = followed
  const digests = new Map<string, string[]>()
  const claimed = new Map<string, Set<string>>()
  for (const [digest, { winner, loser, link }] of conflicts) {
    for (const [id, lost] of [[loser, link.b] as const, [winner, link.a] as const]) {
      claimed.set(id, (claimed.get(id) ?? new Set()).add(lost.namespace.name))
      const list = digests.get(id)
      if (list === undefined) digests.set(id, [digest])
      else list.push(digest)
    }
  }
  const pins = pinsIn(around)
  const changed: string[] = []
  const put = (id: string, row: object): Op => ({
    op: 'put',
    table: 'profile',
    key: [rows.graph, id],
    value: row as Json,
  })
  const pairOf = ({ namespace, value }: Vertex) => [namespace.name, value] as const
  for (const { profileId, members, retired } of solution.profiles) {
    const row: ProfileRow = {
      members: members.map(pairOf),
      ...(retired.length > 0 && { retired: retired.map(pairOf) }),
      ...addressFacts(members, pins),
      ...(claimed.has(profileId) && { claimed: [...(claimed.get(profileId) as Set<string>)].sort() }),
      ...(digests.has(profileId) && { conflicts: (digests.get(profileId) as string[]).sort() }),
      ...(was.has(profileId) && { was: was.get(profileId) as readonly string[] }),
    }
    const before = former.get(profileId)
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(row)) continue
    ops.push(put(profileId, row))
    if (before !== undefined) changed.push(profileId)
  }
  for (const [profileId, to] of redirects) {
    const row = former.get(profileId)
    const members = rules.idPolicy === 'pinned' && row && !isRedirect(row) ? row.members : []
    const traces = members.map(([namespace, value]) => traceOf(rules, namespace, value))
    const redirect = { to, ...(traces.length > 0 && { traces }) }
    ops.push(
      to === undefined ? { op: 'delete', table: 'profile', key: [rows.graph, profileId] } : put(profileId, redirect),
    )
    changed.push(profileId)
  }
  return changed
}

const digestOf = ({ link }: SolvedConflict): string => conflictDigest(link.a.id, link.b.id)

/** Names a conflict by the two identifiers, the stronger first. */
export const conflictDigest = (a: string, b: string): string => hash('sha256', JSON.stringify([a, b])).slice(0, 32)

/** Adds the ops; returns by how many the open conflicts grew. */
async function conflictOps(
  rows: Rows,
  conflicts: ReadonlyMap<string, ConflictRow>,
  former: Former,
  ops: Op[],
): Promise<number> {
  const known = new Set<string>()
  for (const row of former.values()) if (!isRedirect(row)) for (const digest of row.conflicts ?? []) known.add(digest)
  const before = await rows.conflicts([...known])
  for (const digest of before.keys()) {
    if (!conflicts.has(digest)) ops.push({ op: 'delete', table: 'conflict', key: [rows.graph, digest] })
  }
  for (const [digest, row] of conflicts) {
    if (JSON.stringify(before.get(digest)) === JSON.stringify(row)) continue
    ops.push({ op: 'put', table: 'conflict', key: [rows.graph, digest], value: row as object as Json })
  }
  return conflicts.size - before.size
}

export function conflictRow({ link, rule, limit, wouldBe, winner, loser }: SolvedConflict): ConflictRow {
  const { a, b, refs } = link
  const ends = { a: [a.namespace.name, a.value], b: [b.namespace.name, b.value] } as const
  return {
    ...ends,
    rule,
    limit,
    wouldBe,
    winner,
    loser,
    records: firstRefs(refs, LINK_RECORDS_MAX),
    recordCount: refs.length,
  }
}
