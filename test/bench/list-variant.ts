// One variant of `npm run bench:list`, in a process of its own: who joins and who leaves, from an unsorted audience and
// what is kept of the one before. Prints what it took as one line of JSON.

import { copyFile } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { members } from './list-members.js'

export type ListVariant = 'DuckDB' | 'ours'

export interface ListAsked {
  readonly variant: ListVariant
  /** `keep` makes what is kept of the audience, and measures nothing. */
  readonly keep: boolean
  readonly audience: string
  /** The file where the audience before is kept. */
  readonly kept: string
}

export interface ListMeasured {
  readonly seconds: number
  readonly add: number
  readonly remove: number
  /** Beyond what the process had before it began. */
  readonly rssMb: number
}

const { variant, keep, audience, kept } = JSON.parse(process.argv[2] ?? '') as ListAsked

let rss = 0
const watch = setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss())
}, 20)
const idle = process.memoryUsage.rss()
const began = performance.now()
const counted = variant === 'DuckDB' ? await byDuckDb() : await byOurs()
const seconds = (performance.now() - began) / 1_000
clearInterval(watch)
rss = Math.max(rss, process.memoryUsage.rss())
console.log(JSON.stringify({ seconds, ...counted, rssMb: (rss - idle) / 2 ** 20 } satisfies ListMeasured))

async function byDuckDb() {
  const db = await (await DuckDBInstance.create(':memory:')).connect()
  const now = `read_csv('${audience}', delim='\t', header=false, columns={'claimant': 'VARCHAR', 'address': 'VARCHAR'})`
  const counts = { add: 0, remove: 0 }
  await db.run(`CREATE TABLE now AS SELECT DISTINCT address FROM ${now}`)
  if (!keep) {
    const differing = async (from: string, without: string) => {
      const reader = await db.streamAndReadAll(`SELECT address FROM ${from} ANTI JOIN ${without} USING (address)`)
      return reader.currentRowCount
    }
    await db.run(`CREATE VIEW old AS SELECT address FROM '${kept}'`)
    counts.add = await differing('now', 'old')
    counts.remove = await differing('old', 'now')
  }
  await db.run(`COPY now TO '${keep ? kept : `${kept}.next`}' (FORMAT parquet)`)
  return counts
}

async function byOurs() {
  const path = keep ? kept : `${kept}.next`
  if (!keep) await copyFile(kept, path)
  const store = new SqliteStore({ path })
  const lists = new ListDeltaComputer({ store })
  async function* claims() {
    for await (const page of members(audience)) {
      for (const { claimant, address } of page) yield { list: 'audience', claimant, address, member: true }
    }
  }
  const delta = await lists.plan({
    project: 'bench',
    owner: 'bench',
    list: 'audience',
    complete: true,
    claims: claims(),
  })
  const { add, remove } = delta.summary
  for await (const chunk of delta.chunks({ sizeMax: 1_000 })) {
    await chunk.intend()
    await chunk.settle(chunk.addresses.map((): Outcome => ({ status: 'accepted' })))
  }
  await store.close()
  return { add, remove }
}
