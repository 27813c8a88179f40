import { type Escapes, THREW } from './escape.js'

/**
 * Reads `stack` near the end of the stack, where Node's own formatter fails, and looks at what was caught. What decides is a
 * hundred bytes: so from depths that differ by eight.
 */
const FOREIGN = `const caught = []; let n = 0
const search = (errors, at) => {
  const dive = () => { try { dive() } catch (e) { if (at < errors.length) { const error = errors[at++]; try { void error.stack } catch (c) { caught[n++] = c } } throw e } }
  try { dive() } catch {}
}
for (let pad = 0; pad < 32; pad += 1) {
  const errors = Array.from({ length: 300 }, () => { try { null.x } catch (e) { return e } });
  ((...all) => search(errors, 0, all))(...Array(pad).fill(0))
}
const foreign = caught.filter((e) => !(e instanceof Object))
const shown = (look) => foreign.map((e) => { try { return String(look(e)) } catch { return 'threw' } }).find((text) => text !== 'threw') ?? 'nothing'`

/** Ways out of the compartment: to code made from text, to the host, to what was taken away. */
export const REACH: Escapes = {
  reference: [
    ['Function by an object', "return { email: ({}).constructor.constructor('return process')() }", THREW],
    ['AsyncFunction', "return { email: (async () => {}).constructor('return process')() }", THREW],
    ['GeneratorFunction', "return { email: (function* () {}).constructor('return process')() }", THREW],
    ['AsyncGeneratorFunction', "return { email: (async function* () {}).constructor('return process')() }", THREW],
    ['Function by the row', "return { email: row.constructor.constructor('return process')() }", THREW],
    ['Function by what is handed in', "return { email: ctx.skip.constructor('return process')() }", THREW],
    ['Function by the console', "return { email: console.log.constructor('return process')() }", THREW],
    ['Function by the Date', "return { email: Date.now.constructor('return process')() }", THREW],
    ['Function by the Math', "return { email: Math.random.constructor('return process')() }", THREW],
    ['Function by an error', "return { email: Error().constructor.constructor('return process')() }", THREW],
    [
      'Function by an error of the engine',
      "try { null.x } catch (e) { return { email: e.constructor.constructor('return this')().process } }",
      THREW,
    ],
    ['Function as a global', "return { email: globalThis.Function('return this')() }", THREW],
    ['indirect eval', "return { email: (0, globalThis['ev' + 'al'])('this') }", THREW],
    [
      'what is in sight by name',
      'return { email: typeof process + typeof require + typeof Intl + typeof Uint8Array }',
      1,
      { email: 'undefined'.repeat(4) },
    ],
  ],
  own: [
    [
      'AsyncFunction by Reflect',
      "return { email: Reflect.construct(Object.getPrototypeOf(async () => {}).constructor, ['return 1']) }",
      THREW,
    ],
    [
      'a class that extends Function',
      "return { email: new (class extends (() => {}).constructor {})('return this')() }",
      THREW,
    ],
    ['Function by a bound function', "return { email: (() => {}).bind().constructor('return this')() }", THREW],
    [
      'Function by a getter',
      "return { email: Object.getOwnPropertyDescriptor(Map.prototype, 'size').get.constructor('return 1')() }",
      THREW,
    ],
    ['Function by a proxy', "return { email: new Proxy(() => {}, {}).constructor('return this')() }", THREW],
    ['Function by a promise job', "return Promise.resolve().then((0).constructor.constructor('return this'))", THREW],
    ['Function by Symbol.species', "return { email: Promise[Symbol.species].constructor('return this')() }", THREW],
    ['Function by an iterator', "return { email: [].values().next.constructor('return this')() }", THREW],
    [
      'Function by an async iterator',
      "return { email: (async function* () {})().next.constructor('return this')() }",
      THREW,
    ],
    [
      'Function by toJSON',
      "return { dataFields: { toJSON() { return this.toJSON.constructor('return this')() } } }",
      THREW,
    ],
    [
      'Function by a tag',
      "const t = (s) => s.raw.constructor.constructor('return this')(); return { email: t`x` }",
      THREW,
    ],
    [
      'Function by an error of the console',
      "let f; console.log({ toJSON() { try { null.x } catch (e) { f = e } } }); return { email: f.constructor.constructor('return 1')() }",
      THREW,
    ],
    [
      'Function by the replacer of JSON',
      "let f; JSON.stringify({ a: 1 }, function () { f = this }); return { email: f.constructor.constructor('return 1')() }",
      THREW,
    ],
    [
      'an error of Node, caught where its formatter of stacks runs out of stack',
      `${FOREIGN}; return { identifiers: { code: shown((e) => e.constructor.constructor('return typeof process')()) } }`,
      1,
      { code: 'nothing' },
    ],
    [
      'an error of Node: async and generator functions of its realm',
      `${FOREIGN}; return { identifiers: { all: shown((e) => Object.getOwnPropertyNames(e.constructor.__proto__.__proto__).includes('constructor')) } }`,
      1,
      { all: 'false' },
    ],
    [
      'an error of Node: spoiling the prototypes of its realm',
      `${FOREIGN}; return { identifiers: { spoiled: shown((e) => { const o = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf(e))); o.domain = 1; return o.domain }), held: shown((e) => Object.isFrozen(e.__proto__)) } }`,
      1,
      { spoiled: 'nothing', held: 'true' },
    ],
    [
      'an error of Node: the getter of its stack',
      `${FOREIGN}; return { identifiers: { code: shown((e) => { const { get } = Object.getOwnPropertyDescriptor(e, 'stack'); return get.constructor('return typeof process')() }) } }`,
      1,
      { code: 'nothing' },
    ],
    [
      'the caller of a function',
      'return { identifiers: { c: typeof (function f() { return f.caller })() } }',
      1,
      { c: 'undefined' },
    ],
    ['arguments.callee', 'return { email: (function () { return arguments.callee })() }', THREW],
    [
      'this of a plain call',
      'return { identifiers: { self: typeof (function () { return this })() } }',
      1,
      { self: 'undefined' },
    ],
    [
      'CallSites by prepareStackTrace',
      'Error.prepareStackTrace = (_, frames) => frames; const { stack } = new Error(); return { identifiers: { stack: typeof stack } }',
      1,
      { stack: 'string' },
    ],
    [
      'CallSites by captureStackTrace',
      'const o = {}; Error.prepareStackTrace = (_, frames) => frames; Error.captureStackTrace(o); return { identifiers: { stack: typeof o.stack } }',
      1,
      { stack: 'string' },
    ],
    [
      'paths of the machine by the stack',
      'const { stack } = new Error(); return { identifiers: { found: String(/\\(\\/|[A-Z]:\\\\|file:|node_modules/.test(stack)) } }',
      1,
      { found: 'false' },
    ],
    [
      'the real time by a shared Date',
      'return { email: new (Object.getPrototypeOf(new Date(0)).constructor)() }',
      THREW,
    ],
    [
      'the real time by a subclass of Date',
      'class D extends Date {}; return { identifiers: { now: String(new D().getTime()) } }',
      1,
      { now: '0' },
    ],
    [
      'the real time by Reflect.construct',
      'return { identifiers: { now: String(Reflect.construct(Date, [], Object).getTime?.()) } }',
      1,
      { now: 'undefined' },
    ],
    [
      'real randomness by the constructor of Math',
      'return { identifiers: { r: typeof Math.constructor.random } }',
      1,
      { r: 'undefined' },
    ],
    [
      'a WeakRef, to watch the collector',
      'return { identifiers: { w: typeof globalThis.WeakRef + typeof globalThis.FinalizationRegistry } }',
      1,
      { w: 'undefinedundefined' },
    ],
    [
      'bytes by a way around',
      'return { identifiers: { b: Object.getOwnPropertyNames(globalThis).filter((n) => /Array$|Buffer|View|Coder/i.test(n)).join() } }',
      1,
      { b: 'Array' },
    ],
    [
      'a clock of turns by the microtasks',
      'return (async () => { await null; return { identifiers: { t: String(Date.now()) } } })()',
      1,
      { t: '0' },
    ],
    ['Symbol.unscopables on the globals', 'globalThis[Symbol.unscopables] = { Date: true }', THREW],
    [
      'the names of the sandbox',
      "return { identifiers: { found: 'lockdown harden Compartment assert lakeloopRealm repairIntrinsics hardenIntrinsics ModuleSource'.split(' ').filter((n) => n in globalThis).join() + '.' } }",
      1,
      { found: '.' },
    ],
    [
      'the names of Node',
      "return { identifiers: { found: 'process require module fetch setTimeout setInterval setImmediate queueMicrotask WebAssembly Buffer performance structuredClone navigator crypto URL Worker MessageChannel global'.split(' ').filter((n) => n in globalThis).join() + '.' } }",
      1,
      { found: '.' },
    ],
  ],
}
