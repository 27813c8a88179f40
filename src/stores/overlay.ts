import { LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import { checkText, jsonText } from './json-text.js'
import { type Bounds, boundsOf, checkCount, decodeKey, encodeKey, fromSortable, toSortable } from './key.js'
import { OrderedTable } from './ordered-table.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

/** What the layer holds under a key: JSON text, or `null` where the key was deleted. */
type Layer = OrderedTable<string | null>

/**
 * A store that reads through to `base` and keeps what is written to itself: what a dry run works on.
 *
 * Shape   whatever is committed here is seen here and never in `base`. Closing it leaves `base` open.
 * Cost    memory for what was written; a scan reads at most `limit` entries of `base` at a time.
 */
export function overlay(base: Store): Store {
  return new OverlayStore(base)
}

interface Merge {
  readonly bounds: Bounds
  /** Exclusive; may lie before the bounds. */
  readonly from: string
  /** Inclusive; `undefined` where the base has no more. */
  readonly until: string | undefined
  readonly found: Entry[]
  readonly limit: number
}

class OverlayStore implements Store {
  readonly supports = { durable: false, shared: false } as const
  readonly #base: Store
  readonly #layers = new Map<Table, Layer>()
  #closed = false

  constructor(base: Store) {
    this.#base = base
  }

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    this.#assertOpen()
    checkCount('keys', keys.length)
    const ids = keys.map((key) => toSortable(encodeKey(table, key)))
    const texts = ids.map((id) => this.#layers.get(table)?.get(id))
    const below = await this.#base.get(
      table,
      keys.filter((_, index) => texts[index] === undefined),
    )
    let next = 0
    return texts.map((text) => {
      if (text === undefined) return below[next++]
      return text === null ? undefined : (JSON.parse(text) as Json)
    })
  }

  async scan(table: Table, { prefix, after, limit }: Range): Promise<readonly Entry[]> {
    this.#assertOpen()
    checkCount('limit', limit)
    const bounds = boundsOf(table, prefix)
    const start = after === undefined ? '' : toSortable(encodeKey(table, after))
    const found: Entry[] = []
    let past = after
    // A page of the base may be all deleted here, so one is not always enough.
    for (;;) {
      const page = await this.#base.scan(table, { prefix, after: past, limit })
      const last = page.length < limit ? undefined : page.at(-1)?.key
      const from = past === undefined ? start : toSortable(encodeKey(table, past))
      this.#merge(table, page, { bounds, from, until: last && toSortable(encodeKey(table, last)), found, limit })
      if (last === undefined || found.length === limit) return found
      past = last
    }
  }

  /** Adds to `found`, in order, what base and layer together hold after `from` and up to `until`. */
  #merge(table: Table, page: readonly Entry[], { bounds, from, until, found, limit }: Merge): void {
    const rows = new OrderedTable<Entry | null>()
    for (const entry of page) rows.set(toSortable(encodeKey(table, entry.key)), entry)
    const below = bounds.below === undefined ? undefined : toSortable(bounds.below)
    let first = toSortable(bounds.start)
    if (from > first) first = from
    let taken = 0
    for (const [id, text] of this.#layers.get(table)?.from(first) ?? []) {
      if (id === from) continue
      if ((below !== undefined && id >= below) || (until !== undefined && id > until) || taken === limit) break
      rows.set(id, text === null ? null : { key: decodeKey(fromSortable(id)), value: JSON.parse(text) as Json })
      if (text !== null) taken += 1
    }
    for (const [, entry] of rows.from('')) {
      if (found.length === limit) return
      if (entry !== null) found.push(entry)
    }
  }

  async commit(ops: readonly Op[]): Promise<void> {
    this.#assertOpen()
    const checks = ops.filter((op) => op.op === 'check')
    const changes = ops
      .filter((op) => op.op !== 'check')
      .map((op) => ({
        table: op.table,
        id: toSortable(encodeKey(op.table, op.key)),
        text: op.op === 'put' ? jsonText(op.value) : null,
      }))
    const stood: (string | undefined)[] = []
    for (const { table, key } of checks) stood.push(checkText((await this.#base.get(table, [key]))[0]))
    this.#assertOpen()
    // From here on nothing waits, so no other commit can come between the checks and the changes.
    checks.forEach(({ table, key, is }, index) => {
      const here = this.#layers.get(table)?.get(toSortable(encodeKey(table, key)))
      const now = here === undefined ? stood[index] : (here ?? undefined)
      if (now !== checkText(is)) throw new LakeloopError('STORE_CONFLICT', { table })
    })
    for (const { table, id, text } of changes) this.#layer(table).set(id, text)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#layers.clear()
  }

  #layer(table: Table): Layer {
    const known = this.#layers.get(table) ?? new OrderedTable<string | null>()
    this.#layers.set(table, known)
    return known
  }

  #assertOpen(): void {
    if (this.#closed) throw new LakeloopError('STORE_CLOSED')
  }
}
