import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  IdentityResolver,
  IterableDestination,
  type JsonObject,
  ListDeltaComputer,
  RowsSource,
  type Source,
  type Store,
  Sync,
  type SyncOptions,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { FakeIterable } from 'lakeloop/testing'
import manifest from '../../package.json' with { type: 'json' }
import type { Context } from '../../src/cli/command.js'
import { closeConfig } from '../../src/cli/config.js'
import { dispatch } from '../../src/cli/dispatch.js'
import { plainTransform } from '../sync/plain-transform.js'

/** Of a row with id, email, score: a profile, and who scores high is on a list. Without an email it is refused. */
const scored = plainTransform(
  ({ id, email, score }) => [
    {
      kind: 'profile',
      identifiers: { customer_id: String(id), ...(email && { email: String(email) }) },
      dataFields: { score: score ?? null },
    },
    ...(typeof score === 'number'
      ? [{ kind: 'membership', list: 'news', identifiers: { customer_id: String(id) }, member: score > 0.5 } as const]
      : []),
  ],
  ['id', 'email', 'score'],
)

export const ROWS: readonly JsonObject[] = [
  { id: 'C-1', email: 'ada@example.com', score: 0.9 },
  { id: 'C-2', email: 'bob@example.com', score: 0.1 },
  { id: 'C-3', email: 'eve@example.com', score: 0.7 },
]

/** A sync of whose rows this is told. */
export interface Told {
  readonly rows?: readonly JsonObject[]
  readonly source?: Source
  readonly apiKey?: string | (() => string | Promise<string>)
  readonly store?: Store
  readonly options?: Partial<SyncOptions>
  readonly today?: () => number
}

/** The command in this process, over syncs on the strict fake: what it says, shows and ends with. */
export class Desk {
  readonly folder: string
  readonly fake: FakeIterable
  readonly url: string
  readonly store: SqliteStore
  readonly syncs = new Map<string, Sync>()
  readonly ending = new AbortController()
  readonly #close: () => Promise<void>

  private constructor(folder: string, fake: FakeIterable, door: { url: string; close: () => Promise<void> }) {
    this.folder = folder
    this.fake = fake
    this.url = door.url
    this.#close = door.close
    this.store = new SqliteStore({ path: join(folder, 'lakeloop.db') })
  }

  static async open(): Promise<Desk> {
    const fake = new FakeIterable({ projectType: 'email', fields: { score: 'double' }, lists: ['news'], rates: 'off' })
    return new Desk(await mkdtemp(join(tmpdir(), 'lakeloop-desk-')), fake, await fake.listen())
  }

  async close(): Promise<void> {
    await closeConfig({ file: '', syncs: this.syncs })
    await this.store.close()
    await this.#close()
    await rm(this.folder, { recursive: true })
  }

  sync(
    name: string,
    { rows = ROWS, source, apiKey = 'fake-key', store = this.store, options, today }: Told = {},
  ): Sync {
    const sync = new Sync({
      name,
      source: source ?? new RowsSource({ name, rows, key: ['id'], complete: true }),
      transform: scored,
      identity: new IdentityResolver({
        store,
        target: 'email',
        namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2, maxIdentifiers: 5 } },
      }),
      lists: new ListDeltaComputer({ store }),
      destination: new IterableDestination({
        project: 'desk',
        apiKey,
        dataCenter: 'us',
        projectType: 'email',
        baseUrl: this.url,
        today,
      }),
      store,
      settleMs: 0,
      sharedFields: ['score'],
      ...options,
    })
    this.syncs.set(name, sync)
    return sync
  }

  /** Throws what the command throws. */
  async run(...args: string[]) {
    const said: string[] = []
    const shown: string[] = []
    const context: Context = {
      say: (line) => said.push(line),
      screen: { live: false, colours: false, columns: () => 80, write: (text) => shown.push(text) },
      folder: this.folder,
      signal: () => this.ending.signal,
      config: async () => ({ file: join(this.folder, 'lakeloop.config.mjs'), syncs: this.syncs }),
      manifest,
    }
    const exit = await dispatch(args, context)
    return { exit, said, shown }
  }

  /** What it says with --json, of each line. */
  async json(...args: string[]) {
    const { exit, said } = await this.run(...args, '--json')
    return { exit, told: said.map((line) => JSON.parse(line) as never) }
  }
}
