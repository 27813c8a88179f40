import type { Evidence } from '../model/identifier.js'
import { type NewRecord, type RecordRef, recordRef, type StoredRecord, storedRecord, versionRef } from './evidence.js'
import { refText } from './neighbourhood.js'
import type { Rules } from './rules.js'

/** Records as they are to be kept: one entry for each place, with what arrived for it in its order. */
export function incoming(rules: Rules, records: readonly Evidence[]): readonly NewRecord[] {
  const next = new Map<string, { ref: RecordRef; versions: StoredRecord[] }>()
  for (const record of records) {
    const { source, key, keep } = record
    const stored = storedRecord(rules, record)
    const ref = keep === 'history' ? versionRef(source, key, stored) : recordRef(source, key)
    const name = refText(ref)
    const known = next.get(name)
    if (known === undefined) next.set(name, { ref, versions: [stored] })
    else known.versions.push(stored)
  }
  return [...next.values()]
}
