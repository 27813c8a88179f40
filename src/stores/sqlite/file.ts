import { setImmediate, setTimeout as wait } from 'node:timers/promises'
import { isLakeloopError } from '../../errors.js'
import type { Table } from '../store.js'
import { type OpenDriver, rollBack, type SqliteDriver } from './driver.js'
import { isBusy, storeError } from './errors.js'
import { migrate } from './schema.js'
import { Statements } from './statements.js'
import type { Found, Span, Write } from './texts.js'

/** What a store asks of its file, wherever that is open: here, or in a thread of its own. */
export interface StoreFile {
  /** `keys` is a JSON array of encoded keys. */
  get(table: Table, keys: string): Promise<Found>
  scan(table: Table, span: Span): Promise<Found>
  write(writes: readonly Write[]): Promise<void>
  /** Behind all writes. It is called once, and nothing after it. */
  close(): Promise<void>
}

/** How long to wait before a lock is asked for again. */
const RETRY_MS = 20

/** A file that is open on this thread, from the first use on. */
export class SqliteFile implements StoreFile {
  readonly #path: string
  readonly #open: OpenDriver
  readonly #busyTimeoutMs: number
  #connection: Promise<Connection> | undefined
  /** A commit that has begun and gave the loop away: until its end, this connection would read what is not committed. */
  #underWay: Promise<void> | undefined
  /** Commits go one after another, also while one waits for a lock. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string, open: OpenDriver, busyTimeoutMs: number) {
    this.#path = path
    this.#open = open
    this.#busyTimeoutMs = busyTimeoutMs
  }

  async get(table: Table, keys: string): Promise<Found> {
    return await this.#run(({ statements }) => statements.get(table, keys))
  }

  async scan(table: Table, span: Span): Promise<Found> {
    return await this.#run(({ statements }) => statements.scan(table, span))
  }

  async write(writes: readonly Write[]): Promise<void> {
    const written = this.#last.then(() => this.#write(writes))
    this.#last = written.catch(() => undefined)
    await written
  }

  async close(): Promise<void> {
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
    const driver = await this.#unlocked(() => this.#open(this.#path))
    try {
      driver.exec('PRAGMA busy_timeout = 0')
      await this.#unlocked(() => {
        driver.exec('PRAGMA journal_mode = WAL')
        driver.exec('PRAGMA synchronous = FULL')
        driver.exec('PRAGMA secure_delete = ON') // what is deleted is overwritten: it may be of a person who was forgotten
        driver.exec('PRAGMA cache_size = -8000') // 8 MB: the pages between root and leaves; with 32 MB nothing was faster
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
