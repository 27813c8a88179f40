import type { Json } from '../../../model/value.js'
import { dayText, instantText } from '../../exact-values.js'
import { Conversion } from '../../plain-value.js'
import { isNull, type Validity } from './batch-cursor.js'
import { type Cells, type Codec, writeNull } from './cells.js'
import type { JsonWriter } from './json-writer.js'
import { bigLongOf, highWordsWithin, longOf } from './number-cells.js'

/** For values of which is known that they refuse nothing. */
const unasked = new Conversion('omit')

const DAY_MS = 86_400_000
const MICROS_PER_SECOND = 1_000_000
const MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND
/** Days since 1970 of 0001-01-01 and of 9999-12-31. */
const DAY_FIRST = -719_162
const DAY_LAST = 2_932_896
/** High words of microseconds since 1970 that lie within these years, whatever the low word. */
const HIGH_FIRST = Math.ceil((DAY_FIRST * MICROS_PER_DAY) / 2 ** 32)
const HIGH_LAST = Math.floor(((DAY_LAST + 1) * MICROS_PER_DAY) / 2 ** 32) - 1

const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'))
const two = (number: number): string => TWO_DIGITS[number] as string

/** Days that were asked for lately, and their texts, by their last bits: the days of a table are mostly near each other. */
const LATE_DAYS = 4_096
const lateDays = new Int32Array(LATE_DAYS).fill(DAY_LAST + 1)
const lateTexts = new Array<string>(LATE_DAYS).fill('')

/** `yyyy-MM-dd` of a day of the years 1 to 9999. */
function dayOf(day: number): string {
  const place = day & (LATE_DAYS - 1)
  if (lateDays[place] !== day) {
    lateDays[place] = day
    lateTexts[place] = new Date(day * DAY_MS).toISOString().slice(0, 10)
  }
  return lateTexts[place] as string
}

class DayCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #days: Int32Array

  constructor(validity: Validity, days: Int32Array) {
    this.#validity = validity
    this.#days = days
    this.exact = highWordsWithin(days, 1, DAY_FIRST, DAY_LAST)
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const day = this.#days[index] as number
    return day >= DAY_FIRST && day <= DAY_LAST ? dayOf(day) : dayText(day, conversion)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.quoted(dayOf(this.#days[index] as number))
    return true
  }
}

export const dayCodec: Codec = {
  type: 'date',
  bind(cursor, length) {
    cursor.node(length)
    return new DayCells(cursor.validity(length), cursor.values(Int32Array, length))
  },
}

/** Microseconds since 1970 as pairs of words. */
class InstantCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #words: Int32Array
  readonly #zone: '' | 'Z'

  constructor(validity: Validity, words: Int32Array, zone: '' | 'Z') {
    this.#validity = validity
    this.#words = words
    this.#zone = zone
    this.exact = highWordsWithin(words, 2, HIGH_FIRST, HIGH_LAST)
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const micros = longOf(this.#words, index * 2)
    if (!Number.isSafeInteger(micros)) return instantText(bigLongOf(this.#words, index * 2), 6, this.#zone, conversion)
    const ofDay = within(micros, MICROS_PER_DAY)
    const fraction = ofDay % MICROS_PER_SECOND
    return `${dayOf((micros - ofDay) / MICROS_PER_DAY)}T${clock((ofDay - fraction) / MICROS_PER_SECOND)}.${String(fraction).padStart(6, '0')}${this.#zone}`
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    const micros = longOf(this.#words, index * 2)
    if (Number.isSafeInteger(micros)) this.#writeDigits(micros, out)
    else out.quoted(instantText(bigLongOf(this.#words, index * 2), 6, this.#zone, unasked) as string)
    return true
  }

  #writeDigits(micros: number, out: JsonWriter): void {
    const ofDay = within(micros, MICROS_PER_DAY)
    const fraction = ofDay % MICROS_PER_SECOND
    const second = (ofDay - fraction) / MICROS_PER_SECOND
    out.byte(0x22)
    out.ascii(dayOf((micros - ofDay) / MICROS_PER_DAY))
    out.byte(0x54) // T
    out.digits(Math.trunc(second / 3600), 2)
    out.byte(0x3a)
    out.digits(Math.trunc((second % 3600) / 60), 2)
    out.byte(0x3a)
    out.digits(second % 60, 2)
    out.byte(0x2e)
    out.digits(fraction, 6)
    if (this.#zone === 'Z') out.byte(0x5a)
    out.byte(0x22)
  }
}

/** The remainder in [0, size). */
function within(count: number, size: number): number {
  const rest = count % size
  return rest < 0 ? rest + size : rest + 0 // no -0
}

/** `HH:mm:ss` of a second of a day. */
const clock = (second: number): string =>
  `${two(Math.trunc(second / 3600))}:${two(Math.trunc((second % 3600) / 60))}:${two(second % 60)}`

export const instantCodec = (zone: '' | 'Z'): Codec => ({
  type: zone === '' ? 'timestamp_ntz' : 'timestamp',
  bind(cursor, length) {
    cursor.node(length)
    return new InstantCells(cursor.validity(length), cursor.values(Int32Array, length * 2), zone)
  },
})

/** Values that are rare enough to be written by way of their text. */
class RareTextCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #text: (index: number) => string | undefined
  readonly #problem: string

  constructor(validity: Validity, rare: RareText) {
    this.#validity = validity
    this.#text = rare.text
    this.#problem = rare.problem ?? ''
    this.exact = rare.problem === undefined
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    return this.#text(index) ?? conversion.refuse(this.#problem)
  }

  write(index: number, out: JsonWriter): boolean {
    const text = isNull(this.#validity, index) ? undefined : this.#text(index)
    if (text === undefined) return writeNull(out)
    out.quoted(text)
    return true
  }
}

interface RareText {
  /** `undefined`: it has none, and that refuses the row. */
  readonly text: (index: number) => string | undefined
  readonly problem?: string
}

/** A time of day as Spark writes it: a fraction without zeros at its end. `perSecond`: the unit of the count. */
export const timeCodec = (type: string, perSecond: 1e6 | 1e9): Codec => ({
  type,
  bind(cursor, length) {
    cursor.node(length)
    const validity = cursor.validity(length)
    const words = cursor.values(Int32Array, length * 2)
    const text = (index: number) => timeText(longOf(words, index * 2), perSecond)
    return new RareTextCells(validity, { text, problem: 'holds a time outside of a day' })
  },
})

function timeText(count: number, perSecond: number): string | undefined {
  if (!(count >= 0 && count < 86_400 * perSecond)) return undefined
  const fraction = count % perSecond
  const digits =
    fraction === 0
      ? ''
      : `.${String(perSecond + fraction)
          .slice(1)
          .replace(/0+$/, '')}`
  return clock((count - fraction) / perSecond) + digits
}

/** Months as `years-months`, the text that the server sends where it sends text. */
export const monthsCodec = (type: string): Codec => ({
  type,
  bind(cursor, length) {
    cursor.node(length)
    const validity = cursor.validity(length)
    const months = cursor.values(Int32Array, length)
    return new RareTextCells(validity, { text: (index) => monthsText(months[index] as number) })
  },
})

function monthsText(months: number): string {
  const size = Math.abs(months)
  return `${months < 0 ? '-' : ''}${Math.trunc(size / 12)}-${size % 12}`
}

/** Microseconds as `days HH:mm:ss.nnnnnnnnn`, the text that the server sends where it sends text. */
export const durationCodec = (type: string): Codec => ({
  type,
  bind(cursor, length) {
    cursor.node(length)
    const validity = cursor.validity(length)
    const words = cursor.values(Int32Array, length * 2)
    return new RareTextCells(validity, { text: (index) => durationText(bigLongOf(words, index * 2)) })
  },
})

function durationText(micros: bigint): string {
  const size = micros < 0n ? -micros : micros
  const ofDay = Number(size % BigInt(MICROS_PER_DAY))
  const fraction = ofDay % MICROS_PER_SECOND
  const days = size / BigInt(MICROS_PER_DAY)
  const seconds = clock((ofDay - fraction) / MICROS_PER_SECOND)
  return `${micros < 0n ? '-' : ''}${days} ${seconds}.${String(fraction).padStart(6, '0')}000`
}
