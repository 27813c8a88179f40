import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { type ListDelta, ListDeltaComputer, type PlanOptions, type Wish } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Store } from '../../src/stores/store.js'

// What can go wrong around a list of whole audiences: two processes at once, a death at a bad moment, a disk that is not there.

const LIST = 'at-risk'
const SCOPE = { project: 'prod', owner: 'churn' }
const ACCEPTED: Outcome = { status: 'accepted' }
const person = (n: number): string => `person-${n}@example.com`
const wishes = (from: number, to: number, claimant = 'c'): Wish[] =>
  Array.from({ length: to - from }, (_, at) => ({
    list: LIST,
    claimant: `${claimant}-${from + at}`,
    address: person(from + at),
    member: true,
  }))
const at = (part: Partial<PlanOptions>): PlanOptions => ({ ...SCOPE, list: LIST, complete: true, ...part })

async function send(delta: ListDelta, members: Set<string>): Promise<void> {
  try {
    for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax: 1_000 })) {
      await intend()
      for (const address of addresses) op === 'add' ? members.add(address) : members.delete(address)
      await settle(addresses.map(() => ACCEPTED))
    }
  } finally {
    await delta[Symbol.asyncDispose]()
  }
}

/** The store as another process sees it, that does something once, when the log of the list was read to its end. */
function meanwhile(store: Store, act: () => Promise<void>): Store {
  let done = false
  return {
    supports: store.supports,
    get: (table, keys) => store.get(table, keys),
    commit: (ops) => store.commit(ops),
    close: () => store.close(),
    scan: async (table, range) => {
      const page = await store.scan(table, range)
      if (done || table !== 'audience' || range.prefix[2] !== 'log' || page.length === range.limit) return page
      done = true
      await act()
      return page
    },
  }
}

describe('two processes and one list of whole audiences', () => {
  test('whom the earlier plan adds after the later one has looked is not forgotten on the list', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 5) })), members)
    const early = await lists.plan(at({ claims: wishes(0, 6) }))
    const refused: unknown[] = []
    const other = meanwhile(store, () => send(early, members).catch((error: unknown) => void refused.push(error)))
    await send(await lists.over(other).plan(at({ claims: wishes(0, 5) })), members)
    expect(members).toEqual(new Set(wishes(0, 5).map(({ address }) => address)))
    expect(String(refused)).toContain('STORE_CONFLICT')
  })

  test('whom a plan adds while another turns the list into rows is not forgotten on the list', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 5) })), members)
    const early = await lists.plan(at({ claims: wishes(0, 6) }))
    const other = meanwhile(store, () => send(early, members).catch(() => undefined))
    await lists.over(other).note([], { ...SCOPE, epoch: 'rows' })
    await lists.over(other).rekey({ project: 'prod', from: 'a', to: 'b' }, { ...SCOPE, epoch: 'rows' })
    await send(await lists.plan(at({ claims: wishes(0, 5) })), members)
    expect(members).toEqual(new Set(wishes(0, 5).map(({ address }) => address)))
  })

  test('a list that is planned anew while another turns it into rows stays as it is, and the other is refused', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 5) })), members)
    const other = meanwhile(store, async () => send(await lists.plan(at({ claims: wishes(0, 6) })), members))
    const turned = lists.over(other).rekey({ project: 'prod', from: 'a', to: 'b' }, { ...SCOPE, epoch: 'rows' })
    await expect(turned).rejects.toThrow('STORE_CONFLICT')
    await send(await lists.plan(at({ claims: wishes(0, 5) })), members)
    expect(members).toEqual(new Set(wishes(0, 5).map(({ address }) => address)))
  })
})

test('[I5] of many addresses with two claimants each, no claim is lost between two blocks', async () => {
  const lists = new ListDeltaComputer({ store: new MemoryStore() })
  const members = new Set<string>()
  await send(await lists.plan(at({ claims: wishes(0, 10_000) })), members)
  await send(await lists.plan(at({ claims: [...wishes(0, 10_000), ...wishes(0, 10_000, 'd')] })), members)
  const undecided = wishes(0, 10_000).map(({ list, claimant }) => ({ list, claimant }))
  const delta = await lists.plan(at({ claims: [...undecided, ...wishes(0, 1, 'e')] }))
  expect(delta.summary).toMatchObject({ add: 0, remove: 0, held: 0, keep: 10_000 })
})

