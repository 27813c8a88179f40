import { describe, expect, expectTypeOf, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'
import type { Fields, Spark } from '../../../src/transform/spark.js'

type Call = (value: unknown, options?: unknown) => unknown

/** Each helper by name, with something that it takes. */
const CALLS: readonly (readonly [name: string, call: Call, given: unknown])[] = [
  ['flatten', (value, options) => SPARK.flatten(value as object, options as object), { a: { b: [{ c: 1 }] }, d: 2 }],
  ['mapToObject', (value) => SPARK.mapToObject(value as object), [{ key: 1, value: { a: 1 } }]],
  ['mapToEntries', (value, options) => SPARK.mapToEntries(value as object, options as object), { b: { a: 1 }, a: 2 }],
  [
    'vectorToDense',
    (value, options) => SPARK.vectorToDense(value as object, options as object),
    { type: 0, size: 3, indices: [1], values: [2] },
  ],
  ['topK', (value, options) => SPARK.topK(value as object, 2, options as object), { b: 1, a: 1, c: 3 }],
  ['pick', (value, options) => SPARK.pick(value as object, ['b', 'a'], options as object), { a: { c: 1 }, b: 2 }],
  ['coerce.number', SPARK.coerce.number as Call, '1.5'],
  ['coerce.integer', SPARK.coerce.integer as Call, '1'],
  ['coerce.boolean', SPARK.coerce.boolean as Call, 'yes'],
  ['coerce.string', SPARK.coerce.string as Call, 1],
  ['iterableDate', SPARK.iterableDate as Call, '2026-03-15'],
  ['cents', SPARK.cents as Call, '1.50'],
]

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const held of Object.values(value)) frozen(held)
  return Object.freeze(value)
}

test('every helper is in this table', () => {
  const names = Object.entries(SPARK).flatMap(([name, held]) =>
    typeof held === 'function' ? [name] : Object.keys(held as object).map((inner) => `${name}.${inner}`),
  )
  expect(CALLS.map(([name]) => name).sort()).toEqual(names.sort())
})

describe.each(CALLS)('%s()', (_name, call, given) => {
  test('gives NULL and what is not there back', () => {
    expect(call(null)).toBeNull()
    expect(call(undefined)).toBeUndefined()
  })

  test('gives the same twice, and changes nothing that it is given', () => {
    const before = JSON.stringify(given)
    const first = call(frozen(given))
    expect(call(given)).toStrictEqual(first)
    expect(first).not.toBe(given)
    expect(JSON.stringify(given)).toBe(before)
  })
})

describe.each(CALLS.filter(([name]) => name !== 'mapToObject'))('%s()', (name, call, given) => {
  test('refuses options that it does not have', () => {
    expect(() => call(given, { nonsense: 1 })).toThrow(new TypeError(`${name}: there is no option nonsense`))
    expect(() => call(null, { toString: 1 })).toThrow(new TypeError(`${name}: there is no option toString`))
    for (const options of [null, 1, 'a', []]) {
      expect(() => call(given, options)).toThrow(new TypeError(`${name}: options have to be an object`))
    }
    expect(call(given, {})).toStrictEqual(call(given))
  })
})

describe('an option', () => {
  test.each<[name: string, options: object]>([
    ['flatten', { depth: -1 }],
    ['flatten', { depth: 1.5 }],
    ['flatten', { depth: 101 }],
    ['flatten', { separator: 1 }],
    ['flatten', { arrays: 'explode' }],
    ['mapToEntries', { key: 1 }],
    ['mapToEntries', { value: null }],
    ['vectorToDense', { sizeMax: 1_000_001 }],
    ['topK', { by: 'key' }],
    ['topK', { as: 'map' }],
    ['pick', { missing: 'undefined' }],
    ['iterableDate', { epoch: 'days' }],
    ['cents', { rounding: 'up' }],
  ])('of %s may not be %j', (name, options) => {
    const [, call, given] = CALLS.find(([known]) => known === name) as (typeof CALLS)[number]
    const message = `${name}: no value of the option ${Object.keys(options)[0]}`
    expect(() => call(given, options)).toThrow(new TypeError(message))
  })

  test('of one call is not that of the next', () => {
    const struct = { a: { b: 1 } }
    expect(SPARK.flatten(struct, { depth: 0 })).toEqual(struct)
    expect(SPARK.flatten(struct, { separator: '-' })).toEqual({ 'a-b': 1 })
    expect(SPARK.flatten(struct)).toEqual({ a_b: 1 })
  })

  test('that is undefined is as if it were not given', () => {
    for (const [name, call, given] of CALLS) {
      const options = { flatten: 'depth', topK: 'by', cents: 'rounding' }[name]
      if (options !== undefined) expect(call(given, { [options]: undefined })).toStrictEqual(call(given))
    }
  })
})

test('no message holds a value', () => {
  const secret = 'canary@example.com'
  const failing: (() => unknown)[] = [
    () => SPARK.flatten(secret as unknown as object),
    () => SPARK.flatten({ a_b: secret, a: { b: secret } }),
    () => SPARK.mapToObject([{ key: secret }, { key: secret }]),
    () => SPARK.vectorToDense([secret]),
    () => SPARK.topK({ a: secret }, 1),
    () => SPARK.pick({ a: secret }, ['b'], { missing: 'throw' }),
    () => SPARK.coerce.number(secret),
    () => SPARK.coerce.integer(secret),
    () => SPARK.coerce.boolean(secret),
    () => SPARK.coerce.string([secret]),
    () => SPARK.iterableDate(secret),
    () => SPARK.cents(secret),
  ]
  for (const run of failing) {
    expect(run).toThrow(/^\w+(?:\.\w+)?: /)
    expect(run).not.toThrow(secret)
  }
})

test('types say what comes out', () => {
  const spark: Spark = SPARK
  const row = {
    text: '1' as string | null,
    day: '2026-03-15' as string | null,
    struct: { a: 1 },
    map: null as { a: number } | null,
    any: 1 as unknown,
  }
  expectTypeOf(spark.coerce.number(row.struct.a)).toEqualTypeOf<number>()
  expectTypeOf(spark.coerce.number(row.text)).toEqualTypeOf<number | null>()
  expectTypeOf(spark.coerce.number(row.any)).toEqualTypeOf<number | null | undefined>()
  expectTypeOf(spark.coerce.integer('1', { onFail: 'null' })).toEqualTypeOf<number | null>()
  expectTypeOf(spark.coerce.boolean('1', { onFail: 'undefined' })).toEqualTypeOf<boolean | undefined>()
  expectTypeOf(spark.coerce.string('1', { onFail: { value: 'n/a' } })).toEqualTypeOf<string>()
  expectTypeOf(spark.iterableDate(row.day, { epoch: 'seconds' })).toEqualTypeOf<string | null>()
  expectTypeOf(spark.flatten(row.struct)).toEqualTypeOf<Fields>()
  expectTypeOf(spark.flatten(row.map)).toEqualTypeOf<Fields | null>()
  expectTypeOf(spark.topK(row.struct, 1)).toEqualTypeOf<{ key: string; value: number }[]>()
  expectTypeOf(spark.topK(row.map, 1, { as: 'names' })).toEqualTypeOf<string[] | null>()
  // @ts-expect-error no such option
  expect(() => spark.cents('1', { round: 'down' })).toThrow(TypeError)
})
