import { expect, test } from 'vitest'
import { DatabricksSource } from '../../../src/index.js'

const GOOD = {
  host: 'dbc-1.cloud.databricks.com',
  httpPath: '/sql/1.0/warehouses/a',
  auth: { token: 'secret-7' },
  table: 'a.b.c',
}

test.each([
  [{ host: 'https://dbc-1.cloud.databricks.com' }, 'host has a scheme'],
  [{ host: 'dbc-1.cloud.databricks.com:443' }, 'host has a port'],
  [{ host: 'a b' }, 'host is no host name'],
  [{ httpPath: 'sql/1.0' }, 'httpPath'],
  [{ auth: {} }, 'auth.token'],
  [{ auth: { token: '' } }, 'auth.token'],
  [{ auth: { token: 7 } }, 'auth.token must be a string or a function'],
  [{ auth: { token: 'secret-7', clientId: 'a', clientSecret: 'secret-7' } }, 'auth.token and clientId exclude'],
  [{ auth: { clientId: 'a' } }, 'auth.clientSecret is missing'],
  [{ auth: { clientSecret: 'secret-7' } }, 'auth.clientId is missing'],
  [{ auth: { clientId: 'a b', clientSecret: 'secret-7' } }, 'auth.clientId is no application id'],
  [{ auth: { clientId: 'a', clientSecret: '' } }, 'auth.clientSecret'],
  [{ auth: { clientId: 'a', clientSecret: 'secret-7', issuer: 'entra' } }, 'auth.tenantId is needed'],
  [{ auth: { clientId: 'a', clientSecret: 'secret-7', tenantId: 't' } }, "auth.tenantId belongs to issuer: 'entra'"],
  [{ auth: { clientId: 'a', clientSecret: 'secret-7', issuer: 'entra', tenantId: '../x' } }, 'auth.tenantId is no'],
  [{ auth: { clientId: 'a', clientSecret: 'secret-7', issuer: 'aws' } }, 'auth.issuer'],
  [{ auth: { token: 'secret-7', issuer: 'entra' } }, 'auth.issuer belongs to a clientId'],
  [{ auth: { token: 'secret-7', tokn: 'x' } }, 'auth.tokn is not an option'],
  [{ host: 'localhost' }, 'host is in a private network; set allowPrivateHost'],
  [{ host: '127.1' }, 'host is in a private network'],
  [{ host: '[::1]' }, 'host is in a private network'],
  [{ query: 'SELECT 1' }, 'query or table is to be given, and not both'],
  [{ table: undefined }, 'query or table'],
  [{ table: undefined, query: 'SELECT 1', changes: 'feed' }, 'changes belongs to a table'],
  [{ order: 'key', key: ['id'] }, 'order belongs to a query'],
  [{ table: 'a.b.c.d' }, 'table has more than three parts'],
  [{ changes: 'cdf' }, 'changes'],
  [{ overlapMs: -1 }, 'overlapMs'],
  [{ queryTags: true }, 'queryTags'],
  [{ queryTags: { 'a:b': 'c' } }, 'queryTags'], // it would be the tag a
  [{ queryTags: { a: 'x'.repeat(129) } }, 'queryTags'],
  [{ queryTags: Object.fromEntries(Array.from({ length: 18 }, (_, n) => [`t${n}`, ''])) }, 'queryTags'],
  [{ chnages: 'feed' }, 'chnages is not an option'],
])('new DatabricksSource(%j) is refused by name, and without the token [I7]', (change, said) => {
  const make = () => new DatabricksSource({ ...GOOD, ...change } as never)
  expect(make).toThrow(said)
  expect(make).not.toThrow('secret-7')
})

test('a private host is taken where that is said', () => {
  expect(() => new DatabricksSource({ ...GOOD, host: 'localhost', allowPrivateHost: true })).not.toThrow()
})

test('the source is called like its table, and shows no credential', () => {
  const source = new DatabricksSource(GOOD)
  expect(source.name).toBe('a.b.c')
  expect(JSON.stringify(source)).not.toContain('secret-7')
})

test('a source that was closed says so', async () => {
  const source = new DatabricksSource(GOOD)
  await source.close()
  await source.close()
  await expect(source.describe(AbortSignal.timeout(1_000))).rejects.toMatchObject({ code: 'CLOSED' })
})
