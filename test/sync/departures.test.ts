import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

/** The row says which kind of action, about whom. */
const transform = plainTransform(
  (row: Row): readonly Action[] => {
    const identifiers = {
      customer_id: String(row.who),
      ...(typeof row.email === 'string' ? { email: row.email } : {}),
    }
    const kind = String(row.kind)
    if (kind === 'subscription') return [{ kind, identifiers, unsubscribedChannelIds: [7] }]
    if (kind === 'event') return [{ kind, identifiers, eventName: 'seen' }]
    if (kind === 'profile') return [{ kind, identifiers, dataFields: { score: 1 } }]
    return [{ kind: kind as 'delete', identifiers }]
  },
  ['who', 'email', 'kind'],
)

const REFUSED: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
const ADA = 'ada@example.com'
const about = (kind: string, email: string | null = ADA): Row => ({ id: `r-${kind}`, who: 'c-1', email, kind })
const run = (world: World, ...rows: Row[]) =>
  world.sync(rows, { transform, complete: false, rejectedShareMax: 1 }).run()
const kinds = (world: World) => world.destination.applied.map(({ action }) => action.kind)

describe('what was held back for somebody who has left since', () => {
  test('is not sent after they were deleted: they would be made again by an older row [I6]', async () => {
    const world = new World()
    expect((await run(world, about('profile', null))).rows.parked).toBe(1)
    world.clock.advance(1_000)
    expect(await run(world, about('delete'))).toMatchObject({ overtaken: 1, unparked: 0 })
    expect(kinds(world)).toEqual(['delete'])
  })

  test('is sent where it was read after they were deleted', async () => {
    const world = new World()
    await run(world, about('delete'))
    world.clock.advance(1_000)
    await world.sync([{ id: 'r', who: 'c-2', email: null, kind: 'profile' }], { transform, complete: false }).run()
    world.clock.advance(1_000)
    // another record shows that both are one person
    await world
      .sync([{ id: 'e', who: 'c-2', email: 'eve@example.com', kind: 'event' }], { transform, complete: false })
      .run()
    expect(kinds(world)).toEqual(['delete', 'event', 'profile'])
  })

  test('is dropped after they were forgotten, and nothing of it is kept', async () => {
    const world = new World()
    await run(world, about('profile', null))
    world.clock.advance(1_000)
    expect((await run(world, about('forget'))).overtaken).toBe(1)
    expect(kinds(world)).toEqual(['forget'])
    for (const table of ['parked', 'deadLetter'] as const)
      expect(await world.store.scan(table, { prefix: ['test', 'churn'], limit: 10 })).toEqual([])
  })

  test('nor is anything kept of what comes later [I4]', async () => {
    const world = new World()
    await run(world, about('forget'))
    const { rows, reasons } = await run(world, about('profile'), about('event'))
    expect([rows.rejected, reasons.map(({ reason }) => reason.code)]).toEqual([2, ['USER_FORGOTTEN']])
    expect(await world.store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 10 })).toEqual([])
  })
})

describe('what was sent before somebody was deleted', () => {
  test('is sent again where it is not there any more, and events, which have happened, are not', async () => {
    const world = new World()
    const said = [about('profile'), about('subscription'), about('event')]
    await run(world, ...said)
    await run(world, about('delete'))
    expect((await run(world, ...said)).rows).toMatchObject({ accepted: 2, unchanged: 1 })
    expect((await run(world, ...said)).rows).toMatchObject({ unchanged: 3 })
    expect(kinds(world).slice(-3).sort()).toEqual(['delete', 'profile', 'subscription'])
  })

  test('of a page that is on its way together with the deletion comes after it', async () => {
    const world = new World()
    await run(world, about('profile'))
    await run(
      world,
      about('delete'),
      ...Array.from({ length: 12 }, (_, n) => ({ ...about('event'), id: `f-${n}` })),
      about('profile'),
    )
    expect(kinds(world).filter((kind) => kind !== 'event')).toEqual(['profile', 'delete', 'profile'])
  })
})

