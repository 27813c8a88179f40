import { LakeloopError } from '../errors.js'
import type { ActionBlock, ActionKind, Detail, Shape } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import type { RowBlock } from '../model/row.js'
import type { Reason } from '../model/value.js'
import { isTexts } from './answers.js'
import { COLUMN_COUNT, COLUMNS, KINDS, type LogLine, type Ran } from './protocol.js'
import type { RanSlice } from './slices.js'

/** What became of a row: actions `from` to `from + count` of the block, or none and why. */
export type RowFate =
  | { readonly status: 'made'; readonly from: number; readonly count: number }
  | { readonly status: 'filtered' | 'rejected'; readonly reason: Reason }

/** What a transform made of a block of rows. */
export interface Transformed {
  readonly actions: ActionBlock
  /** One per row, in order. */
  readonly rows: readonly RowFate[]
  /** What the program wrote to its console: may hold values of rows. `row` is the row's index. */
  readonly logs: readonly { readonly level: string; readonly row: number; readonly text: string }[]
}

const LOGS_MAX = 1_000

/** A slice among those of a page. */
interface Part extends Pick<RanSlice, 'numbers' | 'payload'> {
  readonly identifiers: Lazy<readonly Identifiers[]>
  /** How many actions came before it. */
  readonly before: number
  /** The page's row that is its first. */
  readonly from: number
  readonly details: readonly Detail[]
  readonly shapes: readonly Shape[]
  /** Where each payload begins. */
  readonly offsets: Lazy<Uint32Array>
}

/** Gathers the answers of a page's slices. Their bytes are left as they came until somebody asks for what is in them. */
export class Gathering {
  readonly #rows: RowBlock
  readonly #stops: string | undefined
  readonly #fates: (RowFate | undefined)[]
  readonly #parts: Part[] = []
  #count = 0
  readonly #knownShapes = new Map<string, Shape>()
  readonly #logs: LogLine[] = []

  /** @param stops  the program's name, where a row that the program rejects ends the call */
  constructor(rows: RowBlock, stops: string | undefined) {
    this.#rows = rows
    this.#stops = stops
    this.#fates = new Array<RowFate | undefined>(rows.length).fill(undefined)
    for (const [row, reason] of rows.refused) this.#fates[row] = { status: 'rejected', reason }
  }

  reject(row: number, reason: Reason): void {
    if (this.#fates[row] !== undefined) return
    if (this.#stops !== undefined) throw stopped(this.#stops, row, reason)
    this.#fates[row] = { status: 'rejected', reason }
  }

  add(from: number, { ran, numbers, identifiers, payload }: RanSlice): void {
    const before = this.#count
    for (let at = 0; at < numbers.length; ) {
      const row = numbers[at + COLUMNS.row] as number
      const first = at
      while (at < numbers.length && numbers[at + COLUMNS.row] === row) at += COLUMN_COUNT
      this.#fates[from + row] = {
        status: 'made',
        from: before + first / COLUMN_COUNT,
        count: (at - first) / COLUMN_COUNT,
      }
    }
    this.#count += ran.count
    this.#parts.push({
      numbers,
      payload,
      before,
      from,
      identifiers: lazy(() => identifiersIn(identifiers, ran.count)),
      details: ran.detailTable,
      shapes: ran.shapeTable.map((text) => this.#shape(text)),
      offsets: lazy(() => offsetsIn(numbers)),
    })
    for (const { row, status, reason } of ran.unmade) {
      if (status === 'rejected') this.reject(from + row, reason)
      else this.#fates[from + row] = { status, reason }
    }
    this.#logs.push(...ran.logs.slice(0, LOGS_MAX - this.#logs.length))
  }

  /** Equal shapes of several slices become one object. */
  #shape({ fields, dotted }: Ran['shapeTable'][number]): Shape {
    const text = JSON.stringify(fields)
    const known = this.#knownShapes.get(text) ?? { fields: new Map(fields), dotted }
    this.#knownShapes.set(text, known)
    return known
  }

  done(): Transformed {
    const actions = blockOf(this.#rows, this.#parts, this.#count)
    return { actions, rows: this.#fates as RowFate[], logs: this.#logs } // each has one: see readSlice
  }
}

function blockOf(rows: RowBlock, parts: readonly Part[], length: number): ActionBlock {
  let last = parts[0] as Part
  /** The part of an action: mostly that of the one asked for before. */
  const partOf = (index: number): Part => {
    if (index < last.before || index >= last.before + last.numbers.length / COLUMN_COUNT) {
      last = parts.findLast(({ before }) => before <= index) as Part
    }
    return last
  }
  const number = (index: number, column: number): number => {
    const { numbers, before } = partOf(index)
    return numbers[(index - before) * COLUMN_COUNT + column] as number
  }
  const rowOf = (index: number): number => partOf(index).from + number(index, COLUMNS.row)
  return {
    length,
    kind: (index) => KINDS[number(index, COLUMNS.kind)] as ActionKind,
    row: rowOf,
    key: (index) => rows.key(rowOf(index)),
    changedAt: (index) => rows.changedAt(rowOf(index)),
    identifiers: (index) => partOf(index).identifiers()[index - partOf(index).before] as Identifiers,
    address: () => undefined,
    detail: (index) => partOf(index).details[number(index, COLUMNS.detail)] as Detail,
    shape: (index) => partOf(index).shapes[number(index, COLUMNS.shape)] as Shape,
    payload: (index) => {
      const { payload, offsets, before } = partOf(index)
      const begin = offsets()[index - before] as number
      return payload.subarray(begin, begin + number(index, COLUMNS.size))
    },
  }
}

type Lazy<T> = () => T

function lazy<T>(make: () => T): Lazy<T> {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** One for each action. Throws TRANSFORM_CRASHED where a process that is trusted no further has sent something else. */
function identifiersIn(bytes: Uint8Array, count: number): readonly Identifiers[] {
  try {
    const all = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as Identifiers[]
    if (Array.isArray(all) && all.length === count && all.every(isTexts)) return all
  } catch {
    // told below
  }
  throw new LakeloopError('TRANSFORM_CRASHED', { at: 'identifiers' })
}

function offsetsIn(numbers: Int32Array): Uint32Array {
  const offsets = new Uint32Array(numbers.length / COLUMN_COUNT)
  let sum = 0
  for (let nth = 0; nth < offsets.length; nth += 1) {
    offsets[nth] = sum
    sum += numbers[nth * COLUMN_COUNT + COLUMNS.size] as number
  }
  return offsets
}

function stopped(file: string, row: number, { code, facts }: Reason): LakeloopError {
  const { message } = new LakeloopError(code as 'TRANSFORM_THREW', facts)
  return new LakeloopError('TRANSFORM_ROW_STOPPED', { file, row, reason: message })
}
