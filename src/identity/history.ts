import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { firstRefs, type RecordRef, wordOf } from './evidence.js'
import { idsOf, type Neighbourhood, type RecordChange } from './neighbourhood.js'
import { type HistoryRow, isRedirect, type Rows, sequenceKey } from './rows.js'
import { idOf, partsOf } from './rules.js'
import type { Solution } from './solve.js'
import type { Former, Succession } from './succession.js'

/** Records that one row of history names. */
const RECORDS_MAX = 5

/** What one commit did to people, as far as history tells it. */
export interface Happening {
  readonly solution: Solution
  readonly former: Former
  readonly around: Neighbourhood
  readonly redirects: Succession['redirects']
  readonly changes: readonly RecordChange[]
  /** Numbers the commit. */
  readonly version: number
}

/**
 * A row for each identifier that was known and has another place now; none for what is seen for the first time, which
 * would double the writes of an import. No part of who is who: nothing reads it but {@link historyOf}.
 */
export function historyOps(rows: Rows, happening: Happening): readonly Op[] {
  const { solution, former, around, version } = happening
  const [homes, retired] = [new Map<string, string>(), new Set<string>()]
  for (const profile of solution.profiles) {
    for (const { id } of [...profile.members, ...profile.retired]) homes.set(id, profile.profileId)
    for (const { id } of profile.retired) retired.add(id)
  }
  const members = new Set<string>()
  for (const row of former.values()) if (!isRedirect(row)) for (const one of row.members) members.add(idOf(...one))
  const nameMove = moves(happening)
  const holders = holdersIn(happening.changes)
  const ops: Op[] = []
  for (const [id, before] of around.ids) {
    if (before === undefined || before === '' || around.erased.has(id)) continue
    const to = around.quarantined.has(id) ? null : homes.get(id)
    const was = before !== null && !members.has(id)
    const what = whatHappened({ from: before, to, was, is: retired.has(id) }, nameMove)
    if (what === undefined) continue
    const records = firstRefs(holders.get(id) ?? [], RECORDS_MAX).map(withoutDigest)
    const row: HistoryRow = {
      what,
      ...(before !== null && { from: before }),
      ...(typeof to === 'string' && { to }),
      ...(records.length > 0 && { records }),
    }
    const key = [rows.name, ...partsOf(id), sequenceKey(version)]
    ops.push({ op: 'put', table: 'identityHistory', key, value: row as object as Json })
  }
  return ops
}

interface Move {
  /** `null`: the quarantine. */
  readonly from: string | null
  /** `undefined`: nobody shows it any more. */
  readonly to: string | null | undefined
  /** Retired before, and after. */
  readonly was: boolean
  readonly is: boolean
}

function whatHappened(
  { from, to, was, is }: Move,
  nameMove: (from: string, to: string) => HistoryRow['what'],
): HistoryRow['what'] | undefined {
  if (to === undefined) return 'left'
  if (to === null) return from === null ? undefined : 'quarantined'
  if (from === null) return 'released'
  if (is && !was) return 'retired'
  if (from !== to) return nameMove(from, to)
  return was && !is ? 'unretired' : undefined
}

/** Names the way from one profile to another: by whether the former lives on, and whether the other was there before. */
function moves({ former, redirects }: Happening): (from: string, to: string) => HistoryRow['what'] {
  const wasLiving = (id: string): boolean => {
    const row = former.get(id)
    return row !== undefined && !isRedirect(row)
  }
  const parts = new Map<string, number>()
  for (const to of redirects.values()) if (to !== undefined) parts.set(to, (parts.get(to) ?? 0) + 1)
  return (from, to) => {
    if (redirects.get(from) !== to) return wasLiving(to) ? 'moved' : 'split'
    // One that only got another name, since something older was seen, is no merge.
    return (parts.get(to) ?? 0) + Number(wasLiving(to)) > 1 ? 'merged' : 'moved'
  }
}

function holdersIn(changes: readonly RecordChange[]): ReadonlyMap<string, readonly RecordRef[]> {
  const holders = new Map<string, RecordRef[]>()
  for (const { ref, before, after } of changes) {
    for (const id of new Set([...idsOf(before), ...idsOf(after)])) {
      const list = holders.get(id)
      if (list === undefined) holders.set(id, [ref])
      else list.push(ref)
    }
  }
  return holders
}

/** The name of a word by hand is a digest of identifiers, which must not outlive them here. */
const withoutDigest = (ref: RecordRef): RecordRef => (wordOf(ref) === undefined ? ref : [ref[0], ''])

/** Rows that are read together. */
const PAGE = 1_000

/** Order   oldest first. */
export async function* historyOf(
  rows: Rows,
  id: string,
): AsyncGenerator<{ readonly sequence: number; readonly row: HistoryRow }> {
  for await (const entries of rows.own.pages('identityHistory', PAGE, partsOf(id))) {
    for (const { key, value } of entries) yield { sequence: Number(key[3]), row: value as object as HistoryRow }
  }
}
