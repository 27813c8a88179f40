import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DatabricksSource, LakeloopError, type PreflightReport } from '../../../src/index.js'
import type { JsonObject } from '../../../src/model/value.js'
import { preflight, type Subject } from '../../../src/sources/databricks/preflight.js'
import { tableName } from '../../../src/sources/databricks/sql-text.js'
import type { SqlSession } from '../../../src/vendors/databricks/sql.js'
import { Workspace } from '../../../src/vendors/databricks/workspace.js'
import { FakeUnityCatalog, type FakeUnityCatalogOptions } from '../../fakes/unity-catalog/fake-unity-catalog.js'
import { WORLD } from '../../fakes/unity-catalog/sample-world.js'
import type { World } from '../../fakes/unity-catalog/world.js'

const host = 'dbc-1.cloud.databricks.com'
const auth = { clientId: 'app-1', clientSecret: 'secret-7' }
const schema = readFileSync(join(import.meta.dirname, '../../golden/databricks/types.schema.arrow'))

/** A session that answers by the first word that fits, or throws what stands there. */
function sessionOf(answers: Readonly<Record<string, readonly JsonObject[] | LakeloopError>>) {
  const ran: string[] = []
  const answer = (sql: string) => {
    ran.push(sql)
    const found = Object.entries(answers).find(([word]) => sql.includes(word))?.[1]
    if (found instanceof LakeloopError) throw found
    return found ?? []
  }
  const session: SqlSession = {
    rows: async (sql) => answer(sql),
    query: async (sql) => {
      answer(sql)
      return { schema, async *batches() {}, close: async () => {} }
    },
    close: async () => {},
  }
  return { session, ran }
}

const DELTA = {
  'DESCRIBE DETAIL': [{ format: 'delta', id: 'id', properties: {} }],
  'DESCRIBE HISTORY': [{ version: 7 }],
}
const withProperty = (name: string) => ({
  ...DELTA,
  'DESCRIBE DETAIL': [{ format: 'delta', id: 'id', properties: { [name]: 'true' } }],
})

interface Stand extends Partial<FakeUnityCatalogOptions> {
  readonly sql?: Parameters<typeof sessionOf>[0]
  readonly subject?: Partial<Subject>
}

function stand({ sql = DELTA, subject = {}, ...more }: Stand = {}) {
  const fake = new FakeUnityCatalog({ world: WORLD, ...more })
  const { session, ran } = sessionOf(sql)
  const table = tableName('main.crm.users')
  const whole: Subject = {
    asking: { session, source: 'churn', signal: new AbortController().signal },
    workspace: new Workspace({ name: 'churn', part: 'DatabricksSource', host, auth, fetch: fake.fetch }),
    principal: 'app-1',
    httpPath: '/sql/1.0/warehouses/w-1',
    query: `SELECT * FROM ${table.sql}`,
    table,
    changes: 'snapshot',
    volumes: [],
    ...subject,
  }
  return { fake, ran, report: () => preflight(whole) }
}

const lines = ({ checks }: PreflightReport) => checks.map(({ what, status }) => `${status}: ${what}`)
const checkIn = ({ checks }: PreflightReport, what: string) => checks.find((check) => check.what === what)
const forbidden = (privilege: string, securable: string) =>
  new LakeloopError('SOURCE_FORBIDDEN', { source: 'churn', privilege, securable })
const without = (privilege: string): World => ({
  ...WORLD,
  grants: WORLD.grants.map((grant) => ({ ...grant, privileges: grant.privileges.filter((one) => one !== privilege) })),
})

