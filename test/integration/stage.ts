import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  explain,
  IdentityResolver,
  IterableDestination,
  type IterableDestinationOptions,
  type JsonObject,
  type LakeloopError,
  ListDeltaComputer,
  planJson,
  planText,
  RowsSource,
  type RunReport,
  type Source,
  type Store,
  SYSTEM_CLOCK,
  Sync,
  type SyncEvents,
  type SyncOptions,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { observe } from 'lakeloop/telemetry'
import { FakeIterable, type FakeIterableOptions } from 'lakeloop/testing'
import { paceOf } from '../../src/cli/report/pace.js'
import { reportPage } from '../../src/cli/report/page.js'
import { Recorded } from '../telemetry/recorded.js'

/** What a host hands in and must never find in what lakeloop tells it. */
export interface Canary {
  readonly apiKey: string
  readonly email: string
  /** The value of a field. */
  readonly value: string
}

export type Rows = readonly JsonObject[]

const PROFILES = `export default (row) => ({
  kind: 'profile',
  identifiers: { ...(row.id && { customer_id: row.id }), ...(row.email && { email: row.email }) },
  dataFields: { tier: row.tier },
})`

/** What a sync is made of, where it is not made as usual. */
export interface StageSync {
  readonly rows?: Rows
  readonly source?: Source
  /** Text of the program. */
  readonly transform?: string
  readonly store?: Store
  readonly apiKey?: string | (() => string)
  readonly options?: Partial<SyncOptions>
}

const EVENTS: readonly (keyof SyncEvents)[] = [
  'start',
  'drift',
  'page',
  'batch',
  'progress',
  'reject',
  'throttle',
  'list',
  'log',
  'listenerError',
  'end',
]

/** No back-off, so that a test of faults takes no time; the waits that a server asks for are kept. */
const CLOCK = { ...SYSTEM_CLOCK, random: () => 0 }

/** A whole sync on the strict fake over HTTP and a real file; writes down everything that the host is told. */
export class Stage {
  readonly canary: Canary
  readonly folder: string
  readonly fake: FakeIterable
  readonly url: string
  readonly store: SqliteStore
  /** Events, reports, plans, histories, errors and the parts themselves, in the order in which the host saw them. */
  readonly told: unknown[] = []
  readonly #otel = new Recorded()
  readonly #ends: (() => Promise<unknown>)[] = [() => this.#otel.close()]

  private constructor(parts: Pick<Stage, 'canary' | 'folder' | 'fake' | 'url'>) {
    this.canary = parts.canary
    this.folder = parts.folder
    this.fake = parts.fake
    this.url = parts.url
    this.store = new SqliteStore({ path: join(parts.folder, 'lakeloop.db') })
    this.#ends.push(() => this.store.close())
  }

