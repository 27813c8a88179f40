/**
 * `npm run bench:bodies`: profiles and events to finished bodies of bulk requests, against the path of `@iterable/api`
 * (its zod schemas, then its client's serialiser), as ratios of one interleaved run. BENCH_ROWS (default 100,000, half
 * profiles of four fields, half events of three) and BENCH_ROUNDS (default 7) say how much; each variant of a round is a
 * process of its own, built as a release is. Read the ratios; method: docs/benchmarks.md.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { BodiesMeasured, BodiesVariant } from './bodies-variant.js'
import { median } from './median.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 100_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)
const BASELINE: BodiesVariant = '@iterable/api'
const VARIANTS: readonly BodiesVariant[] = [
  BASELINE,
  'ours, from objects',
  'ours, from blocks',
  'ours, from blocks, whole doubles',
]

const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/bodies-variant.js')
const entryPoints = [join(import.meta.dirname, 'bodies-variant.ts')]
await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' })

const measured = new Map<BodiesVariant, BodiesMeasured[]>(VARIANTS.map((variant) => [variant, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      program,
      JSON.stringify({ variant, rows: ROWS }),
    ])
    measured.get(variant)?.push(JSON.parse(stdout) as BodiesMeasured)
  }
}

const of = (variant: BodiesVariant, pick: (one: BodiesMeasured) => number): number =>
  median((measured.get(variant) ?? []).map(pick))

console.log(`${ROWS} rows, median of ${ROUNDS}, Node ${process.version}`)
console.log('variant                               rows/s    of theirs   CPU-us/row   bytes/row')
for (const variant of VARIANTS) {
  const cells = [
    variant.padEnd(34),
    of(variant, ({ perSecond }) => perSecond)
      .toFixed(0)
      .padStart(9),
    (of(variant, ({ perSecond }) => perSecond) / of(BASELINE, ({ perSecond }) => perSecond)).toFixed(2).padStart(12),
    of(variant, ({ cpuMicros }) => cpuMicros)
      .toFixed(2)
      .padStart(12),
    of(variant, ({ bytes }) => bytes)
      .toFixed(0)
      .padStart(11),
  ]
  console.log(cells.join(' '))
}
