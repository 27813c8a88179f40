import { keyText, type Row, type RowBlock } from '../../../model/row.js'
import type { Reason } from '../../../model/value.js'
import { Conversion, type FloatRule } from '../../plain-value.js'
import { type Cells, writeNull } from './cells.js'
import { JsonWriter } from './json-writer.js'
import { type NamedCells, namedCells, ObjectShape } from './nested-cells.js'

/** The rows of one record batch. */
export interface Part {
  /** Index of its first row in the block. */
  readonly start: number
  readonly length: number
  /** In the schema's order. */
  readonly columns: readonly Cells[]
}

interface ArrowBlockOptions {
  readonly names: readonly string[]
  readonly floats: FloatRule
  readonly key?: readonly string[] | undefined
  readonly changedAt?: string | undefined
}

interface ReadablePart extends Part {
  readonly shape: ObjectShape
}

const ARRAY_BEGIN = 0x5b
const ARRAY_END = 0x5d
const COMMA = 0x2c
/** Expected of the JSON of a row before one was seen; memory grows where that is too little. */
const ROW_BYTES = 128

/** Rows that stay in the columns they came in. */
export class ArrowBlock implements RowBlock {
  readonly length: number
  readonly refused: ReadonlyMap<number, Reason>
  readonly #parts: readonly ReadablePart[]
  readonly #conversion: Conversion
  readonly #keyAt: readonly number[]
  readonly #changedAt: number
  #last = 0
  #rowBytes = ROW_BYTES

  constructor(parts: readonly Part[], { names, floats, key = [], changedAt }: ArrowBlockOptions) {
    this.#conversion = new Conversion(floats)
    this.#keyAt = key.map((name) => names.indexOf(name))
    this.#changedAt = changedAt === undefined ? -1 : names.indexOf(changedAt)
    const named = parts.map((part) => part.columns.map((cells, at) => namedCells(names[at] as string, cells)))
    this.#parts = parts.map((part, at) => ({ ...part, shape: new ObjectShape(named[at] as NamedCells[]) }))
    this.length = parts.reduce((sum, part) => sum + part.length, 0)
    this.refused = refusedOf(parts, names, this.#conversion)
  }

  at(index: number): Row {
    const part = this.#partOf(index)
    return part === undefined ? {} : part.shape.value(index - part.start, this.#conversion)
  }

  key(index: number): string | undefined {
    const part = this.#partOf(index)
    if (part === undefined || this.#keyAt.length === 0 || this.refused.has(index)) return undefined
    return keyText(this.#keyAt.map((at) => part.columns[at]?.value(index - part.start, this.#conversion) ?? null))
  }

  changedAt(index: number): string | undefined {
    const part = this.#partOf(index)
    const value = part?.columns[this.#changedAt]?.value(index - part.start, this.#conversion)
    return typeof value === 'string' ? value : undefined
  }

  json(from: number, to: number): Uint8Array {
    const [first, end] = [Math.max(0, from), Math.min(to, this.length)]
    const out = new JsonWriter(2 + Math.max(0, end - first) * this.#rowBytes)
    out.byte(ARRAY_BEGIN)
    for (let index = first; index < end; ) {
      const part = this.#partOf(index) as ReadablePart
      const stop = Math.min(end, part.start + part.length)
      for (; index < stop; index++) {
        if (this.refused.has(index)) writeNull(out)
        else part.shape.write(index - part.start, out)
        out.byte(COMMA)
      }
    }
    out.close(ARRAY_END)
    if (end > first) this.#rowBytes = Math.ceil((out.length / (end - first)) * 1.1)
    return out.finish()
  }

  /** Rows are mostly asked for one behind the other. */
  #partOf(index: number): ReadablePart | undefined {
    const holds = (part: ReadablePart | undefined): boolean =>
      part !== undefined && index >= part.start && index < part.start + part.length
    if (!holds(this.#parts[this.#last])) {
      const next = holds(this.#parts[this.#last + 1]) ? this.#last + 1 : this.#parts.findIndex(holds)
      if (next < 0) return undefined
      this.#last = next
    }
    return this.#parts[this.#last]
  }
}

/** Looks at single values only in columns that hold one that may refuse its row. The first column's reason stays. */
function refusedOf(
  parts: readonly Part[],
  names: readonly string[],
  conversion: Conversion,
): ReadonlyMap<number, Reason> {
  const refused = new Map<number, Reason>()
  conversion.problem = undefined
  for (const { start, length, columns } of parts) {
    for (const [at, cells] of columns.entries()) {
      for (let index = 0; !cells.exact && index < length; index++) {
        cells.value(index, conversion)
        const problem: string | undefined = conversion.problem
        if (problem === undefined) continue
        conversion.problem = undefined
        const facts = { column: names[at] as string, problem }
        if (!refused.has(start + index)) refused.set(start + index, { code: 'VALUE_NOT_EXACT', facts })
      }
    }
  }
  return refused
}
