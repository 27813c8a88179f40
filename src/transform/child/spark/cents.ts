import type { CentsOptions } from '../../spark.js'
import { conversion, Problem } from './conversion.js'
import { type Decimal, decimalOf } from './decimal.js'
import { oneOf } from './given.js'

type Rounding = NonNullable<CentsOptions['rounding']>

const DECIMALS = 2

export const cents = conversion<number, CentsOptions>(
  'cents',
  { rounding: ['refuse', oneOf('refuse', 'half-even', 'half-up', 'down')] },
  (value, { rounding }) => {
    const decimal = decimalOf(value)
    if (decimal === undefined) return new Problem('type', 'what is given is no decimal number')
    const size = sizeOf(decimal, rounding)
    if (size instanceof Problem) return size
    if (!Number.isSafeInteger(size)) return new Problem('range', 'more than 2^53 - 1 cents')
    return decimal.isNegative && size !== 0 ? -size : size
  },
)

/** Without the sign: every rounding is the same on both sides of zero. Beyond 2^53 - 1 it is rounded, but never to less. */
function sizeOf({ digits, scale }: Decimal, rounding: Rounding): number | Problem {
  const surplus = scale - DECIMALS
  if (surplus <= 0) return Number(digits + '0'.repeat(-surplus))
  if (rounding === 'refuse') return new Problem('range', 'more than two decimals: say how to round')
  const kept = Number(digits.slice(0, -surplus))
  return kept + (isUp(digits.padStart(surplus, '0').slice(-surplus), kept, rounding) ? 1 : 0)
}

/** @param dropped  digits behind the cent, which do not end in a zero: a half is 5 alone */
function isUp(dropped: string, kept: number, rounding: Rounding): boolean {
  if (rounding === 'down') return false
  if (dropped === '5') return rounding === 'half-up' || kept % 2 === 1
  return dropped > '5'
}
