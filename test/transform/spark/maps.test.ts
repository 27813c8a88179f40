import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { mapToEntries, mapToObject } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)

/** As a map with keys of numbers arrives, where the value NaN was left out. */
const LISTED = [{ key: 7, value: 'seven' }, { key: 2 }, { key: 10, value: null }]

describe('mapToObject()', () => {
  test.each<[map: object, entries: [string, unknown][]]>([
    [
      { a: 1, b: [2] },
      [
        ['a', 1],
        ['b', [2]],
      ],
    ],
    [
      LISTED,
      [
        ['7', 'seven'],
        ['10', null],
      ],
    ],
    [
      [
        { value: 1, key: true },
        { key: '2026-03-15', value: {} },
        { key: -0.5, value: 2 },
      ],
      [
        ['true', 1],
        ['2026-03-15', {}],
        ['-0.5', 2],
      ],
    ],
    [[], []],
    [{}, []],
    [[{ key: '__proto__', value: 1 }], [['__proto__', 1]]],
  ])('%j', (map, entries) => {
    const object = mapToObject(map)
    expect(Object.entries(object)).toEqual(entries)
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
  })

  test.each<[map: unknown, message: string]>([
    [
      [
        { key: 1, value: 'a' },
        { key: '1', value: 'b' },
      ],
      'mapToObject: two keys give one name',
    ],
    [[{ key: 'a', value: 1 }, { key: 'a' }], 'mapToObject: two keys give one name'],
    [[{ key: null, value: 1 }], 'mapToObject: a key is neither text nor a number nor a boolean'],
    [[{ key: { a: 1 }, value: 1 }], 'mapToObject: a key is neither text nor a number nor a boolean'],
    [[{ key: ['a'], value: 1 }], 'mapToObject: a key is neither text nor a number nor a boolean'],
    [[{ key: Number.NaN, value: 1 }], 'mapToObject: a key is neither text nor a number nor a boolean'],
    [[{ value: 1 }], 'mapToObject: a list of a map holds what is no entry'],
    [[{ key: 1, value: 1, more: 1 }], 'mapToObject: a list of a map holds what is no entry'],
    [[['a', 1]], 'mapToObject: a list of a map holds what is no entry'],
    [[null], 'mapToObject: a list of a map holds what is no entry'],
    [new Map([['a', 1]]), 'mapToObject: what is given is no map'],
    ['a', 'mapToObject: what is given is no map'],
  ])('refuses %j', (map, message) => {
    expect(() => mapToObject(map as object)).toThrow(new TypeError(message))
  })
})

describe('mapToEntries()', () => {
  test('keeps order, keys, and what has no value', () => {
    expect(mapToEntries(LISTED)).toStrictEqual(LISTED)
    expect(mapToEntries({ b: 1, a: null })).toStrictEqual([
      { key: 'b', value: 1 },
      { key: 'a', value: null },
    ])
  })

  test('keeps keys that are structs, and entries of one key', () => {
    const map = [
      { key: { a: 1 }, value: 1 },
      { key: 'x', value: 1 },
      { key: 'x', value: 2 },
    ]
    expect(mapToEntries(map)).toStrictEqual(map)
  })

  test('gives the entries other names', () => {
    expect(mapToEntries({ a: 1 }, { key: 'feature', value: 'weight' })).toStrictEqual([{ feature: 'a', weight: 1 }])
    expect(mapToEntries({ a: 1 }, { key: 'value', value: 'key' })).toStrictEqual([{ value: 'a', key: 1 }])
    expect(() => mapToEntries({ a: 1 }, { key: 'value' })).toThrow(
      new TypeError('mapToEntries: key and value have one name'),
    )
  })

  test('refuses what is no map', () => {
    expect(() => mapToEntries([1] as object)).toThrow(
      new TypeError('mapToEntries: a list of a map holds what is no entry'),
    )
    expect(() => mapToEntries(new Date(0))).toThrow(new TypeError('mapToEntries: what is given is no map'))
  })
})

test('law: a map is the same in both forms, there and back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (given) => {
      expect(mapToObject(mapToEntries(given))).toEqual(given)
      expect(mapToEntries(mapToObject(mapToEntries(given)))).toEqual(mapToEntries(given))
    }),
    { numRuns },
  )
})
