import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { RecordingDestination } from '../sync/recording-destination.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { people, World } from '../sync/world.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-faults-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A wall clock that somebody sets back and forth by a day each time that it is read; what has elapsed only grows. */
class JumpingClock extends VirtualClock {
  #reads = 0

  override now(): number {
    this.#reads += 1
    return super.now() + (this.#reads % 2 === 0 ? 86_400_000 : -86_400_000)
  }
}

test('a clock that jumps back and forth changes nothing of what is sent, and no wait [I9]', async () => {
  const play = async (clock: VirtualClock) => {
    const world = new World()
    let nth = 0
    world.destination.knob = () => {
      nth += 1
      return undefined
    }
    const report = await world.sync(people(30), { clock, settleMs: 10_000 }).run()
    expect(report).toMatchObject({ status: 'complete', rows: { accepted: 30 } })
    return { requests: world.destination.sent.map(({ rows }) => rows), slept: clock.slept, nth, ms: report.durationMs }
  }
  expect(await play(new JumpingClock())).toEqual(await play(new VirtualClock()))
})

test('two runs at once on one file: the second is refused, or waits for the first', async () => {
  const path = join(folder, 'two.db')
  const destination = new RecordingDestination({ sizeMax: 10 })
  const [one, two] = [new SqliteStore({ path }), new SqliteStore({ path })]
  const [first, second] = [one, two].map((store) => new World({ store, destination }))
  let refused: unknown
  destination.knob = (_, nth) => {
    if (nth !== 0) return undefined
    return second
      ?.sync(people(20))
      .run()
      .then((report) => {
        refused = report
      }) as unknown as Promise<never>
  }
  expect(await first?.sync(people(20)).run()).toMatchObject({ status: 'complete', rows: { accepted: 20 } })
  expect(refused).toMatchObject({ status: 'stopped', error: { code: 'LEASE_HELD' }, rows: { read: 0 } })
  expect(await second?.sync(people(20)).run({ whenHeld: 'wait' })).toMatchObject({ rows: { unchanged: 20 } })
  expect(destination.profiles().size).toBe(20)
  await Promise.all([one.close(), two.close()])
})

test('a run that was paused beyond its lease writes nothing more, and the one that took over ends with the truth [I1] [I3]', async () => {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  const destination = new RecordingDestination({ sizeMax: 4 })
  const paused = new World({ store, destination })
  const other = new World({ store, destination })
  let after: unknown
  destination.knob = (_, nth) => {
    if (nth !== 2) return undefined
    clock.advance(60_001) // the process stood still
    return other
      .sync(people(20), { clock })
      .run()
      .then(async (report) => {
        expect(report).toMatchObject({ status: 'complete' })
        after = await store.get('checkpoint', [['test', 'churn']])
      }) as unknown as Promise<never>
  }
  const report = await paused.sync(people(20), { clock, concurrency: 1 }).run()
  expect(report).toMatchObject({ status: 'stopped', error: { code: 'LEASE_LOST' } })
  expect(await store.get('checkpoint', [['test', 'churn']])).toEqual(after)
  expect(destination.profiles().size).toBe(20)
  expect(destination.members('at-risk').size).toBe(7)
})

test('a listener that rejects is told of, and neither ends the run nor the process', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const errors: string[] = []
  const sync = new World().sync(people(5))
  sync.on('batch', (async () => {
    throw new Error('listener')
  }) as never)
  sync.on('listenerError', ({ code }) => errors.push(code))
  expect(await sync.run()).toMatchObject({ status: 'complete' })
  for (let turn = 0; turn < 3; turn += 1) await setImmediate()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  expect(new Set(errors)).toEqual(new Set(['LISTENER_FAILED']))
})

test.each([-1, 1])(
  'a destination whose count of outcomes is off by %i is not believed: the run stops, and the next one ends it [I4]',
  async (off) => {
    const world = new World()
    world.destination.knob = ({ rows }) =>
      Array.from({ length: rows.length + off }, () => ({ status: 'accepted' }) as const)
    const report = await world.sync(people(10)).run()
    expect(report).toMatchObject({ status: 'failed', error: { code: 'DESTINATION_MISCOUNTED' }, rows: { accepted: 0 } })
    world.destination.knob = () => undefined
    expect(await world.sync(people(10)).run()).toMatchObject({ status: 'complete', rows: { accepted: 10 } })
  },
)
