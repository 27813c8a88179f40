import { causeOf, isLakeloopError, LakeloopError } from '../../errors.js'
import type { Cursor, RowBlock, Schema } from '../../model/row.js'
import type { Json } from '../../model/value.js'
import type { Clock } from '../../transport/clock.js'
import type { ArrowResult } from '../../vendors/databricks/sql.js'
import { retryAfterMs, wasEnded } from '../../vendors/databricks/sql-errors.js'
import { assertNotAborted } from '../paging.js'
import type { FloatRule } from '../plain-value.js'
import type { Page } from '../source.js'
import { arrowReader } from './arrow/arrow-reader.js'
import type { Segment, Tell } from './segment.js'
import { type SpoolOptions, spooled } from './spool.js'
import type { Place } from './sql-text.js'
import { type Asking, asked } from './table-facts.js'

/** How a segment is read. */
export interface Reading {
  readonly asking: Asking
  readonly key: readonly string[] | undefined
  readonly changedAt: string | undefined
  readonly floats: FloatRule
  readonly integersAsText: readonly string[] | undefined
  readonly spool: SpoolOptions
  readonly tell: Tell
  readonly pageSize: number
  readonly clock: Clock
}

/** Times in a row that a lost result is asked for again without a row in between. */
const LOST_MAX = 3
/** Before it is asked for again; doubled each time, or what the server asks for. */
const WAIT_MS = 1_000
const WAIT_MS_MAX = 60_000

/** The pages of a read, segment after segment. */
export async function* pagesOf(segments: AsyncIterable<Segment>, reading: Reading): AsyncGenerator<Page> {
  let before = 0
  for await (const segment of segments) {
    let rows = 0
    for await (const page of segmentPages(segment, reading)) {
      assertNotAborted(reading.asking.signal)
      rows += page.rows.length
      const ofAll = segment.more || page.rowsTotal === undefined ? undefined : before + page.rowsTotal
      yield { ...page, rowsTotal: ofAll }
    }
    before += rows
  }
}

/**
 * The pages of one statement. A result that is lost on its way is asked for again behind the last row that was given out,
 * where the rows are sorted; else only if none was.
 *
 * Shape   no rows at all are one empty page, so that the cursor moves. Pages tell the rows of them all from when the server
 *         has sent the last one: before the destination has taken many, where it is the slower of the two.
 */
export async function* segmentPages(segment: Segment, reading: Reading): AsyncGenerator<Page> {
  let current = segment
  const before = { pages: 0, rows: 0 }
  let lost = 0
  for (;;) {
    // Not within: the session has asked for as long as it may, and what it gives up is no result that was lost.
    const { session } = reading.asking
    const result = await session.query(current.sql, { ...asked(reading.asking), parameters: current.parameters })
    try {
      for await (const { page, place } of attempt(result, current, reading, before)) {
        before.pages += 1
        before.rows += page.rows.length
        lost = 0
        if (place !== undefined && segment.rest !== undefined) current = segment.rest(place)
        yield page
      }
      return
    } catch (error) {
      const { asking, tell } = reading
      const mayResume = before.pages === 0 || segment.rest !== undefined
      const isLost = isLakeloopError(error, 'SOURCE_UNREACHABLE') && !wasEnded(error)
      if (asking.signal.aborted || !isLost || !mayResume) throw error
      lost += 1
      if (lost > LOST_MAX) throw error
      tell({ kind: 'resumed', problem: String(error.facts.problem ?? '') })
      const waitMs = Math.max(WAIT_MS * 2 ** (lost - 1), retryAfterMs(causeOf(error)))
      await reading.clock.sleep(Math.min(waitMs, WAIT_MS_MAX), asking.signal)
    }
  }
}

interface Given {
  readonly page: Page
  /** Of its last row; `undefined` for the last page, and where rows are not sorted. */
  readonly place: Place | undefined
}

/** What was given out already, of results that broke off. */
interface Before {
  readonly pages: number
  readonly rows: number
}

