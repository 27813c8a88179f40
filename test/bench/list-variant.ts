// One variant of `npm run bench:list`, in a process of its own: who joins and who leaves, from an unsorted audience and
// what is kept of the one before. Prints what it took as one line of JSON.

import { copyFile } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { LIST, members } from './list-members.js'

/** `sent`: ours, with an intent before and an outcome behind each thousand changes. */
export type ListVariant = 'DuckDB' | 'ours' | 'ours, sent'

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

// A run of ours changes what is kept: it gets a copy, so that the next round begins with the same.
if (variant !== 'DuckDB' && !keep) await copyFile(kept, `${kept}.next`)
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
  const store = new SqliteStore({ path: keep ? kept : `${kept}.next` })
  const lists = new ListDeltaComputer({ store })
  await using delta = await lists.plan({
    project: 'bench',
    owner: 'bench',
    list: LIST,
    complete: true,
    claims: members(audience),
  })
  const { add, remove } = delta.summary
  let handed = 0
  for await (const chunk of delta.chunks({ sizeMax: 1_000 })) {
    handed += chunk.addresses.length
    if (variant === 'ours' && !keep) continue
    await chunk.intend()
    await chunk.settle(chunk.addresses.map((): Outcome => ({ status: 'accepted' })))
  }
  if (handed !== add + remove) throw new Error(`${handed} addresses for ${add} and ${remove}`)
  await store.close()
  return { add, remove }
}
