import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { coerce } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)

/** What a value fails with, by kind. */
const TYPE = TypeError
const RANGE = RangeError
type Result = number | boolean | string | typeof TypeError | typeof RangeError

const RULES: readonly [value: unknown, number: Result, integer: Result, boolean: Result, string: Result][] = [
  [1, 1, 1, true, '1'],
  [0, 0, 0, false, '0'],
  [-0, 0, 0, false, '0'],
  [2, 2, 2, TYPE, '2'],
  [-1.5, -1.5, RANGE, TYPE, '-1.5'],
  [1e21, 1e21, RANGE, TYPE, '1e+21'],
  [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1, TYPE, '9007199254740991'],
  [2 ** 53, 2 ** 53, RANGE, TYPE, '9007199254740992'],
  [Number.NaN, TYPE, TYPE, TYPE, TYPE],
  [Number.POSITIVE_INFINITY, TYPE, TYPE, TYPE, TYPE],
  [true, 1, 1, true, 'true'],
  [false, 0, 0, false, 'false'],
  ['', TYPE, TYPE, TYPE, ''],
  [' ', TYPE, TYPE, TYPE, ' '],
  ['12', 12, 12, TYPE, '12'],
  [' 12\n', 12, 12, TYPE, ' 12\n'],
  ['1 2', TYPE, TYPE, TYPE, '1 2'],
  ['+1', 1, 1, TYPE, '+1'],
  ['-0', 0, 0, TYPE, '-0'],
  ['007', 7, 7, TYPE, '007'],
  ['.5', 0.5, RANGE, TYPE, '.5'],
  ['5.', 5, 5, TYPE, '5.'],
  ['.', TYPE, TYPE, TYPE, '.'],
  ['1.0', 1, 1, TYPE, '1.0'],
  ['1e3', 1000, 1000, TYPE, '1e3'],
  ['1.5E+2', 150, 150, TYPE, '1.5E+2'],
  ['15e-1', 1.5, RANGE, TYPE, '15e-1'],
  ['1.00000000000000000001', 1, RANGE, TYPE, '1.00000000000000000001'],
  ['0.1234567890123456789', 0.12345678901234568, RANGE, TYPE, '0.1234567890123456789'],
  ['9007199254740991', 2 ** 53 - 1, 2 ** 53 - 1, TYPE, '9007199254740991'],
  ['9007199254740992', 2 ** 53, RANGE, TYPE, '9007199254740992'],
  ['576460752303423488', RANGE, RANGE, TYPE, '576460752303423488'],
  ['9007199254740993', RANGE, RANGE, TYPE, '9007199254740993'],
  ['-9007199254740993', RANGE, RANGE, TYPE, '-9007199254740993'],
  ['1e300', 1e300, RANGE, TYPE, '1e300'],
  ['1e309', RANGE, RANGE, TYPE, '1e309'],
  ['1e-400', RANGE, RANGE, TYPE, '1e-400'],
  ['0e-400', 0, 0, TYPE, '0e-400'],
  ['1e99999', TYPE, TYPE, TYPE, '1e99999'],
  ['0x10', TYPE, TYPE, TYPE, '0x10'],
  ['1,000', TYPE, TYPE, TYPE, '1,000'],
  ['1_000', TYPE, TYPE, TYPE, '1_000'],
  ['10n', TYPE, TYPE, TYPE, '10n'],
  ['NaN', TYPE, TYPE, TYPE, 'NaN'],
  ['Infinity', TYPE, TYPE, TYPE, 'Infinity'],
  ['１', TYPE, TYPE, TYPE, '１'],
  ['1', 1, 1, true, '1'],
  ['0', 0, 0, false, '0'],
  ['true', TYPE, TYPE, true, 'true'],
  [' TRUE ', TYPE, TYPE, true, ' TRUE '],
  ['T', TYPE, TYPE, true, 'T'],
  ['yes', TYPE, TYPE, true, 'yes'],
  ['y', TYPE, TYPE, true, 'y'],
  ['False', TYPE, TYPE, false, 'False'],
  ['f', TYPE, TYPE, false, 'f'],
  ['No', TYPE, TYPE, false, 'No'],
  ['n', TYPE, TYPE, false, 'n'],
  ['on', TYPE, TYPE, TYPE, 'on'],
  ['off', TYPE, TYPE, TYPE, 'off'],
  ['ja', TYPE, TYPE, TYPE, 'ja'],
  [10n, 10, 10, TYPE, '10'],
  [2n ** 53n + 1n, RANGE, RANGE, TYPE, '9007199254740993'],
  [[], TYPE, TYPE, TYPE, TYPE],
  [[1], TYPE, TYPE, TYPE, TYPE],
  [{}, TYPE, TYPE, TYPE, TYPE],
  [new Date(0), TYPE, TYPE, TYPE, TYPE],
]