/** One result, read to its end. One page is held back, so that the last one is known as the last. */
async function* attempt(
  result: ArrowResult,
  segment: Segment,
  reading: Reading,
  before: Before,
): AsyncGenerator<Given> {
  const { asking, pageSize } = reading
  const { source } = asking
  const { key, changedAt, floats, integersAsText } = reading
  const reader = await arrowReader(result.schema, { source, floats, integersAsText, key, changedAt }).catch(
    async (error: unknown) => {
      await result.close()
      throw error
    },
  )
  const paging = new Paging(segment, { schema: reader.schema, source, changedAt }, before.pages)
  let taken = before.rows
  let messages: Uint8Array[] = []
  let rows = 0
  const flush = function* (): Generator<Given> {
    if (messages.length === 0) return // and not where no row was announced: they may hold some
    const block = reader.block(messages, rows)
    for (let from = 0; from < rows; from += pageSize)
      yield* paging.take(slice(block, from, Math.min(from + pageSize, rows)))
    messages = []
    rows = 0
  }
  for await (const batch of spooled(result, reading.spool)) {
    messages.push(...batch.messages)
    rows += batch.rowCount
    taken += batch.rowCount
    if (batch.rowsLeft !== undefined) paging.rowsTotal = taken + batch.rowsLeft
    if (rows >= pageSize) yield* flush()
  }
  yield* flush()
  yield paging.end(reader.block([], 0))
}

/** What a cursor and a page are made of, besides their rows. */
interface Told {
  readonly schema: Schema
  readonly source: string
  readonly changedAt: string | undefined
}

class Paging {
  readonly #segment: Segment
  readonly #told: Told
  readonly #zone: string
  #held: RowBlock | undefined
  #pages: number
  /** Of all its pages; `undefined` until it is known. */
  rowsTotal: number | undefined

  constructor(segment: Segment, told: Told, before: number) {
    this.#segment = segment
    this.#told = told
    this.#zone = zoneOf(told)
    this.#pages = before
  }

  *take(block: RowBlock): Generator<Given> {
    const held = this.#held
    this.#held = block
    if (held === undefined) return
    const place = this.#placeOf(held, held.length - 1)
    if (place !== undefined) this.#assertApart(place, this.#placeOf(block, 0))
    this.#pages += 1
    const at = this.#segment.cursor(place)
    yield { page: this.#page(held, place === undefined ? { ...at, page: this.#pages } : at), place }
  }

  end(empty: RowBlock): Given {
    return { page: this.#page(this.#held ?? empty, this.#segment.cursor(undefined)), place: undefined }
  }

  #page(rows: RowBlock, cursor: Cursor): Page {
    const { schema } = this.#told
    const { mode } = this.#segment
    const { rowsTotal } = this
    const zone = this.#zone
    if (zone === '') return { schema, rows, cursor, mode, rowsTotal }
    const changedAt = (index: number): string | undefined => {
      const text = rows.changedAt(index)
      return text === undefined ? undefined : `${text}${zone}`
    }
    return { schema, cursor, mode, rowsTotal, rows: { ...delegated(rows), changedAt } }
  }

  #placeOf(rows: RowBlock, index: number): Place | undefined {
    const { order } = this.#segment
    if (order.length === 0) return undefined
    const row = rows.at(index)
    return order.map(({ name }) => row[name] ?? null)
  }

  /** A place that two rows share, or that has no value, would be gone on behind or before: rows would be lost or doubled. */
  #assertApart(last: Place, next: Place | undefined): void {
    const problem = last.some((value: Json) => value === null) ? 'is NULL in a row' : 'stands in two rows'
    if (problem === 'stands in two rows' && JSON.stringify(last) !== JSON.stringify(next)) return
    const key = this.#segment.order.map(({ name }) => name).join(', ')
    throw new LakeloopError('SOURCE_KEY_AMBIGUOUS', { source: this.#told.source, key, problem })
  }
}

/** What stands behind the text of `changedAt` to make it an instant: a time without a zone is taken as UTC. */
function zoneOf({ schema, changedAt }: Told): string {
  const type = schema.columns.find(({ name }) => name === changedAt)?.type
  if (type === 'timestamp_ntz') return 'Z'
  return type === 'date' ? 'T00:00:00.000000Z' : ''
}

const delegated = (rows: RowBlock): RowBlock => ({
  length: rows.length,
  refused: rows.refused,
  at: (index) => rows.at(index),
  key: (index) => rows.key(index),
  changedAt: (index) => rows.changedAt(index),
  json: (from, to) => rows.json(from, to),
})

/** Rows [from, to) of a block, without a copy. */
function slice(block: RowBlock, from: number, to: number): RowBlock {
  if (from === 0 && to === block.length) return block
  const refused = new Map(
    [...block.refused].flatMap(([at, reason]) => (at >= from && at < to ? [[at - from, reason]] : [])),
  )
  const length = to - from
  return {
    length,
    refused,
    at: (index) => block.at(from + index),
    key: (index) => block.key(from + index),
    changedAt: (index) => block.changedAt(from + index),
    json: (first, end) => block.json(from + Math.max(0, first), from + Math.min(end, length)),
  }
}
