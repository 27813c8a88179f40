import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { Wish } from '../../src/delta/claims.js'
import { type ListDelta, listDelta } from '../../src/delta/delta.js'
import { guardOf } from '../../src/delta/guard.js'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { ListRecord } from '../../src/delta/list-state.js'
import { chunksOf } from '../../src/delta/whole/send.js'
import { BOUNDS, type Bounds, planWhole } from '../../src/delta/whole/whole.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'

// A long audience is sorted and matched in a thread of its own: it comes to the same as in the host's, and its death is told.

const LIST = 'at-risk'
const KEY = ['prod', `s:${LIST}`]
const real = vi.hoisted(() => ({ source: undefined as string | undefined, isForbidden: false, started: 0 }))

vi.mock('../../src/delta/whole/thread.generated.js', async (original) => {
  const { THREAD_SOURCE } = await original<{ THREAD_SOURCE: string }>()
  return {
    get THREAD_SOURCE() {
      return real.source ?? THREAD_SOURCE
    },
  }
})
vi.mock('node:worker_threads', async (original) => {
  const threads = await original<typeof import('node:worker_threads')>()
  class Worker extends threads.Worker {
    constructor(...parameters: ConstructorParameters<typeof threads.Worker>) {
      if (real.isForbidden) throw Object.assign(new Error('no'), { code: 'ERR_ACCESS_DENIED' })
      super(...parameters)
      real.started += 1
    }
  }
  return { ...threads, Worker }
})
afterEach(() => {
  Object.assign(real, { source: undefined, isForbidden: false, started: 0 })
})

const IN_HOST: Bounds = { ...BOUNDS, shortBytes: 0, logBytesLeast: 0, takenBytesLeast: 0 }
const IN_THREAD: Bounds = { ...IN_HOST, aloneBytes: 0 }

async function planOf(store: Store, claims: readonly Wish[], bounds: Bounds): Promise<ListDelta> {
  const record = (await store.get('list', [KEY]))[0] as unknown as ListRecord | undefined
  async function* pages() {
    for (let at = 0; at < claims.length; at += 3) yield claims.slice(at, at + 3)
  }
  const plan = await planWhole({
    store,
    list: KEY,
    owner: 'churn',
    record,
    complete: true,
    wishes: pages(),
    epoch: `#${(record?.nth ?? 0) + 1}`,
    guardOf: (counts, seen) =>
      guardOf({ ...counts, list: LIST, complete: true, seen }, { removedShareMax: 1, removedFreely: 100 }),
    fence: [],
    directory: tmpdir(),
    bounds,
  })
  const { counts, guard } = plan
  return listDelta({ counts, guard, chunks: (cutting) => chunksOf(plan, cutting), close: () => plan.spool.close() })
}

async function sent(delta: ListDelta): Promise<readonly string[]> {
  const handed: string[] = []
  for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax: 3 })) {
    handed.push(...addresses.map((address) => `${op} ${address}`))
    await intend()
    await settle(addresses.map(() => ({ status: 'accepted' })))
  }
  await delta[Symbol.asyncDispose]()
  return handed.sort()
}

const wish = fc.record({
  claimant: fc.nat(9).map((n) => `c${n}`),
  address: fc.option(
    fc.nat(9).map((n) => (n === 3 ? 'é😀@x' : `${'a'.repeat(n * 9)}@x`)),
    { nil: undefined, freq: 6 },
  ),
  member: fc.constantFrom(true, true, true, true, false),
})
const audience = fc
  .array(wish, { minLength: 1, maxLength: 20 })
  .map((wishes) => wishes.map((one): Wish => ({ list: LIST, ...one }) as Wish))

test('an audience that is matched in a thread comes to the same as one that is matched in the host’s', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(audience, { minLength: 2, maxLength: 4 }), async (audiences) => {
      const [ofHost, ofThread] = [new MemoryStore(), new MemoryStore()]
      for (const claims of audiences) {
        const [a, b] = [await planOf(ofHost, claims, IN_HOST), await planOf(ofThread, claims, IN_THREAD)]
        expect(b.summary).toEqual(a.summary)
        expect(await sent(b)).toEqual(await sent(a))
      }
    }),
    { numRuns: 5 },
  )
  expect(real.started).toBeGreaterThan(5)
})

const claims = [0, 1, 2, 3, 4].map((n): Wish => ({ list: LIST, claimant: `c${n}`, address: `${n}@x`, member: true }))

test('a thread that ends stops the plan with LIST_SPOOL, and the list stays as it was', async () => {
  const store = new MemoryStore()
  await sent(await planOf(store, claims.slice(0, 3), IN_HOST))
  for (const source of ['process.exit(3)', 'throw new Error("ann@example.com")']) {
    real.source = source
    const problem = await planOf(store, claims, IN_THREAD).catch((error: unknown) => error as Error)
    expect((problem as Error).message).toMatch(/^LIST_SPOOL: .*its thread ended/)
    expect((problem as Error).message).not.toContain('ann')
  }
  const rest = await new ListDeltaComputer({ store }).plan({
    project: 'prod',
    owner: 'churn',
    list: LIST,
    complete: false,
  })
  expect(rest.summary).toMatchObject({ add: 0, remove: 0, keep: 3 })
})

test('where the host may start no thread, the audience is matched in its own', async () => {
  real.isForbidden = true
  const delta = await planOf(new MemoryStore(), claims, IN_THREAD)
  expect(await sent(delta)).toHaveLength(5)
  expect(real.started).toBe(0)
})

test.each([
  ['the host’s thread', IN_HOST],
  ['a thread of its own', IN_THREAD],
])('[I5] in %s, a place that another claimant holds than before is the other one’s', async (_, bounds) => {
  const store = new MemoryStore()
  const plan = async (wishes: readonly Wish[]) => {
    const delta = await planOf(store, wishes, bounds)
    await sent(delta)
    return delta.summary
  }
  for (let times = 0; times < 3; times += 1) await plan(claims)
  expect((await store.scan('audience', { prefix: [...KEY, 'prints'], limit: 9 })).length).toBeGreaterThan(0)
  const [first, ...others] = claims as [Wish, ...Wish[]]
  for (let times = 0; times < 3; times += 1)
    expect(await plan([{ ...first, claimant: 'other' }, ...others])).toMatchObject({ add: 0, remove: 0, keep: 5 })
  expect(await plan([{ list: LIST, claimant: 'c0' }, ...others])).toMatchObject({ remove: 1, keep: 4 })
  for (let times = 0; times < 3; times += 1) await plan(claims)
  expect(await plan([{ ...first, claimant: 'other' }, ...others])).toMatchObject({ remove: 0, keep: 5 })
  expect(await plan([{ list: LIST, claimant: 'other' }, ...others])).toMatchObject({ remove: 0, keep: 5 })
})
