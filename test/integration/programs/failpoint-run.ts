/**
 * One run of a sync, or its life, in a process of its own, which kills itself at a failpoint of the code.
 *
 * argv: JSON of FailpointRun. Prints a FailpointEnd as one line of JSON, if it lives that long.
 */
import { ListDeltaComputer } from '../../../src/delta/list-delta.js'
import { IterableDestination } from '../../../src/destinations/iterable/iterable-destination.js'
import { IdentityResolver } from '../../../src/identity/resolver.js'
import type { RunReport } from '../../../src/model/report.js'
import type { Row } from '../../../src/model/row.js'
import { RowsSource } from '../../../src/sources/from-rows.js'
import { PostgresStore } from '../../../src/stores/postgres.js'
import { SqliteStore } from '../../../src/stores/sqlite.js'
import { arm, type Failpoint } from '../../../src/sync/failpoint.js'
import { Sync } from '../../../src/sync/sync.js'
import { PUBLISHED_RATES } from '../../../src/vendors/iterable/endpoints.js'
import { plainTransform } from '../../sync/plain-transform.js'
import { type Customer, customers } from './customers.js'
import { live, type Made } from './failpoint-life.js'

export interface FailpointRun {
  readonly store: { readonly path: string } | { readonly connectionString: string; readonly schema: string }
  readonly url: string
  readonly apiKey: string
  /** Besides one run all that there is: see `live`. */
  readonly life?: boolean
  /** Where to die: at the nth time (from 1) that the point is come by. Absent: live. */
  readonly die?: { readonly at: Failpoint; readonly nth: number }
  /** Where the process is asked to end (SIGTERM), which it does as a host would: it cancels the run and waits for it. */
  readonly term?: { readonly at: Failpoint; readonly nth: number }
}

export interface FailpointEnd {
  readonly report: RunReport
  /** How often each point was come by. */
  readonly times: Readonly<Record<string, number>>
  readonly deadLetters: number
  readonly reports: readonly RunReport[]
  /** Of a life: entries by table, and how many of them hold an identifier of somebody erased. */
  readonly left?: Readonly<Record<string, number>>
  readonly traces?: number
}

const run = JSON.parse(process.argv[2] ?? '{}') as FailpointRun
const times: Record<string, number> = {}
arm((point) => {
  times[point] = (times[point] ?? 0) + 1
  if (run.die?.at === point && times[point] === run.die.nth) process.kill(process.pid, 'SIGKILL')
  if (run.term?.at === point && times[point] === run.term.nth) process.kill(process.pid, 'SIGTERM')
})
const cancel = new AbortController()
process.once('SIGTERM', () => cancel.abort())

const store = 'path' in run.store ? new SqliteStore(run.store) : new PostgresStore(run.store)
const fast = Object.fromEntries(Object.keys(PUBLISHED_RATES).map((endpoint) => [endpoint, 10_000]))
const paced = { pageSize: 8, concurrency: 3, settleMs: 0 }
const made: Made = (makes) => ({
  store,
  identity: new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
      email: { priority: 2, maxIdentifiers: 5 },
    },
  }),
  lists: new ListDeltaComputer({ store, guard: { removedShareMax: 1 } }),
  destination: new IterableDestination({
    project: 'failpoints',
    apiKey: run.apiKey,
    dataCenter: 'us',
    projectType: 'email',
    baseUrl: run.url,
    createNewFields: true,
    lists: { create: makes.lists },
    catalogs: { create: makes.catalogs },
    sizeMax: 4,
    share: 1,
    rates: fast,
  }),
})

/** One run over all customers. */
async function once(): Promise<RunReport> {
  const byId = new Map(customers().map((one) => [one.id, one]))
  const sync = new Sync({
    ...made({ catalogs: false, lists: true }),
    ...paced,
    name: 'churn',
    source: new RowsSource({
      name: 'scores',
      rows: customers().map(({ id, email }) => ({ id, email })),
      key: ['id'],
      complete: true,
    }),
    transform: plainTransform((row: Row) => {
      const { id, email, score, buys } = byId.get(String(row.id)) as Customer
      const identifiers = { customer_id: id, email }
      return [
        { kind: 'profile', identifiers, dataFields: { score } },
        { kind: 'event', identifiers, eventName: 'scored', id: `e-${id}` },
        { kind: 'membership', identifiers, list: 'at-risk', member: score > 0.7 },
        ...(buys ? [{ kind: 'purchase', identifiers, id: `p-${id}`, total: 9, items: [] } as const] : []),
      ]
    }),
  })
  const report = await sync.run({ whenHeld: 'wait', signal: cancel.signal, graceMs: 10_000 })
  await sync.close()
  return report
}

const { reports, ...rest } = run.life === true ? await live(made, store, paced) : { reports: [await once()] }
const deadLetters = (await store.scan('deadLetter', { prefix: ['failpoints'], limit: 100 })).length
await store.close()
const report = reports.at(-1) as RunReport
process.stdout.write(`${JSON.stringify({ report, reports, times, deadLetters, ...rest } satisfies FailpointEnd)}\n`)
