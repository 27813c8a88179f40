import { type Cursor, type DatabricksEvent, DatabricksSource, type DatabricksSourceOptions } from 'lakeloop'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Admin, lakeOptions, readAll } from './lake.js'

const admin = new Admin()
const TRACKED = "'delta.enableChangeDataFeed' = 'true', 'delta.enableRowTracking' = 'true'"
const table = 'main.modes.scores'

beforeAll(async () => {
  await admin.schema('modes')
  await admin.runAll(
    `CREATE TABLE ${table} (id STRING, score DOUBLE, at TIMESTAMP) TBLPROPERTIES (${TRACKED})`,
    `INSERT INTO ${table} VALUES ('a', 0.1, TIMESTAMP '2026-03-01 00:00:00.000001Z'),
       ('b', 0.2, TIMESTAMP '2026-03-01 00:00:00.000002Z'), ('c', 0.3, TIMESTAMP '2026-03-01 00:00:00.000002Z')`,
  )
})
afterAll(() => admin.close())

const source = (more: Partial<DatabricksSourceOptions>): DatabricksSource =>
  new DatabricksSource({ ...lakeOptions(), table, key: ['id'], changedAt: 'at', overlapMs: 0, ...more })

async function read(more: Partial<DatabricksSourceOptions>, after?: Cursor) {
  const events: DatabricksEvent[] = []
  const reader = source({ ...more, onEvent: (event) => events.push(event) })
  try {
    return { ...(await readAll(reader, { after, pageSize: 2 })), events }
  } finally {
    await reader.close()
  }
}

const seen = ({ rows }: { rows: Awaited<ReturnType<typeof readAll>>['rows'] }) =>
  rows.map(({ id, score, _change_type: type }) => [id, score, ...(type === undefined ? [] : [type])])

/** Reads whole, lets something happen, reads on, and reads on again. */
async function readOn(changes: DatabricksSourceOptions['changes'], name: string, happens: readonly string[]) {
  const own = `main.modes.${name}`
  await admin.runAll(`CREATE OR REPLACE TABLE ${own} TBLPROPERTIES (${TRACKED}) AS SELECT * FROM ${table}`)
  const first = await read({ table: own, changes })
  for (const statement of happens) await admin.run(statement.replaceAll('$t', own))
  const second = await read({ table: own, changes }, first.cursor)
  const third = await read({ table: own, changes }, second.cursor)
  return { first, second, third }
}

const CHANGES = [
  "UPDATE $t SET score = 0.99, at = TIMESTAMP '2026-03-02 00:00:00Z' WHERE id = 'b'",
  "DELETE FROM $t WHERE id = 'c'",
  "INSERT INTO $t VALUES ('d', 0.4, TIMESTAMP '2026-03-02 00:00:00.000001Z')",
  `MERGE INTO $t AS t USING (SELECT 'd' AS id, 0.41D AS s UNION ALL SELECT 'e', 0.5D) AS n ON t.id = n.id
     WHEN MATCHED THEN UPDATE SET score = n.s, at = TIMESTAMP '2026-03-02 00:00:00.000002Z'
     WHEN NOT MATCHED THEN INSERT (id, score, at) VALUES (n.id, n.s, TIMESTAMP '2026-03-02 00:00:00.000003Z')`,
  'OPTIMIZE $t',
]

