import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { restError } from '../../src/vendors/databricks/rest-errors.js'
import { columnType } from '../../src/vendors/databricks/spark-type.js'
import { DatabricksToken } from '../../src/vendors/databricks/token.js'
import { UnityCatalog } from '../../src/vendors/databricks/unity-catalog.js'
import { failure } from '../failure.js'
import { FakeUnityCatalog, type FakeUnityCatalogOptions } from '../fakes/unity-catalog/fake-unity-catalog.js'
import { field, WORLD } from '../fakes/unity-catalog/sample-world.js'
import { ManualClock } from './manual-clock.js'

const never = new AbortController().signal

function stand(more: Partial<FakeUnityCatalogOptions> = {}) {
  const clock = new ManualClock()
  const fake = new FakeUnityCatalog({ world: WORLD, ...more })
  const options = { name: 'churn', part: 'P', host: 'dbc-1.cloud.databricks.com', fetch: fake.fetch, clock }
  const token = new DatabricksToken({ ...options, auth: { clientId: 'app-1', clientSecret: 's' } })
  return { clock, fake, catalog: new UnityCatalog({ ...options, token }) }
}

const catalogs = { path: '/catalogs', query: { include_browse: 'true' }, securable: 'Metastore' }

async function names(catalog: UnityCatalog, signal = never): Promise<unknown[]> {
  const found = []
  for await (const { name } of catalog.list(catalogs, 'catalogs', signal)) found.push(name)
  return found
}

const answers = (...bodies: (object | number)[]) =>
  bodies.map((body) => (typeof body === 'number' ? new Response('{}', { status: body }) : Response.json(body)))

describe('a list', () => {
  test('goes on over empty pages until there is no token', async () => {
    const { catalog, fake } = stand({ pageSize: 1 })
    expect(await names(catalog)).toEqual(['main', 'lab'])
    expect(fake.asked.filter((one) => one.includes('/catalogs?'))).toHaveLength(4)
  })

  test('that gives the same token again is an error and no endless loop', async () => {
    const { catalog, fake } = stand()
    fake.faults.push(...answers({ next_page_token: 'a' }, { next_page_token: 'b' }, { next_page_token: 'a' }))
    const error = await failure(names(catalog))
    expect(error).toMatchObject({ code: 'SOURCE_FAILED' })
    expect(error.message).toContain('gave the same page token twice')
  })

  test('ends when it is cancelled between two pages', async () => {
    const { catalog, fake } = stand({ pageSize: 1 })
    const cancel = new AbortController()
    const list = catalog.list(catalogs, 'catalogs', cancel.signal)
    await list.next()
    const before = fake.asked.length
    cancel.abort()
    expect(await failure(list.next())).toMatchObject({ code: 'ABORTED' })
    expect(fake.asked).toHaveLength(before)
  })
})

