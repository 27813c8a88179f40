import { expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

const bought = (row: Row): readonly Action[] => [
  {
    kind: 'purchase',
    identifiers: { customer_id: String(row.id), ...(typeof row.email === 'string' ? { email: row.email } : {}) },
    total: Number(row.total),
    items: [],
  },
]
const transform = plainTransform(bought, ['id', 'email', 'total'])
const order = (total = 9): Row => ({ id: 'o-1', email: 'ada@example.com', total })

/** A process that dies where it is told: nothing is written from then on. */
class DyingStore extends MemoryStore {
  dead = false
  diesAtCursor = false
  readonly puts: Op[] = []

  override async commit(ops: readonly Op[]): Promise<void> {
    const moves = ({ op, table, value }: Op & { value?: unknown }) =>
      op === 'put' && table === 'checkpoint' && ((value as { cursor?: unknown }).cursor ?? null) !== null
    this.dead ||= this.diesAtCursor && ops.some(moves)
    if (this.dead) throw new LakeloopError('STORE_FAILED')
    this.puts.push(...ops.filter(({ op }) => op === 'put'))
    return super.commit(ops)
  }
}

function world(sizeMax = 1) {
  const store = new DyingStore()
  const destination = new RecordingDestination({ sizeMax })
  const made = new World({ store, destination })
  const run = async (...rows: Row[]) => await made.sync(rows, { transform, complete: false }).run()
  const die = () => {
    destination.knob = () => {
      store.dead = true
      throw new LakeloopError('DESTINATION_UNAUTHORIZED', {})
    }
  }
  const rise = () => {
    store.dead = false
    destination.knob = () => undefined
  }
  return { store, destination, run, die, rise, clock: made.clock }
}

test('what is not harmless to repeat is written down before it is sent [I2]', async () => {
  const { store, destination, run } = world()
  destination.knob = () => {
    expect(store.puts).toContainEqual(
      expect.objectContaining({ table: 'fingerprint', value: { intent: expect.any(String) } }),
    )
    return undefined
  }
  expect(await run(order())).toMatchObject({ status: 'complete', rows: { accepted: 1 } })
  expect(destination.again).toEqual([false])
})

test('after a crash with no answer the destination is told that it may have arrived [I2]', async () => {
  const { destination, run, die, rise, clock } = world()
  die()
  await run(order()).catch(() => undefined)
  rise()
  clock.advance(120_000) // the lease of the dead
  expect(await run(order())).toMatchObject({ status: 'complete', rows: { accepted: 1 } })
  expect(destination.again).toEqual([false, true])
  expect(await run(order())).toMatchObject({ rows: { unchanged: 1 } })
})

test('a purchase that shares a request with one that may have arrived is not sent without being written down [I2]', async () => {
  const { store, destination, run, die, rise, clock } = world(2)
  const other = { id: 'o-2', email: 'bob@example.com', total: 9 }
  die()
  await run(order()).catch(() => undefined)
  rise()
  clock.advance(120_000)
  die()
  await run(order(), other).catch(() => undefined)
  expect(destination.again).toEqual([false, true])
  const kept = await store.get('fingerprint', [['test', 'churn', 'o-2', 'purchase']])
  expect(kept).toEqual([{ intent: expect.any(String) }])
})

test('a row that says something else since is no repeat of it', async () => {
  const { destination, run, die, rise, clock } = world()
  die()
  await run(order(9)).catch(() => undefined)
  rise()
  clock.advance(120_000)
  await run(order(10))
  expect(destination.again).toEqual([false, false])
})

test('an earlier purchase of the same row key is not sent again as if it were new [I2]', async () => {
  const { store, destination, run, die, rise, clock } = world()
  destination.knob = (request, nth) => {
    if (nth < 2) return undefined
    die()
    return destination.knob(request, nth)
  }
  const rows = [order(9), order(10), order(11)]
  await run(...rows).catch(() => undefined)
  rise()
  clock.advance(120_000)
  expect(await run(...rows)).toMatchObject({ status: 'complete', rows: { accepted: 3 } })
  expect(destination.again).toEqual([false, false, false, true, true, true])
  // Behind the cursor one fingerprint is left of the key, as ever.
  expect(await store.get('fingerprint', [['test', 'churn', 'o-1', 'purchase']])).toEqual([expect.any(String)])
})

test('a later purchase of a row key is not forgotten by a run that got no further than an earlier one [I2]', async () => {
  const { store, destination, run, rise, clock } = world()
  const rows = [order(9), order(10)]
  for (let runs = 0; runs < 2; runs += 1) {
    store.diesAtCursor = true // whatever it sent was accepted by then
    await run(...rows).catch(() => undefined)
    store.diesAtCursor = false
    rise()
    clock.advance(120_000)
  }
  expect(await run(...rows)).toMatchObject({ status: 'complete' })
  expect(destination.again.slice(0, 2)).toEqual([false, false])
  expect(destination.again.slice(2)).not.toContain(false)
})

test('a purchase that was read again is not forgotten when a later one of its key is under way [I2]', async () => {
  const { store, destination, run, die, rise, clock } = world()
  const rows = [order(9), order(10)]
  store.diesAtCursor = true
  await run(order(9)).catch(() => undefined)
  store.diesAtCursor = false
  rise()
  clock.advance(120_000)
  die()
  await run(...rows).catch(() => undefined) // the first is unchanged, the second is on its way
  rise()
  clock.advance(120_000)
  expect(await run(...rows)).toMatchObject({ status: 'complete' })
  const totals = destination.sent.flatMap(({ rows: all }) => all.map(({ action }) => 'total' in action && action.total))
  expect(totals).toEqual([9, 10, 9, 10])
  expect(destination.again).toEqual([false, false, true, true])
})

test('of purchases of one row key that are under way at once each is looked up [I2]', async () => {
  const { store, destination, die, rise, clock } = world()
  const rows = [9, 10, 11].map((total) => ({ one: 'same', id: `c-${total}`, email: `${total}@example.com`, total }))
  const source = new RowsSource({ name: 'scores', rows, key: ['one'], complete: false })
  const run = async () => await new World({ store, destination }).sync([], { transform, source, clock }).run()
  die()
  await run().catch(() => undefined)
  expect(destination.again).toEqual([false, false, false])
  rise()
  clock.advance(120_000)
  expect(await run()).toMatchObject({ status: 'complete', rows: { accepted: 3 } })
  expect(destination.again).toEqual([false, false, false, true, true, true])
})

test('a second attempt within a run is told so too', async () => {
  const { destination, run } = world()
  let attempts = 0
  destination.knob = () => {
    attempts += 1
    if (attempts === 1) throw new LakeloopError('DESTINATION_UNREACHABLE', {})
    return undefined
  }
  expect(await run(order())).toMatchObject({ status: 'complete' })
  expect(destination.again).toEqual([false, true])
})

test('the parts of a request that may have arrived are told so, and not sent as if they were new [I2]', async () => {
  const destination = new RecordingDestination({ sizeMax: 2 })
  destination.knob = (_, nth) => {
    if (nth === 0) throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: 'apply' })
    if (nth === 1) throw new LakeloopError('REQUEST_REFUSED', { endpoint: 'apply' })
    return undefined
  }
  const rows = [order(), { ...order(), id: 'o-2', email: 'bob@example.com' }]
  const report = await new World({ destination }).sync(rows, { transform, complete: false }).run()
  expect(report).toMatchObject({ status: 'complete', rows: { accepted: 2 } })
  expect(destination.again).toEqual([false, true, true, true])
})

