import { compareBytes } from '../model/byte-order.js'
import type { Op } from '../stores/store.js'
import type { RecordRef, StoredRecord, Unusable } from './evidence.js'
import type { MetaRow, Rows } from './rows.js'
import type { Rules } from './rules.js'

const DAY = 86_400_000_000

/**
 * A record as of a time, in microseconds: its identifiers that are older than their namespace allows join nobody, and are
 * kept with the reason `inactive`. A record without a time never ages; without `asOf` none does.
 *
 * Laws    agedRecord(agedRecord(x, s), t) equals agedRecord(x, t) for s <= t.
 */
export function agedRecord(rules: Rules, record: StoredRecord, asOf: number | undefined): StoredRecord {
  if (asOf === undefined || record.at === null) return record
  const isActive = ([namespace]: StoredRecord['ids'][number]): boolean => {
    const due = dueAt(rules, namespace, record.at)
    return due === undefined || due >= asOf
  }
  const ids = record.ids.filter(isActive)
  if (ids.length === record.ids.length) return record
  const unusable = record.unusable ?? []
  const gone = record.ids
    .filter((id) => !isActive(id))
    .flatMap(([name, value, ...raws]) => {
      return (raws.length === 0 ? [value] : raws).map((raw): Unusable => [name, raw, 'inactive'])
    })
  const inactive = [...unusable.filter(([, , problem]) => problem === 'inactive'), ...gone]
  inactive.sort(([a, x], [b, y]) => compareBytes(a, b) || compareBytes(x, y))
  return { ...record, ids, unusable: [...unusable.filter(([, , problem]) => problem !== 'inactive'), ...inactive] }
}

/** The last time at which an identifier of a record of that time is active; undefined: it is for ever. */
function dueAt(rules: Rules, namespace: string, at: number | null): number | undefined {
  const days = rules.namespaces.get(namespace)?.activeForDays
  return days === undefined || at === null ? undefined : at + days * DAY
}

/** When the next identifier of a record ages, as a part of a key; undefined where none ever does. */
export function dueOf(rules: Rules, record: StoredRecord | undefined): string | undefined {
  if (record === undefined) return undefined
  let least: number | undefined
  for (const [namespace] of record.ids) {
    const due = dueAt(rules, namespace, record.at)
    if (due !== undefined && (least === undefined || due < least)) least = due
  }
  return least === undefined ? undefined : timePart(least)
}

/** Microseconds as text whose order is theirs, from the year 0 on. */
export const timePart = (time: number): string => String(BigInt(time) + 10n ** 17n).padStart(18, '0')

const NONE: readonly Op[] = []

/** Keeps the table of what ages next in step with a changed record. */
export function agingOps(
  rules: Rules,
  rows: Rows,
  { ref, before, after }: { ref: RecordRef; before: StoredRecord | undefined; after: StoredRecord | undefined },
): readonly Op[] {
  const was = dueOf(rules, before)
  const due = dueOf(rules, after)
  if (was === due) return NONE
  const keyOf = (time: string) => [rows.graph, time, ...ref]
  return [
    ...(was === undefined ? [] : [{ op: 'delete', table: 'aging', key: keyOf(was) } as const]),
    ...(due === undefined ? [] : [{ op: 'put', table: 'aging', key: keyOf(due), value: 0 } as const]),
  ]
}

/** The time that counts for records that come in: where an advance is under way, the one that it goes to. */
export const asOfIn = (meta: MetaRow | undefined): number | undefined => meta?.aging ?? meta?.asOf