test('nobody is moved to the address of somebody who was forgotten, nor away from it: it is a dead letter [I4]', async () => {
  const world = new World()
  const crm = (email: string, observedAt: string) => ({
    source: 'crm',
    key: 'c-2',
    observedAt,
    ids: [
      { namespace: 'customer_id', value: 'c-2' },
      { namespace: 'email', value: email },
    ],
  })
  await run(world, about('forget'))
  await world.identity.observe([crm('bob@example.com', '2026-01-01T00:00:00Z')])
  await run(world, { id: 'p', who: 'c-2', email: null, kind: 'profile' })
  const list = { list: 'news', claimant: 'p', address: 'bob@example.com', member: true }
  const owner = { project: 'test', owner: 'churn', epoch: 'before' }
  await world.store.commit((await world.lists.note([list], owner)).ops)
  await world.store.commit([
    {
      op: 'put',
      table: 'departed',
      key: ['test', hash('sha256', 'new@example.com')],
      value: { times: 1, gone: true, forever: true, at: '2026-01-01T00:00:00.000Z' },
    },
  ])
  await world.identity.observe([crm('new@example.com', '2026-02-01T00:00:00Z')])
  const report = await run(world, { id: 'p', who: 'c-2', email: null, kind: 'profile' })
  expect([kinds(world), report.retargeted]).toEqual([['forget', 'profile'], 0])
  expect(report.reasons.map(({ reason }) => reason.code)).toEqual(['USER_FORGOTTEN'])
  const letters = await world.store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 10 })
  expect(letters.map(({ key }) => key.at(-1))).toContain('addressChange')
})

test('a plan writes nobody down as gone', async () => {
  const world = new World()
  await world.sync([about('delete')], { transform, complete: false }).plan()
  expect(await world.store.scan('departed', { prefix: ['test'], limit: 10 })).toEqual([])
  expect((await run(world, about('delete'))).rows.accepted).toBe(1)
})

