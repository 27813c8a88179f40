import type { Column, Cursor } from '../../model/row.js'
import type { SqlParameter } from '../../vendors/databricks/sql.js'
import type { Page } from '../source.js'
import type { Place } from './sql-text.js'

/** A statement of a read, and where one stands behind each of its rows. A read is one segment, or several in a row. */
export interface Segment {
  readonly sql: string
  readonly parameters?: Readonly<Record<string, SqlParameter>> | undefined
  readonly mode: Page['mode']
  /** Columns by which its rows are sorted and no two of them are equal; empty where no place can be found again. */
  readonly order: readonly Pick<Column, 'name' | 'type'>[]
  /** Another segment of the read comes behind it, of which nobody knows how many rows it has. */
  readonly more?: boolean | undefined
  /** The rest of it, behind a place. Only where it is sorted. */
  readonly rest?: ((place: Place) => Segment) | undefined
  /** What to keep behind a place; `undefined` is behind its last row. */
  readonly cursor: (place: Place | undefined) => Cursor
}

/** What a source tells its host besides rows. Holds names, counts and codes, never a value. */
export type DatabricksEvent =
  /** How a table is read, and why so: told once per read. */
  | { readonly kind: 'mode'; readonly mode: string; readonly why: string }
  /** The warehouse is not ready yet. */
  | { readonly kind: 'waiting'; readonly waitedMs: number; readonly attempt: number }
  /** Rows without a watermark can never be found by it. */
  | { readonly kind: 'nullWatermarks'; readonly column: string; readonly rows: number }
  /** The table or the query is read whole, although there was a cursor. */
  | { readonly kind: 'resync'; readonly why: string }
  /** The history does not reach back to the last run, so that nobody can say whether the table was restored or overwritten since. */
  | { readonly kind: 'historyUnknown'; readonly why: string }
  /** Unity Catalog did not tell of the table: ids of columns, its key, masks and row filters are not known. */
  | { readonly kind: 'catalogUnknown'; readonly why: string }
  /** Rows of the overlap are given again: the version that the last run read is gone. */
  | { readonly kind: 'overlapRepeated'; readonly why: string }
  /** A result was lost on its way and is asked for again, behind the last row that arrived. */
  | { readonly kind: 'resumed'; readonly problem: string }

/** Tells the host; what a listener throws is its own business. */
export type Tell = (event: DatabricksEvent) => void
