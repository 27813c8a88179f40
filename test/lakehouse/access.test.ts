import { DatabricksCatalog, DatabricksSource, type Schema } from 'lakeloop'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { Admin, lakeOptions, readAll } from './lake.js'

const admin = new Admin()
const table = 'main.access.scores'
const { clientId, clientSecret } = inject('lake')
const principal = { ...lakeOptions(), auth: { clientId, clientSecret } }

beforeAll(async () => {
  await admin.schema('access')
  await admin.run(`CREATE TABLE ${table} (id STRING NOT NULL COMMENT 'whose', score DECIMAL(10,2), more STRUCT<a: ARRAY<BIGINT>>)
    TBLPROPERTIES ('delta.columnMapping.mode' = 'name')`)
  await admin.run(`INSERT INTO ${table} VALUES ('a', 1.50, NULL)`)
})
afterAll(() => admin.close())

test('one service principal reads rows and browses the catalog', async () => {
  const source = new DatabricksSource({ ...principal, table, key: ['id'] })
  expect((await readAll(source)).rows).toEqual([{ id: 'a', score: 1.5, more: null }])
  const columns = []
  for await (const column of source.catalog.columns(table)) columns.push(column)
  expect(columns).toEqual([
    { name: 'id', type: 'string', nullable: false, position: 0, comment: 'whose', id: '1' },
    { name: 'score', type: 'decimal(10,2)', nullable: true, position: 1, id: '2' },
    { name: 'more', type: 'struct<a:array<bigint>>', nullable: true, position: 2, id: '3' },
  ])
  await source.close()
})

test('the schema of a table has the ids of its columns, and which are never NULL', async () => {
  const source = new DatabricksSource({ ...principal, table })
  const { columns, asOf } = (await source.describe(new AbortController().signal)) as Schema
  expect(columns.map(({ name, id, nullable }) => [name, id, nullable])).toEqual([
    ['id', '1', false],
    ['score', '2', true],
    ['more', '3', true],
  ])
  expect(asOf).toMatch(/^1@/)
  await source.close()
})

test('catalogs, schemas and tables are listed by a catalog alone', async () => {
  const { httpPath: _, ...reach } = principal
  const catalog = new DatabricksCatalog(reach)
  const names = []
  for await (const { name } of catalog.list()) names.push(name)
  for await (const { fullName } of catalog.schemas('main')) names.push(fullName)
  for await (const { fullName, tableType } of catalog.tables('main', 'access')) names.push(`${tableType} ${fullName}`)
  expect(names).toEqual(expect.arrayContaining(['main', 'catalog', 'main.access', `MANAGED ${table}`]))
})

test('a wrong secret is refused, and is in no message', async () => {
  const source = new DatabricksSource({ ...lakeOptions(), auth: { clientId, clientSecret: 'wrong-one' }, table })
  const error = await readAll(source).catch((thrown: Error) => thrown)
  expect(error).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  expect(String(error)).not.toContain('wrong-one')
  await source.close()
})

test('preflight tries each step, and gives the statement that turns on what is off', async () => {
  const source = new DatabricksSource({ ...principal, table, changes: 'feed' })
  const { ok, checks } = await source.preflight()
  expect(ok).toBe(false)
  expect(checks.filter(({ status }) => status === 'missing')).toMatchObject([
    {
      what: 'changes: feed',
      statements: ["ALTER TABLE `main`.`access`.`scores` SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true');"],
    },
  ])
  await admin.run(`ALTER TABLE ${table} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')`)
  expect((await source.preflight()).ok).toBe(true)
  await source.close()
})
