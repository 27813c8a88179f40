import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { hits } from './simulation/process.js'
import { COMMIT_FAULTS, history, REQUEST_FAULTS, STEPS } from './simulation/script.js'
import { simulate } from './simulation/simulate.js'

const RUNS = Number(process.env.LAW_RUNS ?? 200)
const { LAW_SEED, LAW_PATH } = process.env
const SEED = {
  ...(LAW_SEED === undefined ? {} : { seed: Number(LAW_SEED) }),
  ...(LAW_PATH === undefined ? {} : { path: LAW_PATH }),
}

const KINDS = [
  ...REQUEST_FAULTS,
  ...COMMIT_FAULTS,
  ...STEPS.map((step) => `died after: ${step}`),
  'arrived after the death of its sender',
  'row refused',
  'cancelled',
  'an address changed',
  'nobody to be moved',
]
afterAll(() => process.stdout.write(`run simulation: ${RUNS} histories, faults hit ${JSON.stringify(hits)}\n`))

/**
 * Random histories of one sync: generations of rows, each met by runs with faults and crashes, then by runs without. The
 * oracles stand in simulation/judge.ts (at every step) and simulation/simulate.ts (at the end of a generation).
 */
test('any history of faults, crashes and orders of answers keeps to the truth at every step [I1] [I2] [I3] [I4] [I6] [I10]', async () => {
  await fc.assert(fc.asyncProperty(fc.scheduler(), history, simulate), { numRuns: RUNS, ...SEED })
}, 1_200_000)

test('every fault was met', () => {
  const rare = KINDS.filter((kind) => (hits[kind] ?? 0) < (LAW_PATH === undefined ? RUNS / 100 : 0))
  expect(rare).toEqual([])
})
