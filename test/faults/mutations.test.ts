import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MUTATIONS } from './mutation-list.js'

const page = readFileSync(join(import.meta.dirname, 'mutations.md'), 'utf8')
const source = (file: string) => readFileSync(join(import.meta.dirname, '../../src', file), 'utf8')

test.each(MUTATIONS)('the place for "$name" is in the source, once', ({ file, find }) => {
  expect(source(file).split(find)).toHaveLength(2)
})

test('mutations.md lists every bug that is planted, and the tests that find it', () => {
  const rows = MUTATIONS.map(
    ({ name, file, tests }) => `| ${name} | \`${file}\` | ${tests.map((one) => `\`${one}\``).join(', ')} |`,
  )
  const listed = page.split('\n').filter((line) => /^\| (?!Bug|-)/.test(line))
  expect(listed).toEqual(rows)
})
