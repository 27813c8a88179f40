/** Requests that an endpoint takes in a sliding window. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

const perSecond = (count: number): Rate => ({ count, perMs: 1_000 })
const perDay = (count: number): Rate => ({ count, perMs: 86_400_000 })
const perMinute = (count: number): Rate => ({ count, perMs: 60_000 })

/** What is lost where a bucket leaks in parts. */
const ROUNDING = 1e-6

/** By endpoint: a limit, or several. */
export type Rates = Readonly<Record<string, Rate | readonly Rate[]>>

/** Published limits, per project. Source: SW (`api-docs.json`, July 2026), reference table 3.0. */
export const PUBLISHED: Rates = {
  'users/update': perSecond(500),
  'users/bulkUpdate': perSecond(5),
  'users/getFields': perSecond(3),
  'users/getByEmail': perSecond(100),
  'users/get': perSecond(100),
  'users/byUserId': perSecond(100),
  'users/forget': [perSecond(3), perDay(1_000)],
  'users/unforget': [perSecond(3), perDay(1_000)],
  'users/merge': perSecond(50),
  'users/delete': perSecond(100),
  'users/byUserId/delete': perSecond(100),
  'users/forgotten': perSecond(3),
  'users/forgottenUserIds': perSecond(3),
  'events/track': perSecond(2_000),
  'events/trackBulk': perSecond(10),
  'events/get': perSecond(100),
  'events/byUserId': perSecond(100),
  lists: perSecond(100),
  'lists/getUsers': perMinute(5),
  'lists/previewUsers': perMinute(5),
  'lists/size': perMinute(5),
  'export/data.json': perMinute(4),
  'export/data.csv': perMinute(4),
  'export/start': perSecond(1),
  'export/files': perSecond(1),
  'export/cancel': perSecond(1),
  channels: perSecond(100),
  catalogs: perSecond(100),
  'catalogs/items': perSecond(100),
  'catalogs/item': perSecond(100),
  'catalogs/items/upload': perSecond(100),
  'catalogs/item/replace': perSecond(1_000),
}

/**
 * A sliding window per endpoint, which forgives nothing; or a bucket that takes as many at once and leaks evenly, into
 * which what is refused does not go. The shape of Iterable's own limiter is unsure (DataGrail speaks of a bucket).
 */
export class RateLimiter {
  readonly #rates: Rates
  readonly #now: () => number
  readonly #shape: 'window' | 'bucket'
  readonly #seen = new Map<string, number[]>()
  readonly #buckets = new Map<string, { level: number; at: number }>()

  constructor(rates: Rates, now: () => number, shape: 'window' | 'bucket') {
    this.#rates = rates
    this.#now = now
    this.#shape = shape
  }

  /** The limit that a request breaks, and when there is room again; `undefined` if it may pass. */
  broken(endpoint: string): { readonly words: string; readonly retryAfterS: number } | undefined {
    const rates = [this.#rates[endpoint] ?? []].flat()
    if (rates.length === 0) return undefined
    const rate = this.#shape === 'bucket' ? this.#full(endpoint, rates) : this.#passed(endpoint, rates)
    if (rate === undefined) return undefined
    const unit = UNITS.get(rate.perMs) ?? `${rate.perMs} ms`
    return { words: `${rate.count.toFixed(1)} per ${unit}`, retryAfterS: Math.ceil(rate.perMs / 1_000) }
  }

  /** The bucket that has no room; each of them has one more in it if there is none. */
  #full(endpoint: string, rates: readonly Rate[]): Rate | undefined {
    const now = this.#now()
    const levels = rates.map((rate, nth) => {
      const name = `${endpoint} ${nth}`
      const { level, at } = this.#buckets.get(name) ?? { level: 0, at: now }
      return { name, rate, level: Math.max(0, level - ((now - at) * rate.count) / rate.perMs) }
    })
    const full = levels.find(({ rate, level }) => level + 1 > rate.count + ROUNDING)
    if (full === undefined) for (const { name, level } of levels) this.#buckets.set(name, { level: level + 1, at: now })
    return full?.rate
  }

  /** The limit that this window passes. What is refused counts all the same. */
  #passed(endpoint: string, rates: readonly Rate[]): Rate | undefined {
    const now = this.#now()
    const longest = Math.max(...rates.map(({ perMs }) => perMs))
    const seen = [...(this.#seen.get(endpoint) ?? []).filter((at) => at > now - longest), now]
    this.#seen.set(endpoint, seen)
    return rates.find(({ count, perMs }) => seen.filter((at) => at > now - perMs).length > count)
  }
}

const UNITS = new Map([
  [1_000, 'second'],
  [60_000, 'minute'],
  [86_400_000, 'day'],
])
