import { kindOf, type Table, written } from '../../sources/databricks-arrow-tables.js'

/** A record batch as it goes over the wire. */
export interface Batch {
  readonly bytes: Uint8Array
  /** What the server says, besides what the batch says of itself. */
  readonly rowCount: number
}

/** What a statement is answered with. */
export interface Answer {
  /** Name and SQL type of each column, for the driver's own rows. */
  readonly columns: readonly (readonly [name: string, sql: string])[]
  /** The schema message. */
  readonly schema: Uint8Array
  /** Pages of FetchResults, each of some batches. The first one comes with the answer to ExecuteStatement, if that is asked for. */
  readonly pages: readonly (readonly Batch[])[]
  /** By links to files, where the client takes them. */
  readonly links?: boolean
  /** Each batch in a frame of LZ4, as the metadata says then. */
  readonly lz4?: (bytes: Uint8Array) => Uint8Array
  /** The statement has ended well and is said to have no result. */
  readonly hasResultSet?: false
}

/** A statement that the server refuses. By `status`, the driver loses the SQLSTATE. */
export interface Refusal {
  readonly text: string
  readonly sqlState?: string
  readonly route?: 'state' | 'status'
}

export interface Parameter {
  readonly type: string
  readonly value: string | null
}

/** What the fake is told to know. `undefined`: a statement that nobody foresaw, which fails the test at close(). */
export type Statements = (sql: string, parameters: Readonly<Record<string, Parameter>>) => Answer | Refusal | undefined

/** Pages of `pageRows` rows, in batches of `batchRows`. */
export function answerOf(
  fields: Table['fields'],
  rows: readonly (readonly unknown[])[],
  options: { readonly pageRows?: number; readonly batchRows?: number; readonly named?: boolean } = {},
): Answer {
  const { pageRows = 100, batchRows = pageRows, named = true } = options
  const batches: (readonly (readonly unknown[])[])[] = []
  for (let from = 0; from < rows.length; from += batchRows) batches.push(rows.slice(from, from + batchRows))
  const { schema, messages } = written({ fields, batches }, named)
  const held = messages.map((bytes, at): Batch => ({ bytes, rowCount: batches[at]?.length ?? 0 }))
  const each = Math.max(1, Math.floor(pageRows / batchRows))
  const pages: (readonly Batch[])[] = []
  for (let from = 0; from < held.length; from += each) pages.push(held.slice(from, from + each))
  return { columns: fields.map(([name, kind]) => [name, kind.sql] as const), schema, pages }
}

/** Rows of text, of which there are few. */
export const textAnswer = (names: readonly string[], rows: readonly (readonly (string | null)[])[]): Answer =>
  answerOf(
    names.map((name) => [name, kindOf('string')] as const),
    rows,
  )
