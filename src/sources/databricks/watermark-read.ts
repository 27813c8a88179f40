import { LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { SqlParameter } from '../../vendors/databricks/sql.js'
import type { Segment } from './segment.js'
import { assertUnique } from './snapshot-read.js'
import { assertOrdered, behind, orderBy, type Place, parameterOf, quoted } from './sql-text.js'
import { asked } from './table-facts.js'
import { begunBy, columnsOf, kept, pinned, type Seen, type TableCursor, type TableRead } from './table-read.js'

const WATERMARKS = /^(?:timestamp|timestamp_ntz|date|int|bigint|smallint|tinyint|decimal\(\d+,\d+\))$/
const DAY_MS = 86_400_000

/**
 * Rows whose watermark passed the highest one seen, in the order (watermark, key), to the microsecond.
 *
 * A row that was written with a watermark behind the highest is found within the overlap: there, rows that the version
 * read last held already, with the same key and watermark, are left out, by the server. Where that version is gone, they
 * are given again. Rows whose watermark lies in the future wait until its time has come. Deletes are not seen, and
 * neither are rows without a watermark: those are counted.
 *
 * Throws  OPTION_INVALID for a watermark of another type; SOURCE_KEY_AMBIGUOUS; SOURCE_MODE_UNAVAILABLE.
 */
export async function* watermarkRead(read: TableRead, cursor: TableCursor | undefined): AsyncGenerator<Segment> {
  const column = watermarkOf(read)
  const seen = cursor?.seen ?? {}
  if (cursor === undefined) await assertUnique(read)
  if (cursor?.now === undefined && read.facts.version !== undefined && seen.version === read.facts.version) {
    if (!(await hasDue(read, column, seen))) return
  }
  const to = cursor?.now?.to ?? (await bounds(read, column))
  yield watermarkSegment({ read, column, seen, to, known: await stillThere(read, seen) }, cursor?.now?.place)
}

function watermarkOf(read: TableRead): Column {
  const { changedAt, key, asking, table } = read
  if (changedAt === undefined || key.length === 0) {
    const problem = 'a watermark needs changedAt and key'
    throw new LakeloopError('SOURCE_MODE_UNAVAILABLE', {
      source: asking.source,
      table: table.text,
      mode: 'watermark',
      problem,
      remedy: 'Say both, or read it in another way.',
    })
  }
  const [column] = columnsOf(read, [changedAt], 'changedAt') as [Column]
  columnsOf(read, key, 'key')
  assertOrdered(read.facts.schema.columns, key, asking.source)
  if (WATERMARKS.test(column.type)) return column
  const problem = `names ${changedAt}, which is ${column.type} and has no order in time`
  throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option: 'changedAt', problem })
}

/** The highest watermark of now, frozen on the server, so that the read has an end and can be repeated. */
async function bounds(read: TableRead, column: Column): Promise<Seen> {
  const { asking, facts, tell } = read
  const name = quoted(column.name)
  const due = isTime(column) ? `${name} <= ${nowOf(column)}` : 'true'
  const sql =
    `SELECT CAST(max(CASE WHEN ${due} THEN ${name} END) AS STRING) AS high, ` +
    `count_if(${name} IS NULL) AS unmarked, count(*) AS total FROM ${pinned(read)}`
  const [found] = await asking.session.rows(sql, asked(asking))
  const unmarked = Number(found?.unmarked ?? 0)
  if (unmarked > 0) tell({ kind: 'nullWatermarks', column: column.name, rows: unmarked })
  if (unmarked > 0 && unmarked === Number(found?.total)) {
    const problem = `names ${column.name}, which is NULL in all ${unmarked} rows`
    throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option: 'changedAt', problem })
  }
  const high = found?.high
  return { version: facts.version, ...(typeof high === 'string' ? { watermark: textOf(column, high) } : {}) }
}

/** True where time alone has made rows due, in a version that was read before. */
async function hasDue(read: TableRead, column: Column, seen: Seen): Promise<boolean> {
  if (!isTime(column)) return false
  const { watermark } = await bounds(read, column)
  return watermark !== undefined && watermark !== seen.watermark
}

