/**
 * `npm run bench:identity`: records taken into the identity graph, in memory against a bare union-find over a Map, in
 * SQLite against a bare loop of batched upserts, as ratios of one interleaved run; and a look-up of 1,000 ids.
 * BENCH_EDGES (default 1,000,000) and BENCH_ROUNDS (default 3) say how much. Method: docs/benchmarks.md.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { IdentityMeasured, IdentityVariant } from './identity-variant.js'
import { median } from './median.js'

const EDGES = Number(process.env.BENCH_EDGES ?? 1_000_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const AGAINST: ReadonlyMap<IdentityVariant, IdentityVariant> = new Map([
  ['union-find', 'union-find'],
  ['ours, memory', 'union-find'],
  ['upserts, SQLite', 'upserts, SQLite'],
  ['ours, SQLite', 'upserts, SQLite'],
])
const VARIANTS = [...AGAINST.keys()]

const run = promisify(execFile)
const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/identity-variant.js')
const entryPoints = [join(import.meta.dirname, 'identity-variant.ts')]
await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' })

const measured = new Map<IdentityVariant, IdentityMeasured[]>(VARIANTS.map((variant) => [variant, []]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
    const { stdout } = await run(process.execPath, [
      '--max-old-space-size=8000',
      program,
      JSON.stringify({ variant, edges: EDGES }),
    ])
    measured.get(variant)?.push(JSON.parse(stdout) as IdentityMeasured)
  }
  process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`)
}

const of = (variant: IdentityVariant, pick: (one: IdentityMeasured) => number): number =>
  median((measured.get(variant) ?? []).map(pick))
const rate = ({ records, seconds }: IdentityMeasured): number => records / seconds
const cpu = ({ records, cpuSeconds }: IdentityMeasured): number => (cpuSeconds / records) * 1e6

console.log(`${EDGES} edges, median of ${ROUNDS}, Node ${process.version}`)
console.log('variant            records/s   of the bare one   CPU us/record   of the bare one   1,000 ids ms   RSS MB')
for (const [variant, bare] of AGAINST) {
  const cells = [
    variant.padEnd(18),
    of(variant, rate).toFixed(0).padStart(9),
    (of(variant, rate) / of(bare, rate)).toFixed(2).padStart(17),
    of(variant, cpu).toFixed(1).padStart(15),
    (of(bare, cpu) / of(variant, cpu)).toFixed(2).padStart(17),
    of(variant, ({ lookUpMs }) => lookUpMs)
      .toFixed(1)
      .padStart(14),
    of(variant, ({ rssMb }) => rssMb)
      .toFixed(0)
      .padStart(8),
  ]
  console.log(cells.join(' '))
}
