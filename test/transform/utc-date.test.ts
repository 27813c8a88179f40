import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { utcDate } from '../../src/transform/child/utc-date.js'

/** A Date of a realm of its own, changed or as it is. */
const native = (): DateConstructor => runInContext('Date', createContext({})) as DateConstructor
const Utc = utcDate(native())

/** What can be asked of a date, as text: errors included. */
type Ask = (D: DateConstructor) => unknown
const answer = (ask: Ask, D: DateConstructor): string => {
  try {
    const value = ask(D)
    return Object.is(value, -0) ? '-0' : String(value)
  } catch (error) {
    return (error as Error).name
  }
}

const { TZ } = process.env
const inZone = (zone: string, run: () => string): string => {
  process.env.TZ = zone
  return run()
}
beforeAll(() => {
  process.env.TZ = 'UTC'
})
afterAll(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

/** With half hours, with summer time, at the date line. */
const ZONES = ['America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'Europe/Dublin']

/** In every zone the changed Date says what the native one says in UTC. */
function expectUtc(ask: Ask): void {
  const expected = inZone('UTC', () => answer(ask, native()))
  for (const zone of ZONES) expect([zone, inZone(zone, () => answer(ask, Utc))]).toEqual([zone, expected])
}

describe('utcDate() says in every zone what Date says in UTC', () => {
  const METHODS = Object.getOwnPropertyNames(Date.prototype).filter((name) => /^(get|to(?!Locale))/.test(name)) // SES replaces toLocale...: it ends at the others
  const SETTERS = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set'))
  const time = fc.oneof(
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
    fc.integer({ min: 1e12, max: 2e12 }),
    fc.constantFrom(Number.NaN, 0, -1, -62_198_755_200_000, 8.64e15, -8.64e15),
  )
  const part = fc.oneof(fc.integer({ min: -3, max: 130 }), fc.constantFrom(Number.NaN, 1.7, 2026))

  test('the zones are other ones', () => {
    const offsets = ZONES.map((zone) => inZone(zone, () => String(new (native())(1e12).getTimezoneOffset())))
    expect(new Set(offsets).size).toBe(ZONES.length)
  })

  test('every method that reads', () => {
    fc.assert(
      fc.property(time, fc.constantFrom(...METHODS), (ms, name) =>
        expectUtc((D) => (new D(ms) as unknown as Record<string, () => unknown>)[name]?.()),
      ),
    )
  })

  test('every method that sets', () => {
    fc.assert(
      fc.property(time, fc.constantFrom(...SETTERS), fc.array(part, { maxLength: 4 }), (ms, name, parts) =>
        expectUtc((D) => {
          const date = new D(ms)
          const set = date as unknown as Record<string, (...parts: number[]) => unknown>
          return `${set[name]?.(...parts)} ${date.getTime()}`
        }),
      ),
    )
  })

  test('a date of parts', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 7 }), (parts) =>
        expectUtc((D) => Reflect.construct(D, parts).getTime()),
      ),
    )
  })

  test.each([
    '2026-03-29',
    '2026-03',
    '2026',
    '2026-03-29T02:30',
    '2026-03-29T02:30:15.5',
    '+002026-03-29T02:30',
    '2026-03-29T02:30Z',
    '2026-03-29T02:30:15.1+10:00',
    '2026-03-29T02:30:15-04:00',
    '2026-03-29 02:30',
    '2026-03-29 02:30:15.123',
    '2026-03-29 02:30 -0400',
    '2026-03-29 02:30Z',
    '2026-03-29 02:30 UTC',
    'Mar 29 2026',
    '29 March 2026 02:30',
    'Sun, 29 Mar 2026 02:30:00 GMT',
    'Sun Mar 29 2026 02:30:00 GMT-0400 (Eastern Daylight Time)',
    'Sun Mar 29 2026 02:30:00 GMT+1030',
    'Mar 29 2026 02:30 PM',
    'Mar 29 2026 02:30 PM +1030',
    'Mar 29 2026 02:30 PST',
    'Mar 29 2026 02:30 est',
    '3/29/2026',
    '03/29/26 2:30',
    'Mar 29 2026 (a remark) 02:30',
    'no date',
    '',
    '2026-13-45T99:99',
    '99',
  ])('parse %s', (text) => {
    expectUtc((D) => D.parse(text))
    expectUtc((D) => new D(text).getTime())
  })

  test.each<[string, Ask]>([
    ['of a date', (D) => new D(new D(5)).getTime()],
    ['of a number in an object', (D) => new D(Object(5) as never).getTime()],
    ['of a text in an object', (D) => new D({ toString: () => '2026-03-29T02:30' } as never).getTime()],
    ['of an object with a valueOf', (D) => new D({ valueOf: () => 7, toString: () => 'x' } as never).getTime()],
    [
      'of an object with a primitive',
      (D) => new D({ [Symbol.toPrimitive]: (hint: string) => hint.length } as never).getTime(),
    ],
    ['of an object without any', (D) => new D(Object.create(null))],
    ['of null', (D) => new D(null as never).getTime()],
    ['of undefined', (D) => new D(undefined as never).getTime()],
    ['of a symbol', (D) => new D(Symbol('x') as never)],
    ['of a bigint', (D) => new D(1n as never)],
    ['of an array', (D) => new D(['2026-03-29T02:30'] as never).getTime()],
    ['of a subclass', (D) => new (class extends D {})(2026, 2, 29, 2, 30).getTime()],
    ['by its constructor', (D) => new (new D(0).constructor as DateConstructor)(2026, 2, 29).getTime()],
    ['as a sum', (D) => `${new D(2026, 2, 29)}${Number(new D(2026, 2))}`],
    ['as the wrong receiver', (D) => D.prototype.toString.call({} as Date)],
    ['as the wrong receiver of an offset', (D) => D.prototype.getTimezoneOffset.call({} as Date)],
    ['by what it is made of', (D) => `${D.name} ${D.length} ${new D(0) instanceof D} ${D.prototype.constructor === D}`],
    ['as a function', (D) => (D as unknown as () => string)().length],
  ])('%s', (_, ask) => {
    expectUtc(ask)
  })
})
