import type { JsonObject } from '../../model/value.js'

/** A value of a statement's parameter, with the type as Spark writes it: `{ type: 'BIGINT', value: '42' }`. */
export interface SqlParameter {
  readonly type: string
  readonly value: string | null
}

export interface StatementOptions {
  /** By name, as `:name` stands in the text. At most 255. Source: databricks-sql-python docs/parameters.md. */
  readonly parameters?: Readonly<Record<string, SqlParameter>> | undefined
  /** Written beside the statement in the query history, besides the session's own. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Cancels the statement on the server. */
  readonly signal?: AbortSignal | undefined
}

/** A session on a SQL warehouse, opened at its first statement; times are in UTC. */
export interface SqlSession {
  /**
   * All rows of a small result (metadata), at most 10,000: times as ISO text in UTC, integers beyond 2^53 - 1 as digits.
   *
   * Throws  what {@link SqlSession.query} throws; SOURCE_FAILED for a larger result.
   */
  rows(sql: string, options?: StatementOptions): Promise<readonly JsonObject[]>

  /**
   * Runs a statement and gives its result as the bytes that the server sent.
   *
   * Throws  SOURCE_UNREACHABLE, SOURCE_QUERY_INVALID, SOURCE_TABLE_MISSING, SOURCE_COLUMN_MISSING, SOURCE_FORBIDDEN,
   *         SOURCE_FAILED, ABORTED, CLOSED.
   */
  query(sql: string, options?: StatementOptions): Promise<ArrowResult>

  /** Idempotent. */
  close(): Promise<void>
}

/** A result whose record batches have not been decoded. */
export interface ArrowResult {
  /** The schema message of the Arrow IPC stream. */
  readonly schema: Uint8Array
  /**
   * Record-batch messages in order, without schema and end marker, or whole streams with the same schema; each only once. Ending the iteration early closes the
   * statement.
   */
  batches(): AsyncIterable<ArrowBatches>
  close(): Promise<void>
}

export interface ArrowBatches {
  readonly messages: readonly Uint8Array[]
  readonly rowCount: number
}