/** Whether the version of the last read can still be asked what it held. */
async function stillThere(read: TableRead, { version, watermark }: Seen): Promise<boolean> {
  if (version === undefined || watermark === undefined || read.facts.version === undefined) return false
  const { asking, tell } = read
  try {
    const result = await asking.session.query(`SELECT 1 AS one FROM ${pinned(read, version)} LIMIT 1`, asked(asking))
    for await (const _ of result.batches()) break
    return true
  } catch (error) {
    if (!(error instanceof LakeloopError) || error.code === 'ABORTED') throw error
    if (error.code !== 'SOURCE_HISTORY_GONE' && error.code !== 'SOURCE_QUERY_INVALID') throw error
    tell({ kind: 'overlapRepeated', why: `version ${version} is gone` })
    return false
  }
}

interface Range {
  readonly read: TableRead
  readonly column: Column
  readonly seen: Seen
  readonly to: Seen
  /** The version behind `seen` can be asked. */
  readonly known: boolean
}

function watermarkSegment(range: Range, place: Place | undefined): Segment {
  const { read, column, seen, to } = range
  const order = [column, ...columnsOf(read, read.key, 'key')]
  const wanted = wantedOf(range)
  const from = place === undefined ? undefined : behind(order, place)
  const begun = begunBy(read, 'watermark')
  return {
    sql:
      `SELECT * FROM ${pinned(read, to.version)} AS t WHERE ${wanted.sql}` +
      `${from === undefined ? '' : ` AND ${from.sql}`}${orderBy(order.map(({ name }) => name))}`,
    parameters: { ...wanted.parameters, ...from?.parameters },
    mode: 'changes',
    order,
    rest: (next) => watermarkSegment(range, next),
    cursor: (at) => kept(at === undefined ? { ...begun, seen: to } : { ...begun, seen, now: { to, place: at } }),
  }
}

function wantedOf({ read, column, seen, to, known }: Range): {
  readonly sql: string
  readonly parameters: Record<string, SqlParameter>
} {
  if (to.watermark === undefined) return { sql: 'false', parameters: {} } // nothing has one: an empty page moves the cursor
  const name = `t.${quoted(column.name)}`
  const high = parameterOf(column.type, to.watermark)
  if (seen.watermark === undefined) return { sql: `${name} <= :high`, parameters: { high } }
  const lowest = lowered(column, read.overlapMs)
  const same = [column.name, ...read.key].map((one) => `o.${quoted(one)} <=> t.${quoted(one)}`).join(' AND ')
  const isNew = known
    ? ` AND NOT EXISTS (SELECT 1 FROM ${pinned(read, seen.version)} AS o WHERE ${same} AND o.${quoted(column.name)} >= ${lowest})`
    : ''
  return {
    sql: `${name} <= :high AND (${name} > :low OR (${name} >= ${lowest}${isNew}))`,
    parameters: { high, low: parameterOf(column.type, seen.watermark) },
  }
}

/** `:low`, less the overlap. A day is the smallest step of a date; a number that counts has no overlap. */
function lowered({ type }: Column, overlapMs: number): string {
  if (type === 'date') return `date_sub(:low, ${Math.ceil(overlapMs / DAY_MS)})`
  if (!type.startsWith('timestamp')) return ':low'
  return `:low - INTERVAL '${Math.ceil(overlapMs / 1_000)}' SECOND`
}

const isTime = ({ type }: Column): boolean => type.startsWith('timestamp') || type === 'date'

function nowOf({ type }: Column): string {
  if (type === 'date') return 'current_date()'
  return type === 'timestamp_ntz' ? 'CAST(current_timestamp() AS TIMESTAMP_NTZ)' : 'current_timestamp()'
}

/** Spark's text of a time as a row would hold it. */
function textOf({ type }: Column, text: string): string {
  if (!type.startsWith('timestamp')) return text
  const [day = '', time = '00:00:00'] = text.split(' ')
  const [whole = '', fraction = ''] = time.split('.')
  return `${day}T${whole}.${fraction.padEnd(6, '0')}${type === 'timestamp' ? 'Z' : ''}`
}
