import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Cursor, Schema } from '../model/row.js'
import { decodedRows } from './duckdb/decoded-rows.js'
import { type DuckDbConnection, type DuckDbDatabase, type OwnDatabase, openDatabase } from './duckdb/driver.js'
import { duckDbError } from './duckdb/duckdb-errors.js'
import { pagesOf } from './duckdb/pages.js'
import {
  assertEndsAreSeen,
  assertSortable,
  describeQuery,
  provoke,
  queryDigest,
  withEndMark,
} from './duckdb/statement.js'
import { assertNotAborted, assertRoles, pageSizeOf } from './paging.js'
import type { FloatRule } from './plain-value.js'
import type { Page, ReadOptions, Source } from './source.js'

export type { DuckDbConnection, DuckDbDatabase } from './duckdb/driver.js'

export interface DuckDbSourceOptions {
  /** See {@link Source}. Default `duckdb`; must be said where a store serves several of them. */
  readonly name?: string | undefined
  /** A database file, opened read-only at the first use. Without it and `database`: an empty one in memory, to read files with. */
  readonly path?: string | undefined
  /**
   * A `DuckDBInstance` of the host's; it stays open. Not a connection: a second statement on the connection of a read
   * would end the read early, so that each read has a connection of its own.
   */
  readonly database?: DuckDbDatabase | undefined
  /** One SELECT, without parameters. */
  readonly query: string
  readonly key?: readonly string[] | undefined
  readonly changedAt?: string | undefined
  /** True: the query gives the whole audience, a row that is missing has left. Default false. */
  readonly complete?: boolean | undefined
  /**
   * `key`: sorted by the key, which must be unique and never NULL, so that an interrupted read resumes behind its last
   * finished page. Default: the query's own order, which promises nothing, so that an interrupted read begins again.
   */
  readonly order?: 'key' | undefined
  /** NaN and the infinities: left out (default), the row refused, or null. */
  readonly floats?: FloatRule | undefined
}

const OPTIONS = z
  .strictObject({
    name: z.string().min(1).optional(),
    path: z.string().min(1).optional(),
    database: z
      .custom<DuckDbDatabase>(
        (value) => typeof (value as DuckDbDatabase)?.connect === 'function',
        'is no DuckDBInstance',
      )
      .optional(),
    query: z.string().trim().min(1),
    key: z.array(z.string().min(1)).min(1).optional(),
    changedAt: z.string().min(1).optional(),
    complete: z.boolean().optional(),
    order: z.literal('key').optional(),
    floats: z.enum(['omit', 'reject', 'null']).optional(),
  })
  .refine(({ path, database }) => path === undefined || database === undefined, {
    path: ['database'],
    error: 'and path are given, and one of them will do',
  })
  .refine(({ key, order }) => key !== undefined || order === undefined, { path: ['order'], error: 'needs a key' })

/** DuckDB forgets an interrupt when a statement begins: one that came just before is said again, until the read has ended. */
const INTERRUPT_MS = 50

/**
 * The rows of a query in DuckDB, exact by column type: see docs/values.md.
 *
 * Order    as `order` says. Reads may overlap.
 * Repeat   a read after the last page begins again: the query is run anew and its whole result is read.
 * Throws   OPTION_INVALID at construction; PEER_MISSING, SOURCE_UNREACHABLE, SOURCE_QUERY_INVALID, SOURCE_TABLE_MISSING,
 *          SOURCE_COLUMN_MISSING, SOURCE_KEY_MISSING, SOURCE_KEY_AMBIGUOUS, SOURCE_TYPE_UNKNOWN, SOURCE_FAILED,
 *          CURSOR_INVALID, CLOSED, ABORTED at use.
 * Cost     one page and one chunk of 2,048 rows are held; `order: 'key'` sorts the whole result in DuckDB.
 * Upholds  I3, I12; a result that broke off is an error and never a shorter result.
 */
export class DuckDbSource implements Source {
  readonly name: string
  readonly key?: readonly string[]
  readonly changedAt?: string
  readonly #options: DuckDbSourceOptions
  #own: Promise<OwnDatabase> | undefined
  #closing: Promise<void> | undefined

