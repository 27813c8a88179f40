// A sync inside a service of your own: your scheduler starts it, a route of yours tells how it went, and a shutdown
// leaves nothing half done. lakeloop starts nothing by itself, opens no port and reads no environment.
//
//     npx tsx examples/in-a-service.ts

import { EventEmitter, on, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify from 'fastify'
import {
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  RowsSource,
  type RunReport,
  Sync,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { FakeIterable } from 'lakeloop/testing'

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-service-'))
const iterable = new FakeIterable({ projectType: 'email' })
const { url, close } = await iterable.listen()

/** Stands for the warehouse: what the model says today. */
const scores = [
  { email: 'ada@example.com', churn_risk_score: 0.91 },
  { email: 'bob@example.com', churn_risk_score: 0.35 },
  { email: 'eve@example.com', churn_risk_score: 0.12 },
]

// #region service
interface ServiceOptions {
  /** When a run is due. In a service: `(signal) => setInterval(3_600_000, undefined, { signal })` of node:timers/promises. */
  readonly ticks: (signal: AbortSignal) => AsyncIterable<unknown>
  /** Where your log stands. */
  readonly onRun: (report: RunReport) => void
}

/** Everything that lives as long as the service does, and `stop` for its end: `process.once('SIGTERM', stop)`. */
function startService({ ticks, onRun }: ServiceOptions) {
  const stopping = new AbortController()
  const store = new SqliteStore({ path: join(folder, 'lakeloop.db') })
  const destination = new IterableDestination({
    project: 'prod',
    apiKey: () => 'fake-key', // asked when it is needed, and again when Iterable answers 401
    dataCenter: 'us',
    projectType: 'email',
    baseUrl: url,
    createNewFields: true,
    lists: { create: true },
  })
  const sync = new Sync({
    name: 'churn-scores',
    source: new RowsSource({ name: 'scores', rows: () => scores, key: ['email'] }),
    transform: Transform.fromFile(join(import.meta.dirname, 'scores.transform.js')),
    identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
    lists: new ListDeltaComputer({ store }),
    destination,
    store,
    settleMs: 0, // the fake fires no journeys; leave the default against the real thing
  })

  const app = fastify()
  app.get('/runs/latest', async (_, reply) => {
    const [latest] = await sync.history({ limit: 1 })
    return latest ?? reply.code(404).send({ message: 'no run yet' })
  })

  /** One run at a time: the next tick is asked for when the run is over. */
  async function work(): Promise<void> {
    const { signal } = stopping
    try {
      for await (const _ of ticks(signal)) onRun(await sync.run({ signal, graceMs: 10_000 }))
    } catch (error) {
      if (!signal.aborted) throw error // aborted ticks end by throwing
    }
  }

  const working = work()
  async function stop(): Promise<void> {
    stopping.abort() // no further page; what is on its way may finish within graceMs
    await working
    await app.close()
    await sync.close() // the transform's process
    await destination.close()
    await store.close() // last: everything above may still write to it
  }
  return { app, sync, stop }
}
// #endregion

try {
  /** Stands for your scheduler and its day. */
  const day = new EventEmitter()
  const start = () =>
    startService({ ticks: (signal) => on(day, 'tick', { signal }), onRun: (report) => day.emit('ran', report) })
  const tick = async (): Promise<void> => {
    const ran = once(day, 'ran')
    day.emit('tick')
    await ran
  }

  // #region day
  const service = start()
  const latest = async ({ app }: typeof service): Promise<void> => {
    const { message, status, rows, lists } = (await app.inject('/runs/latest')).json()
    const joined = lists?.map(({ list, add }: { list: string; add: number }) => `, ${add} joined ${list}`)
    console.log(message ?? `${status}: ${rows.accepted} accepted, ${rows.unchanged} unchanged${joined}`)
  }
  await latest(service)
  // => no run yet

  await tick()
  await latest(service)
  // => complete: 3 accepted, 0 unchanged, 1 joined at-risk

  scores[1] = { email: 'bob@example.com', churn_risk_score: 0.82 }
  await tick()
  await latest(service)
  // => complete: 1 accepted, 2 unchanged, 1 joined at-risk
  // #endregion

  // #region shutdown
  scores[2] = { email: 'eve@example.com', churn_risk_score: 0.77 }
  service.sync.once('start', () => day.emit('sigterm')) // in the middle of a run
  const sigterm = once(day, 'sigterm')
  day.emit('tick')
  await sigterm
  await service.stop()
  console.log('stopped')
  // => stopped

  const next = start()
  await latest(next)
  // => cancelled: 0 accepted, 0 unchanged
  await tick() // goes on where the cancelled run stood
  await latest(next)
  // => complete: 1 accepted, 2 unchanged, 1 joined at-risk
  await next.stop()
  console.log(iterable.ledger.members('at-risk'))
  // => [ 'ada@example.com', 'bob@example.com', 'eve@example.com' ]
  // #endregion
} finally {
  await close()
  await rm(folder, { recursive: true })
}
