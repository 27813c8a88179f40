import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { type StoredRecord, wordOf } from './evidence.js'
import { type Place, placeRow } from './holders.js'
import { idsOf, type RecordChange } from './neighbourhood.js'
import type { ProfileRow, Rows } from './rows.js'
import { type Namespace, RESERVED, type Rules } from './rules.js'
import { profileIdOf } from './solve.js'

/** Changes, those that need no solving apart from the rest. */
export interface Parted {
  /** The ops of new records that are a person each: of identifiers that nobody else has, in the store or here. */
  readonly ops: readonly Op[]
  readonly others: readonly RecordChange[]
  /** Where the identifiers of all changes stand; those that nobody knows are left out. */
  readonly places: ReadonlyMap<string, Place>
}

/**
 * Parts the records of people whom nobody knew, the mass of an import, from those that touch somebody: what solving would
 * make of them can be told from the record alone.
 *
 * Laws    the ops are those that solving would give.
 * Cost    one read for all, and another where somebody's id may stand for somebody else: `mayReturn`.
 */
export async function newcomers(
  rules: Rules,
  rows: Rows,
  changes: readonly RecordChange[],
  mayReturn: boolean,
): Promise<Parted> {
  const counts = new Map<string, number>()
  const held = changes.map(({ before, after }) =>
    before === undefined ? idsOf(after) : [...idsOf(before), ...idsOf(after)],
  )
  for (const ids of held) for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  const places = await rows.places([...counts.keys()])
  // Where ids are pinned the next one may have to be asked for.
  if (rules.idPolicy !== 'founder') return { ops: [], others: changes, places }
  const alone = new Map<RecordChange, string>()
  for (const [index, change] of changes.entries()) {
    const ids = held[index] as readonly string[]
    if (isAlone(rules, change) && ids.every((id) => counts.get(id) === 1 && !places.has(id))) {
      const [namespace, value] = (change.after as StoredRecord).ids[0] as readonly [string, string]
      alone.set(change, profileIdOf(rules, namespace, value))
    }
  }
  // A redirect may stand there, of a profile that had the same founder.
  const taken = mayReturn ? new Set((await rows.profiles([...alone.values()])).keys()) : NONE
  const ops: Op[] = []
  const others: RecordChange[] = []
  for (const [index, change] of changes.entries()) {
    const profileId = alone.get(change)
    if (profileId === undefined || taken.has(profileId)) others.push(change)
    else newcomer(rules, rows, { change, ids: held[index] as readonly string[], profileId }, ops)
  }
  return { ops, others, places }
}

const NONE: ReadonlySet<string> = new Set()

/** A new record that breaks no limit by itself. */
function isAlone(rules: Rules, { ref, before, after }: RecordChange): boolean {
  if (before !== undefined || after === undefined || after.ids.length === 0 || wordOf(ref) !== undefined) return false
  if (after.ids.length > rules.maxIdentifiersPerProfile) return false
  let [name, run] = ['', 0]
  for (const [namespace] of after.ids) {
    run = namespace === name ? run + 1 : 1
    name = namespace
    if (run > (rules.namespaces.get(namespace) as Namespace).maxIdentifiers) return false
  }
  return true
}

interface Newcomer {
  readonly change: RecordChange
  readonly ids: readonly string[]
  readonly profileId: string
}

function newcomer(rules: Rules, rows: Rows, { change: { ref, after }, ids, profileId }: Newcomer, ops: Op[]): void {
  const record = after as StoredRecord
  for (const [index, [namespace, value]] of record.ids.entries()) {
    const hasHub = (rules.namespaces.get(namespace) as Namespace).hub !== false
    const owner = hasHub ? (index === 0 ? '' : (ids[0] as string)) : 0
    const row = placeRow({ home: profileId, holders: [{ ref, owner }] })
    ops.push({ op: 'put', table: 'identifier', key: [rows.graph, namespace, value], value: row })
  }
  ops.push({ op: 'put', table: 'profile', key: [rows.graph, profileId], value: profileRow(record) as object as Json })
}

/** The strongest identifier was seen first, and within a namespace the order of a record is that of a profile. */
function profileRow({ at, first = at, ids }: StoredRecord): ProfileRow {
  const members = ids.map(([namespace, value]) => [namespace, value] as const)
  const since: Record<string, (number | null)[]> = {}
  let isDated = false
  if (first !== null) {
    for (const [namespace] of members) {
      if (!Object.hasOwn(RESERVED, namespace)) continue
      if (Object.hasOwn(since, namespace)) since[namespace]?.push(first)
      else since[namespace] = [first]
      isDated = true
    }
  }
  return isDated ? { members, since } : { members }
}
