import { DatabricksSource, type Row } from 'lakeloop'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainTransform } from '../sync/plain-transform.js'
import { World } from '../sync/world.js'
import { Admin, lakeOptions } from './lake.js'

const admin = new Admin()
const table = 'main.resync.scores'
beforeAll(() => admin.schema('resync'))
afterAll(() => admin.close())

/** A delete that the feed tells takes its row off the list; so has one that the feed can no longer tell. */
const listed = (row: Row) => [
  {
    kind: 'membership' as const,
    identifiers: { email: String(row.email) },
    list: 'at-risk',
    member: row._change_type !== 'delete' && Number(row.score) > 0.7,
  },
]

test('who was deleted while changes were lost leaves the list by the full read that replaces them', async () => {
  await admin.run(`CREATE TABLE ${table} (id STRING, email STRING, score DOUBLE)
    TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')`)
  await admin.run(
    `INSERT INTO ${table} SELECT CAST(id AS STRING), concat('p', id, '@example.com'), 0.9D FROM range(20)`,
  )
  const world = new World()
  const run = async () => {
    const reach = { ...lakeOptions(), table, key: ['id'], changes: 'feed' } as const
    const source = new DatabricksSource({ ...reach, onReplaced: 'resync' })
    const report = await world.sync([], { source, transform: plainTransform(listed, ['email', 'score']) }).run()
    await source.close()
    return report
  }
  expect((await run()).lists).toMatchObject([{ list: 'at-risk', add: 20, remove: 0 }])

  await admin.run(`DELETE FROM ${table} WHERE id = '7'`)
  expect((await run()).lists).toMatchObject([{ add: 0, remove: 1 }])

  await admin.run(`INSERT OVERWRITE ${table} SELECT * FROM ${table} WHERE id <> '11'`)
  const report = await run()
  expect(report).toMatchObject({ status: 'complete', rows: { read: 18 } })
  expect(report.lists).toMatchObject([{ add: 0, remove: 1, keep: 18 }])
  expect(world.destination.members('at-risk')).not.toContain('p11@example.com')
  expect(world.destination.members('at-risk').size).toBe(18)
})