describe('a table is read again', () => {
  test('by snapshot: all of it, at one version, by key', async () => {
    const { first, second } = await readOn('snapshot', 'by_snapshot', CHANGES)
    expect(seen(first)).toEqual([
      ['a', 0.1],
      ['b', 0.2],
      ['c', 0.3],
    ])
    expect(first.pages.map(({ rows }) => rows.length)).toEqual([2, 1])
    expect(seen(second)).toEqual([
      ['a', 0.1],
      ['b', 0.99],
      ['d', 0.41],
      ['e', 0.5],
    ])
  })

  test('by watermark: what passed the highest one, to the microsecond', async () => {
    const { first, second, third } = await readOn('watermark', 'by_watermark', CHANGES)
    expect(seen(first)).toEqual([
      ['a', 0.1],
      ['b', 0.2],
      ['c', 0.3],
    ])
    expect(seen(second)).toEqual([
      ['b', 0.99],
      ['d', 0.41],
      ['e', 0.5],
    ])
    expect(seen(third)).toEqual([])
  })

  test('by feed: the last change of each key, deletes too', async () => {
    const { first, second, third } = await readOn('feed', 'by_feed', CHANGES)
    expect(seen(first)).toEqual([
      ['a', 0.1, 'insert'],
      ['b', 0.2, 'insert'],
      ['c', 0.3, 'insert'],
    ])
    expect(seen(second)).toEqual([
      ['b', 0.99, 'update_postimage'],
      ['c', 0.3, 'delete'],
      ['d', 0.41, 'update_postimage'],
      ['e', 0.5, 'insert'],
    ])
    expect(seen(third)).toEqual([])
  })

  test('by feed: a row whose key was changed leaves under its old one', async () => {
    const { second } = await readOn('feed', 'by_feed_rekeyed', ["UPDATE $t SET id = 'z' WHERE id = 'b'"])
    expect(seen(second)).toEqual([
      ['b', 0.2, 'delete'],
      ['z', 0.2, 'update_postimage'],
    ])
  })

  test.each([
    ['stands in two rows', "INSERT INTO $t VALUES ('d', 0.4, NULL), ('d', 0.5, NULL)"],
    ['is NULL in a row', 'INSERT INTO $t VALUES (NULL, 0.4, NULL)'],
  ])('by feed: a key that %s of a later commit is refused before any row', async (problem, statement) => {
    await expect(readOn('feed', 'by_feed_doubled', [statement])).rejects.toMatchObject({
      code: 'SOURCE_KEY_AMBIGUOUS',
      facts: { problem },
    })
  })

  test('by row tracking: what a commit inserted or changed', async () => {
    const { second, third } = await readOn('rowTracking', 'by_rows', CHANGES)
    expect(seen(second)).toEqual([
      ['b', 0.99],
      ['d', 0.41],
      ['e', 0.5],
    ])
    expect(seen(third)).toEqual([])
  })
})

describe('auto', () => {
  test.each([
    [TRACKED, {}, 'feed', 'its change data feed is on'],
    ["'delta.enableRowTracking' = 'true'", {}, 'rowTracking', 'it has no feed, and row tracking is on'],
    ["'x' = 'y'", {}, 'watermark', 'it has neither feed nor row tracking, and changedAt and key are said'],
    [
      "'x' = 'y'",
      { changedAt: undefined },
      'snapshot',
      'it has neither feed nor row tracking, and changedAt or key is not',
    ],
  ] as const)('with %s and %o takes %s', async (properties, more, mode, why) => {
    await admin.run('DROP TABLE IF EXISTS main.modes.own')
    await admin.run(`CREATE TABLE main.modes.own TBLPROPERTIES (${properties}) AS SELECT * FROM ${table}`)
    const { events } = await read({ table: 'main.modes.own', changes: 'auto', ...more })
    expect(events[0]).toMatchObject({ kind: 'mode', mode, why: expect.stringContaining(why) })
  })
})

