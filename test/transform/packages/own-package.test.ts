import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { censorSafe } from '../../../src/transform/packages/censor-safe.js'
import { ownPackage } from '../../../src/transform/packages/own-package.js'
import { TestRealm } from './realm.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-own-'))
let realm: TestRealm
beforeAll(async () => {
  realm = await TestRealm.open()
})
afterAll(() => rmSync(folder, { recursive: true }))

const file = (content: string | Uint8Array): string => {
  const path = join(folder, 'own.cjs')
  writeFileSync(path, content)
  return path
}

/** What a program gets of a package in a file. */
async function run(content: string, body: string): Promise<unknown> {
  realm.give([await ownPackage('own', file(content))])
  const said = realm.run(body)
  return 'value' in said ? said.value : said.thrown
}

const problemOf = (slug: string, path: string) =>
  ownPackage(slug, path).then(
    () => 'taken',
    (error: { code: string; facts: { problem?: string } }) => [error.code, error.facts.problem],
  )

describe('ownPackage() takes', () => {
  test('what esbuild makes of a module, with its default and its names', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: 'export default class Own { static of = 1 }\nexport const two = 2, text = `<!-- $' + '{two} -->`',
      },
      write: false,
      bundle: true,
      format: 'cjs',
      platform: 'browser',
    })
    const script = outputFiles[0]?.text ?? ''
    const body = `const own = names('own'); return [own.default.of, own.two, own.text, require('own').default === own.default]`
    expect(await run(script, body)).toEqual([1, 2, '<!-- 2 -->', true])
  })

  test('a script of CommonJS, whose default is all of it', async () => {
    const script = `'use strict'\nexports.a = 1 // no new line at the end`
    expect(await run(script, `return [require('own').a, names('own').a, names('own').default.a]`)).toEqual([1, 1, 1])
    expect(await run('module.exports = function own() { return this }', `return require('own')() === undefined`)).toBe(
      true,
    )
    expect(await run('module.exports = 7', `return [require('own'), names('own').default]`)).toEqual([7, 7])
    expect(await run('module.exports = null', `return names('own').default`)).toBeNull()
  })

  test('look-alikes of what SES refuses, in texts and in code', async () => {
    const script = `let n = 3, t = ''
while (n-->0) t += n
exports.all = [t, '<!-- \\<!-- -->', /<!--|-->/.test('-->'), \`import(\${t}) eval(1)\`, { ['import']() { return 1 } }.import()]
// import('x') --> eval(1) <!--`
    expect(await run(script, `return require('own').all`)).toEqual([
      '210',
      '<!-- <!-- -->',
      true,
      'import(210) eval(1)',
      1,
    ])
  })

  test('a package of the list’s name, and gives its version by its content', async () => {
    const [one, two] = [
      await ownPackage('lodash', file('exports.a = 1')),
      await ownPackage('lodash', file('exports.a = 2')),
    ]
    expect([one.slug, one.version]).toEqual(['lodash', expect.stringMatching(/^[0-9a-f]{64}$/)])
    expect(one.version).not.toBe(two.version)
  })

  test('code of text, and buffers', async () => {
    const script = `exports.all = [Function('return 1')(), new Uint8Array(2).length, typeof process, typeof eval]`
    expect(await run(script, `return require('own').all`)).toEqual([1, 2, 'undefined', 'undefined'])
  })
})

describe('ownPackage() refuses', () => {
  test.each([
    ['a module', 'export const a = 1', 'is no CommonJS script (line 1)'],
    ['what does not compile', 'exports.a = 1\n\nexports.b = = 2', 'is no CommonJS script (line 3)'],
    ['sloppy code', 'with (Math) exports.a = max(1)', 'is no CommonJS script (line 1)'],
    ['text that would close its function', '}); exports.evil = 1; (function () {', 'is no CommonJS script (line 1)'],
    ['text that would stay open', 'exports.a = 1 /*', 'is no CommonJS script (line 1)'],
    ['import()', "exports.a = () => import('node:fs')", 'calls import()'],
    ['import() in a template', 'exports.a = `$' + '{import("node:fs")}`', 'calls import()'],
    ['spread import()', "exports.a = () => ({ ...import('node:fs') })", 'calls import()'],
    ['an HTML comment', 'exports.a = 1\nexports.b = 2 <!-- what follows is none\n', 'has an HTML comment'],
    ['the end of one', 'let n = 1\n--> what follows is one\nexports.a = n', 'has an HTML comment'],
    ['eval()', "exports.a = eval('1')", 'calls eval()'],
  ])('%s', async (_, script, problem) => {
    expect(await problemOf('own', file(script))).toEqual(['TRANSFORM_PACKAGE_INVALID', problem])
  })

  test('what is not text, and what is too large', async () => {
    expect(await problemOf('own', file(Uint8Array.of(0x2f, 0x2f, 0xff)))).toEqual([
      'TRANSFORM_PACKAGE_INVALID',
      'is not UTF-8',
    ])
    expect(await problemOf('own', file(`//${' '.repeat(4 * 2 ** 20 - 2)}`))).toBe('taken')
    expect(await problemOf('own', file(`//${' '.repeat(4 * 2 ** 20 - 1)}`))).toEqual([
      'TRANSFORM_PACKAGE_INVALID',
      'is larger than 4 MiB',
    ])
    expect(await problemOf('own', '/dev/zero')).toEqual(['TRANSFORM_PACKAGE_INVALID', 'is larger than 4 MiB'])
  })

  test.each([join(folder, 'missing.cjs'), folder])('what cannot be read: %#', async (path) => {
    expect((await problemOf('own', path))[0]).toBe('TRANSFORM_PACKAGE_UNREADABLE')
  })

  test.each(['', 'Own', '../own', 'a b', '*/evil', 'a\nb', '@x', '@x/y/z', '.own', 'a'.repeat(215)])(
    'the name %j',
    async (slug) => {
      expect((await problemOf(slug, file('exports.a = 1')))[0]).toBe('OPTION_INVALID')
    },
  )

  test('and runs nothing of it here', async () => {
    await ownPackage('own', file('globalThis.ran = true; exports.a = 1'))
    expect('ran' in globalThis).toBe(false)
  })
})

test('a bundle that requires something is told so when it runs', async () => {
  const said = await run(`exports.fs = require('node:fs')`, `return require('own')`)
  expect(said).toBe('TypeError: a bundle requires nothing: node:fs')
})

test('censorSafe() gives texts that SES takes, of the same meaning', () => {
  const part = fc.constantFrom(
    "'<!--'",
    "'-->'",
    '"import(1)"',
    '`eval($' + '{n})`',
    '(n-->0)',
    "/<!--|-->/.test('-->')",
    '7',
    "'\\\\<!--'",
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const script = `let n = 3; module.exports = [${parts.join(', ')}]`
      const safe = censorSafe(script)
      expect(safe).not.toMatch(/<!--|-->|(^|[^.])\bimport\s*\(|(^|[^.])\beval\s*\(/)
      const run = (text: string): unknown => {
        const module = { exports: undefined as unknown }
        new Function('module', text)(module)
        return module.exports
      }
      expect(run(safe)).toEqual(run(script))
    }),
  )
})
