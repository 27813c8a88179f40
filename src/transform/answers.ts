import { ERRORS } from '../errors.js'
import type { ActionKind } from '../model/action.js'
import type { Frame } from './frames.js'
import type { Answer, Loaded, Ran, Refusal } from './protocol.js'
import type { RanSlice } from './slices.js'

/** Reads a header whose sender is a process that ran foreign code: only a known type passes, and what we say in errors. */
export function readAnswer({ header }: Frame): Answer | undefined {
  if (!isRecord(header)) return undefined
  const answer = header as unknown as Answer
  switch (answer.type) {
    case 'ran':
      return answer
    case 'loaded':
      return isLoaded(answer) ? answer : undefined
    case 'refused':
      return isReason(answer) && Object.hasOwn(ERRORS, answer.code) ? answer : undefined
    default:
      return undefined
  }
}

function isLoaded({ form, reads, readsAll }: Loaded): boolean {
  const isRead = (read: unknown): boolean => isRecord(read) && isText(read.column) && isText(read.at)
  return (form === 'send' || form === 'default') && typeof readsAll === 'boolean' && isListOf(reads, isRead)
}

function isReason({ code, facts }: Pick<Refusal, 'code' | 'facts'>): boolean {
  return isText(code) && isRecord(facts) && Object.values(facts).every((fact) => typeof fact !== 'object')
}

/** What a program can make of a row. */
const KINDS: ReadonlySet<ActionKind> = new Set<ActionKind>([
  'profile',
  'event',
  'purchase',
  'cart',
  'catalogItem',
  'membership',
  'subscription',
  'forget',
  'delete',
])

/** The rows that a slice was asked for: how many, and which of them the program was not to see. */
export interface Asked {
  readonly count: number
  readonly isRefused: (row: number) => boolean
}

/**
 * The slice in a frame; `undefined` where its columns contradict each other or the rows that were asked for: a row ends
 * exactly once, as actions or as a reason, and a row that was not shown ends in neither (I4).
 */
export function readSlice(ran: Ran, { body }: Frame, { count, isRefused }: Asked): RanSlice | undefined {
  const { kinds, rows, details, detailTable, shapes, shapeTable, unmade } = ran
  const columns = [kinds, rows, ran.identifiers, details, shapes]
  const length = Array.isArray(kinds) ? kinds.length : 0
  if (![...columns, detailTable, shapeTable, unmade, ran.logs].every(Array.isArray)) return undefined
  if (columns.some((column) => column.length !== length)) return undefined
  if (!hasSoundTables(ran)) return undefined
  if (!isIndex(ran.done - 1, count) || body.length < length * 4) return undefined

  const ends = new Uint8Array(ran.done)
  let before = 0
  for (let at = 0; at < length; at += 1) {
    const row = rows[at] as number
    const isSound = KINDS.has(kinds[at] as ActionKind) && isIndex(row, ran.done) && row >= before
    if (!isSound || !isIndex(details[at], detailTable.length) || !isIndex(shapes[at], shapeTable.length))
      return undefined
    ends[row] = 1
    before = row
  }
  for (const end of unmade) {
    if (!isRecord(end)) return undefined
    const { row, status, reason } = end
    if (!isIndex(row, ran.done) || ends[row] !== 0 || !isRecord(reason) || !isReason(reason)) return undefined
    if (status !== 'filtered' && status !== 'rejected') return undefined
    ends[row] = 1
  }
  if (ends.some((end, row) => (end === 1) === isRefused(row))) return undefined
  return withPayload(ran, body, length)
}

function withPayload(ran: Ran, body: Buffer, length: number): RanSlice | undefined {
  const lengths = Uint32Array.from({ length }, (_, at) => body.readUInt32LE(at * 4))
  const payload = body.subarray(length * 4)
  const sum = lengths.reduce((all, one) => all + one, 0)
  return sum === payload.length ? { end: 'ran', ran, lengths, payload } : undefined
}

/** Whether what stands in the columns is of the types that the host goes on to use. */
function hasSoundTables({ identifiers, detailTable, shapeTable, logs }: Ran): boolean {
  const isField = (field: unknown): boolean => Array.isArray(field) && field.length === 2 && field.every(isText)
  const isShape = (shape: unknown): boolean =>
    isRecord(shape) && typeof shape.dotted === 'boolean' && isListOf(shape.fields, isField)
  const isLine = (line: unknown): boolean =>
    isRecord(line) && isText(line.level) && isText(line.text) && Number.isSafeInteger(line.row)
  return (
    identifiers.every(isTexts) && detailTable.every(isRecord) && shapeTable.every(isShape) && isListOf(logs, isLine)
  )
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isListOf = (value: unknown, is: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(is)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isTexts(value: unknown): boolean {
  if (!isRecord(value)) return false
  for (const name in value) if (typeof value[name] !== 'string') return false
  return true
}

const isIndex = (value: unknown, length: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < length
