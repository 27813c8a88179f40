import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import * as z from 'zod'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Json } from '../model/value.js'
import { checkCount } from './key.js'
import {
  type ConnectionString,
  type OwnPool,
  openPool,
  type PostgresClient,
  type PostgresPool,
  signIn,
  withClient,
} from './postgres/driver.js'
import { isPassing, storeError } from './postgres/errors.js'
import { migrate, type Place } from './postgres/schema.js'
import { batchOf, Statements, type Ticket } from './postgres/statements.js'
import type { Entry, Key, Op, Range, Store, Table } from './store.js'

export type { ConnectionString, PostgresClient, PostgresPool, PostgresQuery } from './postgres/driver.js'

export interface PostgresStoreOptions {
  /**
   * `postgres://user:password@host:port/database?sslmode=verify-full`, as the package pg takes it, with user, host and
   * database; or what gives it, asked again for the password of each new connection. A secret: no error has it.
   */
  readonly connectionString?: ConnectionString | undefined
  /** Instead: a `Pool` of the host's, on a database that is meant for it; `close` leaves it open. */
  readonly pool?: PostgresPool | undefined
  /** The schema of Postgres; made where there is none. One may hold several projects. Default `lakeloop`. */
  readonly schema?: string | undefined
  /** The most connections of a pool of our own. Default 4, at most 100. */
  readonly poolMax?: number | undefined
  /** How long one statement may take, and a connection be waited for. Default 60,000, at most 3,600,000. */
  readonly statementTimeoutMs?: number | undefined
  /** How long another commit to the same project is waited for. Default 5,000, at most 600,000. */
  readonly lockTimeoutMs?: number | undefined
}

const OPTIONS = z.strictObject({
  connectionString: z
    .custom<ConnectionString>((value) => typeof value === 'string' || typeof value === 'function')
    .optional(),
  pool: z
    .custom<PostgresPool>((value) => typeof (value as PostgresPool | null)?.connect === 'function', 'is no pool of pg')
    .optional(),
  schema: z
    .string()
    .regex(/^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}$/)
    .optional(),
  poolMax: z.int().min(1).max(100).optional(),
  statementTimeoutMs: z.int().min(1).max(3_600_000).optional(),
  lockTimeoutMs: z.int().min(1).max(600_000).optional(),
})

/** A lost connection is tried again after 25 ms, then after twice as long; in all for 3 s. */
const ATTEMPTS_MAX = 8
const RETRY_MS = 25

const UNKNOWN =
  'the connection was lost at COMMIT and did not come back; whether this commit was written is unknown, read before writing it again'

/**
 * A store in one schema of a Postgres database (13 or newer, in UTF8): durable, and open to several processes of several
 * machines.
 *
 * Repeat   the constructor connects to nothing; the schema is looked at, and made or brought up, at the first use. A call
 *          whose connection was lost is made again; a commit whose answer was lost is looked up before, and not made twice.
 * Order    commits to one project go one after another, whoever makes them; those of one handle in the order of the calls.
 * Throws   OPTION_INVALID at construction; PEER_MISSING and the codes of {@link Store} at use. STORE_FAILED says so where it
 *          could not be found out whether a commit was written.
 * Cost     four round trips a commit and one a read, however many entries it has (docs/stores.md).
 * Upholds  I1, I3: `synchronous_commit` is never off, so that a commit that was answered survives a power loss. I7.
 */
