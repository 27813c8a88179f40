import type { Json } from '../../../model/value.js'
import type { Conversion, FloatRule } from '../../plain-value.js'
import { isNull, type Validity } from './batch-cursor.js'
import { type Cells, type Codec, type CodecOptions, writeNull } from './cells.js'
import type { JsonWriter } from './json-writer.js'

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const WORD = 2 ** 32

class BooleanCells implements Cells {
  readonly exact = true
  readonly #validity: Validity
  readonly #bits: Uint8Array

  constructor(validity: Validity, bits: Uint8Array) {
    this.#validity = validity
    this.#bits = bits
  }

  value(index: number): Json {
    return isNull(this.#validity, index) ? null : !isNull(this.#bits, index)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.raw(isNull(this.#bits, index) ? FALSE : TRUE)
    return true
  }
}

export const booleanCodec: Codec = {
  type: 'boolean',
  bind(cursor, length) {
    cursor.node(length)
    return new BooleanCells(cursor.validity(length), cursor.values(Uint8Array, Math.ceil(length / 8)))
  },
}

class IntegerCells implements Cells {
  readonly exact = true
  readonly #validity: Validity
  readonly #values: Int8Array | Int16Array | Int32Array

  constructor(validity: Validity, values: Int8Array | Int16Array | Int32Array) {
    this.#validity = validity
    this.#values = values
  }

  value(index: number): Json {
    return isNull(this.#validity, index) ? null : (this.#values[index] as number)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.int32(this.#values[index] as number)
    return true
  }
}

export const integerCodec = (
  type: string,
  Values: typeof Int8Array | typeof Int16Array | typeof Int32Array,
): Codec => ({
  type,
  bind(cursor, length) {
    cursor.node(length)
    return new IntegerCells(cursor.validity(length), cursor.values<Int8Array | Int16Array | Int32Array>(Values, length))
  },
})

/** High words of which every 64-bit integer is a safe one. */
const SAFE_HIGH = 2 ** 21 - 1

/** 64-bit integers as pairs of words, low one first, so that none has to become a bigint. */
class LongCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #words: Int32Array
  readonly #asText: boolean

  constructor(validity: Validity, words: Int32Array, asText: boolean) {
    this.#validity = validity
    this.#words = words
    this.#asText = asText
    this.exact = asText || highWordsWithin(words, 2, -SAFE_HIGH, SAFE_HIGH)
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const value = longOf(this.#words, index * 2)
    if (this.#asText) return Number.isSafeInteger(value) ? String(value) : String(bigLongOf(this.#words, index * 2))
    return Number.isSafeInteger(value) ? value : conversion.integer(bigLongOf(this.#words, index * 2))
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    const value = longOf(this.#words, index * 2)
    if (!this.#asText) out.number(value)
    else out.quoted(String(Number.isSafeInteger(value) ? value : bigLongOf(this.#words, index * 2)))
    return true
  }
}

/** The 64-bit integer at a place; nearest float64, and so exact within the safe ones and unsafe beyond them. */
export const longOf = (words: Int32Array, at: number): number =>
  (words[at + 1] as number) * WORD + ((words[at] as number) >>> 0)

export const bigLongOf = (words: Int32Array, at: number): bigint =>
  (BigInt(words[at + 1] as number) << 32n) | BigInt((words[at] as number) >>> 0)

/** All high words of values of `stride` words are within the bounds. Slots of nulls count too: they may hold anything. */
export function highWordsWithin(words: Int32Array, stride: number, min: number, max: number): boolean {
  for (let at = stride - 1; at < words.length; at += stride) {
    const word = words[at] as number
    if (word < min || word > max) return false
  }
  return true
}

export const longCodec = ({ integersAsText }: CodecOptions): Codec => ({
  type: 'bigint',
  bind(cursor, length) {
    cursor.node(length)
    return new LongCells(cursor.validity(length), cursor.values(Int32Array, length * 2), integersAsText)
  },
})

class FloatCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #values: Float32Array | Float64Array
  readonly #rule: FloatRule

  constructor(validity: Validity, values: Float32Array | Float64Array, rule: FloatRule) {
    this.#validity = validity
    this.#values = values
    this.#rule = rule
    this.exact = rule !== 'reject' || values.every(Number.isFinite)
  }

  value(index: number, conversion: Conversion): Json | undefined {
    return isNull(this.#validity, index) ? null : conversion.float(this.#values[index] as number)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    const value = this.#values[index] as number
    if (Number.isFinite(value)) out.number(value)
    else if (this.#rule === 'omit') return false
    else writeNull(out)
    return true
  }
}

export const floatCodec = (
  type: string,
  Values: typeof Float32Array | typeof Float64Array,
  { floats }: CodecOptions,
): Codec => ({
  type,
  bind(cursor, length) {
    cursor.node(length)
    const validity = cursor.validity(length)
    return new FloatCells(validity, cursor.values<Float32Array | Float64Array>(Values, length), floats)
  },
})
