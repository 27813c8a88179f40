import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { LakeloopError } from '../../src/errors.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { RunReport } from '../../src/model/report.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Store } from '../../src/stores/store.js'
import { Sync } from '../../src/sync/sync.js'
import { plainTransform } from '../sync/plain-transform.js'
import { type Knob, RecordingDestination } from '../sync/recording-destination.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { scoreAndList } from '../sync/world.js'

const RUNS = Number(process.env.LAW_RUNS ?? 100)
const SEED = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

const REQUEST_FAULTS = ['unclear, not applied', 'unclear, applied', 'throttled', 'refused whole', 'credential'] as const
const DEATHS = ['death before a commit', 'death after a commit'] as const
type Hit = (typeof REQUEST_FAULTS)[number] | (typeof DEATHS)[number] | 'inbox full' | 'push beside a drain'
const hits = Object.fromEntries(
  [...REQUEST_FAULTS, ...DEATHS, 'inbox full', 'push beside a drain'].map((name) => [name, 0]),
) as Record<Hit, number>
afterAll(() => process.stdout.write(`inbox simulation: faults hit ${JSON.stringify(hits)}\n`))

/** Where the process dies, if it does: at its nth commit, before or after that took effect. */
const death = fc.option(fc.record({ at: fc.nat(9), written: fc.boolean() }), { nil: undefined, freq: 2 })
type Death = { readonly at: number; readonly written: boolean } | undefined
const faults = fc
  .array(fc.tuple(fc.nat(6), fc.constantFrom(...REQUEST_FAULTS)), { maxLength: 3 })
  .map((pairs) => new Map(pairs))

/** A writer pushes about people of its own, so that of one person the order of the pushes is known. */
const push = fc.record({
  do: fc.constant('push' as const),
  writer: fc.nat(1),
  people: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
  death,
})
const run = fc.record({
  do: fc.constantFrom('drain' as const, 'run' as const),
  faults,
  death,
  /** A push that comes while it is under way. */
  beside: fc.option(push, { nil: undefined, freq: 2 }),
})
const history = fc.array(fc.oneof(push, run), { minLength: 1, maxLength: 10 })
type Push = typeof push extends fc.Arbitrary<infer T> ? T : never
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never

class Dead extends Error {}

/** The store as one process sees it. */
function mortal(base: Store, dies: Death): Store {
  let commits = 0
  let dead = false
  const alive = <T>(go: () => Promise<T>): Promise<T> => (dead ? Promise.reject(new Dead()) : go())
  return {
    supports: base.supports,
    get: (table, keys) => alive(() => base.get(table, keys)),
    scan: (table, range) => alive(() => base.scan(table, range)),
    commit: (ops: readonly Op[]) =>
      alive(async () => {
        if (commits++ !== dies?.at) return await base.commit(ops)
        dead = true
        hits[dies.written ? 'death after a commit' : 'death before a commit'] += 1
        if (dies.written) await base.commit(ops)
        throw new Dead()
      }),
    close: async () => undefined,
  }
}

function knobOf(script: Run['faults'], destination: RecordingDestination): Knob {
  let nth = 0
  return (request) => {
    const fault = script.get(nth++)
    if (fault === undefined) return undefined
    if (fault === 'refused whole' && request.rows.length < 2) return undefined
    hits[fault] += 1
    const facts = { endpoint: 'apply' }
    if (fault === 'unclear, applied') destination.applied.push(...request.rows)
    if (fault === 'throttled') return Promise.reject(new LakeloopError('DESTINATION_THROTTLED', facts))
    if (fault === 'refused whole') return Promise.reject(new LakeloopError('REQUEST_REFUSED', facts))
    if (fault === 'credential') return Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', facts))
    return Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR', facts))
  }
}

const address = (id: number): string => `p${id}@example.com`
const ROWS_MAX = 12

/** One sync of several processes, with what a plain reader would say that the destination has to hold. */
class Simulation {
  readonly base = new MemoryStore()
  readonly clock = new VirtualClock()
  readonly destination = new RecordingDestination({ sizeMax: 3 })
  /** Of each person, the scores in the order in which they were pushed. */
  readonly pushed = new Map<number, number[]>()
  #ids = 0
  #score = 0

  sync(dies: Death): Sync {
    const store = mortal(this.base, dies)
    const namespaces = {
      customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
      email: { priority: 2, maxIdentifiers: 5 },
    }
    return new Sync({
      name: 'churn',
      source: new RowsSource({ name: 'scores', rows: [], key: ['id'] }),
      transform: plainTransform(scoreAndList, ['id', 'score']),
      identity: new IdentityResolver({ store, target: 'email', namespaces }),
      lists: new ListDeltaComputer({ store, guard: { removedShareMax: 1 } }),
      destination: this.destination,
      store,
      clock: this.clock,
      pageSize: 4,
      settleMs: 0,
      inbox: { rowsMax: ROWS_MAX },
    })
  }

