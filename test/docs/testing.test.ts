import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8')

/** The rows of the table of suites: suite, where, runs per push, minutes. */
const rows = [...page.matchAll(/^\| (.+?) \| (.+?) \| (\d+) \| ([\d.]+) \|$/gm)].map(
  ([, suite, where, runs, minutes]) => ({
    suite,
    paths: [...(where ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? ''),
    minutes: Number(runs) * Number(minutes),
  }),
)

test('docs/testing.md names places that are there', () => {
  expect(rows.length).toBeGreaterThan(5)
  expect(rows.flatMap(({ paths }) => paths).filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('docs/testing.md leaves out no folder of tests', () => {
  const folders = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path.split(/[\\/]/)[0]}`)
  const named = rows.flatMap(({ paths }) => paths)
  expect([...new Set(folders)].filter((folder) => !named.some((path) => path.startsWith(folder)))).toEqual([])
})

test('docs/testing.md keeps CI within an hour', () => {
  const sum = rows.reduce((all, { minutes }) => all + minutes, 0)
  expect(sum).toBeLessThanOrEqual(60)
  const [, said] = /^\| \*\*all\*\* \|.*\| \*\*([\d.]+)\*\* \|$/m.exec(page) ?? []
  expect(Number(said)).toBeCloseTo(sum, 5)
})
