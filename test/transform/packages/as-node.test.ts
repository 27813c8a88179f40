import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { packageSource } from '../../../src/transform/packages/packages.js'
import { EXAMPLES } from './examples.js'
import { TestRealm } from './realm.js'

const ROOT = join(import.meta.dirname, '../../..')

/** What stands behind a name, as text: two realms share no objects. */
interface Shape {
  readonly required: string
  /** Of what `require` gives. */
  readonly properties: Readonly<Record<string, string>>
  readonly names: Readonly<Record<string, string>>
  readonly example: unknown
}

const SHAPE = `const kind = (value) => value === null ? 'null' : typeof value
const kinds = (of) => Object.fromEntries(Object.keys(of).map((name) => [name, kind(of[name])]))
const shape = (required, names, example) => ({ required: kind(required), properties: kinds(required), names: kinds(names), example })`

/** What the program that Node itself runs says, for all packages in one process. */
function inNode(): Readonly<Record<string, Shape>> {
  const program = `
    import { createRequire } from 'node:module'
    const require = createRequire(${JSON.stringify(join(ROOT, 'package.json'))})
    ${SHAPE}
    const all = {}
    const loaded = new Map()
    const names = (slug) => loaded.get(slug)
    Date.now = () => 0
    globalThis.Date = class extends Date { constructor(...parts) { super(...(parts.length === 0 ? [0] : parts)) } }
    for (const [name, body] of ${JSON.stringify(EXAMPLES.map(({ name, body }) => [name, body]))}) {
      loaded.set(name, await import(name))
      const example = await new (async () => {}).constructor('require', 'names', body)(require, names)
      all[name] = shape(require(name), loaded.get(name), example)
    }
    console.log(JSON.stringify(all))`
  const said = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  })
  return JSON.parse(said) as Record<string, Shape>
}

/** What Node has and the sandbox has not, and why nobody misses it. */
const NODE_ONLY: Readonly<Record<string, RegExp>> = {
  'fast-deep-equal': /^code$/, // left there by ajv, which shares the copy
  handlebars: /^(PrintVisitor|print)$/, // tools of its own tests
  'libphonenumber-js': /Custom$/, // legacy names, in one of its two forms only
  papaparse: /^DuplexStreamStreamer$/, // streams of Node
}
const MARKS = /^(__esModule|module\.exports)$/

const without = (shape: Readonly<Record<string, string>>, left: RegExp | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(shape).filter(([name]) => !MARKS.test(name) && left?.test(name) !== true))

describe('require() and names of an import give what Node gives', () => {
  let realm: TestRealm
  let node: Readonly<Record<string, Shape>>
  beforeAll(async () => {
    realm = await TestRealm.open()
    node = inNode()
  }, 60_000)

  test.each(EXAMPLES)('$name', async ({ name, body }) => {
    const source = await packageSource(name)
    realm.give(source === undefined ? [] : [source])
    const { value, thrown } = realm.run(`${SHAPE}
      return shape(require('${name}'), names('${name}'), await (async () => {${body}})())`)
    expect(thrown).toBeUndefined()
    const here = value as Shape
    const there = node[name] as Shape
    const left = NODE_ONLY[name]
    expect(here.required).toBe(there.required)
    expect(here.properties).toMatchObject(without(there.properties, left))
    expect(here.names).toMatchObject(without(there.names, left))
    expect('default' in here.names).toBe('default' in there.names)
    expect(here.example).toEqual(there.example)
  })
})
