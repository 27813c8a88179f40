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
  const { mode, table, seen = {}, now, page = 0, ...rest } = cursor
  const holds = (value: Json): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  const fits =
    Object.keys(rest).length === 0 &&
    MODES.includes(mode as string) &&
    typeof table === 'string' &&
    typeof page === 'number' &&
    holds(seen) &&
    (now === undefined || (holds(now) && holds(now.to as Json)))
  if (!fits) throw new LakeloopError('CURSOR_INVALID', { source })
  return cursor as unknown as TableCursor
}

/** As it is kept: without what is not known. */
export const kept = (cursor: TableCursor): Cursor => JSON.parse(JSON.stringify(cursor)) as Cursor

export const identityOf = ({ facts, table }: Pick<TableRead, 'facts' | 'table'>): string => facts.id ?? table.sql

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
