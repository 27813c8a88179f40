import { type Escapes, THREW } from './escape.js'

/** What may be thrown, and errors that say more, or something else, than they should. */
export const THROWS: Escapes = {
  reference: [
    ['a stack overflow', 'const f = () => f() + 1; return f()', THREW],
    ['throw null', 'throw null', THREW],
    ['throw 42', 'throw 42', THREW],
    ['throw a symbol', "throw Symbol('x')", THREW],
    [
      'throw a proxy that throws',
      'throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, has() { throw 3 } })',
      THREW,
    ],
    [
      'throw an object with getters that throw',
      'throw { get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 } }',
      THREW,
    ],
  ],
  own: [
    ['throw undefined', 'throw undefined', THREW],
    ['throw a function', 'throw () => {}', THREW],
    ['throw a text of 100 MB', "throw 'x'.repeat(1e8)", THREW],
    ['throw an error with a message of 100 MB', "throw new Error('x'.repeat(1e8))", THREW],
    ['a name that is a value of the row', 'const e = new Error(); e.name = row.email; throw e', THREW],
    ['a name that is no text', 'const e = new Error(); e.name = { toString() { throw 1 } }; throw e', THREW],
    ['a name that is a symbol', 'const e = new Error(); e.name = Symbol(); throw e', THREW],
    ['a stack that is no text', 'throw { stack: { toString() { throw 1 } } }', THREW],
    ['a forged stack: a line without an end', "throw { stack: 'lakeloop:transform:' + '9'.repeat(400) + ':1' }", THREW],
    ['a forged stack: a column without an end', "throw { stack: 'lakeloop:transform:1:' + '9'.repeat(400) }", THREW],
    ['a forged stack: line 0', "throw { stack: 'lakeloop:transform:0:0' }", THREW],
    ['a forged stack of 100 MB', "throw { stack: 'lakeloop:transform:'.repeat(5e6) }", THREW],
    ['an error that is its own cause', 'const e = new Error(); e.cause = e; e.errors = [e]; throw e', THREW],
    ['a rejection with a thenable', 'return Promise.reject({ then() { throw 1 } })', THREW],
    ['a revoked proxy thrown', 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy', THREW],
    ['an error that looks like ours', "throw { code: 'TRANSFORM_TIMEOUT', facts: { at: row.email } }", THREW],
    [
      'a stack overflow in toJSON',
      'const o = { toJSON() { return JSON.stringify(o) } }; return { dataFields: { o } }',
      THREW,
    ],
    ['a stack overflow in a getter', 'const o = { get email() { return o.email } }; return o', THREW],
    [
      'a stack overflow in the console, at every depth',
      'const f = (n) => { try { f(n + 1) } catch {} console.log({ toJSON: () => n }) }; f(0); return { email: row.email }',
      1,
    ],
    [
      'a stack overflow in skip, at every depth',
      'let n = 0; const f = () => { try { f() } catch {} if (n < 20_000) { n += 1; ctx.skip() } }; try { f() } catch {}',
      'TRANSFORM_SKIPPED',
    ],
    [
      'a stack overflow in Date and Math, at every depth',
      'let n = 0; const f = () => { try { f() } catch {} if (n < 500) { n += 1; new Date(); Date.now(); Math.random(); new Error() } }; try { f() } catch {} return { email: row.email }',
      1,
    ],
    [
      'a stack overflow in JSON, at every depth',
      'let n = 0; const f = () => { try { f() } catch {} if (n < 500) { n += 1; JSON.parse(JSON.stringify({ a: [n] })) } }; try { f() } catch {} return { email: row.email }',
      1,
    ],
    [
      'a stack overflow in a promise',
      'let n = 0; const f = () => { try { f() } catch {} if (n < 500) { n += 1; Promise.reject(n); new Promise(() => { throw 1 }) } }; try { f() } catch {} return { email: row.email }',
      1,
    ],
    [
      'a stack overflow while a stack is read',
      'let n = 0; const f = () => { try { f() } catch (e) { if (n < 500) { n += 1; void e.stack } } }; try { f() } catch {} return { email: row.email }',
      1,
    ],
  ],
}
