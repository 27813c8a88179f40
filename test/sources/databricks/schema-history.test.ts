import { describe, expect, test } from 'vitest'
import { originsOf } from '../../../src/sources/databricks/schema-history.js'
import type { Commit } from '../../../src/sources/databricks/table-facts.js'

/** Operations and parameters as Delta 4.3 writes them (seen in DESCRIBE HISTORY of a table with column mapping). */
const COMMITS: readonly Commit[] = [
  ['WRITE', { mode: 'Append', partitionBy: '[]' }],
  ['RENAME COLUMN', { oldColumnPath: 'email', newColumnPath: 'mail' }],
  ['DROP COLUMNS', { columns: '["legacy"]' }],
  ['ADD COLUMNS', { columns: '[{"column":{"name":"ltv","type":"decimal(10,2)","nullable":true,"metadata":{}}}]' }],
  ['CHANGE COLUMN', { column: '{"name":"id","type":"long","nullable":true,"metadata":{}}' }],
  ['RENAME COLUMN', { oldColumnPath: 'mail', newColumnPath: 'e.mail' }],
  ['RENAME COLUMN', { oldColumnPath: 'address.zip', newColumnPath: 'address.postcode' }],
  ['RENAME COLUMN', { oldColumnPath: '`odd.name`', newColumnPath: '`odder.name`' }],
  ['RENAME COLUMN', { oldColumnPath: 'short', newColumnPath: 'shorter' }],
  ['DROP COLUMNS', { columns: '["shorter"]' }],
  ['ADD COLUMNS', { columns: '[{"column":{"name":"score.b","type":"string","nullable":true,"metadata":{}}}]' }],
].map(([operation, parameters], at) => ({
  version: at + 1,
  at: `2026-03-15T10:00:0${at}.000Z`,
  user: at === 1 ? undefined : 'dana',
  operation: operation as string,
  parameters: parameters as Commit['parameters'],
}))

const origin = (kind: Parameters<typeof originsOf>[0][number]['kind'], column: string) =>
  originsOf([{ kind, column }], COMMITS)[0]

describe('originsOf()', () => {
  test.each([
    ['dropped', 'legacy', 3, undefined],
    ['added', 'ltv', 4, undefined],
    ['typeWidened', 'id', 5, undefined],
    ['typeChanged', 'id', 5, undefined],
    ['nestedChanged', 'address', 7, undefined],
    ['dropped', 'odd.name', 8, 'odder.name'],
    ['added', 'odder.name', 8, undefined],
    ['dropped', 'short', 10, undefined],
    ['nestedChanged', 'score', 11, undefined],
  ] as const)('finds who made %s %s', (kind, column, version, renamedTo) => {
    const found = origin(kind, column)
    expect(found?.version).toBe(version)
    expect(found?.renamedTo).toBe(renamedTo)
  })

  test('follows a column that was renamed twice, with the newest commit', () => {
    expect(origin('dropped', 'email')).toEqual({
      version: 6,
      at: '2026-03-15T10:00:05.000Z',
      user: 'dana',
      renamedTo: 'e.mail',
    })
  })

  test('says nothing of what a write brought along, and nothing of what it does not know', () => {
    expect(origin('added', 'by_merge')).toBeUndefined()
    expect(origin('nullability', 'nowhere')).toBeUndefined()
    const odd = [{ ...(COMMITS[0] as Commit), operation: 'DROP COLUMNS', parameters: { columns: '{broken' } }]
    expect(originsOf([{ kind: 'dropped', column: 'x' }], odd)).toEqual([undefined])
  })

  test('leaves the user out where the history has none', () => {
    expect(originsOf([{ kind: 'dropped', column: 'email' }], COMMITS.slice(0, 2))[0]).not.toHaveProperty('user')
  })
})
