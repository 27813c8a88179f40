import type { Segment } from './segment.js'
import { assertOrdered, behind, orderBy, type Place } from './sql-text.js'
import {
  columnsOf,
  identityOf,
  kept,
  type Mode,
  pinned,
  type Seen,
  type TableCursor,
  type TableRead,
  wholeMode,
} from './table-read.js'

/**
 * The whole table as it stood at one version, sorted by key where it has one. Also how the other modes begin.
 *
 * Order   by key; an interrupted read goes on behind its last page, in the same version.
 */
export async function* snapshotRead(read: TableRead, cursor: TableCursor | undefined): AsyncGenerator<Segment> {
  const under = cursor?.now?.whole === true ? cursor.now : undefined
  yield wholeSegment(read, { mode: 'snapshot', to: under?.to ?? { version: read.facts.version } }, under?.place)
}

/** A full read, for any mode. */
export interface Whole {
  readonly mode: Mode
  /** Where one stands behind the last row. */
  readonly to: Seen
  /** Columns besides the table's own, as they stand behind `SELECT *`. */
  readonly extra?: string
}

export function wholeSegment(read: TableRead, whole: Whole, place: Place | undefined): Segment {
  const { mode, to, extra = '' } = whole
  const order = columnsOf(read, read.key, 'key')
  assertOrdered(read.facts.schema.columns, read.key, read.asking.source)
  const table = identityOf(read)
  const from = place === undefined ? undefined : behind(order, place)
  return {
    sql: `SELECT *${extra} FROM ${pinned(read, to.version)}${from === undefined ? '' : ` WHERE ${from.sql}`}${orderBy(read.key)}`,
    parameters: from?.parameters,
    mode: wholeMode(read),
    order,
    rest: order.length === 0 ? undefined : (next) => wholeSegment(read, whole, next),
    cursor: (at) =>
      kept(
        at === undefined
          ? { mode, table, seen: to }
          : { mode, table, now: { to, whole: true, place: order.length > 0 ? at : undefined } },
      ),
  }
}
