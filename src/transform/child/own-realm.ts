/**
 * Makes the realm of Node harmless to meet. Node formats the stack of every error by a function of this realm, those of
 * the program too; near the end of the stack that function fails, and the program that asked for `stack` catches an
 * error of ours. From an error, `constructor.constructor` would be the way to code made from text, and so to `process`.
 *
 * Laws    nothing that an error of this realm leads to makes code from text, works behind our back, or can be changed.
 */
export function boltOwnRealm(): void {
  const makers = [() => {}, async () => {}, function* () {}, async function* () {}]
  for (const maker of makers) Reflect.deleteProperty(Object.getPrototypeOf(maker) as object, 'constructor')
  Reflect.deleteProperty(Array, 'fromAsync') // its promises would run the program outside of the watchdog
  const boxed = ['', 0, true, 0n, Symbol.iterator].map(Object)
  freezeAll([
    new RangeError(),
    makers,
    function* () {}.call(null),
    [].values(),
    ''[Symbol.iterator](),
    boxed,
    boxed.flat,
  ])
}

/** Freezes what these values lead to by properties, accessors and prototypes. */
function freezeAll(roots: readonly unknown[]): void {
  const seen = new Set<object>()
  const waiting = [...roots]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
    seen.add(value)
    Object.freeze(value)
    waiting.push(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      const { value: held, get, set } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor
      waiting.push(held, get, set)
    }
  }
}
