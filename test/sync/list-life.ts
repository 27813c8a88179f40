import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Action } from '../../src/model/action.js'
import type { RunReport } from '../../src/model/report.js'
import type { Row, Schema } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Store } from '../../src/stores/store.js'
import type { Existing } from '../../src/sync/existing.js'
import { Sync } from '../../src/sync/sync.js'
import type { FakeIterable } from '../../src/testing/index.js'
import type { Clock as TransportClock } from '../../src/transport/clock.js'
import { type Endpoint, PUBLISHED_RATES } from '../../src/vendors/iterable/endpoints.js'
import { plainTransform } from './plain-transform.js'
import type { VirtualClock } from './virtual-clock.js'

const URL_OF_FAKE = 'http://127.0.0.1:9'
const FAST = Object.fromEntries(Object.keys(PUBLISHED_RATES).map((endpoint) => [endpoint, 10_000]))

/** The process is gone. */
export class Death extends Error {}

/** When a process dies: at a commit, or at a request, before or after it took effect. */
export interface Dying {
  readonly at: 'commit' | 'request'
  readonly nth: number
  readonly after: boolean
}

/** One process: what it does to the store and the network, until it dies. */
class Process {
  readonly #dying: Dying | undefined
  readonly #counts = { commit: 0, request: 0 }
  dead = false

  constructor(dying: Dying | undefined) {
    this.#dying = dying
  }

  async does<T>(what: Dying['at'] | 'look', act: () => Promise<T>): Promise<T> {
    if (this.dead) throw new Death()
    const dying = what !== 'look' && what === this.#dying?.at && this.#counts[what]++ === this.#dying.nth
    if (dying && this.#dying?.after === false) this.#die()
    const done = await act()
    if (dying) this.#die()
    return done
  }

  #die(): never {
    this.dead = true
    throw new Death()
  }
}

const mortal = (store: Store, life: Process): Store => ({
  supports: store.supports,
  get: (table, keys) => life.does('look', () => store.get(table, keys)),
  scan: (table, range) => life.does('look', () => store.scan(table, range)),
  commit: (ops: readonly Op[]) => life.does('commit', () => store.commit(ops)),
  close: async () => undefined,
})

/** A `fetch` that ends in the fake, without a socket. What stalls or is silent there is not for this door. */
export function fetchOf(fake: FakeIterable): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    const { status, headers, body, how } = await fake.handle({
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: { ...Object.fromEntries(request.headers), host: url.host },
      body: new Uint8Array(await request.arrayBuffer()),
    })
    if (how !== 'answer') throw new TypeError('fetch failed')
    return new Response(body, { status, headers })
  }
}

/** Slots come at once, deadlines never. */
function pacing(): TransportClock {
  let at = 0
  return {
    now: () => at,
    async sleep(ms, signal) {
      if (ms < 20_000) at += ms
      else await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
}

export const SCHEMA: Schema = {
  columns: ['id', 'email', 'on', 'score', 'at', 'bad'].map((name) => ({
    name,
    type: name === 'on' || name === 'bad' ? 'boolean' : name === 'score' ? 'double' : 'string',
    nullable: true,
  })),
}

/** A profile and a place on the list `at-risk`; who is named by customer_id keeps a profile over a change of email. */
const actionsOf = ({ id, email, on, score, bad }: Row): readonly Action[] => {
  if (bad === true) throw new Error('a row that the program cannot take')
  const named = String(id).startsWith('c-') ? { customer_id: String(id) } : {}
  const identifiers = { ...named, ...(typeof email === 'string' ? { email } : {}) }
  return [
    { kind: 'profile', identifiers, dataFields: { score: score ?? null } },
    { kind: 'membership', identifiers, list: 'at-risk', member: on === true },
  ]
}

/** What one run is given. */
export interface RunGiven {
  readonly rows: readonly Row[]
  readonly complete: boolean
  /** The source breaks off behind so many pages. */
  readonly breaksAfter?: number | undefined
  readonly dying?: Dying | undefined
  readonly guarded: boolean
  /** What becomes of members that the list had before. Default `ignore`. */
  readonly members?: Existing['members']
}

/** A store, a clock and an Iterable that outlive every process that works with them. */
export class ListLife {
  readonly store = new MemoryStore()
  readonly clock: VirtualClock
  readonly fake: FakeIterable

  constructor(fake: FakeIterable, clock: VirtualClock) {
    this.fake = fake
    this.clock = clock
  }

  /** The report, or `undefined` where the process died. */
  async run(given: RunGiven): Promise<RunReport | undefined> {
    const life = new Process(given.dying)
    const sync = this.#sync(given, life)
    const report = await sync.run().catch((error: unknown) => {
      if (error instanceof Death) return undefined
      throw error
    })
    this.clock.advance(60_001) // the lease of who died ends
    return life.dead ? undefined : report
  }

  #sync({ rows, complete, breaksAfter, guarded, members = 'ignore' }: RunGiven, life: Process): Sync {
    const store = mortal(this.store, life)
    const through = fetchOf(this.fake)
    const whole = new RowsSource({
      name: 'scores',
      rows,
      key: ['id'],
      changedAt: 'at',
      complete,
      schema: SCHEMA,
      floats: 'reject',
    })
    return new Sync({
      name: 'churn',
      source: breaksAfter === undefined ? whole : breakingOff(whole, breaksAfter),
      transform: plainTransform(actionsOf, ['id', 'on']),
      identity: new IdentityResolver({
        store,
        target: 'email',
        namespaces: {
          customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
          email: { priority: 2, maxIdentifiers: 50 },
        },
      }),
      lists: new ListDeltaComputer({
        store,
        guard: guarded ? { removedShareMax: 0.2, removedFreely: 0 } : { removedShareMax: 1 },
      }),
      destination: new IterableDestination({
        project: 'test',
        apiKey: 'fake-key',
        dataCenter: 'us',
        projectType: 'email',
        baseUrl: URL_OF_FAKE,
        share: 1,
        rates: FAST as Record<Endpoint, number>,
        createNewFields: true,
        lists: { create: true },
        sizeMax: 3,
        fetch: (input, init) => life.does('request', () => through(input, init)),
        clock: pacing(),
      }),
      store,
      clock: this.clock,
      pageSize: 3,
      settleMs: 0,
      rejectedShareMax: 1,
      existing: [{ list: 'at-risk', members }],
      retry: { waitMaxMs: 1_000 },
    })
  }
}

function breakingOff(source: Source, pages: number): Source {
  return {
    name: source.name,
    key: source.key,
    changedAt: source.changedAt,
    describe: (signal) => source.describe(signal),
    close: () => source.close(),
    async *read(options) {
      let left = pages
      for await (const page of source.read(options)) {
        if (left-- === 0) throw new Error('the source is gone')
        yield page
      }
    },
  }
}
