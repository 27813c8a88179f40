/** A decimal number, exactly: `digits` / 10^`scale`. No zeros at either end of the digits; zero has none. */
export interface Decimal {
  readonly isNegative: boolean
  readonly digits: string
  readonly scale: number
}

const FORM = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d{1,4}))?$/

/** What a text or a number says in decimal digits; `undefined` for anything else, and for NaN and infinities. */
export function decimalOf(value: unknown): Decimal | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const found = FORM.exec(String(value).trim())
  if (found === null) return undefined
  const [, sign, whole = '', behind = '', only = '', exponent = '0'] = found
  const all = whole + behind + only
  let [start, end] = [0, all.length]
  while (start < end && all[start] === '0') start += 1
  while (end > start && all[end - 1] === '0') end -= 1 // a pattern for this would be quadratic
  if (start === end) return { isNegative: false, digits: '', scale: 0 }
  const scale = behind.length + only.length - Number(exponent) - (all.length - end)
  return { isNegative: sign === '-', digits: all.slice(start, end), scale }
}

export const isSame = (one: Decimal, other: Decimal | undefined): boolean =>
  one.digits === other?.digits && one.scale === other.scale && one.isNegative === other.isNegative
