/** One way to read, measured in a process of its own: argv[2] is { way, rows, connection } as JSON. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DBSQLClient } from '@databricks/sql'
import { DatabricksSource } from '../../src/index.js'

interface Asked {
  readonly way: 'ours' | 'driver'
  readonly rows: number
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly httpPath: string
    readonly customCaCert: string
  }
}

/** As Sync asks for them; the server sends 10,000 rows at a time to both. */
const PAGE_ROWS = 2_000

const { way, rows, connection } = JSON.parse(process.argv[2] ?? '') as Asked
const sql = (count: number): string => `SELECT * FROM main.bench.rows LIMIT ${count}`

/** Calls `page` behind each page, whose rows are all made: as JSON for a sandbox, as objects by the driver. */
async function ours(_count: number, page: (rows: number) => void): Promise<void> {
  for await (const { rows: block } of source.read({ pageSize: PAGE_ROWS, signal: new AbortController().signal })) {
    for (let from = 0; from < block.length; from += 500) {
      block.json(from, Math.min(from + 500, block.length))
      await new Promise((resolve) => setImmediate(resolve))
    }
    page(block.length)
  }
}

async function driver(count: number, page: (rows: number) => void): Promise<void> {
  const operation = await (await session).executeStatement(sql(count), { maxRows: 10_000 })
  for await (const chunk of operation.iterateChunks({ maxRows: PAGE_ROWS, autoClose: true })) page(chunk.length)
}

const { host, port, httpPath: path, customCaCert } = connection
const source = new DatabricksSource({
  ...connection,
  allowPrivateHost: true,
  auth: { token: 'good-token' },
  query: sql(rows),
  useCloudFetch: false,
})
const client = new DBSQLClient({ logger: { log: () => undefined } })
const session =
  way === 'driver'
    ? client
        .connect({
          host,
          port,
          path,
          token: 'good-token',
          customCaCert,
          telemetryEnabled: false,
          preserveBigNumericPrecision: true,
        })
        .then(() => client.openSession())
    : (undefined as never)

// The module, the connection and the code are warm, as in a service that runs for days.
if (way === 'driver') await driver(10_000, () => undefined)
else for await (const _ of source.read({ pageSize: PAGE_ROWS, signal: new AbortController().signal })) break

const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const began = performance.now()
let firstMs = 0
let seen = 0
let peak = 0
await (way === 'driver' ? driver : ours)(rows, (count) => {
  if (seen === 0) firstMs = performance.now() - began
  seen += count
  peak = Math.max(peak, process.memoryUsage.rss())
})
const seconds = (performance.now() - began) / 1_000
delay.disable()
await source.close()
if (way === 'driver') await client.close()
process.stdout.write(
  JSON.stringify({ rows: seen, seconds, firstMs, peakMb: peak / 2 ** 20, loopP99Ms: delay.percentile(99) / 1e6 }),
)
process.exit(0)
