import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { LakeloopError } from '../../src/errors.js'
import type { RunReport } from '../../src/model/report.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { Lag } from '../../src/sync/events.js'
import { Lease } from '../../src/sync/lease.js'
import type { SyncOptions } from '../../src/sync/options.js'
import type { Watch } from '../../src/sync/watch.js'
import { quiet, WaitingClock } from './waiting-clock.js'
import { people, World } from './world.js'

const person = (n: number, score: number): Row => ({ id: `c-${n}`, email: `p${n}@example.com`, score })
const scores = ({ destination }: World): Record<string, unknown> =>
  Object.fromEntries([...destination.profiles()].map(([address, fields]) => [address.split('@')[0], fields?.score]))

const broken =
  (code: 'DESTINATION_UNAUTHORIZED' | 'RETRIES_SPENT' = 'DESTINATION_UNAUTHORIZED') =>
  () =>
    Promise.reject(new LakeloopError(code, { endpoint: 'apply' }))

/** A feed that gives what it is given, and tells how often it was asked. */
class Feed implements AsyncIterable<unknown> {
  asked = 0
  returned = false
  readonly #items: unknown[] = []
  #wake: (() => void) | undefined
  #over = false

  give(...items: unknown[]): void {
    this.#items.push(...items)
    this.#wake?.()
  }

  end(): void {
    this.#over = true
    this.#wake?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: async () => {
        this.asked += 1
        for (;;) {
          if (this.#items.length > 0) {
            const value = this.#items.shift()
            if (value instanceof Error) throw value
            return { done: false, value }
          }
          if (this.#over) return { done: true, value: undefined }
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      },
      return: async () => {
        this.returned = true
        return { done: true, value: undefined }
      },
    }
  }
}

class Stage {
  readonly world = new World()
  readonly clock = new WaitingClock()
  readonly reports: RunReport[] = []
  rows: Row[] = []
  reads = 0

  sync(more: Partial<SyncOptions> & { complete?: boolean } = {}) {
    const rows = (): Row[] => {
      this.reads += 1
      return this.rows
    }
    const { complete = false, ...options } = more
    const source = new RowsSource({ name: 'scores', rows, key: ['id'], complete })
    return this.world.sync([], { clock: this.clock, source, ...options })
  }

  readonly onReport = (report: RunReport): void => {
    this.reports.push(report)
  }

  get statuses(): readonly string[] {
    return this.reports.map(({ reads, status }) => `${reads} ${status}`)
  }
}

