import { type ErrorCode, LakeloopError } from 'lakeloop'
import { describe, expect, test } from 'vitest'
import { type Allowed, catalogFacts, withCatalog } from '../../../src/sources/databricks/catalog-facts.js'
import type { DatabricksEvent } from '../../../src/sources/databricks/segment.js'
import { tableName } from '../../../src/sources/databricks/sql-text.js'
import type { TableFacts } from '../../../src/sources/databricks/table-facts.js'
import type { SqlSession } from '../../../src/vendors/databricks/sql.js'
import { tableInfoOf } from '../../../src/vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../../src/vendors/databricks/unity-catalog.js'

const INFO = tableInfoOf(
  {
    full_name: 'main.crm.users',
    row_filter: { function_name: 'main.sec.only_eu' },
    columns: [
      { name: 'email', type_text: 'string', nullable: false, mask: { function_name: 'main.sec.hidden' } },
      {
        name: 'score',
        type_text: 'double',
        type_json: '{"name":"score","type":"double","nullable":true,"metadata":{"delta.columnMapping.id":7}}',
      },
      { name: 'gone', type_text: 'int' },
    ],
  },
  'churn',
)
const FACTS: TableFacts = {
  id: 'd-1',
  version: 3,
  properties: {},
  schema: {
    columns: [
      { name: 'email', type: 'string', nullable: true },
      { name: 'score', type: 'float', nullable: true },
      { name: 'fresh', type: 'int', nullable: true },
    ],
  },
}

describe('withCatalog()', () => {
  test('adds ids, guards and what is never NULL to the columns that SQL has, and changes no type', () => {
    expect(withCatalog(FACTS, INFO, {}).schema).toEqual({
      columns: [
        { name: 'email', type: 'string', nullable: false, mask: 'main.sec.hidden' },
        { name: 'score', type: 'float', nullable: true, id: '7' },
        { name: 'fresh', type: 'int', nullable: true },
      ],
      rowFilter: 'main.sec.only_eu',
    })
  })

  test('says no word of a guard that is allowed by name, and all of one that is not', () => {
    const allowed = withCatalog(FACTS, INFO, { masks: ['email'], rowFilter: 'main.sec.only_eu' }).schema
    expect(allowed.columns[0]).not.toHaveProperty('mask')
    expect(allowed).not.toHaveProperty('rowFilter')
    const either = withCatalog(FACTS, INFO, { rowFilter: ['main.sec.only_us', 'main.sec.only_eu'] }).schema
    expect(either).not.toHaveProperty('rowFilter')
    const other = withCatalog(FACTS, INFO, { masks: ['score'], rowFilter: 'main.sec.only_us' }).schema
    expect(other).toMatchObject({ columns: [{ mask: 'main.sec.hidden' }, {}, {}], rowFilter: 'main.sec.only_eu' })
  })

  test('finds the mask of a column that SQL writes in other letters', () => {
    const facts = { ...FACTS, schema: { columns: [{ name: 'Email', type: 'string', nullable: true }] } }
    expect(withCatalog(facts, INFO, {}).schema.columns).toMatchObject([{ name: 'Email', mask: 'main.sec.hidden' }])
  })

  test('leaves the facts as they are where nothing is known', () => {
    expect(withCatalog(FACTS, undefined, {})).toBe(FACTS)
  })
})

describe('catalogFacts()', () => {
  const asked = async (table: string, tableInfo: UnityCatalog['tableInfo'], allow: Allowed = {}) => {
    const told: DatabricksEvent[] = []
    const statements: string[] = []
    const rows = async (sql: string) => {
      statements.push(sql)
      return [{ home: 'main', within: 'crm' }]
    }
    const session = { rows } as unknown as SqlSession
    const asking = { source: 'churn', session, signal: new AbortController().signal }
    const tell = (event: DatabricksEvent) => told.push(event)
    const catalog = { tableInfo } as UnityCatalog
    const known = await catalogFacts(catalog, { asking, table: tableName(table), allow, tell })
    return { known, told, statements }
  }
  const refusing = (code: ErrorCode) => () => Promise.reject(new LakeloopError(code))

  test('goes on without, and says so, where Unity Catalog has no such table', async () => {
    const { known, told } = await asked('main.crm.users', refusing('SOURCE_TABLE_MISSING'))
    expect([known, told]).toEqual([undefined, [{ kind: 'catalogUnknown', why: 'SOURCE_TABLE_MISSING' }]])
  })

  test.each(['hive_metastore.crm.users', 'spark_catalog.crm.users'])('asks nothing for %s', async (table) => {
    const { told } = await asked(table, () => Promise.reject(new Error('asked')))
    expect(told).toEqual([{ kind: 'catalogUnknown', why: `${table.split('.')[0]} is not in Unity Catalog` }])
  })

  test.each([
    ['users', ['main.crm.users']],
    ['sales.users', ['main.sales.users']],
    ['main.crm.users', ['main.crm.users']],
  ])('%s is asked for by its full name', async (table, names) => {
    const seen: string[] = []
    await asked(table, async (name) => {
      seen.push(name)
      return INFO
    })
    expect(seen).toEqual(names)
  })

  test('a read that is aborted while it asks for the catalog does not abort another one', async () => {
    const rows = async (_: string, { signal }: { readonly signal: AbortSignal }) => {
      await new Promise(setImmediate)
      if (signal.aborted) throw new LakeloopError('ABORTED')
      return [{ home: 'main', within: 'crm' }]
    }
    const session = { rows } as unknown as SqlSession
    const catalog = { tableInfo: async () => INFO } as unknown as UnityCatalog
    const factsOf = (signal: AbortSignal) => {
      const asking = { source: 'churn', session, signal }
      return catalogFacts(catalog, { asking, table: tableName('users'), allow: {}, tell: () => undefined })
    }
    const stop = new AbortController()
    const both = [factsOf(stop.signal), factsOf(new AbortController().signal)] as const
    stop.abort()
    await expect(both[0]).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await both[1]).toBe(INFO)
  })

  const STOPS = { SOURCE_FORBIDDEN: 'SOURCE_GUARDS_UNSEEN', SOURCE_FAILED: 'SOURCE_GUARDS_UNSEEN' } as const
  test.each(['SOURCE_FORBIDDEN', 'SOURCE_FAILED', 'SOURCE_UNREACHABLE', 'SOURCE_UNAUTHORIZED'] as const)(
    'does not read on, past masks that it cannot see, after %s, unless that is allowed',
    async (code) => {
      const stops = STOPS[code as keyof typeof STOPS] ?? code
      await expect(asked('main.crm.users', refusing(code))).rejects.toMatchObject({ code: stops })
      const { known, told } = await asked('main.crm.users', refusing(code), { unseen: true })
      expect([known, told]).toEqual([undefined, [{ kind: 'catalogUnknown', why: code }]])
    },
  )

  test('does not take a table that can only be browsed for one without masks', async () => {
    const browsed = asked('main.crm.users', async () => ({ ...INFO, browseOnly: true, columns: [] }))
    await expect(browsed).rejects.toMatchObject({ code: 'SOURCE_GUARDS_UNSEEN', facts: { why: 'SOURCE_FORBIDDEN' } })
  })

  test('a run that is aborted is no answer about guards', async () => {
    const aborted = asked('main.crm.users', refusing('ABORTED'), { unseen: true })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
