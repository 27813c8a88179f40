import { LakeloopError } from '../../errors.js'
import type { Column, Cursor } from '../../model/row.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Page } from '../source.js'
import type { Tell } from './segment.js'
import type { Place, TableName } from './sql-text.js'
import type { Asking, TableFacts } from './table-facts.js'

/** How a table is read. */
export type Mode = 'snapshot' | 'watermark' | 'feed' | 'rowTracking'

/** What every way to read a table knows. */
export interface TableRead {
  readonly asking: Asking
  readonly table: TableName
  readonly facts: TableFacts
  readonly key: readonly string[]
  readonly changedAt: string | undefined
  /** The whole table is the whole audience. */
  readonly complete: boolean
  readonly overlapMs: number
  /** Whether the server is asked if the key is one. */
  readonly checkKey: boolean
  readonly tell: Tell
  /** There was a cursor, and it means nothing any more: rows that are not there now have left since. */
  readonly resync?: boolean
}

/**
 * Where a table read stands. `seen` is what was read to its end; `now` is the read under way, which ends at the version
 * `to`, and `place` the last row of it that was given out.
 */
export interface TableCursor {
  readonly mode: Mode
  /** The Delta table's id, or the name where it has none. */
  readonly table: string
  /** Columns that places and watermarks are of: `changedAt`, where it is read by that, and the key. */
  readonly by?: readonly string[] | undefined
  readonly seen?: Seen | undefined
  readonly now?: Under | undefined
}

export interface Seen {
  readonly version?: number | undefined
  /** Of mode `watermark`: the highest one. */
  readonly watermark?: Json | undefined
}

export interface Under {
  readonly to: Seen
  readonly place?: Place | undefined
  /** The read is a full one. */
  readonly whole?: boolean | undefined
  /** The full read comes after others, whose rows may be gone. */
  readonly resync?: boolean | undefined
  /** Of mode `feed`: the first version of the part under way. */
  readonly from?: number | undefined
}

const MODES: readonly string[] = ['snapshot', 'watermark', 'feed', 'rowTracking'] satisfies readonly Mode[]

/** Throws  CURSOR_INVALID */
export function tableCursor(cursor: Cursor | undefined, source: string): TableCursor | undefined {
  if (cursor === undefined) return undefined
  const { mode, table, by = [], seen = {}, now = { to: {} } as JsonObject, page = 0, ...rest } = cursor
  const holds = (value: Json | undefined): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  const isSeen = (value: Json | undefined): boolean => holds(value) && isVersion(value.version)
  const fits =
    Object.keys(rest).length === 0 &&
    MODES.includes(mode as string) &&
    typeof table === 'string' &&
    Array.isArray(by) &&
    typeof page === 'number' &&
    isSeen(seen) &&
    holds(now) &&
    isSeen(now.to) &&
    isVersion(now.from) &&
    (now.place === undefined || Array.isArray(now.place))
  if (!fits) throw new LakeloopError('CURSOR_INVALID', { source })
  return cursor as unknown as TableCursor
}

/** Versions go into the text of statements. */
const isVersion = (value: Json | undefined): boolean => value === undefined || Number.isSafeInteger(value)

/** As it is kept: without what is not known. */
export const kept = (cursor: TableCursor): Cursor => JSON.parse(JSON.stringify(cursor)) as Cursor

export const identityOf = ({ facts, table }: Pick<TableRead, 'facts' | 'table'>): string => facts.id ?? table.sql

/** What a cursor says of the read that it is of; with other columns it would skip rows. */
export const begunBy = (read: TableRead, mode: Mode): Pick<TableCursor, 'mode' | 'table' | 'by'> => ({
  mode,
  table: identityOf(read),
  by: mode === 'watermark' && read.changedAt !== undefined ? [read.changedAt, ...read.key] : read.key,
})

/** ` VERSION AS OF n` where the table has versions. */
export const pinned = ({ table, facts }: Pick<TableRead, 'table' | 'facts'>, version = facts.version): string =>
  version === undefined ? table.sql : `${table.sql} VERSION AS OF ${version}`

export function columnsOf({ facts, asking }: TableRead, names: readonly string[], role: string): readonly Column[] {
  return names.map((name) => {
    const column = facts.schema.columns.find((one) => one.name === name)
    if (column === undefined)
      throw new LakeloopError('SOURCE_KEY_MISSING', { source: asking.source, column: name, role })
    return column
  })
}

/** A full read instead of changes that were lost says who is there: without it, whoever was deleted would stay on lists. */
export const wholeMode = ({ complete, resync = false }: Pick<TableRead, 'complete' | 'resync'>): Page['mode'] =>
  complete || resync ? 'snapshot' : 'changes'
