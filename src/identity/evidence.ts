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
  /** When it was last seen, in microseconds; null: nobody knows, which is the oldest. */
  readonly at: number | null
  /** Of a version that was seen more than once: when it was first seen. */
  readonly first?: number | null
  readonly ids: readonly (readonly [namespace: string, value: string, raw?: string])[]
  readonly unusable?: readonly (readonly [namespace: string, raw: string, problem: Problem | 'too many'])[]
  /** Says that its two identifiers are two people. Such a record links nothing and owns nothing. */
  readonly apart?: true
}

/**
 * Names a record: all parts fit into a key of a store. What is kept with its history has one record for each distinct set
 * of identifiers, told apart by a digest of them; both kinds of one (source, key) may stand beside each other.
 */
export type RecordRef = readonly [source: string, key: string] | readonly [source: string, key: string, version: string]

export const recordRef = (source: string, key: string): RecordRef => [sourcePart(source), keyPart(key)]

/** The version of (source, key) with the identifiers of this record. Laws    equal sets of identifiers, equal refs. */
export function versionRef(source: string, key: string, { ids }: StoredRecord): RecordRef {
  const shown = JSON.stringify(ids.map(([namespace, value]) => [namespace, value]))
  return [sourcePart(source), keyPart(key), hash('sha256', shown).slice(0, 32)]
}

/** The source of denials: no host's source is kept under a name like it. */
const DENIALS = '!deny'

/** The denial of a pair: the same record whichever is named first. */
export const denialRef = (a: string, b: string): RecordRef => [
  DENIALS,
  hash('sha256', JSON.stringify([a, b].sort(compareBytes))),
]

export const isDenial = ([source]: RecordRef): boolean => source === DENIALS

/** What begins like a name of ours is named by its digest. */
const sourcePart = (source: string): string => (source[0] === '!' ? keyPart(`${source}${'\u0000'}`) : keyPart(source))

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
