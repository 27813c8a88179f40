import { hash } from 'node:crypto'
import { compareBytes } from '../model/byte-order.js'
import type { Evidence } from '../model/identifier.js'
import { keyPart } from '../stores/store.js'
import { isRoleMailbox } from './normalise.js'
import { microsecondsOf } from './order.js'
import { idOf, type Namespace, type Problem, partsOf, type Rules } from './rules.js'

/** One record can join at most so many identifiers; weaker ones beyond it are kept and join nobody. */
export const RECORD_IDENTIFIERS_MAX = 100

/** A role mailbox (info@, sales@) joins nobody from this many owners on. */
const ROLE_HUB = 3

/**
 * A record as it is kept. `ids` are normalised, strongest first, without repeats; the third part is the raw text where
 * it differed. `unusable` keeps what joins nobody, with the reason.
 */
export type StoredRecord = {
  readonly at: number | null
  readonly ids: readonly (readonly [namespace: string, value: string, raw?: string])[]
  readonly unusable?: readonly (readonly [
    namespace: string,
    raw: string,
    problem: Problem | 'too many' | 'inactive' | 'forgotten',
  ])[]
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
  /** As they arrived; none: the record is to be taken out. */
  readonly versions: readonly StoredRecord[]
}

/** Names a record: both parts fit into a key of a store. */
export type RecordRef = readonly [source: string, key: string]

export const recordRef = (source: string, key: string): RecordRef => [sourcePart(source), keyPart(key)]

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
  [...refs].sort((a, b) => compareBytes(a[0], b[0]) || compareBytes(a[1], b[1])).slice(0, max)

/** A source's name in a {@link RecordRef}. What begins like a name of ours is named by its digest. */
export const sourcePart = (source: string): string =>
  source[0] === '!' ? keyPart(`${source}${'\u0000'}`) : keyPart(source)

/** A record under the rules. Pure: the same record and rules give the same text. */
export function storedRecord(rules: Rules, record: Evidence): StoredRecord {
  const usable = new Map<string, { order: number; ids: readonly [string, string, string?] }>()
  const unusable: [string, string, Problem | 'too many'][] = []
  for (const { namespace, value: raw } of record.ids) {
    const reading = rules.read(namespace, raw)
    if ('problem' in reading) {
      if (reading.problem !== 'blank') unusable.push([namespace.slice(0, 64), shortened(raw), reading.problem])
      continue
    }
    const { value } = reading
    const id = idOf(namespace, value)
    const { order } = rules.namespaces.get(namespace) as Namespace
    if (!usable.has(id)) usable.set(id, { order, ids: raw === value ? [namespace, value] : [namespace, value, raw] })
  }
  const sorted = [...usable.values()].sort((a, b) => a.order - b.order || compareBytes(a.ids[1], b.ids[1]))
  for (const { ids } of sorted.slice(RECORD_IDENTIFIERS_MAX)) unusable.push([ids[0], shortened(ids[1]), 'too many'])
  const ids = sorted.slice(0, RECORD_IDENTIFIERS_MAX).map((entry) => entry.ids)
  const at = microsecondsOf(record.observedAt)
  return unusable.length === 0 ? { at, ids } : { at, ids, unusable }
}

/** Raw text is bounded, and of what is no text only the kind is kept. */
const shortened = (raw: unknown): string => (typeof raw === 'string' ? raw.slice(0, 1_024) : typeof raw)

/** True if `next` takes the place of `kept`: not where both know their time and it is the older one (a replay). */
export function replaces(next: StoredRecord, kept: StoredRecord | undefined): boolean {
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
