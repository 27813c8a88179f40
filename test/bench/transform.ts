/**
 * `npm run bench:transform`: rows through a transform in its process, from bytes to bytes, against the same function called in
 * this process (JSON.parse, the call for each row, JSON.stringify), page by page and with all pages asked for at once; what of it
 * holds the host's event loop; two transforms at once; how long a cold start takes; and the memory that the idle process holds for itself. BENCH_ROUNDS (default 30) slices
 * of 1,000 rows of 220 bytes each, all variants in turn in one process. Read the ratios; method: docs/benchmarks.md.
 */
import { readFileSync } from 'node:fs'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RowBlock, rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { median } from './median.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 30)
const ROWS = 1_000
/** Slices in one measurement: the clock of a shared machine is coarse. */
const SLICES = 10
const STARTS = 11

/** The same text for both: what is measured is where it runs. */
const BODY = `({ email: row.email, userId: row.user_id, dataFields: { churn_risk_score: row.churn_risk_score,
  account_tier: row.account_tier, last_active_date: row.last_active_date, orders: row.orders, revenue: row.revenue,
  country: row.country, subscribed: row.subscribed } })`
const plain = new Function('row', `return ${BODY}`) as (row: unknown) => unknown

const bytes = Buffer.from(
  JSON.stringify(
    Array.from({ length: ROWS }, (_, n) => ({
      user_id: `u-${1_000_000 + n}`,
      email: `person${n}@example.com`,
      churn_risk_score: (n % 1_000) / 1_000,
      account_tier: ['free', 'pro', 'enterprise'][n % 3],
      last_active_date: '2026-03-15',
      orders: n % 40,
      revenue: 12.5 * n,
      country: 'DE',
      subscribed: n % 2 === 0,
      updated_at: '2026-03-15T00:00:00Z',
    })),
  ),
)
/** A page whose bytes are there, as those of a warehouse are. */
const page: RowBlock = { ...rowBlock(JSON.parse(bytes.toString()) as []), json: () => bytes }

function byHand(): Promise<void> {
  const made = (JSON.parse(bytes.toString()) as unknown[]).map((row) => plain(row))
  if (Buffer.from(JSON.stringify(made)).length < ROWS * 100) throw new Error('nothing was made')
  return Promise.resolve()
}

const open = (): Transform => Transform.fromText(`export default (row) => ${BODY}`, { name: 'bench.js' })

async function through(transform: Transform): Promise<void> {
  const { actions } = await transform.run({ rows: page }, { now: 0 })
  if (actions.length !== ROWS) throw new Error(`${actions.length} actions`)
}

interface Measured {
  readonly rowsPerSecond: number
  /** Time in which the host's loop was busy. */
  readonly busyUsPerRow: number
}

/** One page after the other. */
async function inTurn(once: () => Promise<void>): Promise<void> {
  for (let slice = 0; slice < SLICES; slice += 1) await once()
}

/** All pages asked for: the next one is there when one is done. */
async function atOnce(once: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: SLICES }, once))
}

async function measured(all: () => Promise<unknown>, rowsEach = ROWS): Promise<Measured> {
  const idle: EventLoopUtilization = performance.eventLoopUtilization()
  const began = performance.now()
  await all()
  const ms = performance.now() - began
  const { active } = performance.eventLoopUtilization(idle)
  const rows = SLICES * rowsEach
  return { rowsPerSecond: (rows / ms) * 1_000, busyUsPerRow: (active * 1_000) / rows }
}

const [one, other] = [open(), open()]
await through(one)
const [atFirst = Number.NaN] = childrenOf(process.pid).map(privateMb)
const VARIANTS: Readonly<Record<string, () => Promise<Measured>>> = {
  'in this process': () => measured(() => inTurn(byHand)),
  'page by page': () => measured(() => inTurn(() => through(one))),
  'pages under way': () => measured(() => atOnce(() => through(one))),
  'two transforms': () =>
    measured(() => Promise.all([atOnce(() => through(one)), atOnce(() => through(other))]), 2 * ROWS),
}
const results = new Map<string, Measured[]>(Object.keys(VARIANTS).map((name) => [name, []]))
for (let round = -3; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(VARIANTS)) {
    await sleep(1) // a turn of the loop between them
    const result = await run()
    if (round >= 0) results.get(name)?.push(result)
  }
}

const [atLast = Number.NaN] = childrenOf(process.pid).map(privateMb)
await Promise.all([one.close(), other.close()])
const starts: number[] = []
for (let start = 0; start < STARTS; start += 1) {
  const began = performance.now()
  await using transform = open()
  await through(transform)
  starts.push(performance.now() - began)
}

const of = (name: string, pick: (one: Measured) => number): number => median((results.get(name) ?? []).map(pick))
const first = of('in this process', (one) => one.rowsPerSecond)
console.log(`${ROWS} rows of ${Math.round(bytes.length / ROWS)} bytes, median of ${ROUNDS}, Node ${process.version}`)
console.log('variant             rows/s   of this process   loop us/row')
for (const name of results.keys()) {
  const rowsPerSecond = of(name, (one) => one.rowsPerSecond)
  const busy = of(name, (one) => one.busyUsPerRow)
  const cells = [
    Math.round(rowsPerSecond).toLocaleString('en').padStart(10),
    (rowsPerSecond / first).toFixed(2).padStart(17),
    busy.toFixed(2).padStart(13),
  ]
  console.log(name.padEnd(16) + cells.join(' '))
}
console.log(`cold start with its first page: ${median(starts).toFixed(0)} ms, median of ${STARTS}`)
console.log(`an idle process for itself: ${atFirst.toFixed(1)} MB after a page, ${atLast.toFixed(1)} MB after all`)

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** What nobody else shares: Private_Dirty of Linux. */
function privateMb(pid: number): number {
  const line = /Private_Dirty:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  return Number(line?.[1] ?? Number.NaN) / 1_024
}
