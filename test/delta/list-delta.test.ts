import { describe, expect, test } from 'vitest'
import { type ListDelta, ListDeltaComputer, type PlanOptions, type Wish } from '../../src/delta/list-delta.js'
import type { Outcome } from '../../src/model/outcome.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import type { Entry, Store } from '../../src/stores/store.js'

const LIST = 'at-risk'
const ACCEPTED: Outcome = { status: 'accepted' }
const person = (n: number): string => `person-${n}@example.com`
const wishes = (from: number, to: number): Wish[] =>
  Array.from({ length: to - from }, (_, n) => ({
    list: LIST,
    claimant: String(from + n),
    address: person(from + n),
    member: true,
  }))
const gone = (from: number, to: number): readonly Wish[] => wishes(from, to).map((wish) => ({ ...wish, member: false }))
const at = (part: Partial<PlanOptions> = {}): PlanOptions => ({
  project: 'prod',
  owner: 'churn',
  list: LIST,
  complete: true,
  ...part,
})

/** Sends everything to a set that takes all. */
async function send(delta: ListDelta, members: Set<string>): Promise<ListDelta> {
  for await (const { op, addresses, intend, settle } of delta.chunks({ sizeMax: 100 })) {
    await intend()
    for (const address of addresses) op === 'add' ? members.add(address) : members.delete(address)
    await settle(addresses.map(() => ACCEPTED))
  }
  await delta[Symbol.asyncDispose]()
  return delta
}

/** A list with this many members, and the set that stands for the destination. */
async function filled(
  count: number,
  guard = {},
): Promise<{ lists: ListDeltaComputer; members: Set<string>; store: Store }> {
  const store = new MemoryStore()
  const lists = new ListDeltaComputer({ store, guard })
  const members = new Set<string>()
  await send(await lists.plan(at({ claims: wishes(0, count) })), members)
  return { lists, members, store }
}

