import { type Escapes, MEMORY, TIMEOUT } from './escape.js'

/** Rows that never end: the process is ended at the deadline. */
export const TIME: Escapes = {
  reference: [
    ['an endless loop', 'for (;;);', TIMEOUT],
    ['a regular expression that tries everything', "/^(a+)+$/.test('a'.repeat(60) + 'b')", TIMEOUT],
    ['a comparator that never answers', '[3, 1, 2].sort(() => { for (;;); })', TIMEOUT],
    ['a tower of BigInts', 'let n = 2n; for (;;) n = n * n % 1234567891234567891n', TIMEOUT],
    ['a loop of microtasks that the row waits for', 'return (async () => { for (;;) await null })()', TIMEOUT],
    [
      'a loop of microtasks behind an answer',
      '(async () => { for (;;) await null })(); return { email: row.email }',
      TIMEOUT,
    ],
    ['a getter on the result that loops', 'return { get email() { for (;;); } }', TIMEOUT],
    ['a getter on a thrown error that loops: stack', 'throw { get stack() { for (;;); } }', TIMEOUT],
    ['a getter on a thrown error that loops: name', 'throw { get name() { for (;;); } }', TIMEOUT],
    ['indexOf over a sparse array of 2^32 - 1', 'new Array(2 ** 32 - 1).indexOf(1)', TIMEOUT],
    [
      'indexOf over a long text',
      "const s = 'x'.repeat(2 ** 24); let n = 0; for (;;) n += s.indexOf('x'.repeat(2 ** 23) + 'y')",
      [TIMEOUT, MEMORY], // its texts are most of the heap, whose rest differs by the line of Node
    ],
  ],
  own: [
    ['toJSON that loops', 'return { email: row.email, dataFields: { toJSON() { for (;;); } } }', TIMEOUT],
    ['a trap for keys that loops', 'return new Proxy({}, { ownKeys() { for (;;); } })', TIMEOUT],
    [
      'a trap for the prototype that loops',
      'return { dataFields: new Proxy({}, { getPrototypeOf() { for (;;); } }) }',
      TIMEOUT,
    ],
    ['a thrown proxy whose traps loop', 'throw new Proxy({}, { get() { for (;;); } })', TIMEOUT],
    ['a then that loops', 'return { then() { for (;;); } }', TIMEOUT],
    ['a getter called then that loops', 'return { get then() { for (;;); } }', TIMEOUT],
    ['a thenable that resolves to itself', 'const t = { then(ok) { ok(t) } }; return t', TIMEOUT],
    ['thenables without an end', 'const t = () => ({ then(ok) { ok(t()) } }); return t()', TIMEOUT],
    [
      'a promise with a constructor that loops',
      "const p = Promise.resolve({}); Object.defineProperty(p, 'constructor', { get() { for (;;); } }); return p",
      TIMEOUT,
    ],
    [
      'an async generator that is walked for ever',
      'async function* g() { for (;;) yield 1 } return (async () => { for await (const _ of g()); })()',
      TIMEOUT,
    ],
    ['a generator that never ends, spread', 'function* g() { for (;;) yield } for (const _ of g());', TIMEOUT],
    ['a labelled loop that goes on with itself', 'a: for (;;) for (;;) continue a', TIMEOUT],
    ['a loop in finally, behind a throw', 'try { throw 1 } finally { for (;;); }', TIMEOUT],
    ['a loop that catches whatever would stop it', 'for (;;) try { for (;;); } catch {} finally { continue }', TIMEOUT],
    [
      'a microtask that schedules two',
      'const f = () => { Promise.resolve().then(f) ; Promise.resolve().then(() => 0) }; f(); return { email: row.email }',
      TIMEOUT,
    ],
    ['logging without an end', "for (;;) console.log('x')", TIMEOUT],
    ['logging an object whose text never comes', 'console.log({ toJSON() { for (;;); } })', TIMEOUT],
    [
      'logging a symbol whose text never comes',
      'console.log(new Error(), { [Symbol.toPrimitive]() { for (;;); }, toJSON() { for (;;); } })',
      TIMEOUT,
    ],
    [
      'a Map that is walked while its keys come and go',
      'const m = new Map([[1, 1]]); for (const [k] of m) { m.delete(k); m.set(k, 1) }',
      TIMEOUT,
    ],
    ['a replacer that never answers', 'JSON.stringify({ a: 1 }, () => { for (;;); })', TIMEOUT],
    ['a replacement that never answers', "'abc'.replace(/b/, () => { for (;;); })", TIMEOUT],
    ['a key whose text never comes', '({})[{ toString() { for (;;); } }]', TIMEOUT],
    ['a skip, then a loop', 'ctx.skip(); for (;;);', TIMEOUT],
    ['numbers drawn without an end', 'for (;;) Math.random()', TIMEOUT],
    ['a date made without an end', 'for (;;) new Date()', TIMEOUT],
    [
      'a stack asked for at every depth, without an end',
      'for (;;) { const f = () => { try { f() } catch (e) { void e.stack } }; f() }',
      TIMEOUT,
    ],
  ],
}