test('[I11] nothing that the guard held goes out, or is decided', async () => {
  const lists = new ListDeltaComputer({ store: new MemoryStore(), guard: { removedFreely: 0 } })
  const members = new Set<string>()
  await send(await lists.plan(at({ claims: wishes(0, 10) })), members)
  await send(await lists.plan(at({ claims: wishes(0, 1) })), members)
  expect(members.size).toBe(10)
  expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ remove: 0, held: 0, keep: 10 })
})

test('[I11] an empty audience does not forget who was refused', async () => {
  const lists = new ListDeltaComputer({ store: new MemoryStore() })
  for await (const { intend, settle } of (await lists.plan(at({ claims: wishes(0, 1) }))).chunks({ sizeMax: 1 })) {
    await intend()
    await settle([{ status: 'rejected', reason: { code: 'EMAIL_INVALID', facts: {} } }])
  }
  await lists.plan(at({ claims: [] }))
  expect((await lists.plan(at({ claims: wishes(0, 1) }))).summary).toMatchObject({ add: 0 })
})

test('[I5] [I11] a claim made, or not shown, by an audience that the guard held is not forgotten', async () => {
  const lists = new ListDeltaComputer({ store: new MemoryStore(), guard: { removedFreely: 0 } })
  const members = new Set<string>()
  await send(await lists.plan(at({ claims: wishes(0, 10) })), members)
  // Only new claimants: of a place that is a member's, and of a new one.
  const held = await lists.plan(at({ claims: [...wishes(0, 1, 'd'), ...wishes(10, 11, 'd')] }))
  expect(held.summary).toMatchObject({ add: 1, held: 9, keep: 1 })
  await send(held, members)
  const undecided = ['d-0', 'd-10'].map((claimant) => ({ list: LIST, claimant }))
  const delta = await lists.plan(at({ claims: [...wishes(1, 10), ...undecided] }))
  expect(delta.summary).toMatchObject({ add: 0, remove: 0, held: 0, keep: 11 })
})

describe('a process that dies', () => {
  const dying = (store: Store, dies: (ops: readonly Op[]) => boolean): Store => ({
    supports: store.supports,
    get: (table, keys) => store.get(table, keys),
    scan: (table, range) => store.scan(table, range),
    close: () => store.close(),
    commit: async (ops) => {
      if (dies(ops)) throw new Error('died')
      await store.commit(ops)
    },
  })
  const drops = (kind: string) => (ops: readonly Op[]) =>
    ops.every(({ op }) => op !== 'put') && ops.some(({ op, key }) => op === 'delete' && key.includes(kind))
  const kinds = async (store: Store): Promise<ReadonlySet<string>> =>
    new Set(
      (await store.scan('audience', { prefix: ['prod'], limit: 10_000 })).map(({ key }) => key.slice(2, 4).join()),
    )

  test('after it has turned a list into rows leaves no block behind for good', async () => {
    const store = new MemoryStore()
    await send(await new ListDeltaComputer({ store }).plan(at({ claims: wishes(0, 5) })), new Set())
    const scope = { ...SCOPE, epoch: 'rows' }
    const died = new ListDeltaComputer({ store: dying(store, drops('log')) })
    await expect(died.rekey({ project: 'prod', from: 'a', to: 'b' }, scope)).rejects.toThrow('died')
    expect((await kinds(store)).size).toBeGreaterThan(0)
    const next = new ListDeltaComputer({ store })
    await next.rekey({ project: 'prod', from: 'a', to: 'b' }, scope)
    expect(await kinds(store)).toEqual(new Set())
    expect((await next.plan(at({ complete: false }))).summary).toMatchObject({ add: 0, remove: 0, keep: 5 })
  })

  test('while a list grows into parts leaves its one part behind until it is written anew, and no longer', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    const long = (from: number, to: number): Wish[] =>
      wishes(from, to).map((wish) => ({ ...wish, address: `${'x'.repeat(800)}${wish.address}` }))
    await send(await lists.plan(at({ claims: long(0, 1_500) })), members)
    await send(await lists.plan(at({ claims: long(0, 1_500) })), members)
    expect(await kinds(store)).toEqual(new Set(['prints,all', 'texts,all']))
    await send(await lists.plan(at({ claims: long(0, 9_000) })), members)
    const died = lists.over(dying(store, drops('all')))
    await expect(died.plan(at({ claims: long(0, 9_000) }))).rejects.toThrow('died')
    expect(await kinds(store)).toContain('texts,all')
    await send(await lists.plan(at({ claims: long(0, 13_000) })), members)
    await send(await lists.plan(at({ claims: long(0, 13_000) })), members)
    expect([...(await kinds(store))].filter((kind) => kind.endsWith('all'))).toEqual([])
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ add: 0, remove: 0, keep: 13_000 })
  })
})

