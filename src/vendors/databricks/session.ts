import { setTimeout as after } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import { type Clock, orAborted, systemClock } from '../../transport/clock.js'
import {
  type DriverClient,
  type DriverOperation,
  type DriverSession,
  loadDriver,
  type RawResult,
  rawResult,
} from './driver.js'
import type { ArrowBatches, ArrowResult, SqlParameter, SqlSession, StatementOptions } from './sql.js'
import { mayPass, sqlError } from './sql-errors.js'

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
  /** Shown beside each statement in the query history. */
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

/** Rows that one call brings. Large enough for throughput; the bytes of a batch are the server's choice. */
const FETCH_ROWS = 10_000
/** Source: the contract in sql.ts. */
const SMALL_ROWS_MAX = 10_000
/** Markers in one statement. Source: databricks-sql-python docs/parameters.md. */
const PARAMETERS_MAX = 255
/** Back-off between attempts. Source: lightdash PR 28654, which does the same. */
const WAIT_MS = 2_000
const WAIT_MS_MAX = 30_000
/** How long the server is given to say that it has cancelled. */
const CANCEL_MS_MAX = 5_000

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
    return await this.#attempts(options.signal, async (session, signal) => {
      const operation = await this.#execute(session, sql, options, signal)
      try {
        const found = await orAborted(operation.fetchAll({ maxRows: SMALL_ROWS_MAX + 1 }), signal)
        if (found.length > SMALL_ROWS_MAX) throw new LakeloopError('SOURCE_FAILED', { source: this.#options.name })
        return found.map((row) => plain(row) as JsonObject)
      } finally {
        await operation.close().catch(() => undefined)
      }
    })
  }

  async query(sql: string, options: StatementOptions = {}): Promise<ArrowResult> {
    return await this.#attempts(options.signal, async (session, signal) => {
      const operation = await this.#execute(session, sql, options, signal)
      try {
        const { arrowSchema } = await orAborted(operation.getResultMetadata(), signal)
        if (arrowSchema === undefined) throw new LakeloopError('SOURCE_DRIVER_UNKNOWN', { source: this.#options.name })
        const raw = await rawResult(operation, this.#options.name)
        return new OperationResult({ schema: arrowSchema, operation, raw, signal, source: this.#options.name })
      } catch (error) {
        await operation.close().catch(() => undefined)
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
    const began = this.#clock.now()
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) throw new LakeloopError('CLOSED', { part: `the source ${name}` })
      if (signal.aborted) throw new LakeloopError('ABORTED')
      try {
        return await work(await orAborted(this.#open(), signal), signal)
      } catch (caught) {
        if (signal.aborted) throw new LakeloopError('ABORTED', {}, caught)
        const error = sqlError(caught, name)
        const waitedMs = this.#clock.now() - began
        if (!this.#mayPass(error) || waitedMs >= startTimeoutMs) throw error
        await this.#drop()
        onWaiting?.({ waitedMs, attempt })
        await this.#clock.sleep(Math.min(WAIT_MS * 2 ** (attempt - 1), WAIT_MS_MAX), signal)
      }
    }
  }

  /** True for what another attempt may mend: a token that was refused is asked for anew, once. */
  #mayPass(error: LakeloopError): boolean {
    if (mayPass(error)) return true
    if (!isLakeloopError(error, 'SOURCE_UNAUTHORIZED') || this.#refused === this.#sent) return false
    this.#refused = this.#sent
    return true
  }

  #open(): Promise<DriverSession> {
    this.#session ??= this.#connect()
    return this.#session
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
    return await client.openSession({ configuration: { TIMEZONE: 'UTC' }, ...(queryTags ? { queryTags } : {}) })
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
    const operation = await session.executeStatement(sql, {
      maxRows: FETCH_ROWS,
      useCloudFetch,
      ...(namedParameters ? { namedParameters } : {}),
      queryTags: { ...queryTags, ...tags },
    })
    try {
      // Before any fetch: a server may say that a failed statement has no result, and then a fetch finds no rows.
      await orAborted(operation.finished(), signal)
      return operation
    } catch (error) {
      if (signal.aborted) await cancelled(operation)
      else await operation.close().catch(() => undefined)
      throw error
    }
  }

  async #drop(): Promise<void> {
    const [session, client] = [this.#session, this.#client]
    this.#session = undefined
    this.#client = undefined
    const open = await session?.catch(() => undefined)
    await within(CANCEL_MS_MAX, open?.close())
    await within(CANCEL_MS_MAX, client?.close())
  }
}

/** One result; knows how to end on the server in every case. */
class OperationResult implements ArrowResult {
  readonly schema: Uint8Array
  readonly #parts: { operation: DriverOperation; raw: RawResult; signal: AbortSignal; source: string }
  #ended = false

  constructor(parts: {
    schema: Uint8Array
    operation: DriverOperation
    raw: RawResult
    signal: AbortSignal
    source: string
  }) {
    this.schema = parts.schema
    this.#parts = parts
  }

  async *batches(): AsyncGenerator<ArrowBatches> {
    const { raw, signal, source } = this.#parts
    try {
      while (await orAborted(raw.hasMore(), signal)) {
        const { batches, rowCount } = await orAborted(raw.fetchNext({ limit: FETCH_ROWS }), signal)
        const messages = withoutSchema(batches, this.schema)
        if (messages.length > 0) yield { messages, rowCount }
      }
    } catch (error) {
      if (signal.aborted) throw new LakeloopError('ABORTED', {}, error)
      throw sqlError(error, source)
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const { operation, signal } = this.#parts
    if (signal.aborted) await cancelled(operation)
    else await within(CANCEL_MS_MAX, operation.close())
  }
}

/** Inline results have the schema in front; what comes by links to cloud storage are whole streams, each with its own. */
function withoutSchema(batches: readonly Uint8Array[], schema: Uint8Array): readonly Uint8Array[] {
  const [first] = batches
  return first !== undefined && Buffer.compare(first, schema) === 0 ? batches.slice(1) : batches
}

async function cancelled(operation: DriverOperation): Promise<void> {
  await within(CANCEL_MS_MAX, operation.cancel())
}

/** Waits for the end of what ends something, but not for ever, and not for its success. */
async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  if (work === undefined) return
  const late = new AbortController()
  const silent = work.then(
    () => undefined,
    () => undefined,
  )
  await Promise.race([silent, after(ms, undefined, { signal: late.signal, ref: false }).catch(() => undefined)])
  late.abort()
}

/** Throws  OPTION_INVALID beyond what a statement may have. */
async function bound(parameters: Readonly<Record<string, SqlParameter>>): Promise<Record<string, object>> {
  const entries = Object.entries(parameters)
  if (entries.length > PARAMETERS_MAX) {
    const problem = `are ${entries.length}; a statement takes ${PARAMETERS_MAX}`
    throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option: 'parameters', problem })
  }
  const { DBSQLParameter } = await loadDriver()
  return Object.fromEntries(entries.map(([name, parameter]) => [name, new DBSQLParameter(parameter)]))
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
