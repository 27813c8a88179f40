import type { Op } from '../stores/store.js'
import { hubOf, ownerOf, type RecordRef, type StoredRecord, wordOf } from './evidence.js'
import { HOLDERS_INLINE, type Holder, inOrder, type Place, placeRow } from './holders.js'
import { idsOf, type Neighbourhood, type RecordChange } from './neighbourhood.js'
import { BLOCKED, DENIED_ONLY, type Rows } from './rows.js'
import { idOf, type Rules } from './rules.js'

/**
 * Where each identifier leads now, which records hold it, and which joined or left the quarantine.
 *
 * Laws    whether the holders stand in the identifier's row or in rows of their own depends on their number alone, but for
 *         what was written before layout 2 and was not changed since.
 */
export function placeOps(
  rules: Rules,
  rows: Rows,
  around: Neighbourhood,
  homes: ReadonlyMap<string, string>,
): readonly Op[] {
  const ops: Op[] = []
  const placing = new Placing(rules, rows, around, ops)
  const byHand = new Set(
    [...around.records.values()].flatMap(({ ref, record }) => (wordOf(ref) === undefined ? [] : idsOf(record))),
  )
  const quarantine = (id: string): void => {
    const value = around.blocked.has(id) ? BLOCKED : (hubOf(rules, id) as number)
    ops.push({ op: 'put', table: 'quarantine', key: rows.idKey(id), value })
  }
  for (const [id, before] of around.ids) {
    const after = around.quarantined.has(id) ? null : (homes.get(id) ?? (byHand.has(id) ? DENIED_ONLY : undefined))
    if (after === undefined) placing.remove(id)
    else placing.put(id, after)
    if (before === null && after !== null) ops.push({ op: 'delete', table: 'quarantine', key: rows.idKey(id) })
    if (before !== null && after === null) quarantine(id)
  }
  for (const id of around.touched.keys()) {
    if (around.erased.has(id)) placing.forgetHolders(id)
    else if (!around.ids.has(id)) placing.put(id, null) // stays in the quarantine
  }
  for (const id of around.restated) quarantine(id)
  return ops
}

class Placing {
  readonly #rules: Rules
  readonly #rows: Rows
  readonly #around: Neighbourhood
  readonly #ops: Op[]

  constructor(rules: Rules, rows: Rows, around: Neighbourhood, ops: Op[]) {
    this.#rules = rules
    this.#rows = rows
    this.#around = around
    this.#ops = ops
  }

  put(id: string, home: string | null): void {
    const place = this.#around.places.get(id)
    const changes = this.#around.touched.get(id) ?? []
    if (changes.length === 0 && place?.home === home) return
    const { others, whole } = this.#around.othersOf(id)
    const next = changes.flatMap((change) => this.#holder(id, change.ref, change.after) ?? [])
    const isFew = whole && others.length + next.length <= HOLDERS_INLINE
    const isScattered = place !== undefined && place.holders === undefined
    if (isFew) {
      const holders = inOrder([...others, ...next])
      if (!(place?.home === home && same(place.holders, holders))) this.#putRow(id, { home, holders })
      if (isScattered) for (const { ref } of others) this.#deleteHolder(id, ref)
      if (isScattered) for (const { ref, before } of changes) if (holds(before, id)) this.#deleteHolder(id, ref)
      return
    }
    if (!isScattered || place.home !== home) this.#putRow(id, { home, holders: undefined })
    if (!isScattered) for (const holder of [...others, ...next]) this.#putHolder(id, holder)
    else for (const change of changes) this.#changeHolder(id, change)
  }

  /** Nothing shows it any more, or it is being forgotten: then its records are still to be found. */
  remove(id: string): void {
    const place = this.#around.places.get(id)
    if (place !== undefined) this.#ops.push({ op: 'delete', table: 'identifier', key: this.#rows.idKey(id) })
    if (this.#around.erased.has(id)) for (const holder of place?.holders ?? []) this.#putHolder(id, holder)
    else if (place?.holders === undefined) this.forgetHolders(id)
  }

  /** Of the changed records those that hold it no more. */
  forgetHolders(id: string): void {
    for (const { ref, before, after } of this.#around.touched.get(id) ?? []) {
      if (holds(before, id) && !holds(after, id)) this.#deleteHolder(id, ref)
    }
  }

  #changeHolder(id: string, { ref, before, after }: RecordChange): void {
    const [was, is] = [this.#holder(id, ref, before), this.#holder(id, ref, after)]
    if (is === undefined) this.#deleteHolder(id, ref)
    else if (was?.owner !== is.owner) this.#putHolder(id, is)
  }

  #holder(id: string, ref: RecordRef, record: StoredRecord | undefined): Holder | undefined {
    if (!holds(record, id)) return undefined
    return { ref, owner: hubOf(this.#rules, id) === false ? 0 : ownerOf(record as StoredRecord, id) }
  }

  #putRow(id: string, place: Place): void {
    this.#ops.push({ op: 'put', table: 'identifier', key: this.#rows.idKey(id), value: placeRow(place) })
  }

  #putHolder(id: string, { ref, owner }: Holder): void {
    this.#ops.push({ op: 'put', table: 'evidenceById', key: [...this.#rows.idKey(id), ...ref], value: owner })
  }

  #deleteHolder(id: string, ref: RecordRef): void {
    this.#ops.push({ op: 'delete', table: 'evidenceById', key: [...this.#rows.idKey(id), ...ref] })
  }
}

const holds = (record: StoredRecord | undefined, id: string): boolean =>
  record?.ids.some(([namespace, value]) => idOf(namespace, value) === id) === true

const same = (a: readonly Holder[] | undefined, b: readonly Holder[]): boolean =>
  a?.length === b.length &&
  b.every(({ ref, owner }, index) => {
    const other = a[index] as Holder
    return other.owner === owner && ref.length === other.ref.length && ref.every((part, at) => part === other.ref[at])
  })
