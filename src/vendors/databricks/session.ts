import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import { type Clock, orAborted, systemClock } from '../../transport/clock.js'
import { type DriverClient, type DriverOperation, type DriverSession, loadDriver, rawResult } from './driver.js'
import { cancelled, ENDING_MS_MAX, FETCH_ROWS, inTime, OperationResult, within } from './operation-result.js'
import type { ArrowResult, SqlParameter, SqlSession, StatementOptions } from './sql.js'
import { mayPass, retryAfterMs, sessionError, sqlError } from './sql-errors.js'

export interface WarehouseOptions {
  /** Of the source, for errors. */
  readonly name: string
  readonly host: string
  readonly port?: number | undefined
  /** `/sql/1.0/warehouses/<id>`. */
  readonly httpPath: string
  /** A token that is good now; asked before every call. `refused` is one that the server did not take. */
  readonly token: (refused?: string) => Promise<string>
  readonly userAgent: string
  /** Shown beside each statement in the query history, with those of the statement. `undefined`: neither is sent. */
  readonly queryTags?: Readonly<Record<string, string>> | undefined
  /** How long a warehouse may take to start, in ms. Serverless takes 40 s, classic 5 minutes. */
  readonly startTimeoutMs: number
  /** Large results by links to cloud storage, which some firewalls block. */
  readonly useCloudFetch: boolean
  readonly customCaCert?: string | undefined
  /** Told at each wait for a warehouse that is not ready. */
  readonly onWaiting?: ((waited: { readonly waitedMs: number; readonly attempt: number }) => void) | undefined
  readonly clock?: Clock | undefined
}

/** Source: the contract in sql.ts. */
const SMALL_ROWS_MAX = 10_000
/** Markers in one statement. Source: databricks-sql-python docs/parameters.md. */
const PARAMETERS_MAX = 255
/** Back-off between attempts. Source: lightdash PR 28654, which does the same. */
const WAIT_MS = 2_000
const WAIT_MS_MAX = 30_000

/**
 * A session on a SQL warehouse through `@databricks/sql`. Only for statements that read: what is not answered is asked
 * again, in a new session, until `startTimeoutMs` is over.
 *
 * Throws  as {@link SqlSession}; PEER_MISSING, SOURCE_UNAUTHORIZED.
 * Upholds I7: the driver's log goes nowhere and its telemetry is off.
 */
export class WarehouseSession implements SqlSession {
  readonly #options: WarehouseOptions
  readonly #clock: Clock
  #client: DriverClient | undefined
  #session: Promise<DriverSession> | undefined
  #sent: string | undefined
  #refused: string | undefined
  #closed = false

