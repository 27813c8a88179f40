/**
 * `npx tsx test/bench/sqlite.ts`: rows in random places of a SQLite file, 2,000 a commit, and reads of 1,000 keys: ours in its
 * thread, ours with a driver, and the statements that one would write on the same library with the same durability, one
 * after another in one process. BENCH_ROWS (default 100,000) and BENCH_ROUNDS (default 3) say how much.
 * Method: docs/benchmarks.md. Read the ratios; absolute figures belong to the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as after, setImmediate } from 'node:timers/promises'
import { findDriver } from '../../src/stores/sqlite/driver.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Key } from '../../src/stores/store.js'
import { median } from './median.js'

const ROWS = Number(process.env.BENCH_ROWS ?? 100_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const PER_COMMIT = 2_000
const PER_READ = 1_000

interface Way {
  put(rows: readonly number[]): Promise<void>
  get(rows: readonly number[]): Promise<readonly unknown[]>
  close(): Promise<void>
}

const open = findDriver(libsqlPlace())
const keyOf = (n: number): Key => ['main', 'userId', `u-${(Math.imul(n + 1, 2_654_435_761) >>> 0).toString(16)}-${n}`]
const rowOf = (n: number) => ({ at: null, ids: [`u-${n}`, `customer.${n}@example.com`, `c-${n * 7}`] })

function bare(path: string): Way {
  const db = open(path)
  for (const pragma of [
    'journal_mode = WAL',
    'synchronous = FULL',
    'cache_size = -32000',
    'wal_autocheckpoint = 16000',
  ]) {
    db.exec(`PRAGMA ${pragma}`)
  }
  db.exec('CREATE TABLE kept (k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID')
  const insert = db.prepare('INSERT OR REPLACE INTO kept VALUES (?, ?)')
  const select = db.prepare('SELECT v FROM kept WHERE k = ?')
  return {
    put: async (rows) => {
      db.exec('BEGIN IMMEDIATE')
      for (const n of rows) insert.run(keyOf(n).join('\u0001'), JSON.stringify(rowOf(n)))
      db.exec('COMMIT')
    },
    get: async (rows) =>
      rows.map((n) => JSON.parse((select.get(keyOf(n).join('\u0001')) as { readonly v: string }).v) as unknown),
    close: async () => void db.close(),
  }
}

function ours(store: SqliteStore): Way {
  return {
    put: (rows) => store.commit(rows.map((n) => ({ op: 'put', table: 'evidence', key: keyOf(n), value: rowOf(n) }))),
    get: (rows) => store.get('evidence', rows.map(keyOf)),
    close: () => store.close(),
  }
}

const WAYS: Readonly<Record<string, (path: string) => Way>> = {
  'by hand': bare,
  'ours, with a driver': (path) => ours(new SqliteStore({ path, driver: open })),
  ours: (path) => ours(new SqliteStore({ path })),
}

interface Measured {
  readonly rowsPerSecond: number
  readonly cpuMicros: number
  readonly p99Ms: number
  readonly longestMs: number
  readonly readMs: number
}

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-bench-sqlite-'))
let files = 0

async function measure(make: (path: string) => Way): Promise<Measured> {
  files += 1
  const way = make(join(folder, `${files}.db`))
  await way.put([ROWS]) // opens the file
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let from = 0; from < ROWS; from += PER_COMMIT) {
    await way.put(Array.from({ length: PER_COMMIT }, (_, n) => from + n))
    await setImmediate()
  }
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  await after(5)
  delay.disable()
  const reads: number[] = []
  for (let nth = 0; nth < 20; nth += 1) {
    const rows = Array.from({ length: PER_READ }, (_, n) => (nth * 7_919 + n * 104_729) % ROWS)
    const asked = performance.now()
    if ((await way.get(rows)).includes(undefined)) throw new Error('a row is lost')
    reads.push(performance.now() - asked)
  }
  await way.close()
  return {
    rowsPerSecond: ROWS / seconds,
    cpuMicros: (user + system) / ROWS,
    p99Ms: delay.percentile(99) / 1e6,
    longestMs: delay.max / 1e6,
    readMs: median(reads),
  }
}

const measured = new Map<string, Measured[]>(Object.keys(WAYS).map((name) => [name, []]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, make] of Object.entries(WAYS)) measured.get(name)?.push(await measure(make))
}
rmSync(folder, { recursive: true })

console.log(`${ROWS} rows, median of ${ROUNDS}, Node ${process.version}`)
console.log('way                     rows/s   us of CPU   loop p99 ms   longest ms   1,000 keys, ms')
for (const [name, all] of measured) {
  const of = (pick: (one: Measured) => number, digits: number, width: number): string =>
    median(all.map(pick)).toFixed(digits).padStart(width)
  const rates = of(({ rowsPerSecond }) => rowsPerSecond, 0, 8) + of(({ cpuMicros }) => cpuMicros, 1, 12)
  const holds = of(({ p99Ms }) => p99Ms, 1, 14) + of(({ longestMs }) => longestMs, 1, 13)
  console.log(`${name.padEnd(22)}${rates}${holds}${of(({ readMs }) => readMs, 1, 17)}`)
}
