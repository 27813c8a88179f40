import type { Clock } from './clock.js'

/** After the first failure a run is tried again after a second, then after twice as long each time, up to five minutes. */
const AGAIN_MS = 1_000
const AGAIN_MAX_MS = 300_000

/** How long to wait after so many failures in a row, in ms. */
export const againMs = (failures: number): number => Math.min(AGAIN_MS * 2 ** (failures - 1), AGAIN_MAX_MS)

/** When one kind of run is due: by the clock, when asked for, and again after it has failed. */
export class Turn {
  readonly #clock: Clock
  readonly #everyMs: number | undefined
  readonly #restMs: number
  readonly #start: number
  #isAsked = false
  /** Next by the clock, on its `elapsed`. */
  #dueAt: number
  #failures = 0
  #restsUntil = Number.NEGATIVE_INFINITY
  #notBefore = Number.NEGATIVE_INFINITY

  /**
   * @param everyMs  the first run is due at once, the next ones on the beat of it; undefined: only when asked for
   * @param restMs   least time between two beginnings; default 0
   */
  constructor(
    clock: Clock,
    { everyMs, restMs = 0 }: { readonly everyMs?: number | undefined; readonly restMs?: number },
  ) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#restMs = restMs
    this.#start = clock.elapsed()
    this.#dueAt = everyMs === undefined ? Number.POSITIVE_INFINITY : this.#start
  }

  get isDue(): boolean {
    return this.inMs <= 0
  }

  /** True for what was asked for and is not taken, also while it has to wait after a failure. */
  get isAsked(): boolean {
    return this.#isAsked
  }

  get inMs(): number {
    const now = this.#clock.elapsed()
    return Math.max(this.#isAsked ? 0 : this.#dueAt - now, this.#restsUntil - now, this.#notBefore - now)
  }

  ask(): void {
    this.#isAsked = true
  }

  /** The same, without a rest: what was taken was not done. */
  askAgain(): void {
    this.#isAsked = true
    this.#restsUntil = Number.NEGATIVE_INFINITY
  }

  /** A run has begun. It makes up for all beats that were missed, and those to come keep their places. */
  taken(): void {
    this.#isAsked = false
    this.#restsUntil = this.#clock.elapsed() + this.#restMs
    if (this.#everyMs === undefined) return
    const beats = Math.floor((this.#clock.elapsed() - this.#start) / this.#everyMs)
    this.#dueAt = this.#start + (beats + 1) * this.#everyMs
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures += 1
    this.#notBefore = this.#clock.elapsed() + againMs(this.#failures)
    this.#isAsked = true
  }
}
