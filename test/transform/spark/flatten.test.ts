import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/model/value.js'
import { SPARK } from '../../../src/transform/child/spark/spark.js'
import type { FlattenOptions } from '../../../src/transform/spark.js'

const { flatten } = SPARK
const numRuns = Number(process.env.LAW_RUNS ?? 200)

const CUSTOMER: JsonObject = {
  name: 'Ada',
  address: { city: 'Wien', geo: { lat: 48.2, lon: 16.4 }, floor: null },
  tags: ['a', 'b'],
  orders: [{ id: 1 }, { id: 2 }],
  nothing: {},
}

describe('flatten()', () => {
  test.each<[what: string, options: FlattenOptions | undefined, flat: JsonObject]>([
    [
      'all levels, with arrays as they are',
      undefined,
      {
        name: 'Ada',
        address_city: 'Wien',
        address_geo_lat: 48.2,
        address_geo_lon: 16.4,
        address_floor: null,
        tags: ['a', 'b'],
        orders: [{ id: 1 }, { id: 2 }],
      },
    ],
    [
      'one level',
      { depth: 1, arrays: 'drop', separator: '' },
      { name: 'Ada', addresscity: 'Wien', addressgeo: { lat: 48.2, lon: 16.4 }, addressfloor: null },
    ],
    ['no level', { depth: 0, arrays: 'json' }, { ...CUSTOMER, tags: '["a","b"]', orders: '[{"id":1},{"id":2}]' }],
    [
      'elements of arrays, which are a level too',
      { depth: 1, arrays: 'index' },
      {
        name: 'Ada',
        address_city: 'Wien',
        address_geo: { lat: 48.2, lon: 16.4 },
        address_floor: null,
        tags_0: 'a',
        tags_1: 'b',
        orders_0: { id: 1 },
        orders_1: { id: 2 },
      },
    ],
  ])('gives %s', (_what, options, flat) => {
    expect(Object.entries(flatten(CUSTOMER, options))).toEqual(Object.entries(flat))
  })

  test('goes through elements of arrays to the ground', () => {
    expect(flatten({ a: [[1, { b: [] }], { c: 2 }] }, { arrays: 'index', separator: '/' })).toEqual({
      'a/0/0': 1,
      'a/1/c': 2,
    })
  })

  test.each<[struct: object, options: FlattenOptions, message: string]>([
    [{ a_b: 1, a: { b: 2 } }, {}, 'flatten: a > b gives a name that is taken: a_b'],
    [{ a: { b: { c: 2 } }, a_b: { c: 1 } }, {}, 'flatten: a_b > c gives a name that is taken: a_b_c'],
    [{ a: [1], a_0: 2 }, { arrays: 'index' }, 'flatten: a_0 gives a name that is taken: a_0'],
    [{ a: { b: null }, a_b: null }, {}, 'flatten: a_b gives a name that is taken: a_b'],
  ])('refuses two paths of one name: %j', (struct, options, message) => {
    expect(() => flatten(struct, options)).toThrow(new TypeError(message))
  })

  test('takes names from the struct alone', () => {
    const struct = JSON.parse('{"constructor":{"name":1},"__proto__":{"x":2},"toString":3}') as object
    const flat = flatten(struct)
    expect(Object.entries(flat)).toEqual([
      ['constructor_name', 1],
      ['__proto___x', 2],
      ['toString', 3],
    ])
    expect(Object.entries(flatten(struct, { depth: 0 }))).toHaveLength(3)
    expect(Object.getPrototypeOf(flatten(struct, { depth: 0 }))).toBe(Object.prototype)
  })

  test('leaves dates and objects of classes whole, and out what is undefined', () => {
    const date = new Date(0)
    expect(Object.entries(flatten({ a: { date, gone: undefined } }))).toEqual([['a_date', date]])
  })

  test('takes 100 levels and refuses more, a cycle too', () => {
    const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) })
    const leaf = (levels: number): object => (levels === 1 ? { a: 1 } : { a: leaf(levels - 1) })
    expect(Object.values(flatten(leaf(100)))).toEqual([1])
    const cycle: { self?: object } = {}
    cycle.self = cycle
    for (const struct of [nested(100), cycle]) {
      expect(() => flatten(struct)).toThrow(new RangeError('flatten: more than 100 levels'))
    }
    expect(flatten(nested(200), { depth: 2 })).toHaveProperty('a_a_a')
  })

  test.each([[[]], [new Date(0)], [new Map()], ['text'], [1]])('refuses %j', (value) => {
    expect(() => flatten(value as object)).toThrow(new TypeError('flatten: what is given is no struct'))
  })
})

describe('laws of flatten()', () => {
  /** Names without the separator, so that the way back is plain. */
  const name = fc.string({ minLength: 1, maxLength: 3 }).filter((text) => !text.includes('|') && text !== '__proto__')
  const { struct } = fc.letrec<{ value: Json; struct: JsonObject }>((tie) => ({
    struct: fc.dictionary(name, tie('value'), { minKeys: 1, maxKeys: 4 }) as fc.Arbitrary<JsonObject>,
    value: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue({ maxDepth: 0 }),
      fc.array(fc.integer()),
      tie('struct'),
    ) as fc.Arbitrary<Json>,
  }))

  function unflatten(flat: object, separator: string): object {
    const root: Record<string, unknown> = {}
    for (const [path, value] of Object.entries(flat)) {
      const names = path.split(separator)
      const last = names.pop() as string
      let at = root
      for (const step of names) {
        if (!Object.hasOwn(at, step)) at[step] = {}
        at = at[step] as Record<string, unknown>
      }
      at[last] = value
    }
    return root
  }

  test('what was flattened can be put together again', () => {
    fc.assert(
      fc.property(struct, (given) => {
        expect(unflatten(flatten(given, { separator: '|' }), '|')).toEqual(given)
      }),
      { numRuns },
    )
  })

  test('one level at a time comes to the same', () => {
    fc.assert(
      fc.property(struct, (given) => {
        let flat: object = given
        for (let step = 0; step < 6; step += 1) flat = flatten(flat, { separator: '|', depth: 1 })
        expect(flat).toEqual(flatten(given, { separator: '|' }))
      }),
      { numRuns },
    )
  })
})