describe('watch({ everyMs })', () => {
  test('runs at once, then on the beat, and ends when told to', async () => {
    const stage = new Stage()
    stage.rows = [person(1, 0.1)]
    const watch = stage.sync().watch({ everyMs: 60_000, onReport: stage.onReport })
    await quiet()
    expect(stage.reads).toBe(1)
    stage.rows = [person(1, 0.2)]
    await stage.clock.advance(59_999)
    expect(stage.reads).toBe(1)
    await stage.clock.advance(1)
    expect(scores(stage.world)).toEqual({ p1: 0.2 })
    await stage.clock.advance(120_000)
    expect(stage.statuses).toEqual(Array(4).fill('source complete'))
    const report = await watch.stop()
    expect(report).toMatchObject({ sync: 'churn', status: 'cancelled', runs: 4, failures: 0 })
    expect(report.rows).toMatchObject({ read: 4, accepted: 2, unchanged: 2, unsettled: 0 })
    await stage.clock.advance(600_000)
    expect(stage.reads).toBe(4)
    expect(stage.clock.nextMs).toBe(Number.POSITIVE_INFINITY) // nothing is left that waits
  })

  test('never has two runs at once: one run makes up for the beats that a long one missed, the others keep their places', async () => {
    const stage = new Stage()
    const began: number[] = []
    const start = stage.clock.now()
    const sync = stage.sync()
    let under = 0
    sync.on('start', () => {
      under += 1
      expect(under).toBe(1)
      began.push(stage.clock.now() - start)
    })
    stage.rows = [person(1, 0.1)]
    stage.world.destination.knob = () => {
      if (began.length !== 2) return undefined
      return stage.clock.sleep(25_000, new AbortController().signal).then(() => undefined as never)
    }
    const onReport = (): void => {
      under -= 1
    }
    const watch = sync.watch({ everyMs: 10_000, onReport })
    await quiet()
    stage.rows = [person(1, 0.2)]
    for (let second = 0; second < 60; second += 1) await stage.clock.advance(1_000)
    expect(began).toEqual([0, 10_000, 35_000, 40_000, 50_000, 60_000])
    await watch.stop()
  })

  test('tries again after a failure, later each time, up to five minutes, and goes back to its beat', async () => {
    const stage = new Stage()
    const failed: number[] = []
    const start = stage.clock.now()
    stage.rows = [person(1, 0.1)]
    stage.world.destination.knob = broken()
    const watch = stage.sync().watch({
      everyMs: 3_600_000,
      onReport: ({ status }) => {
        if (status === 'failed') failed.push(stage.clock.now() - start)
        else stage.reports.push({} as RunReport)
      },
    })
    await stage.clock.advance(1_200_000)
    const gaps = failed.map((at, nth) => at - (failed[nth - 1] ?? 0))
    expect(gaps).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((s) => s * 1_000))
    expect(watch.lag()).toMatchObject({ failures: 12, lastRunAt: undefined, ms: 1_200_000 })
    stage.world.destination.knob = () => undefined
    await stage.clock.advance(300_000)
    expect(stage.reports).toHaveLength(1)
    expect(watch.lag().failures).toBe(0)
    stage.rows = [person(1, 0.2)]
    stage.world.destination.knob = broken()
    await stage.clock.advance(3_600_000 - 1_500_000)
    await stage.clock.advance(1_000)
    expect(failed.slice(12)).toEqual([3_600_000, 3_601_000]) // on the beat, and the first step again
    expect(await watch.stop()).toMatchObject({ status: 'cancelled', runs: 15, failures: 14 })
  })

  test('drains what this process pushes, without waiting for the beat, and not more often than restMs', async () => {
    const stage = new Stage()
    const sync = stage.sync()
    const watch = sync.watch({ everyMs: 3_600_000, restMs: 5_000, onReport: stage.onReport })
    await stage.clock.advance(60_000)
    await sync.push([person(1, 0.1)])
    await quiet()
    expect(stage.statuses).toEqual(['source complete', 'inbox complete'])
    await sync.push([person(2, 0.2)])
    await stage.clock.advance(4_999)
    await sync.push([person(3, 0.3)])
    expect(stage.reports).toHaveLength(2)
    expect(watch.lag()).toMatchObject({ waiting: 2, oldestMs: 4_999 })
    await stage.clock.advance(1)
    expect(stage.reports.at(-1)?.rows).toMatchObject({ read: 2, accepted: 2 })
    expect(watch.lag()).toMatchObject({ waiting: 0, oldestMs: 0, ms: 65_000 })
    await watch.stop()
  })

  test('sends what was pushed also while the source cannot be read', async () => {
    const stage = new Stage()
    const source = Object.assign(new RowsSource({ name: 'scores', rows: [], key: ['id'] }), {
      describe: () => Promise.reject(new LakeloopError('SOURCE_UNREACHABLE', { source: 'scores', problem: '' })),
    })
    const other = stage.sync({ source })
    await other.push([person(1, 0.1)]) // as another process would: nobody tells the watch
    const watch = stage.sync({ source }).watch({ everyMs: 60_000, onReport: stage.onReport })
    await quiet()
    expect(stage.statuses).toEqual(['source failed', 'inbox complete'])
    expect(scores(stage.world)).toEqual({ p1: 0.1 })
    await watch.stop()
  })

  test('waits its turn while another one holds the lease', async () => {
    const stage = new Stage()
    stage.rows = [person(1, 0.1)]
    const lease = await Lease.take(stage.world.store, { project: 'test', sync: 'churn' }, stage.clock)
    const watch = stage.sync().watch({ everyMs: 60_000, onReport: stage.onReport })
    await stage.clock.advance(10_000)
    expect(stage.reports).toEqual([])
    await lease.release()
    await stage.clock.advance(1_000)
    expect(stage.statuses).toEqual(['source complete'])
    await watch.stop()
  })

  test('two watches of one sync take turns and lose nothing', async () => {
    const stage = new Stage()
    const one = stage.sync().watch({ everyMs: 1_000, onReport: stage.onReport })
    const two = stage.sync().watch({ everyMs: 1_000, onReport: stage.onReport })
    for (let n = 0; n < 20; n += 1) {
      stage.rows = [person(n, 0.1)]
      await stage.clock.advance(2_000)
    }
    await Promise.all([one.stop(), two.stop()])
    expect(Object.keys(scores(stage.world))).toHaveLength(20)
    expect(stage.statuses.filter((status) => !/complete|cancelled/.test(status))).toEqual([])
  })
})

