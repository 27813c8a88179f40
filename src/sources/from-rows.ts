import { createHash } from 'node:crypto'
import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import { type Cursor, type Row, type RowBlock, rowBlock, type Schema } from '../model/row.js'
import type { Json, Reason } from '../model/value.js'
import { hasFields, inferSchema } from './infer-schema.js'
import { assertNotAborted, assertRoles, pageSizeOf } from './paging.js'
import { Conversion, type FloatRule, plainValue } from './plain-value.js'
import type { Page, ReadOptions, Source } from './source.js'

/** Plain objects. What is in them is checked: see docs/values.md. */
export type PlainRow = Readonly<Record<string, unknown>>
type Rows = Iterable<PlainRow> | AsyncIterable<PlainRow>

export interface RowsSourceOptions {
  /** See {@link Source}. */
  readonly name: string
  /** An array, or a function that gives the rows anew at every read. Any other iterable can be read once. */
  readonly rows: Rows | (() => Rows | Promise<Rows>)
  /** Default: inferred from the first 2,000 rows of an array, from the first page of anything else. No rows tell nothing. */
  readonly schema?: Schema | undefined
  readonly key?: readonly string[] | undefined
  readonly changedAt?: string | undefined
  /** True: the rows together are the whole audience, one that is missing has left. Default false. */
  readonly complete?: boolean | undefined
  /** NaN and the infinities: left out (default), the row refused, or null. */
  readonly floats?: FloatRule | undefined
}

const OPTIONS = z.strictObject({
  name: z.string().min(1),
  rows: z.custom<RowsSourceOptions['rows']>(
    (rows) => typeof rows === 'function' || isIterable(rows),
    'is no array, no iterable and no function that gives one',
  ),
  schema: z
    .object({ columns: z.array(z.object({ name: z.string(), type: z.string(), nullable: z.boolean() })) })
    .optional(),
  key: z.array(z.string().min(1)).min(1).optional(),
  changedAt: z.string().min(1).optional(),
  complete: z.boolean().optional(),
  floats: z.enum(['omit', 'reject', 'null']).optional(),
})

const isIterable = (rows: unknown): boolean =>
  typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows)

const invalid = (problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: 'RowsSource', option: 'rows', problem })

/** Rows looked at to infer the schema of an array, whatever the page size. */
const INFER_ROWS = 2_000

/**
 * Rows that the host has in its hands.
 *
 * Order    that of the rows. An array resumes behind the last finished page if the row before that place is still the
 *          same; else, and for every other iterable, an interrupted read begins again.
 * Repeat   a read after the last page begins again: the rows are what there is today. A one-shot iterable is refused.
 * Throws   OPTION_INVALID at construction; SOURCE_KEY_MISSING, SOURCE_SPENT, CURSOR_INVALID, CLOSED.
 * Cost     rows that are JSON already are not copied; do not change them afterwards.
 */
export class RowsSource implements Source {
  readonly name: string
  readonly key?: readonly string[]
  readonly changedAt?: string
  readonly #options: RowsSourceOptions
  #spent = false
  #closed = false

