import { hash } from 'node:crypto'
import { LakeloopError } from '../../errors.js'
import type { DriftChange } from '../../model/report.js'
import type { Column, Cursor, Schema } from '../../model/row.js'
import { systemClock } from '../../transport/clock.js'
import { isPrincipal } from '../../vendors/databricks/auth.js'
import { WarehouseSession } from '../../vendors/databricks/session.js'
import type { SqlSession } from '../../vendors/databricks/sql.js'
import { Workspace } from '../../vendors/databricks/workspace.js'
import { assertNotAborted, assertRoles, pageSizeOf } from '../paging.js'
import type { ColumnOrigin, LookOptions, Page, ReadOptions, Source } from '../source.js'
import { DatabricksCatalog } from './catalog.js'
import { catalogFacts, withCatalog } from './catalog-facts.js'
import { checkDatabricksOptions, type DatabricksSourceOptions, DEFAULTS } from './databricks-options.js'
import { withAutomaticFeed } from './feed-read.js'
import { type PreflightOptions, type PreflightReport, preflight } from './preflight.js'
import { knownTables, withQueryGuards } from './query-guards.js'
import { queryPlace, querySegment } from './query-read.js'
import { namesIn } from './query-tables.js'
import { whoChanged } from './schema-history.js'
import type { DatabricksEvent, Segment, Tell } from './segment.js'
import { pagesOf } from './segment-pages.js'
import { assertKey } from './snapshot-read.js'
import { assertOrdered, tableName } from './sql-text.js'
import { type Asking, schemaOf, type TableFacts, tableFacts } from './table-facts.js'
import { insteadOfLost, noHead, type TableOptions, tableHead, tableSchema, tableSegments } from './table-modes.js'

export type { DatabricksAuth } from '../../vendors/databricks/auth.js'
export type { DatabricksSourceOptions } from './databricks-options.js'
export type { PreflightCheck, PreflightOptions, PreflightReport } from './preflight.js'
export type { DatabricksEvent } from './segment.js'

/** Columns that a source declares, or its table. */
interface Roles {
  readonly key: readonly string[] | undefined
  readonly changedAt: string | undefined
}

/** A table as it stood when it was looked up. */
interface Looked extends Roles {
  readonly facts: TableFacts
}

/**
 * The rows of a query or a table in Databricks, exact by column type: see docs/values.md and docs/databricks.md.
 *
 * Order    of a table: by its key, or by version and key; of a query as `order` says. Reads may overlap.
 * Repeat   of a table: after the last page comes what has changed since. A query is run anew.
 * Throws   OPTION_INVALID at construction; PEER_MISSING, SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FORBIDDEN,
 *          SOURCE_QUERY_INVALID, SOURCE_TABLE_MISSING, SOURCE_COLUMN_MISSING, SOURCE_KEY_MISSING, SOURCE_KEY_AMBIGUOUS,
 *          SOURCE_TYPE_UNKNOWN, SOURCE_HISTORY_GONE, SOURCE_TABLE_REPLACED, SOURCE_MODE_UNAVAILABLE,
 *          SOURCE_DRIVER_UNKNOWN, SOURCE_FAILED, CURSOR_INVALID, CLOSED, ABORTED at use.
 * Cost     one statement per read, taken off the server as fast as it comes (spool.ts); a page is decoded in one go.
 * Upholds  I3, I7, I12.
 */
export class DatabricksSource implements Source {
  readonly name: string
  /** What the same principal sees in Unity Catalog. Ends with the source. */
  readonly catalog: DatabricksCatalog
  readonly #options: DatabricksSourceOptions
  readonly #workspace: Workspace
  readonly #looked = new WeakMap<Schema, Looked>()
  readonly #queried = new WeakSet<Schema>()
  #roles: Roles
  #session: SqlSession | undefined
  #closed = false

