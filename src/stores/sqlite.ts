import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Json } from '../model/value.js'
import { checkCount } from './key.js'
import type { OpenDriver } from './sqlite/driver.js'
import { SqliteFile, type StoreFile } from './sqlite/file.js'
import { entriesOf, keysText, spanOf, valuesOf, writeOf } from './sqlite/texts.js'
import { FileThread } from './sqlite/thread.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

export type { OpenDriver, SqliteDriver, SqliteStatement } from './sqlite/driver.js'

export interface SqliteStoreOptions {
  /** The file; made where there is none, in a folder that exists. One file may hold several projects and syncs. */
  readonly path: string
  /**
   * Opens the file with a SQLite library of the host's choice, e.g. `(path) => new Database(path)`; the store closes it.
   * A function cannot be handed to a thread: what SQLite does then holds the host's loop.
   * Default: `node:sqlite` where Node has it, else the package libsql.
   */
  readonly driver?: OpenDriver | undefined
  /** How long another process's lock is waited for, without blocking the loop. Default 5,000, at most 600,000. */
  readonly busyTimeoutMs?: number | undefined
}

const OPTIONS = z.strictObject({
  path: z
    .string('is not the path of a file')
    .refine((path) => path !== '' && path !== ':memory:' && !path.includes('\0'), 'is not the path of a file'),
  driver: z.custom<OpenDriver>((value) => typeof value === 'function', 'is no function').optional(),
  busyTimeoutMs: z.int().min(0).max(600_000).optional(),
})

/**
 * A store in one SQLite file: durable, and open to several processes of one machine.
 *
 * Repeat   the constructor does nothing to the disk; the file is opened at the first use.
 * Throws   OPTION_INVALID at construction; PEER_MISSING and the codes of {@link Store} at use.
 * Cost     the file is open in a thread of its own; with a `driver`, on the host's loop, which a commit gives away every 500
 *          rows. What is read meanwhile waits for the commit's end. Figures: docs/stores.md.
 * Upholds  I1, I3: WAL with `synchronous = FULL`, so that a commit that was answered survives a power loss.
 */
export class SqliteStore implements Store {
  readonly supports = { durable: true, shared: true } as const
  readonly #file: StoreFile
  #closing: Promise<void> | undefined

  constructor(options: SqliteStoreOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      throw new LakeloopError('OPTION_INVALID', { part: 'SqliteStore', ...optionFault(checked.error, OPTIONS) })
    }
    const { path, driver, busyTimeoutMs = 5_000 } = options
    this.#file = driver ? new SqliteFile(path, driver, busyTimeoutMs) : new FileThread(path, busyTimeoutMs)
  }

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    this.#assertOpen()
    checkCount('keys', keys.length)
    const texts = keysText(table, keys)
    return valuesOf(await this.#file.get(table, texts), keys.length)
  }

  async scan(table: Table, range: Range): Promise<readonly Entry[]> {
    this.#assertOpen()
    checkCount('limit', range.limit)
    const span = spanOf(table, range)
    return entriesOf(await this.#file.scan(table, span))
  }

  async commit(ops: readonly Op[]): Promise<void> {
    this.#assertOpen()
    const writes = ops.map(writeOf)
    if (writes.length > 0) await this.#file.write(writes)
  }

  async close(): Promise<void> {
    this.#closing ??= this.#file.close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LakeloopError('STORE_CLOSED')
  }
}
