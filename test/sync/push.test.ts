import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { Inbox } from '../../src/sync/inbox.js'
import type { SyncOptions } from '../../src/sync/options.js'
import type { Sync } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { people, World } from './world.js'

const person = (n: number, score: number): Row => ({ id: `c-${n}`, email: `p${n}@example.com`, score })
const scores = ({ destination }: World): Record<string, unknown> =>
  Object.fromEntries([...destination.profiles()].map(([address, fields]) => [address.split('@')[0], fields?.score]))
const inbox = (world: World) => world.store.scan('inbox', { prefix: [], limit: 10_000 })

/** A sync whose source gives changes only. */
const ofChanges = (world: World, rows: readonly Row[] = [], more: Partial<SyncOptions> = {}): Sync =>
  world.sync(rows, { complete: false, ...more })

describe('push()', () => {
  test('keeps rows until a run takes them, before what its source gives [I6]', async () => {
    const world = new World()
    const sync = ofChanges(world, [person(1, 0.3)])
    expect(await sync.push([person(1, 0.1), person(2, 0.2)])).toEqual({ rows: 2, waiting: 2 })
    expect(await sync.push([person(3, 0.9)])).toEqual({ rows: 1, waiting: 3 })
    const report = await sync.run()
    expect(report).toMatchObject({ status: 'complete', reads: 'source', rows: { read: 4, accepted: 4 } })
    expect(scores(world)).toEqual({ p1: 0.3, p2: 0.2, p3: 0.9 })
    expect([...world.destination.members('at-risk')]).toEqual(['p3@example.com'])
    expect(await inbox(world)).toEqual([])
  })

  test('needs no lease: what is pushed while a run is under way waits for the next one', async () => {
    const world = new World()
    const sync = ofChanges(world, people(20))
    let pushed: Promise<unknown> | undefined
    sync.once('page', () => {
      pushed = ofChanges(world).push([person(1, 0.77)])
    })
    await sync.push([person(2, 0.1)])
    expect((await sync.run()).rows.read).toBe(21)
    expect(await pushed).toEqual({ rows: 1, waiting: 2 })
    expect((await sync.drain()).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(scores(world).p1).toBe(0.77)
  })

  test('copies its rows: what is done to them afterwards changes nothing', async () => {
    const world = new World()
    const row = { id: 'c-1', email: 'p1@example.com', score: 0.1 }
    const pushing = ofChanges(world).push([row])
    row.score = 0.9
    await pushing
    await ofChanges(world).drain()
    expect(scores(world)).toEqual({ p1: 0.1 })
  })

  test('keeps all of a push or nothing, and says which row and column is no JSON, without its value [I7]', async () => {
    const world = new World()
    class Money {}
    const bad: readonly (readonly [unknown, string])[] = [
      ['ada@example.com', 'is no plain object'],
      [null, 'is no plain object'],
      [[1], 'is no plain object'],
      [{ at: new Date(0) }, 'holds a Date, which is no JSON in the column at'],
      [{ n: 5n }, 'holds a bigint, which is no JSON in the column n'],
      [{ n: Number.NaN }, 'holds NaN, which is no JSON in the column n'],
      [{ list: [undefined] }, 'holds undefined, which is no JSON in the column list'],
      [{ deep: { price: new Money() } }, 'holds an object of a class, which is no JSON in the column deep'],
      [{ call: () => 'ada@example.com' }, 'holds a function, which is no JSON in the column call'],
    ]
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const [row, problem] of [...bad, [circle, 'holds more than 100 levels in the column self'] as const]) {
      const error = await ofChanges(world)
        .push([person(1, 0.1), row as object])
        .catch((thrown: unknown) => thrown)
      const said = `PUSH_INVALID: row 1 of the push ${problem}. Push plain objects of JSON. Nothing of this push was kept.`
      expect((error as LakeloopError).message).toBe(said)
    }
    expect(await inbox(world)).toEqual([])
    await ofChanges(world).push([{ ...person(1, 0.1), plan: undefined, tags: [null, { a: true }] }])
    expect((await inbox(world))[0]?.value).toMatchObject({ row: { ...person(1, 0.1), tags: [null, { a: true }] } })
  })

  test('refuses what it was not meant to be called with', async () => {
    const sync = ofChanges(new World(), [], { inbox: { rowsMax: 3 } })
    const said = async (...args: unknown[]): Promise<string> => {
      const push = sync.push as (...args: unknown[]) => Promise<unknown>
      return await push.apply(sync, args).then(String, (error: LakeloopError) => error.message)
    }
    expect(await said({})).toMatch(/^OPTION_INVALID: Sync.push: option rows is no array of rows/)
    expect(await said([{}, {}, {}, {}])).toContain('option rows has 4 rows, and one push takes 3')
    expect(await said([], { id: '' })).toContain('option id is not what its comment allows')
    expect(await said([], { changedAt: 'yesterday' })).toContain('option changedAt')
    expect(await said([], { changedAt: '2026-11-23T10:00:00+01:00' })).toContain('option changedAt')
    expect(await said([], { at: 1 })).toContain('option at ')
  })

  test('takes key and time of change from the columns of the source; changedAt stands in for the latter', async () => {
    const world = new World()
    const source = new RowsSource({ name: 'scores', rows: [], key: ['id'], changedAt: 'at' })
    const sync = ofChanges(world, [], { source })
    const changedAt = '2026-11-01T00:00:00Z'
    await sync.push([{ ...person(1, 0.1), at: '2026-11-02T00:00:00Z' }, person(2, 0.2)], { changedAt })
    await sync.drain()
    const evidence = await world.store.scan('evidence', { prefix: [], limit: 10 })
    const seen = evidence.map(({ key, value }) => [key.at(-1), Number((value as { at: number }).at) / 1_000])
    expect(seen).toEqual([
      ['c-1', Date.UTC(2026, 10, 2)],
      ['c-2', Date.UTC(2026, 10, 1)],
    ])
  })
})

