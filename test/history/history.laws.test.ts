import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { crowded, hits, holds, type Step, script } from './history-stage.js'

/** More by LAW_RUNS; a failure prints its seed, LAW_SEED runs it again. */
const RUNS = Number(process.env.LAW_RUNS ?? 200)
const SEED = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

/** 200 take 4 s on a machine with nothing else to do. */
const TIMEOUT_MS = 60_000 + 600 * RUNS

afterAll(() => process.stdout.write(`history laws: ${JSON.stringify(hits)}\n`))

test(
  'history answers as plain arrays of all pages do, whatever was folded, pruned, erased, and whenever a process died',
  async () => {
    const law = fc.asyncProperty(script, (one) => holds(one, new MemoryStore()))
    await fc.assert(law, { numRuns: RUNS, ...SEED })
  },
  TIMEOUT_MS,
)

const page = (hours: number): Step => ({ do: 'page', hours, subjects: [crowded(0)] })
const pruned = (keepDays: number): Step => ({ do: 'prune', keepDays, runsMax: 4 })

test('what a run records after it was pruned itself stays, also where a later prune would keep that run and the next would not', async () => {
  const steps = [page(0), page(12), page(12), page(12), pruned(1), page(12), pruned(5), pruned(1)]
  await holds({ steps, deaths: [] }, new MemoryStore())
})

test(
  'so it does in SQLite',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lakeloop-history-'))
    let files = 0
    const law = fc.asyncProperty(script, async (one) => {
      const store = new SqliteStore({ path: join(folder, `${files++}.db`) })
      await holds(one, store).finally(() => store.close())
    })
    await fc.assert(law, { numRuns: Math.ceil(RUNS / 30), ...SEED }).finally(() => rm(folder, { recursive: true }))
  },
  TIMEOUT_MS,
)
