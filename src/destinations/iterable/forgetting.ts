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

  /** @param now  milliseconds since 1970 */
  constructor(client: IterableClient, now: () => number, learned: JsonObject = {}) {
    this.#client = client
    this.#now = now
    for (const [hour, count] of Object.entries(learned)) {
      if (/^\d+$/.test(hour) && Number.isSafeInteger(count)) this.#sent.set(Number(hour), count as number)
    }
  }

  async apply(request: WireRequest, signal: AbortSignal): Promise<Outcome> {
    this.#forgetOld()
    const used = [...this.#sent.values()].reduce((sum, count) => sum + count, 0)
    if (used >= FORGETS_A_DAY) return this.#parked()
    // Counted before it is sent: two that are under way do not share the last place.
    const hour = Math.floor(this.#now() / HOUR_MS)
    this.#sent.set(hour, (this.#sent.get(hour) ?? 0) + 1)
    try {
      const answer = await this.#client.call('users/forget', signal, request.body)
      if (codeOf(answer.json) === 'ForgottenUserError') return { status: 'accepted' }
      taken(request, answer)
      return { status: 'accepted' }
    } catch (error) {
      // Others may have used the day up, and that is nothing to wait for within a run.
      if (isLakeloopError(error, 'DESTINATION_THROTTLED')) return this.#parked()
      throw error
    }
  }

  learned(): JsonObject {
    this.#forgetOld()
    return Object.fromEntries(this.#sent)
  }

  /** The time from which on there is a place: the hour in which enough of those sent are a day old. */
  #parked(): Outcome {
    this.#waiting += 1
    const days = Math.floor((this.#waiting - 1) / FORGETS_A_DAY)
    const [oldest = Math.floor(this.#now() / HOUR_MS)] = [...this.#sent.keys()].sort((a, b) => a - b)
    const after = new Date((oldest + 1) * HOUR_MS + (days + 1) * DAY_MS).toISOString()
    return { status: 'parked', reason: { code: 'FORGET_WAITING', facts: { limit: FORGETS_A_DAY, after } } }
  }

  #forgetOld(): void {
    const oldest = Math.floor((this.#now() - DAY_MS) / HOUR_MS)
    for (const hour of this.#sent.keys()) if (hour < oldest) this.#sent.delete(hour)
  }
}