describe('a watermark', () => {
  test('finds a row that came in late within the overlap, once, and not what it gave before', async () => {
    await admin.run(`CREATE OR REPLACE TABLE main.modes.late AS SELECT * FROM ${table}`)
    const first = await read({ table: 'main.modes.late', changes: 'watermark', overlapMs: 60_000 })
    await admin.run(
      "INSERT INTO main.modes.late VALUES ('late', 0.7, TIMESTAMP '2026-02-28 23:59:30Z'), ('lost', 0.8, TIMESTAMP '2026-02-28 23:58:30Z')",
    )
    const second = await read({ table: 'main.modes.late', changes: 'watermark', overlapMs: 60_000 }, first.cursor)
    expect(seen(second)).toEqual([['late', 0.7]])
    expect(
      seen(await read({ table: 'main.modes.late', changes: 'watermark', overlapMs: 60_000 }, second.cursor)),
    ).toEqual([])
  })

  test.each(['DATE', 'TIMESTAMP', 'BIGINT'])(
    'finds a row that changed again without a newer one of type %s, once',
    async (type) => {
      const at = type === 'BIGINT' ? '7' : "TIMESTAMP '2026-03-01 00:00:00Z'"
      const own = 'main.modes.coarse'
      await admin.run(
        `CREATE OR REPLACE TABLE ${own} AS SELECT CAST(id AS STRING) AS id, 0.5D AS score, array(id) AS tags, CAST(${at} AS ${type}) AS at FROM range(3)`,
      )
      const options = { table: own, changes: 'watermark', overlapMs: 0 } as const
      const first = await read(options)
      await admin.run(`UPDATE ${own} SET score = 0.9 WHERE id = '1'`)
      const second = await read(options, first.cursor)
      expect(seen(second)).toEqual([['1', 0.9]])
      await admin.run(`INSERT INTO ${own} VALUES ('3', 0.5D, array(3L), CAST(${at} AS ${type}))`)
      expect(seen(await read(options, second.cursor))).toEqual([['3', 0.5]])
    },
  )

  test('gives the overlap again where columns were added, or VACUUM has taken the files of the last read', async () => {
    const own = 'main.modes.vacuumed'
    await admin.run(`CREATE OR REPLACE TABLE ${own} AS SELECT * FROM ${table}`)
    const options = { table: own, changes: 'watermark', overlapMs: 60_000 } as const
    const first = await read(options)
    await admin.run(`ALTER TABLE ${own} ADD COLUMNS (more STRING)`)
    const second = await read(options, first.cursor)
    expect(second.events).toContainEqual({ kind: 'overlapRepeated', why: expect.stringContaining('other columns') })
    expect(seen(second)).toEqual(seen(first))
    await admin.runAll(
      'SET spark.databricks.delta.retentionDurationCheck.enabled = false',
      `UPDATE ${own} SET score = score + 1 WHERE id = 'c'`,
      `VACUUM ${own} RETAIN 0 HOURS`,
    )
    const third = await read(options, second.cursor)
    expect(third.events).toContainEqual({ kind: 'overlapRepeated', why: expect.stringContaining('is gone') })
    expect(seen(third)).toEqual([
      ['a', 0.1],
      ['b', 0.2],
      ['c', 1.3],
    ])
  })

  test('counts rows that have none, and leaves those that lie in the future until their time', async () => {
    await admin.run(`CREATE OR REPLACE TABLE main.modes.odd AS SELECT * FROM ${table}
      UNION ALL SELECT 'n', 1.0, NULL UNION ALL SELECT 'f', 1.0, TIMESTAMP '2999-01-01 00:00:00Z'`)
    const { events, rows } = await read({ table: 'main.modes.odd', changes: 'watermark' })
    expect(events).toContainEqual({ kind: 'nullWatermarks', column: 'at', rows: 1 })
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })

  test.each(['DATE', 'TIMESTAMP_NTZ', 'BIGINT', 'DECIMAL(20,4)'])('may be %s', async (type) => {
    const made =
      type === 'BIGINT' || type.startsWith('DECIMAL')
        ? `CAST(id AS ${type})`
        : `CAST(TIMESTAMP '2026-03-01 00:00:00Z' + make_interval(0, 0, 0, CAST(id AS INT)) AS ${type})`
    await admin.run(
      `CREATE OR REPLACE TABLE main.modes.typed TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported') AS SELECT CAST(id AS STRING) AS id, 0.5D AS score, ${made} AS at FROM range(3)`,
    )
    const first = await read({ table: 'main.modes.typed', changes: 'watermark' })
    expect(first.rows.map(({ id }) => id)).toEqual(['0', '1', '2'])
    const next = type === 'BIGINT' || type.startsWith('DECIMAL') ? '7' : "TIMESTAMP '2026-03-09 00:00:00Z'"
    await admin.run(`INSERT INTO main.modes.typed VALUES ('9', 0.9, CAST(${next} AS ${type}))`)
    expect(
      (await read({ table: 'main.modes.typed', changes: 'watermark' }, first.cursor)).rows.map(({ id }) => id),
    ).toEqual(['9'])
  })
})

