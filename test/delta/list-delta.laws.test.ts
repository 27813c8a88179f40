import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ListDeltaComputer, type Wish } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Op, Store } from '../../src/stores/store.js'

const LIST = 'at-risk'
const PERSONS = ['a', 'b', 'c', 'd', 'é', 'Ａ', '😀', 'z'].map((name) => `${name}@x`)
/** The destination never takes these two. */
const REFUSED = new Set([PERSONS[2], PERSONS[6]])

class Crash extends Error {}

/** Fails at the commit with this number, before or after it took effect. */
class CrashingStore implements Store {
  readonly supports = { durable: false, shared: false }
  readonly #base: Store
  readonly #at: number
  readonly #after: boolean
  commits = 0
  applied = 0

  constructor(base: Store, at: number, after: boolean) {
    this.#base = base
    this.#at = at
    this.#after = after
  }

  get: Store['get'] = (table, keys) => this.#base.get(table, keys)
  scan: Store['scan'] = (table, range) => this.#base.scan(table, range)
  close = (): Promise<void> => this.#base.close()

  async commit(ops: readonly Op[]): Promise<void> {
    const here = this.commits === this.#at
    this.commits += 1
    if (here && !this.#after) throw new Crash()
    await this.#base.commit(ops)
    this.applied += 1
    if (here) throw new Crash()
  }
}

const wish = fc.record({
  claimant: fc.integer({ min: 0, max: 7 }).map(String),
  address: fc.option(fc.constantFrom(...PERSONS), { nil: undefined, freq: 6 }),
  member: fc.constantFrom(true, true, true, false, undefined),
})
const fault = fc.constantFrom('none', 'none', 'none', 'lostBefore', 'lostAfter', 'partly')
const run = fc.record({
  kind: fc.constant('run' as const),
  pages: fc.array(fc.array(wish, { maxLength: 5 }), { maxLength: 3 }),
  complete: fc.boolean(),
  again: fc.boolean(),
  crashAt: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 8 })),
  crashAfter: fc.boolean(),
  sizeMax: fc.integer({ min: 1, max: 3 }),
  faults: fc.array(fault, { minLength: 1, maxLength: 6 }),
  together: fc.boolean(),
})
const move = fc.record({
  kind: fc.constant('move' as const),
  from: fc.constantFrom(...PERSONS),
  to: fc.constantFrom(...PERSONS.filter((address) => !REFUSED.has(address))),
  moved: fc.boolean(),
})
const history = fc.array(fc.oneof({ weight: 2, arbitrary: run }, { weight: 1, arbitrary: move }), {
  minLength: 1,
  maxLength: 9,
})
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never
type Step = Run | (typeof move extends fc.Arbitrary<infer T> ? T : never)

/** How often each thing happened that the test is about. */
const seen: Record<string, number> = {
  runs: 0,
  crashes: 0,
  lostBefore: 0,
  lostAfter: 0,
  partly: 0,
  refused: 0,
  moved: 0,
  shared: 0,
}
const saw = (what: string): void => {
  seen[what] = (seen[what] ?? 0) + 1
}

/** The truth beside the store: plain maps and sets, by the words of the contract. */
class World {
  readonly claims = new Map<string, string>()
  readonly members = new Set<string>()
  readonly store: Store
  #epoch = 0

  constructor(store: Store) {
    this.store = store
  }

  lists(store: Store): ListDeltaComputer {
    return new ListDeltaComputer({ store, guard: { removedShareMax: 1 }, keptMax: 1 })
  }

  get targets(): ReadonlySet<string> {
    return new Set(this.claims.values())
  }

  apply(op: 'add' | 'remove', addresses: readonly string[]): Outcome[] {
    return addresses.map((address): Outcome => {
      if (op === 'remove') this.members.delete(address)
      else if (REFUSED.has(address)) {
        saw('refused')
        return { status: 'rejected', reason: { code: 'EMAIL_INVALID', facts: {} } }
      } else this.members.add(address)
      return { status: 'accepted' }
    })
  }

