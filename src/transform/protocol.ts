import type { ActionKind, Detail, FieldType } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import type { Reason } from '../model/value.js'

/** One file of a program. */
export interface ModuleText {
  /** Its path, as it stands in errors. */
  readonly id: string
  readonly source: string
  /** By what stands in its imports: the id of the file. */
  readonly links: Readonly<Record<string, string>>
}

/**
 * The program, its entry first, with the files and packages that are known to be needed. Answered by {@link LoadAnswer}; once a
 * program is loaded, a child holds it for life.
 */
export interface LoadRequest {
  readonly type: 'load'
  readonly modules: readonly ModuleText[]
  readonly packages: readonly { readonly slug: string; readonly source: string }[]
  /** Whether the function gets all rows of a slice at once. */
  readonly batch: boolean
  /** After this the child ends itself, in case no host is left to do so. */
  readonly limitMs: number
}

/** One slice; the rows follow as a UTF-8 JSON array, `null` for a row that is not to be seen. Answered by {@link Ran}, or {@link Undone}. */
export interface RunRequest {
  readonly type: 'run'
  /** Index of the slice's first row in its block: seeds the row's random numbers, and names the row in logs. */
  readonly from: number
  readonly now: number
  readonly seed: string
  readonly nulls: 'omit' | 'remove'
  readonly outputMaxBytes: number
  /** The child may answer early, with `done` rows, once it has worked this long or made this many characters. */
  readonly softMs: number
  readonly softChars: number
  readonly limitMs: number
}

/** A column that the program reads, and where it does so first. */
export interface ColumnRead {
  readonly column: string
  /** `file:line:column`, both from 1. */
  readonly at: string
}

export interface Refusal {
  readonly type: 'refused'
  readonly code: string
  readonly facts: Reason['facts']
}

export interface Loaded {
  readonly type: 'loaded'
  readonly form: 'send' | 'default'
  /** Where the function that is called stands. */
  readonly at: string
  readonly reads: readonly ColumnRead[]
  readonly readsAll: boolean
}

/** What a program needs besides what it was given, and where it says so. */
export interface Needs {
  readonly type: 'needs'
  readonly files: readonly { readonly from: string; readonly specifier: string; readonly at: string }[]
  readonly packages: readonly { readonly slug: string; readonly at: string }[]
}

export type LoadAnswer = Loaded | Needs | Refusal

/** A slice that was given all at once, and of which nothing came. */
export interface Undone {
  readonly type: 'undone'
  readonly reason: Reason
}

/** What became of a row that made no action. */
export interface Unmade {
  /** Index in the slice. */
  readonly row: number
  readonly status: 'filtered' | 'rejected'
  readonly reason: Reason
}

/** One line of the program's console. */
export interface LogLine {
  readonly level: string
  readonly row: number
  readonly text: string
}

/**
 * The columns of a slice's actions. Repeated details and shapes are kept once and named by their place.
 *
 * Shape   `kinds`, `rows`, `identifiers`, `details`, `shapes` have one entry per action; behind the header follow one
 *         32-bit length per action and the payloads themselves, end to end.
 */
export interface Ran {
  readonly type: 'ran'
  /** Rows worked off, from the first of the slice. At least one. */
  readonly done: number
  readonly unmade: readonly Unmade[]
  readonly kinds: readonly ActionKind[]
  /** Index in the slice. */
  readonly rows: readonly number[]
  readonly identifiers: readonly Identifiers[]
  readonly details: readonly number[]
  readonly detailTable: readonly Detail[]
  readonly shapes: readonly number[]
  readonly shapeTable: readonly ShapeText[]
  readonly logs: readonly LogLine[]
}

/** A shape as JSON: paths with their types, and whether a name holds a dot. */
export interface ShapeText {
  readonly fields: readonly (readonly [string, FieldType])[]
  readonly dotted: boolean
}

export type Request = LoadRequest | RunRequest
export type Answer = LoadAnswer | Ran | Undone | Refusal

/** The file name that stack traces of the program bear inside the child. */
export const PROGRAM_URL = 'lakeloop:transform'

/** Exit code of a child that stopped a program by itself. */
export const OVERRUN_EXIT = 75

/** One frame, in either direction, without the length it begins with: far above what the limits of a slice let through. */
export const FRAME_BYTES_MAX = 128 * 2 ** 20
