import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { topK } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)
const WEIGHTS = { tenure: 0.1, price: -0.7, support: 0.4, region: 0.4, age: 0 }

describe('topK()', () => {
  test('gives the largest first, equal ones by name', () => {
    expect(topK(WEIGHTS, 3)).toStrictEqual([
      { key: 'region', value: 0.4 },
      { key: 'support', value: 0.4 },
      { key: 'tenure', value: 0.1 },
    ])
  })

  test('gives those farthest from zero first, with their sign', () => {
    expect(topK(WEIGHTS, 2, { by: 'abs' })).toStrictEqual([
      { key: 'price', value: -0.7 },
      { key: 'region', value: 0.4 },
    ])
    expect(topK({ b: -1, a: 1, c: 1 }, 3, { by: 'abs', as: 'names' })).toEqual(['a', 'b', 'c'])
  })

  test('gives names, or an object', () => {
    expect(topK(WEIGHTS, 2, { as: 'names' })).toStrictEqual(['region', 'support'])
    expect(Object.entries(topK(WEIGHTS, 2, { as: 'object' }))).toEqual([
      ['region', 0.4],
      ['support', 0.4],
    ])
    expect(Object.entries(topK([{ key: '__proto__', value: 1 }], 1, { as: 'object' }))).toEqual([['__proto__', 1]])
  })

  test('breaks ties in the order of code points, which is not that of UTF-16', () => {
    const names = ['\u{1f600}', '\uff21', 'ä', 'z', 'Z', '', 'z1', '\ue000']
    const map = Object.fromEntries(names.map((name) => [name, 1]))
    expect(topK(map, 9, { as: 'names' })).toEqual(['', 'Z', 'z', 'z1', 'ä', '\ue000', '\uff21', '\u{1f600}'])
  })

  test('passes over what has no rank', () => {
    const map = {
      a: null,
      b: Number.NaN,
      c: Number.POSITIVE_INFINITY,
      d: undefined,
      e: -5,
      f: Number.NEGATIVE_INFINITY,
    }
    expect(topK(map, 9, { as: 'names' })).toEqual(['e'])
    expect(topK([{ key: 3, value: 1 }, { key: 4 }], 9)).toStrictEqual([{ key: '3', value: 1 }])
  })

  test('gives fewer, or none, where there are no more', () => {
    expect(topK(WEIGHTS, 99)).toHaveLength(5)
    expect(topK(WEIGHTS, 0)).toEqual([])
    expect(topK({}, 3, { as: 'object' })).toEqual({})
  })

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3', undefined])('refuses %s of them', (k) => {
    expect(() => topK(WEIGHTS, k as number)).toThrow(new RangeError('topK: k has to be a whole number of at least 0'))
  })

  test.each<[map: object, message: string]>([
    [{ a: '1' }, 'topK: a value is no number'],
    [{ a: [1] }, 'topK: a value is no number'],
    [[{ key: null, value: 1 }], 'topK: a key is neither text nor a number nor a boolean'],
    [
      [
        { key: 1, value: 1 },
        { key: '1', value: 2 },
      ],
      'topK: two keys give one name',
    ],
  ])('refuses %j', (map, message) => {
    expect(() => topK(map, 1)).toThrow(new TypeError(message))
  })
})

test('law: the first of all of them, sorted by value and then by the bytes of the name', () => {
  const entry = fc.tuple(fc.string({ unit: 'binary' }), fc.integer({ min: -3, max: 3 }))
  const by = fc.constantFrom('value' as const, 'abs' as const)
  fc.assert(
    fc.property(fc.array(entry), fc.nat(12), by, (entries, k, order) => {
      const map = new Map(entries)
      const size = (value: number): number => (order === 'abs' ? Math.abs(value) : value)
      const sorted = [...map].sort(
        ([a, one], [b, other]) => size(other) - size(one) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
      )
      const listed = [...map].map(([key, value]) => ({ key, value }))
      expect(topK(listed, k, { by: order })).toEqual(sorted.slice(0, k).map(([key, value]) => ({ key, value })))
      expect(topK(listed.reverse(), k, { by: order, as: 'names' })).toEqual(sorted.slice(0, k).map(([key]) => key))
    }),
    { numRuns },
  )
})
