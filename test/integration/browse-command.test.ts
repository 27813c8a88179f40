import { DatabricksSource } from 'lakeloop'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeUnityCatalog } from '../fakes/unity-catalog/fake-unity-catalog.js'
import { WORLD } from '../fakes/unity-catalog/sample-world.js'
import { Desk } from './desk.js'

let desk: Desk
beforeEach(async () => {
  desk = await Desk.open()
  desk.sync('plain')
})
afterEach(() => desk.close())

function lakehouse(): void {
  const { fetch } = new FakeUnityCatalog({ world: WORLD })
  const auth = { clientId: 'app-1', clientSecret: 'secret-7' }
  const access = { host: 'dbc-1.cloud.databricks.com', httpPath: '/sql/1.0/warehouses/w-1', auth, fetch }
  desk.sync('churn', { source: new DatabricksSource({ ...access, table: 'main.crm.users', key: ['id'] }) })
}

test('lakeloop browse goes from catalogs to columns, as the principal of the sync that reads from Databricks', async () => {
  lakehouse()
  expect((await desk.run('browse')).said).toContainEqual(expect.stringMatching(/^main\b/))
  expect((await desk.run('browse', 'main')).said).toContainEqual(expect.stringMatching(/^main\.crm\b/))
  expect((await desk.run('browse', 'main.crm')).said).toContainEqual(
    expect.stringMatching(/^main\.crm\.users {2}MANAGED {2}DELTA/),
  )
  const { told } = await desk.json('browse', '`main`.crm.users')
  expect((told as readonly object[])[0]).toMatchObject({ name: expect.any(String), type: expect.any(String) })
  expect((await desk.run('browse', 'main.crm.users')).said).toHaveLength((told as readonly object[]).length)
  expect((await desk.run('browse', '--search', '%users%')).said).toContainEqual(
    expect.stringMatching(/^main\.crm\.users\b/),
  )
})

test('lakeloop browse says where there is nothing to browse', async () => {
  await expect(desk.run('browse')).rejects.toThrow('no sync of the config reads from Databricks')
  await expect(desk.run('browse', '--sync', 'plain')).rejects.toThrow('the sync plain does not read from Databricks')
  await expect(desk.run('browse', 'a', '--search', 'b')).rejects.toThrow('one place, or --search')
  lakehouse()
  await expect(desk.run('browse', 'a.b.c.d')).rejects.toThrow('OPTION_INVALID')
})
