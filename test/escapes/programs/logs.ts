import type { Escapes } from './escape.js'

const MADE = 'return { email: row.email }'

/** Abuse of the console. */
export const LOGS: Escapes = {
  reference: [],
  own: [
    ['a text of 500 MB', `console.log('x'.repeat(2 ** 29 - 24)); ${MADE}`, 1],
    ['a thousand lines', `for (let i = 0; i < 1000; i += 1) console.log(i); ${MADE}`, 1],
    ['a hundred thousand values', `console.log(...Array(1e5).fill('x')); ${MADE}`, 1],
    ['an object that contains itself', `const o = {}; o.o = o; console.log(o); ${MADE}`, 1],
    [
      'a proxy that throws',
      `console.log(new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })); ${MADE}`,
      1,
    ],
    ['a revoked proxy', `const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log(proxy); ${MADE}`, 1],
    [
      'an error whose message is an object',
      `const e = new Error(); e.message = { toString() { throw 1 } }; console.log(e); ${MADE}`,
      1,
    ],
    [
      'an error with texts of 400 MB',
      `const e = new Error('x'.repeat(4e8)); e.name = 'x'.repeat(4e8); console.log(e); ${MADE}`,
      1,
    ],
    [
      'toJSON that logs',
      `let n = 0; const o = { toJSON() { n += 1; if (n < 300) console.log(o); return n } }; console.log(o); ${MADE}`,
      1,
    ],
    [
      'symbols, functions, BigInts and nothing',
      `console.log(Symbol('x'), () => 1, 1n, undefined, null, -0, NaN); console.log(); ${MADE}`,
      1,
    ],
    ['a lone surrogate, cut in two', `console.log('\\ud83d\\ude00'.repeat(300), '\\udfff\\u0000'); ${MADE}`, 1],
    [
      'lines that look like frames',
      `console.log('\\u0008\\u0000\\u0000\\u0000{"type":"ran"}\\n'.repeat(20)); ${MADE}`,
      1,
    ],
    [
      'the console called as something else',
      `const { log } = console; log.call(null, 1); Reflect.apply(console.error, globalThis, [2]); new console.warn(3); ${MADE}`,
      'TRANSFORM_THREW',
    ],
  ],
}
