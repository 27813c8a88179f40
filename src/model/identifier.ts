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
  /** Unique within `source`. Sending (source, key) again replaces the record. */
  readonly key: string
  readonly observedAt: string | null
  readonly ids: readonly Identifier[]
}
