import type { Json } from '../../../model/value.js'
import type { Conversion } from '../../plain-value.js'
import { isNull, type Validity } from './batch-cursor.js'
import { type Cells, type Codec, writeNull } from './cells.js'
import type { JsonWriter } from './json-writer.js'
import { bigLongOf, longOf } from './number-cells.js'

/** Every decimal of 15 digits survives a float64; longer ones stay digits, all of them, so that the kind never changes. */
const DECIMAL_DIGITS_MAX = 15
const BEYOND = 'holds a decimal with more digits than its type'

/** 128-bit integers as four words, low one first. Short ones become numbers. */
class ShortDecimalCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #words: Int32Array
  readonly #scale: number
  readonly #bound: number
  readonly #divisor: number

  constructor(validity: Validity, words: Int32Array, { precision, scale }: DecimalType) {
    this.#validity = validity
    this.#words = words
    this.#scale = scale
    this.#bound = 10 ** precision
    this.#divisor = 10 ** scale
    this.exact = this.#allFit()
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    if (!this.#fits(index * 4)) {
      return conversion.refuse(BEYOND, pointed(String(bigDecimalOf(this.#words, index * 4)), this.#scale))
    }
    return longOf(this.#words, index * 4) / this.#divisor // both are exact: the quotient is the nearest float64
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.number(longOf(this.#words, index * 4) / this.#divisor)
    return true
  }

  #fits(at: number): boolean {
    const sign = (this.#words[at + 1] as number) >> 31
    const goesOn = this.#words[at + 2] === sign && this.#words[at + 3] === sign
    return goesOn && Math.abs(longOf(this.#words, at)) < this.#bound
  }

  #allFit(): boolean {
    for (let at = 0; at < this.#words.length; at += 4) if (!this.#fits(at)) return false
    return true
  }
}

class LongDecimalCells implements Cells {
  readonly exact = true
  readonly #validity: Validity
  readonly #words: Int32Array
  readonly #scale: number

  constructor(validity: Validity, words: Int32Array, { scale }: DecimalType) {
    this.#validity = validity
    this.#words = words
    this.#scale = scale
  }

  value(index: number): Json {
    return isNull(this.#validity, index) ? null : this.#text(index * 4)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.quoted(this.#text(index * 4))
    return true
  }

  #text(at: number): string {
    const unscaled = longOf(this.#words, at)
    const sign = (this.#words[at + 1] as number) >> 31
    const isLong = Number.isSafeInteger(unscaled) && this.#words[at + 2] === sign && this.#words[at + 3] === sign
    return pointed(String(isLong ? unscaled : bigDecimalOf(this.#words, at)), this.#scale)
  }
}

interface DecimalType {
  readonly precision: number
  readonly scale: number
}

const bigDecimalOf = (words: Int32Array, at: number): bigint =>
  (bigLongOf(words, at + 2) << 64n) | BigInt.asUintN(64, bigLongOf(words, at))

/** Digits with a point before the last `scale` of them. */
function pointed(digits: string, scale: number): string {
  if (scale === 0) return digits
  const negative = digits.startsWith('-')
  const padded = (negative ? digits.slice(1) : digits).padStart(scale + 1, '0')
  return `${negative ? '-' : ''}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

export const decimalCodec = (decimal: DecimalType): Codec => ({
  type: `decimal(${decimal.precision},${decimal.scale})`,
  bind(cursor, length) {
    cursor.node(length)
    const Kind = decimal.precision <= DECIMAL_DIGITS_MAX ? ShortDecimalCells : LongDecimalCells
    return new Kind(cursor.validity(length), cursor.values(Int32Array, length * 4), decimal)
  },
})
