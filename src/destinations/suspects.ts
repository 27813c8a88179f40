/** Under a registered symbol, so that a connector built on the ESM copy of this package is understood by the CJS one. */
const REGISTRY = Symbol.for('lakeloop.suspects')
const shared = globalThis as { [REGISTRY]?: WeakMap<object, readonly number[]> }
shared[REGISTRY] ??= new WeakMap()
const suspects = shared[REGISTRY]

/**
 * Notes which actions of a refused request an answer casts suspicion on, and gives the error back.
 * Indexes only, into the block that was prepared: what made them suspect stays inside the connector (I7).
 */
export function accuse<E extends object>(error: E, actions: readonly number[]): E {
  if (actions.length > 0) suspects.set(error, actions)
  return error
}

/** What {@link accuse} noted: the `actions` for a split by suspects. None if the answer pointed at nobody. */
export function suspectsOf(error: object): readonly number[] {
  return suspects.get(error) ?? []
}
