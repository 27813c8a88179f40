import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Column, Cursor, Schema } from '../../model/row.js'
import type { ReadOptions } from '../source.js'
import { assertFeed, CHANGE_COLUMNS, feedRead, hasFeed } from './feed-read.js'
import { assertTracked, ROW_TRACKING_COLUMNS, rowTrackingRead, tracksRows } from './row-tracking-read.js'
import type { Segment } from './segment.js'
import { snapshotRead } from './snapshot-read.js'
import { commitsAfter, placeOf, replacement } from './table-facts.js'
import {
  kept as asKept,
  begunBy,
  identityOf,
  type Mode,
  type Seen,
  type TableCursor,
  type TableRead,
  tableCursor,
} from './table-read.js'
import { watermarkHead, watermarkRead } from './watermark-read.js'

/** How a table is read. */
export interface TableOptions extends TableRead {
  readonly changes: 'auto' | Mode
  readonly onHistoryGone: 'stop' | 'resync'
  readonly onReplaced: 'stop' | 'resync'
}

const READS: Readonly<Record<Mode, (read: TableRead, cursor: TableCursor | undefined) => AsyncGenerator<Segment>>> = {
  snapshot: snapshotRead,
  watermark: watermarkRead,
  feed: feedRead,
  rowTracking: rowTrackingRead,
}

/** What the rows of a mode have besides the table's own columns. */
const EXTRA: Readonly<Record<Mode, readonly Column[]>> = {
  snapshot: [],
  watermark: [],
  feed: CHANGE_COLUMNS,
  rowTracking: ROW_TRACKING_COLUMNS,
}

/** The columns of the next read. */
export function tableSchema(read: TableOptions): Schema {
  const { mode } = chosen(read)
  const asOf = placeOf(read.facts)
  const columns = [...read.facts.schema.columns, ...EXTRA[mode]]
  return { ...read.facts.schema, columns, ...(asOf === undefined ? {} : { asOf }) }
}

/**
 * The statements of the next read of a table: what changed since the cursor, or all of it.
 *
 * Throws  SOURCE_TABLE_REPLACED, SOURCE_HISTORY_GONE, SOURCE_MODE_UNAVAILABLE, CURSOR_INVALID.
 */
export async function* tableSegments(
  read: TableOptions,
  { after, former }: Pick<ReadOptions, 'after' | 'former'>,
): AsyncGenerator<Segment> {
  if (after === undefined && former !== undefined) {
    yield* anewSegments(read, former)
    return
  }
  const kept = tableCursor(after, read.asking.source)
  const { mode, why } = chosen(read)
  read.tell({ kind: 'mode', mode, why })
  const cursor = await standing(read, mode, kept)
  const resync = seesLeaving(kept) && (cursor === undefined || cursor.now?.resync === true)
  // Without versions, or without an order to go on in, an interrupted full read begins again: then with what is there now.
  const anew = cursor?.now?.whole === true && (read.facts.version === undefined || read.key.length === 0)
  yield* READS[mode]({ ...read, resync }, anew ? undefined : cursor)
}

/**
 * All of the table, because that was asked for. What `former` was of is told by its absence; one that nobody can read is of
 * no table that is known.
 */
function anewSegments(read: TableOptions, former: Cursor): AsyncGenerator<Segment> {
  const { mode, why } = chosen(read)
  read.tell({ kind: 'mode', mode, why })
  read.tell({ kind: 'resync', why: 'asked for' })
  const before = isTableCursor(former, read.asking.source)
  return READS[mode]({ ...read, resync: seesLeaving(before) || before?.now?.resync === true }, undefined)
}

function isTableCursor(cursor: Cursor, source: string): TableCursor | undefined {
  try {
    return tableCursor(cursor, source)
  } catch (error) {
    if (!isLakeloopError(error, 'CURSOR_INVALID')) throw error
    return undefined
  }
}

/**
 * Where the table stands: behind all that it has now.
 *
 * Throws  SOURCE_MODE_UNAVAILABLE where it is read whole each time; what a read of its mode throws before its first row.
 */
export async function tableHead(read: TableOptions): Promise<Cursor> {
  const { mode } = chosen(read)
  return asKept({ ...begunBy(read, mode), seen: await HEADS[mode](read) })
}

const HEADS: Readonly<Record<Mode, (read: TableRead) => Promise<Seen>>> = {
  feed: async (read) => {
    assertFeed(read)
    return { version: read.facts.version }
  },
  rowTracking: async (read) => {
    assertTracked(read)
    return { version: read.facts.version }
  },
  watermark: watermarkHead,
  snapshot: async ({ asking, table }) => {
    throw noHead(asking.source, table.text, 'it is read whole each time, and nothing tells what is new')
  },
}

