import { hubOf, OwnerCount, ownerOf, type RecordRef, type StoredRecord, wordOf } from './evidence.js'
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
  /** Every record that holds one of them, as it will be. */
  readonly records: ReadonlyMap<string, { readonly ref: RecordRef; readonly record: StoredRecord }>
}

export const refText = (ref: RecordRef): string => ref.join('\u0001')
export const idsOf = (record: StoredRecord | undefined): readonly string[] =>
  record?.ids.map(([namespace, value]) => idOf(namespace, value)) ?? []

const NOTHING: ReadonlySet<string> = new Set()

/** Scans that run at once. */
const SCANS_MAX = 64

/**
 * Gathers the neighbourhood of a change: from the identifiers of the changed records, before and after, over all records
 * of each to their identifiers, until nothing new is met. An identifier that is quarantined before and after is not
 * walked over: else one junk phone would drag all its holders in. One that changes state is, since that joins or parts
 * clusters which no changed record names.
 *
 * Cost    one scan per known identifier that is met; of a value that stays quarantined only until its limit is passed.
 */
export async function gather(
  rules: Rules,
  rows: Rows,
  changes: readonly RecordChange[],
  {
    seeds = [],
    without = NOTHING,
  }: { seeds?: readonly string[] | undefined; without?: ReadonlySet<string> | undefined } = {},
): Promise<Neighbourhood> {
  const walk = new Walk(rules, rows, changes, without)
  const held = changes.flatMap(({ before, after }) => [...idsOf(before), ...idsOf(after)])
  const changed = held.filter((id) => !without.has(id))
  let frontier = await walk.meet([...changed, ...seeds], true)
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
  readonly #holders = new Map<string, RecordRef[]>()
  readonly #changes: ReadonlyMap<string, RecordChange>
  /** The changed records that hold an identifier: only these are owners that the store does not know of. */
  readonly #changedBy = new Map<string, RecordChange[]>()
  readonly #rules: Rules
  readonly #rows: Rows

  constructor(rules: Rules, rows: Rows, changes: readonly RecordChange[], erased: ReadonlySet<string>) {
    this.erased = erased
    this.#rules = rules
    this.#rows = rows
    this.#changes = new Map(changes.map((change) => [refText(change.ref), change]))
    for (const change of changes) {
      if (change.after !== undefined) this.records.set(refText(change.ref), { ref: change.ref, record: change.after })
      for (const id of new Set([...idsOf(change.before), ...idsOf(change.after)])) {
        const list = this.#changedBy.get(id)
        if (list === undefined) this.#changedBy.set(id, [change])
        else list.push(change)
      }
    }
  }

  /** Takes in identifiers that were not met before; returns those to walk over. */
  async meet(candidates: Iterable<string>, touched: boolean): Promise<readonly string[]> {
    const fresh = [...new Set(candidates)].filter((id) => !this.ids.has(id) && !this.quarantined.has(id))
    const homes = await this.#rows.places(fresh)
    const reasons = await this.#rows.quarantines(touched ? fresh.filter((id) => homes.get(id) === null) : [])
    const walked: string[] = []
    await inParallel(fresh, async (id) => {
      const home = homes.get(id)
      if (this.erased.has(id)) return this.#leave(id, home, walked)
      // Only a changed record can block a value, or change an owner count.
      const blocked = touched && this.#isBlocked(id, reasons.get(id) === BLOCKED)
      if (blocked) this.blocked.add(id)
      if (blocked || (!touched && home === null) || (touched && (await this.#passesHub(id, home)))) {
        this.quarantined.add(id)
        if (home === null) {
          if (touched && blocked !== (reasons.get(id) === BLOCKED)) this.restated.add(id)
          return
        }
      }
      if (home !== undefined && !this.#holders.has(id)) await this.#scan(id)
      this.ids.set(id, home)
      walked.push(id)
    })
    return walked
  }

  /** An erased one: only those whom it was linked to are of interest, and whom a shared value was beside is not. */
  async #leave(id: string, home: string | null | undefined, walked: string[]): Promise<void> {
    this.ids.set(id, home)
    if (home === undefined || home === null) return
    await this.#scan(id)
    walked.push(id)
  }

  /** Loads the records of these identifiers; returns the identifiers in them. */
  async recordsOf(ids: readonly string[]): Promise<Iterable<string>> {
    const wanted = new Map<string, RecordRef>()
    for (const id of ids) {
      for (const ref of this.#holders.get(id) ?? []) {
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
    const word = this.#changedBy.get(id)?.find(({ ref }) => wordOf(ref) === 'block')
    return word === undefined ? before : word.after !== undefined
  }

  async #passesHub(id: string, home: string | null | undefined): Promise<boolean> {
    const limit = hubOf(this.#rules, id)
    if (limit === false) return false
    const owners = new OwnerCount()
    for (const { ref, after } of this.#changedBy.get(id) ?? []) {
      if (wordOf(ref) === undefined && after !== undefined && idsOf(after).includes(id))
        owners.add(ownerOf(after, id), ref)
    }
    if (home === undefined) return owners.most > limit
    await this.#scan(id, (owner, ref) => {
      if (wordOf(ref) === undefined) owners.add(owner, ref)
      return home === null && owners.most > limit
    })
    return owners.most > limit
  }

  /** All holders that the store knows and no change speaks of, until `enough` says so. */
  async #scan(id: string, enough?: (owner: string, ref: RecordRef) => boolean): Promise<void> {
    const refs: RecordRef[] = []
    this.#holders.set(id, refs)
    for await (const page of this.#rows.holders(id)) {
      for (const { ref, owner } of page) {
        if (this.#changes.has(refText(ref))) continue
        refs.push(ref)
        if (enough?.(owner === 0 ? '' : owner, ref)) return
      }
    }
  }
}

/** At most 64 at once. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += SCANS_MAX) {
    await Promise.all(items.slice(from, from + SCANS_MAX).map(work))
  }
}
