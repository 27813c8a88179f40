import { LakeloopError } from '../../errors.js'
import { type Cursor, type Row, rowBlock, type Schema } from '../../model/row.js'
import type { Reason } from '../../model/value.js'
import type { Page } from '../source.js'
import type { DecodedRows } from './decoded-rows.js'

export interface PageOptions {
  readonly source: string
  readonly schema: Schema
  readonly mode: Page['mode']
  readonly key: readonly string[] | undefined
  readonly changedAt: string | undefined
  readonly pageSize: number
  /** Set where the rows are sorted by key: names the query in the cursor. */
  readonly digest: string | undefined
  /** True where reading began after a cursor. */
  readonly resumed: boolean
}

/**
 * Chunks as pages. One row is always read ahead, so that the last page is known as the last.
 *
 * Shape   returns what `chunks` returned.
 * Throws  SOURCE_KEY_AMBIGUOUS
 */
export async function* pagesOf(
  chunks: AsyncGenerator<DecodedRows, boolean>,
  options: PageOptions,
): AsyncGenerator<Page, boolean> {
  const { pageSize, resumed } = options
  const waiting = new Waiting(options)
  for (;;) {
    const next = await chunks.next()
    if (next.done === true) {
      // A place that nothing stands behind any more would be kept for ever: an empty page moves the cursor.
      const last = next.value && (waiting.length > 0 || (resumed && waiting.read === 0))
      if (last) yield waiting.take(waiting.length, true)
      return next.value
    }
    waiting.push(next.value)
    while (waiting.length > pageSize) yield waiting.take(pageSize, false)
  }
}

/** Rows that no page holds yet. */
class Waiting {
  read = 0
  readonly #options: PageOptions
  readonly #rows: Row[] = []
  readonly #reasons: (Reason | undefined)[] = []
  readonly #keys: string[] = []
  #lastKey: string | undefined
  readonly #zone: string

  constructor(options: PageOptions) {
    this.#options = options
    this.#zone = zoneOf(options.schema, options.changedAt)
  }

  get length(): number {
    return this.#rows.length
  }

  push({ rows, refused, keys }: DecodedRows): void {
    for (const [index, row] of rows.entries()) {
      this.#rows.push(row)
      this.#reasons.push(refused.get(index))
    }
    for (const key of keys) this.#keys.push(this.#checked(key))
  }

  take(count: number, last: boolean): Page {
    const { schema, mode, key, changedAt } = this.#options
    const keys = this.#keys.splice(0, count)
    const refused = new Map<number, Reason>()
    for (const [index, reason] of this.#reasons.splice(0, count).entries()) {
      if (reason !== undefined) refused.set(index, reason)
    }
    const block = rowBlock(this.#rows.splice(0, count), { key, changedAt, refused })
    this.read += count
    const zone = this.#zone
    const rows = zone === '' ? block : { ...block, changedAt: (index: number) => zoned(block.changedAt(index), zone) }
    return { schema, rows, mode, cursor: this.#cursor(last ? undefined : keys.at(-1)) }
  }

  /** Where no place can be found again, the cursor means "from the beginning", and counts, to tell pages apart. */
  #cursor(key: string | undefined): Cursor {
    const { digest } = this.#options
    if (digest === undefined || key === undefined) return { rows: this.read }
    return { key: JSON.parse(key) as string[], query: digest }
  }

  /** As JSON text. Rows are sorted by it, so that equal ones are neighbours. */
  #checked(key: readonly string[] | null): string {
    if (key === null) throw this.#ambiguous('is NULL in a row')
    const text = JSON.stringify(key)
    if (text === this.#lastKey) throw this.#ambiguous('stands in two rows')
    if (Buffer.byteLength(text) > KEY_BYTES_MAX)
      throw this.#ambiguous(`takes more than ${KEY_BYTES_MAX} bytes in a row`)
    this.#lastKey = text
    return text
  }

  #ambiguous(problem: string): LakeloopError {
    const { source, key = [] } = this.#options
    return new LakeloopError('SOURCE_KEY_AMBIGUOUS', { source, key: key.join(', '), problem })
  }
}

/** A cursor takes at most 4 KiB as JSON. Source: the contract, `Cursor`. */
const KEY_BYTES_MAX = 4_000

/**
 * What stands behind the text of `changedAt` to make it an instant: a naive time is taken as UTC.
 *
 * Throws  OPTION_INVALID if the column is no time
 */
function zoneOf(schema: Schema, changedAt: string | undefined): string {
  const type = schema.columns.find(({ name }) => name === changedAt)?.type
  if (type === undefined || type === 'timestamp' || type === 'string') return ''
  if (type === 'timestamp_ntz') return 'Z'
  if (type === 'date') return 'T00:00:00.000000Z'
  const problem = `names ${changedAt}, which is ${type} and no time`
  throw new LakeloopError('OPTION_INVALID', { part: 'DuckDbSource', option: 'changedAt', problem })
}

const zoned = (text: string | undefined, zone: string): string | undefined =>
  text === undefined ? undefined : `${text}${zone}`
