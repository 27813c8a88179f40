import type { Json, JsonObject, Reason } from './value.js'

/** One row as the source gave it: column name to exact value. Untrusted. */
export type Row = JsonObject

/** A column as the source declares it. */
export interface Column {
  readonly name: string
  /** The Spark SQL name in lower case, e.g. `double`, `decimal(8,2)`, `struct<a:int,b:array<string>>`. */
  readonly type: string
  readonly nullable: boolean
  /** An id that outlives a rename (Delta column mapping), where the source has one. */
  readonly id?: string
  /** The function that stands before its values (a column mask): what we are given may not be what is stored. */
  readonly mask?: string
}

/** The columns of a page, in the source's order. */
export interface Schema {
  readonly columns: readonly Column[]
  /** Where the source's history stood when this was read; only the source reads it. */
  readonly asOf?: string
  /** The function that keeps rows from us (a row filter). */
  readonly rowFilter?: string
}

/** A position in a source. Opaque to everyone but the source that made it; at most 4 KiB as JSON. */
export type Cursor = JsonObject

/**
 * Rows of one schema, decoded on demand, so that a source may keep them as the bytes it received.
 *
 * Order   index order is source order; every method takes an index in [0, length).
 */
export interface RowBlock {
  readonly length: number
  /** Row `index`, decoded. The same index gives an equal row. */
  at(index: number): Row
  /**
   * What identifies the row across runs: canonical text of the source's key columns. `undefined` where the source has
   * no key or a key column is NULL; such a row teaches identity nothing and owns no claim.
   */
  key(index: number): string | undefined
  /** When the row last changed at its origin, as ISO 8601 text in UTC; `undefined` where the source does not know. */
  changedAt(index: number): string | undefined
  /** UTF-8 JSON array of the rows [from, to): the form that crosses the sandbox wall. A refused row is `null` there. */
  json(from: number, to: number): Uint8Array
  /** Rows that hold a value which cannot be represented exactly, by index. They are rejected, never rounded. */
  readonly refused: ReadonlyMap<number, Reason>
}

/** Options of {@link rowBlock}. */
export interface RowBlockOptions {
  /** Columns that identify a row. */
  readonly key?: readonly string[] | undefined
  /** Column with the time of the last change: ISO 8601 text. */
  readonly changedAt?: string | undefined
  readonly refused?: ReadonlyMap<number, Reason> | undefined
}

/**
 * A block over plain objects, for sources that have their rows as such.
 *
 * Cost    no copy is made: the caller hands the rows over and must not change them afterwards.
 */
export function rowBlock(rows: readonly Row[], options: RowBlockOptions = {}): RowBlock {
  const refused = options.refused ?? new Map<number, Reason>()
  const columns = options.key ?? []
  const encoder = new TextEncoder()
  return {
    length: rows.length,
    refused,
    at: (index) => rows[index] ?? {},
    key(index) {
      const row = rows[index]
      if (row === undefined || columns.length === 0 || refused.has(index)) return undefined
      return keyText(columns.map((column) => row[column] ?? null))
    },
    changedAt(index) {
      const value = options.changedAt === undefined ? undefined : rows[index]?.[options.changedAt]
      return typeof value === 'string' ? value : undefined
    },
    json(from, to) {
      const slice = rows.slice(from, to)
      const kept = refused.size === 0 ? slice : slice.map((row, at) => (refused.has(from + at) ? null : row))
      return encoder.encode(JSON.stringify(kept))
    },
  }
}

/**
 * One key as text: the value itself for a single string, else JSON of the values. `undefined` if a part is NULL.
 *
 * Laws    different keys give different texts: a single string that begins with `[` or `#` is written as JSON too.
 */
export function keyText(values: readonly Json[]): string | undefined {
  if (values.some((value) => value === null)) return undefined
  const [only] = values
  if (values.length === 1 && typeof only === 'string' && only !== '' && !/^[[#]/.test(only)) return only
  return JSON.stringify(values)
}
