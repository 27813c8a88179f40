import type { DateOptions } from '../../spark.js'
import { conversion, Problem } from './conversion.js'
import { oneOf } from './given.js'

const DAY = /^\d{4}-\d\d-\d\d$/
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?: ?(Z|[+-]\d\d(?::?\d\d)?))?$/
/** What four digits of a year can say, and sources give. */
const FIRST = Date.parse('0001-01-01T00:00:00.000Z')
const LAST = Date.parse('9999-12-31T23:59:59.999Z')
/** Source: java.time.ZoneOffset, which Spark uses. */
const OFFSET_MINUTES_MAX = 18 * 60

const UNITS = { seconds: 1_000, milliseconds: 1 }
const noDate = new Problem('type', 'what is given is no date')
const noMoment = new Problem('range', 'no day or time that there is')

export const iterableDate = conversion<string, DateOptions>(
  'iterableDate',
  { epoch: ['none', oneOf('none', ...Object.keys(UNITS))] },
  (value, { epoch }) => {
    // The column's type is at fault, not the value, so this is no matter of onFail.
    if (typeof value === 'number' && epoch === 'none') throw new TypeError('iterableDate: a number needs epoch')
    const moment = momentOf(value, epoch === 'none' ? 1 : UNITS[epoch])
    if (moment instanceof Problem) return moment
    // NaN too is not within.
    return moment >= FIRST && moment <= LAST ? new Date(moment).toISOString() : noMoment
  },
)

function momentOf(value: unknown, unitMs: number): number | Problem {
  if (typeof value === 'string') return fromText(value.trim())
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return value * unitMs
    return new Problem('range', 'a count of seconds or milliseconds has to be whole')
  }
  return value instanceof Date ? value.getTime() : noDate
}

function fromText(text: string): number | Problem {
  if (DAY.test(text)) return fromParts(text, '00:00:00', '000')
  const [, day, time, fraction = '', zone = 'Z'] = MOMENT.exec(text) ?? []
  if (day === undefined || time === undefined) return noDate
  const offset = offsetMinutes(zone)
  return Math.abs(offset) > OFFSET_MINUTES_MAX
    ? noMoment
    : fromParts(day, time, fraction.padEnd(3, '0').slice(0, 3)) - offset * 60_000
}

/** NaN for a day that no calendar has, or a time that no clock shows. */
function fromParts(day: string, time: string, milliseconds: string): number {
  const text = `${day}T${time}.${milliseconds}Z`
  const moment = Date.parse(text)
  return Number.isNaN(moment) || new Date(moment).toISOString() !== text ? Number.NaN : moment
}

/** NaN where the minutes are none. */
function offsetMinutes(zone: string): number {
  if (zone === 'Z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))]
  const beyond = zone.length === 3 ? 0 : minutes < 60 ? minutes : Number.NaN
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + beyond)
}
