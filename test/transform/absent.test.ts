import { execFileSync } from 'node:child_process'
import { builtinModules } from 'node:module'
import { describe, expect, test } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import { GLOBAL_NAMES } from '../../src/transform/child/globals.js'
import { moduleOf } from '../../src/transform/child/module.js'
import { Refused } from '../../src/transform/child/refused.js'
import { withPackages } from '../../src/transform/program-packages.js'

/** What a program that uses a name is refused for. */
function refusedFor(name: string): Refused | undefined {
  try {
    moduleOf({ id: 't.js', source: `export default (row) => ${name}.x`, links: {} })
    return undefined
  } catch (thrown) {
    if (Refused.is(thrown)) return thrown
    throw thrown
  }
}

/** Those that a Node of its own has, but for classes of which there are dozens: the globals of a test are its runner's, too. */
const OF_NODE = execFileSync(
  process.execPath,
  [
    '-p',
    "[...new Set(Object.getOwnPropertyNames(globalThis).filter((name) => /^[a-z_]/.test(name)).concat(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)')))].join()",
  ],
  { encoding: 'utf8' },
)
  .trim()
  .split(',')
  .filter((name) => !GLOBAL_NAMES.has(name) && name !== 'require' && !builtinModules.includes(name))
const OTHERS = ['process', 'crypto', 'Buffer', 'URL', 'Headers', 'TextEncoder', 'ReadableStream', 'window', 'Deno']

describe('a global that Node has and a transform has not', () => {
  test.each([...OF_NODE, ...OTHERS])('%s', (name) => {
    const { code, facts } = refusedFor(name) ?? {}
    expect([code, facts?.at, facts?.name]).toEqual(['TRANSFORM_ABSENT', 't.js:1:25', name])
    expect(facts?.instead).toMatch(/^[A-Z].*[^.]$/)
  })

  test('but a name that only looks like one is unknown', () => {
    expect(['Fetch', 'proces', 'dataStream', 'constructor', '__proto__'].map((name) => refusedFor(name)?.code)).toEqual(
      Array(5).fill('TRANSFORM_UNKNOWN_IDENTIFIER'),
    )
  })

  test('and one that is declared, or only asked about, is there', () => {
    for (const source of [
      'const fetch = { x: 1 }\nexport default () => fetch.x',
      'export default ({ process }) => process',
      "export default () => typeof fetch === 'undefined'",
    ])
      expect(() => moduleOf({ id: 't.js', source, links: {} })).not.toThrow()
  })
})

test.each(['node:fs', 'fs', 'fs/promises', 'node:test', 'crypto', 'child_process'])(
  'the module %s of Node',
  async (slug) => {
    const program = { modules: [], packages: [] }
    const refused = await withPackages(program, [{ slug, at: 't.js:1:1' }], {}).catch((error: unknown) => error)
    expect(isLakeloopError(refused) && refused.code).toBe('TRANSFORM_ABSENT')
    expect((refused as Error).message).toMatch(`t.js:1:1: the module ${slug} of Node is not there in a transform. `)
  },
)
