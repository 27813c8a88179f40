import { LakeloopError } from 'lakeloop'
import { describe, expect, test } from 'vitest'
import { type PreflightNeeds, preflight } from '../../../src/sources/databricks/preflight.js'
import type { SqlSession } from '../../../src/vendors/databricks/sql.js'
import { AccessToken } from '../../../src/vendors/databricks/token.js'
import { UnityCatalog } from '../../../src/vendors/databricks/unity-catalog.js'
import { workspace } from '../../../src/vendors/databricks/workspace.js'
import { FakeWorkspace, HOST, UC } from '../../vendors/fake-workspace.js'

const signal = new AbortController().signal
const TABLE = {
  name: 'users',
  catalog_name: 'main',
  schema_name: 'crm',
  full_name: 'main.crm.users',
  table_type: 'MANAGED',
  data_source_format: 'DELTA',
  properties: {},
}

/** A workspace in which everything is granted, with a warehouse that answers; each test takes something away. */
function stand(
  more: Partial<PreflightNeeds> = {},
  { fails = {}, table = {} }: { fails?: Record<string, LakeloopError>; table?: object } = {},
) {
  const fake = new FakeWorkspace()
  const granted = (...privileges: string[]) => ({
    privilege_assignments: [
      {
        principal: 'app-1',
        privileges: privileges.map((privilege) => ({ privilege, inherited_from_type: 'CATALOG' })),
      },
    ],
  })
  fake.on(`${UC}/effective-permissions/catalog/main`, () => granted('USE_CATALOG'))
  fake.on(`${UC}/effective-permissions/schema/main.crm`, () => granted('USE_SCHEMA'))
  fake.on(`${UC}/effective-permissions/table/main.crm.users`, () => granted('SELECT'))
  fake.on(`${UC}/tables/main.crm.users`, () => ({ ...TABLE, ...table }))
  const place = workspace({ name: 'churn', host: HOST, fetch: fake.fetch })
  const token = new AccessToken({ token: 't1' }, place)
  const session = {
    rows: async (sql: string) => {
      const failed = Object.entries(fails).find(([part]) => sql.includes(part))
      if (failed !== undefined) throw failed[1]
      return []
    },
  } as unknown as SqlSession
  const needs: PreflightNeeds = {
    asking: { session, source: 'churn', signal },
    catalog: new UnityCatalog(place, token),
    principal: 'app-1',
    table: 'main.crm.users',
    query: undefined,
    changes: 'snapshot',
    volumes: [],
    token: () => token.current(),
    ...more,
  }
  return { fake, granted, run: () => preflight(needs) }
}

const missing = ({ checks }: Awaited<ReturnType<typeof preflight>>) =>
  checks.filter(({ status }) => status === 'missing').map(({ what, statements }) => [what, ...statements])