describe('ListDeltaComputer', () => {
  test('keeps a list in step by itself: claims in, requests out', async () => {
    const { lists, members } = await filled(3)
    const claims = [...wishes(1, 3), { list: LIST, claimant: '9', address: person(9), member: true }]
    const delta = await send(await lists.plan(at({ claims })), members)
    expect(delta.summary).toEqual({ add: 1, remove: 1, keep: 2, held: 0, members: 3 })
    expect([...members].sort()).toEqual([person(1), person(2), person(9)])
    expect((await lists.plan(at({ claims }))).summary).toEqual({ add: 0, remove: 0, keep: 3, held: 0, members: 3 })
  })

  test('sends removals before additions, each in the order of bytes, cut to size', async () => {
    const { lists } = await filled(4)
    const claims = ['😀', 'Ａ', 'z', 'a'].map((name) => ({
      list: LIST,
      claimant: name,
      address: `${name}@x`,
      member: true,
    }))
    const delta = await lists.plan(at({ claims }))
    const chunks = []
    for await (const { op, addresses } of delta.chunks({ sizeMax: 3 })) chunks.push([op, ...addresses])
    expect(chunks).toEqual([
      ['remove', person(0), person(1), person(2)],
      ['remove', person(3)],
      ['add', 'a@x', 'z@x', 'Ａ@x'],
      ['add', '😀@x'],
    ])
  })

  test('in changes mode absence means nothing, and member: false removes', async () => {
    const { lists, members } = await filled(3)
    const claims = [{ list: LIST, claimant: '1', address: person(1), member: false }]
    const delta = await send(await lists.plan(at({ complete: false, claims })), members)
    expect(delta.summary).toMatchObject({ remove: 1, keep: 2 })
    expect([...members]).toEqual([person(0), person(2)])
  })

  test('[I5] a claimant that was seen and not decided keeps its claim, one that was not seen does not', async () => {
    const { lists, members } = await filled(3)
    const claims: Wish[] = [
      { list: LIST, claimant: '0' },
      { list: LIST, claimant: '1', address: person(7) },
      { list: LIST, claimant: '8', member: true },
    ]
    await send(await lists.plan(at({ claims })), members)
    expect([...members]).toEqual([person(0), person(1)])
  })

  test('an address stays while one of several claimants wants it', async () => {
    const shared = (claimant: string, member = true): Wish => ({ list: LIST, claimant, address: person(0), member })
    const { lists, members } = await filled(1)
    await send(await lists.plan(at({ complete: false, claims: [shared('b'), shared('0', false)] })), members)
    expect([...members]).toEqual([person(0)])
    await send(await lists.plan(at({ complete: false, claims: [shared('b', false)] })), members)
    expect([...members]).toEqual([])
  })

  test('tells which wishes change a claim', async () => {
    const { lists, store } = await filled(2)
    const scope = { project: 'prod', owner: 'churn', epoch: 'e' }
    const asked: Wish[] = [
      { list: LIST, claimant: '0', address: person(0), member: true },
      { list: LIST, claimant: '0', address: person(5), member: true },
      { list: LIST, claimant: '1', address: person(1), member: false },
      { list: LIST, claimant: '1' },
      { list: LIST, claimant: '7', address: person(7), member: false },
    ]
    const { ops, changed } = await lists.note(asked, scope)
    expect(changed).toEqual([false, true, true, false, false])
    await store.commit(ops)
    expect((await lists.note(asked.slice(1), scope)).changed).toEqual([false, false, false, false])
  })

  test('a refused address is not tried again while it is wanted, and forgotten afterwards', async () => {
    const { lists } = await filled(0)
    const claims = wishes(0, 1)
    const first = await lists.plan(at({ claims }))
    for await (const chunk of first.chunks({ sizeMax: 10 })) {
      await chunk.intend()
      await chunk.settle([{ status: 'rejected', reason: { code: 'EMAIL_INVALID', facts: {} } }])
    }
    expect((await lists.plan(at({ claims }))).summary).toMatchObject({ add: 0, remove: 0, members: 0 })
    expect((await lists.plan(at({ claims: wishes(1, 2) }))).summary).toMatchObject({ add: 1, remove: 0 })
    expect((await lists.plan(at({ claims }))).summary).toMatchObject({ add: 1 })
  })

  test('[I1] a refused removal is asked again', async () => {
    const { lists } = await filled(2)
    const delta = await lists.plan(at({ claims: wishes(0, 1) }))
    for await (const chunk of delta.chunks({ sizeMax: 10 })) {
      await chunk.intend()
      await chunk.settle([{ status: 'rejected', reason: { code: 'USER_UNKNOWN', facts: {} } }])
    }
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ remove: 1, members: 2 })
  })

  test('gives every list of the owner, by name and by number, and none of another', async () => {
    const store = new MemoryStore()
    const lists = new ListDeltaComputer({ store })
    for (const [list, owner] of [
      ['7', 'churn'],
      [7, 'churn'],
      ['news', 'other'],
    ] as const) {
      const scope = { project: 'prod', owner, epoch: 'e' }
      await store.commit((await lists.note([{ list, claimant: '1', address: person(1), member: true }], scope)).ops)
    }
    expect(await lists.lists({ project: 'prod', owner: 'churn', epoch: 'e' })).toEqual([7, '7'])
    expect(await lists.lists({ project: 'test', owner: 'churn', epoch: 'e' })).toEqual([])
  })

  test('refuses the list of another sync, in the same project only', async () => {
    const { lists, store } = await filled(1)
    const other = { project: 'prod', owner: 'winback', epoch: 'e' }
    const message =
      'LIST_OWNED: the list at-risk belongs to the sync churn. Use another list, or let one sync decide for both.'
    await expect(lists.note(wishes(0, 1), other)).rejects.toThrow(message)
    await expect(lists.plan({ ...at(), owner: 'winback' })).rejects.toThrow(message)
    await store.commit((await lists.note(wishes(0, 1), { ...other, project: 'test' })).ops)
    const first = await lists.note([{ list: 'new', claimant: '1' }], other)
    await store.commit((await lists.note([{ list: 'new', claimant: '1' }], { ...other, owner: 'churn' })).ops)
    await expect(store.commit(first.ops)).rejects.toThrow('STORE_CONFLICT')
  })

  test('of two who note at once, of whom each makes a claim, one is refused: two claims never have one number', async () => {
    const { lists, store } = await filled(1)
    const scope = { project: 'prod', owner: 'churn', epoch: 'e' }
    const both = await Promise.all([lists.note(wishes(1, 2), scope), lists.note(wishes(2, 3), scope)])
    await store.commit(both[0].ops)
    await expect(store.commit(both[1].ops)).rejects.toThrow('STORE_CONFLICT')
    await store.commit((await lists.note(wishes(2, 3), scope)).ops)
    const claims = await store.scan('claimByAddress', { prefix: ['prod'], limit: 10 })
    expect(new Set(claims.map(({ value }) => value)).size).toBe(3)
  })

  test('a whole audience of which nothing is new writes one entry a page, and not one a claim', async () => {
    const { lists, store } = await filled(1)
    const scope = { project: 'prod', owner: 'churn', epoch: 'first' }
    await store.commit((await lists.note(wishes(0, 500), scope)).ops)
    const again = await lists.note(wishes(0, 500), { ...scope, epoch: 'second' })
    expect(again.ops.map(({ op, table }) => `${op} ${table}`)).toEqual(['check list', 'put list', 'put seen'])
    expect(again.changed.includes(true)).toBe(false)
  })

  test('writes nothing once its fence does not hold', async () => {
    const { lists, store, members } = await filled(2)
    await store.commit([{ op: 'put', table: 'lease', key: ['prod'], value: 2 }])
    const fence = [{ op: 'check', table: 'lease', key: ['prod'], is: 1 }] as const
    await expect(lists.plan(at({ claims: wishes(0, 1), fence }))).rejects.toThrow('STORE_CONFLICT')
    await expect(lists.plan(at({ complete: false, fence }))).rejects.toThrow('STORE_CONFLICT')
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ keep: 2, remove: 0 })
    expect(members.size).toBe(2)
  })

  test('works on an overlay and leaves the store as it was', async () => {
    const { lists, store } = await filled(2)
    const dry = lists.over(overlay(store))
    expect((await send(await dry.plan(at({ claims: wishes(1, 4) })), new Set())).summary).toMatchObject({
      add: 2,
      remove: 1,
    })
    expect((await lists.plan(at({ complete: false }))).summary).toEqual({
      add: 0,
      remove: 0,
      keep: 2,
      held: 0,
      members: 2,
    })
  })
})

