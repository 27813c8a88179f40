/** Requests that an endpoint takes in a sliding window. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

const perSecond = (count: number): Rate => ({ count, perMs: 1_000 })
const perDay = (count: number): Rate => ({ count, perMs: 86_400_000 })
const perMinute = (count: number): Rate => ({ count, perMs: 60_000 })

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

/** A sliding window per endpoint (the shape of Iterable's own limiter is unsure; this one forgives nothing). */
export class RateLimiter {
  readonly #rates: Rates
  readonly #now: () => number
  readonly #seen = new Map<string, number[]>()

  constructor(rates: Rates, now: () => number) {
    this.#rates = rates
    this.#now = now
  }

  /** The limit that a request breaks, and when the window has room again; `undefined` if it may pass. It counts all the same. */
  broken(endpoint: string): { readonly words: string; readonly retryAfterS: number } | undefined {
    const rates = [this.#rates[endpoint] ?? []].flat()
    if (rates.length === 0) return undefined
    const now = this.#now()
    const longest = Math.max(...rates.map(({ perMs }) => perMs))
    const seen = [...(this.#seen.get(endpoint) ?? []).filter((at) => at > now - longest), now]
    this.#seen.set(endpoint, seen)
    const rate = rates.find(({ count, perMs }) => seen.filter((at) => at > now - perMs).length > count)
    if (rate === undefined) return undefined
    const unit = UNITS.get(rate.perMs) ?? `${rate.perMs} ms`
    return { words: `${rate.count.toFixed(1)} per ${unit}`, retryAfterS: Math.ceil(rate.perMs / 1_000) }
  }
}

const UNITS = new Map([
  [1_000, 'second'],
  [60_000, 'minute'],
  [86_400_000, 'day'],
])
