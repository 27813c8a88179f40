import { ERRORS } from '../errors.js'
import type { Frame } from './frames.js'
import {
  type Answer,
  COLUMN_COUNT,
  COLUMNS,
  KINDS,
  type Loaded,
  type Needs,
  type Ran,
  type Refusal,
} from './protocol.js'
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
    case 'needs':
      return isNeeds(answer) ? answer : undefined
    case 'undone':
      return isRecord(answer.reason) && isRefusal(answer.reason) ? answer : undefined
    case 'refused':
      return isRefusal(answer) ? answer : undefined
    default:
      return undefined
  }
}

function isLoaded({ form, at, reads, readsAll }: Loaded): boolean {
  const isRead = (read: unknown): boolean => isRecord(read) && isText(read.column) && isText(read.at)
  const isForm = form === 'send' || form === 'default'
  return isForm && isText(at) && typeof readsAll === 'boolean' && isListOf(reads, isRead)
}

function isNeeds({ files, packages }: Needs): boolean {
  const isFile = (file: unknown): boolean =>
    isRecord(file) && isText(file.from) && isText(file.specifier) && isText(file.at)
  const isPackage = (one: unknown): boolean => isRecord(one) && isText(one.slug) && isText(one.at)
  return isListOf(files, isFile) && isListOf(packages, isPackage)
}

const isRefusal = (reason: Pick<Refusal, 'code' | 'facts'>): boolean =>
  isReason(reason) && Object.hasOwn(ERRORS, reason.code)

function isReason({ code, facts }: Pick<Refusal, 'code' | 'facts'>): boolean {
  return isText(code) && isRecord(facts) && Object.values(facts).every((fact) => typeof fact !== 'object')
}

/** The rows that a slice was asked for: how many, and which of them the program was not to see. */
export interface Asked {
  readonly count: number
  readonly isRefused: (row: number) => boolean
}

/**
 * The slice in a frame; `undefined` where its parts contradict each other or the rows that were asked for: a row ends
 * exactly once, as actions or as a reason, and a row that was not shown ends in neither (I4).
 */
export function readSlice(ran: Ran, { body }: Frame, { count, isRefused }: Asked): RanSlice | undefined {
  const { detailTable, shapeTable, unmade } = ran
  if (![detailTable, shapeTable, unmade, ran.logs].every(Array.isArray)) return undefined
  if (!isIndex(ran.done - 1, count) || !Number.isInteger(ran.count) || ran.count < 0) return undefined
  if (!hasSoundTables(ran)) return undefined
  const parts = partsOf(body, ran.count)
  if (parts === undefined) return undefined
  const ends = new Uint8Array(ran.done)
  const { numbers } = parts
  let before = 0
  for (let at = 0; at < numbers.length; at += COLUMN_COUNT) {
    const row = numbers[at + COLUMNS.row] as number
    if (row < before || row >= ran.done || !isBelow(numbers[at + COLUMNS.kind], KINDS.length)) return undefined
    if (!isBelow(numbers[at + COLUMNS.detail], detailTable.length)) return undefined
    if (!isBelow(numbers[at + COLUMNS.shape], shapeTable.length)) return undefined
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
  for (let row = 0; row < ran.done; row += 1) if ((ends[row] === 1) === isRefused(row)) return undefined
  return { end: 'ran', ran, ...parts }
}

/** What follows a header, apart; `undefined` where it is longer or shorter than it says. */
function partsOf(body: Buffer, count: number): Omit<RanSlice, 'end' | 'ran'> | undefined {
  const numberBytes = count * COLUMN_COUNT * 4
  if (body.length < numberBytes + 4) return undefined
  const numbers = new Int32Array(count * COLUMN_COUNT) // 32-bit numbers begin where they may
  body.copy(new Uint8Array(numbers.buffer), 0, 0, numberBytes)
  const from = numberBytes + 4
  const to = from + body.readUInt32LE(numberBytes)
  let sum = 0
  for (let at = COLUMNS.size; at < numbers.length; at += COLUMN_COUNT) {
    if ((numbers[at] as number) < 0) return undefined
    sum += numbers[at] as number
  }
  if (to + sum !== body.length) return undefined
  return { numbers, identifiers: body.subarray(from, to), payload: body.subarray(to) }
}

const isBelow = (value: number | undefined, length: number): boolean =>
  (value as number) >= 0 && (value as number) < length

/** Whether what stands in the columns is of the types that the host goes on to use. */
function hasSoundTables({ detailTable, shapeTable, logs }: Ran): boolean {
  const isField = (field: unknown): boolean => Array.isArray(field) && field.length === 2 && field.every(isText)
  const isShape = (shape: unknown): boolean =>
    isRecord(shape) && typeof shape.dotted === 'boolean' && isListOf(shape.fields, isField)
  const isLine = (line: unknown): boolean =>
    isRecord(line) && isText(line.level) && isText(line.text) && Number.isSafeInteger(line.row)
  return detailTable.every(isRecord) && shapeTable.every(isShape) && isListOf(logs, isLine)
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isListOf = (value: unknown, is: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(is)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a value is an object of texts, as identifiers are. */
export function isTexts(value: unknown): boolean {
  if (!isRecord(value)) return false
  for (const name in value) if (typeof value[name] !== 'string') return false
  return true
}

const isIndex = (value: unknown, length: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < length
