import { hash } from 'node:crypto'
import { compareBytes } from '../model/byte-order.js'
import type { Evidence } from '../model/identifier.js'
import { keyPart } from '../stores/store.js'
import { isRoleMailbox } from './normalise.js'
import { insert, microsecondsOf } from './order.js'
import { idOf, type Namespace, type Problem, partsOf, type Reading, type Rules } from './rules.js'

/** One record can join at most so many identifiers; weaker ones beyond it are kept and join nobody. */
export const RECORD_IDENTIFIERS_MAX = 100

/** A role mailbox (info@, sales@) joins nobody from this many owners on. */
const ROLE_HUB = 3

/** What joins nobody, and why. */
export type Unusable = readonly [
  namespace: string,
  raw: string,
  problem: Problem | 'too many' | 'inactive' | 'forgotten',
]

/**
 * A record as it is kept. `ids` are normalised, strongest first, without repeats; then come the raw texts where there was
 * another than the value. `unusable` keeps what joins nobody, with the reason. From both the record can be read anew under
 * other rules.
 */
export type StoredRecord = {
  /** When it was last seen, in microseconds; null: nobody knows, which is the oldest. */
  readonly at: number | null
  /** Of a version that was seen more than once: when it was first seen. */
  readonly first?: number | null
  readonly ids: readonly (readonly [namespace: string, value: string, ...raws: string[]])[]
  readonly unusable?: readonly Unusable[]
  /** Says that its two identifiers are two people. Such a record links nothing and owns nothing. */
  readonly apart?: true
  /** Says that its two identifiers are one person, before all records. Such a record owns nothing and has no time. */
  readonly together?: true
  /** Says that its identifier joins nobody. Such a record links nothing and owns nothing. */
  readonly blocked?: true
}

/** A record that is to be taken in, or out. */
export interface NewRecord {
  readonly ref: RecordRef
  /** As they arrived; none: what stands under the source and the key is to be taken out, all versions of it. */
  readonly versions: readonly StoredRecord[]
}

/**
 * Names a record: all parts fit into a key of a store. What is kept with its history has one record for each distinct set
 * of identifiers, told apart by a digest of them; both kinds of one (source, key) may stand beside each other.
 */
export type RecordRef = readonly [source: string, key: string] | readonly [source: string, key: string, version: string]

export const recordRef = (source: string, key: string): RecordRef => [sourcePart(source), keyPart(key)]

/** The version of (source, key) with the identifiers of this record. Laws    equal sets of identifiers, equal refs. */
export const versionRef = (source: string, key: string, record: StoredRecord): RecordRef =>
  reversioned([sourcePart(source), keyPart(key)], record)

/** The version of a record that these identifiers are. */
export function reversioned([source, key]: RecordRef, { ids }: StoredRecord): RecordRef {
  const shown = JSON.stringify(ids.map(([namespace, value]) => [namespace, value]))
  return [source, key, hash('sha256', shown).slice(0, 32)]
}

/** What a human may say about identifiers. */
export type Word = 'deny' | 'merge' | 'block' | 'pin'

/** The sources of what was said by hand: no host's source is kept under a name like these. */
const WORDS: ReadonlyMap<string, Word> = new Map([
  ['!deny', 'deny'],
  ['!merge', 'merge'],
  ['!block', 'block'],
  ['!pin', 'pin'],
])

/** The record of a word about some identifiers: the same whichever is named first. */
export const wordRef = (word: Word, ids: readonly string[]): RecordRef => [
  `!${word}`,
  hash('sha256', JSON.stringify([...ids].sort(compareBytes))),
]

/** The word that a record is, or `undefined` for one that a host showed. */
export const wordOf = ([source]: RecordRef): Word | undefined => WORDS.get(source)

/** How many records of a link or a conflict are named; all are counted. */
export const LINK_RECORDS_MAX = 20

