/**
 * One variant of the bench, in a process of its own. argv: JSON { variant, path, url }.
 * Prints { rows, seconds, cpuSeconds, idleMb, rssMb, loopP99Ms } of the work, imports excluded; `idleMb` is the peak of the
 * process before it, with all modules loaded. The sandbox's process is not counted.
 */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  IdentityResolver,
  IterableDestination,
  type Json,
  ListDeltaComputer,
  MemoryStore,
  type Page,
  rowBlock,
  type Source,
  type Store,
  Sync,
  Transform,
} from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { Pool } from 'undici'
import { plainTransform } from '../sync/plain-transform.js'
import { type BenchRow, groups } from './rows.js'

export type Variant =
  | 'by hand, undici'
  | 'by hand, fetch'
  | 'sync, no sandbox'
  | 'sync'
  | 'sync, diff in memory'
  | 'sync, diff in SQLite'
const { variant, path, url } = JSON.parse(process.argv[2] ?? '{}') as { variant: Variant; path: string; url: string }

const SIZE = 1_000
const IN_FLIGHT = 4

/** What the row becomes, in every variant. */
const payload = ({ email, user_id, ...dataFields }: BenchRow) => ({ email, userId: user_id, dataFields })

async function byHand(post: (body: Buffer) => Promise<void>): Promise<number> {
  const flying = new Set<Promise<void>>()
  let rows = 0
  for await (const group of groups(path, SIZE)) {
    const body = Buffer.from(JSON.stringify({ users: group.map(payload), createNewFields: true }))
    rows += group.length
    const flight = post(body).finally(() => flying.delete(flight))
    flying.add(flight)
    if (flying.size >= IN_FLIGHT) await Promise.race(flying)
  }
  await Promise.all(flying)
  return rows
}

const headers = { 'content-type': 'application/json', 'api-key': 'bench' }

async function undici(): Promise<number> {
  const pool = new Pool(url, { connections: IN_FLIGHT })
  const rows = await byHand(async (body) => {
    const answer = await pool.request({ path: '/api/users/bulkUpdate', method: 'POST', headers, body })
    await answer.body.json()
  })
  await pool.close()
  return rows
}

const viaFetch = (): Promise<number> =>
  byHand(async (body) => {
    const answer = await fetch(`${url}/api/users/bulkUpdate`, { method: 'POST', headers, body })
    await answer.json()
  })

function source(key: readonly string[] | undefined): Source {
  const names = [
    'email',
    'user_id',
    'account_tier',
    'country',
    'segment',
    'churn_risk_score',
    'orders',
    'active',
    'last_active_date',
    'campaign',
  ]
  const schema = { columns: names.map((name) => ({ name, type: 'string', nullable: true })) }
  return {
    name: 'bench',
    ...(key ? { key } : {}),
    describe: async () => schema,
    close: async () => undefined,
    async *read({ pageSize = 2_000 }): AsyncGenerator<Page> {
      let at = 0
      for await (const group of groups(path, pageSize)) {
        at += group.length
        const rows = group as unknown as Record<string, Json>[]
        yield { schema, rows: rowBlock(rows, { key }), cursor: { at }, mode: 'changes' }
      }
    },
  }
}

const SANDBOXED = `export default ({ email, user_id, account_tier, country, segment, churn_risk_score, orders, active, last_active_date, campaign }) => ({
  email, userId: user_id,
  dataFields: { account_tier, country, segment, churn_risk_score, orders, active, last_active_date, campaign },
})`

async function sync(
  store: Store,
  options: { readonly sandbox: boolean; readonly key?: readonly string[] },
): Promise<number> {
  const transform = options.sandbox
    ? Transform.fromText(SANDBOXED, { name: 'bench.js' })
    : plainTransform((row) => {
        const { email, userId, dataFields } = payload(row as unknown as BenchRow)
        return [{ kind: 'profile', identifiers: { email, userId }, dataFields }]
      })
  const run = new Sync({
    name: 'bench',
    source: source(options.key),
    transform,
    identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
    lists: new ListDeltaComputer({ store }),
    destination: new IterableDestination({
      project: 'bench',
      apiKey: 'bench',
      dataCenter: 'us',
      projectType: 'email',
      baseUrl: url,
      createNewFields: true,
      rates: { 'users/bulkUpdate': 10_000 },
    }),
    store,
    concurrency: IN_FLIGHT,
    settleMs: 0,
  })
  const report = await run.run()
  await run.close()
  if (report.status !== 'complete') throw new Error(`${report.error?.message}`)
  return report.rows.accepted
}

async function inSqlite(): Promise<number> {
  const file = join(tmpdir(), `lakeloop-bench-${process.pid}.db`)
  const store = new SqliteStore({ path: file })
  const rows = await sync(store, { sandbox: true, key: ['user_id'] })
  await store.close()
  for (const end of ['', '-wal', '-shm']) await rm(`${file}${end}`, { force: true })
  return rows
}

const VARIANTS: Record<Variant, () => Promise<number>> = {
  'by hand, undici': undici,
  'by hand, fetch': viaFetch,
  'sync, no sandbox': () => sync(new MemoryStore(), { sandbox: false }),
  sync: () => sync(new MemoryStore(), { sandbox: true }),
  'sync, diff in memory': () => sync(new MemoryStore(), { sandbox: true, key: ['user_id'] }),
  'sync, diff in SQLite': inSqlite,
}

const idleMb = process.resourceUsage().maxRSS / 1_024
const loop = monitorEventLoopDelay({ resolution: 5 })
loop.enable()
const began = performance.now()
const cpu = process.cpuUsage()
const rows = await VARIANTS[variant]()
const seconds = (performance.now() - began) / 1_000
const { user, system } = process.cpuUsage(cpu)
loop.disable()
const measured = {
  rows,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  idleMb,
  rssMb: process.resourceUsage().maxRSS / 1_024,
  loopP99Ms: loop.percentile(99) / 1e6,
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
process.exit(0)
