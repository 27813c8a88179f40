import { type Cursor, type DatabricksEvent, DatabricksSource, type DatabricksSourceOptions } from 'lakeloop'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Admin, lakeOptions, readAll } from './lake.js'

const admin = new Admin()
beforeAll(() => admin.schema('replaced'))
afterAll(() => admin.close())

const PROPERTIES = "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'delta.enableRowTracking' = 'true')"
const MODES = ['feed', 'rowTracking', 'watermark'] as const

async function made(name: string): Promise<string> {
  const table = `main.replaced.${name}`
  await admin.runAll(
    `CREATE TABLE ${table} (id STRING, at TIMESTAMP) ${PROPERTIES}`,
    `INSERT INTO ${table} VALUES ('a', TIMESTAMP '2026-03-01 00:00:00Z'), ('b', TIMESTAMP '2026-03-01 00:00:01Z')`,
    `INSERT INTO ${table} VALUES ('c', TIMESTAMP '2026-03-01 00:00:02Z')`,
  )
  return table
}

async function read(table: string, more: Partial<DatabricksSourceOptions>, after?: Cursor) {
  const events: DatabricksEvent[] = []
  const options = { ...lakeOptions(), table, key: ['id'], changedAt: 'at', overlapMs: 0, ...more }
  const source = new DatabricksSource({ ...options, onEvent: (event) => events.push(event) })
  try {
    const { rows, pages, cursor } = await readAll(source, { after })
    return { ids: rows.map(({ id }) => id), modes: [...new Set(pages.map(({ mode }) => mode))], cursor, events }
  } finally {
    await source.close()
  }
}

describe.each([
  [
    'dropped and made anew',
    ['DROP TABLE $t', `CREATE TABLE $t (id STRING, at TIMESTAMP) ${PROPERTIES}`],
    'was dropped or replaced',
  ],
  ['restored', ['RESTORE TABLE $t TO VERSION AS OF 1'], 'was restored to an earlier version'],
  [
    'replaced',
    [`CREATE OR REPLACE TABLE $t ${PROPERTIES} AS SELECT 'z' AS id, TIMESTAMP '2026-03-05 00:00:00Z' AS at`],
    'was dropped or replaced',
  ],
  ['overwritten', ["INSERT OVERWRITE $t SELECT 'z', TIMESTAMP '2026-03-05 00:00:00Z'"], 'was overwritten'],
] as const)('a table that was %s', (what, statements, says) => {
  test('stops each mode with what happened, or is read whole, as told', async () => {
    const table = await made(what.replaceAll(' ', '_'))
    const cursors = await Promise.all(MODES.map(async (changes) => (await read(table, { changes })).cursor))
    for (const statement of statements) await admin.run(statement.replaceAll('$t', table))
    const truth = (await admin.run(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => id)
    for (const [at, changes] of MODES.entries()) {
      await expect(read(table, { changes }, cursors[at])).rejects.toMatchObject({
        code: 'SOURCE_TABLE_REPLACED',
        facts: { problem: expect.stringContaining(says) },
      })
      const { ids, modes, events, cursor } = await read(table, { changes, onReplaced: 'resync' }, cursors[at])
      expect(ids).toEqual(truth)
      expect(events).toContainEqual({ kind: 'resync', why: expect.stringContaining(says) })
      // Of what was lost only a whole look can tell who has left; a watermark never sees that.
      if (ids.length > 0) expect(modes).toEqual([changes === 'watermark' ? 'changes' : 'snapshot'])
      expect((await read(table, { changes }, cursor)).ids).toEqual([])
    }
  })
})

test('OPTIMIZE, REORG and VACUUM change no row, and no cursor', async () => {
  const table = await made('kept_tidy')
  const cursors = await Promise.all(MODES.map(async (changes) => (await read(table, { changes })).cursor))
  await admin.runAll(
    `DELETE FROM ${table} WHERE id = 'b'`,
    `OPTIMIZE ${table}`,
    `REORG TABLE ${table} APPLY (PURGE)`,
    `VACUUM ${table}`,
  )
  const found = await Promise.all(MODES.map(async (changes, at) => (await read(table, { changes }, cursors[at])).ids))
  expect(found).toEqual([['b'], [], []])
})

test('INSERT OVERWRITE of a part of a table is a change like any other', async () => {
  const table = 'main.replaced.parts'
  await admin.runAll(
    `CREATE TABLE ${table} (id STRING, at TIMESTAMP, region STRING) PARTITIONED BY (region) ${PROPERTIES}`,
    `INSERT INTO ${table} VALUES ('a', TIMESTAMP '2026-03-01 00:00:00Z', 'eu'), ('b', TIMESTAMP '2026-03-01 00:00:00Z', 'us')`,
  )
  const { cursor } = await read(table, { changes: 'feed' })
  await admin.run(`INSERT INTO ${table} REPLACE WHERE region = 'eu' SELECT 'c', TIMESTAMP '2026-03-02 00:00:00Z', 'eu'`)
  const { ids } = await read(table, { changes: 'feed' }, cursor)
  expect(ids.sort()).toEqual(['a', 'c'])
})

test('changes whose files VACUUM has taken need a full read: told, or done', async () => {
  const table = await made('vacuumed')
  const { cursor } = await read(table, { changes: 'feed' })
  await admin.runAll(
    'SET spark.databricks.delta.retentionDurationCheck.enabled = false',
    `UPDATE ${table} SET at = TIMESTAMP '2026-03-03 00:00:00Z' WHERE id = 'a'`,
    `DELETE FROM ${table} WHERE id = 'b'`,
    `OPTIMIZE ${table}`,
    `VACUUM ${table} RETAIN 0 HOURS`,
  )
  await expect(read(table, { changes: 'feed' }, cursor)).rejects.toMatchObject({
    code: 'SOURCE_HISTORY_GONE',
    message: expect.stringContaining('A full sync is needed'),
  })
  const resynced = await read(table, { changes: 'feed', onHistoryGone: 'resync' }, cursor)
  expect(resynced.ids).toEqual(['a', 'c'])
  expect(resynced.modes).toEqual(['snapshot'])
})

test('a snapshot that is interrupted goes on in the version it began with', async () => {
  const table = await made('pinned')
  const source = new DatabricksSource({ ...lakeOptions(), table, key: ['id'], changes: 'snapshot' })
  let after: Cursor | undefined
  for await (const page of source.read({ pageSize: 1, signal: new AbortController().signal })) {
    after = page.cursor
    break
  }
  await admin.run(`DELETE FROM ${table} WHERE id = 'b'`)
  const { rows } = await readAll(source, { after })
  await source.close()
  expect(rows.map(({ id }) => id)).toEqual(['b', 'c'])
})
