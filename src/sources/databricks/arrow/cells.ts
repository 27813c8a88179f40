import type { Json } from '../../../model/value.js'
import type { Conversion, FloatRule } from '../../plain-value.js'
import type { BatchCursor } from './batch-cursor.js'
import type { JsonWriter } from './json-writer.js'

/**
 * The values of one column, or of one field within it, of one record batch.
 *
 * Laws    JSON.parse of what `write` writes equals what `value` gives, unless the value refuses its row.
 */
export interface Cells {
  /** No value in it can refuse its row: seen in one pass over the column. If false, look at each value. */
  readonly exact: boolean
  /** `undefined` leaves the value out. */
  value(index: number, conversion: Conversion): Json | undefined
  /** The value as JSON. False: it is left out, and nothing was written. Not to be called for a refused row. */
  write(index: number, out: JsonWriter): boolean
}

/** How the cells of one type are found in a record batch. */
export interface Codec {
  /** Spark's name of the type, in lower case. */
  readonly type: string
  /** The next field of the batch, of which `length` slots are used. */
  bind(cursor: BatchCursor, length: number): Cells
}

export interface CodecOptions {
  readonly floats: FloatRule
  /** A BIGINT as the text of its digits. */
  readonly integersAsText: boolean
}

const NULL = Buffer.from('null')

export function writeNull(out: JsonWriter): true {
  out.raw(NULL)
  return true
}

/** A type all of whose values are NULL. */
export const voidCodec: Codec = {
  type: 'void',
  bind(cursor, length) {
    cursor.node(length)
    return { exact: true, value: () => null, write: (_, out) => writeNull(out) }
  },
}
