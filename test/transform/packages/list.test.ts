import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'acorn'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPackages, bundlePackage, listed } from '../../../scripts/build-packages.js'
import { GLOBAL_NAMES } from '../../../src/transform/child/globals.js'
import { resolveScopes } from '../../../src/transform/child/scope.js'
import { type Tree, walk } from '../../../src/transform/child/syntax.js'
import { nearPackages, packageSource } from '../../../src/transform/packages/packages.js'
import { TestRealm } from './realm.js'

const ROOT = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const list = await listed()

describe('list.json', () => {
  test('is in order, and has at least 47 packages', () => {
    const names = list.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)].sort())
    expect(names.length).toBeGreaterThanOrEqual(47)
  })

  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> }
  test.each(list)('says of $name what is installed', ({ name, version, licence }) => {
    const installed = JSON.parse(read(`node_modules/${name}/package.json`)) as { version: string; license: string }
    expect([devDependencies[name], installed.version]).toEqual([version, version])
    expect(licence).toBe(installed.license)
    expect(licence).toMatch(/^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|Unlicense|BlueOak-1\.0\.0)$/)
  })
})

describe('nearPackages()', () => {
  test.each([
    ['date-fn', ['date-fns', 'date-fns-tz']],
    ['date-fns/format', ['date-fns']],
    ['Lodash', ['lodash']],
    ['lodash-es', ['lodash']],
    ['uid', ['uuid']],
    ['phonenumber', ['libphonenumber-js']],
    ['base64', ['js-base64']],
    ['json', ['json5']],
    ['left-pad', []],
    ['', []],
    ['lodash'.repeat(36), []],
  ])('%s', (name, near) => {
    expect(nearPackages(name).slice(0, Math.max(1, near.length))).toEqual(near)
    expect(nearPackages(name).length).toBeLessThanOrEqual(3)
  })
})

/** What every package finds in its compartment, besides what the language has. */
const THERE = new Set([...GLOBAL_NAMES, 'arguments', 'Function', 'Intl', 'crypto'])
const BYTES = 'ArrayBuffer DataView Uint8Array Uint16Array Uint32Array Int32Array'.split(' ')

/**
 * Names that a package reads, outside of `typeof`, and does not find: SES gives `undefined`. Each was looked up: it stands
 * behind a `typeof`, in a part that needs a browser or a timer, or makes its function fail where Node's would too.
 */
const NOT_THERE: Readonly<Record<string, string>> = {
  ajv: 'ActiveXObject URLSearchParams', // core-js, as below
  'bignumber.js': 'Uint32Array', // with the setting CRYPTO only
  'currency.js': 'self', // where there is no globalThis; so below
  dayjs: 'self',
  'decimal.js': 'Uint32Array window', // with the setting crypto only
  handlebars: '__magic__', // where there is no globalThis
  jmespath: 'hasOwnProperty', // of the global object, which has it
  'libphonenumber-js': 'Character CountryCodeSource country util', // in functions that fail in Node too
  lodash: 'ArrayBuffer', // where there is a DataView
  md5: 'Uint8Array', // compared with a constructor
  mustache: 'self',
  papaparse: 'Blob File FileReaderSync XMLHttpRequest setTimeout', // files, downloads and workers
  qs: 'eval', // in a table that nobody asks for it
  'query-string': 'ActiveXObject URLSearchParams',
  remeda: 'ActiveXObject Bun DOMQuad Deno File ImageData clearTimeout setTimeout', // debounce, funnel: see the list's note
  valibot: 'ActiveXObject Blob File URLSearchParams', // blob, file: no row holds one
  validator: 'toString', // of the global object, which has it
  zod: 'ActiveXObject Bun Deno URLSearchParams',
}