test('one that was parked is written down where it is kept, before it is sent at last [I2]', async () => {
  const { store, destination, run, die, rise, clock } = world()
  const nameless = { id: 'o-1', email: null, total: 9 }
  expect(await run(nameless)).toMatchObject({ rows: { parked: 1 } })
  die()
  // Another row of the same customer shows the address.
  await run({ id: 'o-1', email: 'ada@example.com', total: 9 }).catch(() => undefined)
  rise()
  clock.advance(120_000)
  await run({ id: 'o-1', email: 'ada@example.com', total: 9 })
  expect(destination.again).toEqual([false, true])
  expect(await store.scan('parked', { prefix: [], limit: 10 })).toEqual([])
})

test('an action that waits for room stays parked until it is accepted', async () => {
  const { store, destination, run } = world()
  const waiting = { status: 'parked', reason: { code: 'FORGET_WAITING', facts: { limit: 1_000, after: 'x' } } } as const
  destination.knob = () => [waiting]
  expect(await run(order())).toMatchObject({ status: 'complete', rows: { parked: 1 } })
  const other = { ...order(), id: 'o-2', email: 'bob@example.com' }
  expect(await run(other)).toMatchObject({ status: 'complete', rows: { parked: 1 } })
  expect(await store.scan('parked', { prefix: [], limit: 10 })).toHaveLength(2)
  expect(await store.scan('deadLetter', { prefix: [], limit: 10 })).toEqual([])
  destination.knob = () => undefined
  await run(other)
  expect(destination.applied.map(({ address }) => address).sort()).toEqual(['ada@example.com', 'bob@example.com'])
  expect(await store.scan('parked', { prefix: [], limit: 10 })).toEqual([])
})

test('two purchases of one row key that are both refused do not fail the run [I4]', async () => {
  const { destination, run } = world(2)
  destination.knob = ({ rows }) => rows.map(() => ({ status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }))
  const { status, rows } = await run(order(9), order(10))
  expect([status, rows.rejected]).toEqual(['complete', 2])
})