describe('a push with an id', () => {
  test('is kept once, also where the first one was sent long ago', async () => {
    const world = new World()
    const sync = ofChanges(world)
    expect(await sync.push([person(1, 0.1)], { id: 'batch-7' })).toEqual({ rows: 1, waiting: 1 })
    expect(await sync.push([person(1, 0.1)], { id: 'batch-7' })).toEqual({ rows: 0, waiting: 1 })
    await sync.push([person(1, 0.2)], { id: 'batch-8' })
    await sync.drain()
    expect(await sync.push([person(1, 0.1)], { id: 'batch-7' })).toEqual({ rows: 0, waiting: 0 })
    await sync.drain()
    expect(scores(world)).toEqual({ p1: 0.2 })
  })

  test('takes the place of the oldest one remembered, so that ids are bounded [I12]', async () => {
    const store = new MemoryStore()
    const { clock } = new World()
    const box = new Inbox({ store, clock, scope: { project: 'test', sync: 'churn' }, idsMax: 3 })
    const push = async (id: string) => (await box.append([{ row: {}, bytes: 2 }], id)).added
    for (let n = 0; n < 10; n += 1) expect(await push(`id-${n}`)).toBe(1)
    expect(await push('id-9')).toBe(0)
    expect(await push('id-7')).toBe(0)
    expect(await push('id-6')).toBe(1)
    const kept = await store.scan('inboxState', { prefix: [], limit: 100 })
    expect(kept).toHaveLength(1 + 3 + 3)
  })
})

describe('the inbox is bounded [I12]', () => {
  test.each([
    ['rowsMax', { rowsMax: 2 }, '2 rows, and 1 more would pass inbox.rowsMax (2)'],
    ['bytesMax', { bytesMax: 120 }, '98 bytes, and 49 more would pass inbox.bytesMax (120)'],
  ])('by %s: a push that does not fit is refused whole, until something has left', async (_, bounds, said) => {
    const world = new World()
    const sync = ofChanges(world, [], { inbox: bounds })
    await sync.push([person(1, 0.1), person(2, 0.2)])
    const full = sync.push([person(3, 0.3)], { id: 'third' })
    await expect(full).rejects.toThrow(`INBOX_FULL: the inbox of churn holds ${said}`)
    expect(await inbox(world)).toHaveLength(2)
    await sync.drain()
    expect(await sync.push([person(3, 0.3)], { id: 'third' })).toEqual({ rows: 1, waiting: 1 })
  })

  test('rows that were taken out of the store by hand do not count for ever', async () => {
    const world = new World()
    const sync = ofChanges(world, [], { inbox: { rowsMax: 4 } })
    await sync.push([1, 2, 3, 4].map((n) => person(n, 0.1)))
    const erase = async (from: number) =>
      await world.store.commit(
        (await inbox(world)).slice(from).map(({ key }): Op => ({ op: 'delete', table: 'inbox', key })),
      )
    await erase(2)
    expect((await sync.drain()).rows.read).toBe(2)
    expect(await sync.push([5, 6, 7, 8].map((n) => person(n, 0.1)))).toEqual({ rows: 4, waiting: 4 })
    await erase(0)
    expect((await sync.drain()).rows.read).toBe(0)
    expect(await sync.push([9, 1, 2, 3].map((n) => person(n, 0.1)))).toEqual({ rows: 4, waiting: 4 })
  })

  test('pages of the inbox are as large as those of the source', async () => {
    const world = new World()
    const sync = ofChanges(world, [], { pageSize: 7 })
    const pages: number[] = []
    sync.on('page', ({ rows }) => pages.push(rows))
    await sync.push(people(21))
    await sync.drain()
    expect(pages).toEqual([7, 7, 7])
    expect(await sync.push([person(1, 0.1)])).toEqual({ rows: 1, waiting: 1 })
  })
})

