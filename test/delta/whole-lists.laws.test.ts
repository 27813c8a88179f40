import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Wish } from '../../src/delta/claims.js'
import { type ListDelta, listDelta } from '../../src/delta/delta.js'
import { type GuardOptions, guardOf } from '../../src/delta/guard.js'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { ListRecord } from '../../src/delta/list-state.js'
import { chunksOf } from '../../src/delta/whole/send.js'
import { BOUNDS as BOUNDS_IN_USE, type Bounds, planWhole } from '../../src/delta/whole/whole.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Store } from '../../src/stores/store.js'

// A list of whole audiences is kept in blocks, any other one in rows. The rows are the oracle of the blocks: what happens to both
// alike comes to the same. Then: whatever a process that dies has left, the next whole audience is reached.

const LIST = 'at-risk'
const KEY = ['prod', `s:${LIST}`]
const SCOPE = { project: 'prod', owner: 'churn' }
const NAMES = ['a', 'B', 'é', '\uff21', '😀', 'z', 'a\tb', 'x'.repeat(600), '\\', '"']
const ADDRESSES = NAMES.map((name) => `${name}@x`)
const REFUSED = new Set([ADDRESSES[2], ADDRESSES[4]])
/**
 * None: as in use. The others: parts however short the list is, the log folded in by every plan, and what is kept taken in before
 * the audience, behind it, or some of it before.
 */
const BOUNDS: readonly (Bounds | undefined)[] = [
  undefined,
  { ...BOUNDS_IN_USE, shortBytes: 4_000_000, logBytesLeast: 0 },
  { ...BOUNDS_IN_USE, shortBytes: 0, logBytesLeast: 0 },
  { ...BOUNDS_IN_USE, shortBytes: 0, logBytesLeast: 0, takenBytesLeast: 0 },
  { ...BOUNDS_IN_USE, shortBytes: 0, logBytesLeast: 0, takenBytesLeast: 0, takenMax: 4 },
  { ...BOUNDS_IN_USE, shortBytes: 0, logBytesLeast: 1_000_000, takenBytesLeast: 0 },
]

type Guard = Required<GuardOptions>
const GUARD_OFF: Guard = { removedShareMax: 1, removedFreely: 10 }

interface Plan {
  readonly claims?: readonly Wish[]
  readonly complete: boolean
}

async function planOf(
  store: Store,
  { claims, complete }: Plan,
  bounds: Bounds | undefined,
  guard: Guard = GUARD_OFF,
): Promise<ListDelta> {
  const record = (await store.get('list', [KEY]))[0] as unknown as ListRecord | undefined
  async function* pages() {
    for (let at = 0; at < (claims?.length ?? 0); at += 2) yield (claims ?? []).slice(at, at + 2)
  }
  const plan = await planWhole({
    store,
    list: KEY,
    owner: SCOPE.owner,
    record,
    complete,
    wishes: claims && pages(),
    epoch: claims && `#${(record?.nth ?? 0) + 1}`,
    guardOf: (counts, seen) => guardOf({ ...counts, list: LIST, complete, seen }, guard),
    fence: [],
    directory: tmpdir(),
    bounds,
  })
  return listDelta({
    counts: plan.counts,
    guard: plan.guard,
    chunks: (cutting) => chunksOf(plan, cutting),
    close: () => plan.spool.close(),
  })
}

/** Each claimant once, or twice under one address and decided each time. */
const audience = fc
  .uniqueArray(
    fc.record({
      claimant: fc.integer({ min: 0, max: 14 }).map((n) => (n === 3 ? 'é\n' : `c${n}`)),
      address: fc.option(fc.constantFrom(...ADDRESSES), { nil: undefined, freq: 8 }),
      member: fc.constantFrom(true, true, true, true, true, false, undefined),
      again: fc.constantFrom(false, false, false, true, false, undefined),
    }),
    { selector: ({ claimant }) => claimant, maxLength: 14 },
  )
  .map((wishes) =>
    wishes.flatMap(({ claimant, address, member, again }): Wish[] => {
      const wish: Wish = { list: LIST, claimant, ...(address && { address }), ...(member !== undefined && { member }) }
      return again === undefined
        ? [wish, wish]
        : again && member !== undefined
          ? [{ ...wish, member: member !== true }, wish]
          : [wish]
    }),
  )
