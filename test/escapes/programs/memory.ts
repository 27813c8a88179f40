import { type Escapes, MEMORY, TIMEOUT } from './escape.js'

const EITHER = [MEMORY, TIMEOUT]

/** Rows that take all memory: the process ends, or is ended where taking it is slow. */
export const SPACE: Escapes = {
  reference: [
    ['a filled array of 1e8', 'return new Array(1e8).fill(0)', MEMORY],
    ['a Map that grows', 'const m = new Map(); for (let i = 0; ; i += 1) m.set(i, [i])', MEMORY],
    ['a text split into its characters', "'x'.padEnd(2 ** 29 - 24, 'ab').split('')", EITHER],
    ['a call with 1e8 arguments', 'Math.max(...Array(1e8).fill(1))', MEMORY],
    ['sorting 3e7 elements', 'Array.from({ length: 3e7 }, (_, i) => -i).sort()', EITHER],
    ['JSON of ten million brackets', "JSON.parse('['.repeat(1e7) + ']'.repeat(1e7))", EITHER],
    ['arrays that hold all arrays before', 'const all = []; for (;;) all.push({ all: [...all] })', MEMORY],
    ['a Set that grows', 'const s = new Set(); for (let i = 0; ; i += 1) s.add(i)', EITHER],
    ['objects in an array', 'const a = []; for (;;) a.push({ a: a.length })', EITHER],
    ['closures in an array', 'const a = []; for (;;) { const b = [a.length]; a.push(() => b) }', EITHER],
    ['a list of linked objects', 'let a = null; for (;;) a = { a }', EITHER],
    ['names of one object', "const o = {}; for (let i = 0; ; i += 1) o['k' + i] = i", EITHER],
    ['a BigInt that doubles', 'let b = 1n; const all = []; for (;;) { b <<= 100000n; all.push(b) }', EITHER],
    [
      'distinct texts',
      "const a = []; for (let i = 0; ; i += 1) a.push(String(i).repeat(50).split('').join(''))",
      EITHER,
    ],
    ['promises that are never settled', 'const a = []; for (;;) a.push(new Promise(() => {}))', EITHER],
    ['microtasks that pile up', 'for (;;) Promise.resolve().then(() => 0)', EITHER],
    [
      'a generator per turn',
      'const a = []; function* g() { yield a } for (;;) { const b = g(); b.next(); a.push(b) }',
      EITHER,
    ],
    ['symbols', 'const a = []; for (;;) a.push(Symbol())', EITHER],
    ['regular expressions', 'const a = []; for (let i = 0; ; i += 1) a.push(new RegExp(String(i)))', EITHER],
    ['errors with stacks', 'const a = []; for (;;) a.push(new Error())', EITHER],
    ['matches of a long text', "const s = 'ab'.repeat(5e6); [...s.matchAll(/a/g)]", EITHER],
  ],
  own: [
    ['1 GB as a name', "return { email: row.email, dataFields: { ['x'.repeat(2 ** 28)]: 1 } }", EITHER],
    ['an array from a length of 1e9', 'Array.from({ length: 1e9 })', EITHER],
    ['a flat array of arrays', 'let a = [1]; for (;;) a = [a, a].flat()', EITHER],
    ['a text that is escaped to six times its size', "JSON.stringify(Array(5e6).fill('\\u0001\\u0001'))", EITHER],
    ['a text whose forms are long', "'\\ufdfa'.repeat(8e6).normalize('NFKD').split('')", EITHER],
    ['entries of a large object', 'Object.fromEntries(Array.from({ length: 3e6 }, (_, i) => [i, i]))', EITHER],
    [
      'copies of a proxy that names a length',
      'for (const all = []; ; ) all.push(Array.from(new Proxy({}, { get: (t, k) => (k === "length" ? 1e5 : typeof k === "symbol" ? undefined : [k]) })))',
      EITHER,
    ],
    [
      'log values that are large',
      "for (const a = []; ; ) { a.push('x'.repeat(1e5) + a.length); console.log(a) }",
      EITHER,
    ],
    [
      'a tagged template called for ever',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the program's own
      'const a = []; const t = (...parts) => a.push(parts.map((p) => [p])); for (;;) t`a${1}b${2}`',
      EITHER,
    ],
    ['a bound function of a bound function', 'let f = () => 0; for (;;) f = f.bind(null, f)', EITHER],
    ['a proxy around a proxy', 'let p = {}; for (;;) p = new Proxy(p, {})', EITHER],
    ['classes that extend each other', 'let C = class {}; for (;;) C = class extends C {}', EITHER],
    [
      'WeakMaps of WeakMaps',
      'let w = new WeakMap(); for (;;) { const v = new WeakMap(); v.set(w, [w]); w = v }',
      EITHER,
    ],
    ['rejections that pile up', 'const a = []; for (;;) a.push(Promise.reject(new Error(a.length)))', EITHER],
  ],
}