  constructor(options: DatabricksSourceOptions) {
    this.#options = checkDatabricksOptions(options)
    if (options.table !== undefined) tableName(options.table)
    this.name = options.name ?? options.table ?? 'databricks'
    this.#roles = { key: options.key, changedAt: options.changedAt }
    this.#workspace = new Workspace({ ...options, name: this.name, part: 'DatabricksSource' })
    this.catalog = new DatabricksCatalog(options, this.#workspace)
  }

  /** As declared, or as the table declares it: that is known from the first `describe` or `read` on. */
  get key(): readonly string[] | undefined {
    return this.#roles.key
  }

  get changedAt(): string | undefined {
    return this.#roles.changedAt
  }

  async *read(options: ReadOptions): AsyncGenerator<Page> {
    const pageSize = pageSizeOf(options, 'DatabricksSource.read')
    const { signal, after, described } = options
    assertNotAborted(signal)
    const asking = { ...this.#asking(signal), tags: options.tags }
    const isTable = this.#options.table !== undefined
    const known = described !== undefined && this.#queried.has(described) ? described : undefined
    const table = isTable ? this.#table(asking, await this.#lookedUp(asking, described)) : undefined
    const segments = table === undefined ? this.#query(asking, after, known) : tableSegments(table, options)
    let given = 0
    try {
      for await (const page of this.#pages(segments, asking, pageSize)) {
        given += 1
        yield page
      }
    } catch (error) {
      // Behind pages of changes a full read would be taken for more changes: the next run begins with it.
      const instead = table === undefined || given > 0 ? undefined : insteadOfLost(table, after, error)
      if (instead === undefined) throw error
      yield* this.#pages(instead, asking, pageSize)
    }
  }

  async describe(signal: AbortSignal, tags?: ReadOptions['tags']): Promise<Schema> {
    const asking = { ...this.#asking(signal), tags }
    if (this.#options.table === undefined) return await this.#querySchema(asking)
    const looked = await this.#lookedUp(asking)
    const schema = tableSchema(this.#table(asking, looked))
    assertRoles(schema, this)
    this.#looked.set(schema, looked)
    return schema
  }

  /** Of a table that is read by its changes. */
  async head({ signal, tags, described }: LookOptions): Promise<Cursor> {
    assertNotAborted(signal)
    const asking = { ...this.#asking(signal), tags }
    if (this.#options.table === undefined) throw noHead(this.name, 'a query', 'it is run anew each time')
    return await tableHead(this.#table(asking, await this.#lookedUp(asking, described)))
  }

  /** From the history of the table; a query has none, and neither has a history that is gone or not allowed to us. */
  async whoChanged(
    changes: readonly Pick<DriftChange, 'kind' | 'column'>[],
    since: string,
    { signal, tags, described }: LookOptions,
  ): Promise<readonly (ColumnOrigin | undefined)[]> {
    const { table } = this.#options
    if (table === undefined) return []
    const asking = { ...this.#asking(signal), tags }
    const { facts } = await this.#lookedUp(asking, described)
    return await whoChanged({ asking, table: tableName(table), facts }, changes, since)
  }

  /** Looks for everything that a run needs, and says what to grant: see docs/databricks.md. Throws only ABORTED, CLOSED, OPTION_INVALID. */
  async preflight(options: PreflightOptions = {}): Promise<PreflightReport> {
    const { auth, httpPath, changes = 'auto', table, allow } = this.#options
    const name = table === undefined ? undefined : tableName(table)
    return await preflight({
      asking: this.#asking(options.signal ?? new AbortController().signal),
      workspace: this.#workspace,
      principal: isPrincipal(auth) ? auth.clientId : undefined,
      httpPath,
      table: name,
      query: name === undefined ? this.#sql : `SELECT * FROM ${name.sql}`,
      changes,
      volumes: options.volumes ?? [],
      allow,
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#session?.close()
    this.#workspace.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #pages(segments: AsyncIterable<Segment>, asking: Asking, pageSize: number): AsyncGenerator<Page> {
    return pagesOf(segments, { ...this.#reading(asking), pageSize })
  }

  /** Without the semicolon that a text from an editor ends in: it stands within other statements. */
  get #sql(): string {
    return (this.#options.query ?? '').replace(/[;\s]+$/, '')
  }

  async #querySchema(asking: Asking): Promise<Schema> {
    const { allow = {} } = this.#options
    const found = await schemaOf(asking, this.#sql)
    const { tables, words } = namesIn(this.#sql)
    const known = await knownTables(this.#workspace.unityCatalog, tables, { asking, allow })
    const schema = withQueryGuards(found, words, known, allow)
    assertRoles(schema, this)
    assertNamed(schema.columns, this.#options)
    this.#queried.add(schema)
    return schema
  }

  async *#query(asking: Asking, after: Cursor | undefined, described: Schema | undefined): AsyncGenerator<Segment> {
    const { key = [], order, complete = false, checkKey = DEFAULTS.checkKey } = this.#options
    const query = this.#sql
    const digest = hash('sha256', JSON.stringify([query, key, order ?? ''])).slice(0, 16)
    const place = queryPlace(after, digest, this.name)
    const columns: Column[] = []
    // Also for what it does not say: as a part of a SELECT, no statement that writes is understood.
    const schema = described ?? (await this.#querySchema(asking))
    if (order === 'key') {
      assertOrdered(schema.columns, key, this.name)
      columns.push(...key.map((name) => schema.columns.find((column) => column.name === name) as Column))
    }
    if (checkKey && place === undefined) await assertKey(asking, { key, from: `(${query}\n)` })
    if (after !== undefined && after.query !== digest) this.#tell({ kind: 'resync', why: 'the query is another one' })
    yield querySegment({ query, mode: complete ? 'snapshot' : 'changes', order: columns, digest }, place)
  }

  /** The table as it was described, or as it stands now. */
  async #lookedUp(asking: Asking, described?: Schema): Promise<Looked> {
    const { table = '', allow = {}, changes = 'auto' } = this.#options
    const before = described && this.#looked.get(described)
    if (before !== undefined) return before
    const name = tableName(table)
    // First, since SQL tells better what is not there, or which right is missing.
    const found = await tableFacts(asking, name)
    const question = { asking, table: name, allow, tell: this.#tell }
    const known = await catalogFacts(this.#workspace.unityCatalog, question)
    const { key = known?.primaryKey, changedAt = known?.timeseries?.[0] } = this.#options
    this.#roles = { key, changedAt }
    assertNamed(found.schema.columns, this.#options)
    const facts = withCatalog(found, known, allow)
    const mayBeFeed = changes === 'auto' || changes === 'feed'
    return { key, changedAt, facts: mayBeFeed ? await withAutomaticFeed(asking, name, facts) : facts }
  }

  #table(asking: Asking, { facts, key = [], changedAt }: Looked): TableOptions {
    const { table = '', complete = false, overlapMs = DEFAULTS.overlapMs } = this.#options
    const { changes = 'auto', onHistoryGone = 'stop', onReplaced = 'stop' } = this.#options
    const { checkKey = DEFAULTS.checkKey } = this.#options
    const read = { asking, facts, table: tableName(table), key, changedAt, complete, overlapMs, checkKey }
    return { ...read, tell: this.#tell, changes, onHistoryGone, onReplaced }
  }

  #reading(asking: Asking) {
    const { floats = 'omit', integersAsText, spool = {} } = this.#options
    const { directory = DEFAULTS.spool.directory, bytesMax = DEFAULTS.spool.bytesMax } = spool
    return {
      asking,
      key: this.key,
      changedAt: this.changedAt,
      floats,
      integersAsText,
      spool: { source: this.name, directory, bytesMax, memoryBytesMax: DEFAULTS.spool.memoryBytesMax },
      tell: this.#tell,
      clock: this.#options.clock ?? systemClock,
    }
  }

  #asking(signal: AbortSignal): Asking {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: `the source ${this.name}` })
    this.#session ??= this.#connect()
    return { session: this.#session, source: this.name, signal }
  }

  #connect(): SqlSession {
    const { port, httpPath, queryTags, customCaCert, useCloudFetch = true } = this.#options
    return new WarehouseSession({
      name: this.name,
      host: this.#workspace.host,
      port,
      httpPath,
      token: async (refused) => await this.#workspace.token.get(refused),
      userAgent: 'lakeloop',
      queryTags: queryTags === false ? undefined : { lakeloop_source: this.name, ...queryTags },
      startTimeoutMs: this.#options.startTimeoutMs ?? DEFAULTS.startTimeoutMs,
      useCloudFetch,
      customCaCert,
      clock: this.#options.clock,
      onWaiting: (waited) => this.#tell({ kind: 'waiting', ...waited }),
    })
  }

  readonly #tell: Tell = (event: DatabricksEvent) => {
    try {
      this.#options.onEvent?.(event)
    } catch {
      // What a listener throws is no reason to stop reading.
    }
  }
}

/** Throws  OPTION_INVALID: a name that is misspelt would leave an integer inexact, or a mask in the way. */
function assertNamed(columns: readonly Column[], { integersAsText = [], allow }: DatabricksSourceOptions): void {
  for (const [option, names] of [
    ['integersAsText', integersAsText],
    ['allow.masks', allow?.masks ?? []],
  ] as const) {
    const missing = names.find((name) => !columns.some((column) => column.name === name))
    if (missing === undefined) continue
    const problem = `names ${missing}, and there is no such column`
    throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option, problem })
  }
}
