import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import { tracksRows } from './row-tracking-read.js'
import type { Segment } from './segment.js'
import { assertUnique, wholeSegment } from './snapshot-read.js'
import { assertOrdered, behind, orderBy, type Place, quoted, type TableName } from './sql-text.js'
import { type Asking, asked, type Commit, commitsAfter, schemaOf, type TableFacts } from './table-facts.js'
import { begunBy, columnsOf, kept, type Seen, type TableCursor, type TableRead } from './table-read.js'

/** What rows of a feed have besides the table's own columns. Source: docs.databricks.com `table_changes`. */
export const CHANGE_COLUMNS: readonly Column[] = [
  { name: '_change_type', type: 'string', nullable: false },
  { name: '_commit_version', type: 'bigint', nullable: false },
  { name: '_commit_timestamp', type: 'timestamp', nullable: false },
]

export const hasFeed = ({ properties, automaticFeed }: Pick<TableFacts, 'properties' | 'automaticFeed'>): boolean =>
  properties['delta.enableChangeDataFeed'] === 'true' || automaticFeed === true

/**
 * The facts with whether a table without the property has a feed all the same: newer warehouses compute one from row
 * tracking, unless an admin has turned that off, and no property says so. Source: docs.databricks.com, change data feed,
 * "automatic" (Public Preview, Runtime 18).
 */
export async function withAutomaticFeed(asking: Asking, table: TableName, facts: TableFacts): Promise<TableFacts> {
  const { version, properties } = facts
  if (version === undefined || hasFeed(facts) || !tracksRows(properties)) return facts
  const { error } = await asking.session
    .rows(`SELECT 1 AS one FROM ${changesOf(table.parts, version, version)} LIMIT 1`, asked(asking))
    .then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    )
  if (error !== undefined && !NO_FEED.some((code) => isLakeloopError(error, code))) throw error
  return { ...facts, automaticFeed: error === undefined }
}

/** What a server says that makes none. */
const NO_FEED = ['SOURCE_HISTORY_GONE', 'SOURCE_QUERY_INVALID', 'SOURCE_TABLE_MISSING'] as const

/** The full read that a feed begins with, told as inserts, so that the schema of its rows never changes. */
export const feedColumns = (version: number | undefined): string =>
  `, 'insert' AS _change_type, CAST(${version ?? 0} AS BIGINT) AS _commit_version, CAST(NULL AS TIMESTAMP) AS _commit_timestamp`

/**
 * Delta's change data feed: the whole table first, then every version since, without a gap and with deletes, which are
 * rows whose `_change_type` is `delete`.
 *
 * Shape   with a key, of several changes of one row the last one, in the order (version, key). Without, all of them.
 * Throws  SOURCE_MODE_UNAVAILABLE; SOURCE_HISTORY_GONE.
 */
export async function* feedRead(read: TableRead, cursor: TableCursor | undefined): AsyncGenerator<Segment> {
  const { facts } = read
  assertFeed(read)
  if (cursor === undefined || cursor.now?.whole === true || cursor.seen?.version === undefined) {
    if (cursor?.now === undefined) await assertUnique(read)
    const to = cursor?.now?.to ?? { version: facts.version }
    yield wholeSegment(read, { mode: 'feed', to, extra: feedColumns(to.version) }, cursor?.now?.place)
    return
  }
  const { seen, now } = cursor
  const latest = now?.to.version ?? (facts.version as number)
  const first = now?.from ?? (seen.version as number) + 1
  if (first > latest) return
  if (now === undefined) await assertUnique(read)
  const parts = await readableParts(read, { first, latest })
  for (const [at, part] of parts.entries()) {
    const to = { version: part.last }
    yield await partSegment(read, { seen, to, part, latest }, at === 0 ? now?.place : undefined)
  }
}

/** Throws  SOURCE_MODE_UNAVAILABLE */
export function assertFeed({ facts, asking, table }: TableRead): void {
  const unavailable = (problem: string, remedy: string) =>
    new LakeloopError('SOURCE_MODE_UNAVAILABLE', {
      source: asking.source,
      table: table.text,
      mode: 'feed',
      problem,
      remedy,
    })
  if (facts.version === undefined) {
    throw unavailable(
      'it is a view, or no Delta table',
      'Name the table behind it, or read it by watermark or snapshot.',
    )
  }
  if (hasFeed(facts)) return
  const statement = `ALTER TABLE ${table.sql} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')`
  throw unavailable('its change data feed is off', `Ask its owner: ${statement}`)
}

/** Versions that can be read in one statement: from `first` to `last`, both among them. */
interface Part {
  readonly first: number
  readonly last: number
}

/** Operations after which Delta reads no feed across. Source: delta-io/delta DeltaOperations.scala. */
const SCHEMA_CHANGES =
  /^(?:RENAME COLUMN|DROP COLUMNS|CHANGE COLUMN|CHANGE COLUMNS|REPLACE COLUMNS|UPGRADE|CREATE OR REPLACE|REPLACE TABLE)/

/**
 * A statement reads all versions in one schema, so that versions are parted where the schema changed in a way that Delta
 * does not read across. Asked of the server first, since most ranges need no parting.
 */
