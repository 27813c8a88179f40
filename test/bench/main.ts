/**
 * `npm run bench`: rows through a sync to a no-op HTTP server, against the hand-written loop, as ratios of one
 * interleaved run. BENCH_ROWS (default 1,000,000) and BENCH_ROUNDS (default 5) say how much.
 * Method: docs/benchmarks.md. Read the ratios; absolute figures belong to the machine.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { median } from './median.js'
import { rowsFile } from './rows.js'
import type { Variant } from './variant.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const BASELINE: Variant = 'by hand, undici'
const VARIANTS: readonly Variant[] = [
  BASELINE,
  'by hand, fetch',
  'sync, no sandbox',
  'sync',
  'sync, diff in memory',
  'sync, diff in SQLite',
]

interface Measured {
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** Peak of the process before the work, all modules loaded. */
  readonly idleMb: number
  /** Peak in all. */
  readonly rssMb: number
  readonly loopP99Ms: number
}

const tsx = (file: string): string[] => ['--import', 'tsx', join(import.meta.dirname, file)]
const run = promisify(execFile)

const server = spawn(process.execPath, tsx('no-op-server.ts'), { stdio: ['ignore', 'pipe', 'inherit'] })
const [port] = (await once(server.stdout, 'data')) as [Buffer]
const url = `http://127.0.0.1:${port.toString().trim()}`
const path = await rowsFile(ROWS)
// As a build is: what tsx makes of the source names every closure anew, and that is measured too.
const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/variant.js')
const entryPoints = [join(import.meta.dirname, 'variant.ts')]
await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' })

const measured = new Map<Variant, Measured[]>(VARIANTS.map((variant) => [variant, []]))
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
      const { stdout } = await run(process.execPath, [program, JSON.stringify({ variant, path, url })])
      measured.get(variant)?.push(JSON.parse(stdout) as Measured)
    }
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`)
  }
} finally {
  server.kill()
}

const of = (variant: Variant, pick: (one: Measured) => number): number =>
  median((measured.get(variant) ?? []).map(pick))
const rate = (one: Measured): number => one.rows / one.seconds

console.log(`${ROWS} rows, median of ${ROUNDS}, Node ${process.version}`)
console.log('variant                 rows/s   of by hand   CPU-s/M host   idle MB   peak MB   over idle   loop p99 ms')
for (const variant of VARIANTS) {
  const cells = [
    variant.padEnd(22),
    of(variant, rate).toFixed(0).padStart(8),
    (of(variant, rate) / of(BASELINE, rate)).toFixed(2).padStart(10),
    of(variant, (one) => (one.cpuSeconds / one.rows) * 1e6)
      .toFixed(1)
      .padStart(13),
    of(variant, (one) => one.idleMb)
      .toFixed(0)
      .padStart(9),
    of(variant, (one) => one.rssMb)
      .toFixed(0)
      .padStart(9),
    of(variant, (one) => one.rssMb - one.idleMb)
      .toFixed(0)
      .padStart(11),
    of(variant, (one) => one.loopP99Ms)
      .toFixed(1)
      .padStart(12),
  ]
  console.log(cells.join(' '))
}
