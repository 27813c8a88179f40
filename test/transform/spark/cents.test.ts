import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { cents } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 500)
const MAX = 2 ** 53 - 1

describe('cents()', () => {
  test.each<[amount: unknown, made: number]>([
    ['12.34', 1234],
    [12.34, 1234],
    ['-0.5', -50],
    [1.1, 110],
    [4.35, 435],
    [1.005e2, 10050],
    ['1.10', 110],
    ['1.1000000', 110],
    ['  7 ', 700],
    ['.07', 7],
    ['+3.', 300],
    ['1e3', 100_000],
    ['1234e-2', 1234],
    [0, 0],
    [-0, 0],
    ['-0.00', 0],
    ['000.10', 10],
    [1e13, 1e15],
    ['90071992547409.91', MAX],
    ['-90071992547409.91', -MAX],
    [10n, 1000],
  ])('%s', (amount, made) => {
    expect(cents(amount)).toBe(made)
  })

  test.each<[amount: string | number, halfEven: number, halfUp: number, down: number]>([
    ['0.005', 0, 1, 0],
    ['0.015', 2, 2, 1],
    ['0.025', 2, 3, 2],
    ['-0.025', -2, -3, -2],
    ['0.0250001', 3, 3, 2],
    ['0.0249999', 2, 2, 2],
    ['0.0049', 0, 0, 0],
    ['-0.001', 0, 0, 0],
    ['0.00005', 0, 0, 0],
    ['0.051', 5, 5, 5],
    ['0.006', 1, 1, 0],
    ['1.995', 200, 200, 199],
    ['9.999', 1000, 1000, 999],
    [0.1 + 0.2, 30, 30, 30],
    [1.005, 100, 101, 100],
    ['1e-9999', 0, 0, 0],
  ])('%s is rounded as told, and else refused', (amount, halfEven, halfUp, down) => {
    const rounded = (['half-even', 'half-up', 'down'] as const).map((rounding) => cents(amount, { rounding }))
    expect(rounded.map((made) => Object.is(made, -0))).toEqual([false, false, false])
    expect(rounded).toEqual([halfEven, halfUp, down])
    const refused = new RangeError('cents: more than two decimals: say how to round')
    expect(() => cents(amount)).toThrow(refused)
    expect(() => cents(amount, { rounding: 'refuse' })).toThrow(refused)
  })

  const NO_NUMBER = new TypeError('cents: what is given is no decimal number')
  const TOO_LARGE = new RangeError('cents: more than 2^53 - 1 cents')
  test.each<[amount: unknown, error: Error]>([
    ['', NO_NUMBER],
    ['12,34', NO_NUMBER],
    ['€ 5', NO_NUMBER],
    ['1 000', NO_NUMBER],
    ['0x10', NO_NUMBER],
    [Number.NaN, NO_NUMBER],
    [Number.NEGATIVE_INFINITY, NO_NUMBER],
    [true, NO_NUMBER],
    [[1], NO_NUMBER],
    [{}, NO_NUMBER],
    ['90071992547409.92', TOO_LARGE],
    ['-90071992547409.92', TOO_LARGE],
    [1e20, TOO_LARGE],
    ['1e9999', TOO_LARGE],
    ['9'.repeat(5_000), TOO_LARGE],
  ])('refuses %s', (amount, error) => {
    expect(() => cents(amount)).toThrow(error)
    expect(() => cents(amount)).toThrow(error.constructor as ErrorConstructor)
    expect(cents(amount, { onFail: 'null' })).toBeNull()
    expect(cents(amount, { onFail: { value: 0 } })).toBe(0)
  })

  test('refuses what rounding takes over the bound', () => {
    expect(() => cents('90071992547409.915', { rounding: 'half-up' })).toThrow(TOO_LARGE)
    expect(cents('90071992547409.915', { rounding: 'down' })).toBe(MAX)
  })
})

describe('laws of cents()', () => {
  /** What whole numbers alone make of `units` / 10^`scale`. */
  function oracle(units: bigint, scale: number, rounding: string): bigint | undefined {
    const [size, unit] = [units < 0n ? -units : units, 10n ** BigInt(scale)]
    const [whole, rest] = [(size * 100n) / unit, (size * 100n) % unit]
    if (rounding === 'refuse' && rest !== 0n) return undefined
    const isUp =
      rounding === 'half-up' ? rest * 2n >= unit : rest * 2n > unit || (rest * 2n === unit && whole % 2n === 1n)
    const made = whole + (rounding !== 'down' && rest !== 0n && isUp ? 1n : 0n)
    return made > BigInt(MAX) ? undefined : units < 0n ? -made : made
  }

  function decimal(units: bigint, scale: number): string {
    const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
    const point = digits.length - scale
    return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`
  }

  const units = fc.oneof(
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    fc.bigInt({ min: -20_000n, max: 20_000n }),
    fc.bigInt({ min: -200n, max: 200n }).map((half) => half * 5n),
  )
  const rounding = fc.constantFrom('refuse' as const, 'half-even' as const, 'half-up' as const, 'down' as const)

  test('text comes to what whole numbers make of it', () => {
    fc.assert(
      fc.property(units, fc.nat(8), rounding, (given, scale, how) => {
        const made = cents(decimal(given, scale), { rounding: how, onFail: 'null' })
        expect(made === null ? undefined : BigInt(made)).toBe(oracle(given, scale, how))
      }),
      { numRuns },
    )
  })

  test('every number of at most two decimals comes to its cents', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 12), max: 10 ** 12 }), (given) => {
        expect(cents(given / 100)).toBe(given)
      }),
      { numRuns },
    )
  })
})
