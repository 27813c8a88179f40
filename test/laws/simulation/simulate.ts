import type fc from 'fast-check'
import { expect } from 'vitest'
import type { RunReport } from '../../../src/model/report.js'
import { MemoryStore } from '../../../src/stores/memory.js'
import { Judge } from './judge.js'
import { SimulatedProcess } from './process.js'
import { CLEAN, type History, type RunScript } from './script.js'
import { customerOf, Truth } from './truth.js'

/** Runs without a fault until nothing is left to do: what was parked in one is tried again in the next. */
const CLEAN_RUNS = 3

/**
 * Plays one history and throws what was wrong with it. Oracles at every step are the judge's; at the end of a generation:
 * sums, liveness (runs without faults end it), and that the destination holds the truth and nothing else.
 */
export async function simulate(scheduler: fc.Scheduler, history: History): Promise<void> {
  const truth = new Truth(history.mode)
  const judge = new Judge(truth, new MemoryStore())
  const time = { ms: Date.UTC(2026, 10, 23) }
  const play = async (script: RunScript): Promise<RunReport | undefined> => {
    const report = await new SimulatedProcess(judge, script, scheduler, time).run()
    time.ms += 60_001 // the lease of one that died, or of the thief
    if (judge.violations.length > 0) throw new Error(judge.violations.join('\n'))
    if (report !== undefined) expectSums(report)
    return report
  }
  for (const generation of history.generations) {
    truth.enter(generation)
    for (const script of generation.runs) await play(script)
    let last: RunReport | undefined
    for (let nth = 0; nth < CLEAN_RUNS; nth += 1) {
      last = await play(CLEAN)
      if (last?.error?.code !== 'LIST_GUARD') expect(last).toMatchObject({ status: 'complete' })
    }
    expectTruth(judge)
    await expectNoneUnmoved(judge)
    const refused = truth.mode === 'snapshot' && truth.rows.some(({ fate }) => fate === 'bad')
    if (!refused) expect(last?.requests).toEqual({})
  }
}

function expectSums(report: RunReport): void {
  const { read, unsettled, ...ended } = report.rows
  expect(Object.values(ended).reduce((sum, rows) => sum + rows, 0) + unsettled).toBe(read)
  if (report.status === 'complete') expect(unsettled).toBe(0)
}

function expectTruth(judge: Judge): void {
  const { truth } = judge
  const known = truth.known()
  const read = truth.mode === 'changes' ? truth.told : truth.rows
  const expected: Record<string, Record<string, number>> = {}
  for (const { customer, fields, fate, n } of read) {
    if (!known.has(customer) || fate !== 'ok') continue
    expected[customer] = { ...expected[customer], ...Object.fromEntries(fields.map((field) => [field, n])) }
  }
  const users = [...judge.fields.keys()]
  const held = Object.fromEntries(
    Object.keys(expected).map((customer) => {
      const own = users.filter((address) => customerOf(address) === customer)
      expect(own.length, `users of ${customer}: ${own}`).toBe(1)
      expect([...truth.addresses(customer)]).toContain(own[0])
      const fields = judge.fields.get(own[0] as string) ?? []
      return [customer, Object.fromEntries([...fields].map(([field, { n }]) => [field, n]))]
    }),
  )
  expect(held).toEqual(expected)
  const owed = read.filter(({ customer, fate, n }) => {
    const since = known.get(customer)
    const isMade = fate === 'ok' || fate === 'bad'
    return isMade && since !== undefined && (truth.mode === 'snapshot' || n >= since)
  })
  const events = owed.filter(({ event }) => event).map(({ n }) => n)
  expect(events.filter((n) => !judge.events.has(n))).toEqual([])
  const purchases = owed.filter(({ buys }) => buys).map(({ n }) => n)
  expect(purchases.filter((n) => !judge.purchases.includes(n))).toEqual([])
  expectMembers(judge)
}

/** Nobody is told of that could not be moved: each is one user, or none yet. And of no first write nobody knows. */
async function expectNoneUnmoved({ store }: Judge): Promise<void> {
  const letters = await store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 1_000 })
  expect(letters.filter(({ key }) => key.at(-1) === 'addressChange')).toEqual([])
  expect(await store.scan('firstWrite', { prefix: [], limit: 10 })).toEqual([])
}

/** Of each row the last decision counts; one that was refused decides nothing (I5). */
function expectMembers({ truth, members, fields }: Judge): void {
  const known = truth.known()
  const wants = new Map<number, string>()
  const on = [...members].map(customerOf).sort()
  expect([...members].filter((address) => !fields.has(address))).toEqual([])
  if (truth.mode === 'changes') {
    for (const { key, customer, fate, member } of truth.told) {
      if (fate !== 'ok' || !known.has(customer)) continue
      if (member) wants.set(key, customer)
      else wants.delete(key)
    }
    expect(on).toEqual([...new Set(wants.values())].sort())
    return
  }
  const present = new Map(truth.rows.map((row) => [row.customer, row]))
  const decided = truth.rows.filter(({ customer, fate }) => fate === 'ok' && known.has(customer))
  const wanted = decided.filter(({ member }) => member).map(({ customer }) => customer)
  expect(wanted.filter((customer) => !on.includes(customer))).toEqual([])
  // Without anybody on it the guard holds every removal back; who was refused keeps the place.
  if (wanted.length === 0) return
  const open = (customer: string) => ['bad', 'throws'].includes(present.get(customer)?.fate ?? '')
  expect(on.filter((customer) => !wanted.includes(customer) && !open(customer))).toEqual([])
}
