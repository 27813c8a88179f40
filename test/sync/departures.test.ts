import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
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
