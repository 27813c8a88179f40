import type { Frame } from './frames.js'
import { type Answer, COLUMN_COUNT, COLUMNS, KINDS, type Ran } from './protocol.js'
import type { RanSlice } from './slices.js'

/** Reads a header whose sender is a process that ran foreign code: only a known type passes. */
export function readAnswer({ header }: Frame): Answer | undefined {
  const { type } = (header ?? {}) as Partial<Answer>
  return TYPES.has(type) ? (header as Answer) : undefined
}

const TYPES: ReadonlySet<unknown> = new Set<Answer['type']>(['ran', 'undone', 'loaded', 'needs', 'refused'])

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
  for (const { row, status, reason } of unmade) {
    if (!isIndex(row, ran.done) || ends[row] !== 0 || typeof reason?.code !== 'string') return undefined
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

const isIndex = (value: unknown, length: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < length
