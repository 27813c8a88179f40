import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { scoreAndList, World } from './world.js'

/** Rows of one table in which a customer may have several: keyed by row, with the customer as identifier. */
const rowsOf = (
  ...rows: readonly (readonly [row: string, customer: string, email: string | null, fields: Row])[]
): Row[] => rows.map(([row, customer, email, fields]) => ({ row, customer, ...(email ? { email } : {}), ...fields }))

const transform = () =>
  plainTransform(
    ({ row: _row, customer, email, ...dataFields }) => [
      {
        kind: 'profile',
        identifiers: { customer_id: String(customer), ...(typeof email === 'string' ? { email } : {}) },
        dataFields,
      },
    ],
    [],
  )

async function run(world: World, rows: readonly Row[], more = {}) {
  const { RowsSource } = await import('../../src/sources/from-rows.js')
  const source = new RowsSource({ name: 'scores', rows, key: ['row'], complete: false })
  return await world.sync([], { source, transform: transform(), ...more }).run()
}

const profile = (world: World, address: string) => {
  const all = world.destination.applied.flatMap(({ address: to, action }) =>
    to === address && action.kind === 'profile' ? [action.dataFields] : [],
  )
  return Object.assign({}, ...all)
}

describe('a parked write', () => {
  test('does not overwrite a newer one that was accepted before it found its address [I6]', async () => {
    const world = new World()
    expect((await run(world, rowsOf(['r1', 'c-1', null, { score: 0.1 }]))).rows.parked).toBe(1)
    const report = await run(world, rowsOf(['r2', 'c-1', 'ann@example.com', { score: 0.9 }]))
    expect(report).toMatchObject({ rows: { accepted: 1 }, unparked: 0, overtaken: 1 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9 })
    expect(await world.store.scan('parked', { prefix: ['test'], limit: 10 })).toEqual([])
  })

  test('still brings the fields that nothing newer has written [I6]', async () => {
    const world = new World()
    await run(world, rowsOf(['r1', 'c-1', null, { score: 0.1, tier: 'gold' }]))
    const report = await run(world, rowsOf(['r2', 'c-1', 'ann@example.com', { score: 0.9 }]))
    expect(report).toMatchObject({ unparked: 1, overtaken: 0 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9, tier: 'gold' })
  })

  test('is held against what a newer row wrote, also where the page of an older one that had nothing new finished later [I6]', async () => {
    const world = new World({ destination: new RecordingDestination({ sizeMax: 1 }) })
    const older = ['r1', 'c-2', 'ann@example.com', { score: 0.1 }] as const
    const parked = ['r2', 'c-1', null, { score: 0.5 }] as const
    await run(world, rowsOf(older, parked))
    world.destination.knob = (async ({ rows }: { rows: readonly { address: string }[] }) => {
      const isSlow = rows.some(({ address }) => address === 'bob@example.com')
      for (let turn = 0; isSlow && turn < 200; turn += 1) await setImmediate()
    }) as never
    const slow = ['r3', 'c-3', 'bob@example.com', { score: 0.1 }] as const
    const newer = ['r4', 'c-2', 'ann@example.com', { score: 0.9 }] as const
    await run(world, rowsOf(older, slow, parked, newer), { pageSize: 2, concurrency: 2 })
    const ids = [
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'email', value: 'ann@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: '2027-01-01T00:00:00Z', ids }])
    expect(await run(world, [])).toMatchObject({ unparked: 0, overtaken: 1 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9 })
  })

  test('is held against what a run long before the address was found accepted [I6]', async () => {
    const world = new World()
    await run(world, rowsOf(['r1', 'c-1', null, { score: 0.1 }]))
    await run(world, rowsOf(['r2', 'c-2', 'ann@example.com', { score: 0.9 }]))
    // c-1 turns out to be who ann's newest record says.
    const ids = [
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'email', value: 'ann@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: '2027-01-01T00:00:00Z', ids }])
    expect(await run(world, [])).toMatchObject({ unparked: 0, overtaken: 1 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9 })
  })

  test('goes out where only older ones were accepted', async () => {
    const world = new World()
    await run(world, rowsOf(['r1', 'c-1', 'ann@example.com', { score: 0.1 }]))
    const late = { customer_id: 'c-9', row: 'r2', customer: 'c-9', score: 0.9 }
    await run(world, [late as Row])
    await world.identity.retract([{ source: 'scores', key: 'r1' }])
    const ids = [
      { namespace: 'customer_id', value: 'c-9' },
      { namespace: 'email', value: 'ann@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: null, ids }])
    expect(await run(world, [])).toMatchObject({ unparked: 1, overtaken: 0 })
    expect(profile(world, 'ann@example.com').score).toBe(0.9)
  })

  test('of a customer who has left the whole audience is not subscribed', async () => {
    const world = new World()
    const audience = (rows: Row[]) => world.sync(rows, { complete: true, transform: plainTransform(scoreAndList, []) })
    await audience([
      { id: 'c-1', score: 0.9 },
      { id: 'c-2', email: 'bob@example.com', score: 0.9 },
    ]).run()
    const ids = [
      { namespace: 'customer_id', value: 'c-1' },
      { namespace: 'email', value: 'ann@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: null, ids }])
    const report = await audience([{ id: 'c-2', email: 'bob@example.com', score: 0.9 }]).run()
    expect(report).toMatchObject({ status: 'complete', unparked: 0, overtaken: 2 })
    expect(world.destination.members('at-risk')).toEqual(new Set(['bob@example.com']))
    expect(world.destination.profiles().has('ann@example.com')).toBe(false)
  })
})

describe('two rows of one address', () => {
  const two = (first: number, second: number) =>
    rowsOf(['r1', 'c-1', 'ann@example.com', { score: first }], ['r2', 'c-1', 'ann@example.com', { score: second }])

  test.each([1, 7])('the later one is not left out when the earlier one changed, in pages of %i', async (pageSize) => {
    const world = new World()
    await run(world, two(0.1, 0.9), { pageSize })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9 })
    expect((await run(world, two(0.1, 0.9), { pageSize })).rows.unchanged).toBe(2)
    const report = await run(world, two(0.2, 0.9), { pageSize })
    expect(report.rows).toMatchObject({ accepted: 2, unchanged: 0 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.9 })
    expect((await run(world, two(0.2, 0.9), { pageSize })).rows.unchanged).toBe(2)
  })

  test('a change of the later one is sent alone', async () => {
    const world = new World()
    await run(world, two(0.1, 0.9))
    expect((await run(world, two(0.1, 0.8))).rows).toMatchObject({ accepted: 1, unchanged: 1 })
    expect(profile(world, 'ann@example.com')).toEqual({ score: 0.8 })
  })
})

describe('what a former run left behind', () => {
  test('does not stay as a dead letter when the row goes back to what was accepted', async () => {
    const world = new World()
    const row = (score: number) => rowsOf(['r1', 'c-1', 'ann@example.com', { score }])
    await run(world, row(0.1))
    const refusal: Outcome = { status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { problem: 'x' } } }
    world.destination.knob = ({ rows }) => rows.map(() => refusal)
    expect((await run(world, row(0.2))).rows.rejected).toBe(1)
    world.destination.knob = () => undefined
    expect((await run(world, row(0.1))).rows.unchanged).toBe(1)
    expect(await world.store.scan('deadLetter', { prefix: ['test'], limit: 10 })).toEqual([])
  })
})

describe('an address that moved', () => {
  test('takes along what was sent to it, so that nothing is sent again', async () => {
    const world = new World()
    const rows = rowsOf(['r1', 'c-1', null, { score: 0.5 }])
    const known = (email: string, day: number) =>
      world.identity.observe([
        {
          source: 'crm',
          key: '1',
          observedAt: `2026-01-0${day}T00:00:00Z`,
          ids: [
            { namespace: 'customer_id', value: 'c-1' },
            { namespace: 'email', value: email },
          ],
        },
      ])
    await known('old@example.com', 1)
    expect((await run(world, rows)).rows.accepted).toBe(1)
    await known('new@example.com', 2)
    expect(await run(world, rows)).toMatchObject({ retargeted: 1, rows: { unchanged: 1 } })
  })
})
