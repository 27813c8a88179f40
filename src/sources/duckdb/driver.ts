import { LakeloopError } from '../../errors.js'

/**
 * The few calls that lakeloop makes of `@duckdb/node-api`. A `DuckDBInstance` fits {@link DuckDbDatabase} as it is; no
 * type of the package stands in a public signature, so that it stays an optional peer.
 */
export interface DuckDbDatabase {
  connect(): Promise<DuckDbConnection>
}

export interface DuckDbConnection {
  extractStatements(sql: string): Promise<{ readonly count: number; prepare(index: number): Promise<DuckDbStatement> }>
  stream(sql: string, values?: string[]): Promise<DuckDbResult>
  interrupt(): void
  closeSync(): void
}

export interface DuckDbStatement extends DuckDbColumns {
  /** 1 is a query that only reads. Source: `duckdb_statement_type` in duckdb.h, DUCKDB_STATEMENT_TYPE_SELECT. */
  readonly statementType: number
  readonly parameterCount: number
  destroySync(): void
}

export interface DuckDbColumns {
  readonly columnCount: number
  columnName(index: number): string
  columnType(index: number): DuckDbType
}

export interface DuckDbResult extends DuckDbColumns {
  fetchChunk(): Promise<DuckDbChunk | null>
}

export interface DuckDbChunk {
  readonly rowCount: number
  getColumnValues(index: number): readonly unknown[]
}

/** A column type; which of the optional parts it has follows from `typeId`. */
export interface DuckDbType {
  readonly typeId: number
  /** `JSON` for a VARCHAR of JSON text. */
  readonly alias?: string | undefined
  /** SQL text, e.g. `DECIMAL(8,2)`. */
  toString(): string
}

/** A database of our own: the file opened read-only, or an empty one in memory, for queries that read files. */
export interface OwnDatabase extends DuckDbDatabase {
  closeSync(): void
}

interface Package {
  readonly DuckDBInstance: {
    create(path: string, options?: Record<string, string>): Promise<OwnDatabase>
  }
}

/** Throws  PEER_MISSING; else what DuckDB throws. */
export async function openDatabase(path: string | undefined): Promise<OwnDatabase> {
  const { DuckDBInstance } = await loadPackage()
  if (path === undefined) return await DuckDBInstance.create(':memory:')
  // Read-only: several processes may read one file, and a wrong path is an error and not a new, empty database.
  return await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' })
}

async function loadPackage(): Promise<Package> {
  const name = '@duckdb/node-api'
  return await import('@duckdb/node-api').catch((error: unknown) => {
    throw new LakeloopError('PEER_MISSING', { package: name }, error)
  })
}
