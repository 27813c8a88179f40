import { isLakeloopError, LakeloopError } from '../errors.js'
import { type Cursor, type Row, rowBlock, type Schema } from '../model/row.js'
import { assertNotAborted, pageSizeOf } from '../sources/paging.js'
import type { LookOptions, Page, ReadOptions, Source } from '../sources/source.js'
import type { Fetch } from '../transport/http-client.js'
import { Secret } from '../transport/secret.js'
import { BASE_URLS } from '../vendors/iterable/endpoints.js'
import { IterableClient } from '../vendors/iterable/iterable-client.js'
import { checkedOptions, type IterableExportOptions, PART } from './export-options.js'
import { EXPORT_SCHEMA, rowOfLine } from './export-rows.js'
import { type Asked, linesOfSpan, Spans, sourceError } from './export-span.js'
import { isoTime, SECOND } from './export-time.js'

/** How often a span is asked for that gives no whole answer, and one that is refused for now. */
const TRIES_MAX = 6
const REFUSALS_MAX = 30

/**
 * What Iterable knows of its users, or what they did, as rows: a {@link Source} for `identity.ingest`, or for a `Sync`.
 *
 * Shape    columns `id` (the key), `dataType`, `at`, `person`, `email`, `userId`, `itblUserId`, `raw`: docs/collect.md.
 * Order    spans of time one after the other; within one as Iterable gives them, which is no order. A read that is cut off begins
 *          its span again.
 * Repeat   after the last cursor comes what is filed under a later time. What is shown later than `lagMs` is not read.
 * Throws   CREDENTIALS_MISSING and OPTION_INVALID, when it is made, and at use for a data type that Iterable does not know;
 *          SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FAILED, CURSOR_INVALID, CLOSED, ABORTED.
 * Cost     one request a span, of which the project has four a minute; `bytesMax` in memory.
 * Upholds  I3, I7, I12.
 */
export class IterableExport implements Source {
  readonly name: string
  readonly key = ['id'] as const
  readonly changedAt = 'at'
  readonly #settings: ReturnType<typeof checkedOptions>
  readonly #from: number
  readonly #now: () => number
  readonly #client: IterableClient
  #closing: Promise<void> | undefined

  constructor(options: IterableExportOptions) {
    const apiKey = new Secret(options?.apiKey, { part: PART, option: 'apiKey' })
    const settings = checkedOptions(options)
    const { dataCenter, dataType, project, share, perMinute, timeoutMs } = settings
    this.name = settings.name ?? `iterable-${dataType}`
    this.#settings = settings
    this.#from = Math.floor(Date.parse(settings.from) / SECOND) * SECOND
    this.#now = options.now ?? Date.now
    const { baseUrl = BASE_URLS[dataCenter], clock } = options
    const hooks = { clock, fetch: options.fetch as Fetch | undefined }
    const rates = { 'export/data': perMinute / 60 }
    this.#client = new IterableClient({ baseUrl, project, apiKey, share, rates, timeoutMs, ...hooks })
  }

  async *read(options: ReadOptions): AsyncGenerator<Page> {
    this.#assertOpen()
    const pageSize = pageSizeOf(options, `${PART}.read`)
    const { signal } = options
    const begin = until(options.after, this.name) ?? this.#from
    assertNotAborted(signal)
    const end = this.#end()
    const spans = new Spans()
    let held: Page | undefined
    let count = 0
    let at = begin
    for (let from = begin; from < end; from = at) {
      const { to, lines } = await this.#span(spans, from, end, signal)
      for (let first = 0; first < lines.length; first += pageSize) {
        if (held !== undefined) yield held
        this.#assertOpen()
        assertNotAborted(signal)
        count += 1
        held = this.#page(lines.slice(first, first + pageSize), { until: isoTime(from), page: count })
      }
      at = to
      // Also over what is empty behind it: else the next read would ask for that again.
      if (held !== undefined) held = { ...held, cursor: { until: isoTime(to), page: 0 } }
    }
    if (held === undefined && at > begin) held = this.#page([], { until: isoTime(at), page: 0 })
    if (held !== undefined) yield held
  }

  async describe(): Promise<Schema> {
    this.#assertOpen()
    return EXPORT_SCHEMA
  }

  /** Where a read would end now. */
  async head({ signal }: LookOptions): Promise<Cursor> {
    this.#assertOpen()
    assertNotAborted(signal)
    return { until: isoTime(Math.max(this.#end(), this.#from)), page: 0 }
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#client.close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #end(): number {
    return Math.floor((this.#now() - this.#settings.lagMs) / SECOND) * SECOND
  }

  /** The next span, as long as it fits and comes whole. */
  async #span(
    spans: Spans,
    from: number,
    last: number,
    signal: AbortSignal,
  ): Promise<{ readonly to: number; readonly lines: readonly Uint8Array[] }> {
    const { dataType, bytesMax } = this.#settings
    for (let [tries, refusals] = [1, 1]; ; ) {
      const to = spans.end(from, last)
      const asked: Asked = { dataType, from, to, bytesMax }
      try {
        const found = await linesOfSpan(this.#client, asked, signal)
        if (found !== undefined) {
          spans.fits(found.bytes, bytesMax)
          return { to, lines: found.lines }
        }
        if (!spans.halve(from, to)) {
          const problem = `: one second of it is more than ${bytesMax} bytes; raise bytesMax`
          throw new LakeloopError('SOURCE_FAILED', { source: this.name, problem })
        }
      } catch (error) {
        const isRefused = isLakeloopError(error, 'DESTINATION_THROTTLED')
        const isBroken = isLakeloopError(error, 'DESTINATION_ANSWER_UNCLEAR')
        const isLost = isBroken || isLakeloopError(error, 'DESTINATION_UNREACHABLE')
        if (isBroken) spans.halve(from, to)
        if (isRefused) refusals += 1
        if (isLost) tries += 1
        if (!(isRefused || isLost) || tries > TRIES_MAX || refusals > REFUSALS_MAX) throw sourceError(error, this.name)
      }
    }
  }

  #page(lines: readonly Uint8Array[], cursor: Cursor): Page {
    const rows = lines.map((line) => this.#row(line))
    const block = rowBlock(rows, { key: this.key, changedAt: this.changedAt })
    return { schema: EXPORT_SCHEMA, rows: block, cursor, mode: 'changes' }
  }

  #row(line: Uint8Array): Row {
    const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')
    try {
      return rowOfLine(text, this.#settings.dataType)
    } catch (error) {
      throw new LakeloopError(
        'SOURCE_FAILED',
        { source: this.name, problem: ': a line of the export is no JSON' },
        error,
      )
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LakeloopError('CLOSED', { part: `the source ${this.name}` })
  }
}

/** Everything before it was read. Throws CURSOR_INVALID. */
function until(after: Cursor | undefined, source: string): number | undefined {
  if (after === undefined) return undefined
  const { until: time, page, ...rest } = after
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (Number.isNaN(ms) || !Number.isSafeInteger(page) || Object.keys(rest).length > 0)
    throw new LakeloopError('CURSOR_INVALID', { source })
  return ms
}
