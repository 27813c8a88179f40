import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Schema } from '../../model/row.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { SqlSession, StatementOptions } from '../../vendors/databricks/sql.js'
import { arrowReader } from './arrow/arrow-reader.js'
import type { TableName } from './sql-text.js'

/** A table as it stands now. */
export interface TableFacts {
  /** Another id is another table, whatever its name. `undefined`: no Delta table, e.g. a view. */
  readonly id: string | undefined
  /** The newest version of a Delta table. */
  readonly version: number | undefined
  readonly properties: Readonly<Record<string, string>>
  /** The warehouse makes a feed of row tracking, without the property for it. */
  readonly automaticFeed?: boolean
  readonly schema: Schema
}

/** A table's id and version as one text: `Schema.asOf`. */
export const placeOf = ({ id, version }: Pick<TableFacts, 'id' | 'version'>): string | undefined =>
  id === undefined || version === undefined ? undefined : `${version}@${id}`

/** An entry of a table's history. */
export interface Commit {
  readonly version: number
  /** ISO 8601. */
  readonly at: string
  readonly user: string | undefined
  readonly operation: string
  readonly parameters: Readonly<Record<string, Json>>
}

/** A session, and the name that errors call the source by. */
export interface Asking {
  readonly session: SqlSession
  readonly source: string
  readonly signal: AbortSignal
  /** Written beside each statement. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** What every statement of a read is run with. */
export const asked = ({ signal, tags }: Asking): StatementOptions => ({ signal, tags })

/** Throws  what the session throws; SOURCE_TYPE_UNKNOWN. */
export async function tableFacts(asking: Asking, table: TableName): Promise<TableFacts> {
  const schema = await schemaOf(asking, `SELECT * FROM ${table.sql}`)
  const [detail] = await deltaOnly(asking, `DESCRIBE DETAIL ${table.sql}`)
  if (detail?.format !== 'delta') return { id: undefined, version: undefined, properties: {}, schema }
  const [newest] = await asking.session.rows(`DESCRIBE HISTORY ${table.sql} LIMIT 1`, asked(asking))
  const { id, properties } = detail as { readonly id: string; readonly properties?: Record<string, string> }
  return { id, version: Number(newest?.version), properties: properties ?? {}, schema }
}

/** The columns of a query, without running it over any row. */
export async function schemaOf(asking: Asking, query: string): Promise<Schema> {
  const { session, source } = asking
  const result = await session.query(`SELECT * FROM (${query}\n) LIMIT 0`, asked(asking))
  await result.close()
  return (await arrowReader(result.schema, { source, floats: 'omit' })).schema
}

/** A view, or a table of another format, has no detail. */
async function deltaOnly(asking: Asking, sql: string): Promise<readonly JsonObject[]> {
  try {
    return await asking.session.rows(sql, asked(asking))
  } catch (error) {
    if (isLakeloopError(error, 'SOURCE_QUERY_INVALID') || isLakeloopError(error, 'SOURCE_TABLE_MISSING')) return []
    throw error
  }
}

/** Commits that are read at most: one a minute for a week. */
const COMMITS_MAX = 10_000

/**
 * What happened to a table after a version, oldest first.
 *
 * Throws  SOURCE_HISTORY_GONE where the history does not reach back that far.
 */
export async function commitsAfter(
  asking: Asking,
  table: TableName,
  range: { readonly after: number; readonly latest: number },
): Promise<readonly Commit[]> {
  const { session, source } = asking
  // Commits that came since `latest` was asked stand in front of those asked for, and come when asked again.
  for (let newest = range.latest; ; ) {
    const count = newest - range.after
    if (count <= 0) return []
    if (count > COMMITS_MAX) throw gone(source, `there were ${count} commits since, and ${COMMITS_MAX} are looked at`)
    const rows = await session.rows(`DESCRIBE HISTORY ${table.sql} LIMIT ${count}`, asked(asking))
    const commits = rows.map(commitOf)
    const [first] = commits
    if (first !== undefined && first.version > newest) {
      newest = first.version
      continue
    }
    const wanted = commits.filter(({ version }) => version > range.after && version <= range.latest)
    if (wanted.at(-1)?.version !== range.after + 1) throw gone(source, 'the log has expired')
    return wanted.reverse()
  }
}

function commitOf(row: JsonObject): Commit {
  const { version, timestamp, userName, operation, operationParameters } = row
  return {
    version: Number(version),
    at: String(timestamp),
    user: typeof userName === 'string' ? userName : undefined,
    operation: String(operation),
    parameters: (operationParameters ?? {}) as Readonly<Record<string, Json>>,
  }
}

/** The first commit after which the table has another past, with what it did; `undefined` where all were changes to it. */
export function replacement(commits: readonly Commit[]): { readonly commit: Commit; readonly did: string } | undefined {
  for (const commit of commits) {
    const { operation, parameters } = commit
    if (operation === 'RESTORE') return { commit, did: 'was restored to an earlier version' }
    if (operation === 'CLONE') return { commit, did: 'was replaced by a clone' }
    if (/^(?:CREATE OR )?REPLACE TABLE/.test(operation)) return { commit, did: 'was replaced' }
    const isWhole =
      parameters.mode === 'Overwrite' && isEmpty(parameters.predicate) && isEmpty(parameters.partitionOverwriteMode)
    if (operation === 'WRITE' && isWhole) return { commit, did: 'was overwritten' }
  }
  return undefined
}

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === null || value === '' || value === '[]'

const gone = (source: string, problem: string) => new LakeloopError('SOURCE_HISTORY_GONE', { source, problem })
