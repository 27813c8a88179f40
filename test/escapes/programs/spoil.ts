import { type Escapes, THREW } from './escape.js'

/** Spoiling what programs, rows and slices share: each fails, or is accepted and ignored. */
export const SPOIL: Escapes = {
  reference: [
    ['Object.prototype.x =', 'Object.prototype.polluted = 1', THREW],
    ['Array.prototype.map =', 'Array.prototype.map = () => []', THREW],
    ['JSON.stringify =', 'JSON.stringify = () => ""', THREW],
    ['Promise.prototype.then =', 'Promise.prototype.then = () => {}', THREW],
    ['({}).__proto__.x =', '({}).__proto__.polluted = 1', THREW],
    ['globalThis.x =', 'globalThis.x = 1', THREW],
    [
      'Error.prepareStackTrace =',
      'Error.prepareStackTrace = (_, frames) => frames; try { null.x } catch (e) { return Array.isArray(e.stack) ? [[]] : { email: row.email } }',
      1,
    ],
    ['Error.stackTraceLimit =', 'Error.stackTraceLimit = 0; return { email: row.email }', 1],
  ],
  own: [
    ['Date.now =', 'Date.now = () => 1', THREW],
    ['Math.random =', 'Math.random = () => 1', THREW],
    ['console.log =', 'console.log = () => 1', THREW],
    ['ctx.now =', 'ctx.now = 1', THREW],
    ['ctx.skip =', 'ctx.skip = () => 1', THREW],
    ['ctx.spark.x =', 'ctx.spark.x = 1', THREW],
    ['ctx.skip.x =', 'ctx.skip.x = 1', THREW],
    ['a new name on the function handed in', "Object.defineProperty(ctx.skip, 'name', { value: 'x' })", THREW],
    ['delete of a global', 'delete globalThis.JSON', THREW],
    ['a getter over a global', "Object.defineProperty(globalThis, 'JSON', { get() {} })", THREW],
    ['__defineGetter__ on Object.prototype', "Object.prototype.__defineGetter__('polluted', () => 1)", THREW],
    ['__proto__ of Object.prototype', 'Object.prototype.__proto__ = { polluted: 1 }', THREW],
    ['setPrototypeOf of Array.prototype', 'Object.setPrototypeOf(Array.prototype, { polluted: 1 })', THREW],
    ['assign into a prototype', 'Object.assign(Object.getPrototypeOf([]), { polluted: 1 })', THREW],
    [
      'Reflect.set on a prototype',
      "if (!Reflect.set(Object.prototype, 'polluted', 1, Object.prototype)) throw 1",
      THREW,
    ],
    [
      'a merge of __proto__ out of JSON',
      `const merge = (to, from) => { for (const k of Object.keys(from)) if (typeof from[k] === 'object') merge((to[k] ??= {}), from[k]); else to[k] = from[k] }
      merge({}, JSON.parse('{"__proto__":{"polluted":1}}'))`,
      THREW,
    ],
    [
      'a merge of constructor.prototype',
      `const merge = (to, from) => { for (const k of Object.keys(from)) if (typeof from[k] === 'object') merge(to[k], from[k]); else to[k] = from[k] }
      merge({}, JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'))`,
      THREW,
    ],
    ['Array.prototype[0] with a setter', 'Object.defineProperty(Array.prototype, 0, { set() {} })', THREW],
    ['Array[Symbol.species]', 'Array[Symbol.species] = function () { return [] }', THREW],
    ['RegExp.prototype.exec =', 'RegExp.prototype.exec = () => null', THREW],
    [
      'RegExp statics',
      "'secret'.match(/.*/); return { identifiers: { seen: String(RegExp['$&']) + String(RegExp.input) } }",
      1,
      { seen: 'undefinedundefined' },
    ],
    ['RegExp.prototype.compile', "/a/.compile('b')", THREW],
    ['Symbol.prototype.description', "Object.defineProperty(Symbol.prototype, 'description', { value: 1 })", THREW],
    ['Function.prototype.call =', 'Object.getPrototypeOf(() => 1).call = () => {}', THREW],
    ['Array iteration', '[][Symbol.iterator]().__proto__.next = () => ({ done: true })', THREW],
    ['Error.prototype.toString =', 'Error.prototype.toString = () => { for (;;); }', THREW],
    ['a global of the sandbox itself', 'Object.getPrototypeOf(globalThis).polluted = 1', THREW],
    ['toJSON on a prototype', 'Date.prototype.toJSON = () => 1; Object.prototype.toJSON = () => 1', THREW],
    [
      'Array.from over itself',
      'class A extends Array { static get [Symbol.species]() { throw 1 } }; return Array.from.call(A, [{ email: row.email }])',
      1,
    ],
    [
      'the other rows of the page',
      'const f = (...all) => all.length; return { identifiers: { n: String(f(row, ctx)), keys: Object.keys(ctx).join() } }',
      1,
      { n: '2', keys: 'now,skip,spark' },
    ],
    [
      'a row that is kept and changed',
      'row.email = "changed"; delete row.evil; Object.setPrototypeOf(row, { polluted: 1 }); return { email: row.email }',
      1,
      { email: 'changed' },
    ],
    ['freezing the row', 'Object.freeze(row); return { email: row.email }', 1],
    [
      'Object.freeze of what is shared',
      'Object.freeze(ctx); Object.freeze(Array.prototype); return { email: row.email }',
      1,
    ],
  ],
}
