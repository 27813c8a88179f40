import { createHash } from 'node:crypto'
import { LakeloopError } from '../../errors.js'
import type { Schema } from '../../model/row.js'
import { readColumns } from './column-codec.js'
import type { DuckDbConnection, DuckDbStatement } from './driver.js'

/** Source: `duckdb_statement_type` in duckdb.h. */
const SELECT = 1

/** What a query gives, found out without running it. */
export interface Described {
  readonly schema: Schema
  /** SQL names of the types, for casts. */
  readonly sqlTypes: ReadonlyMap<string, string>
}

/**
 * Prepares the query and looks at its columns.
 *
 * Throws  SOURCE_QUERY_INVALID unless it is one statement that only reads, without parameters and with distinct names;
 *         SOURCE_TYPE_UNKNOWN; else what DuckDB throws.
 */
export async function describeQuery(connection: DuckDbConnection, query: string, source: string): Promise<Described> {
  const invalid = (problem: string) => new LakeloopError('SOURCE_QUERY_INVALID', { source, problem })
  const statements = await connection.extractStatements(query)
  if (statements.count !== 1) throw invalid(`it holds ${statements.count} statements and not one`)
  const statement = await statements.prepare(0)
  try {
    if (statement.statementType !== SELECT) throw invalid('it does more than read')
    if (statement.parameterCount > 0) throw invalid('it has parameters')
    const { schema } = readColumns(statement, source)
    const names = schema.columns.map(({ name }) => name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw invalid(`two of its columns are called ${twice}`)
    return { schema, sqlTypes: sqlTypesOf(statement) }
  } finally {
    statement.destroySync()
  }
}

function sqlTypesOf(statement: DuckDbStatement): ReadonlyMap<string, string> {
  return new Map(
    Array.from({ length: statement.columnCount }, (_, at) => [
      statement.columnName(at),
      String(statement.columnType(at)),
    ]),
  )
}

/** Sorted by key and strictly after `after`, which is the key's columns as text. */
export interface Keyset {
  readonly key: readonly string[]
  readonly after: readonly string[] | undefined
}

/**
 * The query with a column in front that is 0, and one more row behind the last, where it is 1.
 *
 * The driver ends a stream that failed exactly as one that is exhausted: the error of `duckdb_fetch_chunk` is not
 * passed on (@duckdb/node-api 1.5; a cast that fails in row 900,000 of a million gives 835,584 rows and no error).
 * Half an audience taken for the whole would unsubscribe the other half, so only a result whose last row is ours counts.
 */
export function withEndMark(query: string, { schema, sqlTypes }: Described, keyset: Keyset | undefined): string {
  const bare = query.replace(/[;\s]+$/, '')
  // The line break ends a comment that the query may end with; nothing stands before its first line but our words.
  const rows = keyset === undefined ? `(${bare}\n)` : sorted(bare, keyset, sqlTypes)
  return `SELECT 0, * FROM ${rows} UNION ALL SELECT 1, ${schema.columns.map(() => 'NULL').join(', ')}`
}

function sorted(query: string, { key, after }: Keyset, sqlTypes: ReadonlyMap<string, string>): string {
  const columns = key.map((column) => ordered(quoted(column), sqlTypes.get(column)))
  const values = key.map((column, at) => ordered(`CAST($${at + 1} AS ${sqlTypes.get(column)})`, sqlTypes.get(column)))
  const where = after === undefined ? '' : ` WHERE (${columns.join(', ')}) > (${values.join(', ')})`
  // NULLs first: a key that is NULL is found at the first row and not at the last.
  const order = columns.map((column) => `${column} NULLS FIRST`).join(', ')
  return `(SELECT * FROM (${query}\n)${where} ORDER BY ${order})`
}

/** Text by its bytes, whatever collation the column or the database has. */
const ordered = (sql: string, type: string | undefined): string => (type === 'VARCHAR' ? `encode(${sql})` : sql)

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Types whose text form can be cast back to the same value, and whose order is total. */
const SORTABLE = /^(?:BOOLEAN|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DECIMAL\(\d+,\d+\)|VARCHAR|DATE|TIMESTAMP.*|UUID)$/

/** Throws  OPTION_INVALID where a column of the key cannot be sorted by */
export function assertSortable(key: readonly string[], { sqlTypes }: Described): void {
  for (const column of key) {
    const type = sqlTypes.get(column) ?? ''
    if (SORTABLE.test(type)) continue
    throw new LakeloopError('OPTION_INVALID', {
      part: 'DuckDbSource',
      option: 'order',
      problem: `cannot sort by ${column}, which is ${type}`,
    })
  }
}

/** Names the query and its key, so that a position is never used on other rows. */
export const queryDigest = (query: string, key: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify([query, key]))
    .digest('hex')
    .slice(0, 16)

/**
 * Throws  OPTION_INVALID if DuckDB may give rows out of order: then a row of ours at the end proves nothing
 */
export async function assertEndsAreSeen(connection: DuckDbConnection): Promise<void> {
  const result = await connection.stream("SELECT current_setting('preserve_insertion_order')")
  const chunk = await result.fetchChunk()
  if (chunk?.getColumnValues(0)[0] === true) return
  const problem = 'has preserve_insertion_order off, so that a result that broke off looks whole'
  throw new LakeloopError('OPTION_INVALID', { part: 'DuckDbSource', option: 'database', problem })
}

/** Runs a query that broke off once more, without its rows, so that DuckDB says what was wrong. */
export async function provoke(connection: DuckDbConnection, query: string): Promise<void> {
  const bare = query.replace(/[;\s]+$/, '')
  const result = await connection.stream(`SELECT max(hash(lakeloop_row)) FROM (${bare}\n) lakeloop_row`)
  await result.fetchChunk()
}