async function readableParts(read: TableRead, range: { first: number; latest: number }): Promise<readonly Part[]> {
  const whole = { first: range.first, last: range.latest }
  if (await isReadable(read, whole)) return [whole]
  const { asking, table } = read
  const commits = await commitsAfter(asking, table, { after: range.first - 1, latest: range.latest })
  const cuts = commits.filter(({ operation }: Commit) => SCHEMA_CHANGES.test(operation)).map(({ version }) => version)
  const firsts = [...new Set([range.first, ...cuts])].sort((a, b) => a - b)
  return firsts.map((first, at) => ({ first, last: (firsts[at + 1] ?? range.latest + 1) - 1 }))
}

async function isReadable({ asking, table }: TableRead, { first, last }: Part): Promise<boolean> {
  try {
    const result = await asking.session.query(
      `SELECT 1 AS one FROM ${changesOf(table.parts, first, last)} LIMIT 1`,
      asked(asking),
    )
    for await (const _ of result.batches()) break
    return true
  } catch (error) {
    if (isLakeloopError(error, 'SOURCE_HISTORY_SPLIT')) return false
    throw error
  }
}

/** The name is a text there, in which a part with odd letters stands in back-quotes. */
export const changesOf = (parts: readonly string[], first: number, last: number): string =>
  `table_changes('${parts.map(quoted).join('.').replaceAll('\\', '\\\\').replaceAll("'", "\\'")}', ${first}, ${last})`

interface Range {
  readonly seen: Seen
  /** The last version of the part. */
  readonly to: Seen
  readonly part: Part
  /** The last version of the read. */
  readonly latest: number
}

async function partSegment(read: TableRead, range: Range, place: Place | undefined): Promise<Segment> {
  const { part } = range
  const source = changesOf(read.table.parts, part.first, part.last)
  // In the schema of the part: a column may have had another name then.
  const schema = await schemaOf(read.asking, `SELECT * FROM ${source}`)
  const names = schema.columns.map(({ name }) => name)
  const { key, changedAt } = read
  const missing = [...key, ...(changedAt === undefined ? [] : [changedAt])].find((name) => !names.includes(name))
  if (missing !== undefined) {
    const problem = `in versions ${part.first} to ${part.last} there is no column ${missing}`
    throw new LakeloopError('SOURCE_HISTORY_GONE', { source: read.asking.source, problem })
  }
  // What is folded hides that there were two. This looks at the changes alone, and at every file that holds some.
  if (place === undefined) await assertUnique(read, `${source} WHERE ${LIVE}`, ['_commit_version'])
  const order = key.length === 0 ? [] : [CHANGE_COLUMNS[1] as Column, ...columnsOf(read, key, 'key')]
  assertOrdered(schema.columns, key, read.asking.source)
  return feedSegment(read, { ...range, order, sql: foldedSql({ source, names, key }) }, place)
}

/** Changes that leave a row behind. */
const LIVE = `_change_type IN ('insert', 'update_postimage')`

/**
 * The last change of each key; within one version what is there afterwards wins over what was taken away. A row whose key
 * was changed leaves its old key: of that there is only the image before.
 */
function foldedSql({
  source,
  names,
  key,
}: {
  source: string
  names: readonly string[]
  key: readonly string[]
}): string {
  const columns = names.map(quoted).join(', ')
  if (key.length === 0) {
    return `SELECT ${columns} FROM ${source} WHERE _change_type <> 'update_preimage' ORDER BY _commit_version`
  }
  const newest = `_commit_version DESC, CASE WHEN ${LIVE} THEN 0 ELSE 1 END`
  const rank = `row_number() OVER (PARTITION BY ${key.map(quoted).join(', ')} ORDER BY ${newest}) AS _lakeloop_rank`
  const told = columns.replace('`_change_type`', `replace(_change_type, 'update_preimage', 'delete') AS _change_type`)
  return `SELECT ${told} FROM (SELECT *, ${rank} FROM ${source}) WHERE _lakeloop_rank = 1`
}

interface FeedPart extends Range {
  readonly order: readonly Column[]
  readonly sql: string
}

function feedSegment(read: TableRead, feed: FeedPart, place: Place | undefined): Segment {
  const { order, sql, seen, part, latest } = feed
  const begun = begunBy(read, 'feed')
  const from = place === undefined || order.length === 0 ? undefined : behind(order, place)
  const isLast = part.last === latest
  const next = isLast ? { seen: { version: latest } } : { seen, now: { to: { version: latest }, from: part.last + 1 } }
  return {
    sql:
      order.length === 0
        ? sql
        : `SELECT * FROM (${sql})${from === undefined ? '' : ` WHERE ${from.sql}`}${orderBy(order.map(({ name }) => name))}`,
    parameters: from?.parameters,
    mode: 'changes',
    order,
    more: !isLast,
    rest: order.length === 0 ? undefined : (at) => feedSegment(read, feed, at),
    cursor: (at) =>
      kept(
        at === undefined
          ? { ...begun, ...next }
          : {
              ...begun,
              seen,
              now: { to: { version: latest }, from: part.first, place: order.length > 0 ? at : undefined },
            },
      ),
  }
}
