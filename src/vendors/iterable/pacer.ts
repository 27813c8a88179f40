import { LakeloopError } from '../../errors.js'
import { type Clock, orAborted, systemClock } from '../../transport/clock.js'

/** Share of a published rate that is used: starts spaced by exactly the published gap were refused now and then (measured: 205 ms instead of 200 was never). */
export const USED = 0.975
/** What a late timer may catch up on, in milliseconds. Less than the 25 ms per second that {@link USED} keeps free. */
const CATCH_UP_MS = 20
/**
 * How much later than the others the first request after a pause may arrive, in milliseconds: its connection is to be
 * opened and its code to be compiled (measured: 25 to 40 over loopback). The next one keeps that much more distance.
 */
const COLD_MS = 60
/** After such a pause connections are closed. Source: undici closes idle ones after 4 s. */
const COLD_AFTER_MS = 4_000
const SLOWER = 0.7
const SLOWEST = 0.1
/** Of the full rate, per answer that was no refusal. */
const RECOVERY = 0.02
/** A refusal without a time, and the most that a refusal can ask for. */
const HOLD_MS = 1_000
export const HOLD_MS_MAX = 60_000
const WAITERS_MAX = 10_000
const PACERS_MAX = 10_000

/** One permission to send, and where to say what became of it. */
export interface Slot {
  /** The answer was 429: everything waits `afterMs` (at most a minute) and goes on at 0.7 of the pace. */
  throttled(afterMs?: number): void
  /** Any other answer: a slowed pace recovers by a fiftieth. */
  answered(): void
}

/**
 * Spaces the starts of requests evenly (GCRA without burst), first come, first served.
 *
 * Units   requests per second.
 * Laws    n slots take at least (n - 1) gaps less 20 ms; idle time is not saved up. The first gap after 4 s without a slot
 *         is 60 ms longer, so that a first request that arrives late does not come close to those behind it.
 * Throws  ABORTED; DESTINATION_THROTTLED if 10,000 wait already (I12).
 * Source  measured against a limit of 5 per sliding second: an even gap of 205 ms reached the full rate without a refusal.
 */
export class Pacer {
  readonly #clock: Clock
  #next = Number.NEGATIVE_INFINITY
  #pace = 1
  #slowedAt = Number.NEGATIVE_INFINITY
  #waiting = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** True if nobody waits and the last slot is spent. */
  get idle(): boolean {
    return this.#waiting === 0 && this.#pace === 1 && this.#next <= this.#clock.now()
  }

  /** Waits for the next slot at `perSecond`: callers with different shares of one limit each wait by their own. */
  async slot(perSecond: number, signal: AbortSignal): Promise<Slot> {
    if (this.#waiting >= WAITERS_MAX) {
      throw new LakeloopError('DESTINATION_THROTTLED', { endpoint: 'the pacer', waiting: WAITERS_MAX })
    }
    this.#waiting += 1
    const turn = this.#tail
    let pass = (): void => {}
    this.#tail = new Promise<void>((resolve) => {
      pass = resolve
    })
    try {
      await orAborted(turn, signal)
      return await this.#wait(perSecond, signal)
    } finally {
      this.#waiting -= 1
      void turn.then(pass)
    }
  }

  async #wait(perSecond: number, signal: AbortSignal): Promise<Slot> {
    for (;;) {
      const waitMs = this.#next - this.#clock.now()
      if (waitMs <= 0) break
      await this.#clock.sleep(waitMs, signal)
    }
    const now = this.#clock.now()
    const gapMs = 1000 / (perSecond * USED * this.#pace)
    const isCold = now - this.#next >= COLD_AFTER_MS
    this.#next = (isCold ? now + COLD_MS : Math.max(this.#next, now - CATCH_UP_MS)) + gapMs
    return {
      throttled: (afterMs = HOLD_MS) => this.#throttled(now, afterMs),
      answered: () => {
        this.#pace = Math.min(1, this.#pace + RECOVERY)
      },
    }
  }

  /** Requests that were under way together are refused together: that is one reason to slow down and not several. */
  #throttled(startedAt: number, afterMs: number): void {
    const now = this.#clock.now()
    this.#next = Math.max(this.#next, now + Math.min(afterMs, HOLD_MS_MAX))
    if (startedAt <= this.#slowedAt) return
    this.#slowedAt = now
    this.#pace = Math.max(SLOWEST, this.#pace * SLOWER)
  }
}

/** One registry for every copy of this package in the process: ESM, CJS, and two versions of the same shape. */
const REGISTRY = Symbol.for('lakeloop.iterable.pacers.1')
const byClock = new WeakMap<Clock, Map<string, Pacer>>()

/** What a limit is counted by. */
export interface PacedBy {
  readonly baseUrl: string
  readonly project: string
  readonly endpoint: string
}

/** The pacer of one endpoint of one project: the same for all who ask in this process. A clock of one's own has its own. */
export function pacerOf(paced: PacedBy, clock?: Clock): Pacer {
  const pacers = clock === undefined ? shared() : own(clock)
  const key = JSON.stringify([paced.baseUrl, paced.project, paced.endpoint])
  const known = pacers.get(key)
  if (known !== undefined) return known
  if (pacers.size >= PACERS_MAX) for (const [at, pacer] of pacers) if (pacer.idle) pacers.delete(at)
  const made = new Pacer(clock)
  pacers.set(key, made)
  return made
}

function shared(): Map<string, Pacer> {
  const holder = globalThis as unknown as Record<symbol, Map<string, Pacer> | undefined>
  holder[REGISTRY] ??= new Map()
  return holder[REGISTRY]
}

function own(clock: Clock): Map<string, Pacer> {
  const known = byClock.get(clock) ?? new Map<string, Pacer>()
  byClock.set(clock, known)
  return known
}
