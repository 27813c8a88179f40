// One variant of `npm run bench:identity`, in a process of its own: records are taken in, then a thousand ids are looked
// up. Prints what it took as one line of JSON.

import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { findDriver } from '../../src/stores/sqlite/driver.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { median } from './median.js'

/**
 * `union-find`: a Map from identifier to identifier, and nothing that could explain, undo or limit anything.
 * `upserts`: one row per identifier and one per record, 10,000 records a transaction, and no question of who is who.
 */
export type IdentityVariant = 'union-find' | 'ours, memory' | 'upserts, SQLite' | 'ours, SQLite'

export interface IdentityAsked {
  readonly variant: IdentityVariant
  readonly edges: number
}

export interface IdentityMeasured {
  readonly records: number
  readonly seconds: number
  /** Of this process, its collector too, while the records were taken in. */
  readonly cpuSeconds: number
  /** Of a look-up of 1,000 customer ids, the median of 30. */
  readonly lookUpMs: number
  /** Beyond what the process had before it began. */
  readonly rssMb: number
}

const BATCH = 10_000
const LOOK_UPS = 30
const { variant, edges } = JSON.parse(process.argv[2] ?? '') as IdentityAsked

/** Of three records one has three identifiers and two have two: 1.33 edges a record. A tenth of the people own two ids. */
const RECORDS = Math.round(edges / (4 / 3))
function record(n: number): Evidence {
  const at = Math.imul(n + 1, 2_654_435_761) >>> 0
  const person = n % 10 === 9 ? n - 1 : n
  const ids = [
    { namespace: 'customer_id', value: `c-${n}` },
    { namespace: 'email', value: `${(Math.imul(person + 1, 40_503) >>> 0).toString(36)}.${person}@example.com` },
  ]
  if (n % 3 === 0) ids.push({ namespace: 'userId', value: `u-${person}` })
  return { source: 'crm', key: `c-${n}`, observedAt: new Date(1.7e12 + (at % 1e10)).toISOString(), ids }
}

let rss = 0
const watch = setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss())
}, 20)
const idle = process.memoryUsage.rss()
const path = join(tmpdir(), `lakeloop-bench-identity-${process.pid}.db`)
const { seconds, cpuSeconds, lookUpMs } = await variants()[variant]()
clearInterval(watch)
rss = Math.max(rss, process.memoryUsage.rss())
for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
console.log(
  JSON.stringify({
    ...{ records: RECORDS, seconds, cpuSeconds, lookUpMs },
    rssMb: (rss - idle) / 2 ** 20,
  } satisfies IdentityMeasured),
)

type Taken = Pick<IdentityMeasured, 'seconds' | 'cpuSeconds'>

function variants(): Record<IdentityVariant, () => Promise<Taken & Pick<IdentityMeasured, 'lookUpMs'>>> {
  return {
    'union-find': unionFind,
    'upserts, SQLite': upserts,
    'ours, memory': () => ours(new MemoryStore()),
    'ours, SQLite': () => ours(new SqliteStore({ path })),
  }
}

/** Batches are made outside the clock: what makes them is no part of any variant. */
async function timed(take: (batch: readonly Evidence[]) => Promise<void> | void): Promise<Taken> {
  let [spent, cpu] = [0, 0]
  for (let from = 0; from < RECORDS; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, RECORDS - from) }, (_, index) => record(from + index))
    const [began, used] = [performance.now(), process.cpuUsage()]
    await take(batch)
    spent += performance.now() - began
    const { user, system } = process.cpuUsage(used)
    cpu += user + system
  }
  return { seconds: spent / 1_000, cpuSeconds: cpu / 1_000_000 }
}

/** Customer ids that lie all over the book. */
function wanted(round: number): readonly string[] {
  return Array.from({ length: 1_000 }, (_, index) => `c-${(index * 7_919 + round * 104_729) % RECORDS}`)
}

async function lookUps(look: (ids: readonly string[]) => Promise<number> | number): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < LOOK_UPS; round += 1) {
    const ids = wanted(round)
    const began = performance.now()
    const found = await look(ids)
    times.push(performance.now() - began)
    if (found !== ids.length) throw new Error(`${found} of ${ids.length} found`)
  }
  return median(times)
}

async function unionFind() {
  const parents = new Map<string, string>()
  const root = (id: string): string => {
    let at = id
    for (let up = parents.get(at); up !== undefined && up !== at; up = parents.get(at)) at = up
    for (let step = id; step !== at; ) {
      const up = parents.get(step) as string
      parents.set(step, at)
      step = up
    }
    return at
  }
  const taken = await timed((batch) => {
    for (const { ids } of batch) {
      const [first, ...others] = ids.map(({ namespace, value }) => `${namespace}\u0001${value}`) as [string]
      if (!parents.has(first)) parents.set(first, first)
      for (const other of others) {
        if (!parents.has(other)) parents.set(other, other)
        const [a, b] = [root(first), root(other)]
        if (a !== b) parents.set(b, a)
      }
    }
  })
  return { ...taken, lookUpMs: await lookUps((ids) => ids.filter((id) => root(`customer_id\u0001${id}`)).length) }
}

async function upserts() {
  const db = findDriver(libsqlPlace())(path)
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -32000']) db.exec(`PRAGMA ${pragma}`)
  db.exec('CREATE TABLE evidence (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID')
  db.exec('CREATE TABLE identifier (k TEXT PRIMARY KEY, record TEXT) WITHOUT ROWID')
  const record = db.prepare('INSERT INTO evidence VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v')
  const identifier = db.prepare(
    'INSERT INTO identifier VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record',
  )
  const taken = await timed((batch) => {
    db.exec('BEGIN IMMEDIATE')
    for (const { source, key, observedAt, ids } of batch) {
      record.run(`${source}\u0001${key}`, JSON.stringify({ observedAt, ids }))
      for (const { namespace, value } of ids) identifier.run(`${namespace}\u0001${value}`, `${source}\u0001${key}`)
    }
    db.exec('COMMIT')
  })
  const look = db.prepare('SELECT record FROM identifier WHERE k = ?')
  const lookUpMs = await lookUps((ids) => ids.filter((id) => look.get(`customer_id\u0001${id}`)).length)
  db.close()
  return { ...taken, lookUpMs }
}

async function ours(store: Store) {
  const identity = new IdentityResolver({
    store,
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 2 } },
  })
  const taken = await timed(async (batch) => void (await identity.observe(batch)))
  const lookUpMs = await lookUps(async (ids) => {
    const answers = await identity.resolve(ids.map((customer_id) => ({ customer_id })))
    return answers.filter(({ status }) => status === 'resolved').length
  })
  await identity.close()
  await store.close()
  return { ...taken, lookUpMs }
}
