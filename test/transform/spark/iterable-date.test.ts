import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldType } from '../../../src/model/shape.js'
import { SPARK } from '../../../src/transform/child/spark/spark.js'
import type { DateOptions } from '../../../src/transform/spark.js'

const { iterableDate } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)

describe('iterableDate()', () => {
  test.each<[value: unknown, options: DateOptions, text: string]>([
    ['2026-03-15', {}, '2026-03-15T00:00:00.000Z'],
    ['2026-03-15T01:02:03.123456Z', {}, '2026-03-15T01:02:03.123Z'],
    ['2026-03-15T01:02:03.999999', {}, '2026-03-15T01:02:03.999Z'],
    ['2026-03-15T23:59:59.999999999', {}, '2026-03-15T23:59:59.999Z'],
    ['1969-12-31T23:59:59.999999Z', {}, '1969-12-31T23:59:59.999Z'],
    ['2026-03-15 01:02:03', {}, '2026-03-15T01:02:03.000Z'],
    ['2026-03-15 01:02:03 +00:00', {}, '2026-03-15T01:02:03.000Z'],
    ['2026-03-15T01:02:03.5+02:00', {}, '2026-03-14T23:02:03.500Z'],
    ['2026-03-15 01:02:03-0430', {}, '2026-03-15T05:32:03.000Z'],
    ['2026-03-15 01:02:03+02', {}, '2026-03-14T23:02:03.000Z'],
    ['2026-03-15 01:02:03+18:00', {}, '2026-03-14T07:02:03.000Z'],
    ['2024-02-29', {}, '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', {}, '0001-01-01T00:00:00.000Z'],
    ['0099-12-31', {}, '0099-12-31T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999Z', {}, '9999-12-31T23:59:59.999Z'],
    [' 2026-03-15\n', {}, '2026-03-15T00:00:00.000Z'],
    [1773532800, { epoch: 'seconds' }, '2026-03-15T00:00:00.000Z'],
    [1773532800123, { epoch: 'milliseconds' }, '2026-03-15T00:00:00.123Z'],
    [-1, { epoch: 'seconds' }, '1969-12-31T23:59:59.000Z'],
    [0, { epoch: 'milliseconds' }, '1970-01-01T00:00:00.000Z'],
    ['2026-03-15', { epoch: 'seconds' }, '2026-03-15T00:00:00.000Z'],
    [new Date(1), {}, '1970-01-01T00:00:00.001Z'],
  ])('%j %j', (value, options, text) => {
    expect(iterableDate(value, options)).toBe(text)
    expect(fieldType(text)).toBe('date')
  })

  const NO_DATE = new TypeError('iterableDate: what is given is no date')
  const NO_MOMENT = new RangeError('iterableDate: no day or time that there is')
  test.each<[value: unknown, options: DateOptions, error: Error]>([
    ['2026-02-29', {}, NO_MOMENT],
    ['2026-02-30T00:00:00Z', {}, NO_MOMENT],
    ['2026-13-01', {}, NO_MOMENT],
    ['2026-00-10', {}, NO_MOMENT],
    ['2026-03-15T24:00:00Z', {}, NO_MOMENT],
    ['2026-03-15T23:60:00Z', {}, NO_MOMENT],
    ['2026-03-15T23:59:60Z', {}, NO_MOMENT],
    ['2026-03-15T00:00:00+18:01', {}, NO_MOMENT],
    ['2026-03-15T00:00:00-19:00', {}, NO_MOMENT],
    ['2026-03-15T00:00:00+01:60', {}, NO_MOMENT],
    ['0000-12-31', {}, NO_MOMENT],
    ['0001-01-01T00:00:00+00:01', {}, NO_MOMENT],
    ['9999-12-31T23:59:59-00:01', {}, NO_MOMENT],
    ['', {}, NO_DATE],
    ['2026-3-15', {}, NO_DATE],
    ['15.03.2026', {}, NO_DATE],
    ['2026/03/15', {}, NO_DATE],
    ['20260315', {}, NO_DATE],
    ['2026-03-15T10:30', {}, NO_DATE],
    ['2026-03-15t10:30:00z', {}, NO_DATE],
    ['2026-03-15T10:30:00 CET', {}, NO_DATE],
    ['2026-03-15T10:30:00.', {}, NO_DATE],
    ['2026-03-15T10:30:00.1234567890', {}, NO_DATE],
    ['+012026-03-15', {}, NO_DATE],
    ['1773532800', { epoch: 'seconds' }, NO_DATE],
    [true, {}, NO_DATE],
    [{}, {}, NO_DATE],
    [['2026-03-15'], {}, NO_DATE],
    [new Date(Number.NaN), {}, NO_MOMENT],
    [new Date(8.64e15), {}, NO_MOMENT],
    [253402300800, { epoch: 'seconds' }, NO_MOMENT],
    [1e300, { epoch: 'milliseconds' }, NO_MOMENT],
    [1.5, { epoch: 'seconds' }, new RangeError('iterableDate: a count of seconds or milliseconds has to be whole')],
    [
      Number.NaN,
      { epoch: 'seconds' },
      new RangeError('iterableDate: a count of seconds or milliseconds has to be whole'),
    ],
  ])('refuses %j %j', (value, options, error) => {
    expect(() => iterableDate(value, options)).toThrow(error)
    expect(() => iterableDate(value, options)).toThrow(error.constructor as ErrorConstructor)
    expect(iterableDate(value, { ...options, onFail: 'null' })).toBeNull()
    expect(iterableDate(value, { ...options, onFail: { value: '1970-01-01' } })).toBe('1970-01-01')
  })

  test('never guesses what a number counts, whatever onFail says', () => {
    for (const options of [{}, { onFail: 'null' as const }, { epoch: 'none' as const }]) {
      expect(() => iterableDate(0, options)).toThrow(new TypeError('iterableDate: a number needs epoch'))
    }
  })
})

describe('laws of iterableDate()', () => {
  const date = fc.date({
    min: new Date('0001-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })

  test('every form of a moment gives the same text, which Iterable types as a date', () => {
    fc.assert(
      fc.property(date, fc.nat(999_999), (moment, more) => {
        const iso = moment.toISOString()
        const forms = [
          moment,
          iso,
          iso.slice(0, -1),
          `${iso.slice(0, -1)}${String(more).padStart(6, '0')}Z`,
          iso.replace('T', ' '),
        ]
        expect(new Set(forms.map((form) => iterableDate(form)))).toEqual(new Set([iso]))
        expect(iterableDate(moment.getTime(), { epoch: 'milliseconds' })).toBe(iso)
        expect(iterableDate(Math.floor(moment.getTime() / 1000), { epoch: 'seconds' })).toBe(`${iso.slice(0, 19)}.000Z`)
        expect(iterableDate(iso.slice(0, 10))).toBe(`${iso.slice(0, 10)}T00:00:00.000Z`)
        expect(iterableDate(iterableDate(moment))).toBe(iso)
        expect(fieldType(iso)).toBe('date')
      }),
      { numRuns },
    )
  })

  test('a zone moves the moment by its minutes', () => {
    const within = fc.date({ min: new Date('0002-01-01'), max: new Date('9998-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(within, fc.integer({ min: -1080, max: 1080 }), (moment, minutes) => {
        const there = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, -1)
        const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
        const zone = `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`
        expect(iterableDate(there + zone)).toBe(moment.toISOString())
      }),
      { numRuns },
    )
  })
})
