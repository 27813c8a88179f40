import { LakeloopError } from '../../errors.js'
import type { Segment } from './segment.js'
import { assertOrdered, behind, orderBy, type Place, quoted } from './sql-text.js'
import { type Asking, asked } from './table-facts.js'
import {
  begunBy,
  columnsOf,
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
  if (under === undefined) await assertUnique(read)
  yield wholeSegment(read, { mode: 'snapshot', to: under?.to ?? { version: read.facts.version } }, under?.place)
}

/**
 * Asked of the server before a read of a version that was not read yet: a key that two rows share names none of them.
 *
 * @param from    what to look at instead of the whole table
 * @param within  columns within whose values alone the key has to be unique
 * Cost    the server counts all keys; `checkKey: false` saves it.
 * Throws  SOURCE_KEY_AMBIGUOUS; SOURCE_KEY_MISSING
 */
export async function assertUnique(
  read: TableRead,
  from = pinned(read),
  within: readonly string[] = [],
): Promise<void> {
  const { key, asking, checkKey } = read
  columnsOf(read, key, 'key')
  if (checkKey) await assertKey(asking, { key, from, within })
}

/** Throws  SOURCE_KEY_AMBIGUOUS */
export async function assertKey(asking: Asking, { key, from, within = [] }: KeyOf): Promise<void> {
  if (key.length === 0) return
  const names = key.map(quoted)
  const isNull = names.map((name) => `${name} IS NULL`).join(' OR ')
  const sql =
    `SELECT max(CASE WHEN ${isNull} THEN 1 ELSE 0 END) AS missing FROM ${from} ` +
    `GROUP BY ${[...names, ...within].join(', ')} ` +
    `HAVING count(*) > 1 OR max(CASE WHEN ${isNull} THEN 1 ELSE 0 END) = 1 LIMIT 1`
  const [found] = await asking.session.rows(sql, asked(asking))
  if (found === undefined) return
  const problem = found.missing === 1 ? 'is NULL in a row' : 'stands in two rows'
  throw new LakeloopError('SOURCE_KEY_AMBIGUOUS', { source: asking.source, key: key.join(', '), problem })
}

interface KeyOf {
  readonly key: readonly string[]
  /** A table, or a query in brackets. */
  readonly from: string
  readonly within?: readonly string[]
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
  const begun = begunBy(read, mode)
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
          ? { ...begun, seen: to }
          : { ...begun, now: { to, whole: true, resync: read.resync, place: order.length > 0 ? at : undefined } },
      ),
  }
}