describe('drain()', () => {
  test('reads what was pushed and nothing else: the source stands where it stood', async () => {
    const world = new World()
    const source = new RowsSource({ name: 'scores', rows: [person(1, 0.1)], key: ['id'] })
    let reads = 0
    const watched = Object.assign(Object.create(source), {
      name: 'scores',
      key: ['id'],
      describe: () => source.describe(),
      read: (options: Parameters<RowsSource['read']>[0]) => {
        reads += 1
        return source.read(options)
      },
    })
    const sync = ofChanges(world, [], { source: watched })
    await sync.run()
    const before = await world.store.get('checkpoint', [['test', 'churn']])
    await sync.push([person(2, 0.2)])
    const report = await sync.drain()
    expect(report).toMatchObject({ status: 'complete', reads: 'inbox', rows: { read: 1, accepted: 1 } })
    expect(reads).toBe(1)
    expect(await world.store.get('checkpoint', [['test', 'churn']])).toEqual(before)
    expect((await sync.drain()).rows.read).toBe(0)
    expect((await sync.history()).map((one) => one.reads)).toContain('inbox')
  })

  test('sends pushes of one person in their order, and the newest one stays [I6]', async () => {
    const world = new World()
    const sync = ofChanges(world, [], { pageSize: 2 })
    for (const score of [0.1, 0.2, 0.3, 0.4, 0.5]) await sync.push([person(1, score), person(2, 1 - score)])
    await sync.drain()
    const sent = world.destination.applied.filter(({ address }) => address === 'p1@example.com')
    const said = sent.flatMap(({ action }) => (action.kind === 'profile' ? [action.dataFields?.score] : []))
    expect(said).toEqual([0.1, 0.2, 0.3, 0.4, 0.5])
    expect(scores(world)).toEqual({ p1: 0.5, p2: 0.5 })
  })

  test('leaves rows in the inbox that it could not finish', async () => {
    const world = new World()
    const sync = ofChanges(world)
    await sync.push([person(1, 0.1)])
    world.destination.knob = () =>
      Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply', status: 401 }))
    expect(await sync.drain()).toMatchObject({ status: 'failed', rows: { read: 1, unsettled: 1 } })
    expect(await inbox(world)).toHaveLength(1)
    world.destination.knob = () => undefined
    expect((await sync.drain()).rows).toMatchObject({ read: 1, accepted: 1 })
  })

  test('keeps every row without a key that is refused: two of two pages are two dead letters', async () => {
    const world = new World()
    const source = new RowsSource({ name: 'scores', rows: [{ fail: true }, { fail: true }, { deny: true }] })
    const transform = plainTransform((row): readonly Action[] => {
      if (row.fail === true) throw new Error('no')
      return [{ kind: 'profile', identifiers: { email: 'p1@example.com' }, dataFields: { n: 1 } }]
    })
    world.destination.knob = ({ actions }) =>
      actions.map(() => ({ status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }))
    const sync = ofChanges(world, [], { source, transform, pageSize: 1, rejectedShareMax: 1 })
    await sync.push([{ fail: true }, { deny: true }, { fail: true }, { deny: true }])
    expect((await sync.run()).rows).toMatchObject({ read: 7, rejected: 7 })
    expect(await world.store.scan('deadLetter', { prefix: [], limit: 10 })).toHaveLength(7)
  })

  test('has an end, though more is pushed at each of its pages', async () => {
    const world = new World()
    const sync = ofChanges(world, [], { pageSize: 1 })
    const pushes: Promise<unknown>[] = []
    sync.on('page', () => {
      if (pushes.length < 50) pushes.push(sync.push([person(pushes.length, 0.5)]))
    })
    await sync.push([person(60, 0.1), person(61, 0.2)])
    expect((await sync.drain()).rows).toMatchObject({ read: 2, accepted: 2 })
    await Promise.all(pushes)
    expect(await inbox(world)).toHaveLength(2)
  })

  test('refuses options that it does not know', async () => {
    await expect(ofChanges(new World()).drain({ plan: {} } as never)).rejects.toThrow('OPTION_INVALID: Sync.drain')
  })
})

