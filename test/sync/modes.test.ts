import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { LogSource } from './log-source.js'
import { plainTransform } from './plain-transform.js'
import { people, scoreAndList, World } from './world.js'

const LIST = 'at-risk'
const transform = plainTransform(
  (row) => (row.gone === true ? scoreAndList({ ...row, score: 0 }).slice(1) : scoreAndList(row)),
  ['id', 'score'],
)

/** 20 people in a log of changes, read to its end; the first 7 are on the list. */
async function begun(more: Partial<SyncOptions> = {}) {
  const world = new World()
  const source = new LogSource(people(20))
  const sync = world.sync([], { source, transform, pageSize: 6, ...more })
  const first = await sync.run()
  const sent = () => world.destination.sent.splice(0).flatMap(({ rows }) => rows)
  const begin = sent().length
  return { world, source, sync, first, sent, begin }
}

/** A person whose row left, and nobody was told. */
function lose(source: LogSource, id: string): void {
  const at = source.log.findIndex((row) => row.id === id)
  source.log.splice(at, 1)
}

const changed = (row: Row, score: number): Row => ({ ...row, score })
const rowOf = (source: LogSource, id: string): Row => source.log.find((row) => row.id === id) as Row

describe("run({ mode: 'full' })", () => {
  test('sends every row, although all are known, and then knows them again', async () => {
    const { sync, sent } = await begun()
    expect((await sync.run()).rows).toMatchObject({ read: 0 })
    expect(await sync.run({ mode: 'full' })).toMatchObject({ status: 'complete', rows: { read: 20, accepted: 20 } })
    expect(new Set(sent().map(({ address }) => address)).size).toBe(20)
    expect((await sync.run({ mode: 'resync' })).rows).toMatchObject({ read: 20, accepted: 0, unchanged: 20 })
    expect(sent()).toEqual([])
  })

  test('tells of no event and no purchase a second time', async () => {
    const items = [{ id: 'i', name: 'i', price: 1, quantity: 1 }]
    const make = ({ email }: Row): readonly Action[] => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields: { a: 1 } },
      { kind: 'event', identifiers: { email: String(email) }, eventName: 'seen' },
      { kind: 'purchase', identifiers: { email: String(email) }, total: 1, items },
      { kind: 'cart', identifiers: { email: String(email) }, items },
    ]
    const { sync, sent, begin } = await begun({ transform: plainTransform(make) })
    expect(begin).toBe(80)
    await sync.run({ mode: 'full' })
    expect(sent().map(({ action }) => action.kind)).toEqual(expect.not.arrayContaining(['event', 'purchase']))
    await sync.run({ mode: 'full' })
    const kinds = sent().map(({ action }) => action.kind)
    expect(kinds.filter((kind) => kind === 'profile')).toHaveLength(20)
    expect(kinds.filter((kind) => kind === 'cart')).toHaveLength(20)
  })

  test('that was interrupted does not send again what it sent', async () => {
    const world = new World()
    const sync = world.sync(people(30), { pageSize: 30, concurrency: 1 }) // a page of three requests
    await sync.run()
    world.destination.sent.length = 0
    world.destination.applied.length = 0
    world.destination.knob = (_, nth) =>
      nth > 0 ? Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', {})) : undefined
    const applied = () => world.destination.applied.filter(({ action }) => action.kind === 'profile')
    expect((await sync.run({ mode: 'full' })).status).toBe('failed')
    expect(applied()).toHaveLength(10)
    world.destination.knob = () => undefined
    expect((await sync.run()).status).toBe('complete')
    expect(applied()).toHaveLength(30)
    expect((await sync.run()).rows).toMatchObject({ unchanged: 30 })
  })
})

