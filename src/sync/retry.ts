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

/** Shared by all requests of a run, so that an outage does not multiply the traffic. */
export class RetryBudget {
  #tokens = TOKENS_MAX

  /** False when the run has retried too much for its successes: then a retry is refused, not queued. */
  take(): boolean {
    if (this.#tokens < COST) return false
    this.#tokens -= COST
    return true
  }

  /** A clear answer gives a token back. */
  give(): void {
    this.#tokens = Math.min(TOKENS_MAX, this.#tokens + 1)
  }
}

/** Full jitter: anywhere between 0 and 0.5 s · 2^attempt, capped. `random` gives [0, 1). */
export function backoffMs(attempt: number, waitMaxMs: number, random: () => number): number {
  return Math.floor(random() * Math.min(waitMaxMs, BASE_MS * 2 ** attempt))
}