/** A source that has no place to begin at but its beginning. */
export const noHead = (source: string, table: string, problem: string): LakeloopError =>
  new LakeloopError('SOURCE_MODE_UNAVAILABLE', {
    source,
    table,
    mode: 'what comes from now on',
    problem,
    remedy: 'Say start: backfill, or read a table by its feed, by row tracking or by watermark.',
  })

/** All of the table, where changes that are lost may be dealt with so; `undefined` where that is not allowed, or not what befell it. */
export function insteadOfLost(
  read: TableOptions,
  after: Cursor | undefined,
  error: unknown,
): AsyncGenerator<Segment> | undefined {
  if (read.onHistoryGone === 'stop' || !isLakeloopError(error, 'SOURCE_HISTORY_GONE')) return undefined
  read.tell({ kind: 'resync', why: String(error.facts.problem) })
  const { mode } = chosen(read)
  return READS[mode]({ ...read, resync: seesLeaving(tableCursor(after, read.asking.source)) }, undefined)
}

/**
 * True where the changes that are lost may have held a row's leaving, by which whoever is missing in all of the table has
 * left. By watermark nobody ever leaves, and by snapshot whoever the host says (`complete`).
 */
const seesLeaving = (kept: TableCursor | undefined): boolean => kept?.mode === 'feed' || kept?.mode === 'rowTracking'

/** The mode asked for, or the best that the table has. */
function chosen({ changes, changedAt, key, facts }: TableOptions): { readonly mode: Mode; readonly why: string } {
  if (changes !== 'auto') return { mode: changes, why: 'asked for' }
  if (facts.automaticFeed === true) return { mode: 'feed', why: 'the warehouse makes a feed of its row tracking' }
  if (hasFeed(facts)) return { mode: 'feed', why: 'its change data feed is on' }
  if (tracksRows(facts.properties)) return { mode: 'rowTracking', why: 'it has no feed, and row tracking is on' }
  if (changedAt !== undefined && key.length > 0) {
    return { mode: 'watermark', why: 'it has neither feed nor row tracking, and changedAt and key are said' }
  }
  return { mode: 'snapshot', why: 'it has neither feed nor row tracking, and changedAt or key is not said' }
}

/** The cursor, if it still means something; `undefined` to read all of the table. */
async function standing(
  read: TableOptions,
  mode: Mode,
  kept: TableCursor | undefined,
): Promise<TableCursor | undefined> {
  if (kept === undefined) return undefined
  if (kept.mode !== mode) {
    read.tell({ kind: 'resync', why: `it was read by ${kept.mode} before` })
    return undefined
  }
  const { by } = begunBy(read, mode)
  if (JSON.stringify(kept.by ?? []) !== JSON.stringify(by)) {
    read.tell({ kind: 'resync', why: `it was read by other columns before: ${(kept.by ?? []).join(', ') || 'none'}` })
    return undefined
  }
  if (mode === 'snapshot' && kept.table !== identityOf(read)) {
    // Tables that are made anew each day are read so; only what was interrupted is lost, and it begins again.
    if (kept.now !== undefined) read.tell({ kind: 'resync', why: 'it was made anew while it was read' })
    return undefined
  }
  const problem = await replaced(read, kept)
  if (problem === undefined) return kept
  if (read.onReplaced === 'stop') {
    throw new LakeloopError('SOURCE_TABLE_REPLACED', { source: read.asking.source, table: read.table.text, problem })
  }
  read.tell({ kind: 'resync', why: `it ${problem}` })
  return undefined
}

/** What happened to the table that makes the cursor one of another past. A snapshot is read whole anyway. */
async function replaced(read: TableRead, kept: TableCursor): Promise<string | undefined> {
  const { facts, asking, table } = read
  if (kept.table !== identityOf(read)) return 'was dropped or replaced, and is another table'
  const since = kept.now?.to.version ?? kept.seen?.version
  if (facts.version === undefined || since === undefined) return undefined
  if (facts.version < since) return 'is behind the version that was read'
  if (kept.mode === 'snapshot' || facts.version === since) return undefined
  try {
    const found = replacement(await commitsAfter(asking, table, { after: since, latest: facts.version }))
    return found === undefined ? undefined : `${found.did} (version ${found.commit.version}, ${found.commit.at})`
  } catch (error) {
    // Row tracking and watermarks need no history; a feed that has lost its own says so by itself.
    if (!isLakeloopError(error, 'SOURCE_HISTORY_GONE')) throw error
    read.tell({ kind: 'historyUnknown', why: String(error.facts.problem) })
    return undefined
  }
}