/** The records that are named where not all can be: words by hand first, since their names come first. */
export const firstRefs = (refs: readonly RecordRef[], max: number): readonly RecordRef[] =>
  [...refs]
    .sort((a, b) => compareBytes(a[0], b[0]) || compareBytes(a[1], b[1]) || compareBytes(a[2] ?? '', b[2] ?? ''))
    .slice(0, max)

/** A source's name in a {@link RecordRef}. What begins like a name of ours is named by its digest. */
export const sourcePart = (source: string): string =>
  source[0] === '!' ? keyPart(`${source}${'\u0000'}`) : keyPart(source)

/** One identifier as it was shown, or as it was kept. */
export interface Shown {
  readonly namespace: string
  readonly value: unknown
  /** Known to join nobody whatever the rules say, since only a beginning of it, or its kind, was kept. */
  readonly broken?: Problem | 'forgotten' | undefined
}

/** A record under the rules. Pure: the same record and rules give the same text. */
export function storedRecord(rules: Rules, record: Evidence): StoredRecord {
  const at = microsecondsOf(record.observedAt)
  const ids = plainIdentifiers(rules, record.ids)
  return ids === undefined ? { at, ...sortedIdentifiers(rules, record.ids) } : { at, ids }
}

/**
 * What of the identifiers of one record may join somebody, and what not.
 *
 * Laws    the order and the repeats of `shown` make no difference.
 */
export function identifiersOf(rules: Rules, shown: readonly Shown[]): Pick<StoredRecord, 'ids' | 'unusable'> {
  const ids = plainIdentifiers(rules, shown)
  return ids === undefined ? sortedIdentifiers(rules, shown) : { ids }
}

/** The same of what most records are: a few identifiers, all of them usable, of one namespace each. */
function plainIdentifiers(rules: Rules, shown: readonly Shown[]): StoredRecord['ids'] | undefined {
  if (shown.length > RECORD_IDENTIFIERS_MAX) return undefined
  const ids: StoredRecord['ids'][number][] = []
  const orders: number[] = []
  for (const { namespace, value: raw, broken } of shown) {
    const reading = read(rules, namespace, raw, broken)
    if ('problem' in reading) return undefined
    const { order } = rules.namespaces.get(namespace) as Namespace
    let at = orders.length
    while (at > 0 && (orders[at - 1] as number) >= order) at -= 1
    if (orders[at] === order) return undefined
    const { value } = reading
    insert(orders, at, order)
    insert(ids, at, value === raw ? [namespace, value] : [namespace, value, raw as string])
  }
  return ids
}

function sortedIdentifiers(rules: Rules, shown: readonly Shown[]): Pick<StoredRecord, 'ids' | 'unusable'> {
  const usable = new Map<string, { order: number; namespace: string; value: string; raws: Set<string> }>()
  const unusable = new Map<string, Unusable>()
  const leaveOut = (namespace: string, raw: unknown, problem: Unusable[2]): void => {
    const row = [namespace.slice(0, NAME_CUT), shortened(raw), problem] as const
    unusable.set(JSON.stringify(row), row)
  }
  for (const { namespace, value: raw, broken } of shown) {
    const reading = read(rules, namespace, raw, broken)
    if ('problem' in reading) {
      if (reading.problem !== 'blank') leaveOut(namespace, raw, reading.problem)
      continue
    }
    const { value } = reading
    const id = idOf(namespace, value)
    const { order } = rules.namespaces.get(namespace) as Namespace
    const known = usable.get(id) ?? { order, namespace, value, raws: new Set() }
    usable.set(id, known)
    known.raws.add(raw as string)
  }
  const sorted = [...usable.values()].sort((a, b) => a.order - b.order || compareBytes(a.value, b.value))
  for (const { namespace, raws } of sorted.slice(RECORD_IDENTIFIERS_MAX)) {
    for (const raw of raws) leaveOut(namespace, raw, 'too many')
  }
  const ids = sorted.slice(0, RECORD_IDENTIFIERS_MAX).map(({ namespace, value, raws }) => {
    const others = raws.size === 1 && raws.has(value) ? [] : [...raws].sort(compareBytes)
    return [namespace, value, ...others] as const
  })
  if (unusable.size === 0) return { ids }
  const left = [...unusable].sort(([a], [b]) => compareBytes(a, b)).map(([, row]) => row)
  return { ids, unusable: left }
}