describe('beside a whole audience', () => {
  test('a pushed row is no proof that its person belongs to it: who is missing leaves the list [I5]', async () => {
    const world = new World()
    const sync = world.sync(people(9))
    await sync.run()
    await sync.push([person(50, 0.9)])
    await sync.drain()
    expect(world.destination.members('at-risk')).toContain('p50@example.com')
    await sync.push([person(51, 0.9), person(1, 0.95)])
    await sync.run()
    expect([...world.destination.members('at-risk')].sort()).toEqual([0, 1, 2].map((n) => `p${n}@example.com`))
  })
})

describe('a plan', () => {
  test('has the rows that wait, leaves them where they are, and holds only while no other is pushed', async () => {
    const world = new World()
    const sync = ofChanges(world, [person(1, 0.1)])
    await sync.push([person(2, 0.2)])
    const plan = await sync.plan()
    expect(plan.rows).toMatchObject({ read: 2, accepted: 2 })
    expect(await inbox(world)).toHaveLength(1)
    expect(await sync.run({ plan })).toMatchObject({ status: 'complete', rows: { accepted: 2 } })

    await sync.push([person(2, 0.3)])
    const stale = await sync.plan()
    await sync.push([person(3, 0.4)])
    expect(await sync.run({ plan: stale })).toMatchObject({ status: 'stopped', error: { code: 'PLAN_STALE' } })
  })
})

/** A store whose nth commit from `arm` on does not come through: before it is written, or when it is and nobody hears. */
class Failing extends MemoryStore {
  arm: { left: number; readonly written: boolean } | undefined

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.arm === undefined || --this.arm.left > 0) return await super.commit(ops)
    const { written } = this.arm
    this.arm = undefined
    if (written) await super.commit(ops)
    throw new Error('the store is gone')
  }
}

test.each([false, true])(
  'a crash at any commit of pushes and drains loses no row and invents none, written %s [I1] [I4]',
  async (written) => {
    let crashes = 0
    for (let left = 1; left <= 60; left += 1) {
      const store = new Failing()
      const world = new World({ store })
      const sync = ofChanges(world, [], { pageSize: 2 })
      /** What a host does: it pushes again what it has no answer for, by the same id, and drains again. */
      const batches = [
        [person(1, 0.1), person(2, 0.9), person(3, 0.3)],
        [person(1, 0.8)],
        [person(4, 0.4), { id: 'c-5' }],
      ]
      let crashed = false
      const again = async <T>(go: () => Promise<T>): Promise<void> => {
        store.arm ??= crashed ? undefined : { left, written }
        await go().catch(() => undefined)
        if (store.arm === undefined && !crashed) {
          crashed = true
          world.clock.advance(60_001) // the lease of the dead is over
          await go()
        }
      }
      if (left > 1) store.arm = { left, written }
      for (const [nth, rows] of batches.entries()) {
        await again(() => sync.push(rows, { id: String(nth) }))
        if (nth === 1) await again(() => sync.drain())
      }
      await again(() => sync.drain())
      store.arm = undefined
      crashes += Number(crashed)
      expect(await sync.drain()).toMatchObject({ status: 'complete', rows: { read: 0 } })
      expect(scores(world)).toEqual({ p1: 0.8, p2: 0.9, p3: 0.3, p4: 0.4 })
      expect([...world.destination.members('at-risk')].sort()).toEqual(['p1@example.com', 'p2@example.com'])
      expect(await store.scan('parked', { prefix: [], limit: 10 })).toHaveLength(2) // nobody knows the address of c-5
      if (!crashed) break
    }
    expect(crashes).toBeGreaterThan(12)
  },
)

test('pushes of several syncs at once over one store are each kept whole, while a third one drains', async () => {
  const world = new World()
  const of = () => ofChanges(world, [], { pageSize: 3 })
  const writers = [of(), of(), of()]
  const rounds = Array.from({ length: 20 }, (_, round) => round)
  const pushing = writers.map(async (sync, writer) => {
    for (const round of rounds) await sync.push([person(writer, round), person(10 + writer, round)])
  })
  const drainer = of()
  let pushed = false
  void Promise.all(pushing).then(() => {
    pushed = true
  })
  let read = 0
  for (let wasPushed = false; !wasPushed; ) {
    wasPushed = pushed
    read += (await drainer.drain()).rows.read
  }
  expect(read).toBe(3 * 20 * 2)
  expect(scores(world)).toMatchObject({ p0: 19, p1: 19, p2: 19 })
  for (const n of [0, 1, 2]) {
    const sent = world.destination.applied.filter(({ address }) => address === `p${n}@example.com`)
    const said = sent.flatMap(({ action }) => (action.kind === 'profile' ? [action.dataFields?.score] : []))
    expect(said).toEqual(rounds)
  }
})
