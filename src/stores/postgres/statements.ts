import { createHash } from 'node:crypto'
import { LakeloopError } from '../../errors.js'
import type { Json } from '../../model/value.js'
import { checkText, jsonText } from '../json-text.js'
import { boundsOf, decodeKey, encodeKey } from '../key.js'
import type { Entry, Key, Op, Range, Table } from '../store.js'
import type { PostgresClient } from './driver.js'
import { isUndone } from './errors.js'
import { begin, type Place, rowsOf, slotOf } from './schema.js'

/** A key as the columns of a table; see `TABLE` in schema.ts. */
interface Columns {
  readonly k: Buffer
  readonly d: Buffer
  readonly r: Buffer
}

/** What commits, and whether it may have done so: then the number of the writer tells. */
export interface Ticket {
  readonly writer: string
  readonly n: number
  unclear: boolean
}

/** Ops by what is to be done: the checks in their order, and of all writes on one key the last. */
export interface Batch {
  readonly slots: ReadonlySet<number>
  readonly checks: readonly (Columns & { readonly table: Table; readonly text: string | undefined })[]
  readonly writes: ReadonlyMap<Table, ReadonlyMap<string, string | null>>
}

const HEAD_BYTES = 2_000
const NONE = Buffer.alloc(0)
/** The contract's calls as SQL. Each is one statement, or one transaction, however many entries it has. */
export class Statements {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  async get(client: PostgresClient, table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    const found = new Array<Json | undefined>(keys.length).fill(undefined)
    const places = keys.map((key) => columnsOf(encodeKey(table, key)))
    const sql = `SELECT w.n::int4 AS n, t.v FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS w(k, d, n)
      JOIN ${this.#named(table)} AS t ON t.k = w.k AND t.d = w.d`
    const values = [places.map(({ k }) => k), places.map(({ d }) => d)]
    const rows = await this.#rows<{ n: number; v: string }>(client, sql, values)
    for (const { n, v } of rows) found[n - 1] = JSON.parse(v) as Json
    return found
  }

  async scan(client: PostgresClient, table: Table, { prefix, after, limit }: Range): Promise<readonly Entry[]> {
    const { start, below } = boundsOf(table, prefix)
    const bound = (relation: string, text: string): string => {
      const { k, r } = columnsOf(text)
      return `(k, r) ${relation} (decode('${k.toString('hex')}', 'hex'), decode('${r.toString('hex')}', 'hex'))`
    }
    const where = [
      bound('>=', start),
      ...(after === undefined ? [] : [bound('>', encodeKey(table, after))]),
      ...(below === undefined ? [] : [bound('<', below)]),
    ]
    // Without statistics, as after a first load, Postgres would sort all that is behind the page, at every page. Statements
    // that are sent as one take no parameters; what is in them is hex digits and a checked number.
    const sql = `BEGIN READ ONLY;
      SET LOCAL statement_timeout = ${this.#place.statementTimeoutMs};
      SET LOCAL enable_sort = off;
      SELECT convert_from(k || r, 'UTF8') AS key, v FROM ${this.#named(table)}
        WHERE ${where.join(' AND ')} ORDER BY k, r LIMIT ${limit};
      COMMIT`
    const rows = await this.#rows<{ key: string; v: string }>(client, sql)
    return rows.map(({ key, v }) => ({ key: decodeKey(key), value: JSON.parse(v) as Json }))
  }