/** The same audience as ever, but for a few: most places stay as they are for longer than the log tells of them. */
const near = audience.map((others): Wish[] => {
  const some = others.slice(0, 4)
  const changed = new Set(some.map(({ claimant }) => claimant))
  const usual = ADDRESSES.map((address, n): Wish => ({ list: LIST, claimant: `c${n}`, address, member: true }))
  return [...usual.filter(({ claimant }) => !changed.has(claimant)), ...some]
})
const step = fc.record({
  what: fc.constantFrom('audience', 'audience', 'audience', 'again', 'changes', 'rows'),
  audience: fc.oneof(audience, { arbitrary: near, weight: 3 }),
  /** What becomes of an address that is sent, by its place among all. */
  fates: fc.array(fc.constantFrom('sent', 'sent', 'sent', 'sent', 'lost', 'left', 'undecided'), {
    minLength: ADDRESSES.length,
    maxLength: ADDRESSES.length,
  }),
  sizeMax: fc.integer({ min: 1, max: 4 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The same of claimants who keep their addresses: an explicit no, or a move, behind a guard is known to rows at once. */
const staying = (wishes: readonly Wish[]): readonly Wish[] =>
  wishes
    .filter(({ member }) => member !== false)
    .map((wish) => {
      const nth = Number(/\d+/.exec(wish.claimant)?.[0] ?? 3)
      return wish.address === undefined ? wish : { ...wish, address: ADDRESSES[nth % 7] as string }
    })

/** Sends a delta, the fate of each address being the same however it is cut. Gives what was handed out, in its order. */
async function send(delta: ListDelta, { fates, sizeMax }: Step, members: Set<string>): Promise<string[]> {
  const handed: string[] = []
  for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax })) {
    handed.push(...addresses.map((address) => `${op} ${address}`))
    const fate = addresses.map((address) => fates[ADDRESSES.indexOf(address)])
    await intend()
    const outcomes = addresses.map((address, at): Outcome => {
      if (fate[at] === 'lost') return undefined as never
      if (op === 'add' && REFUSED.has(address))
        return { status: 'rejected', reason: { code: 'EMAIL_INVALID', facts: {} } }
      if (fate[at] === 'undecided')
        return { status: 'parked', reason: { code: 'FORGET_WAITING', facts: {} } } as Outcome
      op === 'add' ? members.add(address) : members.delete(address)
      return { status: 'accepted' }
    })
    await settle(outcomes)
  }
  await delta[Symbol.asyncDispose]()
  return handed
}

const RUNS = Number(process.env.LAW_RUNS ?? 300)
/** Of a machine that is busy with other suites. */
const TIMEOUT = { timeout: 30_000 + RUNS * 100 }

test('[I1] [I5] [I9] a list of whole audiences, kept in blocks, comes to what its rows come to', TIMEOUT, async () => {
  const met: Record<string, number> = {}
  const saw = (what: string, times = 1): void => {
    met[what] = (met[what] ?? 0) + times
  }
  const history = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 9 }),
    bounds: fc.constantFrom(...BOUNDS),
    guard: fc.constantFrom(
      GUARD_OFF,
      { removedShareMax: 0.3, removedFreely: 0 },
      { removedShareMax: 0, removedFreely: 2 },
    ),
  })
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, bounds, guard }) => {
      const blocks = new MemoryStore()
      const rows = new MemoryStore()
      const lists = new ListDeltaComputer({ store: rows, guard })
      const first = await lists.note([{ list: LIST, claimant: 'nobody' }], { ...SCOPE, epoch: 'first' })
      await rows.commit(first.ops)
      const [ofBlocks, ofRows] = [new Set<string>(), new Set<string>()]
      let isRows = false
      for (const one of steps) {
        saw(one.what)
        const turned = new ListDeltaComputer({ store: blocks, guard })
        if (one.what === 'rows') {
          await turned.note([{ list: LIST, claimant: 'nobody' }], { ...SCOPE, epoch: '#0' })
          isRows = ((await blocks.get('list', [KEY]))[0] as unknown as ListRecord | undefined)?.whole === undefined
          const left = await blocks.scan('audience', { prefix: KEY, limit: 10 })
          if (isRows) expect(left).toEqual([])
          continue
        }
        const known = (await blocks.get('list', [KEY]))[0] !== undefined
        const guarded = guard !== GUARD_OFF
        const plan: Plan = {
          ...(one.what === 'audience' && { claims: guarded ? staying(one.audience) : one.audience }),
          complete: one.what !== 'changes',
        }
        if (guarded && one.what === 'again') continue // rows decide again, and blocks only about another epoch
        if (!known && plan.claims === undefined) continue
        if (plan.claims?.length === 0) continue // an empty audience is told from none by its epoch alone: list-delta.test.ts
        const options = { ...SCOPE, list: LIST, ...plan }
        const a = isRows ? await turned.plan(options) : await planOf(blocks, plan, bounds, guard)
        const b = await lists.plan(options)
        expect(a.summary).toEqual(b.summary)
        expect(a.guard).toEqual(b.guard)
        const handed = await send(a, one, ofBlocks)
        expect(handed).toEqual(await send(b, one, ofRows))
        saw('sent', handed.length)
        saw('held', Number(a.guard !== undefined))
      }
      expect([...ofBlocks].sort()).toEqual([...ofRows].sort())
    }),
    { numRuns: RUNS },
  )
  for (const what of ['audience', 'again', 'changes', 'rows', 'sent'])
    expect([what, (met[what] ?? 0) > RUNS / 5]).toEqual([what, true])
  expect(met.held).toBeGreaterThan(RUNS / 20)
})

