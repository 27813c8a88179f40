import { quoteField } from '../../../model/spark-type.js'
import type { Json } from '../../../model/value.js'
import type { Conversion } from '../../plain-value.js'
import { isNull, type Validity } from './batch-cursor.js'
import { type Cells, type Codec, writeNull } from './cells.js'
import { ArrowFormatError } from './ipc.js'
import { fieldPrefix, type JsonWriter } from './json-writer.js'

const COLON = 0x3a
const COMMA = 0x2c
const ARRAY_BEGIN = 0x5b
const ARRAY_END = 0x5d
const OBJECT_BEGIN = 0x7b
const OBJECT_END = 0x7d

class ListCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #offsets: Int32Array
  readonly #element: Cells

  constructor(validity: Validity, offsets: Int32Array, element: Cells) {
    this.#validity = validity
    this.#offsets = offsets
    this.#element = element
    this.exact = element.exact
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const list: Json[] = []
    const to = this.#offsets[index + 1] as number
    // What is left out leaves null, so that the other elements keep their places.
    for (let at = this.#offsets[index] as number; at < to; at++) list.push(this.#element.value(at, conversion) ?? null)
    return list
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.byte(ARRAY_BEGIN)
    const to = this.#offsets[index + 1] as number
    for (let at = this.#offsets[index] as number; at < to; at++) {
      if (!this.#element.write(at, out)) writeNull(out)
      out.byte(COMMA)
    }
    out.close(ARRAY_END)
    return true
  }
}

export const listCodec = (element: Codec): Codec => ({
  type: `array<${element.type}>`,
  bind(cursor, length) {
    cursor.node(length)
    const validity = cursor.validity(length)
    const offsets = cursor.offsets(length)
    return new ListCells(validity, offsets, element.bind(cursor, offsets[length] as number))
  },
})

/** A field of a struct, or a column of a row. */
export interface NamedCells {
  readonly name: string
  readonly prefix: Uint8Array
  readonly cells: Cells
}

export const namedCells = (name: string, cells: Cells): NamedCells => ({ name, prefix: fieldPrefix(name), cells })

/** An object with a field for each of the cells; a field called __proto__ is a field like any other. */
export class ObjectShape {
  readonly #fields: readonly NamedCells[]
  readonly #empty: Readonly<Record<string, Json>>

  constructor(fields: readonly NamedCells[]) {
    this.#fields = fields
    this.#empty = Object.fromEntries(fields.map(({ name }) => [name, null]))
  }

  value(index: number, conversion: Conversion): Record<string, Json> {
    // Copied whole: every field exists before it is set, so that __proto__ is set like the others.
    const object = { ...this.#empty }
    let complete = true
    for (const { name, cells } of this.#fields) {
      const value = cells.value(index, conversion)
      if (value === undefined) complete = false
      else object[name] = value
    }
    return complete ? object : this.#withoutTheLeftOut(index, conversion)
  }

  write(index: number, out: JsonWriter): void {
    out.byte(OBJECT_BEGIN)
    const fields = this.#fields
    for (let at = 0; at < fields.length; at++) {
      const { prefix, cells } = fields[at] as NamedCells
      const before = out.length
      out.raw(prefix)
      if (cells.write(index, out)) out.byte(COMMA)
      else out.length = before
    }
    out.close(OBJECT_END)
  }

  #withoutTheLeftOut(index: number, conversion: Conversion): Record<string, Json> {
    const all = this.#fields.map(({ name, cells }) => [name, cells.value(index, conversion)] as const)
    return Object.fromEntries(all.filter((field): field is [string, Json] => field[1] !== undefined))
  }
}

class StructCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #shape: ObjectShape

  constructor(validity: Validity, fields: readonly NamedCells[]) {
    this.#validity = validity
    this.#shape = new ObjectShape(fields)
    this.exact = fields.every(({ cells }) => cells.exact)
  }

  value(index: number, conversion: Conversion): Json {
    return isNull(this.#validity, index) ? null : this.#shape.value(index, conversion)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    this.#shape.write(index, out)
    return true
  }
}

export type NamedCodec = readonly [name: string, codec: Codec]

export function structCodec(fields: readonly NamedCodec[]): Codec {
  const prefixes = fields.map(([name]) => fieldPrefix(name))
  return {
    type: `struct<${fields.map(([name, field]) => `${quoteField(name)}:${field.type}`).join(',')}>`,
    bind(cursor, length) {
      cursor.node(length)
      const validity = cursor.validity(length)
      const bound = fields.map(([name, field], at) => {
        return { name, prefix: prefixes[at] as Uint8Array, cells: field.bind(cursor, length) }
      })
      return new StructCells(validity, bound)
    },
  }
}

/** Entries of a map: keys and values of the same places. */
interface Entries {
  readonly offsets: Int32Array
  readonly keys: Cells
  readonly values: Cells
}

/** A map whose keys are text: an object. */
class ObjectMapCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #entries: Entries

  constructor(validity: Validity, entries: Entries) {
    this.#validity = validity
    this.#entries = entries
    this.exact = entries.keys.exact && entries.values.exact
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const { offsets, keys, values } = this.#entries
    const found: [string, Json][] = []
    const to = offsets[index + 1] as number
    for (let at = offsets[index] as number; at < to; at++) {
      const [key, value] = [keys.value(at, conversion), values.value(at, conversion)]
      if (value !== undefined) found.push([key as string, value])
    }
    return Object.fromEntries(found)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    const { offsets, keys, values } = this.#entries
    out.byte(OBJECT_BEGIN)
    const to = offsets[index + 1] as number
    for (let at = offsets[index] as number; at < to; at++) {
      const before = out.length
      keys.write(at, out)
      out.byte(COLON)
      if (values.write(at, out)) out.byte(COMMA)
      else out.length = before
    }
    out.close(OBJECT_END)
    return true
  }
}

const isText = ({ type }: Codec): boolean => /^(?:string|char|varchar)\b/.test(type)

export function mapCodec(key: Codec, value: Codec): Codec {
  const entry = structCodec([
    ['key', key],
    ['value', value],
  ])
  return {
    type: `map<${key.type},${value.type}>`,
    bind(cursor, length) {
      cursor.node(length)
      const validity = cursor.validity(length)
      const offsets = cursor.offsets(length)
      const count = offsets[length] as number
      if (!isText(key)) return new ListCells(validity, offsets, entry.bind(cursor, count))
      cursor.node(count)
      if (cursor.validity(count) !== undefined) throw new ArrowFormatError('a map has an entry that is null')
      cursor.assertNoNulls()
      const keys = key.bind(cursor, count)
      return new ObjectMapCells(validity, { offsets, keys, values: value.bind(cursor, count) })
    },
  }
}
