import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { type StoredRecord, wordOf } from './evidence.js'
import { type Place, soleRow } from './holders.js'
import type { RecordChange } from './neighbourhood.js'
import type { ProfileRow, Rows } from './rows.js'
import { idOf, type Namespace, RESERVED, type Rules } from './rules.js'
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
  const keys: Key[] = []
  const held: (readonly string[])[] = []
  for (const { before, after } of changes) {
    const ids: string[] = []
    for (const record of [before, after]) {
      if (record === undefined) continue
      for (const [namespace, value] of record.ids) {
        const id = idOf(namespace, value)
        const count = counts.get(id) ?? 0
        if (count === 0) keys.push([rows.graph, namespace, value])
        counts.set(id, count + 1)
        ids.push(id)
      }
    }
    held.push(ids)
  }
  const places = await rows.places([...counts.keys()], keys)
  // Where ids are pinned the next one may have to be asked for.
  if (rules.idPolicy !== 'founder') return { ops: [], others: changes, places }
  const alone = new Map<RecordChange, string>()
  for (const [index, change] of changes.entries()) {
    const ids = held[index] as readonly string[]
    const isNew = isAlone(rules, change) && ids.every((id) => counts.get(id) === 1 && !places.has(id))
    if (isNew) {
      const [namespace, value] = (change.after as StoredRecord).ids[0] as readonly [string, string]
      alone.set(change, profileIdOf(rules, namespace, value))
    }
  }
  // A redirect may stand there, of a profile that had the same founder.
  const taken = mayReturn ? new Set((await rows.profiles([...alone.values()])).keys()) : NONE
  const ops: Op[] = []
  const others: RecordChange[] = []
  for (const change of changes) {
    const profileId = alone.get(change)
    if (profileId === undefined || taken.has(profileId)) others.push(change)
    else newcomer(rules, rows, change, profileId, ops)
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

function newcomer(rules: Rules, rows: Rows, { ref, after }: RecordChange, profileId: string, ops: Op[]): void {
  const record = after as StoredRecord
  const [strongest] = record.ids
  for (const one of record.ids) {
    const [namespace, value] = one
    const hasHub = (rules.namespaces.get(namespace) as Namespace).hub !== false
    const row = soleRow(profileId, ref, !hasHub ? 0 : one === strongest ? '' : strongest)
    ops.push({ op: 'put', table: 'identifier', key: [rows.graph, namespace, value], value: row })
  }
  ops.push({ op: 'put', table: 'profile', key: [rows.graph, profileId], value: profileRow(record) as object as Json })
}

/** The strongest identifier was seen first, and within a namespace the order of a record is that of a profile. */
function profileRow({ at, first = at, ids }: StoredRecord): ProfileRow {
  const members: (readonly [string, string])[] = []
  let since: Record<string, (number | null)[]> | undefined
  for (const [namespace, value] of ids) {
    members.push([namespace, value])
    if (first === null || !Object.hasOwn(RESERVED, namespace)) continue
    since ??= {}
    if (Object.hasOwn(since, namespace)) since[namespace]?.push(first)
    else since[namespace] = [first]
  }
  return since === undefined ? { members } : { members, since }
}
