import { LakeloopError } from '../../errors.js'
import { compareBytes } from '../../model/byte-order.js'
import type { Json } from '../../model/value.js'
import { checkText, jsonText } from '../json-text.js'
import { boundsOf, decodeKey, encodeKey } from '../key.js'
import type { Entry, Key, Op, Range, Table } from '../store.js'
import type { SqliteDriver, SqliteStatement } from './driver.js'

/** Many entries as one row: on a driver in Rust or C, a row costs more than what is in it. */
interface Gathered {
  /** JSON: keys, or where the entry stands among those asked for. */
  readonly places: string
  /** JSON: the values in the same order; null where there is none. */
  readonly texts: string | null
}

/** Rows that one statement puts: a call into a driver costs about as much as the row does. */
const MANY = { rows: Array(50).fill('(?, ?)').join(', '), length: 100 } as const

/** Rows that are written before the loop is given away: 2 to 4 ms. */
const STEP_ROWS = 500

/** Tables of few entries with long values: there each copy costs more than a row does. */
const LONG: ReadonlySet<Table> = new Set(['audience', 'seen', 'outcome'])

/** A JSON text without a backslash that begins with a quote is the string between its quotes. */
const jsonOf = (text: string): Json =>
  text.startsWith('"') && !text.includes('\\') ? text.slice(1, -1) : (JSON.parse(text) as Json)

/** The contract's calls as SQL on one open connection. Every statement is prepared once and kept. */
export class Statements {
  readonly #driver: SqliteDriver
  readonly #prepared = new Map<string, SqliteStatement>()

  constructor(driver: SqliteDriver) {
    this.#driver = driver
  }

  get(table: Table, keys: readonly string[]): readonly (Json | undefined)[] {
    const found = new Array<Json | undefined>(keys.length).fill(undefined)
    if (keys.length === 0) return found
    if (LONG.has(table)) {
      const rows = this.#statement(
        `SELECT j.key AS place, t.v AS v FROM json_each(?) AS j CROSS JOIN "${table}" AS t ON t.k = j.value`,
      ).all(JSON.stringify(keys))
      for (const { place, v } of rows as { readonly place: number; readonly v: string }[]) found[place] = jsonOf(v)
      return found
    }
    const sql = `SELECT json_group_array(j.key) AS places, '[' || group_concat(t.v) || ']' AS texts
      FROM json_each(?) AS j CROSS JOIN "${table}" AS t ON t.k = j.value`
    const { places, texts } = this.#statement(sql).get(JSON.stringify(keys)) as Gathered
    const values = JSON.parse(texts ?? '[]') as Json[]
    for (const [nth, index] of (JSON.parse(places) as number[]).entries()) found[index] = values[nth] as Json
    return found
  }

  scan(table: Table, { prefix, after, limit }: Range): readonly Entry[] {
    const { start, below } = boundsOf(table, prefix)
    const behind = after && encodeKey(table, after)
    // One lower bound: given two, SQLite seeks to the first of them and walks from there to the other, at every page.
    const isBehind = behind !== undefined && compareBytes(behind, start) >= 0
    const from = isBehind ? behind : start
    const where = `k ${isBehind ? '>' : '>='} ?${below === undefined ? '' : ' AND k < ?'}`
    const parameters = below === undefined ? [from] : [from, below]
    if (LONG.has(table)) {
      const rows = this.#statement(`SELECT k, v FROM "${table}" WHERE ${where} ORDER BY k LIMIT ?`).all(
        ...parameters,
        limit,
      )
      return (rows as { readonly k: string; readonly v: string }[]).map(({ k, v }) => ({
        key: decodeKey(k),
        value: jsonOf(v),
      }))
    }
    // An aggregate takes the rows as the inner query gives them.
    const sql = `SELECT json_group_array(k) AS places, '[' || group_concat(v) || ']' AS texts
      FROM (SELECT k, v FROM "${table}" WHERE ${where} ORDER BY k LIMIT ?)`
    const { places, texts } = this.#statement(sql).get(...parameters, limit) as Gathered
    const values = JSON.parse(texts ?? '[]') as Json[]
    return (JSON.parse(places) as string[]).map((key, at) => ({ key: decodeKey(key), value: values[at] as Json }))
  }

  /** Throws STORE_CONFLICT where a check does not hold. */
  check(writes: readonly Write[]): void {
    for (const { table, key, check } of writes) {
      if (check !== undefined && this.#textAt(table, key) !== check.text) {
        throw new LakeloopError('STORE_CONFLICT', { table })
      }
    }
  }

  /**
   * What is to stand under each key in the end, written in steps of a few milliseconds: in the order of the keys, so that
   * neighbours are put on a page together.
   */
  *write(writes: readonly Write[]): Generator<void> {
    for (const [table, last] of lastByKey(writes)) {
      const keys = [...last.keys()].sort()
      for (let from = 0; from < keys.length; from += STEP_ROWS) {
        this.#writeStep(table, keys.slice(from, from + STEP_ROWS), last)
        yield
      }
    }
  }

  #writeStep(table: Table, keys: readonly string[], last: ReadonlyMap<string, string | null>): void {
    const puts: string[] = []
    for (const key of keys) {
      const text = last.get(key) as string | null
      if (text === null) this.#statement(`DELETE FROM "${table}" WHERE k = ?`).run(key)
      else puts.push(key, text)
    }
    const insert = `INSERT OR REPLACE INTO "${table}" VALUES`
    let from = 0
    for (; puts.length - from >= MANY.length; from += MANY.length) {
      this.#statement(`${insert} ${MANY.rows}`).run(...puts.slice(from, from + MANY.length))
    }
    for (; from < puts.length; from += 2) {
      this.#statement(`${insert} (?, ?)`).run(puts[from] as string, puts[from + 1] as string)
    }
  }

  #textAt(table: Table, key: string): string | undefined {
    return (this.#statement(`SELECT v FROM "${table}" WHERE k = ?`).get(key) as { readonly v: string } | undefined)?.v
  }

  #statement(sql: string): SqliteStatement {
    const known = this.#prepared.get(sql) ?? this.#driver.prepare(sql)
    this.#prepared.set(sql, known)
    return known
  }
}

/** An op as texts: `text` null deletes; a check writes nothing. */
export interface Write {
  readonly table: Table
  readonly key: string
  readonly text?: string | null
  readonly check?: { readonly text: string | undefined }
}

/** What is to stand under each key in the end, by table: the last op on a key wins; `null` deletes. */
function lastByKey(writes: readonly Write[]): ReadonlyMap<Table, ReadonlyMap<string, string | null>> {
  const tables = new Map<Table, Map<string, string | null>>()
  for (const { table, key, text } of writes) {
    if (text === undefined) continue
    const known = tables.get(table)
    if (known === undefined) tables.set(table, new Map([[key, text]]))
    else known.set(key, text)
  }
  return tables
}

/** Throws what the contract says about keys and values, before a transaction is begun. */
export function writeOf(op: Op): Write {
  const { table } = op
  const key = encodeKey(table, op.key)
  if (op.op === 'check') return { table, key, check: { text: checkText(op.is) } }
  return { table, key, text: op.op === 'put' ? jsonText(op.value) : null }
}

export const encodeKeys = (table: Table, keys: readonly Key[]): readonly string[] =>
  keys.map((key) => encodeKey(table, key))
