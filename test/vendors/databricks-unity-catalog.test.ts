import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/transport/clock.js'
import { catalogTable } from '../../src/vendors/databricks/table-info.js'
import { AccessToken } from '../../src/vendors/databricks/token.js'
import { UnityCatalog } from '../../src/vendors/databricks/unity-catalog.js'
import { workspace } from '../../src/vendors/databricks/workspace.js'
import { type Answer, FakeWorkspace, HOST, UC } from './fake-workspace.js'

const signal = new AbortController().signal

function stand(tokens: readonly string[] = ['t1']) {
  const fake = new FakeWorkspace()
  const slept: number[] = []
  // A wait for a deadline ends with its signal, one between attempts at once.
  const clock: Clock = {
    now: () => 0,
    sleep: (ms, given) => {
      if (given !== signal) return new Promise(() => undefined)
      slept.push(ms)
      return Promise.resolve()
    },
  }
  const place = workspace({ name: 'churn', host: HOST, fetch: fake.fetch })
  let asked = 0
  const token = new AccessToken({ token: () => tokens[Math.min(asked++, tokens.length - 1)] as string }, place)
  return { fake, slept, catalog: new UnityCatalog(place, token, clock) }
}

const listed = async (catalog: UnityCatalog) => {
  const names: unknown[] = []
  for await (const one of catalog.list('/schemas', { catalog_name: 'main' }, { name: 'schemas', what: 'main', signal }))
    names.push(one.name)
  return names
}

