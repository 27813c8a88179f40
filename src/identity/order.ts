/** Two numbers that may both be infinite, where subtracting them would give NaN. */
export const compareNumbers = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/** Puts an item at a place of a list. `splice` makes a list of what it took out, also where that is nothing. */
export function insert<Item>(list: Item[], at: number, item: Item): void {
  list.push(item)
  for (let index = list.length - 1; index > at; index -= 1) list[index] = list[index - 1] as Item
  list[at] = item
}

/** Microseconds since 1970 as an ISO 8601 time in UTC, with as many digits as it has. */
export function isoOf(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1_000)
  const rest = microseconds - milliseconds * 1_000
  const day = Math.floor(milliseconds / DAY)
  const left = milliseconds - day * DAY
  const hours = Math.floor(left / 3_600_000)
  const minutes = Math.floor(left / 60_000) % 60
  const seconds = Math.floor(left / 1_000) % 60
  const fraction = three(left % 1_000) + (rest === 0 ? '' : three(rest))
  return `${dayText(day)}${two(hours)}:${two(minutes)}:${two(seconds)}.${fraction}Z`
}

const DAY = 86_400_000
const three = (number: number): string => String(number).padStart(3, '0')
const two = (number: number): string => (number < 10 ? `0${number}` : String(number))

/** A Date takes longer for its text than all else of an answer, and most times lie in a few thousand days. */
const days = new Map<number, string>()
const DAYS_MAX = 10_000

function dayText(day: number): string {
  const known = days.get(day)
  if (known !== undefined) return known
  const [date] = new Date(day * DAY).toISOString().split('T')
  if (days.size === DAYS_MAX) days.clear()
  days.set(day, `${date}T`)
  return `${date}T`
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/

const AS_A_DATE = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z$/

/** Date.parse takes 30 February for 2 March: a time that nobody has said. */
function isADay(text: string): boolean {
  const date = Number(text.slice(8, 10))
  return date < 29 || new Date(Date.parse(text.slice(0, 10))).getUTCDate() === date
}

/**
 * An ISO 8601 time as microseconds since 1970, or null where the text is none. A time without a zone is UTC: the same
 * evidence must not mean another time on another machine.
 */
export function microsecondsOf(text: string | null | undefined): number | null {
  // As a Date writes it, nearly every time is: of it the pattern would find the parts that are put together again.
  if (text?.length === 24 && AS_A_DATE.test(text)) {
    const milliseconds = isADay(text) ? Date.parse(text) : Number.NaN
    return Number.isNaN(milliseconds) ? null : milliseconds * 1000
  }
  const match = text == null ? null : ISO.exec(text)
  if (match === null) return null
  const [, day, time = '00:00', fraction = '', zone = 'Z'] = match
  const milliseconds = isADay(day as string) ? Date.parse(`${day}T${time}${zone}`) : Number.NaN
  return Number.isNaN(milliseconds) ? null : milliseconds * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}
