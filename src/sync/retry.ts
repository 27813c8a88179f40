import type { Delivery, Destination } from '../destinations/destination.js'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { JsonObject } from '../model/value.js'
import type { Clock } from './clock.js'

/**
 * How often and how soon a request is asked again. Source of the numbers: docs/guarantees.md "Retries", after the
 * published behaviour of AWS Smithy's standard mode (bucket of 500, cost 5) and full jitter.
 */
export interface RetryLimits {
  /** Attempts per request that end without a clear answer. Default 6. */
  readonly attemptsMax: number
  /** Times in a row that one request may be asked to slow down. Default 60; each waits at most 60 s. */
  readonly throttlesMax: number
  /** Longest wait between two attempts, in ms. Default 30,000. */
  readonly waitMaxMs: number
  /** Requests that looking for bad rows may cost in one run. Default 2,000. */
  readonly splitsMax: number
}

export const RETRY_LIMITS: RetryLimits = { attemptsMax: 6, throttlesMax: 60, waitMaxMs: 30_000, splitsMax: 2_000 }

const BASE_MS = 500
const TOKENS_MAX = 500
const COST = 5
/** A time-out holds a slot for its whole length before it says anything. */
const COST_LATE = 10

/** Shared by all requests of a run, so that an outage does not multiply the traffic. */
export class RetryBudget {
  #tokens = TOKENS_MAX

  /** False when the run has retried too much for its successes: then a retry is refused, not queued. */
  take(late: boolean): boolean {
    const cost = late ? COST_LATE : COST
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }

  /** A clear answer gives a token back. */
  give(): void {
    this.#tokens = Math.min(TOKENS_MAX, this.#tokens + 1)
  }
}

/** Full jitter: anywhere between 0 and 0.5 s · 2^attempt, capped. `random` gives [0, 1). */
function backoffMs(attempt: number, waitMaxMs: number, random: () => number): number {
  return Math.floor(random() * Math.min(waitMaxMs, BASE_MS * 2 ** attempt))
}

export interface RetryOptions {
  readonly endpoint: string
  readonly clock: Clock
  readonly limits: RetryLimits
  readonly signal: AbortSignal
  readonly budget: RetryBudget
  readonly onThrottle?: ((endpoint: string, waitMs: number) => void) | undefined
}

/**
 * Does the same again while its error's remedy is `retry`: the only loop of its kind.
 *
 * Throws  ABORTED once the signal is; RETRIES_SPENT; whatever else `work` throws, at once.
 */
export async function retrying<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { endpoint, signal, limits, budget } = options
  let attempts = 0
  let throttles = 0
  for (;;) {
    if (signal.aborted) throw new LakeloopError('ABORTED')
    try {
      const done = await work()
      budget.give()
      return done
    } catch (error) {
      if (signal.aborted) throw new LakeloopError('ABORTED', {}, error)
      if (!isLakeloopError(error) || error.remedy !== 'retry') throw error
      const throttled = error.code === 'DESTINATION_THROTTLED'
      if (throttled) throttles += 1
      else attempts += 1
      const spent = attempts >= limits.attemptsMax || throttles >= limits.throttlesMax
      if (spent || (!throttled && !budget.take(error.facts.late === true))) {
        throw new LakeloopError('RETRIES_SPENT', { endpoint, attempts: attempts + throttles, last: error.code }, error)
      }
      await pause(error, attempts + throttles, options)
    }
  }
}

/** The longer of what we would wait and what we are told to, at most 60 s. */
async function pause(error: LakeloopError, attempt: number, options: RetryOptions): Promise<void> {
  const { clock, limits, signal, endpoint, onThrottle } = options
  const own = backoffMs(attempt, limits.waitMaxMs, () => clock.random())
  const told = typeof error.facts.afterMs === 'number' ? error.facts.afterMs : 0
  const waitMs = Math.max(own, Math.min(told, 60_000))
  if (error.code === 'DESTINATION_THROTTLED') onThrottle?.(endpoint, waitMs)
  await clock.sleep(waitMs, signal)
}

/** Opens a destination, through passing faults too: nothing has been sent yet, so asking again is always harmless. */
export function openRetrying(
  destination: Destination,
  options: Omit<RetryOptions, 'endpoint' | 'budget'> & { readonly learned?: JsonObject },
): Promise<Delivery> {
  const { signal, learned } = options
  const budget = new RetryBudget()
  return retrying(() => destination.open(signal, learned), { ...options, endpoint: destination.name, budget })
}