/** What is no text is none under any rules: of it only the kind is kept, and that must not become somebody's name. */
function read(
  rules: Rules,
  namespace: string,
  raw: unknown,
  broken: Shown['broken'],
): Reading | { readonly problem: 'forgotten' } {
  if (broken === 'forgotten') return { problem: broken }
  if (broken === 'not text' || typeof raw !== 'string') return { problem: 'not text' }
  const reading = rules.read(namespace, raw)
  return broken !== undefined && 'value' in reading ? { problem: broken } : reading
}

/** Raw text that joins nobody is kept up to so many characters, and one more where it was longer. */
export const RAW_MAX = 1_024
/** No namespace that is declared has a name of so many characters. */
const NAME_CUT = 65

/** Of what is no text only the kind is kept. */
const shortened = (raw: unknown): string => (typeof raw === 'string' ? raw.slice(0, RAW_MAX + 1) : typeof raw)

/**
 * What stands under a ref once `next` arrived: of a version, which only ever has the same identifiers, the times are
 * joined; else one of the two.
 */
export function combined(ref: RecordRef, kept: StoredRecord | undefined, next: StoredRecord): StoredRecord {
  const isNewer = replaces(next, kept)
  if (ref.length < 3 || kept === undefined) return isNewer || kept === undefined ? next : kept
  const order = ({ at }: StoredRecord) => at ?? Number.NEGATIVE_INFINITY
  const at = order(next) > order(kept) ? next.at : kept.at
  const [one, other] = [kept, next].map(({ at: last, first = last }) => first)
  const first = one === null || other === null ? null : Math.min(one as number, other as number)
  const { first: _, ...said } = isNewer ? next : kept
  return { ...said, at, ...(first === at ? {} : { first }) }
}

/** True if `next` takes the place of `kept`: not where both know their time and it is the older one (a replay). */
function replaces(next: StoredRecord, kept: StoredRecord | undefined): boolean {
  return kept === undefined || next.at === null || kept.at === null || next.at >= kept.at
}

/**
 * Who stands behind a value in one record: the record's strongest identifier, or `''`, the record itself, where that is
 * the value. Before any quarantine, so that it depends on the record alone.
 */
export function ownerOf(record: StoredRecord, id: string): string {
  const [strongest] = record.ids
  const owner = strongest === undefined ? '' : idOf(strongest[0], strongest[1])
  return owner === id ? '' : owner
}

/** How many owners a value may have, or `false` where there is no bound. */
export function hubOf(rules: Rules, id: string): number | false {
  const [name, value] = partsOf(id)
  const rule = rules.namespaces.get(name)
  if (rule === undefined || rule.hub === false) return false
  return rule.normalise === 'email' && isRoleMailbox(value) ? Math.min(ROLE_HUB, rule.hub) : rule.hub
}

/**
 * Counts owners of one value until they are more than its hub limit.
 * Per namespace, since a person who is known by a customer_id here and by a userId there would count double.
 */
export class OwnerCount {
  readonly #owners = new Map<string, Set<string>>()
  #most = 0

  /** `ref` names the record and stands in where it is its own owner. */
  add(owner: string, [source, key]: RecordRef): void {
    const namespace = owner === '' ? '' : partsOf(owner)[0]
    const owners = this.#owners.get(namespace) ?? new Set()
    this.#owners.set(namespace, owners)
    owners.add(owner === '' ? idOf(source, key) : owner)
    this.#most = Math.max(this.#most, owners.size)
  }

  get most(): number {
    return this.#most
  }
}
