import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Transform, type TransformOptions } from '../../src/transform/transform.js'

const folder = await mkdtemp(join(tmpdir(), 'lakeloop-packages-'))
afterAll(() => rm(folder, { recursive: true }))

async function made(source: string, options: TransformOptions & { readonly seed?: string } = {}) {
  const { seed, ...rest } = options
  await using transform = Transform.fromText(source, { name: 'churn.js', ...rest })
  const { rows, actions } = await transform.try([{ n: 1 }, { n: 2 }], { now: 86_400_000, seed })
  return rows[0]?.status === 'rejected'
    ? rows[0].reason
    : actions.map((action) => (action as { dataFields?: unknown }).dataFields)
}

const program = (imports: string, x: string): string =>
  `${imports}\nexport default (row) => ({ email: 'a@example.com', dataFields: { x: ${x} } })`

test.each<readonly [string, string, unknown]>([
  ["import { format } from 'date-fns'", "format(new Date(), 'yyyy-MM-dd')", '1970-01-02'],
  ["import * as dates from 'date-fns'", "dates.format(dates.addDays(new Date(), row.n), 'yyyy-MM-dd')", '1970-01-03'],
  ["import ms from 'ms'", "ms('2 days')", 172_800_000],
  ["import lodash, { camelCase } from 'lodash'", "lodash.kebabCase(camelCase('Foo Bar'))", 'foo-bar'],
  ["const { camelCase } = require('lodash')", "camelCase('Foo Bar')", 'fooBar'],
  ['', "require('ms')(60000)", '1m'],
  ["export { default as big } from 'big.js'\nimport Big from 'big.js'", "new Big('0.1').plus('0.2').toString()", '0.3'],
])('%s, in the program %s', async (imports, x, expected) => {
  const all = (await made(program(imports, x))) as { x: unknown }[]
  expect(all[0]).toEqual({ x: expected })
})

test('[I9] what is random in a package depends on the seed and the row alone', async () => {
  const source = program("import { v4 } from 'uuid'", 'v4()')
  const first = await made(source, { seed: 'a' })
  expect(await made(source, { seed: 'a', sliceRows: 1 })).toEqual(first)
  expect(await made(source, { seed: 'b' })).not.toEqual(first)
  expect(new Set((first as { x: string }[]).map(({ x }) => x)).size).toBe(2)
})

test.each([
  ['a package', 'z.string().parse(row.n)', 'a subclass of Error'],
  [
    'the program, under a name that is a value',
    "(() => { const error = new RangeError(); error.name = 'c' + row.n; throw error })()",
    'a subclass of RangeError',
  ],
  ['nobody: it is no error', "(() => { throw { name: 'v' + row.n } })()", 'an object'],
])('of an error of %s it is told what it descends from, and no name that may be a value', async (_, x, name) => {
  const reason = await made(program("import { z } from 'zod'", x))
  expect(reason).toMatchObject({ code: 'TRANSFORM_THREW', facts: { name } })
})

test('a package of the user’s own goes before those of the list, and is part of the version', async () => {
  const path = join(folder, 'tiers.cjs')
  await writeFile(path, 'module.exports = { tier: (n) => n > 1 ? "gold" : "silver" }')
  const source = program("import { tier } from '@acme/tiers'", 'tier(row.n)')
  const packages = { '@acme/tiers': path }
  expect(await made(source, { packages })).toEqual([{ x: 'silver' }, { x: 'gold' }])
  await using one = Transform.fromText(source, { packages })
  const before = await one.version()
  await writeFile(path, 'module.exports = { tier: () => "none" }')
  await using other = Transform.fromText(source, { packages })
  expect(await other.version()).not.toBe(before)
})

test.each<readonly [string, string]>([
  [
    program("import x from 'date-fsn'", 'x'),
    'TRANSFORM_PACKAGE_UNKNOWN: churn.js:1:1: there is no package date-fsn in the sandbox. Use one of docs/packages.md (perhaps date-fns',
  ],
  [
    program("import fs from 'node:fs'", 'fs'),
    'TRANSFORM_ABSENT: churn.js:1:1: the module node:fs of Node is not there in a transform. A transform gets rows',
  ],
  [
    program('', "require('left-pad')"),
    'TRANSFORM_PACKAGE_UNKNOWN: churn.js:2:69: there is no package left-pad in the sandbox. ',
  ],
  [
    program("import { formt } from 'date-fns'", 'formt()'),
    'TRANSFORM_UNKNOWN_IDENTIFIER: churn.js:1:10: formt is not defined. Correct the name: perhaps format',
  ],
  [
    program('', 'require(row.x)'),
    'TRANSFORM_FORBIDDEN_SYNTAX: churn.js:2:69: `require` of anything but a quoted package',
  ],
  [
    program('const need = require', "need('ms')"),
    'TRANSFORM_FORBIDDEN_SYNTAX: churn.js:1:14: `require` of anything but a quoted package',
  ],
])('%s is refused before the first row', async (source, message) => {
  await using transform = Transform.fromText(source, { name: 'churn.js' })
  await expect(transform.prepare()).rejects.toThrow(message)
})
