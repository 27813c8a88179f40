import { LakeloopError } from '../../errors.js'
import type { Json } from '../../model/value.js'
import { checkText, jsonText } from '../json-text.js'
import { boundsOf, decodeKey, encodeKey } from '../key.js'
import type { Entry, Key, Op, Range, Table } from '../store.js'
import { type SqliteDriver, type SqliteStatement, transaction } from './driver.js'

interface Row {
  readonly k: string
  readonly v: string
}

/** The contract's calls as SQL on one open connection. Every statement is prepared once and kept. */
export class Statements {
  readonly #driver: SqliteDriver
  readonly #prepared = new Map<string, SqliteStatement>()

  constructor(driver: SqliteDriver) {
    this.#driver = driver
  }

  /** One call for all keys: on a driver in Rust or C, a call costs more than the look-up behind it. */
  get(table: Table, keys: readonly string[]): readonly (Json | undefined)[] {
    const found = new Array<Json | undefined>(keys.length).fill(undefined)
    if (keys.length === 0) return found
    const sql = `SELECT json_group_array(j.key) AS at, json_group_array(t.v) AS texts
      FROM json_each(?) AS j CROSS JOIN "${table}" AS t ON t.k = j.value`
    const { at, texts } = this.#statement(sql).get(JSON.stringify(keys)) as {
      readonly at: string
      readonly texts: string
    }
    const values = JSON.parse(texts) as string[]
    for (const [nth, index] of (JSON.parse(at) as number[]).entries()) {
      found[index] = JSON.parse(values[nth] as string) as Json
    }
    return found
  }

  scan(table: Table, { prefix, after, limit }: Range): readonly Entry[] {
    const { start, below } = boundsOf(table, prefix)
    const where: string[] = []
    const parameters: string[] = []
    const bound = (condition: string, value: string | undefined): void => {
      if (value === undefined) return
      where.push(condition)
      parameters.push(value)
    }
    bound('k >= ?', start)
    bound('k < ?', below)
    bound('k > ?', after && encodeKey(table, after))
    const sql = `SELECT k, v FROM "${table}" WHERE ${where.join(' AND ')} ORDER BY k LIMIT ?`
    const rows = this.#statement(sql).all(...parameters, limit) as Row[]
    return rows.map(({ k, v }) => ({ key: decodeKey(k), value: JSON.parse(v) as Json }))
  }

  commit(writes: readonly Write[]): void {
    transaction(this.#driver, () => {
      for (const { table, key, check } of writes) {
        if (check !== undefined && this.#textAt(table, key) !== check.text) {
          throw new LakeloopError('STORE_CONFLICT', { table })
        }
      }
      for (const { table, key, text } of writes) {
        if (text === null) this.#statement(`DELETE FROM "${table}" WHERE k = ?`).run(key)
        else if (text !== undefined) this.#statement(`INSERT OR REPLACE INTO "${table}" VALUES (?, ?)`).run(key, text)
      }
    })
  }

  #textAt(table: Table, key: string): string | undefined {
    return (this.#statement(`SELECT v FROM "${table}" WHERE k = ?`).get(key) as Row | undefined)?.v
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

/** Throws what the contract says about keys and values, before a transaction is begun. */
export function writeOf(op: Op): Write {
  const { table } = op
  const key = encodeKey(table, op.key)
  if (op.op === 'check') return { table, key, check: { text: checkText(op.is) } }
  return { table, key, text: op.op === 'put' ? jsonText(op.value) : null }
}

export const encodeKeys = (table: Table, keys: readonly Key[]): readonly string[] =>
  keys.map((key) => encodeKey(table, key))
