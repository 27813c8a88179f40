import { expect, test } from 'vitest'
import { landedStatements } from '../../src/sync/erase-landed.js'

const people = { addresses: ['ann@example.com'], others: ['ann@example.com', 'c-1', 'Ann@Example.com'] }

test('the rows go, then the files that only mark them as gone, then the files that nobody reads', () => {
  expect(landedStatements([{ table: 'main.engagement.events', column: 'email' }], people)).toEqual([
    'DELETE FROM `main`.`engagement`.`events` WHERE CAST(`email` AS STRING) IN ' +
      "('ann@example.com', 'c-1', 'Ann@Example.com') OR lower(CAST(`email` AS STRING)) IN ('ann@example.com')",
    'REORG TABLE `main`.`engagement`.`events` APPLY (PURGE)',
    'VACUUM `main`.`engagement`.`events`',
  ])
})

test('names are quoted, whatever is in them', () => {
  const [statement] = landedStatements([{ table: 'a.`b.c``d`', column: 'x` OR 1=1 --' }], people)
  expect(statement).toContain('DELETE FROM `a`.`b.c``d` WHERE CAST(`x`` OR 1=1 --` AS STRING) IN (')
})

test.each([
  "o'brien@example.com",
  'a\\',
  "\\'",
  '$' + '{spark.x}',
  'a"b',
  'a\nb',
  'é@x.io',
  'a`b',
  "' OR 1=1 --",
  'a;b',
  '%',
])('the value %j is written as its bytes, which no setting of the session reads as anything else', (value) => {
  const [statement] = landedStatements([{ table: 't', column: 'c' }], { addresses: [], others: [value] })
  const hex = Buffer.from(value).toString('hex')
  expect(statement).toBe(`DELETE FROM \`t\` WHERE CAST(\`c\` AS STRING) IN (CAST(X'${hex}' AS STRING))`)
})

test.each(['', '.', 'a..b', 'a.', '.a', 'a.b.c.d', 'a b', '`a', 'a`b`', 'a; DROP TABLE b', 7])(
  'the table %j is refused',
  (table) => {
    const landed = [{ table: table as string, column: 'c' }]
    expect(() => landedStatements(landed, people)).toThrow('landed.table is no name like catalog.schema.table')
  },
)

test('a column without a name is refused', () => {
  expect(() => landedStatements([{ table: 't', column: '' }], people)).toThrow('landed.column is no name')
})
