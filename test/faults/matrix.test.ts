import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const page = readFileSync(join(import.meta.dirname, 'matrix.md'), 'utf8')
const rows = [...page.matchAll(/^\| (.+?) \| (.+?) \| `(.+?)` \|$/gm)].map(([, fault = '', name = '', file = '']) => ({
  fault,
  name,
  file,
}))

test('the matrix has every fault of the list', () => {
  expect(rows.length).toBeGreaterThanOrEqual(35)
})

test.each(rows)('"$fault" is shown by a test that is there', ({ name, file }) => {
  expect(readFileSync(join(import.meta.dirname, '..', file), 'utf8')).toContain(name)
})