  /**
   * One transaction. It has the locks of its projects before its first look, so that what it checks is what it changes, and
   * so that a commit whose answer was lost has come to its end, one way or the other, before its number is looked up.
   *
   * Throws  STORE_CONFLICT; and what the driver throws, then with `unclear` saying whether all was written for all that.
   */
  async commit(client: PostgresClient, { slots, checks, writes }: Batch, ticket: Ticket): Promise<void> {
    await this.#rows(client, begin(this.#place, slots))
    if (ticket.unclear) {
      const sql = `SELECT FROM ${this.#named('lakeloop_writer')} WHERE id = $1 AND n >= $2`
      const isWritten = (await this.#rows(client, sql, [ticket.writer, ticket.n])).length > 0
      ticket.unclear = false
      if (isWritten) return void (await this.#rows(client, 'ROLLBACK'))
    }
    const failed = checks.length > 0 ? await this.#failedCheck(client, checks) : undefined
    if (failed !== undefined) {
      await this.#rows(client, 'ROLLBACK')
      throw new LakeloopError('STORE_CONFLICT', { table: failed })
    }
    if (writes.size > 0) await this.#write(client, writes, ticket)
    try {
      await this.#rows(client, 'COMMIT')
    } catch (error) {
      ticket.unclear = writes.size > 0 && !isUndone(error)
      throw error
    }
  }

  /** Forgets the number of a handle that is closed, and of those that have written nothing for a day. */
  async forget(client: PostgresClient, writer: string): Promise<void> {
    const stale = "at < now() - interval '1 day'"
    await this.#rows(client, `DELETE FROM ${this.#named('lakeloop_writer')} WHERE id = $1 OR ${stale}`, [writer])
  }

  /** The table of the first check that does not hold. The texts are compared over there and do not travel. */
  async #failedCheck(client: PostgresClient, checks: Batch['checks']): Promise<Table | undefined> {
    const values: unknown[] = []
    const parts = [...new Set(checks.map(({ table }) => table))].map((table) => {
      const own = [...checks.entries()].filter(([, check]) => check.table === table)
      const arrays = [
        `$${values.push(own.map(([, { k }]) => k))}::bytea[]`,
        `$${values.push(own.map(([, { d }]) => d))}::bytea[]`,
        `$${values.push(own.map(([, { text }]) => text ?? null))}::text[]`,
        `$${values.push(own.map(([n]) => n))}::int4[]`,
      ]
      return `SELECT w.n FROM unnest(${arrays}) AS w(k, d, v, n)
        LEFT JOIN ${this.#named(table)} AS t ON t.k = w.k AND t.d = w.d WHERE t.v IS DISTINCT FROM w.v`
    })
    const [row] = await this.#rows<{ n: number }>(client, `${parts.join(' UNION ALL ')} ORDER BY n LIMIT 1`, values)
    return row && checks[row.n]?.table
  }

  /** All tables in one statement: no key is in two parts of it, so that it does not matter which comes first. */
  async #write(client: PostgresClient, writes: Batch['writes'], { writer, n }: Ticket): Promise<void> {
    const values: unknown[] = [writer, n]
    const parts: string[] = []
    for (const [table, byKey] of writes) {
      const rows = [...byKey].map(([key, text]) => ({ ...columnsOf(key), text }))
      const [gone, put] = [rows.filter(({ text }) => text === null), rows.filter(({ text }) => text !== null)]
      const bytes = (of: typeof rows, column: keyof Columns): string =>
        `$${values.push(of.map((row) => row[column]))}::bytea[]`
      if (gone.length > 0) {
        parts.push(`DELETE FROM ${this.#named(table)} AS t
          USING unnest(${bytes(gone, 'k')}, ${bytes(gone, 'd')}) AS w(k, d) WHERE t.k = w.k AND t.d = w.d`)
      }
      if (put.length > 0) {
        const texts = `$${values.push(put.map(({ text }) => text))}::text[]`
        const arrays = [bytes(put, 'k'), bytes(put, 'd'), bytes(put, 'r'), texts]
        parts.push(`INSERT INTO ${this.#named(table)} SELECT * FROM unnest(${arrays})
          ON CONFLICT (k, d) DO UPDATE SET v = excluded.v`)
      }
    }
    const sql = `WITH ${parts.map((part, nth) => `p${nth} AS (${part})`).join(',\n')}
      INSERT INTO ${this.#named('lakeloop_writer')} VALUES ($1, $2, now())
      ON CONFLICT (id) DO UPDATE SET n = excluded.n, at = excluded.at`
    await this.#rows(client, sql, values)
  }

  #named(table: string): string {
    return `"${this.#place.schema}"."${table}"`
  }

  async #rows<Row>(client: PostgresClient, text: string, values?: unknown[]): Promise<readonly Row[]> {
    return await rowsOf<Row>(client, this.#place, text, values)
  }
}

/** Throws what the contract says about keys and values, before a transaction is begun. */
export function batchOf(ops: readonly Op[]): Batch {
  const slots = new Set<number>()
  const checks: Batch['checks'][number][] = []
  const writes = new Map<Table, Map<string, string | null>>()
  for (const op of ops) {
    const { table } = op
    const key = encodeKey(table, op.key)
    slots.add(slotOf(op.key[0] as string))
    if (op.op === 'check') checks.push({ table, ...columnsOf(key), text: checkText(op.is) })
    else {
      const texts = writes.get(table) ?? new Map<string, string | null>()
      writes.set(table, texts.set(key, op.op === 'put' ? jsonText(op.value) : null))
    }
  }
  return { slots, checks, writes }
}

function columnsOf(key: string): Columns {
  const bytes = Buffer.from(key)
  if (bytes.length <= HEAD_BYTES) return { k: bytes, d: NONE, r: NONE }
  const r = bytes.subarray(HEAD_BYTES)
  return { k: bytes.subarray(0, HEAD_BYTES), d: createHash('sha256').update(r).digest(), r }
}