  constructor(options: WarehouseOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  async rows(sql: string, options: StatementOptions = {}): Promise<readonly JsonObject[]> {
    assertFew(options.parameters)
    return await this.#attempts(options.signal, async (session, signal) => {
      const operation = await this.#execute(session, sql, options, signal)
      try {
        const found = await orAborted(operation.fetchAll({ maxRows: SMALL_ROWS_MAX + 1 }), signal)
        if (found.length > SMALL_ROWS_MAX) throw new LakeloopError('SOURCE_FAILED', { source: this.#options.name })
        return found.map((row) => plain(row) as JsonObject)
      } finally {
        await within(ENDING_MS_MAX, operation.close())
      }
    })
  }

  async query(sql: string, options: StatementOptions = {}): Promise<ArrowResult> {
    assertFew(options.parameters)
    return await this.#attempts(options.signal, async (session, signal) => {
      const operation = await this.#execute(session, sql, options, signal)
      try {
        const { arrowSchema } = await orAborted(operation.getResultMetadata(), signal)
        if (arrowSchema === undefined) throw new LakeloopError('SOURCE_DRIVER_UNKNOWN', { source: this.#options.name })
        await this.#assertRows(operation)
        const raw = await rawResult(operation, this.#options.name)
        const parts = { schema: arrowSchema, operation, raw, signal, source: this.#options.name, clock: this.#clock }
        return new OperationResult({ ...parts, mayRenew: (error) => this.#mayRenew(error) })
      } catch (error) {
        await within(ENDING_MS_MAX, operation.close())
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#drop()
  }

  /** Until it works, the time is over, or the error is none that passes. */
  async #attempts<Result>(
    given: AbortSignal | undefined,
    work: (session: DriverSession, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { name, startTimeoutMs, onWaiting } = this.#options
    const signal = given ?? new AbortController().signal
    let began = this.#clock.now()
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) throw new LakeloopError('CLOSED', { part: `the source ${name}` })
      if (signal.aborted) throw new LakeloopError('ABORTED')
      const opening = this.#open()
      let hasOpened = false
      try {
        const session = await inTime('a session', opening, this.#waiting(signal))
        hasOpened = true
        const result = await work(session, signal)
        this.#refused = undefined
        return result
      } catch (caught) {
        if (signal.aborted) throw new LakeloopError('ABORTED', {}, caught)
        const error = hasOpened ? sqlError(caught, name) : sessionError(caught, name)
        // What a statement took before it was lost is no wait for the warehouse.
        if (hasOpened && attempt === 1) began = this.#clock.now()
        const waitedMs = this.#clock.now() - began
        if (!this.#mayPass(error) || waitedMs >= startTimeoutMs) {
          this.#refused = undefined // the next call may be signed with the same again: a refusal can be a slip
          throw error
        }
        await this.#drop(opening)
        onWaiting?.({ waitedMs, attempt })
        const ownMs = Math.min(WAIT_MS * 2 ** (attempt - 1), WAIT_MS_MAX)
        // What the server asks for goes first, as far as the time lasts.
        const askedMs = Math.min(retryAfterMs(caught), startTimeoutMs - waitedMs)
        await this.#clock.sleep(Math.max(ownMs, askedMs), signal)
      }
    }
  }

  #waiting(signal: AbortSignal) {
    return { clock: this.#clock, signal, source: this.#options.name }
  }

  /** True for what another attempt may mend. */
  #mayPass(error: LakeloopError): boolean {
    return mayPass(error) || this.#mayRenew(error)
  }

  /** True for a token that was refused, and then the next one is another: asked for once. */
  #mayRenew(error: LakeloopError): boolean {
    if (!isLakeloopError(error, 'SOURCE_UNAUTHORIZED') || this.#refused === this.#sent) return false
    this.#refused = this.#sent
    return true
  }

  #open(): Promise<DriverSession> {
    if (this.#session !== undefined) return this.#session
    const opening = this.#connect()
    this.#session = opening
    // Kept, it would go on refusing what has been mended since: a right, a credential, a name.
    opening.catch(() => this.#drop(opening))
    return opening
  }

  async #connect(): Promise<DriverSession> {
    const { host, port, httpPath, userAgent, queryTags, customCaCert } = this.#options
    const { DBSQLClient } = await loadDriver()
    const client = new DBSQLClient({ logger: { log: () => undefined } })
    client.on('error', () => undefined) // the call that meets it throws it too
    await client.connect({
      host,
      path: httpPath,
      ...(port === undefined ? {} : { port }),
      authType: 'custom',
      provider: { authenticate: async () => ({ Authorization: `Bearer ${await this.#token()}` }) },
      userAgentEntry: userAgent,
      telemetryEnabled: false,
      preserveBigNumericPrecision: true,
      ...(customCaCert === undefined ? {} : { customCaCert }),
    })
    this.#client = client
    // An admin may have set another zone for the whole warehouse; every time of ours is in UTC.
    return await client.openSession({
      configuration: { TIMEZONE: 'UTC' },
      ...(queryTags ? { queryTags: sendable(queryTags) } : {}),
    })
  }

  async #token(): Promise<string> {
    this.#sent = await this.#options.token(this.#refused)
    return this.#sent
  }

  async #execute(
    session: DriverSession,
    sql: string,
    { parameters, tags }: StatementOptions,
    signal: AbortSignal,
  ): Promise<DriverOperation> {
    const { queryTags, useCloudFetch } = this.#options
    const namedParameters = parameters === undefined ? undefined : await bound(parameters)
    const executing = session.executeStatement(sql, {
      maxRows: FETCH_ROWS,
      useCloudFetch,
      ...(namedParameters ? { namedParameters } : {}),
      ...(queryTags ? { queryTags: sendable({ ...queryTags, ...tags }) } : {}),
    })
    const operation = await inTime('a statement', executing, this.#waiting(signal)).catch((error: unknown) => {
      // What was not waited for may have begun.
      executing.then(cancelled).catch(() => undefined)
      throw error
    })
    try {
      // Before any fetch: a server may say that a failed statement has no result, and then a fetch finds no rows.
      await orAborted(operation.finished(), signal).catch(async (error: unknown) => {
        if (!this.#mayRenew(sqlError(error, this.#options.name))) throw error
        await orAborted(operation.finished(), signal) // it may run for longer than a token is good
      })
      return operation
    } catch (error) {
      if (signal.aborted) await cancelled(operation)
      else await within(ENDING_MS_MAX, operation.close())
      throw error
    }
  }

  /** A result that is said to be none would read as one without rows. */
  async #assertRows(operation: DriverOperation): Promise<void> {
    if ((await operation.getSchema()) !== null) return
    throw new LakeloopError('SOURCE_QUERY_INVALID', { source: this.#options.name, problem: 'it gives no rows' })
  }

  /** @param only  the session that is meant; another one, which somebody has opened since, stays */
  async #drop(only = this.#session): Promise<void> {
    const [session, client] = [this.#session, this.#client]
    if (session !== only) return
    this.#session = undefined
    this.#client = undefined
    // One that opens too late is closed all the same.
    await within(
      ENDING_MS_MAX,
      session?.then((open) => open.close()),
    )
    await within(ENDING_MS_MAX, client?.close())
  }
}

/** What a tag may hold; names of tables are longer. Source: docs.getdbt.com databricks-configs, "Query tags". */
const TAG_MAX = 128

const sendable = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, value.slice(0, TAG_MAX)]))

/** Throws  OPTION_INVALID beyond what a statement may have, before anything is asked. */
function assertFew(parameters: StatementOptions['parameters'] = {}): void {
  const count = Object.keys(parameters).length
  if (count <= PARAMETERS_MAX) return
  const problem = `are ${count}; a statement takes ${PARAMETERS_MAX}`
  throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option: 'parameters', problem })
}

async function bound(parameters: Readonly<Record<string, SqlParameter>>): Promise<Record<string, object>> {
  const { DBSQLParameter } = await loadDriver()
  return Object.fromEntries(Object.entries(parameters).map(([name, one]) => [name, new DBSQLParameter(one)]))
}

/** Values of metadata as JSON: an integer that no number holds is its digits, a time ISO text, bytes base64. */
function plain(value: unknown): Json {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]))
  return value as Json
}