describe("run({ mode: 'resync' })", () => {
  test('reads from the beginning, and sends what differs', async () => {
    const { source, sync, sent, world } = await begun()
    source.log[9] = changed(source.log[9] as Row, 0.8)
    expect((await sync.run()).rows.read).toBe(0)
    const report = await sync.run({ mode: 'resync' })
    expect(report).toMatchObject({ status: 'complete', rows: { read: 20, accepted: 1, unchanged: 19 } })
    expect(sent().map(({ address }) => address)).toEqual(['p9@example.com', 'p9@example.com'])
    expect(world.destination.members(LIST).size).toBe(8)
    expect(source.reads.at(-1)).toEqual({ former: { seen: 20 } })
  })

  test('takes those off their lists whose leaving was never told [I11]', async () => {
    const { source, sync, world } = await begun()
    lose(source, 'c-0')
    expect(await sync.run({ mode: 'resync' })).toMatchObject({ lists: [{ list: LIST, remove: 1, keep: 6 }] })
    expect(world.destination.members(LIST)).not.toContain('p0@example.com')
  })

  test('holds back more removals than the guard allows [I11]', async () => {
    const world = new World()
    const source = new LogSource(people(120))
    const sync = world.sync([], { source, transform })
    await sync.run()
    source.log.splice(0, 30)
    expect(await sync.run({ mode: 'resync' })).toMatchObject({ status: 'stopped', error: { code: 'LIST_GUARD' } })
    expect(world.destination.members(LIST).size).toBe(40)
  })

  test('that was interrupted goes on where it stood, removals and all, in a run of any kind', async () => {
    const { source, sync, world } = await begun()
    lose(source, 'c-0')
    const cancel = new AbortController()
    sync.once('progress', () => cancel.abort())
    expect((await sync.run({ mode: 'resync', signal: cancel.signal })).status).toBe('cancelled')
    expect(world.destination.members(LIST)).toContain('p0@example.com')
    const report = await sync.run()
    expect(source.reads.slice(-2)).toEqual([{ former: { seen: 20 } }, { after: { to: 19, at: 6, leaves: true } }])
    expect(report).toMatchObject({ status: 'complete', rows: { read: 13 }, lists: [{ remove: 1, keep: 6 }] })
    await sync.run()
    expect(source.reads.at(-1)).toEqual({ after: { seen: 19 } })
  })

  test('that was interrupted before its first page still knows that rows may have left', async () => {
    const { source, sync, world } = await begun()
    lose(source, 'c-0')
    source.log[0] = changed(source.log[0] as Row, 0.95)
    world.destination.knob = () => Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', {}))
    expect((await sync.run({ mode: 'resync' })).status).toBe('failed')
    world.destination.knob = () => undefined
    const report = await sync.run()
    expect(source.reads.slice(-2)).toEqual([{ former: { seen: 20 } }, { former: { seen: 20 } }])
    expect(report).toMatchObject({ rows: { read: 19, accepted: 1 }, lists: [{ remove: 1 }] })
  })

  test('that could not begin leaves the sync where it stands', async () => {
    const { source, sync, world } = await begun()
    const { open } = world.destination
    world.destination.open = () => Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', {}))
    expect((await sync.run({ mode: 'resync' })).status).toBe('failed')
    world.destination.open = open
    source.log.push(changed(rowOf(source, 'c-1'), 0.95))
    expect((await sync.run()).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(source.reads.at(-1)).toEqual({ after: { seen: 20 } })
  })

  test('goes on with a full pass that is under way, which does more; a full one begins anew', async () => {
    const { source, sync } = await begun()
    const interrupted = async (mode: 'full' | 'resync') => {
      const cancel = new AbortController()
      sync.once('page', () => cancel.abort())
      return await sync.run({ mode, signal: cancel.signal })
    }
    await interrupted('resync')
    await interrupted('full')
    const under = { to: 20, at: 6, leaves: true }
    expect(source.reads.slice(-2)).toEqual([{ former: { seen: 20 } }, { former: under }])
    expect((await sync.run({ mode: 'resync' })).rows).toMatchObject({ read: 20, accepted: 20 })
    expect(source.reads.at(-1)).toEqual({ former: under })
  })

  test('of rows that are read whole each time is what a run is', async () => {
    const world = new World()
    await world.sync(people(20)).run()
    const report = await world.sync(people(19)).run({ mode: 'resync' })
    expect(report).toMatchObject({ rows: { read: 19, unchanged: 19 } })
  })
})

describe('plan({ mode })', () => {
  test.each(['full', 'resync'] as const)('of %s is what such a run sends, and changes nothing', async (mode) => {
    const { source, sync, sent, world } = await begun()
    source.log[9] = changed(source.log[9] as Row, 0.8)
    const plan = await sync.plan({ mode })
    expect(plan).toMatchObject({ mode, rows: { read: 20, accepted: mode === 'full' ? 20 : 1 } })
    expect(sent()).toEqual([])
    expect((await sync.run({ plan })).status).toBe('complete')
    expect(world.destination.sent).toHaveLength(plan.requests.length)
    expect(await sync.plan()).not.toHaveProperty('mode')
  })

  test('is a plan of that mode alone', async () => {
    const { sync } = await begun()
    const plan = await sync.plan()
    await expect(sync.run({ plan, mode: 'full' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      facts: { option: 'mode', problem: 'is full, and the plan was made for what changed' },
    })
    await expect(sync.run({ mode: 'some' as never })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe("start: 'now'", () => {
  test('sends nothing of what is there, and then what comes; a resync sends the rest', async () => {
    const { source, sync, sent, first, begin, world } = await begun({ start: 'now' })
    expect(first).toMatchObject({ status: 'complete', rows: { read: 0 } })
    expect(begin).toBe(0)
    source.log.push(changed(rowOf(source, 'c-9'), 0.8))
    expect((await sync.run()).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(sent().map(({ address }) => address)).toEqual(['p9@example.com', 'p9@example.com'])
    expect((await sync.run({ mode: 'resync' })).rows).toMatchObject({ read: 20, accepted: 19, unchanged: 1 })
    expect(world.destination.members(LIST).size).toBe(8)
  })

  test('of a first run that failed begins where the next one finds the source', async () => {
    const world = new World()
    const source = new LogSource(people(3))
    const sync = world.sync([], { source, transform, start: 'now' })
    const { head } = source
    source.head = () => Promise.reject(new LakeloopError('SOURCE_UNREACHABLE', { source: 'log', problem: 'down' }))
    expect(await sync.run()).toMatchObject({ status: 'failed', error: { code: 'SOURCE_UNREACHABLE' } })
    source.head = head
    await sync.run()
    source.log.push({ id: 'c-new', email: 'new@example.com', score: 1 })
    expect((await sync.run()).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(world.destination.profiles().size).toBe(1)
  })

  test('is as well asked of a plan, which takes no position', async () => {
    const world = new World()
    const source = new LogSource(people(3))
    const sync = world.sync([], { source, transform, start: 'now' })
    expect(await sync.plan()).toMatchObject({ rows: { read: 0 }, requests: [] })
    expect((await sync.plan({ mode: 'full' })).rows.read).toBe(3)
    await sync.run()
    expect(source.reads).toHaveLength(1)
  })

  test('is refused, before anything is opened, where there is no position to begin at', () => {
    const world = new World()
    expect(() => world.sync(people(2), { start: 'now' })).toThrow(
      /scores does not know where it stands: say `backfill`/,
    )
    const more = { start: 'now', source: new LogSource(), audience: { list: LIST } } as const
    expect(() => world.sync([], more)).toThrow(/`audience` needs all rows/)
    expect(() => world.sync([], { start: 'later' as never })).toThrow(/start/)
  })
})

test('a source of old, which knows nothing of being read anew, is read from its beginning', async () => {
  const world = new World()
  const source = new RowsSource({ name: 'scores', rows: people(9), key: ['id'] })
  const sync = world.sync([], { source, pageSize: 3 })
  await sync.run()
  expect((await sync.run({ mode: 'full' })).rows).toMatchObject({ read: 9, accepted: 9 })
})
