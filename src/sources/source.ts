import type { DriftChange, SchemaCommit } from '../model/report.js'
import type { Cursor, RowBlock, Schema } from '../model/row.js'

/**
 * Where rows come from.
 *
 * An implementation holds no position of its own: the cursor goes out with each page and comes back on the next run,
 * so that a crash can only repeat rows and never skip them (I3). One `read` at a time per instance is asked for; a
 * second one that overlaps must work or be refused with a clear error.
 */
export interface Source {
  /** Stable and unique within the host's syncs: part of the keys under which evidence and cursors are kept. */
  readonly name: string
  /** Columns that identify a row across runs. Without a key no evidence is learned from its rows, and none owns a claim. */
  readonly key?: readonly string[] | undefined
  /** Column that tells when the row last changed at its origin. */
  readonly changedAt?: string | undefined

  /**
   * Pages after a cursor, from the beginning if there is none.
   *
   * Shape   1 to `pageSize` rows a page; no rows at all is no page, or one empty page that moves the cursor.
   * Order   the same cursor and the same data give the same rows in the same order. A source that cannot promise that
   *         (a bare query) hands out one cursor, behind its last page: after a crash it is read whole again.
   * Repeat  reading after the cursor behind the last page gives what is new since; a source that always gives its whole
   *         content (mode `snapshot`) begins again.
   * Throws  SOURCE_UNREACHABLE, SOURCE_QUERY_INVALID, SOURCE_TABLE_MISSING, SOURCE_COLUMN_MISSING, CURSOR_INVALID;
   *         anything else thrown stops the run as SOURCE_FAILED.
   */
  read(options: ReadOptions): AsyncIterable<Page>

  /** The schema of the next read without reading rows, or `null` if only reading tells. `tags` as in {@link ReadOptions}. */
  describe(signal: AbortSignal, tags?: ReadOptions['tags']): Promise<Schema | null>

  /**
   * What made each of these changes of the schema, in their order; `undefined` where that is not known. Optional: for a
   * source that keeps a history.
   *
   * @param since  `asOf` of the schema that the changes are seen against
   */
  whoChanged?(
    changes: readonly Pick<DriftChange, 'kind' | 'column'>[],
    since: string,
    options: LookOptions,
  ): Promise<readonly (ColumnOrigin | undefined)[]>

  /**
   * Where the source stands: the cursor behind all that it has now, without reading it. Optional: for a source that tells what
   * is new since, of which a sync can begin with what comes (`start: 'now'`).
   *
   * Repeat  reading after it gives what changed since, and never what was there.
   * Throws  as `read`; SOURCE_MODE_UNAVAILABLE where this one, as it was made, has no such place.
   */
  head?(options: LookOptions): Promise<Cursor>

  /** Idempotent. Gives back what the source opened itself; what was handed in stays open. */
  close(): Promise<void>
}

/** Where a change of a column comes from. */
export interface ColumnOrigin extends SchemaCommit {
  /** The name under which a column that left is still there: the history has its renaming. */
  readonly renamedTo?: string
}

export interface ReadOptions {
  readonly after?: Cursor | undefined
  /**
   * Without `after`: where reads stood before the host asked for all of it anew. For a source whose changes tell of rows that
   * leave: what left since is only known by its absence, so that these pages are a `snapshot`. Another takes no notice.
   */
  readonly former?: Cursor | undefined
  /** Rows, 1 to 100,000. Default 2,000. */
  readonly pageSize?: number | undefined
  readonly signal: AbortSignal
  /**
   * What `describe` gave, the object itself: for a source that keeps versions, which then reads that one and need not look
   * it up again. Another source takes no notice.
   */
  readonly described?: Schema | undefined
  /** Who reads, e.g. sync and run: for a source that can write it beside its statements, where an admin finds it. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** Options of what is asked of a source besides its rows. */
export type LookOptions = Pick<ReadOptions, 'signal' | 'tags' | 'described'>

export interface Page {
  readonly schema: Schema
  readonly rows: RowBlock
  /** The position behind this page. */
  readonly cursor: Cursor
  /**
   * `snapshot`: these pages together are the whole audience, a row that is missing has left. Only where the host
   * declared so; a query is never taken for a whole audience by itself. `changes`: absence means nothing.
   */
  readonly mode: 'snapshot' | 'changes'
  /** Rows of all pages of this read together, from when the source knows that on. */
  readonly rowsTotal?: number | undefined
}
