import { hubOf, OwnerCount, ownerOf, type RecordRef, type StoredRecord, wordOf } from './evidence.js'
import { HOLDERS_INLINE, type Holder, type Place } from './holders.js'
import { BLOCKED, type Rows } from './rows.js'
import { idOf, type Rules } from './rules.js'

/** What happens to a record: as it was kept, and as it will be kept. */
export interface RecordChange {
  readonly ref: RecordRef
  readonly before: StoredRecord | undefined
  readonly after: StoredRecord | undefined
}

/** All that a change of some records can touch, and nothing else: what lies outside comes out of solving unchanged. */
export interface Neighbourhood {
  /** Identifiers to place anew, with the profile they had; null: were quarantined, undefined: not known. */
  readonly ids: ReadonlyMap<string, string | null | undefined>
  /** Those of them that join nobody from now on, and others that were met on the way. */
  readonly quarantined: ReadonlySet<string>
  /** Of the quarantined those whom the change touches and a human has blocked. */
  readonly blocked: ReadonlySet<string>
  /** What stays quarantined, for another reason than before. */
  readonly restated: ReadonlySet<string>
  /** Identifiers that count as not there. */
  readonly erased: ReadonlySet<string>
  /** Where those of all these stood that were known. */
  readonly places: ReadonlyMap<string, Place>
  /** The changed records that hold an identifier, before or after. */
  readonly touched: ReadonlyMap<string, readonly RecordChange[]>
  /** The records that held an identifier and of which no change speaks; `whole`: these are all. */
  othersOf(id: string): { readonly others: readonly Holder[]; readonly whole: boolean }
  /** Every record that holds one of them, as it will be. */
  readonly records: ReadonlyMap<string, { readonly ref: RecordRef; readonly record: StoredRecord }>
}

export const refText = (ref: RecordRef): string => ref.join('\u0001')
export const idsOf = (record: StoredRecord | undefined): readonly string[] =>
  record?.ids.map(([namespace, value]) => idOf(namespace, value)) ?? []

const NOTHING: ReadonlySet<string> = new Set()
const NONE: readonly Holder[] = []

/** Scans that run at once. */
const SCANS_MAX = 64

/** What a neighbourhood is gathered from besides changes. */
export interface Gathering {
  readonly seeds?: readonly string[] | undefined
  readonly without?: ReadonlySet<string> | undefined
  /** Where the identifiers of the changes stand, if that was read already. */
  readonly places?: ReadonlyMap<string, Place> | undefined
}

/**
 * Gathers the neighbourhood of a change: from the identifiers of the changed records, before and after, over all records
 * of each to their identifiers, until nothing new is met. An identifier that is quarantined before and after is not
 * walked over: else one junk phone would drag all its holders in. One that changes state is, since that joins or parts
 * clusters which no changed record names.
 *
 * Cost    one scan per known identifier with many records that is met; of a value that stays quarantined only until its
 *         limit is passed.
 */
export async function gather(
  rules: Rules,
  rows: Rows,
  changes: readonly RecordChange[],
  { seeds = [], without = NOTHING, places }: Gathering = {},
): Promise<Neighbourhood> {
  const walk = new Walk(rules, rows, changes, without)
  const held = changes.flatMap(({ before, after }) => [...idsOf(before), ...idsOf(after)])
  const changed = held.filter((id) => !without.has(id))
  let frontier = await walk.meet([...changed, ...seeds], true, places)
  while (frontier.length > 0) frontier = await walk.meet(await walk.recordsOf(frontier), false)
  return walk
}

class Walk implements Neighbourhood {
  readonly ids = new Map<string, string | null | undefined>()
  readonly quarantined = new Set<string>()
  readonly blocked = new Set<string>()
  readonly restated = new Set<string>()
  readonly records = new Map<string, { ref: RecordRef; record: StoredRecord }>()
  readonly erased: ReadonlySet<string>
  readonly places = new Map<string, Place>()
  /** Only the changed records are owners that the store does not know of. */
  readonly touched = new Map<string, RecordChange[]>()
  /** By identifier with a row for each of its holders: what was read of them. */
  readonly #scattered = new Map<string, { readonly others: Holder[]; whole: boolean }>()
  readonly #changes = new Set<string>()
  readonly #rules: Rules
  readonly #rows: Rows

  constructor(rules: Rules, rows: Rows, changes: readonly RecordChange[], erased: ReadonlySet<string>) {
    this.erased = erased
    this.#rules = rules
    this.#rows = rows
    for (const change of changes) {
      const { ref, before, after } = change
      const name = refText(ref)
      this.#changes.add(name)
      if (after !== undefined) this.records.set(name, { ref, record: after })
      const held = before === undefined ? idsOf(after) : new Set([...idsOf(before), ...idsOf(after)])
      for (const id of held) {
        const list = this.touched.get(id)
        if (list === undefined) this.touched.set(id, [change])
        else list.push(change)
      }
    }
  }

