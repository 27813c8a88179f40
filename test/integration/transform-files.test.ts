import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { JsonObject } from '../../src/model/value.js'
import { Transform, type TransformOptions } from '../../src/transform/transform.js'

const fieldsOf = (action: Action | undefined): unknown =>
  action !== undefined && 'dataFields' in action ? action.dataFields : undefined

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakeloop-files-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const opened = (options: TransformOptions = {}, name = 'main.js'): Transform =>
  Transform.fromFile(join(folder, name), options)

/** What the program makes of one row, as the fields of a profile. */
async function made(files: Readonly<Record<string, string>>, row: JsonObject = { n: 20 }) {
  await write(files)
  await using transform = opened()
  const { rows } = await transform.try([row], { now: 0 })
  const [first] = rows
  if (first?.status !== 'made') throw new Error(JSON.stringify(first))
  return fieldsOf(first.actions[0])
}

/** How it is refused, without the folder. */
async function refused(files: Readonly<Record<string, string>>, options: TransformOptions = {}, name?: string) {
  await write(files)
  await using transform = opened(options, name)
  return await transform.prepare().then(
    () => 'prepared',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  )
}

const MAIN = (imports: string, value: string): string =>
  `${imports}\nexport default (row) => ({ email: 'a@example.com', dataFields: { x: ${value} } })\n`