describe('the bundle reads no name that is not there', () => {
  test.each(list)('$name', async (entry) => {
    const { source } = await bundlePackage(entry)
    const root = parse(source, { ecmaVersion: 2022, sourceType: 'script' }) as unknown as Tree
    const parents = new Map<Tree, Tree | undefined>()
    walk(root, (node, parent) => {
      parents.set(node, parent)
    })
    const there = new Set([...THERE, ...(entry.needs?.includes('bytes') ? BYTES : [])])
    const guarded = new Set<string>()
    const missing = new Set<string>()
    for (const { node, name } of resolveScopes(root).free) {
      const parent = parents.get(node)
      if (parent?.type === 'UnaryExpression' && parent.operator === 'typeof') guarded.add(name)
      else if (!there.has(name)) missing.add(name)
    }
    const unguarded = [...missing].filter((name) => !guarded.has(name)).sort()
    expect(unguarded.join(' ')).toBe(NOT_THERE[entry.name] ?? '')
  })
})

describe('what stands in for names of Node does what Node does', () => {
  let realm: TestRealm
  beforeAll(async () => {
    realm = await TestRealm.open()
  })

  const TEXTS = [
    'https://example.com',
    'http://a.b/c?d=e#f',
    'HTTP://EXAMPLE.com:80/../x y',
    'https://user:pass@host:8080/p',
    'mailto:a@b.c',
    'http://[::1]/',
    'http://256.1.1.1/',
    'http://münchen.de',
    'data:,x',
    'no url',
    '//a',
    'http://',
    'http://a b',
    '',
  ]
  const BASES = ['', 'YQ==', 'YWI=', 'YWJj', 'YQ', 'Y', '++//', '-_', 'YQ=', 'a b=', 'é===']

  /** The same body here and in a Node of its own. */
  async function both(name: string, body: string): Promise<readonly [unknown, unknown]> {
    const source = await packageSource(name)
    realm.give(source === undefined ? [] : [source])
    const program = `import * as all from ${JSON.stringify(name)}
      const names = () => all
      console.log(JSON.stringify(await (async () => {${body}})()))`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, encoding: 'utf8' })
    const here = realm.run(body)
    return [here.value ?? here.thrown, JSON.parse(said)]
  }

  test.each([
    [
      'zod',
      `const { z } = names('zod'); return ${JSON.stringify(TEXTS)}.map((text) => z.url().safeParse(text).success)`,
    ],
    [
      'zod',
      `const { z } = names('zod'); return ${JSON.stringify(BASES)}.map((text) => z.base64().safeParse(text).success)`,
    ],
    [
      'zod',
      `const { z } = names('zod'); return [...z.util.base64ToUint8Array('AP+A')].concat(z.util.uint8ArrayToBase64(Uint8Array.of(0, 255, 128)))`.replace(
        'Uint8Array.of(0, 255, 128)',
        `z.util.base64ToUint8Array('AP+A')`,
      ),
    ],
    [
      'valibot',
      `const v = names('valibot'); return ${JSON.stringify(TEXTS)}.map((text) => v.safeParse(v.pipe(v.string(), v.url()), text).success)`,
    ],
    [
      'valibot',
      `const v = names('valibot'); return ['abc', 'äbc', '€uro', '😀', '\\ud83d'].map((text) => [3, 4, 5, 6].map((max) => v.safeParse(v.pipe(v.string(), v.maxBytes(max)), text).success))`,
    ],
    [
      'query-string',
      `const { default: q } = names('query-string'); return [q.stringifyUrl({ url: 'https://a.b/?x=1', query: { y: 'é b' }, fragmentIdentifier: 'ü b' }), q.parseUrl('https://a.b?c=d#e', { parseFragmentIdentifier: true })]`,
    ],
    [
      'remeda',
      `const R = names('remeda'); const clone = R.clone({ a: [1, { b: new Date(5) }], c: 1n > 0n, d: 'x' }); return [clone, clone.a[1].b instanceof Date, R.clone(7)]`,
    ],
    [
      'ajv',
      `const { default: Ajv } = names('ajv'); const all = { $id: 'http://exämple.com/a', definitions: { b: { type: 'integer' } }, $ref: '#/definitions/b' }; const v = new Ajv().compile(all); return [v(1), v('1')]`,
    ],
  ])('%s %#', async (name, body) => {
    const [here, node] = await both(name, body)
    expect(here).toEqual(node)
  })
})

test('buildPackages() leaves alone what is as it should be', async () => {
  expect(await buildPackages()).toEqual([])
})