describe('a person of whom two rows say that they leave', () => {
  const gone = (id: string, kind: string): Row => ({ ...about(kind), id })
  const ONE_EACH = () => new World({ destination: new RecordingDestination({ sizeMax: 1 }) })
  const held = async ({ store }: World) =>
    (
      await Promise.all((['parked', 'deadLetter'] as const).map((table) => store.scan(table, { prefix: [], limit: 9 })))
    ).flat()

  test.each(['delete', 'forget'])(
    'within a run is one request of %s, and an outcome for each row, on one page or two',
    async (kind) => {
      for (const pageSize of [1, 7]) {
        const world = ONE_EACH()
        const rows = [gone('r-1', kind), gone('r-2', kind), gone('r-3', kind)]
        const report = await world.sync(rows, { transform, complete: false, pageSize }).run()
        expect(report).toMatchObject({ status: 'complete', rows: { read: 3, accepted: 1, unchanged: 2 } })
        expect(kinds(world)).toEqual([kind])
        expect(report.requests).toEqual({ apply: 1 })
      }
    },
  )

  test('is deleted twice where they were written to in between, and forgotten also where they were deleted before', async () => {
    const world = ONE_EACH()
    const rows = [
      gone('r-1', 'delete'),
      gone('r-2', 'profile'),
      gone('r-3', 'delete'),
      gone('r-4', 'forget'),
      gone('r-5', 'delete'),
    ]
    expect((await run(world, ...rows)).rows).toMatchObject({ accepted: 4, unchanged: 1 })
    expect(kinds(world)).toEqual(['delete', 'profile', 'delete', 'forget'])
  })

  test('is asked for once more where the first was refused, and each row has its outcome', async () => {
    const world = ONE_EACH()
    world.destination.knob = (_, nth) => (nth === 0 ? [REFUSED] : undefined)
    expect((await run(world, gone('r-1', 'delete'), gone('r-2', 'delete'))).rows).toMatchObject({
      rejected: 1,
      accepted: 1,
    })
    expect((await world.sync([]).replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, unchanged: 1 })
    expect(world.destination.sent).toHaveLength(2)
  })

  test.each(['delete', 'forget'])('of which a crash left %s unanswered is asked for once again', async (kind) => {
    const world = ONE_EACH()
    const rows = [gone('r-1', kind), gone('r-2', kind)]
    world.destination.knob = () => {
      throw new LakeloopError('DESTINATION_UNAUTHORIZED', {})
    }
    expect((await run(world, ...rows)).status).toBe('failed')
    world.destination.knob = () => undefined
    expect((await run(world, ...rows)).rows).toMatchObject({ read: 2, accepted: 1, unchanged: 1, unsettled: 0 })
    expect(kinds(world)).toEqual([kind])
  })

  test.each(['delete', 'forget'])('of which both were kept is one request of %s: parked, or replayed', async (kind) => {
    const waits: Outcome = { status: 'parked', reason: { code: 'FORGET_WAITING', facts: {} } }
    for (const outcome of [waits, REFUSED]) {
      const world = ONE_EACH()
      world.destination.knob = () => [outcome]
      await run(world, gone('r-1', kind), gone('r-2', kind))
      expect(await held(world)).toHaveLength(2)
      world.destination.knob = () => undefined
      const next = world.sync([], { transform, complete: false })
      if (outcome === waits) expect(await next.run()).toMatchObject({ unparked: 1, overtaken: 1 })
      else expect((await next.replay({ deadLetters: 'all' })).rows).toMatchObject({ accepted: 1, unchanged: 1 })
      expect(kinds(world)).toEqual([kind])
      expect(await held(world)).toEqual([])
    }
  })

  test('is erased once, also where a row waits to have them forgotten, and while the queue is not answered', async () => {
    const world = ONE_EACH()
    world.destination.knob = () => [{ status: 'parked', reason: { code: 'FORGET_WAITING', facts: {} } }]
    await run(world, gone('r-1', 'forget'))
    expect(await held(world)).toHaveLength(1)
    const sync = world.sync([], { transform, complete: false })
    expect((await sync.erase({ email: ADA })).forget?.queued).toBe(1)
    expect(await held(world)).toEqual([])
    world.destination.knob = () => {
      throw new LakeloopError('DESTINATION_UNAUTHORIZED', {})
    }
    await sync.run()
    expect((await sync.erase({ email: ADA })).forget?.queued).toBe(1)
    world.destination.knob = () => undefined
    world.destination.sent.length = 0
    expect((await run(world, gone('r-2', 'forget'), gone('r-3', 'delete'))).rows).toMatchObject({
      read: 2,
      rejected: 2,
    })
    expect(world.destination.sent).toHaveLength(1)
    expect(kinds(world)).toEqual(['forget'])
    expect(await world.store.scan('erasing', { prefix: [], limit: 9 })).toEqual([])
  })

  test('is one request of a plan, too, and of the run that sends it', async () => {
    const world = ONE_EACH()
    const sync = world.sync([gone('r-1', 'forget'), gone('r-2', 'forget')], { transform, complete: false })
    const plan = await sync.plan()
    expect(plan.requests).toHaveLength(1)
    expect(await sync.run({ plan })).toMatchObject({ status: 'complete', requests: { apply: 1 } })
  })

  test('and who came back by a replay can be deleted again', async () => {
    for (const kind of ['profile', 'event']) {
      const world = ONE_EACH()
      world.destination.knob = () => [REFUSED]
      await run(world, gone('r-1', 'delete'), gone('r-2', kind))
      world.destination.knob = () => undefined
      await world.sync([], { transform }).replay({ deadLetters: 'all' })
      await run(world, gone('r-3', 'delete'))
      expect(kinds(world)).toEqual(['delete', kind, 'delete'])
    }
  })
})
