import { LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { Segment } from './segment.js'
import { assertUnique, wholeSegment } from './snapshot-read.js'
import { behind, type Place } from './sql-text.js'
import { begunBy, kept, pinned, type Seen, type TableCursor, type TableRead } from './table-read.js'

/** What these rows have besides the table's own columns, the first time too, so that their schema never changes. */
export const ROW_COLUMNS = ', _metadata.row_commit_version AS _row_commit_version, _metadata.row_id AS _row_id'
export const ROW_TRACKING_COLUMNS: readonly Column[] = [
  { name: '_row_commit_version', type: 'bigint', nullable: true },
  { name: '_row_id', type: 'bigint', nullable: true },
]
const ORDER = ROW_TRACKING_COLUMNS

export const tracksRows = (properties: Readonly<Record<string, string>>): boolean =>
  properties['delta.enableRowTracking'] === 'true'

/**
 * Rows that a commit after the last read inserted or changed, by Delta's own row tracking: no clock, no column of the
 * host's, nothing that VACUUM takes away. Deletes are not seen.
 *
 * Throws  SOURCE_MODE_UNAVAILABLE
 */
export async function* rowTrackingRead(read: TableRead, cursor: TableCursor | undefined): AsyncGenerator<Segment> {
  const { facts } = read
  assertTracked(read)
  const seen = cursor?.seen
  if (cursor === undefined || cursor.now?.whole === true || seen === undefined) {
    if (cursor?.now === undefined) await assertUnique(read)
    const whole = {
      mode: 'rowTracking',
      to: cursor?.now?.to ?? { version: facts.version },
      extra: ROW_COLUMNS,
    } as const
    yield wholeSegment(read, whole, cursor?.now?.place)
    return
  }
  const to = cursor.now?.to ?? { version: facts.version }
  if (seen.version === to.version) return
  if (cursor.now === undefined) await assertUnique(read)
  yield changesSegment(read, { seen, to }, cursor.now?.place)
}

/** Throws  SOURCE_MODE_UNAVAILABLE */
export function assertTracked({ facts, asking, table }: TableRead): void {
  if (facts.version !== undefined && tracksRows(facts.properties)) return
  const isDelta = facts.version !== undefined
  const problem = isDelta ? 'row tracking is off' : 'it is a view, or no Delta table'
  const statement = `ALTER TABLE ${table.sql} SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')`
  const remedy = isDelta
    ? `Ask its owner: ${statement}`
    : 'Name the table behind it, or read it by watermark or snapshot.'
  throw new LakeloopError('SOURCE_MODE_UNAVAILABLE', {
    source: asking.source,
    table: table.text,
    mode: 'rowTracking',
    problem,
    remedy,
  })
}

function changesSegment(
  read: TableRead,
  range: { readonly seen: Seen; readonly to: Seen },
  place: Place | undefined,
): Segment {
  const { seen, to } = range
  const begun = begunBy(read, 'rowTracking')
  const from = place === undefined ? undefined : behind(ORDER, place)
  const rows =
    `SELECT *${ROW_COLUMNS} FROM ${pinned(read, to.version)} ` + `WHERE _metadata.row_commit_version > ${seen.version}`
  return {
    sql: `SELECT * FROM (${rows})${from === undefined ? '' : ` WHERE ${from.sql}`} ORDER BY _row_commit_version, _row_id`,
    parameters: from?.parameters,
    mode: 'changes',
    order: ORDER,
    rest: (next) => changesSegment(read, range, next),
    cursor: (at) => kept(at === undefined ? { ...begun, seen: to } : { ...begun, seen, now: { to, place: at } }),
  }
}