describe('ListDeltaComputer, when a person changes address', () => {
  const scope = { project: 'prod', owner: 'churn', epoch: 'e' }

  test.each([true, false])('claims follow; the membership does where it moved (%s)', async (moved) => {
    const { lists, store, members } = await filled(2)
    if (moved) members.delete(person(0))
    if (moved) members.add(person(8))
    const ops = await lists.rekey({ project: 'prod', from: person(0), to: person(8), moved }, scope)
    await store.commit(ops)
    const delta = await send(await lists.plan(at({ complete: false })), members)
    expect(delta.summary).toMatchObject(moved ? { add: 0, remove: 0, keep: 2 } : { add: 1, remove: 1, keep: 1 })
    expect([...members].sort()).toEqual([person(1), person(8)])
    expect(await lists.rekey({ project: 'prod', from: person(0), to: person(8), moved }, scope)).toEqual([])
  })
})

describe('guard [I11]', () => {
  test('holds every removal of a list where more than the share would go, and lets additions through', async () => {
    const { lists, members } = await filled(100)
    const delta = await send(await lists.plan(at({ claims: wishes(31, 101) })), members)
    expect(delta.summary).toEqual({ add: 1, remove: 0, keep: 69, held: 31, members: 100 })
    expect(delta.guard).toEqual({ code: 'LIST_GUARD', facts: { list: LIST, remove: 31, members: 100, limit: 30 } })
    expect(members.size).toBe(101)
    // Nothing was decided: the claims stand, so that a run without a snapshot removes nobody either.
    expect((await lists.plan(at({ complete: false }))).summary).toMatchObject({ remove: 0, held: 0, keep: 101 })
  })

  test('lets exactly the share go', async () => {
    const { lists, members } = await filled(100)
    expect((await send(await lists.plan(at({ claims: wishes(30, 100) })), members)).summary).toMatchObject({
      remove: 30,
      held: 0,
    })
    expect(members.size).toBe(70)
  })

  test('holds in changes mode too', async () => {
    const { lists } = await filled(100)
    const claims = wishes(0, 40).map((wish) => ({ ...wish, member: false }))
    expect((await lists.plan(at({ complete: false, claims }))).summary).toMatchObject({ remove: 0, held: 40 })
  })

  test('lets a few go from a short list', async () => {
    const { lists } = await filled(12)
    expect((await lists.plan(at({ claims: wishes(0, 2) }))).summary).toMatchObject({ remove: 10, held: 0 })
    const { lists: strict } = await filled(12, { removedFreely: 0 })
    expect((await strict.plan(at({ claims: wishes(0, 2) }))).summary).toMatchObject({ remove: 0, held: 10 })
  })

  test('never takes an empty snapshot for an empty audience, whatever its limits', async () => {
    const { lists } = await filled(3, { removedShareMax: 1 })
    for (const plan of [at({ claims: [] }), at({ epoch: 'later' })]) {
      const delta = await lists.plan(plan)
      expect(delta.summary).toEqual({ add: 0, remove: 0, keep: 0, held: 3, members: 3 })
      expect(delta.guard?.facts).toEqual({ list: LIST, remove: 3, members: 3, limit: 0 })
    }
  })

  test('an empty snapshot does not drop the claims of addresses that were refused', async () => {
    const { lists, store } = await filled(0)
    await store.commit((await lists.note(wishes(0, 1), { project: 'prod', owner: 'churn', epoch: 'a' })).ops)
    await lists.plan(at({ epoch: 'b' }))
    expect((await store.scan('claim', { prefix: [], limit: 10 })).length).toBe(1)
  })

  test('holds a snapshot that decides against everybody, until the share is raised to 1', async () => {
    const nobody = wishes(0, 3).map((wish) => ({ ...wish, member: false }))
    const { lists, store } = await filled(3)
    expect((await lists.plan(at({ claims: nobody }))).summary).toMatchObject({ held: 3, remove: 0 })
    const raised = new ListDeltaComputer({ store, guard: { removedShareMax: 1 } })
    expect((await raised.plan(at({ claims: nobody }))).summary).toMatchObject({ held: 0, remove: 3 })
  })

  test('what was planned is sent, and no claim that came after the guard had looked', async () => {
    const { lists, store, members } = await filled(20)
    const delta = await lists.plan(at({ complete: false, claims: gone(0, 1) }))
    await store.commit((await lists.note(gone(1, 20), { project: 'prod', owner: 'churn', epoch: 'e' })).ops)
    await send(delta, members)
    expect(members.size).toBe(19)
  })

  test('stops where claims changed after the guard had looked, and the list is read again', async () => {
    const { store } = await filled(20)
    const lists = new ListDeltaComputer({ store, keptMax: 0 })
    const delta = await lists.plan(at({ complete: false, claims: gone(0, 1) }))
    await store.commit((await lists.note(gone(1, 20), { project: 'prod', owner: 'churn', epoch: 'e' })).ops)
    await expect(send(delta, new Set())).rejects.toThrow('STORE_CONFLICT: another process changed claim first.')
  })
})

