import { LakeloopError } from '../../src/errors.js'
import type { Clock } from '../../src/transport/clock.js'

/** A clock that moves when told, and by itself through waits shorter than a deadline; waits are written down. */
export class ManualClock implements Clock {
  readonly slept: number[] = []
  readonly #deadlineMs: number
  #ms = 0

  constructor(deadlineMs = 30_000) {
    this.#deadlineMs = deadlineMs
  }

  now(): number {
    return this.#ms
  }

  advance(ms: number): void {
    this.#ms += ms
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms === this.#deadlineMs) {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new LakeloopError('ABORTED'))))
    }
    this.slept.push(ms)
    this.#ms += ms
    return signal.aborted ? Promise.reject(new LakeloopError('ABORTED')) : Promise.resolve()
  }
}