describe('preflight()', () => {
  test('says of everything that it works, in the order in which it is needed', async () => {
    const { ok, checks } = await stand().run()
    expect(ok).toBe(true)
    expect(checks.map(({ what, status }) => `${status}: ${what}`)).toEqual([
      'works: a token',
      'works: CAN USE on the SQL warehouse',
      'works: USE CATALOG on catalog main',
      'works: USE SCHEMA on schema main.crm',
      'works: SELECT on table main.crm.users',
      'works: rows of main.crm.users',
    ])
  })

  test('gives the statement for each right that is missing, all at once', async () => {
    const { fake, granted, run } = stand({ volumes: ['main.crm.landing'] })
    for (const [path, privileges] of [
      ['catalog/main', []],
      ['schema/main.crm', ['CREATE_TABLE']],
      ['table/main.crm.users', ['MODIFY']],
      ['volume/main.crm.landing', ['READ_VOLUME']],
    ] as const)
      fake.on(`${UC}/effective-permissions/${path}`, () => granted(...privileges))
    const found = await run()
    expect(found.ok).toBe(false)
    expect(missing(found)).toEqual([
      ['USE CATALOG on catalog main', 'GRANT USE CATALOG ON CATALOG `main` TO `app-1`;'],
      ['USE SCHEMA on schema main.crm', 'GRANT USE SCHEMA ON SCHEMA `main`.`crm` TO `app-1`;'],
      ['SELECT on table main.crm.users', 'GRANT SELECT ON TABLE `main`.`crm`.`users` TO `app-1`;'],
      ['WRITE VOLUME on volume main.crm.landing', 'GRANT WRITE VOLUME ON VOLUME `main`.`crm`.`landing` TO `app-1`;'],
    ])
  })

  test('takes ALL PRIVILEGES and ownership for every right', async () => {
    const { fake, granted, run } = stand()
    fake.on(`${UC}/effective-permissions/catalog/main`, () => granted('ALL_PRIVILEGES'))
    expect((await run()).ok).toBe(true)
  })

  test('names no principal that it does not know', async () => {
    const { fake, granted, run } = stand({ principal: undefined })
    fake.on(`${UC}/effective-permissions/catalog/main`, () => granted())
    expect(missing(await run())[0]?.[1]).toBe(
      'GRANT USE CATALOG ON CATALOG `main` TO `<application id of the service principal>`;',
    )
  })

  test('does not take for missing what it could not ask', async () => {
    const { fake, run } = stand()
    fake.on(`${UC}/effective-permissions/schema/main.crm`, () => [403, {}])
    const { ok, checks } = await run()
    expect(ok).toBe(true)
    expect(checks.find(({ what }) => what.startsWith('USE SCHEMA'))).toMatchObject({
      status: 'unknown',
      statements: [],
    })
  })

  test('a token that cannot be had leaves the rest unknown', async () => {
    const { run } = stand({
      token: () => Promise.reject(new LakeloopError('SOURCE_UNAUTHORIZED', { source: 'churn' })),
    })
    const { ok, checks } = await run()
    expect(ok).toBe(false)
    expect(checks.map(({ status }) => status)).toEqual(['missing', 'unknown', 'unknown', 'unknown', 'unknown'])
  })

  test('a warehouse that may not be used says where that is granted, since no SQL does it', async () => {
    const forbidden = new LakeloopError('SOURCE_FORBIDDEN', {
      source: 'churn',
      privilege: 'CAN USE',
      securable: 'the SQL warehouse',
    })
    const [found] = missing(await stand({}, { fails: { 'SELECT 1': forbidden } }).run())
    expect(found?.[0]).toBe('CAN USE on the SQL warehouse')
    expect(found?.[1]).toMatch(/Permissions: Can use for app-1/)
  })

  test('what the statement itself is refused for is granted by name', async () => {
    const forbidden = new LakeloopError('SOURCE_FORBIDDEN', {
      source: 'churn',
      privilege: 'SELECT',
      securable: 'Table main.crm.users',
    })
    expect(missing(await stand({}, { fails: { 'LIMIT 0': forbidden } }).run())).toEqual([
      ['rows of main.crm.users', 'GRANT SELECT ON TABLE `main`.`crm`.`users` TO `app-1`;'],
    ])
  })

  test.each([
    ['feed', 'delta.enableChangeDataFeed'],
    ['rowTracking', 'delta.enableRowTracking'],
  ] as const)('%s that is off gives the statement that turns it on', async (changes, property) => {
    const statement = `ALTER TABLE \`main\`.\`crm\`.\`users\` SET TBLPROPERTIES ('${property}' = 'true');`
    expect(missing(await stand({ changes }).run())).toEqual([[`changes by ${changes}`, statement]])
    expect((await stand({ changes }, { table: { properties: { [property]: 'true' } } }).run()).ok).toBe(true)
    expect(missing(await stand({ changes }, { table: { table_type: 'VIEW' } }).run())).toEqual([
      [`changes by ${changes}`],
    ])
  })

  test('a mask and a row filter are told', async () => {
    const table = {
      columns: [{ name: 'email', type_text: 'string', mask: { function_name: 'main.sec.hide' } }],
      row_filter: { function_name: 'main.sec.eu' },
    }
    const { checks } = await stand({}, { table }).run()
    expect(checks.flatMap(({ problem = [] }) => problem)).toEqual([
      'the mask main.sec.hide stands before them',
      'the row filter main.sec.eu stands before them',
    ])
  })

  test('of a query asks the query itself', async () => {
    const { checks } = await stand({ table: undefined, query: 'SELECT 7' }).run()
    expect(checks.map(({ what }) => what)).toEqual(['a token', 'CAN USE on the SQL warehouse', 'the query'])
  })
})