  static async open(canary: Canary, fakeOptions: Partial<FakeIterableOptions> = {}): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'lakeloop-stage-'))
    const fake = new FakeIterable({
      projectType: 'email',
      apiKey: canary.apiKey,
      fields: { tier: 'string', score: 'double' },
      lists: ['news'],
      rates: 'off',
      ...fakeOptions,
    })
    const { url, close } = await fake.listen()
    const stage = new Stage({ canary, folder, fake, url })
    stage.#ends.unshift(close)
    return stage
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
    await rm(this.folder, { recursive: true })
  }

  /** The first of three rows is the canary's. */
  rows(first: JsonObject = {}): Rows {
    const { email, value } = this.canary
    return [
      { id: 'c-1', email, tier: value, ...first },
      { id: 'c-2', email: 'bob@example.com', tier: 'silver' },
      { id: 'c-3', email: 'eve@example.com', tier: 'silver' },
    ]
  }

  destination(
    apiKey: string | (() => string) = this.canary.apiKey,
    more: Partial<IterableDestinationOptions> = {},
  ): IterableDestination {
    return new IterableDestination({
      project: 'stage',
      apiKey,
      dataCenter: 'us',
      projectType: 'email',
      baseUrl: this.url,
      timeoutMs: 400,
      rates: { 'users/getFields': 1_000, 'users/bulkUpdate': 1_000, 'lists/get': 1_000 },
      ...more,
    })
  }

  sync({ rows, source, transform = PROFILES, store = this.store, apiKey, options }: StageSync = {}): Sync {
    const destination = this.destination(apiKey)
    const sync = new Sync({
      name: 'stage',
      source: source ?? new RowsSource({ name: 'rows', rows: rows ?? this.rows(), key: ['id'] }),
      transform: Transform.fromText(transform, { name: 'stage.transform.js' }),
      identity: new IdentityResolver({
        store,
        target: 'email',
        namespaces: { customer_id: { priority: 1, maxIdentifiers: 1, anchor: true } },
      }),
      lists: new ListDeltaComputer({ store }),
      destination,
      store,
      clock: CLOCK,
      settleMs: 0,
      rejectedShareMax: 1,
      ...options,
    })
    for (const event of EVENTS) sync.on(event, (...told: unknown[]) => void this.told.push({ event, told }))
    const line = (...told: unknown[]) => void this.told.push({ line: told })
    observe(sync, { logger: { debug: line, info: line, warn: line, error: line }, otel: this.#otel })
    this.told.push(sync, destination)
    this.#ends.push(() => sync.close())
    return sync
  }

  /** Runs, and writes down all that there is to be seen of it afterwards. */
  async run(sync: Sync): Promise<RunReport> {
    const report = await sync.run()
    this.told.push(report)
    await this.attempt(() => this.#review(sync, report))
    for (const { name, attributes, status, events } of this.#otel.spans)
      this.told.push({ name, attributes, status, events })
    this.told.push(await this.#otel.metrics())
    // Byte by byte what the store keeps of runs, under which keys: reports are for anybody to read.
    this.told.push(await this.store.scan('run', { prefix: ['stage'], limit: 1_000 }))
    return report
  }

  /** History in every form. */
  async #review(sync: Sync, { runId }: RunReport): Promise<void> {
    const runs = await sync.history()
    const pace = await paceOf(sync.batches({ runId }))
    this.told.push(...runs, reportPage([{ sync: sync.name, runs, pace }], new Date().toISOString()))
    for await (const entry of sync.outcomes({ runId })) this.told.push(entry)
    for await (const entry of sync.batches({ runId })) this.told.push(entry)
    this.told.push(await sync.schemas())
  }

  /** Plans, runs, and gives the run's report. */
  async play(parts: StageSync = {}): Promise<RunReport> {
    const sync = this.sync(parts)
    await this.attempt(async () => {
      const plan = await sync.plan()
      this.told.push(plan, planText(plan), planJson(plan))
    })
    return this.run(sync)
  }

  /** What it threw, written down; `undefined` if it threw nothing. */
  async attempt(work: () => unknown): Promise<LakeloopError | undefined> {
    try {
      await work()
      return undefined
    } catch (error) {
      this.told.push(error)
      return error as LakeloopError
    }
  }

  /** What is kept whole in the store, by table. */
  async kept(table: 'deadLetter' | 'parked'): Promise<readonly JsonObject[]> {
    const entries = await this.store.scan(table, { prefix: ['stage', 'stage'], limit: 1_000 })
    return entries.map(({ value }) => value as JsonObject)
  }
}

/** A report as a host would log it: how it ended, and why rows did not arrive. */
export function saidBy({ status, rows, error, reasons }: RunReport): string {
  const { read, accepted, unchanged, rejected, parked, filtered, unsettled } = rows
  const sums = `${read} read, ${accepted} accepted, ${unchanged} unchanged, ${rejected} rejected, ${parked} parked`
  const ended = error === undefined ? [] : [error.message]
  const why = reasons.map(({ status, reason, rows }) => `${rows} ${status}: ${explain(reason.code, reason.facts)}`)
  const rest = filtered + unsettled + rows.superseded === 0 ? '' : `, ${filtered} filtered, ${unsettled} unsettled`
  return [`${status}: ${sums}${rest}`, ...ended, ...why].join('\n')
}