describe('bad input', () => {
  test.each([
    [{ guard: { removedShareMax: 1.5 } }, 'option guard.removedShareMax'],
    [{ guard: { removedFreely: -1 } }, 'option guard.removedFreely'],
    [{ guard: { share: 1 } }, 'option guard'],
  ])('%j is refused', (options, problem) => {
    expect(() => new ListDeltaComputer({ store: new MemoryStore(), ...(options as object) })).toThrow(
      `OPTION_INVALID: ListDeltaComputer: ${problem}`,
    )
  })

  test.each<[string, object | undefined, string]>([
    ['nothing', undefined, 'option options is missing'],
    ['no owner', { owner: undefined }, 'option owner is missing'],
    ['no word on whether it is all', { complete: undefined }, 'option complete is missing'],
    ['a misspelt complete', { complte: true }, 'option complte is not an option (perhaps complete)'],
    ['a list that is an object', { list: {} }, 'option list is neither the name nor the number of a list'],
    ['claims that are a number', { claims: 5 }, 'option claims is no iterable of wishes'],
  ])('a plan of %s is refused by name', async (_, wrong, problem) => {
    const { lists } = await filled(2)
    const options = wrong === undefined ? undefined : { ...at(), ...wrong }
    await expect(lists.plan(options as never)).rejects.toThrow(`OPTION_INVALID: ListDeltaComputer.plan: ${problem}`)
  })

  test.each<[object | null, string]>([
    [null, 'a wish for another list'],
    [{ claimant: 5 }, 'a wish whose claimant is no text'],
    [{ address: null }, 'a wish whose address is no text'],
    [{ address: 5 }, 'a wish whose address is no text'],
    [{ member: 'no' }, 'a wish whose member is neither true nor false'],
    [{ member: 1 }, 'a wish whose member is neither true nor false'],
  ])('a wish %j is a mistake that is told, and is not taken for undecided', async (wrong, problem) => {
    const [wish] = wishes(1, 2)
    for (const complete of [true, false]) {
      const { lists } = await filled(2)
      const claims = [wrong === null ? null : { ...wish, ...wrong }] as never
      await expect(lists.plan(at({ claims, complete }))).rejects.toThrow(`option claims holds ${problem}`)
    }
  })

  test('chunks of no or too large a size, wishes for another list, and answers that do not add up are refused', async () => {
    const { lists } = await filled(2)
    await expect(lists.plan(at({ claims: [{ list: 'other', claimant: '1' }] }))).rejects.toThrow(
      'OPTION_INVALID: ListDeltaComputer: option claims',
    )
    const delta = await lists.plan(at({ claims: wishes(1, 3) }))
    await expect(delta.chunks({ sizeMax: 0 })[Symbol.asyncIterator]().next()).rejects.toThrow(
      'OPTION_INVALID: ListDelta: option sizeMax',
    )
    for await (const chunk of delta.chunks({ sizeMax: 10 })) {
      await expect(chunk.settle([ACCEPTED])).rejects.toThrow('settle was called before intend()')
      await chunk.intend()
      await expect(chunk.settle([])).rejects.toThrow(
        `DESTINATION_MISCOUNTED: list ${chunk.op} gave 0 outcomes for 1 actions`,
      )
    }
  })

  test('a store that orders by UTF-16 is found out before it costs a member', async () => {
    const { lists, store } = await filled(0)
    const claims = ['a', '\uff21', '😀', 'z'].map((name) => ({
      list: LIST,
      claimant: name,
      address: `${name}@x`,
      member: true,
    }))
    await send(await lists.plan(at({ claims, complete: false })), new Set()) // kept in rows
    const sorted = (entries: readonly Entry[]): Entry[] =>
      [...entries].sort((a, b) => (a.key.join() < b.key.join() ? -1 : 1))
    const wrong: Store = {
      supports: store.supports,
      get: (table, keys) => store.get(table, keys),
      scan: async (table, range) => sorted(await store.scan(table, range)),
      commit: (ops) => store.commit(ops),
      close: () => store.close(),
    }
    await expect(lists.over(wrong).plan(at({ complete: false }))).rejects.toThrow(
      /STORE_FAILED: the store failed: the rows of \w+ are not in the order of their bytes/,
    )
  })
})

test('planning a large list does not keep the host’s event loop from turning', async () => {
  const { lists } = await filled(5_000)
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 0)
  const delta = await lists.plan(at({ complete: false }))
  clearInterval(timer)
  await delta[Symbol.asyncDispose]()
  expect(turns).toBeGreaterThan(0)
})