  constructor(options: DuckDbSourceOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      throw new LakeloopError('OPTION_INVALID', { part: 'DuckDbSource', ...optionFault(checked.error, OPTIONS) })
    }
    this.name = options.name ?? 'duckdb'
    if (options.key !== undefined) this.key = options.key
    if (options.changedAt !== undefined) this.changedAt = options.changedAt
    this.#options = options
  }

  async *read(options: ReadOptions): AsyncGenerator<Page> {
    const pageSize = pageSizeOf(options, 'DuckDbSource.read')
    const after = position(options.after, this.name)
    const { signal } = options
    const connection = await this.#connect(signal)
    let again: NodeJS.Timeout | undefined
    const abort = (): void => {
      connection.interrupt()
      again = setInterval(() => connection.interrupt(), INTERRUPT_MS).unref()
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      assertNotAborted(signal) // it may have fired while the connection was made
      for await (const page of this.#pages(connection, pageSize, after)) {
        assertNotAborted(signal) // a chunk that was fetched before the signal may hold several pages
        yield page
      }
    } catch (error) {
      assertNotAborted(signal)
      throw duckDbError(error, this.name)
    } finally {
      signal.removeEventListener('abort', abort)
      clearInterval(again)
      connection.closeSync()
    }
  }

  async *#pages(connection: DuckDbConnection, pageSize: number, after: Position | undefined): AsyncGenerator<Page> {
    const { query, order, key = [], floats = 'omit', complete = false } = this.#options
    await assertEndsAreSeen(connection)
    const described = await describeQuery(connection, query, this.name)
    assertRoles(described.schema, this)
    const sortedBy = order === 'key' ? key : []
    assertSortable(sortedBy, described)
    const digest = order === 'key' ? queryDigest(query, key) : undefined
    // A position in another query says nothing about this one: reading from the beginning repeats, and never skips.
    const begin = after?.query === digest ? after?.key : undefined
    const sql = withEndMark(query, described, order === 'key' ? { key, after: begin } : undefined)
    const result = await connection.stream(sql, begin === undefined ? undefined : [...begin])
    const pages = pagesOf(decodedRows(result, { source: this.name, floats, key: sortedBy }), {
      source: this.name,
      schema: described.schema,
      mode: complete ? 'snapshot' : 'changes',
      key: this.key,
      changedAt: this.changedAt,
      pageSize,
      digest,
      resumed: begin !== undefined,
    })
    const whole = yield* this.#whileOpen(pages)
    if (!whole) {
      await provoke(connection, query)
      throw new LakeloopError('SOURCE_FAILED', { source: this.name })
    }
  }

  async *#whileOpen(pages: AsyncGenerator<Page, boolean>): AsyncGenerator<Page, boolean> {
    for (;;) {
      const next = await pages.next()
      if (next.done === true) return next.value
      this.#assertOpen()
      yield next.value
    }
  }

  async describe(signal: AbortSignal): Promise<Schema> {
    const connection = await this.#connect(signal)
    try {
      const { schema } = await describeQuery(connection, this.#options.query, this.name)
      assertRoles(schema, this)
      return schema
    } catch (error) {
      throw duckDbError(error, this.name)
    } finally {
      connection.closeSync()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const own = await this.#own?.catch(() => undefined)
    own?.closeSync()
  }

  async #connect(signal: AbortSignal): Promise<DuckDbConnection> {
    this.#assertOpen()
    assertNotAborted(signal)
    try {
      const { database } = this.#options
      if (database !== undefined) return await database.connect()
      this.#own ??= openDatabase(this.#options.path)
      return await (await this.#own).connect()
    } catch (error) {
      // Opened anew at the next call: the file may be there by then.
      this.#own = undefined
      throw duckDbError(error, this.name)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LakeloopError('CLOSED', { part: `the source ${this.name}` })
  }
}

interface Position {
  readonly key: readonly string[]
  readonly query: string
}

/** Throws  CURSOR_INVALID */
function position(after: Cursor | undefined, source: string): Position | undefined {
  if (after === undefined) return undefined
  const { key, query, rows, ...rest } = after
  const whole = Number.isSafeInteger(rows) && key === undefined && query === undefined
  const texts = Array.isArray(key) && key.length > 0 && key.every((part) => typeof part === 'string')
  const within = texts && typeof query === 'string' && rows === undefined
  if (Object.keys(rest).length > 0 || !(whole || within)) throw new LakeloopError('CURSOR_INVALID', { source })
  return within ? { key: key as readonly string[], query } : undefined
}
