import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { BatchEvent, ProgressEvent } from '../../src/sync/events.js'
import { Lease } from '../../src/sync/lease.js'
import type { Sync } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { people, scoreAndList, World } from './world.js'

const unclear = () =>
  Promise.reject(new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: 'apply', problem: 'reset' }))
const refused = () => Promise.reject(new LakeloopError('REQUEST_REFUSED', { endpoint: 'apply', status: 400 }))
const NO = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } as const

function batches(sync: Sync): BatchEvent[] {
  const told: BatchEvent[] = []
  sync.on('batch', (event) => void told.push(event))
  return told
}

describe('batch', () => {
  test('tells how often a request was made and how long that took, waits included', async () => {
    const world = new World()
    const sync = world.sync(people(3), { transform: plainTransform((row) => scoreAndList(row).slice(0, 1)) })
    const told = batches(sync)
    world.destination.knob = (_, nth) => {
      world.clock.advance(100)
      return nth < 2 ? unclear() : undefined
    }
    const before = world.clock.elapsed()
    const report = await sync.run()
    expect(told).toEqual([
      {
        endpoint: 'apply',
        actions: 3,
        accepted: 3,
        rejected: 0,
        bytes: expect.any(Number),
        attempts: 3,
        ms: world.clock.elapsed() - before,
      },
    ])
    expect(told[0]?.ms).toBeGreaterThan(300)
    expect(report.requests).toEqual({ apply: 3 })
  })

  test('counts the requests before a split, so that all of them together are those of the report', async () => {
    const world = new World()
    const sync = world.sync(people(20), { rejectedShareMax: 1 })
    const told = batches(sync)
    world.destination.knob = ({ rows }, nth) => {
      if (nth === 1) return unclear()
      return rows.some(({ address }) => address === 'p3@example.com') ? refused() : undefined
    }
    const report = await sync.run()
    expect(report.rows).toMatchObject({ rejected: 1 })
    const attempts = told.reduce((sum, one) => sum + one.attempts, 0)
    expect(attempts).toBe(world.destination.sent.length)
    expect({ apply: attempts }).toEqual(report.requests)
    expect(told.every((one) => one.attempts > 0)).toBe(true)
  })

  test('is told of requests to lists too, and of what they reject', async () => {
    const world = new World()
    const sync = world.sync(people(30))
    const told = batches(sync)
    const rejects: unknown[] = []
    sync.on('reject', (event) => void rejects.push(event))
    world.destination.knob = ({ rows }) =>
      rows[0]?.action.kind === 'membership' ? rows.map((_, at) => (at === 0 ? NO : { status: 'accepted' })) : undefined
    await sync.run()
    expect(told.reduce((sum, one) => sum + one.actions, 0)).toBe(40)
    expect(told.at(-1)).toMatchObject({ actions: 10, accepted: 9, rejected: 1 })
    expect(rejects).toEqual([{ reason: NO.reason, actions: 1 }])
  })

  test('is told of a request that made the run stop: it was sent', async () => {
    const world = new World()
    const sync = world.sync(people(900), { pageSize: 50 })
    const told = batches(sync)
    world.destination.knob = ({ actions }) => actions.map(() => NO)
    const report = await sync.run()
    expect(report.error?.code).toBe('CIRCUIT_OPEN')
    expect({ apply: told.reduce((sum, one) => sum + one.attempts, 0) }).toEqual(report.requests)
  })
})

describe('progress', () => {
  const progressOf = async (world: World, sync: Sync, perRequestMs: number): Promise<ProgressEvent[]> => {
    const told: ProgressEvent[] = []
    sync.on('progress', (event) => void told.push(event))
    world.destination.knob = () => {
      world.clock.advance(perRequestMs)
      return undefined
    }
    await sync.run()
    return told
  }
  const profiles = plainTransform((row) => scoreAndList(row).slice(0, 1))

  test('tells when the source will be through at this rate, where it knows how many rows it has', async () => {
    const world = new World()
    const sync = world.sync(people(40), { pageSize: 10, transform: profiles, concurrency: 1 })
    const told = await progressOf(world, sync, 1_000)
    expect(told.map(({ total }) => total)).toEqual([40, 40, 40, 40])
    expect(told.map(({ etaMs }) => etaMs)).toEqual([3_000, 2_000, 1_000, 0])
    expect(told.at(-1)?.rows).toMatchObject({ read: 40, accepted: 40 })
  })

  test('tells none where the source does not know, and none while no time has passed', async () => {
    const world = new World()
    const source = new RowsSource({
      name: 'scores',
      rows: async function* () {
        yield* people(20)
      },
      key: ['id'],
    })
    const sync = world.sync([], { source, pageSize: 10, transform: profiles })
    for (const event of await progressOf(world, sync, 1_000)) expect(Object.keys(event)).toEqual(['rows'])
    const other = new World()
    const told = await progressOf(other, other.sync(people(20), { pageSize: 10, transform: profiles }), 0)
    for (const event of told) expect(event).toEqual({ rows: event.rows, total: 20 })
  })

  test('of a run that goes on counts what is left, and not what was read before', async () => {
    const world = new World()
    const options = { pageSize: 10, transform: profiles, concurrency: 1 }
    world.destination.knob = (_, nth) => (nth === 0 ? undefined : Promise.reject(new Error('broken')))
    await world.sync(people(40), options).run() // its first page is done
    const told = await progressOf(world, world.sync(people(40), options), 1_000)
    expect(told.map(({ total }) => total)).toEqual([30, 30, 30])
    expect(told.map(({ etaMs }) => etaMs)).toEqual([2_000, 1_000, 0])
  })
})

describe('end', () => {
  const ends = (sync: Sync): unknown[] => {
    const told: unknown[] = []
    sync.on('end', (event) => void told.push(event))
    return told
  }

  test('is told once, last, with the report of the run', async () => {
    const sync = new World().sync(people(9))
    const order: string[] = []
    for (const event of ['start', 'page', 'batch', 'progress', 'list', 'end'] as const) {
      sync.on(event, () => void order.push(event))
    }
    const told = ends(sync)
    const report = await sync.run()
    expect(told).toEqual([{ report }])
    expect(order[0]).toBe('start')
    expect(order.indexOf('end')).toBe(order.length - 1)
  })

  test('is told of runs that failed, were cancelled, or were refused and never started', async () => {
    const world = new World()
    const rows: readonly Row[] = people(9)
    const told: string[] = []
    const note = (sync: Sync) =>
      sync
        .on('start', () => void told.push('start'))
        .on('end', ({ report }) => void told.push(`${report.status} ${report.error?.code}`))
    world.destination.knob = () => Promise.reject(new Error('broken'))
    await note(world.sync(rows)).run()
    await note(world.sync(rows)).run({ signal: AbortSignal.abort() })
    await Lease.take(world.store, { project: 'test', sync: 'churn' }, world.clock)
    await note(world.sync(rows)).run()
    expect(told).toEqual(['start', 'failed RUN_FAILED', 'start', 'cancelled ABORTED', 'stopped LEASE_HELD'])
  })
})
