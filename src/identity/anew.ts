import {
  identifiersOf,
  type NewRecord,
  RAW_MAX,
  type RecordRef,
  reversioned,
  type Shown,
  type StoredRecord,
  type Word,
  wordOf,
  wordRef,
} from './evidence.js'
import { refText } from './neighbourhood.js'
import { idOf, type Rules } from './rules.js'

/** How many identifiers a word is about. */
const WORD_IDS: Readonly<Record<Word, number>> = { deny: 2, merge: 2, block: 1, pin: 1 }

/**
 * A record that was kept under some rules, as others see it: its raw texts are read again.
 *
 * Shape   a word by hand is named by its identifiers, and so may move. One that lost an identifier stays where it is and
 *         says nothing, until rules take it again.
 * Laws    anew(B, storedRecord(A, x)) equals storedRecord(B, x), but for texts of more than 1,024 characters that A could
 *         not use: only their beginning is known, so that they stay unusable.
 */
export function anew(rules: Rules, ref: RecordRef, kept: StoredRecord): NewRecord {
  const { at, ids, unusable, ...said } = kept
  const shown = [
    ...ids.flatMap(([namespace, value, ...raws]) =>
      (raws.length === 0 ? [value] : raws).map((raw): Shown => ({ namespace, value: raw })),
    ),
    ...(unusable ?? []).map(([namespace, raw, problem]): Shown => {
      const cut = raw.length > RAW_MAX ? 'invalid' : undefined
      return { namespace, value: raw, broken: problem === 'not text' || problem === 'forgotten' ? problem : cut }
    }),
  ]
  const record = { at, ...identifiersOf(rules, shown), ...said }
  const named = record.ids.map(([namespace, value]) => idOf(namespace, value))
  const word = wordOf(ref)
  const moves = word !== undefined && named.length === WORD_IDS[word]
  if (ref.length === 3) return { ref: reversioned(ref, record), versions: [record] }
  return { ref: moves ? wordRef(word, named) : ref, versions: [record] }
}

/** Records that have come to stand under one ref are versions of one. */
export function oneForEach(records: readonly NewRecord[]): readonly NewRecord[] {
  const found = new Map<string, NewRecord>()
  for (const { ref, versions } of records) {
    const known = found.get(refText(ref))
    found.set(refText(ref), { ref, versions: [...(known?.versions ?? []), ...versions] })
  }
  return [...found.values()]
}
