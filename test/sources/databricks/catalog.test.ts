import { describe, expect, test } from 'vitest'
import { DatabricksCatalog, DatabricksSource } from '../../../src/index.js'
import { namePattern } from '../../../src/sources/databricks/name-pattern.js'
import { failure } from '../../failure.js'
import { FakeUnityCatalog, type FakeUnityCatalogOptions } from '../../fakes/unity-catalog/fake-unity-catalog.js'
import { WORLD } from '../../fakes/unity-catalog/sample-world.js'

const auth = { clientId: 'app-1', clientSecret: 'secret-7' }
const host = 'dbc-1.cloud.databricks.com'

function stand(more: Partial<FakeUnityCatalogOptions> = {}) {
  const fake = new FakeUnityCatalog({ world: WORLD, ...more })
  return { fake, catalog: new DatabricksCatalog({ host, auth, fetch: fake.fetch }) }
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of list) found.push(one)
  return found
}

describe('DatabricksCatalog', () => {
  test('lists catalogs, and says which can only be browsed', async () => {
    const { catalog } = stand()
    const plain = { browseOnly: false, tags: undefined }
    expect(await all(catalog.list())).toEqual([
      { name: 'main', fullName: 'main', comment: 'production', ...plain },
      { name: 'lab', fullName: 'lab', comment: undefined, ...plain, browseOnly: true },
    ])
    expect(await all(catalog.schemas('lab'))).toMatchObject([{ fullName: 'lab.trial', browseOnly: true }])
    expect(await all(catalog.tables('lab', 'trial'))).toMatchObject([
      { fullName: 'lab.trial.guests', browseOnly: true },
    ])
    expect(await all(catalog.schemas('hr'))).toEqual([])
  })

  test('lists tables without asking for their columns', async () => {
    const { catalog, fake } = stand()
    const tables = await all(catalog.tables('main', 'crm'))
    expect(tables).toHaveLength(5)
    expect(tables[0]).toEqual({
      name: 'users',
      fullName: 'main.crm.users',
      comment: 'everybody',
      tableType: 'MANAGED',
      format: 'DELTA',
      browseOnly: false,
      tags: undefined,
    })
    expect(fake.asked.filter((one) => one.includes('/tables?')).every((one) => one.includes('omit_columns=true'))).toBe(
      true,
    )
  })

  test('gives the columns with full types and comments, and tags where asked for', async () => {
    const { catalog } = stand()
    expect(
      (await all(catalog.columns('main.crm.users'))).map(({ name, type, comment, tags }) => [
        name,
        type,
        comment,
        tags,
      ]),
    ).toEqual([
      ['user_id', 'bigint', 'the key', undefined],
      ['email', 'string', undefined, undefined],
      ['score', 'decimal(8,2)', undefined, undefined],
    ])
    const tagged = await all(catalog.columns('`main`.crm.users', { tags: true }))
    expect(tagged.map(({ tags }) => tags)).toEqual([{}, { pii: 'email', owner: '' }, {}])
    const [users] = await all(catalog.tables('main', 'crm', { tags: true }))
    expect(users?.tags).toEqual({ domain: 'crm' })
  })

  test('leaves tags out that the principal is not shown', async () => {
    const { catalog, fake } = stand({ emptyPages: false })
    fake.faults.push(undefined, new Response('{}', { status: 403 }), undefined)
    expect((await all(catalog.list({ tags: true }))).map(({ tags }) => tags)).toEqual([undefined, {}])
  })

  test('a table that can only be browsed shows no columns, and that is said', async () => {
    expect(await failure(all(stand().catalog.columns('lab.trial.guests')))).toMatchObject({
      code: 'SOURCE_FORBIDDEN',
      facts: { privilege: 'SELECT', securable: 'Table lab.trial.guests' },
    })
  })

  test.each([
    ['user_scores', ['main.crm.user_scores', 'main.crm.userxscores']],
    ['user\\_scores', ['main.crm.user_scores']],
    ['USER%', ['main.crm.users', 'main.crm.user_scores', 'main.crm.userxscores']],
    ['crm.o%', ['main.crm.orders']],
    ['raw.%', []],
    ['main.crm.visits', ['main.crm.visits']],
    ['m%.%.visits', ['main.crm.visits']],
    ['lab.%.%', []],
    ['visit.', 'invalid'],
    ['a.b.c.d', 'invalid'],
    ['visit\\s', 'invalid'],
    ['visits\\', 'invalid'],
    ['', 'invalid'],
  ])('search(%j) finds %j', async (pattern, expected) => {
    const found = all(stand().catalog.search(pattern))
    if (expected === 'invalid') {
      expect(await failure(found)).toMatchObject({ code: 'OPTION_INVALID', facts: { option: 'pattern' } })
    } else expect((await found).map(({ fullName }) => fullName)).toEqual(expected)
  })

  test('a catalog that refuses to be searched hides no other, and is told at the end', async () => {
    const catalogs = ['one', 'two', 'three'].map((name) => ({
      name,
      schemas: [{ name: 'crm', tables: [{ name: 'users', table_type: 'MANAGED' }] }],
    }))
    const grants = catalogs.map(({ name }) => ({ on: `catalog ${name}`, to: 'app-1', privileges: ['ALL_PRIVILEGES'] }))
    const { catalog, fake } = stand({ world: { catalogs, grants }, emptyPages: false, pageSize: 10 })
    const missing = new Response('{"error_code":"CATALOG_DOES_NOT_EXIST"}', { status: 404 })
    fake.faults.push(undefined, new Response('{}', { status: 403 }), missing)
    const found: string[] = []
    const searching = async () => {
      for await (const { fullName } of catalog.search('users')) found.push(fullName)
    }
    expect(await failure(searching())).toMatchObject({ code: 'SOURCE_FORBIDDEN' })
    expect(found).toEqual(['three.crm.users'])
  })

  test('an object that went meanwhile ends no list for its tags', async () => {
    const { catalog, fake } = stand({ emptyPages: false })
    fake.faults.push(undefined, new Response('{}', { status: 404 }), undefined)
    expect((await all(catalog.list({ tags: true }))).map(({ tags }) => tags)).toEqual([undefined, {}])
  })

  test.each([
    [() => stand().catalog.schemas('a b'), 'catalog'],
    [() => stand().catalog.schemas(''), 'catalog'],
    [() => stand().catalog.tables('main', '../x'), 'schema'],
    [() => stand().catalog.columns('crm.users'), 'fullName'],
  ])('a name that is none is refused before anything is asked (%#)', async (list, option) => {
    expect(await failure(all<unknown>(list()))).toMatchObject({ code: 'OPTION_INVALID', facts: { option } })
  })

  test('stops when it is cancelled, and asks nothing more', async () => {
    const { catalog, fake } = stand({ pageSize: 1 })
    const cancel = new AbortController()
    const list = catalog.tables('main', 'crm', { signal: cancel.signal })
    await list.next()
    const before = fake.asked.length
    cancel.abort()
    expect(await failure(list.next())).toMatchObject({ code: 'ABORTED' })
    expect(fake.asked).toHaveLength(before)
  })

  test.each([
    [{ host: 'localhost' }, 'host is in a private network'],
    [{ auth: {} }, 'auth.token or clientId'],
    [{ httpPath: '/x' }, 'httpPath is not an option'],
    [{ customCaCert: 'x' }, 'customCaCert is no certificate'],
  ])('new DatabricksCatalog(%j) is refused by name', (change, said) => {
    expect(() => new DatabricksCatalog({ host, auth, ...change } as never)).toThrow(said)
  })

  test('of a source uses its token, and ends with it', async () => {
    const fake = new FakeUnityCatalog({ world: WORLD, emptyPages: false })
    const source = new DatabricksSource({ host, auth, httpPath: '/x', table: 'main.crm.users', fetch: fake.fetch })
    await all(source.catalog.list())
    await source.catalog.close()
    await all(source.catalog.list())
    expect(fake.asked.filter((one) => one === '/oidc/v1/token')).toHaveLength(1)
    await source.close()
    expect(await failure(all(source.catalog.list()))).toMatchObject({ code: 'CLOSED' })
  })
})

test('a pattern asks the server for at least what fits, and is itself exact', () => {
  const { table } = namePattern('a\\_b%\\%_.*')
  expect(table.wide).toBe('*')
  const { table: escaped } = namePattern('a\\_b\\%%')
  expect(escaped.wide).toBe('a_b_%')
  expect(['a_b%', 'A_B%x', 'axb%', 'a_bx'].map(escaped.fits)).toEqual([true, true, false, false])
  expect(namePattern('x.a\\_b').table.exact).toBe('a_b')
  expect(namePattern('a+').table.fits('aa')).toBe(false)
})
