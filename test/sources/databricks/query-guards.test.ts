import { describe, expect, test } from 'vitest'
import { withQueryGuards } from '../../../src/sources/databricks/query-guards.js'
import { namesIn } from '../../../src/sources/databricks/query-tables.js'
import { tableInfoOf } from '../../../src/vendors/databricks/table-info.js'

const tableOf = (full_name: string, columns: Readonly<Record<string, string | undefined>>, filter?: string) =>
  tableInfoOf(
    {
      full_name,
      ...(filter === undefined ? {} : { row_filter: { function_name: filter } }),
      columns: Object.entries(columns).map(([name, mask]) => ({
        name,
        type_text: 'string',
        ...(mask === undefined ? {} : { mask: { function_name: mask } }),
      })),
    },
    'churn',
  )
const USERS = tableOf('main.crm.users', { id: undefined, Email: 'hidden' })
const EU = tableOf('main.crm.eu', { id: undefined, email: undefined }, 'only_eu')

const guarded = (query: string, columns: readonly string[], allow = {}) => {
  const schema = { columns: columns.map((name) => ({ name, type: 'string', nullable: true })) }
  const found = withQueryGuards(schema, namesIn(query).words, [USERS, EU], allow)
  return { masked: found.columns.filter(({ mask }) => mask !== undefined).map(({ name }) => name), ...found }
}

describe('withQueryGuards()', () => {
  test.each([
    ['of its own name', 'SELECT id, email FROM users', ['id', 'email'], ['email']],
    ['of all columns', 'SELECT * FROM users', ['id', 'EMAIL'], ['EMAIL']],
    ['under another name', 'SELECT id, lower(email) AS mail FROM users', ['id', 'mail'], ['mail']],
    ['that nobody reads', 'SELECT id, 1 AS one FROM users', ['id', 'one'], []],
  ])('a masked column %s', (_, query, columns, masked) => {
    expect(guarded(query, columns).masked).toEqual(masked)
  })

  test('what is allowed by name is not said', () => {
    const { masked, rowFilter } = guarded('SELECT email AS mail FROM users', ['mail'], {
      masks: ['mail'],
      rowFilter: 'only_eu',
    })
    expect([masked, rowFilter]).toEqual([[], undefined])
  })

  test('a row filter of any table is one of the query', () => {
    expect(guarded('SELECT id FROM users JOIN eu', ['id']).rowFilter).toBe('only_eu')
  })
})