test('[I5] of an audience with more undecided claimants than are kept in memory nobody leaves for being absent', async () => {
  const store = new MemoryStore()
  const claims = ADDRESSES.slice(5).map(
    (address, n): Wish => ({ list: LIST, claimant: `c${n}`, address, member: true }),
  )
  const calm: Step = { what: 'audience', audience: [], fates: ADDRESSES.map(() => 'sent' as const), sizeMax: 4 }
  await send(await planOf(store, { claims, complete: true }, undefined), calm, new Set())
  const undecided = [0, 1, 2].map((n): Wish => ({ list: LIST, claimant: `c${n}` }))
  const most = (undecidedMax: number): Bounds => ({ ...BOUNDS_IN_USE, undecidedMax })
  const plan = await planOf(store, { claims: undecided, complete: true }, most(2))
  expect(plan.summary).toMatchObject({ remove: 0, keep: 5 })
  await plan[Symbol.asyncDispose]()
  const other = await planOf(store, { claims: undecided, complete: true }, most(3))
  expect(other.summary).toMatchObject({ remove: 2, keep: 3 })
})

class Crash extends Error {}

/** Dies at its nth commit, before or after it took effect. */
function mortal(base: Store, left: number, after: boolean): Store {
  let commits = left
  return {
    supports: base.supports,
    get: (table, keys) => base.get(table, keys),
    scan: (table, range) => base.scan(table, range),
    close: () => base.close(),
    commit: async (ops: readonly Op[]) => {
      const dies = commits-- === 0
      if (dies && !after) throw new Crash()
      await base.commit(ops)
      if (dies) throw new Crash()
    },
  }
}

test(
  '[I1] [I4] wherever a process dies, the next whole audience is reached, and nobody on the list is forgotten',
  TIMEOUT,
  async () => {
    const life = fc.record({ ...stepParts(), dies: fc.integer({ min: 0, max: 12 }), after: fc.boolean() })
    const history = fc.record({
      lives: fc.array(life, { minLength: 1, maxLength: 6 }),
      bounds: fc.constantFrom(...BOUNDS),
    })
    let crashes = 0
    await fc.assert(
      fc.asyncProperty(history, async ({ lives, bounds }) => {
        const store = new MemoryStore()
        const members = new Set<string>()
        for (const one of lives) {
          try {
            const plan = await planOf(
              mortal(store, one.dies, one.after),
              { claims: one.audience, complete: true },
              bounds,
            )
            await send(plan, one, members)
          } catch (error) {
            if (!(error instanceof Crash)) throw error
            crashes += 1
          }
        }
        const wishes = ADDRESSES.slice(0, 5).map(
          (address, n): Wish => ({ list: LIST, claimant: `c${n}`, address, member: true }),
        )
        const calm: Step = {
          what: 'audience',
          audience: wishes,
          fates: ADDRESSES.map(() => 'sent' as const),
          sizeMax: 4,
        }
        const last = await planOf(store, { claims: wishes, complete: true }, bounds)
        expect(last.summary.members).toBeGreaterThanOrEqual(members.size)
        await send(last, calm, members)
        const wanted = ADDRESSES.slice(0, 5).filter((address) => !REFUSED.has(address))
        expect([...members].sort()).toEqual(wanted.sort())
        const rest = await planOf(store, { complete: true }, bounds)
        expect(rest.summary).toEqual({ add: 0, remove: 0, keep: wanted.length, held: 0, members: wanted.length })
      }),
      { numRuns: RUNS },
    )
    expect(crashes).toBeGreaterThan(RUNS / 2)
  },
)

function stepParts() {
  return {
    what: fc.constant('audience' as const),
    audience,
    fates: fc.array(fc.constantFrom('sent', 'sent', 'lost', 'undecided'), {
      minLength: ADDRESSES.length,
      maxLength: ADDRESSES.length,
    }),
    sizeMax: fc.integer({ min: 1, max: 4 }),
  }
}
