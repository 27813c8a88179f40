import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { vectorToDense } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)

describe('vectorToDense()', () => {
  test.each<[vector: object, dense: number[]]>([
    [{ type: 1, size: null, indices: null, values: [0.5, 0, -1] }, [0.5, 0, -1]],
    [{ type: 1, values: [0.5] }, [0.5]],
    [{ type: 1, size: 2, values: [1, 2] }, [1, 2]],
    [{ type: 0, size: 4, indices: [1, 3], values: [0.5, 2] }, [0, 0.5, 0, 2]],
    [{ type: 0, size: 2, indices: [], values: [] }, [0, 0]],
    [{ type: 0, size: 0, indices: [], values: [] }, []],
    [{ vectorType: 'sparse', length: 3, indices: [0], values: [7] }, [7, 0, 0]],
    [{ vectorType: 'dense', length: 2, values: [1, 2] }, [1, 2]],
    [
      [1, 2.5],
      [1, 2.5],
    ],
    [[], []],
  ])('%j', (vector, dense) => {
    expect(vectorToDense(vector)).toStrictEqual(dense)
  })

  test('gives a new array also for one that is plain', () => {
    const given = [1]
    expect(vectorToDense(given)).not.toBe(given)
  })

  const NUMBERS = 'vectorToDense: values or indices are no finite numbers'
  test.each<[vector: unknown, error: Error]>([
    [{ type: 0, size: 2, indices: [2], values: [1] }, new RangeError('vectorToDense: an index out of range')],
    [{ type: 0, size: 2, indices: [-1], values: [1] }, new RangeError('vectorToDense: an index out of range')],
    [{ type: 0, size: 2, indices: [0.5], values: [1] }, new RangeError('vectorToDense: an index out of range')],
    [{ type: 0, size: 3, indices: [1, 0], values: [1, 2] }, new RangeError('vectorToDense: the indices do not ascend')],
    [{ type: 0, size: 3, indices: [1, 1], values: [1, 2] }, new RangeError('vectorToDense: the indices do not ascend')],
    [
      { type: 0, size: 3, indices: [1], values: [1, 2] },
      new RangeError('vectorToDense: not as many indices as values'),
    ],
    [{ type: 0, size: 3, indices: [], values: [1] }, new RangeError('vectorToDense: not as many indices as values')],
    [{ type: 1, size: 3, values: [1] }, new RangeError('vectorToDense: size and number of values differ')],
    [{ vectorType: 'dense', length: 1, values: [] }, new RangeError('vectorToDense: size and number of values differ')],
    [{ type: 0, size: 1.5, indices: [], values: [] }, new TypeError('vectorToDense: the size is no whole number')],
    [{ type: 0, size: -1, indices: [], values: [] }, new TypeError('vectorToDense: the size is no whole number')],
    [{ type: 0, indices: [], values: [] }, new TypeError('vectorToDense: the size is no whole number')],
    [{ type: 0, size: 2e9, indices: [], values: [] }, new RangeError('vectorToDense: more elements than sizeMax')],
    [{ type: 0, size: 3, indices: ['1'], values: [1] }, new TypeError(NUMBERS)],
    [{ type: 0, size: 3, indices: null, values: [] }, new TypeError(NUMBERS)],
    [{ type: 1, values: 'x' }, new TypeError(NUMBERS)],
    [{ type: 1, values: [1, null] }, new TypeError(NUMBERS)],
    [[Number.NaN], new TypeError(NUMBERS)],
    [Array(3), new TypeError(NUMBERS)],
    [[0, 3, [0], [1]], new TypeError(NUMBERS)],
    [{ type: 2, values: [] }, new TypeError('vectorToDense: neither a dense nor a sparse vector')],
    [{ values: [1] }, new TypeError('vectorToDense: neither a dense nor a sparse vector')],
    ['[1, 2]', new TypeError('vectorToDense: what is given is no vector')],
  ])('refuses %j', (vector, error) => {
    expect(() => vectorToDense(vector as object)).toThrow(error)
    expect(() => vectorToDense(vector as object)).toThrow(error.constructor as ErrorConstructor)
  })

  test('holds every form to sizeMax, 10,000 unless told otherwise', () => {
    const tooLarge = new RangeError('vectorToDense: more elements than sizeMax')
    expect(vectorToDense({ type: 0, size: 10_000, indices: [], values: [] })).toHaveLength(10_000)
    expect(() => vectorToDense({ type: 0, size: 10_001, indices: [], values: [] })).toThrow(tooLarge)
    expect(() => vectorToDense(Array(10_001).fill(0))).toThrow(tooLarge)
    expect(() => vectorToDense({ type: 1, values: [1, 2] }, { sizeMax: 1 })).toThrow(tooLarge)
    expect(vectorToDense({ type: 0, size: 262_144, indices: [9], values: [1] }, { sizeMax: 1_000_000 })).toHaveLength(
      262_144,
    )
  })
})

test('law: a vector is the same dense, sparse and plain', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), number), { maxLength: 20 }), (dense) => {
      const held = dense.flatMap((value, index) => (value === 0 ? [] : [{ index, value }]))
      const indices = held.map(({ index }) => index)
      const values = held.map(({ value }) => value)
      expect(vectorToDense(dense)).toEqual(dense)
      expect(vectorToDense({ type: 1, size: null, indices: null, values: dense })).toEqual(dense)
      expect(vectorToDense({ type: 0, size: dense.length, indices, values })).toEqual(dense)
    }),
    { numRuns },
  )
})

test('law: a sparse vector is what writing its values one by one into zeros gives, or refused', () => {
  const sparse = fc.record({
    size: fc.integer({ min: 0, max: 6 }),
    entries: fc.array(fc.tuple(fc.integer({ min: -1, max: 6 }), fc.integer({ min: 1, max: 9 })), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(sparse, ({ size, entries }) => {
      const indices = entries.map(([index]) => index)
      const isFit = indices.every((index, at) => index > (indices[at - 1] ?? -1) && index < size)
      const vector = { type: 0, size, indices, values: entries.map(([, value]) => value) }
      if (!isFit) {
        expect(() => vectorToDense(vector)).toThrow(RangeError)
        return
      }
      const dense = Array.from({ length: size }, (_, index) => entries.find(([at]) => at === index)?.[1] ?? 0)
      expect(vectorToDense(vector)).toEqual(dense)
    }),
    { numRuns },
  )
})