export class PostgresStore implements Store {
  readonly supports = { durable: true, shared: true } as const
  readonly #place: Place
  readonly #options: PostgresStoreOptions
  readonly #statements: Statements
  readonly #writer: string = randomUUID()
  #commits = 0
  /** The pool that we made, if we did, and the one in use, once the schema is in order. */
  #own: OwnPool | undefined
  #opened: Promise<PostgresPool> | undefined
  #closing: Promise<void> | undefined
  /** Commits go one after another, also while one waits for a lock. */
  #last: Promise<unknown> = Promise.resolve()
  /** What is under way; pg forgets those who wait for a connection when its pool ends. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: PostgresStoreOptions) {
    checkOptions(options)
    const { schema = 'lakeloop', statementTimeoutMs = 60_000, lockTimeoutMs = 5_000 } = options
    this.#place = { schema, store: `${schema} (Postgres)`, lockTimeoutMs, statementTimeoutMs }
    this.#options = options
    this.#statements = new Statements(this.#place)
  }

  async get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    this.#assertOpen()
    checkCount('keys', keys.length)
    if (keys.length === 0) return []
    return await this.#run((client) => this.#statements.get(client, table, keys))
  }

  async scan(table: Table, range: Range): Promise<readonly Entry[]> {
    this.#assertOpen()
    checkCount('limit', range.limit)
    return await this.#run((client) => this.#statements.scan(client, table, range))
  }

  async commit(ops: readonly Op[]): Promise<void> {
    this.#assertOpen()
    const batch = batchOf(ops)
    if (batch.slots.size === 0) return
    this.#commits += 1
    const ticket: Ticket = { writer: this.#writer, n: this.#commits, unclear: false }
    const write = (client: PostgresClient): Promise<void> => this.#statements.commit(client, batch, ticket)
    const committed = this.#last.then(() => this.#run(write, ticket))
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
    await Promise.allSettled(this.#running)
    const pool = this.#commits > 0 ? await this.#opened?.catch(() => undefined) : undefined
    const forget = (client: PostgresClient): Promise<void> => this.#statements.forget(client, this.#writer)
    // Nothing is lost if this fails: a number that is a day old is forgotten by whoever closes next.
    if (pool !== undefined) await withClient(pool, forget).catch(() => undefined)
    await this.#own?.end()
  }

  /** Does `work` on a connection, again where the connection was lost. What may have been written is never called lost. */
  #run<Result>(work: (client: PostgresClient) => Promise<Result>, ticket?: Ticket): Promise<Result> {
    const running = this.#attempts(work, ticket)
    this.#running.add(running)
    const done = (): unknown => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  async #attempts<Result>(work: (client: PostgresClient) => Promise<Result>, ticket?: Ticket): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withClient(await this.#open(), work)
      } catch (error) {
        if (isLakeloopError(error)) throw error
        const again = attempt < ATTEMPTS_MAX && (isPassing(error) || ticket?.unclear === true)
        if (!again && ticket?.unclear === true) throw new LakeloopError('STORE_FAILED', { problem: UNKNOWN }, error)
        if (!again) throw storeError(error, this.#place.store)
      }
      await wait(RETRY_MS * 2 ** (attempt - 1))
    }
  }

  async #open(): Promise<PostgresPool> {
    this.#opened ??= this.#connect()
    return await this.#opened.catch((error: unknown) => {
      this.#opened = undefined // the next call may find the server in order
      throw error
    })
  }

  async #connect(): Promise<PostgresPool> {
    const { connectionString = '', pool: given, poolMax: max = 4 } = this.#options
    if (given === undefined)
      this.#own ??= await openPool(connectionString, { max, connectMs: this.#place.statementTimeoutMs })
    const pool = given ?? (this.#own as OwnPool)
    await withClient(pool, (client) => migrate(client, this.#place))
    return pool
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LakeloopError('STORE_CLOSED')
  }
}

/** Throws OPTION_INVALID, without what an option holds. */
function checkOptions(options: PostgresStoreOptions): void {
  const invalid = (option: string, problem: string): LakeloopError =>
    new LakeloopError('OPTION_INVALID', { part: 'PostgresStore', option, problem })
  const checked = OPTIONS.safeParse(options)
  if (!checked.success) {
    const { option, problem } = optionFault(checked.error, OPTIONS)
    throw invalid(option, problem)
  }
  const { connectionString, pool } = options
  if ((connectionString === undefined) === (pool === undefined)) {
    throw invalid('connectionString', 'or pool has to be given, and not both')
  }
  if (typeof connectionString === 'string') signIn(connectionString)
}
