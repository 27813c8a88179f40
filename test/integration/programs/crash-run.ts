/**
 * One run of a sync in a process of its own, which kills itself at a named moment. The moments are made by wrapping the
 * contracts (store, source, destination), so the code under test has no failpoints.
 *
 * argv: JSON of CrashRun. Prints the report as one line of JSON, if it lives that long.
 */
import {
  type Delivery,
  type Destination,
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  RowsSource,
  type Source,
  type Store,
  Sync,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { audience } from './audience.js'

export interface CrashRun {
  readonly path: string
  readonly url: string
  readonly generation: 1 | 2
  /** Where to die: at the nth time (from 1) that the moment comes. Absent: live. */
  readonly die?: { readonly at: Moment; readonly nth: number }
}
export type Moment = 'after an answer, before the commit' | 'between intent and list call' | 'between two pages'

const run = JSON.parse(process.argv[2] ?? '{}') as CrashRun

let times = 0
function mayDie(at: Moment): void {
  if (run.die?.at === at && ++times === run.die.nth) process.kill(process.pid, 'SIGKILL')
}

function dyingStore(store: Store): Store {
  return {
    supports: store.supports,
    get: (table, keys) => store.get(table, keys),
    scan: (table, range) => store.scan(table, range),
    commit: async (ops) => {
      if (ops.some((op) => op.op === 'put' && op.table === 'fingerprint')) mayDie('after an answer, before the commit')
      await store.commit(ops)
    },
    close: () => store.close(),
  }
}

function dyingSource(source: Source): Source {
  return {
    name: source.name,
    ...(source.key ? { key: source.key } : {}),
    describe: (signal) => source.describe(signal),
    close: () => source.close(),
    async *read(options) {
      for await (const page of source.read(options)) {
        yield page
        mayDie('between two pages')
      }
    },
  }
}

function dyingDestination(destination: Destination): Destination {
  return {
    name: destination.name,
    project: destination.project,
    addressedBy: destination.addressedBy,
    close: () => destination.close(),
    async open(signal, learned): Promise<Delivery> {
      const delivery = await destination.open(signal, learned)
      return {
        prepare: (actions) => delivery.prepare(actions),
        split: (request, by) => delivery.split(request, by),
        close: () => delivery.close(),
        apply: async (request, stop) => {
          if (request.endpoint.startsWith('lists/')) mayDie('between intent and list call')
          return delivery.apply(request, stop)
        },
      }
    },
  }
}

const store = dyingStore(new SqliteStore({ path: run.path }))
const sync = new Sync({
  name: 'churn',
  source: dyingSource(new RowsSource({ name: 'scores', rows: audience(run.generation), key: ['id'], complete: true })),
  transform: Transform.fromText(
    `export default (row) => [
      { kind: 'profile', identifiers: { email: row.email }, dataFields: { score: row.score } },
      { kind: 'membership', list: 'at-risk', identifiers: { email: row.email }, member: row.score > 0.7 },
    ]`,
    { name: 'crash.transform.js' },
  ),
  identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
  lists: new ListDeltaComputer({ store, guard: { removedShareMax: 1 } }),
  destination: dyingDestination(
    new IterableDestination({
      project: 'crash',
      apiKey: 'fake-key',
      dataCenter: 'us',
      projectType: 'email',
      baseUrl: run.url,
      createNewFields: true,
      lists: { create: true },
      sizeMax: 20,
      rates: { 'users/bulkUpdate': 1_000, 'lists/subscribe': 1_000, 'lists/unsubscribe': 1_000 },
    }),
  ),
  store,
  pageSize: 25,
  settleMs: 0,
})
const report = await sync.run()
await sync.close()
await store.close()
process.stdout.write(`${JSON.stringify(report)}\n`)
