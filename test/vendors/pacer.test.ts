import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/transport/clock.js'
import { Pacer, pacerOf } from '../../src/vendors/iterable/pacer.js'

/** A clock whose sleeps are over at once; each timer rings late by what `late` says. */
function virtual(late: () => number = () => 0): Clock & { at: number } {
  const clock = {
    at: 0,
    now: () => clock.at,
    async sleep(ms: number) {
      clock.at += ms + late()
    },
  }
  return clock
}

const never = new AbortController().signal

async function starts(clock: Clock, slots: number, perSecond: number): Promise<number[]> {
  const pacer = new Pacer(clock)
  const at = []
  for (let slot = 0; slot < slots; slot += 1) {
    await pacer.slot(perSecond, never)
    at.push(clock.now())
  }
  return at
}

/** The most starts in any window of a second, its end excluded. */
const busiest = (at: readonly number[]) =>
  Math.max(...at.map((from) => at.filter((one) => one >= from && one < from + 1000).length))

describe('Pacer', () => {
  test('uses at least 0.97 of the rate it is given, and never exceeds it in any second, however late its timers are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 1 }),
        async (perSecond, lates) => {
          let turn = 0
          const at = await starts(
            virtual(() => lates[turn++ % lates.length] as number),
            perSecond * 10 + 1,
            perSecond,
          )
          expect(busiest(at)).toBeLessThanOrEqual(perSecond)
          const took = (at.at(-1) as number) - (at[1] as number) // the first gap is longer
          expect((perSecond * 10 - 1) / (took / 1000)).toBeGreaterThanOrEqual(perSecond * 0.97)
        },
      ),
      { numRuns: Number(process.env.LAW_RUNS ?? 100) },
    )
  })

  test.each([1, 5, 10, 100])(
    'a first request that arrives late, now and after each pause, does not come too close to those behind it (%i a second)',
    async (perSecond) => {
      const clock = virtual()
      const pacer = new Pacer(clock)
      const arrived: number[] = []
      for (let burst = 0; burst < 3; burst += 1) {
        for (let slot = 0; slot < perSecond * 3; slot += 1) {
          await pacer.slot(perSecond, never)
          arrived.push(clock.now() + (slot === 0 ? 75 : 0))
        }
        clock.at += 6_000
      }
      expect(busiest(arrived)).toBeLessThanOrEqual(perSecond)
    },
  )

  test('idle time is not saved up', async () => {
    const clock = virtual()
    const pacer = new Pacer(clock)
    await pacer.slot(5, never)
    clock.at += 60_000
    const before = clock.at
    await pacer.slot(5, never)
    await pacer.slot(5, never)
    expect(clock.at - before).toBeGreaterThanOrEqual(185)
  })

  test('a refusal makes everybody wait and slows the pace; answers bring it back', async () => {
    const clock = virtual()
    const pacer = new Pacer(clock)
    const together = [await pacer.slot(10, never), await pacer.slot(10, never)]
    for (const slot of together) slot.throttled(5_000)
    const refusedAt = clock.at
    await pacer.slot(10, never)
    expect(clock.at - refusedAt).toBe(5_000)
    const slow = clock.at
    await pacer.slot(10, never)
    expect(clock.at - slow).toBeCloseTo(1000 / (10 * 0.975 * 0.7), 5) // once for both
    for (let answered = 0; answered < 15; answered += 1) together[0]?.answered()
    await pacer.slot(10, never)
    const full = clock.at
    await pacer.slot(10, never)
    expect(clock.at - full).toBeCloseTo(1000 / 9.75, 5)
  })

  test('a refusal cannot ask for more than a minute', async () => {
    const clock = virtual()
    const pacer = new Pacer(clock)
    const slot = await pacer.slot(10, never)
    slot.throttled(86_400_000)
    await pacer.slot(10, never)
    expect(clock.at).toBe(60_000)
  })

  test('who gives up waiting does not hold up those behind', async () => {
    const gates: (() => void)[] = []
    const clock: Clock = {
      now: () => 0,
      sleep: (_, signal) =>
        new Promise((resolve, reject) => {
          gates.push(resolve)
          signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    }
    const pacer = new Pacer(clock)
    await pacer.slot(10, never)
    const stop = new AbortController()
    const first = pacer.slot(10, stop.signal)
    const second = pacer.slot(10, stop.signal)
    const third = pacer.slot(10, never)
    first.catch(() => {})
    await new Promise(setImmediate)
    stop.abort()
    await expect(first).rejects.toThrow()
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
    await new Promise(setImmediate)
    expect(gates).toHaveLength(2) // the third waits for its time and no longer for its turn
    void third
  })
})

describe('pacerOf()', () => {
  const key = { baseUrl: 'https://api.example.com', project: 'p', endpoint: 'users/bulkUpdate' }

  test('gives one pacer for a project and endpoint to all in the process, whatever copy of the package they have', () => {
    expect(pacerOf(key)).toBe(pacerOf({ ...key }))
    expect(pacerOf(key)).not.toBe(pacerOf({ ...key, endpoint: 'events/trackBulk' }))
    expect(pacerOf(key)).not.toBe(pacerOf({ ...key, project: 'q' }))
    const shared = (globalThis as unknown as Record<symbol, Map<string, unknown>>)[
      Symbol.for('lakeloop.iterable.pacers.1')
    ]
    expect([...(shared?.values() ?? [])]).toContain(pacerOf(key))
  })

  test("a clock of one's own has pacers of its own", () => {
    const clock = virtual()
    expect(pacerOf(key, clock)).toBe(pacerOf(key, clock))
    expect(pacerOf(key, clock)).not.toBe(pacerOf(key))
  })
})
