import { expect, test } from 'vitest'
import { Transform } from '../../src/transform/transform.js'

test('a program meets frozen prototypes, be they frozen by V8 or field by field, and the Object.freeze of V8', async () => {
  const program = `export default () => {
    const prototypes = [Object, Array, Number, String, Promise, Map].map(({ prototype }) => prototype)
    const fields = (one) => Reflect.ownKeys(one).map((key) => Object.getOwnPropertyDescriptor(one, key))
    const isFixed = (one) => fields(one).every(({ configurable, writable }) => !configurable && !writable)
    return { email: 'a', dataFields: {
      frozen: prototypes.map(Object.isFrozen), extensible: prototypes.map(Object.isExtensible), fixed: prototypes.map(isFixed),
      freeze: String(Object.freeze), again: Object.isFrozen(Object.freeze([1, { a: 1 }])),
    } }
  }`
  await using transform = Transform.fromText(program, { isolation: 'none' })
  const { actions } = await transform.try([{}])
  const all = (value: boolean): boolean[] => new Array<boolean>(6).fill(value)
  expect(actions[0]).toMatchObject({
    dataFields: {
      frozen: all(true),
      extensible: all(false),
      fixed: all(true),
      freeze: 'function freeze() { [native code] }',
      again: true,
    },
  })
})
