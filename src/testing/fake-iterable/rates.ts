/** Requests that an endpoint takes in a sliding window. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

/** Published limits, per project. Source: SW (`api-docs.json`, July 2026), reference table 3.0. */
export const PUBLISHED: Readonly<Record<string, Rate>> = {
  'users/update': { count: 500, perMs: 1_000 },
  'users/bulkUpdate': { count: 5, perMs: 1_000 },
  'users/getFields': { count: 3, perMs: 1_000 },
  'users/getByEmail': { count: 100, perMs: 1_000 },
  'users/forget': { count: 3, perMs: 1_000 },
  'events/track': { count: 2_000, perMs: 1_000 },
  'events/trackBulk': { count: 10, perMs: 1_000 },
  lists: { count: 100, perMs: 1_000 },
  'lists/getUsers': { count: 5, perMs: 60_000 },
  'lists/size': { count: 5, perMs: 60_000 },
}

/** A sliding window per endpoint (the shape of Iterable's own limiter is unsure; this one forgives nothing). */
export class RateLimiter {
  readonly #rates: Readonly<Record<string, Rate>>
  readonly #now: () => number
  readonly #seen = new Map<string, number[]>()

  constructor(rates: Readonly<Record<string, Rate>>, now: () => number) {
    this.#rates = rates
    this.#now = now
  }

  /** False if the request is one too many; it counts all the same. */
  admits(endpoint: string): boolean {
    const rate = this.#rates[endpoint]
    if (rate === undefined) return true
    const now = this.#now()
    const seen = (this.#seen.get(endpoint) ?? []).filter((at) => at > now - rate.perMs)
    seen.push(now)
    this.#seen.set(endpoint, seen)
    return seen.length <= rate.count
  }
}