const said = (value: unknown): string =>
  typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : JSON.stringify(value)

type Call = (value: unknown, options?: { readonly onFail?: unknown }) => unknown

describe.each(['number', 'integer', 'boolean', 'string'] as const)('coerce.%s()', (name) => {
  const call = coerce[name] as Call
  const column = { number: 1, integer: 2, boolean: 3, string: 4 }[name]
  const rules = RULES.map((rule) => ({ text: said(rule[0]), value: rule[0], expected: rule[column] as Result }))

  test.each(rules)('$text', ({ value, expected }) => {
    if (typeof expected !== 'function') return expect(call(value)).toBe(expected)
    expect(() => call(value)).toThrow(expected)
    expect(() => call(value)).toThrow(new RegExp(`^coerce\\.${name}: `))
    expect(call(value, { onFail: 'null' })).toBeNull()
    expect(call(value, { onFail: 'undefined' })).toBeUndefined()
    expect(call(value, { onFail: { value: 'other' } })).toBe('other')
  })

  test('asks onFail only of what cannot be converted', () => {
    expect(call('1', { onFail: { value: 'other' } })).not.toBe('other')
    expect(call(null, { onFail: { value: 'other' } })).toBeNull()
    expect(call(undefined, { onFail: 'null' })).toBeUndefined()
  })

  test.each(['zero', null, 0, {}, []])('refuses %j for onFail', (onFail) => {
    expect(() => call('1', { onFail })).toThrow(new TypeError(`coerce.${name}: no value of the option onFail`))
  })
})

describe('laws of coerce', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))

  test('a number that was written as text is the same number', () => {
    fc.assert(
      fc.property(finite, (value) => {
        expect(coerce.number(coerce.string(value))).toBe(value)
        expect(coerce.number(value)).toBe(value)
      }),
      { numRuns },
    )
  })

  /** The whole number that JSON has for this one: 2 ** 59 is written as 576460752303423500. */
  function written(number: number): bigint {
    const [digits = '', exponent = '0'] = JSON.stringify(number).split('e+')
    const [whole = '', behind = ''] = digits.split('.')
    return BigInt(whole + behind) * 10n ** BigInt(Number(exponent) - behind.length)
  }

  test('a whole number is itself or refused, never another, as BigInt has it', () => {
    const digits = fc.tuple(fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }), fc.nat(3), fc.nat(3))
    fc.assert(
      fc.property(digits, ([value, zeros, more]) => {
        const text = `${value}${'0'.repeat(zeros)}.${'0'.repeat(more)}`
        const whole = value * 10n ** BigInt(zeros)
        const isSafe = whole <= 2n ** 53n - 1n && whole >= -(2n ** 53n - 1n)
        const made = coerce.integer(text, { onFail: 'null' })
        expect(made === null ? null : BigInt(made)).toBe(isSafe ? whole : null)
        const number = coerce.number(text, { onFail: 'null' })
        expect(number === null ? null : written(number)).toBe(written(Number(whole)) === whole ? whole : null)
      }),
      { numRuns },
    )
  })

  test('any text at all is a number as JavaScript has it, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.\d e]{0,8}$/)), (text) => {
        const made = coerce.number(text, { onFail: 'null' })
        if (made !== null) expect(made).toBe(Number(text) + 0)
        else expect(Number.isFinite(Number(text)) && /^[-+]?\d{1,8}$/.test(text)).toBe(false)
      }),
      { numRuns },
    )
  })
})
