/** How a person can be recognised: a namespace such as `customer_id` and a value, raw until identity normalises it. */
export interface Identifier {
  readonly namespace: string
  readonly value: string
}

/** Several of one person, by namespace. `email` and `userId` are reserved: they are addresses of the destination. */
export type Identifiers = Readonly<Record<string, string>>

/**
 * One record that showed identifiers together: what the identity graph is made of.
 * `observedAt` is the time of change at the source (ISO 8601, UTC), never the time of the run; `null` sorts as oldest.
 */
export interface Evidence {
  readonly source: string
  /** Unique within `source`. Sending (source, key) again replaces the record, or adds to it: see `keep`. */
  readonly key: string
  readonly observedAt: string | null
  readonly ids: readonly Identifier[]
  /**
   * `latest` (default): only the newest record of (source, key) counts, what it said before is forgotten. `history`: each
   * distinct set of identifiers that (source, key) ever showed counts, from the first time it was seen to the last, so that
   * a changed address adds to the person. A choice per source.
   */
  readonly keep?: 'latest' | 'history' | undefined
}
