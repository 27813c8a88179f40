/**
 * `npm run bench:stalls`: how long the host's event loop is held while bodies of 3.5 MB are prepared and sent, against the
 * loop one would write: one `JSON.stringify` per 1,000 rows. BENCH_ROWS (default 8,000 rows of 3.4 kB) and BENCH_ROUNDS
 * (default 5) say how much; each variant of a round is a process of its own, built as a release is, and so is the server.
 * Method: docs/benchmarks.md.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { median } from './median.js'
import type { StallsMeasured, StallsVariant } from './stalls-variant.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 8_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const VARIANTS: readonly StallsVariant[] = ['by hand', 'ours, profiles', 'ours, events']

const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/stalls-variant.js')
const entryPoints = [join(import.meta.dirname, 'stalls-variant.ts')]
await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' })

const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'no-op-server.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [port] = (await once(server.stdout, 'data')) as [Buffer]
const url = `http://127.0.0.1:${port.toString().trim()}`

const measured = new Map<StallsVariant, StallsMeasured[]>(VARIANTS.map((variant) => [variant, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
    const given = JSON.stringify({ variant, rows: ROWS, url })
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, given])
    measured.get(variant)?.push(JSON.parse(stdout) as StallsMeasured)
  }
}
server.kill()

console.log(`${ROWS} rows, median of ${ROUNDS} and the worst of all, Node ${process.version}`)
console.log('variant           seconds   p99 ms   longest ms    worst ms')
for (const variant of VARIANTS) {
  const all = measured.get(variant) ?? []
  const of = (pick: (one: StallsMeasured) => number): number => median(all.map(pick))
  const worst = Math.max(...all.map(({ longestMs }) => longestMs))
  const cells = [
    variant.padEnd(16),
    of(({ seconds }) => seconds)
      .toFixed(2)
      .padStart(8),
    of(({ p99Ms }) => p99Ms)
      .toFixed(1)
      .padStart(8),
    of(({ longestMs }) => longestMs)
      .toFixed(1)
      .padStart(12),
    worst.toFixed(1).padStart(11),
  ]
  console.log(cells.join(' '))
}
