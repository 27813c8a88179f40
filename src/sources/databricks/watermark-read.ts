import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { SqlParameter } from '../../vendors/databricks/sql.js'
import type { Segment } from './segment.js'
import { assertUnique } from './snapshot-read.js'
import { assertOrdered, behind, orderBy, type Place, parameterOf, quoted } from './sql-text.js'
import { asked, schemaOf } from './table-facts.js'
import { begunBy, columnsOf, kept, pinned, type Seen, type TableCursor, type TableRead } from './table-read.js'

const WATERMARKS = /^(?:timestamp|timestamp_ntz|date|int|bigint|smallint|tinyint|decimal\(\d+,\d+\))$/
const DAY_MS = 86_400_000

/**
 * Rows whose watermark passed the highest one seen, in the order (watermark, key), to the microsecond.
 *
 * A row that was written with a watermark behind the highest is found within the overlap: there, rows that the version
 * read last held already, alike in every column, are left out, by the server. Where that cannot be asked, they are given
 * again. Rows whose watermark lies in the future wait until its time has come. Deletes are not seen, and
 * neither are rows without a watermark: those are counted.
 *
 * Throws  OPTION_INVALID for a watermark of another type; SOURCE_KEY_AMBIGUOUS; SOURCE_MODE_UNAVAILABLE.
 */
export async function* watermarkRead(read: TableRead, cursor: TableCursor | undefined): AsyncGenerator<Segment> {
  const column = watermarkOf(read)
  const seen = cursor?.seen ?? {}
  if (cursor?.now === undefined && read.facts.version !== undefined && seen.version === read.facts.version) {
    if (!(await hasDue({ ...read, tell: () => undefined }, column, seen))) return
  }
  if (cursor?.now === undefined && seen.version !== read.facts.version) await assertUnique(read)
  const to = cursor?.now?.to ?? (await bounds(read, column))
  const compared = await comparable({ read, column, seen, to })
  yield watermarkSegment({ read, column, seen, to, compared }, cursor?.now?.place)
}

/** The highest watermark of now: behind it is what comes. Throws as a read. */
export const watermarkHead = async (read: TableRead): Promise<Seen> => await bounds(read, watermarkOf(read))

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

interface Range {
  readonly read: TableRead
  readonly column: Column
  readonly seen: Seen
  readonly to: Seen
}

/**
 * The columns by which a row can be told from what the version of the last read held; `undefined` where it cannot. All of
 * them: a row that changes twice within one step of its watermark, which may be a day, changes once behind the read.
 */
async function comparable({ read, column, seen, to }: Range): Promise<readonly Column[] | undefined> {
  const { asking, facts, tell } = read
  const { version, watermark } = seen
  if (version === undefined || watermark === undefined || facts.version === undefined) return undefined
  const repeated = (why: string): undefined => {
    tell({ kind: 'overlapRepeated', why })
  }
  const columnsAt = async (at: number | undefined): Promise<readonly Column[]> =>
    (await schemaOf(asking, `SELECT * FROM ${pinned(read, at)}`)).columns
  const { columns } = to.version === facts.version ? facts.schema : { columns: await columnsAt(to.version) }
  if (columns.some(({ type }) => /map<|variant/.test(type))) return repeated('a map or a VARIANT cannot be compared')
  try {
    const [then, now] = [await columnsAt(version), columns].map((all) => all.map(({ name, type }) => [name, type]))
    if (JSON.stringify(then) !== JSON.stringify(now)) return repeated(`other columns than in version ${version}`)
    // Of every file that the read will ask for: the log may name some that VACUUM has taken.
    const name = quoted(column.name)
    const sql = `SELECT count(${name}) AS held FROM ${pinned(read, version)} WHERE ${name} >= ${lowered(column, read.overlapMs)}`
    await asking.session.rows(sql, { ...asked(asking), parameters: { low: parameterOf(column.type, watermark) } })
    return columns
  } catch (error) {
    if (!isLakeloopError(error, 'SOURCE_HISTORY_GONE') && !isLakeloopError(error, 'SOURCE_QUERY_INVALID')) throw error
    return repeated(`version ${version} is gone`)
  }
}

interface Compared extends Range {
  readonly compared: readonly Column[] | undefined
}

function watermarkSegment(range: Compared, place: Place | undefined): Segment {
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

function wantedOf({ read, column, seen, to, compared }: Compared): {
  readonly sql: string
  readonly parameters: Record<string, SqlParameter>
} {
  if (to.watermark === undefined) return { sql: 'false', parameters: {} } // nothing has one: an empty page moves the cursor
  const name = `t.${quoted(column.name)}`
  const high = parameterOf(column.type, to.watermark)
  if (seen.watermark === undefined) return { sql: `${name} <= :high`, parameters: { high } }
  const lowest = lowered(column, read.overlapMs)
  const same = compared?.map((one) => `o.${quoted(one.name)} <=> t.${quoted(one.name)}`).join(' AND ')
  const isNew = same
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
