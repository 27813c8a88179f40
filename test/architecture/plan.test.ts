import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAY_IMPORT } from './house-plan.js'
import { breaches, type Files } from './house-rules.js'

const SRC = join(import.meta.dirname, '../../src')

function filesOfSrc(): Files {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  const sources = paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.generated.ts'))
  return Object.fromEntries(sources.map((path) => [path, readFileSync(join(SRC, path), 'utf8')]))
}

test('src keeps the plan of the house', () => {
  const files = filesOfSrc()
  expect(Object.keys(files).length).toBeGreaterThan(20)
  expect(breaches(files)).toEqual([])
})

test('the plan itself goes down only', () => {
  const partsOf = (part: string): string[] => (MAY_IMPORT[part] ?? []).map((allowed) => allowed.split('/')[0] ?? '')
  const depth = (part: string, above: readonly string[]): number => {
    if (above.includes(part)) throw new Error(`${[...above, part].join(' -> ')}`)
    return 1 + Math.max(0, ...partsOf(part).map((below) => depth(below, [...above, part])))
  }
  for (const part of Object.keys(MAY_IMPORT)) expect(() => depth(part, [])).not.toThrow()
})

const lines = (count: number): string => '// a line\n'.repeat(count)

/** One broken house per rule: what is planted, and what has to be said about it. Everything else of the house is kept. */
const PLANTED: readonly (readonly [rule: string, files: Files, said: readonly string[]])[] = [
  [
    'a part that is not on the plan',
    { 'plugins/one.ts': 'export const a = 1' },
    ['plugins/one.ts: the part plugins is not on the plan'],
  ],
  [
    'a stage that imports another stage',
    { 'identity/resolver.ts': "import { diff } from '../delta/list-delta.js'" },
    ['identity/resolver.ts: may not import delta/list-delta.ts'],
  ],
  [
    'the ground floor that imports a stage',
    { 'model/row.ts': "import type { Cursor } from '../sources/source.js'" },
    ['model/row.ts: may not import sources/source.ts'],
  ],
  [
    'a shelf part imported from outside',
    { 'sync/run.ts': "import { MemoryStore } from '../stores/memory.js'" },
    ['sync/run.ts: may not import stores/memory.ts'],
  ],
  [
    'a mechanism that imports more of a shelf than its contract',
    { 'delta/list-delta.ts': "export type { Row } from '../stores/sqlite/driver.js'\nexport const a = 1" },
    ['delta/list-delta.ts: may not import stores/sqlite/driver.ts'],
  ],
  [
    'a vendor part in the main entry',
    { 'index.ts': "export { DuckDbSource } from './sources/duckdb.js'" },
    ['index.ts: may not import sources/duckdb.ts'],
  ],
  [
    'an import that is hidden in a call or in a type',
    {
      'transport/http-client.ts': "export const a = await import('../sync/run.js')",
      'vendors/iterable/pacer.ts': "export type A = import('../../sync/run.js').A",
    },
    ['transport/http-client.ts: may not import sync/run.ts', 'vendors/iterable/pacer.ts: may not import sync/run.ts'],
  ],
  [
    'a fake that shares code with the package',
    { 'testing/fake-iterable/core.ts': "import { wire } from '../../destinations/iterable/wire.js'" },
    ['testing/fake-iterable/core.ts: may not import destinations/iterable/wire.ts'],
  ],
  [
    'ses on the host side of the wall',
    { 'transform/transform.ts': "import 'ses'" },
    ['transform/transform.ts: may not import ses'],
  ],
  [
    'a vendor package outside of its part',
    { 'sync/run.ts': "export const load = () => import('@duckdb/node-api/lib/x.js')" },
    ['sync/run.ts: may not import @duckdb/node-api'],
  ],
  [
    'a package that nobody planned',
    { 'model/row.ts': "import pad from 'left-pad'" },
    ['model/row.ts: may not import left-pad'],
  ],
  [
    'a circle of values',
    { 'delta/a.ts': "import { b } from './b.js'", 'delta/b.ts': "import { a } from './a.js'" },
    ['a circle: delta/a.ts -> delta/b.ts -> delta/a.ts'],
  ],
  [
    'a circle of types, over three files',
    {
      'delta/a.ts': "import type { B } from './b.js'",
      'delta/b.ts': "import type { C } from './c.js'",
      'delta/c.ts': "import type { A } from './a.js'",
    },
    ['a circle: delta/a.ts -> delta/b.ts -> delta/c.ts -> delta/a.ts'],
  ],
  ['a file that is too long', { 'delta/a.ts': lines(301) }, ['delta/a.ts: 301 lines']],
  [
    'a function that is too long, wherever it stands',
    { 'delta/a.ts': `export class A {\n  run() {\n${lines(59)}  }\n}\n` },
    ['delta/a.ts:2: a function of 61 lines'],
  ],
  [
    'a name that says nothing',
    { 'delta/utils.ts': 'export const a = 1', 'delta/common/sort.ts': 'export const b = 1' },
    ['delta/utils.ts: the name utils says nothing', 'delta/common/sort.ts: the name common says nothing'],
  ],
  [
    'a barrel within the house',
    { 'delta/all.ts': "export * from './a.js'", 'delta/index.ts': 'export const a = 1' },
    ['delta/index.ts: only a face is called index.ts', 'delta/all.ts: only a face re-exports and does nothing else'],
  ],
  [
    'logic in a face',
    { 'index.ts': "export { Sync } from './sync/sync.js'\nconsole.log()" },
    ['index.ts: a face holds exports only'],
  ],
]

describe('breaches() finds', () => {
  test.each(PLANTED)('%s', (_rule, files, said) => {
    expect(breaches(files)).toEqual(said)
  })
})

test('breaches() says nothing about what the plan allows', () => {
  const files: Files = {
    'errors.ts': lines(400),
    'delta/a.ts': `import { z } from 'zod'\nimport 'node:fs'\nimport './b.js'\nexport function f() {\n${lines(58)}}\n${lines(236)}`,
    'delta/b.ts': "import type { Store } from '../stores/store.js'",
    'transform/child/main.ts': "import 'ses'",
    'testing/fake-iterable/core.ts': "import type { Json } from '../../model/value.js'\nimport './clock.js'",
    'index.ts': "export { MemoryStore } from './stores/memory.js'",
    'testing/index.ts': 'export {}',
  }
  expect(breaches(files)).toEqual([])
})
