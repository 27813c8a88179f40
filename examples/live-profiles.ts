// Live profiles: a stream of yours and a webhook of yours put rows into a durable inbox, and a watch sends them within
// seconds. What was accepted from either survives a crash of the process.
//
//     npx tsx examples/live-profiles.ts

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify from 'fastify'
import {
  IdentityResolver,
  IterableDestination,
  isLakeloopError,
  ListDeltaComputer,
  RowsSource,
  Sync,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { FakeIterable } from 'lakeloop/testing'

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-live-'))
const iterable = new FakeIterable({ projectType: 'email' })
const { url, close } = await iterable.listen()

const store = new SqliteStore({ path: join(folder, 'lakeloop.db') })
const destination = new IterableDestination({
  project: 'prod',
  apiKey: () => 'fake-key',
  dataCenter: 'us',
  projectType: 'email',
  baseUrl: url,
  createNewFields: true,
  lists: { create: true },
})
const sync = new Sync({
  name: 'churn-scores',
  source: new RowsSource({ name: 'scores', rows: [], key: ['email'] }), // stands for the table of the nightly run
  transform: Transform.fromFile(join(import.meta.dirname, 'scores.transform.js')),
  identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
  lists: new ListDeltaComputer({ store }),
  destination,
  store,
  settleMs: 0, // the fake fires no journeys; leave the default against the real thing
  inbox: { rowsMax: 10_000 },
})

// #region push
const app = fastify()
app.post<{ Body: { delivery: string; rows: object[] } }>('/scores', async ({ body }, reply) => {
  try {
    // Answered once it is on the disk. A sender that got no answer sends the same delivery again: it is kept once.
    return await sync.push(body.rows, { id: body.delivery })
  } catch (error) {
    if (isLakeloopError(error, 'INBOX_FULL')) return reply.code(503).header('retry-after', 5).send()
    if (isLakeloopError(error, 'PUSH_INVALID')) return reply.code(400).send({ message: error.message })
    throw error
  }
})
// #endregion

/** Stands for your stream: what stands behind `yield` happens once the rows are durable, so commit its offset there. */
async function* stream(): AsyncGenerator<object[]> {
  yield [
    { email: 'ada@example.com', churn_risk_score: 0.91 },
    { email: 'bob@example.com', churn_risk_score: 0.35 },
  ]
  console.log('the first rows are on the disk')
  yield [{ email: 'bob@example.com', churn_risk_score: 0.82 }]
}

try {
  // #region webhook
  const deliver = async (delivery: string, rows: object[]): Promise<void> => {
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/scores', payload: { delivery, rows } })
    console.log(statusCode, body)
  }
  await deliver('d-1', [{ email: 'eve@example.com', churn_risk_score: 0.77 }])
  // => 200 {"rows":1,"waiting":1}
  await deliver('d-1', [{ email: 'eve@example.com', churn_risk_score: 0.77 }])
  // => 200 {"rows":0,"waiting":1}
  await deliver('d-2', ['eve@example.com' as unknown as object])
  // => 400 {"message":"PUSH_INVALID: row 0 of the push is no plain object. Push plain objects of JSON. Nothing of this push was kept."}
  // #endregion

  // #region watch
  const watch = sync.watch({ feed: stream(), restMs: 200, lagMaxMs: 60_000, graceMs: 10_000 })
  sync.on('lag', ({ ms, waiting }) => console.log(`${waiting} rows wait, and we are ${ms} ms behind`)) // your pager
  process.once('SIGTERM', () => watch.stop())

  const { status, rows } = await watch.done // the stream is over, or somebody asked for the end
  console.log(`${status}: ${rows.read} read, ${rows.accepted} accepted`)
  console.log(watch.lag().waiting, 'rows wait')
  console.log(iterable.ledger.members('at-risk'))
  // => the first rows are on the disk
  // => ended: 4 read, 4 accepted
  // => 0 rows wait
  // => [ 'ada@example.com', 'bob@example.com', 'eve@example.com' ]
  // #endregion
} finally {
  await app.close()
  await sync.close()
  await destination.close()
  await store.close()
  await close()
  await rm(folder, { recursive: true })
}