describe('a listing', () => {
  test('goes on over empty pages, until one names no next', async () => {
    const { fake, catalog } = stand()
    const pages: Record<string, Answer> = {
      '': { schemas: [{ name: 'a' }], next_page_token: 'p2' },
      p2: { next_page_token: 'p3' },
      p3: { schemas: [], next_page_token: 'p4' },
      p4: { schemas: [{ name: 'b' }] },
    }
    fake.on(`${UC}/schemas`, ({ query }) => pages[query.page_token ?? ''] as Answer)
    expect(await listed(catalog)).toEqual(['a', 'b'])
    for (const { query, headers } of fake.seen) {
      expect(query).toMatchObject({ max_results: '0', catalog_name: 'main' })
      expect(headers.get('authorization')).toBe('Bearer t1')
    }
  })

  test('does not go round in circles', async () => {
    const { fake, catalog } = stand()
    fake.on(`${UC}/schemas`, () => ({ schemas: [], next_page_token: 'again' }))
    await expect(listed(catalog)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    expect(fake.seen).toHaveLength(2)
  })
})

describe('a call', () => {
  const table = (answers: readonly Answer[], tokens?: readonly string[]) => {
    const { fake, slept, catalog } = stand(tokens)
    let at = 0
    fake.on(`${UC}/tables/main.crm.users`, () => answers[Math.min(at++, answers.length - 1)] as Answer)
    return { fake, slept, asked: catalog.table('main.crm.users', signal) }
  }
  const good = { name: 'users', catalog_name: 'main', schema_name: 'crm', table_type: 'MANAGED', columns: [] }

  test('is made again after 503, 429 and a broken connection, and waits as told, capped', async () => {
    const broken = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const { slept, asked } = table([[503, {}], [429, {}, { 'retry-after': '7' }], broken, good])
    expect((await asked).fullName).toBe('main.crm.users')
    expect(slept).toEqual([1_000, 7_000, 4_000])
    const patient = table([[429, {}, { 'retry-after': '86400' }], good])
    await patient.asked
    expect(patient.slept).toEqual([60_000])
  })

  test('is given up after four attempts', async () => {
    const { fake, asked } = table([[503, {}]])
    await expect(asked).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', facts: { problem: ': HTTP 503' } })
    expect(fake.seen).toHaveLength(4)
  })

  test('asks for another token once when its own was refused', async () => {
    const { fake, asked } = table([[401, {}], good], ['t1', 't2'])
    await asked
    expect(fake.seen.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer t1', 'Bearer t2'])
    await expect(table([[401, {}]], ['t1', 't2', 't3']).asked).rejects.toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  // The body is of the shape recorded in Azure/spark-cdm-connector issue 149; the names are ours.
  test('that lacks a privilege says which, on what', async () => {
    const metadata = { msg: 'USE SCHEMA', resourceType: 'Schema', resourceName: 'main.crm' }
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'x', metadata }]
    const { asked } = table([[403, { error_code: 'PERMISSION_DENIED', message: 'secret text', details }]])
    await expect(asked).rejects.toMatchObject({
      code: 'SOURCE_FORBIDDEN',
      facts: { privilege: 'USE SCHEMA', securable: 'Schema main.crm' },
    })
    const texts = table([[403, { message: "User does not have SELECT on Table 'main.crm.users'." }]])
    await expect(texts.asked).rejects.toMatchObject({
      facts: { privilege: 'SELECT', securable: 'Table main.crm.users' },
    })
    await expect(table([[403, {}]]).asked).rejects.toMatchObject({
      facts: { privilege: 'a privilege', securable: 'main.crm.users' },
    })
  })

  test('for what is not there says so', async () => {
    const { asked } = table([[404, { error_code: 'TABLE_DOES_NOT_EXIST', message: "Table 'x' does not exist." }]])
    await expect(asked).rejects.toMatchObject({ code: 'SOURCE_TABLE_MISSING', facts: { table: 'main.crm.users' } })
  })
})

test('a table has its key, guards, ids and types where they stand, and nothing where they do not', () => {
  const column = (name: string, more: object = {}) => ({
    name,
    type_text: 'string',
    type_name: 'STRING',
    nullable: true,
    position: 0,
    ...more,
  })
  const mapped = JSON.stringify({
    name: 'score',
    type: 'double',
    nullable: false,
    metadata: { 'delta.columnMapping.id': 7 },
  })
  const table = catalogTable({
    name: 'users',
    catalog_name: 'main',
    schema_name: 'crm',
    full_name: 'main.crm.users',
    table_type: 'MANAGED',
    data_source_format: 'DELTA',
    table_id: 'id-1',
    browse_only: true,
    properties: { 'delta.enableChangeDataFeed': 'true' },
    row_filter: { function_name: 'main.sec.only_eu', input_column_names: ['region'] },
    table_constraints: [
      { foreign_key_constraint: { name: 'fk', child_columns: ['x'] } },
      { primary_key_constraint: { name: 'pk', child_columns: ['id', 'ts'], timeseries_columns: ['ts'] } },
    ],
    columns: [
      column('email', { mask: { function_name: 'main.sec.hidden' }, comment: 'where to' }),
      column('score', { type_text: 'double', type_json: mapped, nullable: false, position: 1 }),
      column('odd', { type_json: 'no json' }),
    ],
  })
  expect(table).toEqual({
    catalog: 'main',
    schema: 'crm',
    name: 'users',
    fullName: 'main.crm.users',
    type: 'MANAGED',
    format: 'DELTA',
    id: 'id-1',
    properties: { 'delta.enableChangeDataFeed': 'true' },
    browseOnly: true,
    primaryKey: ['id', 'ts'],
    timeseries: ['ts'],
    rowFilter: 'main.sec.only_eu',
    columns: [
      { name: 'email', type: 'string', nullable: true, position: 0, comment: 'where to', mask: 'main.sec.hidden' },
      { name: 'score', type: 'double', nullable: false, position: 1, id: '7' },
      { name: 'odd', type: 'string', nullable: true, position: 0 },
    ],
  })
  expect(catalogTable({ name: 'v', catalog_name: 'main', schema_name: 'crm', table_type: 'VIEW' })).toEqual({
    catalog: 'main',
    schema: 'crm',
    name: 'v',
    fullName: 'main.crm.v',
    type: 'VIEW',
    properties: {},
    browseOnly: false,
  })
})