describe('files that a transform imports', () => {
  test.each<readonly [string, Record<string, string>, unknown]>([
    [
      'a name',
      {
        'main.js': MAIN("import { double } from './lib/math.js'", 'double(row.n)'),
        'lib/math.js': 'export const double = (n) => n * 2',
      },
      40,
    ],
    [
      'under another name',
      {
        'main.js': MAIN("import { double as d } from './m.js'", 'd(row.n)'),
        'm.js': 'export function double(n) { return n * 2 }',
      },
      40,
    ],
    [
      'a default',
      { 'main.js': MAIN("import twice from './m.js'", 'twice(row.n)'), 'm.js': 'export default (n) => n * 2' },
      40,
    ],
    [
      'a default and names',
      {
        'main.js': MAIN("import twice, { three } from './m.js'", 'twice(row.n) + three'),
        'm.js': 'export default function (n) { return n * 2 }\nexport const three = 3',
      },
      43,
    ],
    [
      'all of it',
      {
        'main.js': MAIN("import * as m from './m.js'", 'm.a + m.b + Object.keys(m).length'),
        'm.js': 'export let a = 1, { b } = { b: 2 }',
      },
      5,
    ],
    ['a class', { 'main.js': MAIN("import { C } from './m.js'", 'new C().x'), 'm.js': 'export class C { x = 1 }' }, 1],
    [
      'an unnamed class',
      { 'main.js': MAIN("import C from './m.js'", 'new C().x'), 'm.js': 'export default class { x = 1 }' },
      1,
    ],
    [
      'a list of exports',
      {
        'main.js': MAIN("import { b, default as c } from './m.js'", 'b + c'),
        'm.js': 'const a = 1, d = 2; export { a as b, d as default }',
      },
      3,
    ],
    [
      'a name that is a text',
      { 'main.js': MAIN("import { 'a b' as ab } from './m.js'", 'ab'), 'm.js': "const a = 1; export { a as 'a b' }" },
      1,
    ],
    [
      'names handed on',
      {
        'main.js': MAIN("import { a, n, b } from './m.js'", 'a + n.b + b'),
        'm.js': "export { a } from './n.js'\nexport * as n from './n.js'\nexport * from './n.js'",
        'n.js': 'export const a = 1, b = 2',
      },
      5,
    ],
    [
      'files of files, each run once',
      {
        'main.js': MAIN("import { a } from './a.js'\nimport { b } from './b.js'", 'a === b'),
        'a.js': "export { one as a } from './c.js'",
        'b.js': "export { one as b } from './c.js'",
        'c.js': 'export const one = {}',
      },
      true,
    ],
    [
      'before what stands above the import',
      {
        'main.js': `const x = up(1)\n${MAIN("import { up } from './m.js'", 'x')}`,
        'm.js': 'export const up = (n) => n + 1',
      },
      2,
    ],
    [
      'data',
      { 'main.js': MAIN("import tiers from './tiers.json'", 'tiers[row.n]'), 'tiers.json': '{ "20": "gold" }' },
      'gold',
    ],
    [
      'data, with its type',
      {
        'main.js': MAIN("import tiers from './tiers.json' with { type: 'json' }", 'tiers[row.n]'),
        'tiers.json': '{ "20": "gold <!-- import(x) -->" }',
      },
      'gold <!-- import(x) -->',
    ],
    ['without an ending', { 'main.js': MAIN("import { a } from './m'", 'a'), 'm.js': 'export const a = 1' }, 1],
    ['only to be run', { 'main.js': MAIN("import './m.js'", '1'), 'm.js': 'const nothing = 0' }, 1],
    [
      'from above, below',
      {
        'main.js': MAIN("import { a } from './x/y.js'", 'a'),
        'x/y.js': "import { b } from '../z.js'\nexport const a = b",
        'z.js': 'export const b = 7',
      },
      7,
    ],
    [
      'with an odd name',
      { 'main.js': MAIN("import { a } from './m (1) <!--.js'", 'a'), 'm (1) <!--.js': 'export const a = 1' },
      1,
    ],
  ])('%s', async (_, files, expected) => {
    expect(await made(files)).toEqual({ x: expected })
  })

  test('a statement that is taken out still parts those around it', async () => {
    const main =
      "const list = ['x']\nimport { n } from './m.js'\n;[n].forEach((one) => list.push(one))\nconst f = (x) => x * 2\nexport { f };\n[1].forEach((one) => list.push(f(one)))\nexport default () => ({ email: 'a@example.com', dataFields: { x: list.join() } })"
    expect(await made({ 'main.js': main.replace('\n;[n]', '\n[n]'), 'm.js': 'export const n = 5' })).toEqual({
      x: 'x,5,2',
    })
  })

  describe('a name that two files hand on by `export *`', () => {
    const twice = {
      'm.js': "export * from './a.js'\nexport * from './b.js'",
      'a.js': 'export const limit = 5, a = 1',
      'b.js': 'export const limit = 6, b = 2',
    }

    test('is in no object of names, and the others are', async () => {
      const main = MAIN("import * as all from './m.js'", "Object.keys(all).sort().join() + ('limit' in all)")
      expect(await made({ 'main.js': main, ...twice })).toEqual({ x: 'a,bfalse' })
    })

    test('cannot be imported', async () => {
      expect(await refused({ 'main.js': MAIN("import { a, limit } from './m.js'", 'limit + a'), ...twice })).toBe(
        'TRANSFORM_SYNTAX: main.js:1:13: limit comes by `export *` from two files: name the one that is meant. Correct the transform.',
      )
    })

    test('cannot be, where one of them is a package', async () => {
      const files = { ...twice, 'b.js': "export * from 'lodash'", 'a.js': 'export const chunk = 1' }
      const main = MAIN("import { camelCase, chunk } from './m.js'", "camelCase('a b') + chunk")
      expect(await refused({ 'main.js': main, ...files })).toMatch('TRANSFORM_SYNTAX: main.js:1:21: chunk comes by')
      const fine = MAIN(
        "import { camelCase } from './m.js'\nimport * as all from './m.js'",
        "camelCase('a b') + all.chunk",
      )
      expect(await made({ 'main.js': fine, ...files })).toEqual({ x: 'aBundefined' })
    })
  })

  test('a name that a package handed on by a file does not have is unknown', async () => {
    const files = { 'main.js': MAIN("import { camelCas } from './m.js'", 'camelCas'), 'm.js': "export * from 'lodash'" }
    expect(await refused(files)).toMatch(
      'TRANSFORM_UNKNOWN_IDENTIFIER: main.js:1:10: camelCas is not defined. Correct the name: perhaps camelCase',
    )
  })

  test('what is named goes before what comes with all of another file', async () => {
    const files = {
      'm.js': "export * from './a.js'\nexport { limit } from './own.js'",
      'a.js': 'export const limit = 5',
      'own.js': 'export const limit = null',
    }
    expect(await made({ 'main.js': MAIN("import { limit } from './m.js'", 'limit === null'), ...files })).toEqual({
      x: true,
    })
  })

  test('what is mended on the disk is read at the next try', async () => {
    await write({ 'main.js': 'export default (' })
    await using transform = opened()
    await expect(transform.prepare()).rejects.toThrow('TRANSFORM_SYNTAX')
    await write({ 'main.js': 'export default () => null' })
    await transform.prepare()
  })

  test('what is imported by one batch holds nothing of the batch before', async () => {
    await write({
      'main.js': MAIN("import { next } from './m.js'", 'next()'),
      'm.js': 'let n = 0; export const next = () => ++n',
    })
    await using transform = opened({ sliceRows: 2 })
    const { actions } = await transform.try([{}, {}, {}])
    expect(actions.map(fieldsOf)).toEqual([{ x: 1 }, { x: 2 }, { x: 1 }])
  })

  test.each<readonly [string, Record<string, string>, string]>([
    [
      'a file that is not there',
      { 'main.js': "import x from './nope.js'\nexport default x" },
      'TRANSFORM_IMPORT_UNRESOLVED: main.js:1:1: the file ./nope.js is not there. Write the path as it is from the file that imports it.',
    ],
    [
      'a folder',
      { 'main.js': "import x from './lib'\nexport default x", 'lib/index.js': '' },
      'TRANSFORM_IMPORT_UNRESOLVED: main.js:1:1: the file ./lib is not there. Write the path as it is from the file that imports it.',
    ],
    [
      'a name that it does not offer',
      { 'main.js': MAIN("import { dubble } from './m.js'", 'dubble(1)'), 'm.js': 'export const double = 1' },
      'TRANSFORM_UNKNOWN_IDENTIFIER: main.js:1:10: dubble is not defined. Correct the name: perhaps double.',
    ],
    [
      'a default that it does not offer',
      { 'main.js': MAIN("import d from './m.js'", 'd'), 'm.js': 'export const double = 1' },
      'TRANSFORM_UNKNOWN_IDENTIFIER: main.js:1:8: default is not defined. Correct the name.',
    ],
    [
      'a folder that is named like a file',
      { 'main.js': "import d from './d.js'\nexport default d", 'd.js/x.js': '' },
      'TRANSFORM_IMPORT_UNRESOLVED: main.js:1:1: the file ./d.js is not there. Write the path as it is from the file that imports it.',
    ],
    [
      'a function of another file, handed on',
      { 'main.js': "export { default } from './m.js'", 'm.js': 'export default () => null' },
      'TRANSFORM_FORBIDDEN_SYNTAX: main.js:1:1: handing on the function of another file is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'a circle',
      { 'main.js': MAIN("import { a } from './m.js'", 'a'), 'm.js': "import './main.js'\nexport const a = 1" },
      'TRANSFORM_FORBIDDEN_SYNTAX: m.js:1:1: a circle of imports is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'a variable that changes',
      {
        'main.js': MAIN("import { a } from './m.js'", 'a'),
        'm.js': 'export let a = 1\nexport const up = () => { [a] = [2] }',
      },
      'TRANSFORM_FORBIDDEN_SYNTAX: m.js:2:28: changing an exported variable is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'a fault of its syntax',
      { 'main.js': MAIN("import { a } from './m.js'", 'a'), 'm.js': 'export const a =' },
      'TRANSFORM_SYNTAX: m.js:1:17: Unexpected token. Correct the transform.',
    ],
    [
      'a fault of its top level',
      { 'main.js': MAIN("import { a } from './m.js'", 'a'), 'm.js': '\n  export const a = null.x' },
      'TRANSFORM_THREW: m.js:2:25: the transform threw TypeError. Mend the transform for rows of this kind.',
    ],
    [
      'an unknown name',
      { 'main.js': MAIN("import { a } from './m.js'", 'a'), 'm.js': 'export const a = fetch' },
      'TRANSFORM_ABSENT: m.js:1:18: fetch is not there in a transform. A transform has no network: let the query, or the host, bring what the rows need.',
    ],
    [
      'data that is none',
      { 'main.js': "import t from './t.json'\nexport default () => t", 't.json': '{ "secret-canary' },
      'TRANSFORM_SYNTAX: t.json:1:1: the file is no JSON. Correct the transform.',
    ],
    [
      'a file by require',
      { 'main.js': "const a = require('./m.js')\nexport default () => a" },
      'TRANSFORM_FORBIDDEN_SYNTAX: main.js:1:11: `require()` of a file is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
    [
      'import() of a file',
      { 'main.js': "export default () => import('./m.js')" },
      'TRANSFORM_FORBIDDEN_SYNTAX: main.js:1:22: `import()` is not available in a transform. Remove it; a transform gets rows and returns actions.',
    ],
  ])('are refused before the first row: %s', async (_, files, expected) => {
    expect(await refused(files)).toBe(expected)
  })

  test('no file outside the folder of the program is read, by a path or by a link, unless `root` holds it', async () => {
    const secret = 'export const key = "secret-canary"'
    await write({ 'secret.js': secret, 'in/main.js': MAIN("import { key } from '../secret.js'", 'key') })
    const outside =
      'TRANSFORM_IMPORT_UNRESOLVED: in/main.js:1:1: the file ../secret.js is outside the folder of the program: name one that ' +
      'holds both in the option root. Write the path as it is from the file that imports it.'
    expect(await refused({}, {}, 'in/main.js')).toBe(outside)
    expect(await refused({}, { root: folder }, 'in/main.js')).toBe('prepared')
    await symlink(join(folder, 'secret.js'), join(folder, 'in/near.js'))
    const linked = { 'in/main.js': MAIN("import { key } from './near.js'", 'key') }
    expect(await refused(linked, {}, 'in/main.js')).toContain('the file ./near.js is outside the folder')
  })

  test('a program given as text has no files beside it', async () => {
    await using transform = Transform.fromText("import x from './x.js'\nexport default x")
    await expect(transform.prepare()).rejects.toThrow('the file ./x.js cannot be found: the program was given as text')
  })

  test('what a row throws in an imported file is told at its place there', async () => {
    await write({
      'main.js': MAIN("import { price } from './lib/price.js'", 'price(row)'),
      'lib/price.js': '// prices\nexport const price = (row) =>\n  row.amount.total\n',
    })
    await using transform = opened()
    const { rows } = await transform.try([{ amount: null }])
    const [reason] = rows.map((row) => row.status !== 'made' && row.reason)
    expect(reason).toEqual({
      code: 'TRANSFORM_THREW',
      facts: { at: `${join(folder, 'lib/price.js')}:3:14`, name: 'TypeError' },
    })
  })

  test('the version is that of all files, and a restart runs what was read', async () => {
    await write({
      'main.js': MAIN("import { a } from './m.js'", 'row.loop ? (() => { for (;;); })() : a'),
      'm.js': 'export const a = 1',
    })
    await using transform = opened({ timeoutMs: 200 })
    const before = await transform.version()
    await write({ 'm.js': 'export const a = 2' })
    const { rows } = await transform.try([{ loop: true }, { loop: false }])
    expect(rows[0]).toMatchObject({ status: 'rejected', reason: { code: 'TRANSFORM_TIMEOUT' } })
    expect(rows[1]).toMatchObject({ actions: [{ dataFields: { x: 1 } }] })
    expect(await transform.version()).toBe(before)
    await using fresh = opened()
    expect(await fresh.version()).not.toBe(before)
  })
})
