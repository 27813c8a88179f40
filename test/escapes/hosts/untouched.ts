import { createRequire } from 'node:module'
import { rowBlock } from '../../../src/model/row.js'
import { Transform } from '../../../src/transform/transform.js'

/**
 * A host that looks at itself before and after a transform has run every kind of program, and prints what is different: its
 * intrinsics with all their properties, its globals, its listeners, and whether SES was ever here.
 */

/** Every object that the globals lead to, by the path to it, with what is said about each of its properties. */
function snapshot(): Map<string, string> {
  const seen = new Map<object, string>()
  const said = new Map<string, string>()
  const waiting: [unknown, string][] = intrinsics()
  for (let at = 0; at < waiting.length; at += 1) {
    const [value, path] = waiting[at] as [unknown, string]
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
    seen.set(value, path)
    said.set(path, `extensible ${Object.isExtensible(value)}`)
    waiting.push([Object.getPrototypeOf(value), `${path}.__proto__`])
    for (const key of Reflect.ownKeys(value)) {
      const place = `${path}.${String(key)}`
      const { value: held, get, set, ...flags } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor
      said.set(place, `${JSON.stringify(flags)} ${kindOf(held)} ${kindOf(get)} ${kindOf(set)}`)
      for (const part of [held, get, set]) waiting.push([part, place])
    }
  }
  return said
}

/** A function is told by its text, which natives have too, so that one in the place of another shows. */
const kindOf = (value: unknown): string => {
  if (typeof value === 'function') return Function.prototype.toString.call(value).slice(0, 200)
  return typeof value === 'object' ? typeof value : `${typeof value} ${String(value)}`
}

/** The language's own, and not what Node hangs on the globals, which changes as it works. */
function intrinsics(): [unknown, string][] {
  const names =
    'Object Function Array Number parseFloat parseInt Boolean String Symbol Date Promise RegExp Error AggregateError EvalError ' +
    'RangeError ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Atomics Uint8Array Int8Array ' +
    'Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array ' +
    'DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry SharedArrayBuffer eval isFinite isNaN ' +
    'decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape WebAssembly Iterator'
  const hidden = [
    async () => {},
    function* () {},
    async function* () {},
    [].values(),
    new Map().entries(),
    new Set().values(),
    ''[Symbol.iterator](),
    'a'.matchAll(/a/g),
  ]
  return [
    ...names.split(' ').map((name): [unknown, string] => [Reflect.get(globalThis, name), name]),
    ...hidden.map((value, at): [unknown, string] => [Object.getPrototypeOf(value), `hidden ${at}`]),
  ]
}

const state = () => ({
  intrinsics: snapshot(),
  globals: Reflect.ownKeys(globalThis).map(String),
  listeners: process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`),
  environment: JSON.stringify([process.env, process.argv, process.execArgv, process.cwd(), process.umask()]),
})

async function everyKind(): Promise<void> {
  const bodies = [
    "return { email: 'a' }",
    'Object.prototype.polluted = 1',
    'throw new Proxy({}, { get() { throw 1 } })',
    "Promise.reject(1); return { email: 'a' }",
    'return new Promise(() => {})',
    `return { email: 'a', dataFields: JSON.parse('{"__proto__":{"polluted":1}}') }`,
    "return { email: 'a', dataFields: { constructor: { prototype: { polluted: 1 } } } }",
    'for (;;);',
    'return new Array(1e8).fill(0)',
  ]
  const source = `const evil = [${bodies.map((body) => `(row) => { ${body} }`).join()}]; export default (row) => evil[row.n](row)`
  const transform = Transform.fromText(source, { timeoutMs: 2_000, memoryMb: 32 })
  const rows = rowBlock(bodies.map((_, n) => ({ n, __proto__: null })))
  const made = await transform.run({ rows })
  for (let at = 0; at < made.actions.length; at += 1) JSON.parse(Buffer.from(made.actions.payload(at)).toString())
  await transform.close()
}

const before = state()
await everyKind()
const after = state()

const changes = [...new Set([...before.intrinsics.keys(), ...after.intrinsics.keys()])].filter(
  (path) => before.intrinsics.get(path) !== after.intrinsics.get(path),
)
const loaded = Object.keys(createRequire(import.meta.url).cache ?? {})
console.log(
  JSON.stringify({
    looked: before.intrinsics.size,
    changes,
    globals: after.globals.filter((name) => !before.globals.includes(name)),
    gone: before.globals.filter((name) => !after.globals.includes(name)),
    listeners: after.listeners.filter((one) => !before.listeners.includes(one)),
    environment: before.environment === after.environment,
    ses: [
      ...['lockdown', 'Compartment', 'harden', 'repairIntrinsics', 'assert'].filter((name) => name in globalThis),
      ...loaded.filter((path) => /[\\/]ses[\\/]/.test(path)),
    ],
    polluted: 'polluted' in {},
  }),
)
