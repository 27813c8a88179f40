import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listed } from '../../scripts/build-packages.js'
import { withTable } from '../../scripts/package-page.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/packages.md'), 'utf8')

test('docs/packages.md has the list as it stands (npm run packages makes it)', async () => {
  const list = await listed()
  expect(page).toBe(withTable(page, list))
  for (const { name, version, licence } of list) expect(page).toContain(`\n| \`${name}\` | ${version} | ${licence} | `)
})

test('a page with another list, or with no place for it, is seen', async () => {
  const [first, ...rest] = await listed()
  expect(first).toBeDefined()
  expect(withTable(page, rest)).not.toBe(page)
  expect(() => withTable('# Packages', rest)).toThrow('no place')
})