  async move({ from, to, moved }: Extract<Step, { kind: 'move' }>): Promise<void> {
    if (from === to) return
    const scope = { project: 'prod', owner: 'churn', epoch: String(this.#epoch) }
    if (moved && this.members.delete(from)) {
      this.members.add(to)
      saw('moved')
    }
    await this.store.commit(await this.lists(this.store).rekey({ project: 'prod', from, to, moved }, scope))
    for (const [claimant, address] of this.claims) if (address === from) this.claims.set(claimant, to)
  }

  async run(step: Run): Promise<void> {
    this.#epoch += 1
    saw('runs')
    const store = new CrashingStore(this.store, step.crashAt, step.crashAfter)
    try {
      await this.#run(step, store)
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      saw('crashes')
    }
  }

  async #run(step: Run, store: CrashingStore): Promise<void> {
    const lists = this.lists(store)
    const scope = { project: 'prod', owner: 'churn', epoch: String(this.#epoch) }
    const here = new Set<string>()
    for (const page of step.again ? [...step.pages, ...step.pages] : step.pages) {
      const wishes = page.map(
        ({ claimant, address, member }): Wish => ({
          list: LIST,
          claimant,
          ...(address && { address }),
          ...(member !== undefined && { member }),
        }),
      )
      const { ops, changed } = await lists.note(wishes, scope)
      const applied = store.applied
      const noted = [...this.claims]
      try {
        await store.commit(ops)
      } finally {
        if (store.applied > applied) {
          for (const w of wishes) {
            here.add(w.claimant)
            if (w.address === undefined || w.member === undefined) continue
            if (w.member) this.claims.set(w.claimant, w.address)
            else this.claims.delete(w.claimant)
          }
        }
      }
      expect(changed.includes(true)).toBe(wishes.length > 0 && changesAnything(noted, wishes))
    }

    const before = store.applied
    let planned = false
    try {
      const delta = await lists.plan({ ...scope, list: LIST, complete: step.complete })
      planned = true
      if (here.size > 0 && step.complete) expect(delta.guard).toBeUndefined()
      this.#dropAbsent(step, here)
      await this.#send(step, delta.chunks({ sizeMax: step.sizeMax }), [...step.faults])
    } finally {
      if (!planned && store.applied > before) this.#dropAbsent(step, here)
    }
  }

  #dropAbsent({ complete }: Run, here: ReadonlySet<string>): void {
    if (!complete || here.size === 0) return
    for (const claimant of [...this.claims.keys()]) if (!here.has(claimant)) this.claims.delete(claimant)
    if (this.targets.size < this.claims.size) saw('shared')
  }

  async #send(
    step: Run,
    chunks: AsyncIterable<import('../../src/delta/list-delta.js').ListChunk>,
    faults: string[],
  ): Promise<void> {
    const waiting: (() => Promise<void>)[] = []
    let lastOp = 'remove'
    for await (const chunk of chunks) {
      expect([lastOp, chunk.op]).not.toEqual(['add', 'remove'])
      lastOp = chunk.op
      expect(chunk.addresses.length).toBeLessThanOrEqual(step.sizeMax)
      for (const address of chunk.addresses) expect(this.targets.has(address)).toBe(chunk.op === 'add')
      const kind = faults.shift() ?? 'none'
      if (kind !== 'none') saw(kind)
      await chunk.intend()
      if (kind === 'lostBefore') continue
      const outcomes: (Outcome | undefined)[] = this.apply(chunk.op, chunk.addresses)
      if (kind === 'lostAfter') continue
      if (kind === 'partly') outcomes[0] = undefined
      const settle = (): Promise<void> => chunk.settle(outcomes as Outcome[])
      if (step.together) waiting.unshift(settle)
      else await settle()
    }
    for (const settle of waiting) await settle()
  }

  /** I1, at any moment: what is remembered as member is one, and whoever may be one is remembered. */
  async assertNeverAhead(): Promise<void> {
    const stored = await this.store.scan('membership', { prefix: ['prod'], limit: 1_000 })
    const states = new Map(stored.map(({ key, value }) => [key[2] as string, value]))
    for (const address of PERSONS) {
      const state = states.get(address)
      if (state === 'member') expect(this.members.has(address)).toBe(true)
      if (state === undefined || state === 'rejected') expect(this.members.has(address)).toBe(false)
    }
    const claims = await this.store.scan('claim', { prefix: ['prod'], limit: 1_000 })
    const addresses = claims.map(({ key, value }) => [key[2], (value as readonly unknown[])[0]] as const)
    expect(new Map(addresses)).toEqual(new Map(this.claims))
    const index = await this.store.scan('claimByAddress', { prefix: ['prod'], limit: 1_000 })
    expect(new Map(index.map(({ key }) => [key[3] as string, key[2]]))).toEqual(new Map(this.claims))
    expect(index.length).toBe(claims.length)
  }
}

function changesAnything(before: readonly (readonly [string, string])[], wishes: readonly Wish[]): boolean {
  const claims = new Map(before)
  let changed = false
  for (const { claimant, address, member } of wishes) {
    if (address === undefined || member === undefined) continue
    const after = member ? address : undefined
    changed ||= claims.get(claimant) !== after
    if (after === undefined) claims.delete(claimant)
    else claims.set(claimant, after)
  }
  return changed
}

const CLEAN: Run = {
  kind: 'run',
  pages: [],
  complete: false,
  again: false,
  crashAt: 99,
  crashAfter: false,
  sizeMax: 3,
  faults: ['none'],
  together: false,
}

async function live(steps: readonly Step[], store: Store): Promise<void> {
  const world = new World(store)
  for (const step of steps) {
    if (step.kind === 'run') await world.run(step)
    else await world.move(step)
    await world.assertNeverAhead()
  }
  await world.run(CLEAN)
  await world.assertNeverAhead()
  const wanted = [...world.targets].filter((address) => !REFUSED.has(address))
  expect([...world.members].sort()).toEqual(wanted.sort())
  const rest = await world.lists(store).plan({ project: 'prod', owner: 'churn', list: LIST, complete: false })
  expect(rest.summary).toMatchObject({ add: 0, remove: 0, held: 0, keep: wanted.length, members: wanted.length })
  await store.close()
}

const RUNS = Number(process.env.LAW_RUNS ?? 1_000)

test('[I1] [I5] lists agree with plain sets after any history of crashes, lost answers, repeats and moves, in memory', async () => {
  await fc.assert(
    fc.asyncProperty(history, (steps) => live(steps, new MemoryStore())),
    { numRuns: RUNS },
  )
  for (const [what, times] of Object.entries(seen)) expect([what, times > RUNS / 50]).toEqual([what, true])
})

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-lists-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('[I1] lists agree with plain sets after any history, in SQLite', async () => {
  let files = 0
  await fc.assert(
    fc.asyncProperty(history, (steps) => {
      files += 1
      return live(steps, new SqliteStore({ path: join(folder, `${files}.db`) }))
    }),
    { numRuns: Math.ceil(RUNS / 50) },
  )
})