describe('preflight()', () => {
  test('goes in the order of a run, and tells masks and row filter', async () => {
    const report = await stand().report()
    expect(report.ok).toBe(false) // no run begins behind a row filter
    expect(lines(report)).toEqual([
      'works: sign in',
      'works: session on the SQL warehouse',
      'works: SELECT 1',
      'works: USE CATALOG on catalog main',
      'works: USE SCHEMA on schema main.crm',
      'works: SELECT on table main.crm.users',
      'works: read main.crm.users for no rows',
      'unknown: mask on column email',
      'missing: row filter',
    ])
    expect(checkIn(report, 'mask on column email')?.problem).toMatch(/^main\.sec\.mask_email stands before its values/)
    expect(checkIn(report, 'row filter')?.problem).toMatch(/^main\.sec\.own_rows leaves rows out/)
    expect(report.checks.flatMap(({ statements }) => statements)).toEqual([])
  })

  test('has nothing against guards that are allowed by name', async () => {
    const allow = { masks: ['email'], rowFilter: 'main.sec.own_rows' }
    const report = await stand({ subject: { allow } }).report()
    expect(report.ok).toBe(true)
    expect(lines(report).at(-1)).toBe('works: no column masks and row filters but what is allowed by name')
  })

  test('ends behind the token where there is none', async () => {
    const refusing = async () => Response.json({ error: 'invalid_client' }, { status: 401 })
    const workspace = new Workspace({ name: 'churn', part: 'P', host, auth, fetch: refusing as never })
    const { ran, report } = stand({ subject: { workspace } })
    const { ok, checks } = await report()
    expect([ok, ran]).toEqual([false, []])
    expect(checks).toMatchObject([{ what: 'sign in', status: 'missing', statements: [] }])
    expect(checks[0]?.problem).toContain('usually the secret has expired')
  })

  test('without CAN USE says where it is given, and still looks at the grants', async () => {
    const sql = { 'SELECT 1': forbidden('CAN USE', 'the SQL warehouse') }
    const report = await stand({ sql }).report()
    expect(report.ok).toBe(false)
    expect(lines(report).slice(0, 5)).toEqual([
      'works: sign in',
      'missing: session on the SQL warehouse',
      'works: USE CATALOG on catalog main',
      'works: USE SCHEMA on schema main.crm',
      'works: SELECT on table main.crm.users',
    ])
    const { problem, statements } = checkIn(report, 'session on the SQL warehouse') ?? {}
    expect(problem).toContain('PATCH /api/2.0/permissions/warehouses/w-1')
    expect(problem).toContain('{"service_principal_name":"app-1","permission_level":"CAN_USE"}')
    expect(statements).toEqual([])
  })

  test('names the warehouse alone where the path says the workspace too', async () => {
    const sql = { 'SELECT 1': forbidden('CAN USE', 'the SQL warehouse') }
    const { checks } = await stand({ sql, subject: { httpPath: '/sql/1.0/warehouses/w-1?o=42' } }).report()
    expect(checks[1]?.problem).toContain('PATCH /api/2.0/permissions/warehouses/w-1 with')
  })

  test('looks up the guards of a name without a catalog, and of the tables that a query names', async () => {
    const sql = { ...DELTA, current_catalog: [{ home: 'main', within: 'crm' }] }
    const short = await stand({ sql, subject: { table: tableName('users') } }).report()
    expect([short.ok, checkIn(short, 'row filter')?.status]).toEqual([false, 'missing'])
    const queried = await stand({ sql, subject: { table: undefined, query: 'SELECT email FROM crm.users' } }).report()
    expect(lines(queried).slice(-2)).toEqual([
      'unknown: mask on column email of main.crm.users',
      'missing: row filter of main.crm.users',
    ])
  })

  test('says that no run begins where guards are not shown', async () => {
    const { checks, ok } = await stand({ world: without('SELECT') }).report()
    expect(ok).toBe(false)
    expect(checks.at(-1)).toMatchObject({ what: 'column masks and row filters', status: 'missing' })
    expect(checks.at(-1)?.problem).toContain('SOURCE_GUARDS_UNSEEN')
    const allowed = await stand({ world: without('SELECT'), subject: { allow: { unseen: true } } }).report()
    expect(allowed.checks.at(-1)).toMatchObject({ what: 'column masks and row filters', status: 'unknown' })
  })

  test('a warehouse that cannot be reached is unknown, and not ok', async () => {
    const sql = { 'SELECT 1': new LakeloopError('SOURCE_UNREACHABLE', { source: 'churn', problem: ': HTTP 503' }) }
    const report = await stand({ sql }).report()
    expect([report.ok, checkIn(report, 'session on the SQL warehouse')?.status]).toEqual([false, 'unknown'])
  })

  test.each([
    ['USE_CATALOG', 'USE CATALOG on catalog main', 'GRANT USE CATALOG ON CATALOG `main` TO `app-1`;'],
    ['USE_SCHEMA', 'USE SCHEMA on schema main.crm', 'GRANT USE SCHEMA ON SCHEMA `main`.`crm` TO `app-1`;'],
    ['SELECT', 'SELECT on table main.crm.users', 'GRANT SELECT ON TABLE `main`.`crm`.`users` TO `app-1`;'],
  ])('without %s gives the statement', async (privilege, what, statement) => {
    const sql = { ...DELTA, 'LIMIT 0': new LakeloopError('SOURCE_TABLE_MISSING', { source: 'c', table: 't' }) }
    const report = await stand({ world: without(privilege), sql }).report()
    expect(report.ok).toBe(false)
    expect(checkIn(report, what)).toMatchObject({ status: 'missing', statements: [statement] })
    expect(
      report.checks.filter(({ status, statements }) => status === 'missing' && statements.length > 0),
    ).toHaveLength(1)
    expect(checkIn(report, 'read main.crm.users for no rows')?.problem).toMatch(/no right on looks the same\.$/)
  })

  test('what the server refuses is believed before the grants, and what it allows too', async () => {
    const sql = { ...DELTA, 'LIMIT 0': forbidden('SELECT', 'Table main.crm.users') }
    const refused = await stand({ sql }).report()
    expect(checkIn(refused, 'SELECT on table main.crm.users')).toMatchObject({ status: 'missing' })
    expect(checkIn(refused, 'read main.crm.users for no rows')).toMatchObject({
      status: 'missing',
      statements: ['GRANT SELECT ON TABLE `main`.`crm`.`users` TO `app-1`;'],
    })
    const rest = without('SELECT')
    const select = { on: 'table main.crm.users', to: 'readers', privileges: ['SELECT'] }
    const world = { ...rest, grants: [...rest.grants, select], groups: { readers: ['app-1'] } }
    const allow = { rowFilter: 'main.sec.own_rows' }
    const byGroup = await stand({ world, subject: { allow } }).report()
    expect([byGroup.ok, checkIn(byGroup, 'SELECT on table main.crm.users')?.status]).toEqual([true, 'works'])
  })

  test('grants that are not shown are unknown, with the statement', async () => {
    const sql = { ...DELTA, 'LIMIT 0': forbidden('USE CATALOG', 'Catalog main') }
    const report = await stand({ showsGrants: false, sql }).report()
    expect(checkIn(report, 'USE CATALOG on catalog main')?.status).toBe('missing')
    expect(checkIn(report, 'USE SCHEMA on schema main.crm')).toMatchObject({
      status: 'unknown',
      statements: ['GRANT USE SCHEMA ON SCHEMA `main`.`crm` TO `app-1`;'],
    })
  })

  test('what others were granted counts for nothing, and upper case is no other principal', async () => {
    const sql = { ...DELTA, 'LIMIT 0': new LakeloopError('SOURCE_TABLE_MISSING', { source: 'c', table: 't' }) }
    const { fake, report } = stand({ sql })
    const granted = (principal: string) => ({ principal, privileges: [{ privilege: 'ALL_PRIVILEGES' }] })
    fake.faults.push(
      Response.json({ privilege_assignments: [granted('somebody')] }),
      Response.json({ privilege_assignments: [granted('APP-1')] }),
    )
    const found = await report()
    expect(checkIn(found, 'USE CATALOG on catalog main')?.status).toBe('missing')
    expect(checkIn(found, 'USE SCHEMA on schema main.crm')?.status).toBe('works')
  })

  test('with a token alone the statement says whose name is to be filled in', async () => {
    const sql = { ...DELTA, 'LIMIT 0': forbidden('SELECT', 'Table main.crm.users') }
    const { checks } = await stand({ sql, subject: { principal: undefined } }).report()
    expect(checks.flatMap(({ statements }) => statements).at(-1)).toBe(
      'GRANT SELECT ON TABLE `main`.`crm`.`users` TO `<application id or name of the principal behind auth.token>`;',
    )
  })

  test('odd names are quoted', async () => {
    const table = tableName('`a-b`.`c``d`.`e f`')
    const sql = { ...DELTA, 'LIMIT 0': new LakeloopError('SOURCE_FAILED', { source: 'c' }) }
    const { checks } = await stand({ sql, subject: { table } }).report()
    expect(checks.flatMap(({ statements }) => statements)).toContain(
      'GRANT SELECT ON TABLE `a-b`.`c``d`.`e f` TO `app-1`;',
    )
  })

  test('volumes need both rights', async () => {
    const grants = [...WORLD.grants, { on: 'volume main.crm.landing', to: 'app-1', privileges: ['READ_VOLUME'] }]
    const report = await stand({ world: { ...WORLD, grants }, subject: { volumes: ['main.crm.landing'] } }).report()
    expect(report.ok).toBe(false)
    expect(lines(report)).toContain('works: READ VOLUME on volume main.crm.landing')
    expect(lines(report)).toContain('works: list the files of volume main.crm.landing')
    expect(checkIn(report, 'WRITE VOLUME on volume main.crm.landing')).toMatchObject({
      status: 'missing',
      statements: ['GRANT WRITE VOLUME ON VOLUME `main`.`crm`.`landing` TO `app-1`;'],
    })
    expect(lines(report).filter((line) => line.includes('USE CATALOG'))).toHaveLength(1)
    await expect(stand({ subject: { volumes: ['landing'] } }).report()).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  test('the token is tried on the files of a volume: what works needs no grant that is shown', async () => {
    const grants = [...WORLD.grants, { on: 'volume main.crm.landing', to: 'app-1', privileges: ['READ_VOLUME'] }]
    const subject = { volumes: ['main.crm.landing'] }
    const { fake, report } = stand({ world: { ...WORLD, grants }, showsGrants: false, subject })
    expect(lines(await report()).filter((line) => /volume/i.test(line))).toEqual([
      'works: READ VOLUME on volume main.crm.landing',
      'unknown: WRITE VOLUME on volume main.crm.landing',
      'works: list the files of volume main.crm.landing',
    ])
    expect(fake.asked).toContain('/api/2.0/fs/directories/Volumes/main/crm/landing?page_size=1')
  })

  test.each([
    [['WRITE_VOLUME'], 'lacks READ VOLUME on Volume main.crm.landing', 1],
    [undefined, 'there is no such volume, or the principal has no right on it', 0],
  ])('files that cannot be listed are missing, with %j', async (privileges, problem, statements) => {
    const more = privileges === undefined ? [] : [{ on: 'volume main.crm.landing', to: 'app-1', privileges }]
    const world = { ...WORLD, grants: [...WORLD.grants, ...more] }
    const report = await stand({ world, subject: { volumes: ['main.crm.landing'] } }).report()
    const check = checkIn(report, 'list the files of volume main.crm.landing')
    expect([check?.status, check?.statements.length]).toEqual(['missing', statements])
    expect(check?.problem).toContain(problem)
  })

  const NO_FEED = { table_changes: new LakeloopError('SOURCE_HISTORY_GONE', {}) }
  const alter = (property: string) =>
    `ALTER TABLE \`main\`.\`crm\`.\`users\` SET TBLPROPERTIES ('${property}' = 'true');`
  test.each([
    ['feed', DELTA, 'missing', [alter('delta.enableChangeDataFeed')], false],
    ['feed', withProperty('delta.enableChangeDataFeed'), 'works', [], true],
    [
      'feed',
      { ...withProperty('delta.enableRowTracking'), ...NO_FEED },
      'missing',
      [alter('delta.enableChangeDataFeed')],
      false,
    ],
    // A warehouse that makes a feed of row tracking by itself answers.
    ['feed', withProperty('delta.enableRowTracking'), 'works', [], true],
    ['rowTracking', DELTA, 'missing', [alter('delta.enableRowTracking')], false],
    ['rowTracking', withProperty('delta.enableRowTracking'), 'works', [], true],
    ['auto', DELTA, 'works', [alter('delta.enableChangeDataFeed')], true],
    ['auto', withProperty('delta.enableRowTracking'), 'works', [], true],
    ['feed', {}, 'missing', [], false],
    [
      'feed',
      { ...withProperty('delta.enableChangeDataFeed'), table_changes: new LakeloopError('SOURCE_HISTORY_GONE', {}) },
      'missing',
      [],
      false,
    ],
  ] as const)('changes: %s on %j is %s', async (changes, sql, status, statements, ok) => {
    const report = await stand({ sql, subject: { changes, allow: { rowFilter: 'main.sec.own_rows' } } }).report()
    expect(checkIn(report, `changes: ${changes}`)).toMatchObject({ status, statements })
    expect(report.ok).toBe(ok)
  })

  test('a query has no table to look at, and names what the server names', async () => {
    const sql = { 'LIMIT 0': forbidden('EXECUTE', 'Function main.crm.f') }
    const report = await stand({ sql, subject: { table: undefined, query: 'SELECT main.crm.f(1)' } }).report()
    expect(lines(report)).toEqual([
      'works: sign in',
      'works: session on the SQL warehouse',
      'works: SELECT 1',
      'missing: run the query for no rows',
      'unknown: column masks and row filters',
    ])
    expect(report.checks[3]?.statements).toEqual(['GRANT EXECUTE ON FUNCTION `main`.`crm`.`f` TO `app-1`;'])
  })

  test('throws when it is cancelled', async () => {
    await expect(stand({ sql: { 'SELECT 1': new LakeloopError('ABORTED') } }).report()).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

test('DatabricksSource.preflight() asks as the source does', async () => {
  const refusing = (async () => Response.json({ error: 'invalid_client' }, { status: 401 })) as never
  const source = new DatabricksSource({ host, auth, httpPath: '/x', table: 'main.crm.users', fetch: refusing })
  const report = await source.preflight()
  expect(report).toMatchObject({ ok: false, checks: [{ what: 'sign in', status: 'missing' }] })
  expect(JSON.stringify(report)).not.toContain('secret-7')
  // and through the driver, which asks for the token by itself
  await expect(source.describe(new AbortController().signal)).rejects.toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  await source.close()
  await expect(source.preflight()).rejects.toMatchObject({ code: 'CLOSED' })
})
