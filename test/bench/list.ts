/**
 * `npm run bench:list`: the delta of a list from an unsorted audience, 1 % of which is new and 1 % gone, against what the
 * third run before has left: GNU `sort` and `comm`, DuckDB, and ours on the real SQLite store, without and with an intent
 * and an outcome for each change. Each hands out all that changes, and keeps what the next run needs. BENCH_ROWS (default
 * 100,000) and BENCH_ROUNDS (default 3) say how much; each is a process of its own. Read the ratios; method:
 * docs/benchmarks.md.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { CHURN, membersFile } from './list-members.js'
import type { ListAsked, ListMeasured, ListVariant } from './list-variant.js'
import { median } from './median.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 100_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const RUNS_BEFORE = 3
type Variant = ListVariant | 'sort and comm'
const VARIANTS: readonly Variant[] = ['sort and comm', 'DuckDB', 'ours', 'ours, sent']

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'lakeloop-bench-list-'))
const kept = (variant: Variant): string =>
  join(folder, variant === 'DuckDB' ? 'old.parquet' : variant === 'sort and comm' ? 'old' : 'lists.db')

const program = join(import.meta.dirname, '../../node_modules/.cache/lakeloop-bench/list-variant.js')
const entryPoints = [join(import.meta.dirname, 'list-variant.ts')]
await build({
  entryPoints,
  outfile: program,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
})

async function ofProgram(variant: ListVariant, keep: boolean, audience: string): Promise<ListMeasured> {
  const asked: ListAsked = { variant, keep, audience, kept: kept(variant) }
  const { stdout } = await run(process.execPath, [program, JSON.stringify(asked)])
  return JSON.parse(stdout) as ListMeasured
}

const SORT = 'cut -f2 "$1" | LC_ALL=C sort -u -S 25% --parallel=2'

/** `/usr/bin/time` is on few machines: memory is told of ours and DuckDB alone. */
async function byShell(keep: boolean, audience: string): Promise<ListMeasured> {
  const old = kept('sort and comm')
  const script = keep
    ? `${SORT} > ${old}`
    : `${SORT} > ${old}.next && LC_ALL=C comm -3 ${old} ${old}.next | awk -F'\\t' '{ if ($1 == "") a++; else r++ } END { print a+0, r+0 }'`
  const began = performance.now()
  const { stdout } = await run('sh', ['-c', script, 'sh', audience])
  const [add = 0, remove = 0] = stdout.trim().split(' ').map(Number)
  return { seconds: (performance.now() - began) / 1_000, add, remove, rssMb: Number.NaN }
}

const measure = (variant: Variant, keep: boolean, audience: string): Promise<ListMeasured> =>
  variant === 'sort and comm' ? byShell(keep, audience) : ofProgram(variant, keep, audience)

const measured = new Map<Variant, ListMeasured[]>(VARIANTS.map((variant) => [variant, []]))
try {
  for (let before = 0; before < RUNS_BEFORE; before += 1) {
    const { seconds } = await ofProgram('ours', true, await membersFile(ROWS, before))
    process.stderr.write(`run ${before + 1} of ours: ${seconds.toFixed(1)} s\n`)
  }
  for (const variant of ['sort and comm', 'DuckDB'] as const) {
    await measure(variant, true, await membersFile(ROWS, RUNS_BEFORE - 1))
  }
  const audience = await membersFile(ROWS, RUNS_BEFORE)
  const changed = Math.round(ROWS * CHURN)
  for (let round = 0; round < ROUNDS; round++) {
    for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
      const one = await measure(variant, false, audience)
      if (one.add !== changed || one.remove !== changed)
        throw new Error(`${variant} found ${one.add} and ${one.remove}`)
      measured.get(variant)?.push(one)
    }
  }
} finally {
  await rm(folder, { recursive: true })
}

const of = (variant: Variant, pick: (one: ListMeasured) => number): number =>
  median((measured.get(variant) ?? []).map(pick))

console.log(`${ROWS} members, ${CHURN * 100} % churn, median of ${ROUNDS}, Node ${process.version}`)
console.log('variant          seconds   of sort and comm   RSS MB beyond idle')
for (const variant of VARIANTS) {
  const seconds = of(variant, (one) => one.seconds)
  const cells = [
    variant.padEnd(15),
    seconds.toFixed(2).padStart(8),
    (seconds / of('sort and comm', (one) => one.seconds)).toFixed(2).padStart(18),
    of(variant, (one) => one.rssMb)
      .toFixed(0)
      .padStart(20),
  ]
  console.log(cells.join(' '))
}
