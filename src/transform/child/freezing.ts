/**
 * Stands before SES, which takes hold of the `Object.freeze` that it finds; `freezing-done.ts`, behind it, puts V8's own back.
 *
 * V8 looks at every prototype before it writes an element, and where one was frozen by `Object.freeze` it takes a way that is a
 * hundred times as long: `bytes[at] = x` would be most of what an answer costs. So the prototypes of typed arrays are sealed, and
 * each of their fields is made to stay as it is: that is what "frozen" means, and V8 goes on as before. Not that of arrays, whose
 * methods V8 then no longer knows for its own: `[1, 2].map(...)` would take four times as long.
 */
const { freeze, seal, isFrozen, create, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object
const { ownKeys, apply } = Reflect

const prototypes = new Set<unknown>()
for (const array of [new Uint8Array(0), new Int32Array(0)]) {
  for (let at: unknown = getPrototypeOf(array); at !== null; at = getPrototypeOf(at)) prototypes.add(at)
}
const { has } = prototypes

function frozen<T>(value: T): T {
  if (!apply(has, prototypes, [value])) return freeze(value)
  seal(value)
  for (const key of ownKeys(value as object)) {
    if (getOwnPropertyDescriptor(value, key)?.writable === true) defineProperty(value, key, { writable: false })
  }
  if (!isFrozen(value)) throw new TypeError('a prototype that cannot be frozen')
  create(value as object) // V8 goes over to its fast form of a prototype when something is made that has it
  return value
}

/** V8's own. */
export const native = freeze

defineProperty(Object, 'freeze', { value: frozen })
