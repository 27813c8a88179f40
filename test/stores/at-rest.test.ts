import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TABLES } from '../../src/stores/store.js'

test('docs/at-rest.md has every table of the contract in its table, once, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/at-rest.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Table '))
  const named = rows.flatMap((line) => (line.split('|')[1] ?? '').split(',').map((name) => name.trim()))
  expect(named.sort()).toEqual([...TABLES].sort())
})