  constructor(options: RowsSourceOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      throw new LakeloopError('OPTION_INVALID', { part: 'RowsSource', ...optionFault(checked.error, OPTIONS) })
    }
    this.name = options.name
    if (options.key !== undefined) this.key = options.key
    if (options.changedAt !== undefined) this.changedAt = options.changedAt
    this.#options = options
  }

  async *read(options: ReadOptions): AsyncGenerator<Page> {
    this.#assertOpen()
    const pageSize = pageSizeOf(options, 'RowsSource.read')
    const after = position(options.after, this.name)
    assertNotAborted(options.signal)
    const rows = await this.#rows()
    if (Array.isArray(rows)) yield* this.#readArray(rows, pageSize, after, options.signal)
    else yield* this.#readOnce(rows, pageSize, options.signal)
  }

  async describe(): Promise<Schema | null> {
    this.#assertOpen()
    const { rows, schema } = this.#options
    const looked = Array.isArray(rows) ? rows.slice(0, INFER_ROWS) : []
    const known = schema ?? (looked.length > 0 ? this.#infer(looked) : null)
    if (looked.length > 0 && known !== null) this.#assertRows(looked, known)
    else if (known !== null && known.columns.length > 0) assertRoles(known, this)
    return known
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: `the source ${this.name}` })
  }

  async #rows(): Promise<Rows> {
    const { rows } = this.#options
    if (typeof rows === 'function') {
      const given = await rows()
      if (isIterable(given)) return given
      throw invalid('is a function that gave no array and no iterable')
    }
    if (Array.isArray(rows)) return rows
    if (this.#spent) throw new LakeloopError('SOURCE_SPENT', { source: this.name })
    this.#spent = true
    return rows
  }

  *#readArray(
    rows: readonly PlainRow[],
    pageSize: number,
    after: Position | undefined,
    signal: AbortSignal,
  ): Generator<Page> {
    const schema = this.#options.schema ?? this.#infer(rows)
    if (rows.length > 0) this.#assertRows(rows.slice(0, INFER_ROWS), schema)
    const begin = after !== undefined && after.digest === digest(rows[after.offset - 1]) ? after.offset : 0
    // A place that nothing stands behind any more would be kept for ever: an empty page moves the cursor.
    if (begin > 0 && begin === rows.length) yield this.#page(this.#block([]), schema, { rows: begin })
    const rowsTotal = rows.length - begin
    for (let from = begin; from < rows.length; from += pageSize) {
      assertNotAborted(signal)
      const to = Math.min(from + pageSize, rows.length)
      const cursor = to < rows.length ? { offset: to, digest: digest(rows[to - 1]) } : { rows: to }
      yield { ...this.#page(this.#block(rows.slice(from, to)), schema, cursor), rowsTotal }
    }
  }

  /** No place in such rows can be found again: every cursor means "from the beginning", and counts, to tell pages apart. */
  async *#readOnce(rows: Rows, pageSize: number, signal: AbortSignal): AsyncGenerator<Page> {
    let schema = this.#options.schema
    let read = 0
    for await (const slice of slices(rows, pageSize, signal)) {
      const block = this.#block(slice)
      schema ??= inferSchema(decoded(block), slice)
      if (read === 0) this.#assertRows(slice, schema)
      read += slice.length
      yield this.#page(block, schema, { rows: read })
    }
  }

  #page(rows: RowBlock, schema: Schema, cursor: Cursor): Page {
    return { schema, rows, cursor, mode: this.#options.complete === true ? 'snapshot' : 'changes' }
  }

  #infer(rows: readonly PlainRow[]): Schema {
    const looked = rows.slice(0, INFER_ROWS)
    return inferSchema(decoded(this.#block(looked)), looked)
  }

  /** One row that is none is one bad row; where all are, the program has made a mistake. */
  #assertRows(rows: readonly unknown[], schema: Schema): void {
    if (!rows.some(hasFields)) throw invalid('gives no objects')
    assertRoles(schema, this)
  }

  #block(rows: readonly PlainRow[]): RowBlock {
    const { floats = 'omit', key, changedAt } = this.#options
    const conversion = new Conversion(floats)
    const refused = new Map<number, Reason>()
    const exact = rows.map((row, index) => {
      conversion.problem = undefined
      const plain = plainValue(row, conversion)
      const isRow = typeof plain === 'object' && plain !== null && !Array.isArray(plain)
      if (conversion.problem !== undefined || !isRow) refused.set(index, reasonOf(row, floats))
      if (isRow) return plain as Row
      // Its fields are what its dead letter shows.
      return hasFields(row) ? (plainValue({ ...row }, new Conversion(floats)) as Row) : {}
    })
    return rowBlock(exact, { key, changedAt, refused })
  }
}

/** Which column it was, looked for only when a row is refused. */
function reasonOf(row: PlainRow, floats: FloatRule): Reason {
  for (const [column, value] of Object.entries(row ?? {})) {
    const conversion = new Conversion(floats)
    plainValue(value, conversion)
    const { problem } = conversion
    if (problem !== undefined) return { code: 'VALUE_NOT_EXACT', facts: { column, problem } }
  }
  return { code: 'VALUE_NOT_EXACT', facts: { column: '*', problem: 'the row is no plain object' } }
}

const decoded = (block: RowBlock): readonly Row[] => Array.from({ length: block.length }, (_, index) => block.at(index))

interface Position {
  readonly offset: number
  readonly digest: string
}

/** Tells whether a row is the one that stood before the cursor; a digest, so that no value is kept. */
function digest(row: PlainRow | undefined): string {
  const text = row === undefined ? '' : JSON.stringify(plainValue(row, new Conversion('null')) as Json)
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function position(after: Cursor | undefined, source: string): Position | undefined {
  if (after === undefined) return undefined
  const { offset, digest: mark, rows, ...rest } = after
  const whole = Number.isSafeInteger(rows) && offset === undefined && mark === undefined
  const within = Number.isSafeInteger(offset) && Number(offset) > 0 && typeof mark === 'string' && rows === undefined
  if (Object.keys(rest).length > 0 || !(whole || within)) throw new LakeloopError('CURSOR_INVALID', { source })
  return within ? { offset: offset as number, digest: mark } : undefined
}

/** Slices of `size`. A pending `next()` does not outlast the signal, and the iterator is told to end in every case. */
async function* slices(rows: Rows, size: number, signal: AbortSignal): AsyncGenerator<PlainRow[]> {
  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]()
  let giveUp = (_: LakeloopError): void => undefined
  const abort = (): void => giveUp(new LakeloopError('ABORTED'))
  signal.addEventListener('abort', abort, { once: true })
  let ended = false
  try {
    let slice: PlainRow[] = []
    while (!ended) {
      const pending = iterator.next()
      const next =
        'then' in pending
          ? await new Promise<IteratorResult<PlainRow>>((resolve, reject) => {
              giveUp = reject
              pending.then(resolve, reject)
            })
          : pending
      ended = next.done === true
      if (next.done !== true) slice.push(next.value)
      if (slice.length < size && !(ended && slice.length > 0)) continue
      assertNotAborted(signal)
      yield slice
      slice = []
    }
  } finally {
    signal.removeEventListener('abort', abort)
    // Not awaited: an iterator that hangs in `next()` would hang here as well.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}
