import { hash } from 'node:crypto'
import { oneForEach } from './anew.js'
import { type NewRecord, type RecordRef, reversioned, type StoredRecord, wordOf } from './evidence.js'
import { refText } from './neighbourhood.js'
import { invalidOption as invalid } from './place.js'
import type { MetaRow, Rows } from './rows.js'
import { idOf, partsOf, type Rules } from './rules.js'

/** What is left of a forgotten identifier. The salt is the graph's own, so that no list of addresses can be tried on it from outside. */
export const tombstoneOf = (salt: string, id: string): string => hash('sha256', `${salt}\u0001${id}`)

const NONE: ReadonlySet<string> = new Set()

/** Which of these identifiers were forgotten. Cost    one read for all; none in a graph where nobody was. */
export async function forgottenOf(
  rows: Rows,
  meta: MetaRow | undefined,
  ids: Iterable<string>,
): Promise<ReadonlySet<string>> {
  const salt = meta?.forgets?.salt
  if (salt === undefined) return NONE
  const digests = new Map([...new Set(ids)].map((id) => [tombstoneOf(salt, id), id] as const))
  const found = await rows.tombstones([...digests.keys()])
  return new Set([...found.keys()].map((digest) => digests.get(digest) as string))
}

/** As {@link withoutTheForgotten}. Throws OPTION_INVALID for a word about somebody who was. */
export async function screened(
  rules: Rules,
  rows: Rows,
  meta: MetaRow | undefined,
  records: readonly NewRecord[],
): Promise<readonly NewRecord[]> {
  if (meta?.forgets === undefined) return records
  const left = await withoutTheForgotten(rules, rows, meta, records)
  const words = new Map(left.map((record) => [refText(record.ref), record.versions.length] as const))
  for (const { ref, versions } of records) {
    const word = wordOf(ref)
    if (word !== undefined && (words.get(refText(ref)) ?? 0) < versions.length) {
      throw invalid(word, 'names an identifier that was forgotten')
    }
  }
  return left
}

/** Records without what was forgotten; of a record whose key names somebody who was no version is left. */
export async function withoutTheForgotten(
  rules: Rules,
  rows: Rows,
  meta: MetaRow | undefined,
  records: readonly NewRecord[],
): Promise<readonly NewRecord[]> {
  if (meta?.forgets === undefined) return records
  const shown = records.flatMap(({ versions }) => versions.flatMap((version) => shownBy(rules, version)))
  const forgotten = await forgottenOf(rows, meta, shown)
  if (forgotten.size === 0) return records
  return oneForEach(
    records.flatMap(({ ref, versions }): readonly NewRecord[] => {
      // The name of a version is a digest of its identifiers: it gets that of what is left.
      const [source, key] = ref
      const named: RecordRef = ref.length === 3 ? [source, key] : ref
      const left = versions.flatMap((version) => withoutForgotten(rules, named, version, forgotten) ?? [])
      if (ref.length < 3) return [{ ref, versions: left }]
      return left.map((version) => ({ ref: reversioned(ref, version), versions: [version] }))
    }),
  )
}

/**
 * A record without some identifiers; nothing is left of a word about one of them, of a version that shows one, since its name
 * is a digest of what it showed, or of a record whose key names one.
 */
export function withoutForgotten(
  rules: Rules,
  ref: RecordRef,
  record: StoredRecord,
  forgotten: ReadonlySet<string>,
): StoredRecord | undefined {
  const gone = shownBy(rules, record).filter((id) => forgotten.has(id))
  if (gone.length === 0) return record
  const texts = new Set(gone.map((id) => partsOf(id)[1]))
  for (const [, value, ...raws] of record.ids) if (texts.has(value)) for (const raw of raws) texts.add(raw)
  if (
    wordOf(ref) !== undefined ||
    ref.length === 3 ||
    ref.slice(1).some((key) => [...texts].some((text) => names(key, text)))
  )
    return undefined
  const isGone = (namespace: string, value: string): boolean => forgotten.has(idOf(namespace, value))
  // What joins nobody may be the same person's, written wrongly: of it only the reason is kept.
  const unusable = (record.unusable ?? [])
    .filter((entry) => !forgotten.has(unindexedId(rules, entry) ?? ''))
    .map(([namespace, , problem]) => [namespace, '', problem] as const)
  const notes = gone.map((id) => [partsOf(id)[0], '', 'forgotten'] as const)
  return {
    at: record.at,
    ids: record.ids.filter(([namespace, value]) => !isGone(namespace, value)),
    unusable: [...unusable, ...notes],
  }
}

/** All that a record shows and that could be forgotten. */
function shownBy(rules: Rules, record: StoredRecord): readonly string[] {
  return [...record.ids.map(([namespace, value]) => idOf(namespace, value)), ...unindexedIn(rules, record)]
}

/** Identifiers of a record that no index leads to: what was too many for it, or has gone out of use. */
export const unindexedIn = (rules: Rules, { unusable = [] }: StoredRecord): readonly string[] =>
  unusable.flatMap((entry) => unindexedId(rules, entry) ?? [])

export const isUnindexed = (problem: string): boolean => problem === 'too many' || problem === 'inactive'

function unindexedId(rules: Rules, [namespace, raw, problem]: NonNullable<StoredRecord['unusable']>[number]) {
  const reading = isUnindexed(problem) ? rules.read(namespace, raw) : undefined
  return reading !== undefined && 'value' in reading ? idOf(namespace, reading.value) : undefined
}

/** True if a key of a record has this text in it, and not as a part of a longer number or word. */
function names(key: string, text: string): boolean {
  const [where, what] = [key.toLowerCase(), text.toLowerCase()]
  for (let at = where.indexOf(what); at !== -1; at = where.indexOf(what, at + 1)) {
    const end = at + what.length
    if (!goOn(where[at - 1], what[0]) && !goOn(what.at(-1), where[end])) return true
  }
  return false
}

const goOn = (left = '', right = ''): boolean =>
  (/\d/.test(left) && /\d/.test(right)) || (/\p{L}/u.test(left) && /\p{L}/u.test(right))
