import { setTimeout as after } from 'node:timers/promises'
import { LakeloopError } from '../../errors.js'
import { type Clock, orAborted } from '../../transport/clock.js'
import type { DriverOperation, RawResult } from './driver.js'
import type { ArrowBatches, ArrowResult } from './sql.js'
import { sqlError } from './sql-errors.js'

/** Rows that one call brings. Large enough for throughput; the bytes of a batch are the server's choice. */
export const FETCH_ROWS = 10_000
/** How long the server is given to say that it has ended what it is told to end. */
export const ENDING_MS_MAX = 5_000
/**
 * How long a session, the start of a statement, or a fetch may take. The driver itself waits for 15 minutes, and for ever
 * where a connection breaks within the body of an answer: node-fetch 2.7 sees that in chunked bodies alone.
 */
const ANSWER_MS_MAX = 300_000
/** Pages in a row without a row, after which a server that promises more is not believed. */
const EMPTY_PAGES_MAX = 100

interface ResultParts {
  readonly schema: Uint8Array
  readonly operation: DriverOperation
  readonly raw: RawResult
  readonly signal: AbortSignal
  /** Name of the source, for errors. */
  readonly source: string
  readonly clock: Clock
  /** True where the error is a token that was refused, and the next call is signed with another. */
  readonly mayRenew: (error: LakeloopError) => boolean
}

/** One result; knows how to end on the server in every case. */
export class OperationResult implements ArrowResult {
  readonly schema: Uint8Array
  readonly #parts: ResultParts
  readonly #ended = new AbortController()

  constructor(parts: ResultParts) {
    this.schema = parts.schema
    this.#parts = parts
  }

  async *batches(): AsyncGenerator<ArrowBatches> {
    const { raw, signal, source } = this.#parts
    let emptyPages = 0
    try {
      while (await this.#inTime(raw.hasMore())) {
        const { batches, rowCount } = await this.#fetched()
        const messages = withoutSchema(batches, this.schema)
        emptyPages = messages.length > 0 ? 0 : emptyPages + 1
        if (messages.length > 0) yield { messages, rowCount }
        if (emptyPages === EMPTY_PAGES_MAX) throw new Error(`${emptyPages} pages in a row had no rows`)
      }
    } catch (error) {
      if (signal.aborted) throw new LakeloopError('ABORTED', {}, error)
      throw sqlError(error, source)
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    const { operation, signal } = this.#parts
    if (signal.aborted) await cancelled(operation)
    else await within(ENDING_MS_MAX, operation.close())
  }

  async #fetched(): ReturnType<RawResult['fetchNext']> {
    const { raw, source, mayRenew } = this.#parts
    const fetch = () => this.#inTime(raw.fetchNext({ limit: FETCH_ROWS }))
    try {
      return await fetch()
    } catch (error) {
      // Refused at the door, so nothing was done: the same call again skips no page. No other error promises that.
      if (!mayRenew(sqlError(error, source))) throw error
      return await fetch()
    }
  }

  /** What the driver does, but not behind the end. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    return await inTime('a fetch', orAborted(work, this.#ended.signal), this.#parts)
  }
}

/**
 * What the driver does, but no longer than one answer may take.
 *
 * Throws  SOURCE_UNREACHABLE, ABORTED
 */
export async function inTime<T>(
  what: string,
  work: Promise<T>,
  { clock, signal, source }: Pick<ResultParts, 'clock' | 'signal' | 'source'>,
): Promise<T> {
  const done = new AbortController()
  const late = clock.sleep(ANSWER_MS_MAX, done.signal).then((): never => {
    const problem = `: ${what} had no answer for ${ANSWER_MS_MAX / 1_000} s`
    throw new LakeloopError('SOURCE_UNREACHABLE', { source, problem })
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([orAborted(work, signal), late])
  } finally {
    done.abort()
  }
}

/** Inline results have the schema in front; what comes by links to cloud storage are whole streams, each with its own. */
function withoutSchema(batches: readonly Uint8Array[], schema: Uint8Array): readonly Uint8Array[] {
  const [first] = batches
  return first !== undefined && Buffer.compare(first, schema) === 0 ? batches.slice(1) : batches
}

export async function cancelled(operation: DriverOperation): Promise<void> {
  await within(ENDING_MS_MAX, operation.cancel())
}

/** Waits for the end of what ends something, but not for ever, and not for its success. */
export async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  if (work === undefined) return
  const late = new AbortController()
  const silent = work.then(
    () => undefined,
    () => undefined,
  )
  await Promise.race([silent, after(ms, undefined, { signal: late.signal, ref: false }).catch(() => undefined)])
  late.abort()
}