describe('a watch ends', () => {
  const stopped = async (more: Partial<SyncOptions>, goOnAfter?: readonly ['CIRCUIT_OPEN']) => {
    const stage = new Stage()
    stage.rows = people(150)
    stage.world.destination.knob = ({ actions }) =>
      actions.map(() => ({ status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }))
    const more2 = goOnAfter === undefined ? {} : { goOnAfter }
    const watch = stage.sync(more).watch({ everyMs: 60_000, onReport: stage.onReport, ...more2 })
    await stage.clock.advance(3_000)
    return { stage, watch }
  }

  test('where a run stops for a person to look at', async () => {
    const { watch, stage } = await stopped({})
    expect(await watch.done).toMatchObject({ status: 'stopped', runs: 1, error: { code: 'CIRCUIT_OPEN' } })
    expect(stage.clock.nextMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('unless it was told to go on after that', async () => {
    const { watch, stage } = await stopped({}, ['CIRCUIT_OPEN'])
    expect(stage.statuses).toEqual(Array(3).fill('source stopped')) // at 0, 1 and 3 seconds
    expect((await watch.stop()).status).toBe('cancelled')
  })

  test('with its store: no later run can mend that', async () => {
    const stage = new Stage()
    const watch = stage.sync().watch({ everyMs: 60_000 })
    await quiet()
    await stage.world.store.close()
    await stage.clock.advance(60_000)
    expect(await watch.done).toMatchObject({ status: 'stopped', error: { code: 'STORE_CLOSED' } })
  })

  test('by its signal within graceMs, though a request hangs', async () => {
    const stage = new Stage()
    stage.rows = [person(1, 0.1)]
    const { destination } = stage.world
    const open = destination.open.bind(destination)
    destination.open = async () => ({
      ...(await open()),
      // Answers only when it is given up.
      apply: (_, given) =>
        new Promise((_resolve, reject) => {
          given.addEventListener('abort', () => reject(new LakeloopError('DESTINATION_UNREACHABLE')))
        }),
    })
    const { signal, abort } = abortable()
    const watch = stage.sync().watch({ everyMs: 60_000, signal, graceMs: 5_000, onReport: stage.onReport })
    await quiet()
    abort()
    let done: unknown
    void watch.done.then((report) => {
      done = report
    })
    await stage.clock.advance(4_999)
    expect(done).toBeUndefined()
    await stage.clock.advance(1)
    expect(done).toMatchObject({ status: 'cancelled', runs: 1 })
  })

  test('before its first run, by a signal that was aborted already', async () => {
    const stage = new Stage()
    const report = await stage.sync().watch({ everyMs: 60_000, signal: AbortSignal.abort() }).done
    expect(report).toMatchObject({ status: 'cancelled', runs: 0 })
    expect(stage.reads).toBe(0)
  })

  test('not by a listener that throws, nor by a store of the host that does', async () => {
    const stage = new Stage()
    const heard: string[] = []
    const sync = stage.sync()
    sync.on('listenerError', ({ message }) => heard.push(message))
    const { store } = stage.world
    const get = store.get.bind(store)
    let fails = true
    store.get = (...args) => (fails ? Promise.reject(new Error('a driver of the host')) : get(...args))
    const watch = sync.watch({
      everyMs: 60_000,
      onReport: (report) => {
        stage.reports.push(report)
        throw new Error('ada@example.com')
      },
    })
    await quiet()
    fails = false
    await stage.clock.advance(1_000)
    expect(stage.reports.map(({ error }) => error?.code)).toEqual(['RUN_FAILED', undefined])
    expect(heard).toEqual(
      Array(2).fill('LISTENER_FAILED: a listener of onReport threw. Mend the listener; the run goes on.'),
    )
    await watch.stop()
  })
})

function abortable() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

describe('watch({ feed })', () => {
  test('pushes and drains the rows that the feed gives, and ends behind its last one', async () => {
    const stage = new Stage()
    const feed = new Feed()
    const watch = stage.sync().watch({ feed, onReport: stage.onReport })
    await quiet()
    expect(stage.reads).toBe(0)
    feed.give([person(1, 0.1), person(2, 0.9)])
    await stage.clock.advance(1_000)
    expect(scores(stage.world)).toEqual({ p1: 0.1, p2: 0.9 })
    feed.give([person(1, 0.2)], [person(1, 0.3)])
    feed.end()
    await stage.clock.advance(1_000)
    expect(await watch.done).toMatchObject({ status: 'ended', rows: { read: 4, accepted: 4 } })
    expect(scores(stage.world)).toEqual({ p1: 0.3, p2: 0.9 })
    expect(stage.reads).toBe(0)
  })

  test('runs over the source whenever the feed gives undefined', async () => {
    const stage = new Stage()
    const feed = new Feed()
    const watch = stage.sync().watch({ feed, onReport: stage.onReport })
    stage.rows = [person(1, 0.1)]
    feed.give(undefined)
    await quiet()
    expect(stage.statuses.at(-1)).toBe('source complete')
    expect(scores(stage.world)).toEqual({ p1: 0.1 })
    expect(watch.lag().ms).toBe(0)
    await watch.stop()
    expect(feed.returned).toBe(true)
  })

  test('sends what a former watch has left, before the feed gives anything', async () => {
    const stage = new Stage()
    await stage.sync().push([person(1, 0.1)])
    const watch = stage.sync().watch({ feed: new Feed() })
    await quiet()
    expect(scores(stage.world)).toEqual({ p1: 0.1 })
    await watch.stop()
  })

  test('does not ask the feed for more while the inbox is above its mark, and cuts what is too much for one push', async () => {
    const stage = new Stage()
    const feed = new Feed()
    stage.world.destination.knob = broken()
    const sync = stage.sync({ inbox: { rowsMax: 10 } })
    const watch = sync.watch({ feed, restMs: 0, onReport: stage.onReport })
    feed.give(people(4), people(4), people(4), people(25))
    await stage.clock.advance(10_000)
    expect(feed.asked).toBe(2)
    expect(watch.lag().waiting).toBe(8)
    stage.world.destination.knob = () => undefined
    feed.end()
    await stage.clock.advance(60_000)
    expect(await watch.done).toMatchObject({ status: 'ended' })
    const taken = stage.reports.filter(({ status }) => status === 'complete')
    expect(taken.reduce((sum, { rows }) => sum + rows.read, 0)).toBe(37)
    for (const { rows } of taken) expect(rows.read).toBeLessThanOrEqual(10)
  })

  test.each([
    [{ id: 'c-1' }, 'FEED_FAILED', 'the feed of the watch gave neither an array of rows nor undefined'],
    [new TypeError('ada@example.com'), 'FEED_FAILED', 'the feed of the watch threw TypeError'],
    [[person(3, 0.3), { at: new Date(0) }], 'PUSH_INVALID', 'row 1 of the push holds a Date'],
  ])('ends behind what the feed gave before it went wrong: %o', async (wrong, code, said) => {
    const stage = new Stage()
    const feed = new Feed()
    feed.give([person(1, 0.1)], wrong, [person(2, 0.2)])
    const watch = stage.sync().watch({ feed })
    await stage.clock.advance(2_000)
    const { status, error } = await watch.done
    expect({ status, code: error?.code }).toEqual({ status: 'failed', code })
    expect(error?.message).toContain(said)
    expect(error?.message).not.toContain('ada@')
    expect(scores(stage.world)).toEqual({ p1: 0.1 })
  })

  test('keeps each item once, though the store has no answer for a push that it wrote', async () => {
    const stage = new Stage()
    const { store } = stage.world
    const commit = store.commit.bind(store)
    let lost = 0
    store.commit = async (ops) => {
      const isPush = ops.some((op) => op.op === 'put' && op.table === 'inbox')
      if (isPush && lost < 2) {
        lost += 1
        if (lost === 1) await commit(ops)
        throw new LakeloopError('STORE_FAILED', { problem: 'the line is dead' })
      }
      await commit(ops)
    }
    const feed = new Feed()
    feed.give([person(1, 0.1)], [person(2, 0.2)])
    feed.end()
    const watch = stage.sync().watch({ feed })
    await stage.clock.advance(10_000)
    expect(lost).toBe(2)
    expect(await watch.done).toMatchObject({ status: 'ended', rows: { read: 2, accepted: 2 } })
  })

  test('lets the loop of the host turn though the feed never waits', async () => {
    const stage = new Stage()
    const endless = {
      async *[Symbol.asyncIterator]() {
        for (;;) yield undefined
      },
    }
    const watch = stage.sync().watch({ feed: endless })
    await quiet()
    expect((await watch.stop()).status).toBe('cancelled')
    expect(stage.reads).toBeGreaterThan(0)
  })

  test('ends with its store', async () => {
    const stage = new Stage()
    const feed = new Feed()
    const watch = stage.sync().watch({ feed })
    await quiet()
    await stage.world.store.close()
    feed.give([person(1, 0.1)])
    await quiet()
    expect(await watch.done).toMatchObject({ status: 'failed', error: { code: 'STORE_CLOSED' } })
  })

  test('ends though the feed hangs', async () => {
    const stage = new Stage()
    const watch = stage.sync().watch({ feed: new Feed() })
    await quiet()
    expect((await watch.stop()).status).toBe('cancelled')
  })

  test('takes options that it knows only', async () => {
    const sync = new Stage().sync()
    const watching = (options: object) => () => sync.watch(options as never)
    expect(watching({})).toThrow('OPTION_INVALID: Sync.watch: option everyMs is not there, or there beside feed')
    expect(watching({ everyMs: 1_000, feed: new Feed() })).toThrow('option everyMs')
    expect(watching({ everyMs: 1 })).toThrow('option everyMs')
    expect(watching({ feed: [] })).toThrow('option feed is no async iterable')
    expect(watching({ everyMs: 1_000, every: 1 })).toThrow('option every is not an option')
    await setImmediate()
  })
})

describe('lag', () => {
  test('is told once when it passes its bound, and again when it does so anew', async () => {
    const stage = new Stage()
    const told: Lag[] = []
    const sync = stage.sync()
    sync.on('lag', (lag) => told.push(lag))
    stage.rows = [person(1, 0.1)]
    const watch = sync.watch({ everyMs: 60_000, lagMaxMs: 100_000 })
    await stage.clock.advance(600_000)
    expect(told).toEqual([])
    const fail = async () => {
      stage.rows = [person(1, stage.clock.now())]
      stage.world.destination.knob = broken()
      await stage.clock.advance(400_000)
      stage.world.destination.knob = () => undefined
      await stage.clock.advance(700_000)
    }
    await fail()
    expect(told).toHaveLength(1)
    expect(told[0]?.ms).toBeGreaterThan(100_000)
    expect(told[0]?.ms).toBeLessThanOrEqual(125_000)
    expect(told[0]?.failures).toBeGreaterThan(3)
    await fail()
    expect(told).toHaveLength(2)
    expect(watch.lag().ms).toBeLessThan(60_000)
    await watch.stop()
  })

  test('counts what other processes have pushed', async () => {
    const stage = new Stage()
    const told: Lag[] = []
    const sync = stage.sync()
    sync.on('lag', (lag) => told.push(lag))
    const watch = sync.watch({ feed: new Feed(), lagMaxMs: 8_000 })
    await quiet()
    await stage.sync().push([person(1, 0.1)])
    await stage.clock.advance(10_000)
    expect(told).toEqual([{ ms: 10_000, oldestMs: 10_000, waiting: 1, lastRunAt: expect.any(String), failures: 0 }])
    await watch.stop()
  })
})

describe('the guard of removals [I11]', () => {
  const DAY = 86_400_000

  /** A list of 100; each hour `leaving` of its members leave. */
  async function shrinking(leaving: number, options: { removedShareMax?: number } = {}) {
    const stage = new Stage()
    const lists = new ListDeltaComputer({ store: stage.world.store, guard: { removedShareMax: 0.3, ...options } })
    stage.rows = Array.from({ length: 100 }, (_, n) => person(n, 0.9))
    const watching = (): Watch =>
      stage.sync({ lists, complete: true }).watch({ everyMs: 3_600_000, onReport: stage.onReport })
    const watch = watching()
    await quiet()
    const hour = async (): Promise<void> => {
      stage.rows = stage.rows.slice(leaving)
      await stage.clock.advance(3_600_000)
    }
    const members = (): number => stage.world.destination.members('at-risk').size
    return { stage, watch, watching, hour, members }
  }

  test('counts the removals of a day together: small steps do not do what one may not', async () => {
    const { watch, hour, members, stage } = await shrinking(12)
    expect(members()).toBe(100)
    await hour()
    await hour()
    expect(members()).toBe(76)
    await hour()
    expect(members()).toBe(76)
    const { status, error } = await watch.done
    expect({ status, code: error?.code }).toEqual({ status: 'stopped', code: 'LIST_GUARD_DAY' })
    expect(error?.message).toContain(
      '12 of 76 members would be removed, after 24 within a day, more than the guard allows (30)',
    )
    expect(stage.reports.at(-1)?.lists).toMatchObject([{ remove: 0, held: 12 }])
  })

  test('still holds after the process was started anew, and no longer once a day has passed', async () => {
    const { watch, watching, hour, members, stage } = await shrinking(14)
    await hour()
    await hour()
    await watch.stop()
    expect(members()).toBe(72)
    stage.rows = stage.rows.slice(14)
    expect(await watching().done).toMatchObject({ error: { code: 'LIST_GUARD_DAY' } })
    await stage.clock.advance(DAY + 3_600_000)
    const later = watching()
    await quiet()
    expect(members()).toBe(58)
    await later.stop()
    expect(await stage.world.store.scan('removed', { prefix: [], limit: 10 })).toHaveLength(1)
  })

  test('counts what a single run removed, which itself looks at its own removals only', async () => {
    const { watch, members, stage } = await shrinking(0)
    await watch.stop()
    const lists = new ListDeltaComputer({ store: stage.world.store })
    for (const _ of [1, 2, 3]) {
      stage.rows = stage.rows.slice(15)
      expect((await stage.sync({ lists, complete: true }).run()).status).toBe('complete')
    }
    expect(members()).toBe(55)
    stage.rows = stage.rows.slice(1)
    const report = await stage.sync({ lists, complete: true }).watch({ everyMs: 60_000 }).done
    expect(report.error?.code).toBe('LIST_GUARD_DAY')
  })

  test('is off where it was switched off', async () => {
    const { watch, hour, members } = await shrinking(20, { removedShareMax: 1 })
    for (const _ of [1, 2, 3, 4]) await hour()
    expect(members()).toBe(20)
    await watch.stop()
  })
})
