import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { Row } from '../model/row.js'
import type { Json } from '../model/value.js'
import type { Inbox, Incoming } from './inbox.js'

export interface PushOptions {
  /**
   * Names this push, 1 to 256 characters: a second push of the same id adds nothing, whatever it holds. The last 100,000 ids
   * of the sync are remembered.
   */
  readonly id?: string
  /** When the rows changed at their origin, where their own column (`changedAt` of the source) does not say so. ISO 8601, in UTC. */
  readonly changedAt?: string
}

/** What became of a push. */
export interface Pushed {
  /** Rows that were added to the inbox: all of them, or none where the id of the push was known. */
  readonly rows: number
  /** Rows in the inbox now. */
  readonly waiting: number
}

/** Rows of one push: what one commit holds without keeping the host's loop. */
export const PUSH_ROWS_MAX = 2_000
/** Deeper values are refused: they are cycles, as good as always. */
const DEPTH_MAX = 100

const OPTIONS = z.strictObject({
  id: z.string().min(1).max(256).optional(),
  changedAt: z.iso.datetime().optional(),
})

/**
 * Checks rows and puts them into the inbox.
 *
 * Throws  OPTION_INVALID, PUSH_INVALID, INBOX_FULL; what the store throws.
 */
export async function pushRows(inbox: Inbox, rows: readonly object[], options: PushOptions = {}): Promise<Pushed> {
  if (!Array.isArray(rows)) throw invalid('rows', 'is no array of rows')
  const checked = OPTIONS.safeParse(options)
  if (!checked.success) throw invalid(optionOf(checked.error), 'is not what its comment allows')
  const max = Math.min(PUSH_ROWS_MAX, inbox.rowsMax)
  if (rows.length > max) throw invalid('rows', `has ${rows.length} rows, and one push takes ${max}`)
  const { id, changedAt } = options
  const incoming = incomingRows(inbox, rows, changedAt)
  const bytes = incoming.reduce((sum, one) => sum + one.bytes, 0)
  if (bytes > inbox.bytesMax) throw invalid('rows', `takes ${bytes} bytes, and the inbox takes ${inbox.bytesMax}`)
  const { added, waiting } = await inbox.append(incoming, id)
  return { rows: added, waiting: waiting.rows }
}

const optionOf = ({ issues: [issue] }: z.ZodError): string =>
  issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? 'options') : issue?.path.join('.') || 'options'

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync.push', option, problem })

/** Copies, so that what the caller does to the rows afterwards changes nothing. Throws PUSH_INVALID. */
export function incomingRows(
  { bytesMax }: Pick<Inbox, 'bytesMax'>,
  rows: readonly unknown[],
  changedAt?: string,
): readonly Incoming[] {
  return rows.map((row, nth) => {
    const bad = (problem: string) => new LakeloopError('PUSH_INVALID', { row: nth, problem })
    const problem = isPlain(row) ? problemOfFields(row) : 'is no plain object'
    if (problem !== undefined) throw bad(problem)
    const text = JSON.stringify(row)
    const bytes = Buffer.byteLength(text)
    if (bytes > bytesMax) throw bad(`takes ${bytes} bytes, and the inbox takes ${bytesMax}`)
    return { row: JSON.parse(text) as Row, bytes, ...(changedAt === undefined ? {} : { changedAt }) }
  })
}

/** Names the column, and says what is wrong with it without its value (I7). */
function problemOfFields(row: Readonly<Record<string, unknown>>): string | undefined {
  for (const [column, value] of Object.entries(row)) {
    const problem = value === undefined ? undefined : problemOf(value, 1)
    if (problem !== undefined) return `holds ${problem} in the column ${column}`
  }
  return undefined
}

/** `undefined` for JSON. A field that is `undefined` is none, as in `JSON.stringify`; an element of an array is. */
function problemOf(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${value}, which is no JSON`
  if (value === undefined) return 'undefined, which is no JSON'
  if (typeof value !== 'object') return `a ${typeof value}, which is no JSON`
  if (depth >= DEPTH_MAX) return `more than ${DEPTH_MAX} levels`
  if (Array.isArray(value)) return firstOf(Array.from(value as readonly unknown[]), depth)
  if (!isPlain(value)) return `${value instanceof Date ? 'a Date' : 'an object of a class'}, which is no JSON`
  return firstOf(
    Object.values(value).filter((field) => field !== undefined),
    depth,
  )
}

function firstOf(values: readonly unknown[], depth: number): string | undefined {
  for (const value of values) {
    const problem = problemOf(value, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Of this realm or of another, or without a prototype. */
function isPlain(value: unknown): value is Readonly<Record<string, Json>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
