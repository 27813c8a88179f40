import fc from 'fast-check'
import { expect, test } from 'vitest'
import { actionAt, actionBlock } from '../../src/model/action-block.js'
import { fieldType, shapeOf } from '../../src/model/shape.js'
import type { Json, JsonObject } from '../../src/model/value.js'

/** Source: Iterable help 208183076 as coded in block/iterable-go `types/data_types_test.go` (reference table 4.4). */
test.each([
  ['2024-11-25', 'date'],
  ['2024-11-25 13:37:19', 'date'],
  ['2024-11-25 13:37:19 -04:00', 'date'],
  ['2024-11-25T13:37:19.039-04:00', 'date'],
  ['2024-11-25T13:37:19.039Z', 'date'],
  ['2024-11-25T13:37:19Z', 'nearDate'],
  ['2024-11-25T13:37:19.039', 'nearDate'],
  ['2024-11-25T13:37:19.039 00:00', 'nearDate'],
  ['2024-11-25 13:37:19.039', 'nearDate'],
  ['2024-11-25 13:37:19.039Z', 'nearDate'],
  ['2024/11/25', 'nearDate'],
  ['2024-11-25T13:37:19.039123Z', 'nearDate'],
  ['1732541839', 'string'],
  ['2024-model', 'string'],
])('%s is taken for a %s', (text, type) => {
  expect(fieldType(text)).toBe(type)
})

test('a shape names every path with its type, and equal shapes are one object', () => {
  const block = actionBlock([
    { kind: 'profile', identifiers: { email: 'a' }, dataFields: { score: 0.5, tier: { name: 'x', since: null } } },
    { kind: 'profile', identifiers: { email: 'b' }, dataFields: { score: 0.7, tier: { name: 'y', since: null } } },
    { kind: 'profile', identifiers: { email: 'c' }, dataFields: { score: 1, tier: { name: 'z', since: null } } },
  ])
  expect([...block.shape(0).fields]).toEqual([
    ['score', 'double'],
    ['tier', 'object'],
    ['tier.name', 'string'],
    ['tier.since', 'null'],
  ])
  expect(block.shape(1)).toBe(block.shape(0))
  expect(block.shape(2)).not.toBe(block.shape(0))
})

test('names that would sign alike are told apart', () => {
  expect(shapeOf({ 'a"string': 1 })).not.toEqual(shapeOf({ a: 'x' }))
  expect(shapeOf({ 'a.b': 1 }).dotted).toBe(true)
})

test('arrays within arrays are not taken for one another', () => {
  const shapes = (values: readonly JsonObject[]) => {
    const block = actionBlock(values.map((dataFields) => ({ kind: 'profile', identifiers: {}, dataFields })))
    return new Set(values.map((_, index) => block.shape(index))).size
  }
  expect(shapes([{ a: [[1]] }, { a: [['x']] }, { a: [{ b: [1] }] }, { a: [{ b: ['x'] }] }])).toBe(4)
  expect(shapes([{ a: [[1], [2, 3]] }, { a: [[4, 5, 6]] }])).toBe(1)
})

test('two payloads have one shape exactly where their paths and types are alike', () => {
  const name = fc.constantFrom('a', 'b', '0', 'object', 'string', '}')
  const { object } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<Json>(null, 1, 0.5, 'x', '2026-01-01', '2026/01/01', true),
      tie('object'),
    ),
    object: fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  }))
  fc.assert(
    fc.property(fc.array(object, { maxLength: 6 }), (payloads) => {
      const block = actionBlock(payloads.map((dataFields) => ({ kind: 'profile', identifiers: {}, dataFields })))
      payloads.forEach((payload, index) => {
        const { fields, dotted } = shapeOf(payload)
        expect([[...block.shape(index).fields], block.shape(index).dotted]).toEqual([[...fields], dotted])
        expect(Buffer.from(block.payload(index)).toString()).toBe(JSON.stringify(payload))
      })
      const said = (payload: JsonObject) => JSON.stringify([...shapeOf(payload).fields])
      const distinct = new Set(payloads.map((_, index) => block.shape(index))).size
      expect(distinct).toBe(new Set(payloads.map(said)).size)
    }),
  )
})

test('payloads beyond ASCII stand apart as they should', () => {
  const given = ['ü', '😀', '\ud800', 'plain'].map((v) => ({ v }))
  const block = actionBlock(given.map((dataFields) => ({ kind: 'profile', identifiers: {}, dataFields })))
  expect(given.map((_, index) => actionAt(block, index))).toEqual(
    given.map((dataFields) => ({ kind: 'profile', identifiers: {}, dataFields })),
  )
})

test('an action comes out of a block as it went in', () => {
  const actions = [
    { kind: 'event', identifiers: { userId: 'u' }, eventName: 'scored', createdAt: 1, dataFields: { a: [1, 'x'] } },
    { kind: 'membership', identifiers: { email: 'e' }, list: 'churn', member: false },
  ] as const
  const block = actionBlock(actions)
  expect([actionAt(block, 0), actionAt(block, 1)]).toEqual(actions)
})