describe('a question', () => {
  test('is asked again after 429, 503 and a reset, with the wait that was asked for, capped', async () => {
    const { catalog, fake, clock } = stand({ emptyPages: false })
    fake.faults.push(
      new Response('{}', { status: 429, headers: { 'retry-after': '7' } }),
      new Response('{}', { status: 503, headers: { 'retry-after': '3600' } }),
      Object.assign(new Error('x'), { code: 'ECONNRESET' }),
    )
    expect(await names(catalog)).toEqual(['main', 'lab'])
    expect(clock.slept).toEqual([7_000, 60_000, 4_000])
  })

  test('is given up after five times', async () => {
    const { catalog, fake } = stand()
    fake.faults.push(...answers(503, 503, 503, 503, 429, 503))
    expect(await failure(names(catalog))).toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      facts: { problem: ': HTTP 429' },
    })
    expect(fake.faults).toHaveLength(1)
  })

  test.each([
    [403, { error_code: 403, message: 'Invalid access token.' }],
    [403, { error_code: '403', message: 'Token is expiring within 30 seconds. (token expired)' }],
    [400, { message: 'io.jsonwebtoken.ExpiredJwtException: JWT expired' }],
  ])('renews a token that is refused with %d %j', async (status, body) => {
    const { catalog, fake } = stand({ emptyPages: false })
    fake.tokens.splice(0, 1, 'stale', 't2')
    fake.faults.push(Response.json(body, { status }))
    expect(await names(catalog)).toEqual(['main', 'lab'])
    const refused = stand()
    refused.fake.tokens.push('t2')
    refused.fake.faults.push(Response.json(body, { status }), Response.json(body, { status }))
    expect(await failure(names(refused.catalog))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  test('renews a refused token once', async () => {
    const { catalog, fake } = stand({ emptyPages: false })
    fake.tokens.splice(0, 1, 'stale', 't2')
    fake.faults.push(...answers(401))
    expect(await names(catalog)).toEqual(['main', 'lab'])
    expect(fake.asked.filter((one) => one === '/oidc/v1/token')).toHaveLength(2)
    const refused = stand()
    refused.fake.tokens.push('t2')
    refused.fake.faults.push(...answers(401, 401, 401))
    expect(await failure(names(refused.catalog))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    expect(refused.fake.faults).toHaveLength(1)
  })
})

describe('tableInfo()', () => {
  test('tells what matters, by position', async () => {
    const { catalog } = stand()
    expect(await catalog.tableInfo('main.crm.users', never)).toEqual({
      fullName: 'main.crm.users',
      tableId: 'id-users',
      tableType: 'MANAGED',
      format: 'DELTA',
      comment: 'everybody',
      columns: [
        { name: 'user_id', type: 'bigint', nullable: false, comment: 'the key', position: 0, id: '1', mask: undefined },
        {
          name: 'email',
          type: 'string',
          nullable: true,
          comment: undefined,
          position: 1,
          id: '2',
          mask: 'main.sec.mask_email',
        },
        {
          name: 'score',
          type: 'decimal(8,2)',
          nullable: true,
          comment: undefined,
          position: 2,
          id: '3',
          mask: undefined,
        },
      ],
      rowFilter: 'main.sec.own_rows',
      primaryKey: ['user_id', 'score'],
      timeseries: ['score'],
      properties: { 'delta.enableChangeDataFeed': 'true' },
      browseOnly: false,
    })
  })

  test('of a table without key, filter and ids leaves them out', async () => {
    const { catalog } = stand()
    const info = await catalog.tableInfo('main.crm.orders', never)
    expect(info).toMatchObject({ rowFilter: undefined, columns: [], properties: {}, browseOnly: false })
    expect(Object.keys(info)).not.toContain('primaryKey')
  })

  test('of a table that can only be browsed says so', async () => {
    const { catalog } = stand()
    expect(await catalog.tableInfo('lab.trial.guests', never)).toMatchObject({ browseOnly: true, columns: [] })
  })

  test.each([
    ['main.raw.users', 'SOURCE_FORBIDDEN', { privilege: 'USE SCHEMA', securable: 'Schema main.raw' }],
    ['hr.pay.salaries', 'SOURCE_FORBIDDEN', { privilege: 'USE CATALOG', securable: 'Catalog hr' }],
    ['main.crm.nobody', 'SOURCE_TABLE_MISSING', { table: 'main.crm.nobody' }],
  ])('of %s is refused with %s', async (name, code, facts) => {
    expect(await failure(stand().catalog.tableInfo(name, never))).toMatchObject({ code, facts })
  })
})

describe('restError()', () => {
  const golden = JSON.parse(
    readFileSync(join(import.meta.dirname, '../golden/databricks-rest/permission-denied.json'), 'utf8'),
  ) as { error_code: string; message: string }
  const said = (status: number, json?: unknown) =>
    restError({ status, json: json as never }, { name: 'churn', securable: 'Table a.b.c' })
  const right = { privilege: 'EXTERNAL USE SCHEMA', securable: 'Schema icebase.telemetry' }

  test('reads the recorded refusal: from the block for machines, and from the text without it', () => {
    expect(said(403, { ...golden, message: 'else' })).toMatchObject({ code: 'SOURCE_FORBIDDEN', facts: right })
    expect(said(403, { ...golden, details: [] })).toMatchObject({ code: 'SOURCE_FORBIDDEN', facts: right })
  })

  test.each([
    [401, {}, 'SOURCE_UNAUTHORIZED', {}],
    [403, { error_code: 403, message: 'Invalid access token.' }, 'SOURCE_UNAUTHORIZED', {}],
    [
      403,
      { error_code: '403', message: 'Token is expiring within 30 seconds. (token expired)' },
      'SOURCE_UNAUTHORIZED',
      {},
    ],
    [403, undefined, 'SOURCE_FORBIDDEN', { privilege: 'a privilege', securable: 'Table a.b.c' }],
    [403, { message: 'Invalid access to user ann@example.com' }, 'SOURCE_FORBIDDEN', { privilege: 'a privilege' }],
    [404, { error_code: 'TABLE_DOES_NOT_EXIST' }, 'SOURCE_TABLE_MISSING', { table: 'a.b.c' }],
    [404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }, 'SOURCE_TABLE_MISSING', { table: 'a.b.c' }],
    [404, undefined, 'SOURCE_TABLE_MISSING', { table: 'a.b.c' }],
    [404, { error_code: 'ENDPOINT_NOT_FOUND' }, 'SOURCE_FAILED', { problem: ': HTTP 404 ENDPOINT_NOT_FOUND' }],
    [400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'ann@x.com' }, 'SOURCE_FAILED', {}],
    [400, { error_code: 'ann@example.com' }, 'SOURCE_FAILED', { problem: ': HTTP 400' }],
  ])('makes of %d %j %s, without the text [I7]', (status, json, code, facts) => {
    const error = said(status, json)
    expect(error).toMatchObject({ code, facts })
    expect(JSON.stringify([error.message, error.facts])).not.toContain('ann@')
  })
})

