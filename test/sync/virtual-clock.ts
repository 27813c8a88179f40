import type { Clock } from '../../src/sync/clock.js'

/** A clock that only moves when somebody sleeps: waits take no time and are written down. */
export class VirtualClock implements Clock {
  readonly slept: number[] = []
  #ms: number
  #seed = 1

  constructor(startMs = Date.UTC(2026, 10, 23)) {
    this.#ms = startMs
  }

  now(): number {
    return this.#ms
  }

  elapsed(): number {
    return this.#ms
  }

  /** A small linear congruential generator: the same jitter in every run. */
  random(): number {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2 ** 31
    return this.#seed / 2 ** 31
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return
    if (ms >= 25_000) {
      // A grace period: it ends when somebody advances the clock past it, which no test here does.
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    }
    this.slept.push(ms)
    this.#ms += ms
  }

  advance(ms: number): void {
    this.#ms += ms
  }
}
