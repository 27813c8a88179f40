/**
 * `npx tsx test/bench/read.ts`: reading 5-column rows from a fake warehouse in another process, through TLS and the driver,
 * against the driver's own rows. BENCH_ROUNDS (default 5) rounds in alternating order, each read in a process of its own.
 * Read the ratios, and whether memory grows with the rows; method: docs/benchmarks.md.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { median } from './median.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const SIZES = [1_000_000, 5_000_000]

interface Measured {
  readonly rows: number
  readonly seconds: number
  readonly firstMs: number
  readonly peakMb: number
  readonly loopP99Ms: number
}

const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'read-server.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [line] = (await once(server.stdout, 'data')) as [Buffer]
const connection: unknown = JSON.parse(line.toString())
const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/read-variant.js')
const entryPoints = [join(import.meta.dirname, 'read-variant.ts')]
await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' })

async function measured(way: 'ours' | 'driver', rows: number): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify({ way, rows, connection })])
  const found = JSON.parse(stdout) as Measured
  if (found.rows !== rows) throw new Error(`${way} read ${found.rows} rows of ${rows}`)
  return found
}

try {
  for (const rows of SIZES) {
    const all: Record<'ours' | 'driver', Measured[]> = { ours: [], driver: [] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of round % 2 === 0 ? (['ours', 'driver'] as const) : (['driver', 'ours'] as const)) {
        all[way].push(await measured(way, rows))
      }
    }
    console.log(`\n${rows} rows, median of ${ROUNDS}, Node ${process.version}`)
    console.log('way       rows/s   first page ms   peak RSS MB   loop p99 ms')
    for (const [way, runs] of Object.entries(all)) {
      const of = (pick: (one: Measured) => number): number => median(runs.map(pick))
      const cells = [
        of((one) => one.rows / one.seconds)
          .toFixed(0)
          .padStart(8),
        of((one) => one.firstMs)
          .toFixed(0)
          .padStart(15),
      ]
      console.log(
        [
          way.padEnd(7),
          ...cells,
          of((one) => one.peakMb)
            .toFixed(0)
            .padStart(13),
          of((one) => one.loopP99Ms)
            .toFixed(1)
            .padStart(13),
        ].join(' '),
      )
    }
  }
} finally {
  server.kill()
}
