import { setImmediate as turn } from 'node:timers/promises'
import { LakeloopError } from '../../../src/errors.js'
import type { Clock as EngineClock } from '../../../src/sync/clock.js'
import type { Clock as TransportClock } from '../../../src/transport/clock.js'

interface Timer {
  readonly at: number
  ring(): void
}

/** Of a request. No other wait may be as long. */
export const DEADLINE_MS = 31_000

/** Time that goes on when nothing else can happen: to the next moment that somebody waits for. */
export class SimulatedTime {
  #at = Date.UTC(2026, 10, 23)
  readonly #timers = new Set<Timer>()
  readonly #preparing = new Set<() => void>()
  #isGoing = false
  /** Work under way that no timer stands for: until it is 0 again, time stands still. */
  busy = 0

  now = (): number => this.#at

  /** Ends after `ms`, or as soon as the signal is aborted: the answer tells which. */
  wait(ms: number, signal?: AbortSignal): Promise<'rung' | 'aborted'> {
    if (signal?.aborted === true) return Promise.resolve('aborted')
    return new Promise((resolve) => {
      const stop = (): void => {
        this.#timers.delete(timer)
        resolve('aborted')
      }
      const ring = (): void => {
        signal?.removeEventListener('abort', stop)
        resolve('rung')
      }
      const timer = { at: this.#at + Math.max(0, ms), ring }
      signal?.addEventListener('abort', stop, { once: true })
      this.#timers.add(timer)
      if (!this.#isGoing) void this.#go()
    })
  }

  /** For a client whose every request begins with a wait for its deadline. */
  readonly transport: TransportClock = {
    now: this.now,
    sleep: async (ms, signal) => {
      const request = ms === DEADLINE_MS ? this.#begun() : undefined
      const end = await this.wait(ms, signal)
      request?.()
      if (end === 'aborted') throw new LakeloopError('ABORTED')
    },
  }

  /** The client has handed a request over. */
  arrived(): void {
    this.#preparing.values().next().value?.()
  }

  /** Until it has come to the net, a request takes no time: what the client loads or copies before is real work. */
  #begun(): () => void {
    const end = (): void => {
      if (this.#preparing.delete(end)) this.busy -= 1
    }
    this.#preparing.add(end)
    this.busy += 1
    return end
  }

  engine(random: () => number): EngineClock {
    const sleep = async (ms: number, signal: AbortSignal): Promise<void> => void (await this.wait(ms, signal))
    return { now: this.now, elapsed: this.now, random, sleep }
  }

  async #go(): Promise<void> {
    this.#isGoing = true
    while (this.#timers.size > 0) {
      await turn()
      await turn() // what the first turn has set off
      if (this.busy > 0 || this.#timers.size === 0) continue
      const next = Math.min(...[...this.#timers].map(({ at }) => at))
      this.#at = Math.max(this.#at, next)
      for (const timer of [...this.#timers].filter(({ at }) => at <= next)) {
        this.#timers.delete(timer)
        timer.ring()
      }
    }
    this.#isGoing = false
  }
}

/** Numbers of [0, 1) from a seed: mulberry32. */
export function drawn(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
