import { beforeAll, describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { fatesOf } from '../transform/programs.js'

/** What a program must not get hold of, looked for from inside. */
const LOOT =
  'process require module fetch setTimeout setImmediate queueMicrotask WebAssembly Buffer lakeloopRealm lockdown harden ' +
  'Compartment eval Function ArrayBuffer SharedArrayBuffer Atomics Uint8Array Float64Array DataView TextEncoder WeakRef Intl'

/**
 * Bodies of `(row, ctx) => ...`, from the hostile programs of the research and some of our own, and what their row ends
 * as: with the host alive, and the rows around it made.
 */
const PROGRAMS: readonly (readonly [body: string, fate: string | 1])[] = [
  // time
  ['for (;;);', 'TRANSFORM_TIMEOUT'],
  ["/^(a+)+$/.test('a'.repeat(60) + 'b')", 'TRANSFORM_TIMEOUT'],
  ['[3, 1, 2].sort(() => { for (;;); })', 'TRANSFORM_TIMEOUT'],
  ['let n = 2n; for (;;) n = n * n % 1234567891234567891n', 'TRANSFORM_TIMEOUT'],
  ['return (async () => { for (;;) await null })()', 'TRANSFORM_TIMEOUT'],
  ['(async () => { for (;;) await null })(); return { email: row.email }', 'TRANSFORM_TIMEOUT'],
  ['return { get email() { for (;;); } }', 'TRANSFORM_TIMEOUT'],
  ['throw { get stack() { for (;;); } }', 'TRANSFORM_TIMEOUT'],
  ['throw { get name() { for (;;); } }', 'TRANSFORM_TIMEOUT'],
  ['return { email: row.email, dataFields: { toJSON() { for (;;); } } }', 'TRANSFORM_TIMEOUT'],
  ['return new Proxy({}, { ownKeys() { for (;;); } })', 'TRANSFORM_TIMEOUT'],
  // memory
  ['return new Array(1e8).fill(0)', 'TRANSFORM_OUT_OF_MEMORY'],
  ['const m = new Map(); for (let i = 0; ; i += 1) m.set(i, [i])', 'TRANSFORM_OUT_OF_MEMORY'],
  ["'x'.padEnd(2 ** 29 - 24, 'ab').split('')", 'TRANSFORM_OUT_OF_MEMORY'],
  ['Math.max(...Array(1e8).fill(1))', 'TRANSFORM_OUT_OF_MEMORY'],
  ['const all = []; for (;;) all.push({ all: [...all] })', 'TRANSFORM_OUT_OF_MEMORY'],
  // stack and odd values
  ['const f = () => f() + 1; return f()', 'TRANSFORM_THREW'],
  ['let d = {}; for (let i = 0; i < 1e5; i += 1) d = { d }; return { dataFields: d }', 'TRANSFORM_BAD_OUTPUT'],
  ['throw null', 'TRANSFORM_THREW'],
  ["throw Symbol('x')", 'TRANSFORM_THREW'],
  ['throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, has() { throw 3 } })', 'TRANSFORM_THREW'],
  ['return Promise.reject(undefined)', 'TRANSFORM_THREW'],
  ['Promise.reject(new Error()); return { email: row.email }', 1],
  ['return new Promise(() => {})', 'TRANSFORM_NEVER_SETTLES'],
  ['return { then() {} }', 'TRANSFORM_NEVER_SETTLES'],
  ['return new Proxy({}, { get() { throw 1 } })', 'TRANSFORM_THREW'],
  ['return { get email() { throw new Error(row.email) } }', 'TRANSFORM_THREW'],
  ["return { email: row.email, dataFields: { x: 'x'.repeat(5e6) } }", 'TRANSFORM_OUTPUT_TOO_LARGE'],
  ['return new Array(1e6).fill({ email: row.email })', 'TRANSFORM_BAD_OUTPUT'],
  ["return { email: row.email, ['__proto__']: { polluted: 1 } }", 'TRANSFORM_BAD_OUTPUT'],
  ['let x = [1]; for (let i = 0; i < 60; i += 1) x = [x, x]; return { dataFields: { x } }', 'TRANSFORM_BAD_OUTPUT'],
  // ways out: a constructor that would make code from text
  ["return { email: ({}).constructor.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: (async () => {}).constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: (function* () {}).constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: (async function* () {}).constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: row.constructor.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: ctx.skip.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: console.log.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: Date.now.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: Math.random.constructor('return process')() }", 'TRANSFORM_THREW'],
  ["return { email: Error().constructor.constructor('return process')() }", 'TRANSFORM_THREW'],
  [
    "try { null.x } catch (e) { return { email: e.constructor.constructor('return this')().process } }",
    'TRANSFORM_THREW',
  ],
  ["return { email: globalThis.Function('return this')() }", 'TRANSFORM_THREW'],
  ["return { email: (0, globalThis['ev' + 'al'])('this') }", 'TRANSFORM_THREW'],
  [
    "return { email: Reflect.construct(Object.getPrototypeOf(async () => {}).constructor, ['return 1']) }",
    'TRANSFORM_THREW',
  ],
  // spoiling what is shared
  ['Object.prototype.polluted = 1', 'TRANSFORM_THREW'],
  ['Array.prototype.map = () => []', 'TRANSFORM_THREW'],
  ['JSON.stringify = () => ""', 'TRANSFORM_THREW'],
  ['Promise.prototype.then = () => {}', 'TRANSFORM_THREW'],
  ['({}).__proto__.polluted = 1', 'TRANSFORM_THREW'],
  ['globalThis.x = 1', 'TRANSFORM_THREW'],
  ['Date.now = () => 1', 'TRANSFORM_THREW'],
  [
    'Error.prepareStackTrace = (_, frames) => frames; try { null.x } catch (e) { return Array.isArray(e.stack) ? [[]] : { email: row.email } }',
    1,
  ],
  ['Error.stackTraceLimit = 0; return { email: row.email }', 1],
  ['return { email: typeof process + typeof require + typeof Compartment + typeof lockdown + typeof Uint8Array }', 1],
]

/** All programs of one deadline share a page, each between two harmless rows: what one does must not touch the next. */
async function fatesOfAll(programs: readonly (readonly [string, string | 1])[], timeoutMs: number) {
  const bodies = programs.map(([body]) => `(row, ctx) => { ${body} }`).join(',\n')
  const source = `const evil = [${bodies}]
export default (row, ctx) => row.evil === undefined ? { email: row.email } : evil[row.evil](row, ctx)`
  const transform = Transform.fromText(source, { timeoutMs })
  try {
    const rows = programs.flatMap((_, evil) => [{ email: 'before' }, { email: 'x', evil }, { email: 'after' }])
    return fatesOf(await transform.run({ rows: rowBlock(rows) }))
  } finally {
    await transform.close()
  }
}

describe.each([
  ['time', 'TRANSFORM_TIMEOUT', 300],
  ['memory', 'TRANSFORM_OUT_OF_MEMORY', 10_000],
  ['the rest', undefined, 5_000],
] as const)('hostile programs: %s [I8]', (_, only, timeoutMs) => {
  const isApart = (fate: string | 1): boolean => fate === 'TRANSFORM_TIMEOUT' || fate === 'TRANSFORM_OUT_OF_MEMORY'
  const programs = PROGRAMS.filter(([, fate]) => (only === undefined ? !isApart(fate) : fate === only))
  let fates: readonly (string | number)[] = []
  beforeAll(async () => {
    fates = await fatesOfAll(programs, timeoutMs)
  }, 60_000)

  test.each(programs.map(([body, fate], index) => [body, fate, index] as const))('%s', (_body, fate, index) => {
    expect(fates.slice(index * 3, index * 3 + 3)).toEqual([1, fate, 1])
  })
})

describe('programs that do not even load [I8]', () => {
  test.each([
    "import('fs')",
    "import/**/('fs')",
    "({ ...import('fs') })",
    "import\u2028('fs')",
    "eval('1')",
    "new Function('1')",
    "Function('1')",
    'process',
    'import.meta',
  ])('%s does not even load', async (expression) => {
    const transform = Transform.fromText(`export default (row) => (${expression})`)
    await expect(transform.prepare()).rejects.toMatchObject({
      code: expect.stringMatching(/^TRANSFORM_(FORBIDDEN_SYNTAX|UNKNOWN_IDENTIFIER)$/),
    })
    await transform.close()
  })

  test('nothing of Node or of the sandbox is in sight', async () => {
    const transform = Transform.fromText(
      `export default () => ({ identifiers: { found: '${LOOT}'.split(' ').filter((name) => name in globalThis).join() } })`,
    )
    const made = await transform.run({ rows: rowBlock([{}]) })
    expect(made.actions.identifiers(0)).toEqual({ found: '' })
    await transform.close()
  })

  test('a comment that only one of two parsers sees hides nothing', async () => {
    // As a module `x <!--/*` opens a block comment; as a script it is a comment to the end of its line.
    const source = "let x = 1\nx <!--/*\nimport('node:fs')\n*/ x\nexport default (row) => ({ email: row.email })"
    const transform = Transform.fromText(source)
    const made = await transform
      .run({ rows: rowBlock([{ email: 'a' }]) })
      .catch((error: { code: string }) => error.code)
    expect(typeof made === 'string' ? made : fatesOf(made)).toEqual([1])
    await transform.close()
  })
})

describe('the host realm', () => {
  test('is untouched: no new global, nothing frozen, no SES', async () => {
    const before = Object.getOwnPropertyNames(globalThis)
    const { toString: printed } = Function.prototype
    const transform = Transform.fromText("export default () => ({ email: 'a' })")
    await transform.run({ rows: rowBlock([{}]) })
    await transform.close()
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(before)
    expect(Function.prototype.toString).toBe(printed)
    expect(Object.isFrozen(Object.prototype)).toBe(false)
    expect('lockdown' in globalThis || 'Compartment' in globalThis || 'harden' in globalThis).toBe(false)
  })
})
