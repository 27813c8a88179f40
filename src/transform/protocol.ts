import type { ActionKind, Detail, FieldType } from '../model/action.js'
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

/** What a program can make of a row, by its number in {@link COLUMNS}. */
export const KINDS: readonly ActionKind[] = [
  'profile',
  'event',
  'purchase',
  'cart',
  'catalogItem',
  'membership',
  'subscription',
  'forget',
  'delete',
]

/** Numbers of one action, 32 bits each, little endian: its kind, the row in the slice, its detail, its shape, bytes of its payload. */
export const COLUMNS = { kind: 0, row: 1, detail: 2, shape: 3, size: 4 } as const
export const COLUMN_COUNT = 5

/**
 * A slice's actions. Repeated details and shapes are kept once and named by their place.
 *
 * Shape   behind the header follow the numbers of each action ({@link COLUMNS}), one more of the bytes of the identifiers, these
 *         as a JSON array of one object per action, and the payloads, end to end: what the host need not read, it does not.
 */
export interface Ran {
  readonly type: 'ran'
  /** Rows worked off, from the first of the slice. At least one. */
  readonly done: number
  readonly unmade: readonly Unmade[]
  /** How many actions. */
  readonly count: number
  readonly detailTable: readonly Detail[]
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
