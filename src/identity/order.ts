/** Two numbers that may both be infinite, where subtracting them would give NaN. */
export const compareNumbers = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/** Microseconds since 1970 as an ISO 8601 time in UTC, with as many digits as it has. */
export function isoOf(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000)
  const rest = microseconds - milliseconds * 1000
  const text = new Date(milliseconds).toISOString()
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/

/**
 * An ISO 8601 time as microseconds since 1970, or null where the text is none. A time without a zone is UTC: the same
 * evidence must not mean another time on another machine.
 */
export function microsecondsOf(text: string | null | undefined): number | null {
  const match = text == null ? null : ISO.exec(text)
  if (match === null) return null
  const [, day, time = '00:00', fraction = '', zone = 'Z'] = match
  const milliseconds = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(milliseconds) ? null : milliseconds * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}
