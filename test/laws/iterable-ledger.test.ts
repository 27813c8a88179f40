import { afterAll, expect, test } from 'vitest'
import { MISHAPS, type Mishap } from './iterable/faulty-net.js'
import { played } from './iterable/runs.js'
import { scriptOf } from './iterable/script.js'
import { lies } from './iterable/truth.js'

const RUNS = Number(process.env.LAW_RUNS ?? 200)
const SEED = Number(process.env.LAW_SEED ?? 1)

const mishaps = new Map<Mishap, number>()
const ends = new Map<string, number>()
afterAll(() => {
  const show = (counts: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries([...counts].sort()))
  process.stdout.write(`Iterable's ledger: mishaps met ${show(mishaps)}, outcomes ${show(ends)}\n`)
})

const add = <Name>(counts: Map<Name, number>, name: Name, count = 1) =>
  counts.set(name, (counts.get(name) ?? 0) + count)

/**
 * Random actions of every kind through the destination and the engine, over a net on which everything goes wrong, in
 * runs that die and are cancelled; then one run in peace. Oracles after each script: every action has one outcome;
 * accepted is applied, once where a second time would show; rejected is not applied; nobody is overtaken by something
 * older; and what is stored is what the accepted actions say, one after the other.
 */
test('the ledger of the fake holds what the outcomes say, and nothing else [I2] [I4] [I6] [I10]', async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
    const script = scriptOf(seed)
    const all = await played(script)
    expect(lies(script, all), `LAW_SEED=${seed} LAW_RUNS=1`).toEqual([])
    for (const [mishap, count] of all.mishaps) add(mishaps, mishap, count)
    for (const outcome of all.outcomes.values()) add(ends, 'reason' in outcome ? outcome.reason.code : outcome.status)
  }
  expect(ends.get('accepted') ?? 0).toBeGreaterThan(RUNS)
  if (RUNS >= 100) expect(MISHAPS.filter((mishap) => !mishaps.has(mishap))).toEqual([])
}, 600_000)