describe('the file of an audience that is too long for the memory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lakeloop-spool-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  /** Files of the folder that this process holds open, with a name or without. */
  const handles = (): readonly string[] =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
      } catch {
        return false // that of this listing
      }
    })
  const long = (from: number, to: number): Wish[] =>
    wishes(from, to).map((wish) => ({ ...wish, address: `${'x'.repeat(800)}${wish.address}` }))
  const planned = async (claims: PlanOptions['claims'], store = new MemoryStore()): Promise<ListDelta> =>
    await new ListDeltaComputer({ store, spool: { directory } }).plan(at({ claims }))

  test('in a folder that is not there stops the plan with LIST_SPOOL, without the path; the list stays as it was', async () => {
    const store = new MemoryStore()
    const members = new Set<string>()
    await send(await planned(wishes(0, 5), store), members)
    const lists = new ListDeltaComputer({ store, spool: { directory: join(directory, 'not-there') } })
    const problem = await lists.plan(at({ claims: long(0, 12_000) })).catch((error: unknown) => error as Error)
    expect((problem as Error).message).toBe(
      'LIST_SPOOL: the audience of a list could not be kept in a temporary file (ENOENT). ' +
        'Name a folder with room in spool.directory of ListDeltaComputer. Nothing is lost.',
    )
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({
      add: 0,
      remove: 0,
      keep: 5,
      members: 5,
    })
  })

  test.runIf(process.platform === 'linux')(
    'is gone after dispose, after the last chunk, and after a plan that failed',
    async () => {
      const disposed = await planned(long(0, 12_000))
      expect(handles()).toHaveLength(1)
      expect(readdirSync(directory)).toEqual([])
      await disposed[Symbol.asyncDispose]()
      await disposed[Symbol.asyncDispose]()
      expect(handles()).toEqual([])

      const read = await planned(long(0, 12_000))
      let handed = 0
      for await (const { addresses } of read.chunks({ sizeMax: 1_000 })) handed += addresses.length
      expect([handed, handles()]).toEqual([12_000, []])

      async function* broken() {
        yield long(0, 12_000)
        await vi.waitFor(() => expect(handles()).toHaveLength(1), 10_000) // that of the thread
        throw new Error('the source is gone')
      }
      await expect(planned(broken())).rejects.toThrow('the source is gone')
      expect(handles()).toEqual([])
    },
  )

  test('a delta that is disposed of between two chunks ends, and does not read what is gone', async () => {
    const delta = await planned(long(0, 12_000))
    let handed = 0
    for await (const { addresses } of delta.chunks({ sizeMax: 1_000 })) {
      handed += addresses.length
      await delta[Symbol.asyncDispose]()
    }
    expect(handed).toBe(1_000)
    const other = await planned(long(0, 12_000))
    for await (const { addresses } of other.chunks({ sizeMax: 10_000 })) {
      handed += addresses.length
      await other[Symbol.asyncDispose]()
    }
    expect(handed).toBeLessThan(12_000)
    for await (const _ of other.chunks({ sizeMax: 1_000 })) expect.unreachable()
  })
})

test('however short its pages are, and however little the store waits, the host’s loop turns every few thousand places', async () => {
  const [size, page] = [40_000, 1_000]
  let turns = 0
  let isOn = true
  const turn = (): void => {
    turns += 1
    if (isOn) setImmediate(turn)
  }
  setImmediate(turn)
  let [given, known, most, atEnd] = [0, 0, 0, 0]
  function* pages() {
    for (let from = 0; from < size; from += page) {
      given = turns === known ? given + page : page
      known = turns
      most = Math.max(most, given)
      yield wishes(from, from + page)
    }
    atEnd = turns
  }
  const lists = new ListDeltaComputer({ store: new MemoryStore() })
  for (const what of ['all are new', 'all are kept']) {
    const delta = await lists.plan(at({ claims: pages() }))
    // Each place is looked at, and decided about.
    expect([what, most <= 6_000, turns - atEnd >= (2 * size) / 5_000]).toEqual([what, true, true])
    await send(delta, new Set())
  }
  isOn = false
})
