/**
 * Which actions an answer casts suspicion on: a whole request was refused and the answer names a field, a value or an
 * address that only some of its rows have. Kept beside the error and not in its facts, which may be printed.
 */
const SUSPECTS = Symbol.for('lakeloop.suspects')
const known: WeakMap<object, readonly number[]> = ((globalThis as Record<symbol, unknown>)[SUSPECTS] ??=
  new WeakMap()) as WeakMap<object, readonly number[]>

/** Remembers the suspects of an error that calls for a split: indexes into the block given to `prepare`. Gives the error back. */
export function withSuspects<E extends object>(error: E, actions: readonly number[]): E {
  known.set(error, actions)
  return error
}

/** The suspects of an error, none if nobody named any. */
export function suspectsOf(error: object): readonly number[] {
  return known.get(error) ?? []
}
