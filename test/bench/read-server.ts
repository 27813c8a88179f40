/** A fake warehouse in a process of its own: 5-column rows in pages of 10,000, as many as the statement's `LIMIT` says. */
import type { Answer } from '../fakes/warehouse/answer.js'
import { FakeWarehouse } from '../fakes/warehouse/fake-warehouse.js'
import { fixtures } from './decode-fixtures.js'

const [fixture] = fixtures(100_000)
if (fixture === undefined) throw new Error('there is no fixture')
const columns = Array.from({ length: 5 }, (_, at) => [`column_${at}`, 'STRING'] as const)

function rows(count: number): Answer {
  const { schema, pages } = fixture as NonNullable<typeof fixture>
  const held = pages.map(({ bytes, rows: rowCount }) => [{ bytes, rowCount }])
  const all = Array.from({ length: count / 10_000 }, (_, at) => held[at % held.length] as (typeof held)[number])
  return { columns, schema, pages: all }
}

const warehouse = await FakeWarehouse.open({
  statements: (sql) => rows(Number(/LIMIT (\d+)/.exec(sql)?.[1] ?? 10_000)),
})
const { host, port, httpPath, customCaCert } = warehouse.connection
process.stdout.write(`${JSON.stringify({ host, port, httpPath, customCaCert })}\n`)
