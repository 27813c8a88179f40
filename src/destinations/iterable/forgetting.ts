import { isLakeloopError } from '../../errors.js'
import type { Outcome } from '../../model/outcome.js'
import type { JsonObject } from '../../model/value.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { codeOf, taken } from './answers.js'
import type { WireRequest } from './wire.js'

/** In any 24 hours, per project. Source: Iterable api-docs.json, users/forget. */
export const FORGETS_A_DAY = 1_000
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Answers 429 in a row after which a run asks no more: each costs a slot of a pace that gets slower. */
const REFUSALS_MAX = 3

/**
 * Asks Iterable to forget people, as many as a day takes; the others wait, parked, and are tried again by later runs.
 *
 * Shape   `learned` is what was sent in the last 24 hours, by hour: `{ "493812": 40 }`.
 * Repeat  harmless: who was forgotten before is answered as such.
 */
export class Forgetting {
  readonly #client: IterableClient
  readonly #now: () => number
  readonly #sent = new Map<number, number>()
  #waiting = 0
  #refusals = 0

  /** @param now  milliseconds since 1970 */
  constructor(client: IterableClient, now: () => number, learned: JsonObject = {}) {
    this.#client = client
    this.#now = now
    for (const [hour, count] of Object.entries(learned)) {
      if (/^\d+$/.test(hour) && Number.isSafeInteger(count)) this.#sent.set(Number(hour), count as number)
    }
  }

  /** How long until as many as wait have had their turn, in ms, at a pace of `perSecond`. */
  etaMs(waiting: number, perSecond: number): number {
    this.#forgetOld()
    const room = Math.max(FORGETS_A_DAY - this.#used, 0)
    if (waiting <= room) return Math.ceil((waiting * 1_000) / perSecond)
    return this.#roomAt(waiting - room - 1) - this.#now()
  }

  async apply(request: WireRequest, signal: AbortSignal): Promise<Outcome> {
    this.#forgetOld()
    if (this.#used >= FORGETS_A_DAY || this.#refusals >= REFUSALS_MAX) return this.#parked()
    // Counted before it is sent: two that are under way do not share the last place.
    const hour = Math.floor(this.#now() / HOUR_MS)
    this.#count(hour, 1)
    try {
      const answer = await this.#client.call('users/forget', signal, request.body)
      this.#refusals = 0
      if (codeOf(answer.json) === 'ForgottenUserError') return { status: 'accepted' }
      taken(request, answer)
      return { status: 'accepted' }
    } catch (error) {
      // Others may have used the day up, and that is nothing to wait for within a run.
      if (!isLakeloopError(error, 'DESTINATION_THROTTLED')) throw error
      this.#count(hour, -1)
      this.#refusals += 1
      return this.#parked()
    }
  }

  learned(): JsonObject {
    this.#forgetOld()
    return Object.fromEntries(this.#sent)
  }

  get #used(): number {
    return [...this.#sent.values()].reduce((sum, count) => sum + count, 0)
  }

  #count(hour: number, by: 1 | -1): void {
    const count = (this.#sent.get(hour) ?? 0) + by
    if (count > 0) this.#sent.set(hour, count)
    else this.#sent.delete(hour)
  }

  #parked(): Outcome {
    const after = new Date(this.#roomAt(this.#waiting)).toISOString()
    this.#waiting += 1
    return { status: 'parked', reason: { code: 'FORGET_WAITING', facts: { limit: FORGETS_A_DAY, after } } }
  }

  /** The time from which on there is a place behind so many who wait: the hour in which enough of those sent are a day old. */
  #roomAt(ahead: number): number {
    const days = Math.floor(ahead / FORGETS_A_DAY)
    return (this.#hourOf((ahead % FORGETS_A_DAY) + 1) + 1) * HOUR_MS + (days + 1) * DAY_MS
  }

  /** In which the `nth` of those that count was sent. */
  #hourOf(nth: number): number {
    let sent = 0
    for (const [hour, count] of [...this.#sent].sort(([a], [b]) => a - b)) {
      sent += count
      if (sent >= nth) return hour
    }
    return Math.floor(this.#now() / HOUR_MS)
  }

  #forgetOld(): void {
    const oldest = Math.floor((this.#now() - DAY_MS) / HOUR_MS)
    for (const hour of this.#sent.keys()) if (hour < oldest) this.#sent.delete(hour)
  }
}
