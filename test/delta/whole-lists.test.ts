import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { type ListDelta, ListDeltaComputer, type PlanOptions, type Wish } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'

const LIST = 'at-risk'
const ACCEPTED: Outcome = { status: 'accepted' }
const person = (n: number): string => `person-${n}@example.com`
/** Every seventh shares the address of the one before. */
const wishes = (from: number, to: number): Wish[] =>
  Array.from({ length: to - from }, (_, at) => {
    const n = from + at
    return { list: LIST, claimant: `c-${n}`, address: person(n % 7 === 6 ? n - 1 : n), member: true }
  })
const at = (part: Partial<PlanOptions>): PlanOptions => ({
  project: 'prod',
  owner: 'churn',
  list: LIST,
  complete: true,
  ...part,
})

async function send(delta: ListDelta, members: Set<string>, sizeMax = 1_000): Promise<void> {
  for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax })) {
    await intend()
    for (const address of addresses) op === 'add' ? members.add(address) : members.delete(address)
    await settle(addresses.map(() => ACCEPTED))
  }
  await delta[Symbol.asyncDispose]()
}

const blocks = async (store: Store): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { key } of await store.scan('audience', { prefix: ['prod'], limit: 10_000 })) {
    const kind = key[2] === 'log' ? 'log' : key[3] === 'all' ? 'all' : 'kept'
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

describe('a list of whole audiences', () => {
  test('is kept in one part, grows into many through a file without a name, and loses nobody on the way', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    const spools = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('lakeloop-lists-'))
    const before = spools()
    for (const [from, to, kept] of [
      [0, 25_000, undefined],
      [100, 25_100, 'all'],
      [200, 70_000, 'all'],
      [300, 70_100, 'kept'],
      [400, 70_200, 'kept'],
    ] as const) {
      const audience = wishes(from, to)
      const wanted = new Set(audience.map(({ address }) => address as string))
      const stays = [...members].filter((address) => wanted.has(address)).length
      const claims = [audience.slice(0, 20_000), ...audience.slice(20_000, 20_010), audience.slice(20_010)]
      const delta = await lists.plan(at({ claims }))
      expect(delta.summary).toEqual({
        add: wanted.size - stays,
        remove: members.size - stays,
        keep: stays,
        held: 0,
        members: members.size,
      })
      expect(spools()).toEqual(before)
      await send(delta, members)
      expect(members.size).toBe(wanted.size)
      expect(Object.keys(await blocks(store)).sort()).toEqual(kept === undefined ? ['log'] : [kept, 'log'])
    }
    // Ten runs of a small change leave a short log behind: two blocks each, and none of what was decided.
    expect((await blocks(store)).log).toBeLessThanOrEqual(6)
  })

  test('a row of which nothing is new writes nothing', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    await send(await lists.plan(at({ claims: wishes(0, 500) })), new Set())
    const before = await blocks(store)
    await send(await lists.plan(at({ claims: wishes(0, 500) })), new Set())
    expect(await blocks(store)).toEqual(before)
  })

  test('blocks without a key of fingerprints, as before the first release, are refused and left as they are', async () => {
    const store = new MemoryStore()
    const record = { owner: 'churn', epoch: '#1', nth: 1, next: 0, whole: { parts: 1, bytes: 9 } }
    const key = ['prod', `s:${LIST}`]
    await store.commit([{ op: 'put', table: 'list', key, value: record }])
    const lists = new ListDeltaComputer({ store })
    await expect(lists.plan(at({ claims: wishes(0, 6) }))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await store.get('list', [key])).toEqual([record])
  })

  test('an audience of the same epoch again takes nobody off for being absent from it', async () => {
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 6), epoch: 'monday' })), members)
    const again = await lists.plan(at({ claims: wishes(0, 3), epoch: 'monday' }))
    expect(again.summary).toMatchObject({ add: 0, remove: 0, keep: 6 })
    const next = await lists.plan(at({ claims: wishes(0, 3), epoch: 'tuesday' }))
    expect(next.summary).toMatchObject({ add: 0, remove: 3, keep: 3 })
  })

  test('without an audience nobody leaves, whatever epoch is named, unless the plan says that it is one', async () => {
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    await send(await lists.plan(at({ claims: wishes(0, 6) })), new Set())
    const changes = await lists.plan(at({ complete: false, epoch: 'another' }))
    expect(changes.summary).toMatchObject({ remove: 0, held: 0, keep: 6 })
    expect((await lists.plan(at({ epoch: 'another' }))).summary).toMatchObject({ remove: 0, held: 6 })
  })

  test('an epoch that the guard held is not decided: the same audience again removes, once the guard lets it', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 60), epoch: 'monday' })), members)
    const tuesday = at({ claims: wishes(0, 6), epoch: 'tuesday' })
    const held = await lists.plan(tuesday)
    expect(held.summary.held).toBe(members.size - 6)
    await send(held, members)
    const raised = new ListDeltaComputer({ store, guard: { removedShareMax: 1 } })
    await send(await raised.plan(tuesday), members)
    expect(members.size).toBe(6)
  })

  test('who moved behind the guard loses neither place when the list turns into rows, before an audience decides', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    const moved = wishes(0, 50).map((wish) => ({ ...wish, address: `new-${wish.address}` }))
    const both = new Set([...wishes(0, 50), ...moved].map(({ address }) => address))
    await send(await lists.plan(at({ claims: wishes(0, 50) })), members)
    await send(await lists.plan(at({ claims: moved })), members)
    expect(members).toEqual(both)
    await lists.note([{ list: LIST, claimant: 'c-0' }], { project: 'prod', owner: 'churn', epoch: '#0' })
    const rows = await lists.plan(at({ complete: false }))
    expect(rows.summary).toEqual({ add: 0, remove: 0, keep: both.size, held: 0, members: both.size })
    const raised = new ListDeltaComputer({ store, guard: { removedShareMax: 1 } })
    await send(await raised.plan(at({ claims: moved })), members)
    expect(members).toEqual(new Set(moved.map(({ address }) => address)))
  })

  test('of an audience that broke off nothing is remembered, and nobody leaves', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    await send(await lists.plan(at({ claims: wishes(0, 6) })), new Set())
    async function* broken() {
      yield wishes(0, 2)
      throw new Error('the source is gone')
    }
    await expect(lists.plan(at({ claims: broken() }))).rejects.toThrow('the source is gone')
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ add: 0, remove: 0, keep: 6 })
  })

  test('an audience without a wish, or one that broke off, makes no list', async () => {
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    async function* broken() {
      yield wishes(0, 2)
      throw new Error('the source is gone')
    }
    await lists.plan(at({ claims: [] }))
    await expect(lists.plan(at({ claims: broken() }))).rejects.toThrow('the source is gone')
    expect(await lists.lists({ project: 'prod', owner: 'churn', epoch: 'e' })).toEqual([])
  })

  test('what was decided and not sent is sent by the next plan, without the audience', async () => {
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 6) })), members)
    await (await lists.plan(at({ claims: wishes(3, 9) })))[Symbol.asyncDispose]()
    const delta = await lists.plan(at({ complete: false }))
    expect(delta.summary).toMatchObject({ add: 2, remove: 3, keep: 3 })
    await send(delta, members)
    expect(members).toEqual(new Set(wishes(3, 9).map(({ address }) => address)))
  })

  test('what was handed out and dies before its intent is sent by the next plan', async () => {
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 6) })), members)
    const delta = await lists.plan(at({ claims: wishes(3, 9) }))
    const chunks = []
    for await (const chunk of delta.chunks({ sizeMax: 1 })) chunks.push(chunk)
    const [first] = chunks
    await first?.intend() // the others are on their way to it
    const next = await lists.plan(at({ complete: false }))
    expect(next.summary).toMatchObject({ add: 2, remove: 3 })
    await send(next, members)
    expect(members).toEqual(new Set(wishes(3, 9).map(({ address }) => address)))
  })

  test('of two plans at once the later one counts: the earlier one writes, and so sends, nothing more', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    await send(await lists.plan(at({ claims: wishes(0, 6) })), new Set())
    const early = await lists.plan(at({ claims: wishes(0, 5) }))
    const late = await lists.plan(at({ claims: wishes(0, 4) }))
    await expect(send(early, new Set())).rejects.toThrow('STORE_CONFLICT')
    await send(late, new Set())
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ add: 0, remove: 0, keep: 4 })
  })

  test('a place that could be no key of a row is refused before anything is written', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    for (const bad of [{ address: '\ud800@x' }, { address: '' }, { claimant: '' }, { address: 'x'.repeat(5_000) }]) {
      const wish = { list: LIST, claimant: 'c', address: 'a@x', member: true, ...bad }
      await expect(lists.plan(at({ claims: [...wishes(0, 3), wish] }))).rejects.toThrow('STORE_KEY_INVALID')
    }
    expect(await blocks(store)).toEqual({})
    const elsewhere = { list: 'other', claimant: 'c', address: 'a@x', member: true }
    await expect(lists.plan(at({ claims: [[elsewhere]] }))).rejects.toThrow('holds a wish for another list')
  })

  test('an address that many share loses no claim between two blocks', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const claims = Array.from({ length: 20_000 }, (_, n) => ({
      ...wishes(n, n + 1)[0],
      address: person(n % 900),
    })) as Wish[]
    await (await lists.plan(at({ claims })))[Symbol.asyncDispose]() // decided, not sent
    await lists.note([], { project: 'prod', owner: 'churn', epoch: 'e' })
    await lists.note([{ list: LIST, claimant: 'nobody' }], { project: 'prod', owner: 'churn', epoch: 'e' })
    const rows = []
    for (let after: readonly string[] | undefined; ; after = rows.at(-1)?.key) {
      const page = await store.scan('claim', { prefix: ['prod'], after, limit: 10_000 })
      rows.push(...page)
      if (page.length < 10_000) break
    }
    expect(rows.length).toBe(20_000)
  })

  test('becomes rows once single rows are noted, with every claim and member, and stays so', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    const members = new Set<string>()
    await send(await lists.plan(at({ claims: wishes(0, 3_000) })), members)
    const scope = { project: 'prod', owner: 'churn', epoch: 'rows' }
    await store.commit(
      (await lists.note([{ list: LIST, claimant: 'c-0', member: false, address: person(0) }], scope)).ops,
    )
    expect(await blocks(store)).toEqual({})
    const delta = await lists.plan(at({ complete: false }))
    expect(delta.summary).toMatchObject({ add: 0, remove: 1, keep: members.size - 1 })
    await send(delta, members)
    await send(await lists.plan(at({ claims: wishes(10, 3_000) })), members)
    expect(await blocks(store)).toEqual({})
    expect(members).toEqual(new Set(wishes(10, 3_000).map(({ address }) => address)))
  })
})