  othersOf(id: string): { readonly others: readonly Holder[]; readonly whole: boolean } {
    const place = this.places.get(id)
    if (place === undefined) return { others: NONE, whole: true }
    if (place.holders === undefined) return this.#scattered.get(id) ?? { others: NONE, whole: false }
    if (!this.touched.has(id)) return { others: place.holders, whole: true }
    return { others: place.holders.filter(({ ref }) => !this.#changes.has(refText(ref))), whole: true }
  }

  /** Takes in identifiers that were not met before; returns those to walk over. */
  async meet(
    candidates: Iterable<string>,
    touched: boolean,
    read?: ReadonlyMap<string, Place>,
  ): Promise<readonly string[]> {
    const fresh = [...new Set(candidates)].filter((id) => !this.ids.has(id) && !this.quarantined.has(id))
    const places = read ?? (await this.#rows.places(fresh))
    const [shared, scattered]: [string[], string[]] = [[], []]
    for (const id of fresh) {
      const place = places.get(id)
      if (place === undefined) continue
      this.places.set(id, place)
      if (touched && place.home === null) shared.push(id)
      if (place.holders === undefined) scattered.push(id)
    }
    const reasons = await this.#rows.quarantines(shared)
    const blocked = (id: string): boolean => touched && this.#isBlocked(id, reasons.get(id) === BLOCKED)
    await inParallel(scattered, (id) => this.#scan(id, touched, blocked(id)))
    const walked: string[] = []
    for (const id of fresh) {
      const home = places.get(id)?.home
      if (this.erased.has(id)) {
        // Only those whom it was linked to are of interest, and whom a shared value was beside is not.
        this.ids.set(id, home)
        if (home !== undefined && home !== null) walked.push(id)
        continue
      }
      // Only a changed record can block a value, or change an owner count.
      const isBlocked = blocked(id)
      if (isBlocked) this.blocked.add(id)
      if (isBlocked || (!touched && home === null) || (touched && this.#passesHub(id))) {
        this.quarantined.add(id)
        if (home === null) {
          if (touched && isBlocked !== (reasons.get(id) === BLOCKED)) this.restated.add(id)
          continue
        }
      }
      this.ids.set(id, home)
      walked.push(id)
    }
    return walked
  }

  /** Loads the records of these identifiers; returns the identifiers in them. */
  async recordsOf(ids: readonly string[]): Promise<Iterable<string>> {
    const wanted = new Map<string, RecordRef>()
    for (const id of ids) {
      for (const { ref } of this.othersOf(id).others) {
        const text = refText(ref)
        if (!this.records.has(text) && !this.#changes.has(text)) wanted.set(text, ref)
      }
    }
    const loaded = await this.#rows.records(wanted)
    for (const [text, whole] of loaded) {
      const ref = wanted.get(text) as RecordRef
      const record = this.#left(whole)
      // Nothing is left of a word about somebody who is erased.
      if (record === whole || wordOf(ref) === undefined) this.records.set(text, { ref, record })
    }
    return [...loaded.values()].flatMap(idsOf).filter((id) => !this.erased.has(id))
  }

  /** What of a record is there. */
  #left(record: StoredRecord): StoredRecord {
    if (this.erased.size === 0) return record
    const ids = record.ids.filter(([namespace, value]) => !this.erased.has(idOf(namespace, value)))
    return ids.length === record.ids.length ? record : { ...record, ids }
  }

  /** By hand, as the changed records leave it. */
  #isBlocked(id: string, before: boolean): boolean {
    const word = this.touched.get(id)?.find(({ ref }) => wordOf(ref) === 'block')
    return word === undefined ? before : word.after !== undefined
  }

  #passesHub(id: string): boolean {
    const limit = hubOf(this.#rules, id)
    if (limit === false) return false
    const { others } = this.othersOf(id)
    if ((this.touched.get(id)?.length ?? 0) + others.length <= limit) return false
    const owners = this.#owners(id)
    for (const { ref, owner } of others) if (wordOf(ref) === undefined) owners.add(owner === 0 ? '' : owner, ref)
    return owners.most > limit
  }

  /** Who owns an identifier in the changed records. */
  #owners(id: string): OwnerCount {
    const owners = new OwnerCount()
    for (const { ref, after } of this.touched.get(id) ?? []) {
      if (wordOf(ref) === undefined && after !== undefined && idsOf(after).includes(id)) {
        owners.add(ownerOf(after, id), ref)
      }
    }
    return owners
  }

  /**
   * Reads holders that have a row each: all of an identifier that may be walked over; of one that stays quarantined until
   * that is known, and none where only its home was asked for.
   */
  async #scan(id: string, touched: boolean, blocked: boolean): Promise<void> {
    const isShared = this.places.get(id)?.home === null
    if (isShared && (!touched || this.erased.has(id))) return
    const found = { others: [] as Holder[], whole: false }
    this.#scattered.set(id, found)
    const limit = blocked ? 0 : hubOf(this.#rules, id)
    const owners = this.#owners(id)
    for await (const page of this.#rows.scattered(id)) {
      for (const holder of page) {
        if (this.#changes.has(refText(holder.ref))) continue
        found.others.push(holder)
        if (!isShared || limit === false) continue
        if (wordOf(holder.ref) === undefined) owners.add(holder.owner === 0 ? '' : holder.owner, holder.ref)
        // So many that they do not fit into its own row, whatever is taken out.
        if ((blocked || owners.most > limit) && found.others.length > HOLDERS_INLINE) return
      }
    }
    found.whole = true
  }
}

/** At most 64 at once. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += SCANS_MAX) {
    await Promise.all(items.slice(from, from + SCANS_MAX).map(work))
  }
}
