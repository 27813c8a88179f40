import type { JsonObject } from '../../model/value.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { Sizes, WireRequest } from './wire.js'

const ROWS_MIN = 1
const BYTES_MIN = 10_000
const GROWTH = 1.5

/**
 * How large the requests of a run may be: as learned in the runs before, frozen for this one.
 *
 * Laws    never above the cap; half of what was refused for its size, and half as much again per run without a refusal.
 * Source  Iterable api-docs.json gives 4 MB for bulkUpdate; what is behind `BatchTooLarge` elsewhere is not documented.
 */
export class LearnedSizes {
  readonly #cap: Sizes
  readonly #before: JsonObject
  readonly #refused = new Map<Endpoint, Sizes>()

  constructor(cap: Sizes, before: JsonObject = {}) {
    this.#cap = cap
    this.#before = before
  }

  of(endpoint: Endpoint): Sizes {
    const { rowsMax, bytesMax } = (this.#before[endpoint] ?? {}) as JsonObject
    return this.#bounded({
      rowsMax: numberOr(rowsMax, this.#cap.rowsMax),
      bytesMax: numberOr(bytesMax, this.#cap.bytesMax),
    })
  }

  refused(request: WireRequest): void {
    const { endpoint, wire, body } = request
    const earlier = this.#refused.get(endpoint) ?? this.#cap
    this.#refused.set(endpoint, {
      rowsMax: Math.min(earlier.rowsMax, Math.floor(wire.rows.length / 2)),
      bytesMax: Math.min(earlier.bytesMax, Math.floor(body.length / 2)),
    })
  }

  /** What the next run starts with; `{}` where nothing is below the cap. */
  learned(): JsonObject {
    const next: Record<string, JsonObject> = {}
    for (const endpoint of new Set([...(Object.keys(this.#before) as Endpoint[]), ...this.#refused.keys()])) {
      const now = this.of(endpoint)
      const grown = { rowsMax: Math.floor(now.rowsMax * GROWTH), bytesMax: Math.floor(now.bytesMax * GROWTH) }
      const { rowsMax, bytesMax } = this.#bounded(this.#refused.get(endpoint) ?? grown)
      if (rowsMax < this.#cap.rowsMax || bytesMax < this.#cap.bytesMax) next[endpoint] = { rowsMax, bytesMax }
    }
    return next
  }

  #bounded({ rowsMax, bytesMax }: Sizes): Sizes {
    return {
      rowsMax: Math.min(this.#cap.rowsMax, Math.max(ROWS_MIN, rowsMax)),
      bytesMax: Math.min(this.#cap.bytesMax, Math.max(BYTES_MIN, bytesMax)),
    }
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise
}
