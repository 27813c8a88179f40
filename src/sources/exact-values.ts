import type { Json } from '../model/value.js'
import type { Conversion } from './plain-value.js'

const OUTSIDE = 'holds a date that is infinite or outside of the years 1 to 9999'

/** Milliseconds since 1970 of 0001-01-01 and of 10000-01-01, the latter excluded. */
const YEAR_1 = -62_135_596_800_000
const YEAR_10000 = 253_402_300_800_000

/** A decimal of at most 15 digits as number: both operands are exact, so the quotient is the nearest float64. */
export const decimalNumber = (unscaled: bigint, scale: number): number => Number(unscaled) / 10 ** scale

/** `yyyy-MM-dd` of a number of days since 1970. */
export function dayText(days: number, conversion: Conversion): Json {
  const ms = days * 86_400_000
  if (!(ms >= YEAR_1 && ms < YEAR_10000)) return conversion.refuse(OUTSIDE)
  return new Date(ms).toISOString().slice(0, 10)
}

/** ISO 8601 of a count of 10^-digits seconds since 1970, with all its digits, and `zone` behind it. */
export function instantText(count: bigint, digits: 6 | 9, zone: '' | 'Z', conversion: Conversion): Json {
  const perSecond = digits === 6 ? 1_000_000n : 1_000_000_000n
  let rest = count % perSecond
  if (rest < 0n) rest += perSecond
  const ms = Number((count - rest) / perSecond) * 1_000
  if (!(ms >= YEAR_1 && ms < YEAR_10000)) return conversion.refuse(OUTSIDE)
  return `${new Date(ms).toISOString().slice(0, 20)}${String(rest).padStart(digits, '0')}${zone}`
}

/** JSON text. A number in it that float64 would change refuses the row. */
export function jsonValue(text: string, conversion: Conversion): Json {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return conversion.refuse('holds text that is no JSON', text)
  }
  // Only a long run of digits or an exponent can be more than float64 holds.
  if (/\d{16}|\d[eE]/.test(text) && numbersOf(text).some((number) => !isExact(number))) {
    return conversion.refuse('holds JSON with a number beyond float64', text)
  }
  return value
}

const numbersOf = (text: string): readonly string[] =>
  text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g) ?? []

/** An integer must be a safe one; a fraction is a float64 by JSON's custom, and only must not overflow. */
function isExact(number: string): boolean {
  const value = Number(number)
  return /^-?\d+$/.test(number) ? Number.isSafeInteger(value) : Number.isFinite(value)
}
