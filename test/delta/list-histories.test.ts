import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { diceOf, FAULTS, type FaultName } from './list-faults.js'
import { History } from './list-history.js'

const HISTORIES = Number(process.env.LIST_HISTORIES ?? 600)
const FIRST_SEED = Number(process.env.LIST_SEED ?? Date.now() % 1_000_000)
/** Every so many'th history is kept in a real file. */
const ON_DISK_EVERY = 50

const hits = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<FaultName, number>
const folder = mkdtempSync(join(tmpdir(), 'lakeloop-histories-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function live(seed: number, nth: number): Promise<{ readonly crashed: boolean; readonly problem?: string }> {
  const path = join(folder, `${seed}.db`)
  const store = nth % ON_DISK_EVERY === 0 ? new SqliteStore({ path }) : new MemoryStore()
  let crashed = false
  const met = (fault: FaultName): void => {
    hits[fault] += 1
    crashed ||= fault.startsWith('died')
  }
  try {
    await new History(store, { dice: diceOf(seed), met }).live()
    return { crashed }
  } catch (error) {
    return { crashed, problem: `LIST_SEED=${seed} LIST_HISTORIES=1: ${(error as Error).message}` }
  } finally {
    await store.close()
    rmSync(path, { force: true })
  }
}

test('[I1] [I5] [I11] lists agree with plain sets, whatever rows, destination and processes do', async () => {
  const diverged: string[] = []
  let crashed = 0
  for (let nth = 0; nth < HISTORIES; nth += 1) {
    const ended = await live(FIRST_SEED + nth, nth)
    if (ended.problem !== undefined) diverged.push(ended.problem)
    crashed += Number(ended.crashed)
  }
  const seeds = `seeds ${FIRST_SEED} to ${FIRST_SEED + HISTORIES - 1}`
  process.stdout.write(
    `list histories: ${HISTORIES} (${seeds}), ${crashed} crashed, ${diverged.length} diverged; met ${JSON.stringify(hits)}\n`,
  )
  expect(diverged.slice(0, 5)).toEqual([])
  if (HISTORIES < 100) return
  // At 10,000 histories each fault a hundred times.
  expect(Object.entries(hits).filter(([, times]) => times < HISTORIES / 100)).toEqual([])
  expect(crashed / HISTORIES).toBeGreaterThanOrEqual(0.3)
}, 600_000)
