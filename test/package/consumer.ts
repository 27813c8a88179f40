/**
 * A user's program. scripts/check-package.mjs compiles it twice against the packed tarball, as .mts and as .cts, and runs
 * both in a project that has nothing else installed.
 */

import { isBuiltin } from 'node:module'
import {
  causeOf,
  IdentityResolver,
  IterableDestination,
  isLakeloopError,
  LakeloopError,
  ListDeltaComputer,
  MemoryStore,
  RowsSource,
  type RunReport,
  Sync,
  Transform,
} from 'lakeloop'
import { IterableExport } from 'lakeloop/collect'
import { phones } from 'lakeloop/identity/phones'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { PostgresStore } from 'lakeloop/stores/postgres'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { observe } from 'lakeloop/telemetry'
import { FakeIterable, storeConformance } from 'lakeloop/testing'

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`)
  console.log(`ok: ${what}`)
}

/** The whole way, sandbox process and HTTP included. */
async function run(): Promise<RunReport> {
  const iterable = new FakeIterable({ projectType: 'email' })
  const { url, close } = await iterable.listen()
  const store = new MemoryStore()
  const source = new RowsSource({
    name: 'scores',
    rows: [
      { id: 'c-1', email: 'ada@example.com', score: 0.9 },
      { id: 'c-2', email: 'none', score: 0.1 },
    ],
    key: ['id'],
  })
  const sync = new Sync({
    name: 'scores',
    source,
    transform: Transform.fromText('export default (row) => ({ email: row.email, dataFields: { score: row.score } })'),
    identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
    lists: new ListDeltaComputer({ store }),
    destination: new IterableDestination({
      project: 'demo',
      apiKey: 'fake-key',
      dataCenter: 'us',
      projectType: 'email',
      baseUrl: url,
      createNewFields: true,
    }),
    store,
    rejectedShareMax: 1,
    settleMs: 0,
  })
  const lines: string[] = []
  const line = (_: object, text: string): void => void lines.push(text)
  const lacking: unknown[] = []
  sync.on('listenerError', (error) => void lacking.push(causeOf(error)))
  observe(sync, { logger: { debug: line, info: line, warn: line, error: line }, otel: true })
  try {
    const report = await sync.run()
    const from = '2026-01-01T00:00:00Z'
    const users = new IterableExport({ project: 'demo', apiKey: 'k', dataCenter: 'eu', dataType: 'user', from })
    check((await users.describe()).columns.length > 0, 'what Iterable has can be read')
    check(lines.includes('run ended'), 'a run is written down, by lakeloop/telemetry')
    check(
      lacking.length === 1 && isLakeloopError(lacking[0], 'PEER_MISSING'),
      'who asks for OpenTelemetry is told what to install',
    )
    return report
  } finally {
    await sync.close()
    await source.close()
    await store.close()
    await close()
  }
}

async function main(): Promise<void> {
  check(isLakeloopError(new LakeloopError('ABORTED'), 'ABORTED'), 'an error is known by its brand')

  for (const { run: keep } of storeConformance) await keep(async () => new MemoryStore())
  check(storeConformance.length > 0, 'MemoryStore keeps the contract, by the suite of lakeloop/testing')

  const report = await run()
  check(report.status === 'complete', `a run completes: ${report.error?.message ?? ''}`)
  check(report.rows.accepted === 1 && report.rows.rejected === 1, 'one row is accepted and one rejected')

  const missing: Record<string, () => Promise<unknown>> = {
    // Where Node has SQLite itself, its package is not missed.
    ...(isBuiltin('node:sqlite')
      ? {}
      : { libsql: () => new SqliteStore({ path: 'never.db' }).get('checkpoint', [['a']]) }),
    'libphonenumber-js': () => phones({ country: 'DE' }),
    pg: () => new PostgresStore({ connectionString: 'postgres://a:b@127.0.0.1/c' }).get('checkpoint', [['a']]),
    '@duckdb/node-api': () => new DuckDbSource({ name: 'a', query: 'SELECT 1' }).describe(AbortSignal.timeout(5_000)),
  }
  for (const [name, use] of Object.entries(missing)) {
    const error = await use().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    const said = isLakeloopError(error, 'PEER_MISSING') ? error.facts.package : String(error)
    check(said === name, `without its peer a part says what to install: ${name} (${said})`)
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
