import { beforeAll, describe, expect, test } from 'vitest'
import { listed } from '../../../scripts/build-packages.js'
import { packageSource } from '../../../src/transform/packages/packages.js'
import { TestRealm } from './realm.js'

const list = await listed()

let realm: TestRealm
beforeAll(async () => {
  realm = await TestRealm.open()
  const sources = await Promise.all(list.map(({ name }) => packageSource(name)))
  realm.give(sources.filter((source) => source !== undefined))
}, 60_000)

/** Code that a program makes of text by lodash, which has a `Function`: what it sees is the package's compartment. */
const byLodash = (expression: string): string =>
  `return require('lodash').template('<%= ' + ${JSON.stringify(expression)} + ' %>', { variable: 'row' })({})`

const WORLD =
  'process require module global fetch setTimeout queueMicrotask WebAssembly Buffer lockdown harden Compartment eval ' +
  'SharedArrayBuffer Atomics ArrayBuffer Uint8Array DataView TextEncoder WeakRef performance structuredClone'

/** Programs that use a package as a tool, and what they get out of it. */
const ATTEMPTS: readonly (readonly [what: string, body: string, gives: unknown])[] = [
  ['names of the world', byLodash(`'${WORLD}'.split(' ').filter((name) => name in globalThis).join()`), ''],
  ['this', byLodash(`typeof (function () { return this })()`), 'undefined'],
  ['this by Function', byLodash(`typeof Function('return this')()`), 'undefined'],
  ['a global that stays', byLodash(`(globalThis.mark = 1, 'set')`), 'set'],
  ['the global of an earlier batch', byLodash(`typeof globalThis.mark`), 'undefined'],
  ['a shared prototype', byLodash(`Object.isFrozen(Object.prototype) && Object.isFrozen(Function.prototype)`), 'true'],
  ['the program’s own names', `const secret = 1; ${byLodash(`typeof secret + typeof names`)}`, 'undefinedundefined'],
  [
    'Function for the program',
    `return typeof Function + typeof eval + typeof globalThis.Function`,
    'undefinedundefinedundefined',
  ],
]

/** Programs that end in an error. */
const REFUSED: readonly (readonly [what: string, body: string, thrown: RegExp])[] = [
  ['import() by lodash', byLodash(`import('node:fs')`), /SyntaxError/],
  ['import() in a Function', byLodash(`Function('return import("node:fs")')()`), /SyntaxError/],
  ['import() behind a comment', byLodash(`Function('return import/**/("node:fs")')()`), /SyntaxError/],
  ['a direct eval', byLodash(`Function('return eval("this")')()`), /SyntaxError|TypeError/],
  ['import() by an argument', byLodash(`Function('a = import("node:fs")', '')()`), /SyntaxError/],
  ['a shared prototype', byLodash(`(Array.prototype.mine = 1)`), /TypeError/],
  [
    'Object.prototype by defaultsDeep',
    `require('lodash').defaultsDeep(Object.prototype, { mine: 1 }); return {}.mine.x`,
    /TypeError/,
  ],
  ['the constructor of a function', `return require('lodash').chunk.constructor('return 1')()`, /TypeError/],
  ['the constructor of an async function', `return require('jsonata').constructor('return 1')()`, /TypeError/],
  ['the constructor of require', `return require.constructor('return 1')()`, /TypeError/],
  ['the constructor of names', `return require.namespace.constructor('return 1')()`, /TypeError/],
  [
    'a constructor by handlebars',
    `return require('handlebars').compile('{{#with (lookup this "constructor")}}{{constructor}}{{/with}}')({}).x.y`,
    /TypeError/,
  ],
  ['require of another', `require.namespace = 1`, /TypeError/],
  ['a name of a module', `names('zod').string = 1`, /TypeError/],
  ['new Function by zod', `return names('zod').z.constructor.constructor('return 1')()`, /TypeError/],
]

describe('a program that works through packages [I8]', () => {
  test.each(ATTEMPTS)('gets nothing: %s', (_, body, gives) => {
    expect(realm.run(body)).toMatchObject({ value: gives })
  })

  test.each(REFUSED)('is refused: %s', (_, body, thrown) => {
    expect(realm.run(body).thrown).toMatch(thrown)
  })

  test('templates with HTML comments are no attack', () => {
    const body = `return [require('handlebars').compile('<!-- {{x}} --> import(1) eval(2)')({ x: 1 }),
      require('lodash').template('<!-- <%= row.x %> -->', { variable: 'row' })({ x: 1 }), require('mustache').render('<!-- {{x}} -->', { x: 1 })]`
    expect(realm.run(body).value).toEqual(['<!-- 1 --> import(1) eval(2)', '<!-- 1 -->', '<!-- 1 -->'])
  })
})

describe('nothing that hangs on a package leads out of its compartment [I8]', () => {
  test.each(list)('$name', ({ name, needs = [] }) => {
    expect(realm.loot(name, needs)).toEqual([])
  })

  test('no package of the list has buffers and makes code', () => {
    expect(list.filter(({ needs }) => needs?.includes('bytes') && needs.includes('code'))).toEqual([])
  })

  test('what leads out would be found', () => {
    const own = (slug: string, exports: string, needs: string) => ({
      slug,
      source: `/*${needs}*/({kind:"cjs",exports:${exports}})`,
    })
    const leaky = [
      own('bytes', '{get a(){return [new Uint8Array(1)]}}', 'bytes'),
      own('code', '{a:{b:Function}}', 'code'),
      own('none', '{a:Function,b:globalThis}', ''),
    ]
    const apart = realm
    apart.give(leaky)
    expect(leaky.map(({ slug }) => apart.loot(slug, []))).toEqual([['buffers'], ['a Function that makes code'], []])
  })
})
