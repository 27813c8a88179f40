import { expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { holding, KINDS, type Kind, people, stand } from './warehouse-stand.js'

const ROWS = people(23)
const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  device: { priority: 2, maxIdentifiers: 30 },
} as const
const make = () => new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: NAMESPACES })
/** `n` is an INT of the warehouse. */
const MAPPING = { identifiers: { customer_id: 'n', device: ['id', 'note'] } } as const

test.each(Object.keys(KINDS) as Kind[])(
  '%s of a warehouse is read into the graph, and goes on where it was cut off',
  async (kind) => {
    const { source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS[kind])
    const calm = make()
    expect(await calm.ingest(source, MAPPING, { pageSize: 4 })).toMatchObject({ rows: 23, records: 23, unusable: {} })
    const cut = make()
    const abort = new AbortController()
    const reading = cut.ingest(source, MAPPING, {
      pageSize: 4,
      signal: abort.signal,
      onPage: ({ pages }) => pages === 2 && abort.abort(),
    })
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
    const { rows } = await cut.ingest(source, MAPPING, { pageSize: 4 })
    expect(rows).toBe(kind === 'a bare query' ? 23 : 15)
    for (const table of ['evidence', 'identifier', 'profile', 'conflict', 'identityCursor'] as const) {
      const range = { prefix: ['main'], limit: 1_000 }
      const entries = await cut.store.scan(table, range)
      if (table !== 'identityCursor') expect(entries).toEqual(await calm.store.scan(table, range))
    }
  },
)

test('a column that the warehouse does not have is named before a row is asked for', async () => {
  const { source, warehouse } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  const refused = make().ingest(source, { identifiers: { customer_id: 'nn' } })
  await expect(refused).rejects.toMatchObject({ code: 'IDENTITY_COLUMN_MISSING' })
  await expect(refused).rejects.toThrow('(perhaps n)')
  expect(warehouse.seen.statements.filter(({ sql }) => sql.includes('ORDER BY'))).toEqual([])
})
