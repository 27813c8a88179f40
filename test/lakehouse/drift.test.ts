import { type Cursor, DatabricksSource, type DriftChange, type Schema } from 'lakeloop'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decideDrift } from '../../src/sync/drift-decision.js'
import { Admin, lakeOptions, readAll } from './lake.js'

const admin = new Admin()
beforeAll(() => admin.schema('drift'))
afterAll(() => admin.close())

const MAPPED = `TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true',
  'delta.enableChangeDataFeed' = 'true')`
const signal = new AbortController().signal

/** What a run would be told after `statements`, if its transform read `reads`. */
async function drifted(
  name: string,
  columns: string,
  statements: string | readonly string[],
  reads: readonly string[],
) {
  const table = `main.drift.${name}`
  await admin.run(`CREATE TABLE ${table} (${columns}) ${MAPPED}`)
  const source = new DatabricksSource({ ...lakeOptions(), table, changes: 'snapshot' })
  try {
    const before = (await source.describe(signal)) as Schema
    await admin.runAll(...[statements].flat().map((one) => one.replaceAll('$t', table)))
    const facts = {
      version: 'v1',
      form: 'default' as const,
      reads: reads.map((column) => ({ column, at: 'churn.js:3:7' })),
      readsAll: false,
    }
    return await decideDrift(source, { before: { ...before, version: 'v1' }, facts, policies: {} }, { signal })
  } finally {
    await source.close()
  }
}

const commit = { version: 1, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) }

test.each<[string, string, string, readonly Partial<DriftChange>[]]>([
  [
    'renamed',
    'id STRING, score DOUBLE',
    'ALTER TABLE $t RENAME COLUMN score TO churn',
    [{ kind: 'renamed', column: 'score', candidates: ['churn'], breaks: true, commit }],
  ],
  [
    'dropped',
    'id STRING, score DOUBLE, other INT',
    'ALTER TABLE $t DROP COLUMN score',
    [{ kind: 'dropped', column: 'score', breaks: true, commit }],
  ],
  [
    'added',
    'id STRING, score DOUBLE',
    'ALTER TABLE $t ADD COLUMNS (ltv DECIMAL(10,2))',
    [{ kind: 'added', column: 'ltv', breaks: false, commit }],
  ],
  [
    'widened',
    'id STRING, score INT',
    'ALTER TABLE $t ALTER COLUMN score TYPE BIGINT',
    [{ kind: 'typeWidened', column: 'score', breaks: false, commit }],
  ],
  [
    'nested',
    'id STRING, score STRUCT<a: INT>',
    'ALTER TABLE $t ADD COLUMNS (score.b STRING)',
    [{ kind: 'nestedChanged', column: 'score', breaks: true, commit }],
  ],
  [
    'nullable',
    'id STRING, score DOUBLE NOT NULL',
    'ALTER TABLE $t ALTER COLUMN score DROP NOT NULL',
    [{ kind: 'nullability', column: 'score', after: 'nullable', breaks: false, commit }],
  ],
])('a column that was %s is told with its commit', async (name, columns, statement, changes) => {
  const { changes: found, stop } = await drifted(name, columns, statement, ['score'])
  expect(found).toMatchObject(changes)
  const [first] = changes
  expect(stop?.code).toBe(first?.breaks ? 'SCHEMA_BREAKS_TRANSFORM' : undefined)
  if (first?.breaks) expect(stop?.message).toContain(' (version 1 of ')
})

test('a column that was dropped and added again, of the same type, is another column', async () => {
  const statements = ['ALTER TABLE $t DROP COLUMN score', 'ALTER TABLE $t ADD COLUMNS (score DOUBLE)']
  const { changes, stop } = await drifted('again', 'id STRING, score DOUBLE, n INT', statements, ['score'])
  expect(changes).toMatchObject([{ kind: 'dropped', column: 'score', after: 'double', commit }])
  expect(stop?.message).toContain('score is gone, and another column has its name now (version 1 of ')
})

test('a query that names a column which is gone is told in the words of the transform', async () => {
  await admin.run(`CREATE TABLE main.drift.queried (id STRING, score DOUBLE) ${MAPPED}`)
  const source = new DatabricksSource({ ...lakeOptions(), query: 'SELECT id, score FROM main.drift.queried' })
  const schema = (await source.describe(signal)) as Schema
  await admin.run('ALTER TABLE main.drift.queried RENAME COLUMN score TO scores')
  const facts = {
    version: 'v1',
    form: 'default' as const,
    reads: [{ column: 'score', at: 'churn.js:3:7' }],
    readsAll: false,
  }
  const decided = decideDrift(source, { before: { ...schema, version: 'v1' }, facts, policies: {} }, { signal })
  await expect(decided).rejects.toMatchObject({
    code: 'SCHEMA_BREAKS_TRANSFORM',
    message: expect.stringMatching(/column score is missing, perhaps renamed to .*scores.*churn\.js:3:7/),
  })
  await source.close()
})

test('a feed is read across a rename, a drop and a widening, each version in the schema it had', async () => {
  const table = 'main.drift.fed'
  await admin.runAll(
    `CREATE TABLE ${table} (id STRING, v INT, w STRING) ${MAPPED}`,
    `INSERT INTO ${table} VALUES ('a', 1, 'x')`,
  )
  const source = new DatabricksSource({ ...lakeOptions(), table, changes: 'feed', key: ['id'] })
  const { cursor } = await readAll(source)
  await admin.runAll(
    `INSERT INTO ${table} VALUES ('b', 2, 'y')`,
    `ALTER TABLE ${table} RENAME COLUMN w TO word`,
    `INSERT INTO ${table} VALUES ('c', 3, 'z')`,
    `ALTER TABLE ${table} ALTER COLUMN v TYPE BIGINT`,
    `INSERT INTO ${table} VALUES ('d', 4000000000, 'z')`,
    `ALTER TABLE ${table} DROP COLUMN word`,
    `DELETE FROM ${table} WHERE id = 'a'`,
  )
  const { rows, cursor: behind } = await readAll(source, { after: cursor as Cursor })
  expect(rows.map(({ id, v, w, word, _change_type }) => [id, v, w ?? word ?? null, _change_type])).toEqual([
    ['b', 2, 'y', 'insert'],
    ['c', 3, 'z', 'insert'],
    ['d', 4_000_000_000, 'z', 'insert'],
    ['a', 1, null, 'delete'],
  ])
  expect((await readAll(source, { after: behind as Cursor })).rows).toEqual([])
  await source.close()
})
