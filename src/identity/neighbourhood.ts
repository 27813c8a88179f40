import { hubOf, isDenial, OwnerCount, ownerOf, type RecordRef, type StoredRecord } from './evidence.js'
import type { Rows } from './rows.js'
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
  /** Every record that holds one of them, as it will be. */
  readonly records: ReadonlyMap<string, { readonly ref: RecordRef; readonly record: StoredRecord }>
}

export const refText = (ref: RecordRef): string => ref.join('\u0001')
export const idsOf = (record: StoredRecord | undefined): readonly string[] =>
  record?.ids.map(([namespace, value]) => idOf(namespace, value)) ?? []

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
  seeds: readonly string[] = [],
): Promise<Neighbourhood> {
  const walk = new Walk(rules, rows, changes)
  const changed = changes.flatMap(({ before, after }) => [...idsOf(before), ...idsOf(after)])
  let frontier = await walk.meet([...changed, ...seeds], true)
  while (frontier.length > 0) frontier = await walk.meet(await walk.recordsOf(frontier), false)
  return walk
}

class Walk implements Neighbourhood {
  readonly ids = new Map<string, string | null | undefined>()
  readonly quarantined = new Set<string>()
  readonly records = new Map<string, { ref: RecordRef; record: StoredRecord }>()
  readonly #holders = new Map<string, RecordRef[]>()
  readonly #changes: ReadonlyMap<string, RecordChange>
  /** The changed records that hold an identifier: only these are owners that the store does not know of. */
  readonly #changedBy = new Map<string, RecordChange[]>()
  readonly #rules: Rules
  readonly #rows: Rows

  constructor(rules: Rules, rows: Rows, changes: readonly RecordChange[]) {
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
    const walked: string[] = []
    await inParallel(fresh, async (id) => {
      const home = homes.get(id)
      // Only a changed record can change an owner count.
      const hub = touched && (await this.#passesHub(id, home))
      if (hub || (!touched && home === null)) this.quarantined.add(id)
      else if (home !== undefined && !this.#holders.has(id)) await this.#scan(id)
      if (home === null && this.quarantined.has(id)) return
      this.ids.set(id, home)
      walked.push(id)
    })
    return walked
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
    for (const [text, record] of loaded) this.records.set(text, { ref: wanted.get(text) as RecordRef, record })
    return [...loaded.values()].flatMap(idsOf)
  }

  async #passesHub(id: string, home: string | null | undefined): Promise<boolean> {
    const limit = hubOf(this.#rules, id)
    if (limit === false) return false
    const owners = new OwnerCount()
    for (const { ref, after } of this.#changedBy.get(id) ?? []) {
      if (!isDenial(ref) && after !== undefined && idsOf(after).includes(id)) owners.add(ownerOf(after, id), ref)
    }
    if (home === undefined) return owners.most > limit
    await this.#scan(id, (owner, ref) => {
      if (!isDenial(ref)) owners.add(owner, ref)
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
