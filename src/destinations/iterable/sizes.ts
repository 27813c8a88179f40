import type { JsonObject } from '../../model/value.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { Sizes, WireRequest } from './wire.js'

const ROWS_MIN = 1
const BYTES_MIN = 10_000
const GROWTH = 1.5
/** Where nothing was learned yet. Source: Segment and RudderStack send about as many; no limit of rows is documented. */
const ROWS_FIRST = 1_000
/** Source: Iterable api-docs.json, catalogs/{name}/items: up to 1,000. */
const ITEMS_MAX = 1_000

/**
 * How large the requests of a run may be: as learned in the runs before, frozen for this one.
 *
 * Laws    never above the cap; 1,000 rows at first, half as many again after a run that filled a request and was not
 *         refused; half of what was refused for its size, and half as much again per run without a refusal.
 * Source  Iterable api-docs.json gives 4 MB for bulkUpdate; what is behind `BatchTooLarge` elsewhere is not documented.
 */
export class LearnedSizes {
  readonly #cap: Sizes
  readonly #before: JsonObject
  readonly #refused = new Map<Endpoint, Sizes>()
  readonly #filled = new Set<Endpoint>()
  readonly #doubted = new Set<Endpoint>()

  constructor(cap: Sizes, before: JsonObject = {}) {
    this.#cap = cap
    this.#before = before
  }

  of(endpoint: Endpoint): Sizes {
    const { rowsMax, bytesMax } = (this.#before[endpoint] ?? {}) as JsonObject
    const first = this.#first(endpoint)
    return this.#bounded(endpoint, {
      rowsMax: numberOr(rowsMax, first.rowsMax),
      bytesMax: numberOr(bytesMax, first.bytesMax),
    })
  }

  accepted({ endpoint, wire }: WireRequest): void {
    if (wire.rows.length >= this.of(endpoint).rowsMax) this.#filled.add(endpoint)
  }

  /** A single row cannot be sent in smaller parts: it says nothing about the others. */
  refused({ endpoint, wire, body }: WireRequest): void {
    if (wire.rows.length < 2) return
    const earlier = this.#refused.get(endpoint) ?? this.#cap
    this.#refused.set(endpoint, {
      rowsMax: Math.min(earlier.rowsMax, Math.floor(wire.rows.length / 2)),
      bytesMax: Math.min(earlier.bytesMax, Math.floor(body.length / 2)),
    })
  }

  /** No clear answer: a request that is larger than those of others may be what Iterable does not come to an end with. */
  doubted({ endpoint, wire }: WireRequest): void {
    if (wire.rows.length > this.#first(endpoint).rowsMax) this.#doubted.add(endpoint)
  }

  /** What the next run starts with; `{}` where that is what a first run starts with. */
  learned(): JsonObject {
    const next: Record<string, JsonObject> = {}
    const before = Object.keys(this.#before) as Endpoint[]
    for (const endpoint of new Set([...before, ...this.#refused.keys(), ...this.#filled, ...this.#doubted])) {
      const first = this.#first(endpoint)
      const { rowsMax, bytesMax } = this.#bounded(endpoint, this.#next(endpoint, first))
      if (rowsMax !== first.rowsMax || bytesMax !== first.bytesMax) next[endpoint] = { rowsMax, bytesMax }
    }
    return next
  }

  #next(endpoint: Endpoint, first: Sizes): Sizes {
    const refused = this.#refused.get(endpoint)
    if (refused !== undefined) return refused
    if (this.#doubted.has(endpoint)) return first
    const now = this.of(endpoint)
    const grown = Math.ceil(now.rowsMax * GROWTH)
    const rowsMax = this.#filled.has(endpoint) ? grown : Math.max(now.rowsMax, Math.min(grown, first.rowsMax))
    return { rowsMax, bytesMax: Math.floor(now.bytesMax * GROWTH) }
  }

  #first(endpoint: Endpoint): Sizes {
    const { rowsMax, bytesMax } = this.#cap
    return this.#bounded(endpoint, { rowsMax: Math.min(ROWS_FIRST, rowsMax), bytesMax })
  }

  #bounded(endpoint: Endpoint, { rowsMax, bytesMax }: Sizes): Sizes {
    const most = endpoint.startsWith('catalogs/') ? Math.min(ITEMS_MAX, this.#cap.rowsMax) : this.#cap.rowsMax
    return {
      rowsMax: Math.min(most, Math.max(ROWS_MIN, rowsMax)),
      bytesMax: Math.min(this.#cap.bytesMax, Math.max(BYTES_MIN, bytesMax)),
    }
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise
}
