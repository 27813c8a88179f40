import { DatabricksCatalog } from 'lakeloop'
import { describe, expect, test } from 'vitest'
import { FakeWorkspace, HOST, UC } from '../../vendors/fake-workspace.js'

const stand = () => {
  const fake = new FakeWorkspace()
  return { fake, catalog: new DatabricksCatalog({ host: HOST, auth: { token: 't1' }, fetch: fake.fetch }) }
}

const all = async <One>(listing: AsyncIterable<One>): Promise<One[]> => {
  const found: One[] = []
  for await (const one of listing) found.push(one)
  return found
}

describe('browsing', () => {
  test('shows catalogs and schemas, and which of them may only be seen', async () => {
    const { fake, catalog } = stand()
    fake.on(`${UC}/catalogs`, () => ({
      catalogs: [
        { name: 'main', comment: 'all of it' },
        { name: 'hr', browse_only: true },
      ],
    }))
    fake.on(`${UC}/schemas`, () => ({ schemas: [{ name: 'crm', full_name: 'main.crm' }] }))
    expect(await all(catalog.list())).toEqual([
      { name: 'main', fullName: 'main', comment: 'all of it', browseOnly: false },
      { name: 'hr', fullName: 'hr', browseOnly: true },
    ])
    expect(await all(catalog.schemas('main'))).toEqual([{ name: 'crm', fullName: 'main.crm', browseOnly: false }])
    expect(fake.seen.map(({ query }) => query.include_browse)).toEqual(['true', 'true'])
  })

  test('lists tables without their columns, and columns in the order of the table with full types', async () => {
    const { fake, catalog } = stand()
    const table = {
      name: 'users',
      catalog_name: 'main',
      schema_name: 'crm',
      full_name: 'main.crm.users',
      table_type: 'MANAGED',
    }
    fake.on(`${UC}/tables`, ({ query }) =>
      query.page_token ? { tables: [table] } : { tables: [], next_page_token: 'p2' },
    )
    fake.on(`${UC}/tables/main.crm.users`, () => ({
      ...table,
      columns: [
        { name: 'tags', type_text: 'map<string,array<decimal(38,18)>>', position: 1, comment: 'by name' },
        { name: 'id', type_text: 'bigint', position: 0, nullable: false },
      ],
    }))
    expect((await all(catalog.tables('main', 'crm'))).map(({ fullName, columns }) => [fullName, columns])).toEqual([
      ['main.crm.users', undefined],
    ])
    expect(fake.seen[0]?.query).toMatchObject({ omit_columns: 'true', catalog_name: 'main', schema_name: 'crm' })
    expect(await all(catalog.columns('main.crm.users'))).toEqual([
      { name: 'id', type: 'bigint', nullable: false, position: 0 },
      { name: 'tags', type: 'map<string,array<decimal(38,18)>>', nullable: true, position: 1, comment: 'by name' },
    ])
  })

  test('searches by pattern', async () => {
    const { fake, catalog } = stand()
    fake.on(`${UC}/table-summaries`, () => ({ tables: [{ full_name: 'main.crm.user_scores', table_type: 'VIEW' }] }))
    expect(await all(catalog.search({ catalog: 'main', table: '%score%' }))).toMatchObject([
      { catalog: 'main', schema: 'crm', name: 'user_scores', type: 'VIEW' },
    ])
    expect(fake.seen[0]?.query).toMatchObject({
      catalog_name: 'main',
      schema_name_pattern: '%',
      table_name_pattern: '%score%',
    })
  })

  test('says what may not be seen, and what is not there', async () => {
    const { fake, catalog } = stand()
    fake.on(`${UC}/schemas`, () => [403, { message: "User does not have USE CATALOG on Catalog 'hr'." }])
    fake.on(`${UC}/tables/main.crm.nope`, () => [404, { error_code: 'TABLE_DOES_NOT_EXIST' }])
    await expect(all(catalog.schemas('hr'))).rejects.toMatchObject({
      code: 'SOURCE_FORBIDDEN',
      facts: { privilege: 'USE CATALOG', securable: 'Catalog hr' },
    })
    await expect(all(catalog.columns('main.crm.nope'))).rejects.toMatchObject({ code: 'SOURCE_TABLE_MISSING' })
    await expect(all(catalog.columns('crm.nope'))).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  test('ends where it is told to', async () => {
    const { fake, catalog } = stand()
    const stop = new AbortController()
    fake.on(`${UC}/catalogs`, () => {
      stop.abort()
      return { catalogs: [{ name: 'a' }], next_page_token: 'p2' }
    })
    await expect(all(catalog.list({ signal: stop.signal }))).rejects.toMatchObject({ code: 'ABORTED' })
    expect(fake.seen).toHaveLength(1)
  })

  test.each([['localhost'], ['https://x.cloud.databricks.com'], ['x:443']])('refuses the host %s', (host) => {
    expect(() => new DatabricksCatalog({ host, auth: { token: 't1' } })).toThrowError(
      /OPTION_INVALID: DatabricksCatalog: option host/,
    )
  })
})
