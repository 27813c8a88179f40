import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../src/sync/clock.js'

/** A clock that stands still until it is told to go on, and then wakes who sleeps in the order of their times. */
export class WaitingClock implements Clock {
  #ms: number
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  constructor(startMs = Date.UTC(2026, 10, 23)) {
    this.#ms = startMs
  }

  now(): number {
    return this.#ms
  }

  elapsed(): number {
    return this.#ms
  }

  random(): number {
    return 0.5
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || ms <= 0) return resolve()
      const wake = (): void => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = { at: this.#ms + ms, wake }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', wake)
    })
  }

  /** How long until the next one wakes; none sleeps: infinite. */
  get nextMs(): number {
    return Math.min(...[...this.#sleepers].map(({ at }) => at)) - this.#ms
  }

  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms
    await quiet()
    for (;;) {
      const due = [...this.#sleepers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#ms = Math.max(this.#ms, due.at)
      due.wake()
      await quiet()
    }
    this.#ms = end
    await quiet()
  }
}

/** Turns of the loop in which everything in memory that can go on has gone on. */
const TURNS = 400

export async function quiet(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await setImmediate()
}
