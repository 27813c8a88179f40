import type { Identifier } from '../model/identifier.js'
import { type RecordRef, type StoredRecord, wordOf, wordRef } from './evidence.js'
import { idsOf, type Neighbourhood } from './neighbourhood.js'
import { invalidOption } from './place.js'
import { idOf, type Rules } from './rules.js'

/** The record by which an address is pinned, or the pin taken back. Throws OPTION_INVALID */
export function pinRecord(
  rules: Rules,
  target: string,
  { namespace, value: raw }: Identifier,
  isPinned: boolean,
): { readonly ref: RecordRef; readonly versions: readonly StoredRecord[] } {
  if (namespace !== target) throw invalidOption('pin', 'names no address: it is not of the target namespace')
  const reading = rules.read(namespace, raw)
  if ('problem' in reading) {
    throw invalidOption('pin', `names an identifier that joins nobody: ${reading.problem}`)
  }
  const { value } = reading
  return {
    ref: wordRef('pin', [idOf(namespace, value)]),
    versions: isPinned ? [{ at: null, ids: [[namespace, value]] }] : [],
  }
}

/** Ids of the identifiers that are pinned, of those around. */
export function pinsIn({ records }: Neighbourhood): ReadonlySet<string> {
  const pins = new Set<string>()
  for (const { ref, record } of records.values())
    if (wordOf(ref) === 'pin') for (const id of idsOf(record)) pins.add(id)
  return pins
}
