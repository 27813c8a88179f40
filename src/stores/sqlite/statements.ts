import { LakeloopError } from '../../errors.js'
import type { Table } from '../store.js'
import type { SqliteDriver, SqliteStatement } from './driver.js'
import type { Found, Span, Write } from './texts.js'

/** Rows that one statement puts: a call into a driver costs about as much as the row does. */
const MANY = { rows: Array(50).fill('(?, ?)').join(', '), length: 100 } as const

/** Rows that are written before the loop is given away: 2 to 4 ms. */
const STEP_ROWS = 500

/** Tables of few entries with long values: there each copy costs more than a row does. */
const LONG: ReadonlySet<Table> = new Set(['audience', 'seen', 'outcome'])

/** The contract's calls as SQL on one open connection. Every statement is prepared once and kept. */
export class Statements {
  readonly #driver: SqliteDriver
  readonly #prepared = new Map<string, SqliteStatement>()

  constructor(driver: SqliteDriver) {
    this.#driver = driver
  }

  /** What stands under `keys`, a JSON array of encoded keys; the places are numbers in it. */
  get(table: Table, keys: string): Found {
    if (LONG.has(table)) {
      const sql = `SELECT j.key AS place, t.v AS v FROM json_each(?) AS j CROSS JOIN "${table}" AS t ON t.k = j.value`
      return foundRows(this.#statement(sql).all(keys) as readonly Row[])
    }
    const sql = `SELECT '[' || group_concat(j.key) || ']' AS places, '[' || group_concat(t.v) || ']' AS texts
      FROM json_each(?) AS j CROSS JOIN "${table}" AS t ON t.k = j.value`
    return gathered(this.#statement(sql).get(keys) as Gathered)
  }

  /** The entries of a span in the order of their keys; the places are encoded keys. */
  scan(table: Table, { from, isBehind, below, limit }: Span): Found {
    const where = `k ${isBehind ? '>' : '>='} ?${below === undefined ? '' : ' AND k < ?'}`
    const parameters = below === undefined ? [from, limit] : [from, below, limit]
    if (LONG.has(table)) {
      const sql = `SELECT k AS place, v FROM "${table}" WHERE ${where} ORDER BY k LIMIT ?`
      return foundRows(this.#statement(sql).all(...parameters) as readonly Row[])
    }
    // An aggregate takes the rows as the inner query gives them.
    const sql = `SELECT json_group_array(k) AS places, '[' || group_concat(v) || ']' AS texts
      FROM (SELECT k, v FROM "${table}" WHERE ${where} ORDER BY k LIMIT ?)`
    return gathered(this.#statement(sql).get(...parameters) as Gathered)
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

/** Many entries as one row: on a driver in Rust or C, a row costs more than what is in it. */
interface Gathered {
  /** Null where there is none. */
  readonly places: string | null
  readonly texts: string | null
}

interface Row {
  readonly place: string | number
  readonly v: string
}

const gathered = ({ places, texts }: Gathered): Found => ({ places: places ?? '[]', texts: texts ?? '[]' })
const foundRows = (rows: readonly Row[]): Found => ({
  places: JSON.stringify(rows.map(({ place }) => place)),
  texts: rows.map(({ v }) => v),
})

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
