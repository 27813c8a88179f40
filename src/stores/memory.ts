import { LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import { checkText, jsonText } from './json-text.js'
import { boundsOf, checkCount, decodeKey, fromSortable, sortableKey, toSortable } from './key.js'
import { OrderedTable } from './ordered-table.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

/**
 * A store that lives as long as the process: for tests, one-off jobs and hosts that keep no state.
 *
 * Values are kept as their JSON text, so that what a caller does to an object afterwards changes nothing here.
 *
 * Cost    every commit and every page of a scan runs in one go on the host's loop: 6 us an op (docs/stores.md).
 */
export class MemoryStore implements Store {
  readonly supports = { durable: false, shared: false } as const
  readonly #tables = new Map<Table, OrderedTable<string>>()
  #closed = false

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    this.#assertOpen()
    checkCount('keys', keys.length)
    const held = this.#tables.get(table)
    return keys.map((key) => {
      const id = sortableKey(table, key) // refuses what is no key, also where the table is empty
      return parsed(held?.get(id))
    })
  }

  async scan(table: Table, { prefix, after, limit }: Range): Promise<readonly Entry[]> {
    this.#assertOpen()
    checkCount('limit', limit)
    const bounds = boundsOf(table, prefix)
    const [start, below] = [toSortable(bounds.start), bounds.below && toSortable(bounds.below)]
    const past = after === undefined ? '' : sortableKey(table, after)
    let first = start
    if (past > first) first = past
    const entries: Entry[] = []
    for (const [id, text] of this.#tables.get(table)?.from(first) ?? []) {
      if (entries.length === limit || (below !== undefined && id >= below)) break
      if (id > past) entries.push({ key: decodeKey(fromSortable(id)), value: JSON.parse(text) as Json })
    }
    return entries
  }

  async commit(ops: readonly Op[]): Promise<void> {
    this.#assertOpen()
    // All that can fail comes first: after the first change nothing throws any more.
    const ids = new Array<string>(ops.length)
    const texts = new Array<string | null>(ops.length).fill(null)
    for (let index = 0; index < ops.length; index += 1) {
      const op = ops[index] as Op
      const id = sortableKey(op.table, op.key)
      ids[index] = id
      if (op.op === 'put') texts[index] = jsonText(op.value)
      else if (op.op === 'check' && this.#tables.get(op.table)?.get(id) !== checkText(op.is)) {
        throw new LakeloopError('STORE_CONFLICT', { table: op.table })
      }
    }
    for (let index = 0; index < ops.length; index += 1) {
      const { op, table } = ops[index] as Op
      if (op === 'put') this.#table(table).set(ids[index] as string, texts[index] as string)
      else if (op === 'delete') this.#tables.get(table)?.delete(ids[index] as string)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#tables.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #table(table: Table): OrderedTable<string> {
    const known = this.#tables.get(table)
    if (known !== undefined) return known
    const made = new OrderedTable<string>()
    this.#tables.set(table, made)
    return made
  }

  #assertOpen(): void {
    if (this.#closed) throw new LakeloopError('STORE_CLOSED')
  }
}

const parsed = (text: string | undefined): Json | undefined => (text === undefined ? undefined : JSON.parse(text))
