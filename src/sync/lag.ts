import type { Clock } from './clock.js'
import type { Lag } from './events.js'
import type { Inbox, Waiting } from './inbox.js'

/** What a run will have done, once it is complete. */
export interface Begun {
  readonly reads: 'source' | 'inbox'
  readonly at: number
  readonly elapsed: number
}

/** How far a watch is behind. */
export class LagFigure {
  readonly #clock: Clock
  readonly #inbox: Inbox
  readonly #isTimed: boolean
  #waiting: Waiting = { rows: 0, bytes: 0 }
  /** Since when the destination does not show the source, on the clock's `elapsed`; `undefined` where nobody asked for it. */
  #behindSince: number | undefined
  /** A wake-up that came while a run was under way: that run may have read the source before it. */
  #wokenAt: number | undefined
  #lastRunAt: number | undefined
  #failures = 0

  /** @param isTimed  the source is due by the clock, and so always behind since it was last read */
  constructor({ clock, inbox, isTimed }: { readonly clock: Clock; readonly inbox: Inbox; readonly isTimed: boolean }) {
    this.#clock = clock
    this.#inbox = inbox
    this.#isTimed = isTimed
    if (isTimed) this.#behindSince = clock.elapsed()
  }

  now(): Lag {
    const { rows, oldestAt } = this.#waiting
    const oldestMs = rows === 0 || oldestAt === undefined ? 0 : Math.max(0, this.#clock.now() - oldestAt)
    const since = this.#behindSince ?? this.#wokenAt
    const sourceMs = since === undefined ? 0 : this.#clock.elapsed() - since
    return {
      ms: Math.round(Math.max(oldestMs, sourceMs)),
      oldestMs: Math.round(oldestMs),
      waiting: rows,
      lastRunAt: this.#lastRunAt === undefined ? undefined : new Date(this.#lastRunAt).toISOString(),
      failures: this.#failures,
    }
  }

  async look(): Promise<void> {
    this.#waiting = await this.#inbox.waiting()
  }

  /** The oldest stays the oldest. */
  pushed(waiting: Waiting): void {
    const oldestAt = waiting.oldestAt ?? this.#waiting.oldestAt
    this.#waiting = { ...waiting, ...(oldestAt === undefined ? {} : { oldestAt }) }
  }

  woken(): void {
    this.#wokenAt ??= this.#clock.elapsed()
  }

  begin(reads: 'source' | 'inbox'): Begun {
    if (reads === 'source' && !this.#isTimed) {
      this.#behindSince ??= this.#wokenAt
      this.#wokenAt = undefined
    }
    return { reads, at: this.#clock.now(), elapsed: this.#clock.elapsed() }
  }

  done({ reads, at, elapsed }: Begun): void {
    this.#failures = 0
    this.#lastRunAt = at
    if (reads === 'source') this.#behindSince = this.#isTimed ? elapsed : undefined
  }

  failed(): void {
    this.#failures += 1
  }
}