  /** As a host does: the same push by the same id until it has an answer; a full inbox is drained, or left for later. */
  async push({ writer, people, death: dies }: Push, waits: boolean): Promise<void> {
    const id = `push-${this.#ids++}`
    const said = people.map((nth) => ({ id: writer * 10 + nth, score: this.#nextScore() }))
    const rows: Row[] = said.map(({ id: n, score }) => ({ id: `c-${n}`, email: address(n), score }))
    let sync = this.sync(dies)
    for (;;) {
      try {
        const { waiting } = await sync.push(rows, { id })
        expect(waiting).toBeLessThanOrEqual(ROWS_MAX)
        break
      } catch (error) {
        if (error instanceof Dead) sync = this.sync(undefined)
        else {
          expect((error as LakeloopError).code).toBe('INBOX_FULL')
          hits['inbox full'] += 1
          if (!waits) return // another one is draining: this host gives up, and nothing of it is kept
          await this.clean()
        }
      }
    }
    for (const { id: n, score } of said) this.pushed.set(n, [...(this.pushed.get(n) ?? []), score])
  }

  /** Never twice the same, and on either side of what puts a person on the list. */
  #nextScore(): number {
    this.#score += 1
    return (this.#score % 2 === 0 ? 0 : 1) + this.#score / 1_000
  }

  async run({ do: what, faults: script, death: dies, beside }: Run): Promise<void> {
    this.destination.knob = knobOf(script, this.destination)
    const sync = this.sync(dies)
    let pushing: Promise<void> | undefined
    if (beside !== undefined) {
      sync.once('page', () => {
        hits['push beside a drain'] += 1
        pushing = this.push({ ...beside, death: undefined }, false)
      })
    }
    const report = await (what === 'run' ? sync.run() : sync.drain()).catch((error: unknown) => {
      if (error instanceof Dead) return undefined
      throw error
    })
    await pushing
    this.destination.knob = () => undefined
    this.clock.advance(60_001) // a dead holder of this very process: wait for its lease to end
    conserves(report)
  }

  async clean(): Promise<void> {
    const report = await this.sync(undefined).drain()
    expect(report.status).toBe('complete')
    conserves(report)
  }

  /** What was applied so far was pushed, and each person's in order, but for what a fault had sent again. */
  expectOrder(): void {
    for (const { address: to, action } of this.destination.applied) {
      if (action.kind !== 'profile') continue
      const id = [...this.pushed.keys()].find((one) => address(one) === to)
      expect(this.pushed.get(id ?? -1)).toContain(action.dataFields?.score)
    }
  }

  async expectTruth(): Promise<void> {
    await this.clean()
    expect((await this.sync(undefined).drain()).rows.read).toBe(0)
    expect(await this.base.scan('inbox', { prefix: [], limit: 100 })).toEqual([])
    const profiles = this.destination.profiles()
    const last = new Map([...this.pushed].map(([id, all]) => [address(id), all.at(-1) ?? 0]))
    expect(new Map([...profiles].map(([to, fields]) => [to, fields?.score]))).toEqual(last)
    const members = [...last].flatMap(([to, score]) => (score > 0.7 ? [to] : []))
    expect([...this.destination.members('at-risk')].sort()).toEqual(members.sort())
    for (const [id, all] of this.pushed) this.#expectEach(id, all)
  }

  /** Every score that was pushed has arrived once at least, for the first time in the order of the pushes. */
  #expectEach(id: number, all: readonly number[]): void {
    const arrived = this.destination.applied.flatMap(({ address: to, action }) =>
      to === address(id) && action.kind === 'profile' ? [Number(action.dataFields?.score)] : [],
    )
    expect([...new Set(arrived)]).toEqual(all)
  }
}

function conserves(report: RunReport | undefined): void {
  if (report === undefined) return
  const { read, unsettled, ...ended } = report.rows
  expect(Object.values(ended).reduce((sum, rows) => sum + rows, 0) + unsettled).toBe(read)
}

test('any history of pushes, drains, faults and deaths loses no push, invents none and keeps their order [I1] [I4] [I6] [I12]', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const simulation = new Simulation()
      for (const step of steps) {
        if (step.do === 'push') await simulation.push(step, true)
        else await simulation.run(step)
        simulation.expectOrder()
      }
      await simulation.expectTruth()
    }),
    { numRuns: RUNS, ...SEED },
  )
  if (RUNS >= 100) expect(Object.entries(hits).filter(([, count]) => count === 0)).toEqual([])
}, 120_000)
