import { LakeloopError } from '../../src/errors.js'
import { type Cursor, type Row, rowBlock, type Schema } from '../../src/model/row.js'
import type { LookOptions, Page, ReadOptions, Source } from '../../src/sources/source.js'

const SCHEMA: Schema = {
  columns: ['id', 'email', 'score', 'gone'].map((name) => ({ name, type: 'string', nullable: true })),
}

/**
 * A source that is a log of changes, in memory: the rows of now first, then what comes; a row that leaves comes once more with
 * `gone`. Like a change data feed, except that `forget` loses what was not read yet.
 */
export class LogSource implements Source {
  readonly name = 'log'
  readonly key = ['id']
  readonly log: Row[]
  /** How each read was begun. */
  readonly reads: { readonly after?: Cursor | undefined; readonly former?: Cursor | undefined }[] = []
  #lost = 0

  constructor(rows: readonly Row[] = []) {
    this.log = [...rows]
  }

  /** What stands in the log by now is not told of any more, but for what came out of it. */
  forget(): void {
    this.#lost = this.log.length
  }

  async *read({ after, former, pageSize = 2_000, signal }: ReadOptions): AsyncGenerator<Page> {
    this.reads.push({ ...(after && { after }), ...(former && { former }) })
    const { seen, to = this.log.length, at = 0, leaves = former !== undefined } = positionOf(after)
    const rows = seen === undefined ? this.#rowsAt(to) : this.log.slice(Math.max(seen, this.#lost))
    const mode = seen === undefined && leaves ? 'snapshot' : 'changes'
    for (let from = seen === undefined ? at : 0; from < rows.length; from += pageSize) {
      if (signal.aborted) throw new LakeloopError('ABORTED')
      const next = from + pageSize
      const isLast = next >= rows.length
      const under = seen === undefined ? { to, at: next, leaves } : { seen: this.log.length - rows.length + next }
      const cursor = isLast ? { seen: to } : under
      yield { schema: SCHEMA, rows: rowBlock(rows.slice(from, next), { key: this.key }), cursor, mode }
    }
  }

  async describe(): Promise<Schema> {
    return SCHEMA
  }

  async head({ signal }: LookOptions): Promise<Cursor> {
    if (signal.aborted) throw new LakeloopError('ABORTED')
    return { seen: this.log.length }
  }

  async close(): Promise<void> {}

  #rowsAt(to: number): Row[] {
    const newest = new Map<unknown, Row>()
    for (const row of this.log.slice(0, to)) {
      newest.delete(row.id)
      if (row.gone !== true) newest.set(row.id, row)
    }
    return [...newest.values()]
  }
}

interface Position {
  readonly seen?: number
  readonly to?: number
  readonly at?: number
  readonly leaves?: boolean
}

function positionOf(after: Cursor | undefined): Position {
  if (after === undefined) return {}
  const { seen, to, at } = after as Position
  if (seen === undefined && (to === undefined || at === undefined)) {
    throw new LakeloopError('CURSOR_INVALID', { source: 'log' })
  }
  return after as Position
}
