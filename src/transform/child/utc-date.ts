/** What has a method of local time and one of UTC. Source: ECMA-262 21.4.4. */
const FIELDS = ['Date', 'Day', 'FullYear', 'Hours', 'Milliseconds', 'Minutes', 'Month', 'Seconds'] as const

/** ISO date with a time and without an offset: the one standard form that means local time. Source: ECMA-262 21.4.1.32. */
const ISO_LOCAL = /^(?:[+-]\d{6}|\d{4})(?:-\d\d(?:-\d\d)?)?T\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/
/** What V8's parser of all other forms takes for an offset. Source: V8, src/date/dateparser.cc. */
const ZONE = /\b(?:utc?|gmt|[ecmp][sd]t)(?![a-z])|\dz\b|[:.]\d+\s*(?:[ap]m\s*)?[+-]\d/i

/**
 * A `Date` whose local time is UTC, whatever the zone of the process: a thread has its host's, and results must not
 * depend on where a program runs (I9). Changes the prototype of `Native`.
 */
export function utcDate(Native: DateConstructor): DateConstructor {
  const proto = Native.prototype
  const parse = (text: string): number => parsed(Native, text)
  function UtcDate(this: unknown, ...parts: unknown[]): unknown {
    if (new.target === undefined) return new Native().toString()
    return Reflect.construct(Native, timeOf(Native, parts), new.target)
  }
  Object.defineProperties(UtcDate, {
    name: { value: 'Date' },
    length: { value: 7 },
    prototype: { value: proto, writable: false },
    now: { value: Native.now, writable: true, configurable: true },
    UTC: { value: Native.UTC, writable: true, configurable: true },
    parse: { value: { parse: (text: unknown) => parse(`${text}`) }.parse, writable: true, configurable: true },
  })
  for (const [name, value] of Object.entries(methodsOf(proto))) {
    Object.defineProperty(proto, name, { value, writable: true, enumerable: false, configurable: true })
  }
  Object.defineProperty(proto, 'constructor', { value: UtcDate, writable: true, enumerable: false, configurable: true })
  return UtcDate as unknown as DateConstructor
}

type Method = (this: Date, ...parts: number[]) => unknown

function methodsOf(proto: Date): Record<string, Method> {
  const held = proto as unknown as Record<string, Method>
  const { toUTCString, getUTCFullYear, setUTCFullYear, getTime } = proto
  const methods: Record<string, Method> = {}
  for (const field of FIELDS) {
    methods[`get${field}`] = held[`getUTC${field}`] as Method
    if (field !== 'Day') methods[`set${field}`] = held[`setUTC${field}`] as Method
  }
  const text = (date: Date, from: 'day' | 'time' | 'both'): string => {
    const [, weekday, day, month, year, time] =
      /^(\w+), (\d+) (\w+) (\S+) (\S+) GMT$/.exec(toUTCString.call(date)) ?? []
    if (weekday === undefined) return 'Invalid Date'
    const days = `${weekday} ${month} ${day} ${year}`
    const times = `${time} GMT+0000 (Coordinated Universal Time)`
    return from === 'day' ? days : from === 'time' ? times : `${days} ${times}`
  }
  return Object.assign(methods, {
    getTimezoneOffset(this: Date): number {
      return getTime.call(this) * 0 + 0 // no -0
    },
    getYear(this: Date): number {
      return getUTCFullYear.call(this) - 1900
    },
    setYear(this: Date, year: number): number {
      const whole = Math.trunc(+year)
      return setUTCFullYear.call(this, whole >= 0 && whole <= 99 ? 1900 + whole : year)
    },
    toString(this: Date): string {
      return text(this, 'both')
    },
    toDateString(this: Date): string {
      return text(this, 'day')
    },
    toTimeString(this: Date): string {
      return text(this, 'time')
    },
  })
}

/** The arguments with which the native constructor gives what UTC asks for. */
function timeOf(Native: DateConstructor, parts: readonly unknown[]): unknown[] {
  if (parts.length === 0) return []
  if (parts.length > 1) return [Reflect.apply(Native.UTC, Native, parts)]
  const [value] = parts
  const plain = isObject(value) ? primitiveOf(Native, value) : value
  return [typeof plain === 'string' ? parsed(Native, plain) : plain]
}

const isObject = (value: unknown): value is object =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)

/** As `new Date(object)` does it: the time of a date, else the object's own idea of itself. */
function primitiveOf(Native: DateConstructor, value: object): unknown {
  try {
    return Reflect.apply(Native.prototype.getTime, value, [])
  } catch {
    // no date
  }
  const held = value as Record<PropertyKey, unknown>
  const own = held[Symbol.toPrimitive]
  for (const way of own === undefined || own === null ? [held.valueOf, held.toString] : [own]) {
    const plain: unknown = typeof way === 'function' ? Reflect.apply(way, value, ['default']) : value
    if (!isObject(plain)) return plain
  }
  throw new TypeError('Cannot convert object to primitive value')
}

function parsed(Native: DateConstructor, text: string): number {
  if (ISO_LOCAL.test(text)) return Native.parse(`${text}Z`)
  const native = Native.parse(text)
  if (Number.isNaN(native) || ZONE.test(text)) return native
  // What was read as a local time comes back as it was read; a form that means UTC reads alike with its zone.
  const named = Native.parse(`${text} UTC`)
  return Number.isNaN(named) ? native : named
}
