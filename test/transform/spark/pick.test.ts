import { describe, expect, test } from 'vitest'
import { SPARK } from '../../../src/transform/child/spark/spark.js'

const { pick } = SPARK
const STRUCT = { a: 1, b: null, 'c.d': [2], gone: undefined }

describe('pick()', () => {
  test('gives the fields that are there, in the order in which they are named', () => {
    expect(Object.entries(pick(STRUCT, ['c.d', 'x', 'b', 'gone']))).toEqual([
      ['c.d', [2]],
      ['b', null],
    ])
  })

  test('gives them other names', () => {
    expect(pick(STRUCT, { alpha: 'a', again: 'a', a: 'b', none: 'x' })).toStrictEqual({ alpha: 1, again: 1, a: null })
  })

  test('does not go into a field, nor beyond the struct', () => {
    expect(pick({ c: { d: 1 } }, ['c.d', 'toString', '__proto__', 'constructor'])).toStrictEqual({})
    const own = JSON.parse('{"__proto__":1,"toString":2}') as object
    expect(Object.entries(pick(own, ['__proto__', 'toString']))).toEqual([
      ['__proto__', 1],
      ['toString', 2],
    ])
  })

  test('says what a field that is not there does', () => {
    expect(pick(STRUCT, ['a', 'x'], { missing: 'omit' })).toStrictEqual({ a: 1 })
    expect(pick(STRUCT, { one: 'a', two: 'x', three: 'gone' }, { missing: 'null' })).toStrictEqual({
      one: 1,
      two: null,
      three: null,
    })
    expect(() => pick(STRUCT, ['a', 'x'], { missing: 'throw' })).toThrow(new TypeError('pick: there is no field x'))
    expect(pick(STRUCT, ['b'], { missing: 'throw' })).toStrictEqual({ b: null })
  })

  test.each([['a'], [undefined], [[1]], [{ a: 1 }], [{ a: ['b'] }], [null]])('refuses %j for fields', (fields) => {
    expect(() => pick(STRUCT, fields as unknown as string[])).toThrow(
      new TypeError('pick: fields have to be names, or { to: from }'),
    )
  })

  test.each([[[1]], ['text'], [new Date(0)]])('refuses %j for a struct', (struct) => {
    expect(() => pick(struct as object, ['length'])).toThrow(new TypeError('pick: what is given is no struct'))
  })
})
