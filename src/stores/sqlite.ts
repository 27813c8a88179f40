import { setImmediate, setTimeout as wait } from 'node:timers/promises'
import * as z from 'zod'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import { checkCount } from './key.js'
import { findDriver, type OpenDriver, rollBack, type SqliteDriver } from './sqlite/driver.js'
import { isBusy, storeError } from './sqlite/errors.js'
import { migrate } from './sqlite/schema.js'
import { encodeKeys, Statements, type Write, writeOf } from './sqlite/statements.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

export type { OpenDriver, SqliteDriver, SqliteStatement } from './sqlite/driver.js'

export interface SqliteStoreOptions {
  /** The file; made where there is none, in a folder that exists. One file may hold several projects and syncs. */
  readonly path: string
  /**
   * Opens the file with a SQLite library of the host's choice, e.g. `(path) => new Database(path)`; the store closes it.
   * Default: `node:sqlite` where Node has it, else the package libsql.
   */
  readonly driver?: OpenDriver | undefined
  /** How long another process's lock is waited for, without blocking the loop. Default 5,000, at most 600,000. */
  readonly busyTimeoutMs?: number | undefined
}

const OPTIONS = z.strictObject({
  path: z.string().refine((path) => path !== '' && path !== ':memory:' && !path.includes('\0')),
  driver: z.custom<OpenDriver>((value) => typeof value === 'function').optional(),
  busyTimeoutMs: z.int().min(0).max(600_000).optional(),
})

/** How long to wait before a lock is asked for again. */
const RETRY_MS = 20

/**
 * A store in one SQLite file: durable, and open to several processes of one machine.
 *
 * Repeat   the constructor does nothing to the disk; the file is opened at the first use.
 * Throws   OPTION_INVALID at construction; PEER_MISSING and the codes of {@link Store} at use.
 * Cost     a commit takes 6 to 10 us an op and one fsync (docs/stores.md). It gives the host's loop away every 500 rows;
 *          what is read meanwhile waits for its end.
 * Upholds  I1, I3: WAL with `synchronous = FULL`, so that a commit that was answered survives a power loss.
 */
export class SqliteStore implements Store {
  readonly supports = { durable: true, shared: true } as const
  readonly #path: string
  readonly #open: OpenDriver | undefined
  readonly #busyTimeoutMs: number
  #connection: Promise<Connection> | undefined
  #closing: Promise<void> | undefined
  /** A commit that has begun and gave the loop away: until its end, this connection would read what is not committed. */
  #underWay: Promise<void> | undefined
  /** Commits go one after another, also while one waits for a lock. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: SqliteStoreOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      const option = String(checked.error.issues[0]?.path[0] ?? 'options')
      const problem = option === 'path' ? 'is not the path of a file' : 'is not what its comment allows'
      throw new LakeloopError('OPTION_INVALID', { part: 'SqliteStore', option, problem })
    }
    this.#path = options.path
    this.#open = options.driver
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000
  }

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    this.#assertOpen()
    checkCount('keys', keys.length)
    const texts = encodeKeys(table, keys)
    return await this.#run(({ statements }) => statements.get(table, texts))
  }

  async scan(table: Table, range: Range): Promise<readonly Entry[]> {
    this.#assertOpen()
    checkCount('limit', range.limit)
    return await this.#run(({ statements }) => statements.scan(table, range))
  }

  async commit(ops: readonly Op[]): Promise<void> {
    this.#assertOpen()
    const writes = ops.map(writeOf)
    if (writes.length === 0) return
    const committed = this.#last.then(() => this.#write(writes))
    this.#last = committed.catch(() => undefined)
    await committed
  }

  async close(): Promise<void> {
    this.#closing ??= this.#end()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(): Promise<void> {
    await this.#last
    const connection = await this.#connection?.catch(() => undefined)
    if (connection !== undefined) closeDriver(connection.driver)
  }

  /** Does `work` on the open file. */
  async #run<Result>(work: (connection: Connection) => Result): Promise<Result> {
    const connection = await this.#connected()
    return await this.#unlocked(() => work(connection))
  }

  /** One transaction that holds the write lock from its beginning; what fails undoes it whole. */
  async #write(writes: readonly Write[]): Promise<void> {
    const { driver, statements } = await this.#connected()
    await this.#unlocked(() => driver.exec('BEGIN IMMEDIATE'))
    const { promise, resolve } = withResolvers()
    this.#underWay = promise
    try {
      statements.check(writes)
      const steps = statements.write(writes)
      for (let step = steps.next(); !step.done; ) {
        step = steps.next()
        if (!step.done) await setImmediate()
      }
      driver.exec('COMMIT')
    } catch (error) {
      rollBack(driver)
      throw isLakeloopError(error) ? error : storeError(error, this.#path)
    } finally {
      this.#underWay = undefined
      resolve()
    }
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= this.#connect()
    return await this.#connection.catch((error: unknown) => {
      this.#connection = undefined // the next call may find the file in order
      throw error
    })
  }

  async #connect(): Promise<Connection> {
    const open = this.#open ?? (await findDriver())
    const driver = await this.#unlocked(() => open(this.#path))
    try {
      driver.exec('PRAGMA busy_timeout = 0')
      await this.#unlocked(() => {
        driver.exec('PRAGMA journal_mode = WAL')
        driver.exec('PRAGMA synchronous = FULL')
        driver.exec('PRAGMA secure_delete = ON') // what is deleted is overwritten: it may be of a person who was forgotten
        driver.exec('PRAGMA cache_size = -32000') // 32 MB
        driver.exec('PRAGMA wal_autocheckpoint = 16000') // pages, 64 MB: fewer commits have to fold the log into the file
        migrate(driver, this.#path)
      })
    } catch (error) {
      driver.close()
      throw error
    }
    return { driver, statements: new Statements(driver) }
  }

  /** A lock is waited for off the loop; SQLite's own busy timeout would stop the host. */
  async #unlocked<Result>(attempt: () => Result): Promise<Result> {
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      while (this.#underWay !== undefined) await this.#underWay
      try {
        return attempt()
      } catch (error) {
        if (isLakeloopError(error)) throw error
        if (!isBusy(error) || waitedMs >= this.#busyTimeoutMs) throw storeError(error, this.#path)
      }
      await wait(RETRY_MS)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LakeloopError('STORE_CLOSED')
  }
}

/** A promise and what resolves it: `Promise.withResolvers` is not on Node 20. */
function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** libsql keeps the file open until its statements are collected, so the log is folded into the file by our own hand. */
function closeDriver(driver: SqliteDriver): void {
  try {
    driver.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // Nothing is lost: what was committed stands in the log, and the next opening reads it there.
  }
  driver.close()
}

interface Connection {
  readonly driver: SqliteDriver
  readonly statements: Statements
}
