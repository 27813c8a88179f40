import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/model/nearest.js'
import { GLOBAL_NAMES } from '../../src/transform/child/globals.js'
import { moduleOf } from '../../src/transform/child/module.js'
import { resolveScopes } from '../../src/transform/child/scope.js'
import { parseProgram } from '../../src/transform/child/syntax.js'

const freeIn = (source: string): string[] => {
  const { free } = resolveScopes(parseProgram('t.js', source).root)
  return free.map(({ name }) => name).filter((name) => !GLOBAL_NAMES.has(name))
}

describe('resolveScopes() finds what nothing declares', () => {
  test.each([
    ['f(); function f() {}', []],
    ['{ function inner() {} } inner()', ['inner']],
    ['if (1) { var v } v; { let l } l', ['l']],
    ['const { a, b: { c = d }, ...e } = {}; a + c + e + b', ['d', 'b']],
    ['for (const i of []) i; i', ['i']],
    ['try { x } catch ({ message }) { message } message', ['x', 'message']],
    ['class A extends B { #p = q; static { var s } m() { return this.#p + A } } A; s', ['B', 'q', 's']],
    ['const f = function g() { return g + arguments }; g; arguments', ['g', 'arguments']],
    ['({ key: 1, short, [computed]: 2, method() {} }); label: for (;;) break label', ['short', 'computed']],
    ['const o = {}; o.prop; o[index]; new.target', ['index']],
    ['const f = (a, b = a, c = z) => a + b + c', ['z']],
    ['switch (1) { case 1: let k; default: k } k', ['k']],
    ['[m, n.o] = [1]; ({ p: q } = {})', ['m', 'n', 'q']],
    ['Math.max(undefined, NaN, globalThis, process)', ['process']],
  ])('%s', (source, names) => {
    const wrapped = source.includes('new.target') ? `function w() { ${source} }` : source
    expect(freeIn(wrapped)).toEqual(names)
  })
})

describe('rewrite()', () => {
  const rewritten = (source: string) => moduleOf({ id: 't.js', source, links: {} }).rewritten

  test('takes exports out and keeps every position', () => {
    const source = 'export const a = 1\nexport default async function f() { return a }\nexport { a as b }'
    const { text, original } = rewritten(source)
    expect(text).toBe(';      const a = 1\n;              async function f() { return a }\n;                ')
    expect(original(30)).toBe(30)
  })

  test.each([
    ["const t = '<!-- x -->'", "const t = '<!-- x -->'", 't'],
    ['const t = `<!--$' + '{1}-->`', '<!--1-->', 't'],
    ["const t = 'import(x) eval(y) import/**/'", 'import(x) eval(y) import/**/', 't'],
    ['const t = String(/<!--|-->|import\\(|eval()/.test("-->"))', 'true', 't'],
    ["let n = 3, t = ''\nwhile (n --> 0) t += n", '210', 't'],
    ['let a = 5, b = 3, t = String(a<!--b)', 'false', 't'],
    ["// we import (all) <!-- rows -->\n/* eval(1) //# sourceURL=x */ const t = 'ok'", 'ok', 't'],
    ["const t = '\\import (x)'", 'import (x)', 't'],
  ])('%s means what it meant', (source, expected, name) => {
    const { text } = rewritten(`${source}\nfunction send() {}`)
    const value = new Function(`${text}\nreturn ${name}`)() as unknown
    expect(value).toBe(/^const t = '<!--/.test(source) ? '<!-- x -->' : expected)
    expect(text).not.toMatch(/<!--|-->|\bimport\s*(\(|\/[/*])|\beval\s*\(/)
  })

  test('every position behind a change leads back to where it came from', () => {
    const part = fc.constantFrom("'<!--'", "'-->'", "'import(1)'", 'x', '7', '"eval(2)"', '(n --> 0)', '\n')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const source = `let n = 1, x = 0\n;[${parts.join(',').replaceAll(',\n', '\n,')}, 'MARK']\nfunction send() {}`
          .replace('[,', '[')
          .replaceAll(/,\s*,/g, ',')
          .replace(/\[\s*,/, '[')
        const { text, original } = rewritten(source)
        expect(original(text.indexOf('MARK'))).toBe(source.indexOf('MARK'))
      }),
    )
  })
})

test('nearest() suggests what is meant, and nothing far-fetched', () => {
  expect(nearest('rwo', ['payload', 'row', 'now'])).toBe('row')
  expect(nearest('paylod', ['payload'])).toBe('payload')
  expect(nearest('Json', ['JSON'])).toBe('JSON')
  expect(nearest('fetch', ['row', 'Math'])).toBeUndefined()
})