describe('refused before anything is read', () => {
  const failing = async (more: Partial<DatabricksSourceOptions>, after?: Cursor): Promise<string> => {
    try {
      await read(more, after)
    } catch (error) {
      return (error as Error).message
    }
    return 'read'
  }

  test.each([
    ['an unknown catalog', { table: 'nowhere.modes.scores' }, 'SOURCE_TABLE_MISSING'],
    ['an unknown schema', { table: 'main.nowhere.scores' }, 'SOURCE_TABLE_MISSING'],
    ['an unknown table', { table: 'main.modes.nowhere' }, 'SOURCE_TABLE_MISSING'],
    ['an unknown key column', { key: ['nope'] }, 'SOURCE_KEY_MISSING'],
    ['an unknown changedAt column', { changedAt: 'nope', changes: 'watermark' as const }, 'SOURCE_KEY_MISSING'],
    [
      'a watermark of a wrong type',
      { changedAt: 'score', changes: 'watermark' as const },
      'OPTION_INVALID: DatabricksSource: option changedAt names score, which is double',
    ],
    ['a watermark without a key', { key: undefined, changes: 'watermark' as const }, 'SOURCE_MODE_UNAVAILABLE'],
    ['a key of a type without order', { key: ['score'] }, 'SOURCE_KEY_AMBIGUOUS'],
    ['a wrong token', { auth: { token: 'dapi-not-this-one' } }, 'SOURCE_UNAUTHORIZED'],
  ])('%s', async (_, more, says) => {
    const told = await failing(more)
    expect(told).toContain(says)
    expect(told).not.toContain('dapi-not-this-one')
  })

  test('an unknown column in a query, by name and with names like it', async () => {
    const reader = new DatabricksSource({ ...lakeOptions(), query: `SELECT scores FROM ${table}` })
    await expect(readAll(reader)).rejects.toMatchObject({
      code: 'SOURCE_COLUMN_MISSING',
      facts: { column: 'scores', candidates: expect.stringContaining('score') },
    })
    await reader.close()
  })

  test('a key that is not unique, or NULL', async () => {
    await admin.run("CREATE OR REPLACE TABLE main.modes.twice AS SELECT 'a' AS id UNION ALL SELECT 'a'")
    await admin.run('CREATE OR REPLACE TABLE main.modes.no_key AS SELECT CAST(NULL AS STRING) AS id')
    expect(await failing({ table: 'main.modes.twice', changes: 'snapshot', changedAt: undefined })).toContain(
      'stands in two rows',
    )
    expect(await failing({ table: 'main.modes.no_key', changes: 'snapshot', changedAt: undefined })).toContain(
      'is NULL in a row',
    )
  })

  test('a watermark that is NULL in every row', async () => {
    await admin.run("CREATE OR REPLACE TABLE main.modes.empty_at AS SELECT 'a' AS id, CAST(NULL AS TIMESTAMP) AS at")
    expect(await failing({ table: 'main.modes.empty_at', changes: 'watermark' })).toContain('NULL in all 1 rows')
  })

  test('a view by feed, and a table whose feed is off, with the statement that helps', async () => {
    await admin.run(`CREATE OR REPLACE VIEW main.modes.v AS SELECT * FROM ${table}`)
    await admin.run(`CREATE OR REPLACE TABLE main.modes.plain AS SELECT * FROM ${table}`)
    expect(await failing({ table: 'main.modes.v', changes: 'feed' })).toContain('it is a view')
    expect(await failing({ table: 'main.modes.plain', changes: 'feed' })).toContain(
      "ALTER TABLE `main`.`modes`.`plain` SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')",
    )
    expect(await failing({ table: 'main.modes.plain', changes: 'rowTracking' })).toContain(
      "'delta.enableRowTracking' = 'true'",
    )
  })

  test('a cursor of another source, or of a version that is not there yet', async () => {
    expect(await failing({ changes: 'feed' }, { at: 7 })).toContain('CURSOR_INVALID')
    const { cursor } = await read({ changes: 'feed' })
    const later = JSON.parse(JSON.stringify(cursor).replace(/"version":\d+/, '"version":900')) as Cursor
    expect(await failing({ changes: 'feed' }, later)).toContain('SOURCE_TABLE_REPLACED')
  })
})
