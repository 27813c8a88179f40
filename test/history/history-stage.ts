import fc from 'fast-check'
import { expect } from 'vitest'
import type { PageHead } from '../../src/history/block.js'
import { eraseOutcomes } from '../../src/history/erase.js'
import { FULL, readFolds, readHeads, waitingPages } from '../../src/history/folds.js'
import { handleOf, keyHandle } from '../../src/history/handles.js'
import { type OutcomeQuestion, outcomesOf } from '../../src/history/outcomes.js'
import type { Subject } from '../../src/history/page-records.js'
import type { ActionEnd, Commit, Place } from '../../src/history/place.js'
import { prune } from '../../src/history/prune.js'
import { Recorder } from '../../src/history/recorder.js'
import { runOp } from '../../src/history/runs.js'
import type { RunReport } from '../../src/model/report.js'
import type { Store } from '../../src/stores/store.js'
import { HistoryModel } from './history-model.js'

const DAY = 86_400_000
const BEGAN = Date.parse('2026-01-01T00:00:00Z')

const ends: readonly ActionEnd[] = [
  { kind: 'profile', status: 'accepted' },
  { kind: 'profile', status: 'unchanged' },
  { kind: 'event', status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { field: 'a' } } },
  { kind: 'event', status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { field: 'b' } } },
  { kind: 'row', status: 'parked', reason: { code: 'SCHEMA_PARKED', facts: {} } },
  { kind: 'list', status: 'accepted', list: 'at-risk', member: true },
  { kind: 'list', status: 'accepted', list: 'at-risk', member: false },
]

const person = fc.nat(6)
const subject: fc.Arbitrary<Subject> = fc.record({
  identifiers: fc.oneof(
    person.map((n) => ({ customer_id: `c-${n}`, email: `p${n}@example.com` })),
    person.map((n) => ({ customer_id: ` c-${n} ` })),
    fc.constant({}),
  ),
  key: fc.option(
    person.map((n) => `k-${n}`),
    { nil: undefined },
  ),
  address: fc.option(
    person.map((n) => `p${n}@example.com`),
    { nil: undefined },
  ),
  ends: fc.array(fc.constantFrom(...ends), { minLength: 1, maxLength: 3 }),
})

export type Step =
  | { readonly do: 'page'; readonly subjects: readonly Subject[]; readonly hours: number }
  | { readonly do: 'crowd'; readonly people: number }
  | { readonly do: 'run'; readonly plain: boolean; readonly hours: number }
  | { readonly do: 'prune'; readonly keepDays: number; readonly runsMax: number }
  | { readonly do: 'erase'; readonly person: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('page' as const),
      subjects: fc.array(subject, { minLength: 1, maxLength: 6 }),
      hours: fc.nat(12),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('crowd' as const), people: fc.integer({ min: 100, max: 400 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('run' as const), plain: fc.boolean(), hours: fc.nat(48) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('prune' as const),
      keepDays: fc.integer({ min: 1, max: 5 }),
      runsMax: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), person }) },
)

class Death extends Error {}

/** Commits that can be the last of a process: before or after they took effect. */
class Life {
  left = Number.POSITIVE_INFINITY
  after = false
  /** Commits that took effect. */
  done = 0

  readonly commit: Commit
  constructor(store: Store) {
    this.commit = async (ops) => {
      const dies = this.left-- <= 0
      if (dies && !this.after) throw new Death()
      await store.commit(ops)
      this.done += 1
      if (dies) throw new Death()
    }
  }

  die(at: number, after: boolean): void {
    this.left = at
    this.after = after
  }
}

class Stage {
  readonly store: Store
  readonly place: Place
  readonly model = new HistoryModel()
  readonly life: Life
  readonly runs: string[] = []
  now = BEGAN
  plain = false
  recorder: Recorder | undefined
  /** When those began that retention has not taken away, oldest first: one that is gone does not come back, whatever is kept later. */
  #kept: readonly number[] = []

  constructor(store: Store) {
    this.store = store
    this.place = { store, scope: { project: 'p', sync: 's' } }
    this.life = new Life(store)
  }

  /** A new run, as the next process begins it. */
  async begin(): Promise<Recorder> {
    const runId = `run-${this.runs.length}`
    this.now += 1
    const options = { outcomes: this.plain ? 'plain' : 'hashed', runId, turn: this.runs.length + 1 } as const
    const bounds = { fan: 3, entriesFull: 600 }
    const recorder = await Recorder.open(this.place, { ...options, addressedBy: 'email', now: () => this.now, bounds })
    const report = { startedAt: new Date(this.now).toISOString(), runId } as RunReport
    await this.store.commit([...recorder.begun, runOp(this.place.scope, report)])
    this.runs.push(runId)
    this.#kept = [...this.#kept, this.now]
    this.recorder = recorder
    return recorder
  }

  async take(one: Step): Promise<void> {
    if (one.do === 'run') {
      this.plain = one.plain
      this.now += one.hours * 3_600_000
      await this.begin()
    } else if (one.do === 'page') {
      this.now += one.hours * 3_600_000
      await this.#page(one.subjects)
    } else if (one.do === 'crowd') {
      await this.#page(Array.from({ length: one.people }, (_, n) => crowded(n)))
    } else if (one.do === 'prune') await this.#prune(one)
    else await this.#again(() => eraseOutcomes(this.place, this.life.commit, handlesTo(one.person)))
    if (one.do === 'erase') this.model.erase(handlesTo(one.person))
  }

