/**
 * One hostile program: what it tries, the body of `(row, ctx) => { ... }`, how its row ends (the number of its actions, or
 * the code of why there are none; several where the machine decides), and the identifiers that it shows for its loot.
 */
export type Escape = readonly [attack: string, body: string, end: End, shown?: Readonly<Record<string, string>>]
export type End = number | string | readonly string[]

/** Programs of one kind: those that the research of the sandbox names, and our own. */
export interface Escapes {
  readonly reference: readonly Escape[]
  readonly own: readonly Escape[]
}

export const TIMEOUT = 'TRANSFORM_TIMEOUT'
export const MEMORY = 'TRANSFORM_OUT_OF_MEMORY'
export const THREW = 'TRANSFORM_THREW'
export const NEVER = 'TRANSFORM_NEVER_SETTLES'
export const BAD = 'TRANSFORM_BAD_OUTPUT'
export const LARGE = 'TRANSFORM_OUTPUT_TOO_LARGE'
export const SKIPPED = 'TRANSFORM_SKIPPED'
export const NOTHING = 'TRANSFORM_NO_ACTION'
