import { LakeloopError } from 'lakeloop'
import { describe, expect, test } from 'vitest'
import { catalogFacts, withCatalog } from '../../../src/sources/databricks/catalog-facts.js'
import type { DatabricksEvent } from '../../../src/sources/databricks/segment.js'
import { tableName } from '../../../src/sources/databricks/sql-text.js'
import type { Asking, TableFacts } from '../../../src/sources/databricks/table-facts.js'
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
  const asked = async (table: string, tableInfo: UnityCatalog['tableInfo']) => {
    const told: DatabricksEvent[] = []
    const asking = { signal: new AbortController().signal } as Asking
    const catalog = { tableInfo } as UnityCatalog
    const known = await catalogFacts(catalog, { asking, table: tableName(table), tell: (event) => told.push(event) })
    return { known, told }
  }

  test.each(['SOURCE_FORBIDDEN', 'SOURCE_FAILED', 'SOURCE_TABLE_MISSING'] as const)(
    'goes on without, and says so, after %s',
    async (code) => {
      const { known, told } = await asked('main.crm.users', () => Promise.reject(new LakeloopError(code)))
      expect([known, told]).toEqual([undefined, [{ kind: 'catalogUnknown', why: code }]])
    },
  )

  test('asks nothing for a name without a catalog', async () => {
    const { told } = await asked('crm.users', () => Promise.reject(new Error('asked')))
    expect(told).toEqual([{ kind: 'catalogUnknown', why: 'the name of the table has no catalog' }])
  })

  test.each(['ABORTED', 'SOURCE_UNREACHABLE'] as const)(
    'does not read on, past masks that it cannot see, after %s',
    async (code) => {
      const stopped = asked('main.crm.users', () => Promise.reject(new LakeloopError(code)))
      await expect(stopped).rejects.toMatchObject({ code })
    },
  )
})