  async #page(subjects: readonly Subject[]): Promise<void> {
    const recorder = this.recorder ?? (await this.begin())
    this.now += 1
    const ops = recorder.ops(subjects)
    const before = this.life.done
    const runId = this.runs.at(-1) as string
    try {
      await this.life.commit(ops).finally(() => {
        if (this.life.done > before) this.model.page(runId, this.now, this.plain, subjects)
      })
      await recorder.tidy(this.life.commit)
    } catch (error) {
      if (!(error instanceof Death)) throw error
      hits.deaths += 1
      this.life.die(Number.POSITIVE_INFINITY, false)
      await this.begin()
    }
  }

  async #prune({ keepDays, runsMax }: { readonly keepDays: number; readonly runsMax: number }): Promise<void> {
    const options = { keepDays, runsMax, outcomesMax: 1_000_000, now: this.now, slackMs: 0 }
    await this.#again(() => prune(this.place, this.life.commit, options))
    const since = this.now - keepDays * DAY
    const kept = this.#kept.slice(-runsMax).filter((startedAt) => startedAt >= since)
    const isCut = kept.length < this.#kept.length
    this.#kept = kept
    this.model.prune(Math.max(since, isCut ? (kept[0] ?? this.now) : 0))
  }

  /** Until it was done, by another process each time. */
  async #again(go: () => Promise<unknown>): Promise<void> {
    try {
      await go()
    } catch (error) {
      if (!(error instanceof Death)) throw error
      hits.deaths += 1
      this.life.die(Number.POSITIVE_INFINITY, false)
      await go()
    }
  }

  async ask(question: OutcomeQuestion): Promise<readonly string[]> {
    const found: string[] = []
    for await (const entry of outcomesOf(this.place, question)) found.push(text(entry))
    return found
  }
}

export const crowded = (n: number): Subject => ({
  identifiers: { customer_id: `c-${n}` },
  key: `k-${n}`,
  address: `p${n}@example.com`,
  ends: [ends[n % ends.length] as ActionEnd],
})

const handlesTo = (n: number): readonly string[] => [
  handleOf('customer_id', `c-${n}`),
  handleOf('email', `p${n}@example.com`),
]

const text = (entry: object): string =>
  JSON.stringify(Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))))

const QUESTIONS: readonly OutcomeQuestion[] = [
  {},
  { status: 'rejected' },
  { reason: 'SCHEMA_PARKED' },
  { runId: 'run-1' },
  { handles: handlesTo(0) },
  { handles: handlesTo(3), status: 'accepted' },
  { handles: [keyHandle('k-2')] },
  { handles: [handleOf('customer_id', 'c-5')], runId: 'run-0' },
  { handles: [handleOf('customer_id', 'nobody')] },
]

/** Every record belongs to a fold, or to a page that one of the others has. */
async function nothingIsLost({ place, store }: Stage): Promise<void> {
  const folds = new Map((await readFolds(place)).map((fold) => [fold.id, fold]))
  const pages = new Map<string, PageHead>()
  for await (const { block } of waitingPages(place)) for (const page of block.head.pages) pages.set(page.id, page)
  for (const { pages: folded } of await readHeads(place, [...folds.values()])) {
    for (const page of folded) pages.set(page.id, page)
  }
  for (const { key } of await store.scan('outcome', { prefix: ['p', 's'], limit: 10_000 })) {
    const [, , part = '', id = '', bucket] = key
    if (part === 'head') expect(folds.has(id)).toBe(true)
    if (part === 'bucket') expect(Number(bucket)).toBeLessThan(folds.get(id)?.buckets ?? 0)
    if (part === 'text') expect(pages.get(id)?.plain).toBe(true)
  }
  for (const { level } of folds.values()) if (level === FULL) hits.full += 1
  hits.folds += folds.size
}

/** What the scripts so far have met: a law that never folds and nobody dies in shows nothing. */
export const hits = { folds: 0, full: 0, deaths: 0 }

/** Takes the steps, a process dying where the script says so, and asks what history tells. */
export async function holds({ steps, deaths }: Script, store: Store): Promise<void> {
  const stage = new Stage(store)
  for (const [nth, one] of steps.entries()) {
    const death = deaths.find((any) => any.step === nth)
    if (death !== undefined) stage.life.die(death.at, death.after)
    await stage.take(one)
  }
  await nothingIsLost(stage)
  for (const question of QUESTIONS) {
    const found = await stage.ask(question)
    const expected = stage.model.ask(question).map(text)
    expect([...found].sort()).toEqual([...expected].sort())
    const times = found.map((one) => (JSON.parse(one) as { at: string }).at)
    expect(times).toEqual([...times].sort().reverse())
  }
}

export const script = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 40 }),
  deaths: fc.array(fc.record({ step: fc.nat(40), at: fc.nat(4), after: fc.boolean() }), { maxLength: 3 }),
})
type Script = typeof script extends fc.Arbitrary<infer One> ? One : never