describe('columnType() writes a type as a schema does:', () => {
  const struct = (...fields: [string, unknown][]) => ({
    type: 'struct',
    fields: fields.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
  })
  test.each([
    ['byte', 'tinyint'],
    ['short', 'smallint'],
    ['integer', 'int'],
    ['long', 'bigint'],
    ['void', 'void'],
    ['decimal(10, 2)', 'decimal(10,2)'],
    ['timestamp_ntz', 'timestamp_ntz'],
    ['interval day to second', 'interval day to second'],
    ['variant', 'variant'],
    ['string collate UTF8_LCASE', 'string'],
    [{ type: 'array', elementType: 'long', containsNull: true }, 'array<bigint>'],
    [{ type: 'map', keyType: 'string', valueType: struct(['a', 'integer']) }, 'map<string,struct<a:int>>'],
    [
      struct(['a', 'long'], ['b c', { type: 'array', elementType: 'decimal(20,2)' }]),
      'struct<a:bigint,`b c`:array<decimal(20,2)>>',
    ],
    [struct(), 'struct<>'],
    [{ type: 'udt', class: 'x', sqlType: struct(['size', 'integer']) }, 'struct<size:int>'],
  ])('%j is %s', (type, sql) => {
    expect(columnType(field('v', type), 'text').type).toBe(sql)
    expect(columnType(JSON.stringify(type), 'text').type).toBe(sql)
  })

  test('the declared length of a text is kept', () => {
    expect(columnType(field('v', 'string', { __CHAR_VARCHAR_TYPE_STRING: 'varchar(10)' }), '').type).toBe('varchar(10)')
  })

  test.each([
    [undefined, 'LONG', 'bigint'],
    ['{', 'struct<a:int>', 'struct<a:int>'],
    ['{"type":"new"}', 'decimal(10, 2)', 'decimal(10,2)'],
    [JSON.stringify({ type: 'array', elementType: { type: 'new' } }), 'array<new>', 'array<new>'],
    ['7', 'string', 'string'],
  ])('%j has the type of its text %s', (json, text, type) => {
    expect(columnType(json, text)).toEqual({ type, metadata: {} })
  })

  test('a type that is nested without end is not followed', () => {
    const deep = `${'{"type":"array","elementType":'.repeat(5_000)}"long"${'}'.repeat(5_000)}`
    expect(columnType(deep, 'as said').type).toBe('as said')
  })
})
