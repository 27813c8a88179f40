import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { causeOf, type LakeloopError } from '../../src/errors.js'
import type { Cursor, Row } from '../../src/model/row.js'
import type { DuckDbConnection, DuckDbDatabase } from '../../src/sources/duckdb/driver.js'
import { DuckDbSource, type DuckDbSourceOptions } from '../../src/sources/duckdb.js'
import type { Page, Source } from '../../src/sources/source.js'

const signal = new AbortController().signal
let database: DuckDBInstance
beforeAll(async () => {
  database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  await connection.run('CREATE SCHEMA analytics')
  await connection.run(
    "CREATE TABLE analytics.scores AS SELECT 'u-' || lpad((range * 7919 % 10000)::VARCHAR, 5, '0') AS user_id, range AS n FROM range(10000)",
  )
  connection.closeSync()
})
afterAll(() => database.closeSync())

const make = (query: string, more: Partial<DuckDbSourceOptions> = {}) =>
  new DuckDbSource({ name: 'scores', database, query, ...more })

async function pagesOf(source: Source, options: { after?: Cursor | undefined; pageSize?: number } = {}) {
  const pages: Page[] = []
  for await (const page of source.read({ signal, ...options })) pages.push(page)
  return pages
}
const rowsOf = (pages: readonly Page[]): Row[] =>
  pages.flatMap(({ rows }) => Array.from({ length: rows.length }, (_, index) => rows.at(index)))

async function failure(promise: Promise<unknown>): Promise<LakeloopError> {
  return await promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: LakeloopError) => error,
  )
}

describe('DuckDbSource values, by column type', () => {
  const value = async (sql: string, more: Partial<DuckDbSourceOptions> = {}) => {
    const source = make(`SELECT 'a' AS id, ${sql} AS v`, more)
    const [page] = await pagesOf(source)
    const { rows, schema } = page as Page
    expect(await source.describe(signal)).toEqual(schema)
    return { row: rows.at(0), refused: rows.refused.get(0), type: schema.columns[1]?.type }
  }

  test.each<[sql: string, type: string, expected: unknown]>([
    ['true', 'boolean', true],
    ['(-128)::TINYINT', 'tinyint', -128],
    ['255::UTINYINT', 'smallint', 255],
    ['4294967295::UINTEGER', 'bigint', 4294967295],
    ['9007199254740991::BIGINT', 'bigint', 9007199254740991],
    ['(-9007199254740991)::HUGEINT', 'decimal(38,0)', -9007199254740991],
    ['7::UBIGINT', 'decimal(20,0)', 7],
    ['7::UHUGEINT', 'decimal(38,0)', 7],
    ['0.1::DOUBLE', 'double', 0.1],
    ['0.1::FLOAT', 'float', Math.fround(0.1)],
    ['1.50::DECIMAL(8,2)', 'decimal(8,2)', 1.5],
    ['(-999999999999.999)::DECIMAL(15,3)', 'decimal(15,3)', -999999999999.999],
    ['1.50::DECIMAL(16,2)', 'decimal(16,2)', '1.50'],
    [
      "'12345678901234567890123456789.123456789'::DECIMAL(38,9)",
      'decimal(38,9)',
      '12345678901234567890123456789.123456789',
    ],
    ["DATE '2024-02-29'", 'date', '2024-02-29'],
    ["DATE '0001-01-01'", 'date', '0001-01-01'],
    ["DATE '9999-12-31'", 'date', '9999-12-31'],
    ["TIMESTAMP '2024-01-02 03:04:05.123456'", 'timestamp_ntz', '2024-01-02T03:04:05.123456'],
    ["TIMESTAMP '1969-12-31 23:59:59.999999'", 'timestamp_ntz', '1969-12-31T23:59:59.999999'],
    ["'1960-01-01 00:00:01'::TIMESTAMP_S", 'timestamp_ntz', '1960-01-01T00:00:01.000000'],
    ["'2024-01-02 03:04:05.123'::TIMESTAMP_MS", 'timestamp_ntz', '2024-01-02T03:04:05.123000'],
    ["'1969-12-31 23:59:59.123456789'::TIMESTAMP_NS", 'timestamp_ntz', '1969-12-31T23:59:59.123456789'],
    ["TIMESTAMPTZ '2024-01-02 03:04:05.1+02'", 'timestamp', '2024-01-02T01:04:05.100000Z'],
    ["TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'", 'timestamp', '9999-12-31T23:59:59.999999Z'],
    ["TIME '01:02:03.5'", 'time(6)', '01:02:03.5'],
    ["TIMETZ '02:03:04+05'", 'string', '02:03:04+05'],
    ["INTERVAL '1 month 2 days 3 hours'", 'interval', '1 month 2 days 03:00:00'],
    ["'ü'::VARCHAR", 'string', 'ü'],
    ["'\\x01\\xFF'::BLOB", 'binary', 'Af8='],
    ["'b'::ENUM('a', 'b')", 'string', 'b'],
    ["'4cf57017-744f-48f5-9e77-6d0f0852fece'::UUID", 'string', '4cf57017-744f-48f5-9e77-6d0f0852fece'],
    [
      `'{"a": [1, 1.5e2, "9007199254740993"], "b": null}'::JSON`,
      'variant',
      { a: [1, 150, '9007199254740993'], b: null },
    ],
    ['NULL::BIGINT', 'bigint', null],
    ['[1::BIGINT, NULL]', 'array<bigint>', [1, null]],
    ['array_value(1.5::DOUBLE, 2.0::DOUBLE)', 'array<double>', [1.5, 2]],
    ["{'a': 1, 'b c': [DATE '2024-01-01']}", 'struct<a:int,`b c`:array<date>>', { a: 1, 'b c': ['2024-01-01'] }],
    ["MAP {'x': 1.5::DECIMAL(4,1), 'y': NULL}", 'map<string,decimal(4,1)>', { x: 1.5, y: null }],
    ["MAP {1: 'one'}", 'map<int,string>', [{ key: 1, value: 'one' }]],
    ["MAP {'__proto__': 1}", 'map<string,int>', JSON.parse('{"__proto__":1}')],
    [
      "[{'m': MAP {DATE '2024-01-01': [1::BIGINT]}}]",
      'array<struct<m:map<date,array<bigint>>>>',
      [{ m: [{ key: '2024-01-01', value: [1] }] }],
    ],
  ])('%s is %s', async (sql, type, expected) => {
    expect(await value(sql)).toEqual({ row: { id: 'a', v: expected }, refused: undefined, type })
  })

  test.each([
    ['9007199254740992::BIGINT', 'holds an integer beyond 2^53 - 1'],
    ['(-9007199254740992)::BIGINT', 'holds an integer beyond 2^53 - 1'],
    ['18446744073709551615::UBIGINT', 'holds an integer beyond 2^53 - 1'],
    ['170141183460469231731687303715884105727::HUGEINT', 'holds an integer beyond 2^53 - 1'],
    ["{'a': [9007199254740993::BIGINT]}", 'holds an integer beyond 2^53 - 1'],
    ["'infinity'::DATE", 'holds a date that is infinite or outside of the years 1 to 9999'],
    ["'-infinity'::TIMESTAMP", 'holds a date that is infinite or outside of the years 1 to 9999'],
    ["'infinity'::TIMESTAMPTZ", 'holds a date that is infinite or outside of the years 1 to 9999'],
    ["'infinity'::TIMESTAMP_S", 'holds a date that is infinite or outside of the years 1 to 9999'],
    ["DATE '10000-01-01'", 'holds a date that is infinite or outside of the years 1 to 9999'],
    ["DATE '0001-01-01' - 1", 'holds a date that is infinite or outside of the years 1 to 9999'],
    [`'{"n": 9007199254740993}'::JSON`, 'holds JSON with a number beyond float64'],
    [`'{"n": 1e999}'::JSON`, 'holds JSON with a number beyond float64'],
  ])('%s refuses its row and no other [I7]', async (sql, problem) => {
    const [page] = await pagesOf(make(`SELECT ${sql} AS v, 1 AS n UNION ALL SELECT NULL, 2`))
    const { rows } = page as Page
    expect([...rows.refused]).toEqual([[0, { code: 'VALUE_NOT_EXACT', facts: { column: 'v', problem } }]])
    expect(JSON.parse(new TextDecoder().decode(rows.json(0, 2)))).toEqual([null, { v: null, n: 2 }])
  })

  test.each(["'nan'", "'infinity'", "'-infinity'"])('%s is left out, refused or null, as told', async (float) => {
    const sql = `${float}::DOUBLE`
    expect((await value(sql)).row).toEqual({ id: 'a' })
    expect((await value(`{'x': ${sql}, 'y': [${sql}, 1]}`)).row).toEqual({ id: 'a', v: { y: [null, 1] } })
    expect((await value(sql, { floats: 'null' })).row).toEqual({ id: 'a', v: null })
    expect((await value(sql, { floats: 'reject' })).refused?.code).toBe('VALUE_NOT_EXACT')
  })

  test.each([
    ['union_value(a := 1)', 'UNION("a" INTEGER)'],
    ["'101'::BIT", 'BIT'],
    ["[{'u': '101'::BIT}]", 'BIT'],
    ['12::BIGNUM', 'BIGNUM'],
    ["{'__proto__': 1}", '__proto__'],
  ])('%s has no exact form: the error names column and type', async (sql, type) => {
    const source = make(`SELECT ${sql} AS v`)
    for (const attempt of [() => pagesOf(source), () => source.describe(signal)]) {
      const error = await failure(attempt())
      expect(error.code).toBe('SOURCE_TYPE_UNKNOWN')
      expect(error.facts).toMatchObject({ source: 'scores', column: 'v' })
      expect(error.facts.type).toContain(type)
    }
  })

  test('every decimal of 15 digits comes out as the number that its text is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.nat(999_999)), {
          minLength: 50,
          maxLength: 200,
        }),
        async (parts) => {
          const texts = parts.map(([whole, fraction]) => `${whole}.${String(fraction).padStart(6, '0')}`)
          const values = texts.map((text) => `('${text}'::DECIMAL(15,6))`).join(', ')
          const rows = rowsOf(await pagesOf(make(`SELECT * FROM (VALUES ${values}) t(v)`)))
          expect(rows.map(({ v }) => v)).toEqual(texts.map(Number))
        },
      ),
      { numRuns: 10 },
    )
  })

  test('every instant comes out with all its microseconds, before 1970 too', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt(-(2n ** 53n) + 1n, 2n ** 53n - 1n), { minLength: 50, maxLength: 200 }),
        async (micros) => {
          const values = micros.map((at) => `(make_timestamp(${at}))`).join(', ')
          const rows = rowsOf(await pagesOf(make(`SELECT epoch_us(v) AS micros, v FROM (VALUES ${values}) t(v)`)))
          const again = await pagesOf(
            make(`SELECT epoch_us(v::TIMESTAMP) AS v FROM (VALUES ${rows.map(({ v }) => `('${v}')`).join(', ')}) t(v)`),
          )
          expect(rowsOf(again).map(({ v }) => v)).toEqual(micros.map(Number))
        },
      ),
      { numRuns: 10 },
    )
  })
})

describe('DuckDbSource reading', () => {
  test('gives every row once, in pages of the size asked for', async () => {
    const pages = await pagesOf(make('FROM analytics.scores', { key: ['user_id'] }), { pageSize: 3_000 })
    expect(pages.map(({ rows }) => rows.length)).toEqual([3000, 3000, 3000, 1000])
    expect(rowsOf(pages).map(({ n }) => n)).toEqual(Array.from({ length: 10_000 }, (_, n) => n))
    expect(pages[0]?.rows.key(0)).toBe('u-00000')
    expect(pages.every(({ mode }) => mode === 'changes')).toBe(true)
  })

  test('a bare query begins again after any of its cursors, which are all different [I3]', async () => {
    const source = make('FROM analytics.scores')
    const pages = await pagesOf(source, { pageSize: 4_000 })
    expect(new Set(pages.map(({ cursor }) => JSON.stringify(cursor))).size).toBe(3)
    for (const { cursor } of pages) expect(rowsOf(await pagesOf(source, { after: cursor }))).toHaveLength(10_000)
  })

  test("order 'key' sorts by key and resumes strictly behind any page but the last [I3]", async () => {
    const source = make('SELECT * FROM analytics.scores;\n', { key: ['user_id'], order: 'key', complete: true })
    const pages = await pagesOf(source, { pageSize: 1_500 })
    const all = rowsOf(pages).map(({ user_id }) => user_id as string)
    expect(all).toEqual([...all].sort())
    for (const [at, { cursor, mode }] of pages.entries()) {
      expect(mode).toBe('snapshot')
      const rest = await pagesOf(make('SELECT * FROM analytics.scores;\n', { key: ['user_id'], order: 'key' }), {
        after: cursor,
      })
      expect(rowsOf(rest)).toHaveLength(at === pages.length - 1 ? 10_000 : 10_000 - (at + 1) * 1_500)
    }
  })

  test("order 'key' gives the rest by several columns of any sortable type, and by bytes", async () => {
    const query = `SELECT * FROM (VALUES
      ('ä', 1.5::DECIMAL(4,1), TIMESTAMP '2024-01-01 00:00:00.000001', TIMESTAMPTZ '2024-01-01 00:00:00.5+00', 1::BIGINT, uuid()),
      ('a', 1.5, TIMESTAMP '2024-01-01 00:00:00.000002', TIMESTAMPTZ '2024-01-01 00:00:00.5+00', 2, uuid()),
      ('Z', -1.5, TIMESTAMP '2024-01-01', TIMESTAMPTZ '2024-01-01 00:00:00+00', 9007199254740993, uuid()),
      ('a', 1.5, TIMESTAMP '2024-01-01 00:00:00.000002', TIMESTAMPTZ '2024-01-01 00:00:00.5+00', -3, uuid()),
      ('', 0, DATE '1969-12-31', TIMESTAMPTZ '1969-12-31 23:59:59.999999+00', 0, uuid())
    ) v(a, b, c, d, e, f)`
    const connection = await database.connect()
    await connection.run(`CREATE OR REPLACE TABLE keyed AS ${query}`)
    connection.closeSync()
    const make5 = (key: string[]) => make('FROM keyed', { key, order: 'key' })
    for (const key of [['a', 'b', 'c', 'd', 'e', 'f'], ['e'], ['f'], ['d', 'e'], ['b', 'e'], ['c', 'e']]) {
      const pages = await pagesOf(make5(key), { pageSize: 1 })
      expect(pages).toHaveLength(5)
      for (const [at, { cursor }] of pages.slice(0, -1).entries()) {
        expect(rowsOf(await pagesOf(make5(key), { after: cursor }))).toEqual(rowsOf(pages.slice(at + 1)))
      }
    }
    expect(rowsOf(await pagesOf(make5(['a', 'e']))).map(({ a }) => a)).toEqual(['', 'Z', 'a', 'a', 'ä'])
  })

  test("order 'key' begins again behind the last page also where that is full", async () => {
    const source = make('SELECT range AS id FROM range(6)', { key: ['id'], order: 'key' })
    const pages = await pagesOf(source, { pageSize: 3 })
    expect(pages.map(({ rows }) => rows.length)).toEqual([3, 3])
    expect(rowsOf(await pagesOf(source, { after: pages[1]?.cursor }))).toHaveLength(6)
  })

  test("order 'key' does not skip a key that is equal by the collation of its column", async () => {
    const connection = await database.connect()
    await connection.run('CREATE OR REPLACE TABLE collated (id VARCHAR COLLATE NOCASE)')
    await connection.run("INSERT INTO collated VALUES ('b'), ('A'), ('a'), ('B')")
    connection.closeSync()
    const source = make('FROM collated', { key: ['id'], order: 'key' })
    const pages = await pagesOf(source, { pageSize: 1 })
    expect(rowsOf(pages).map(({ id }) => id)).toEqual(['A', 'B', 'a', 'b'])
    for (const [at, { cursor }] of pages.slice(0, -1).entries()) {
      expect(rowsOf(await pagesOf(source, { after: cursor }))).toHaveLength(3 - at)
    }
  })

  test('does not keep a place that nothing stands behind any more', async () => {
    const connection = await database.connect()
    await connection.run('CREATE OR REPLACE TABLE shrinking AS SELECT range AS id FROM range(10)')
    const source = make('FROM shrinking', { key: ['id'], order: 'key' })
    const [first] = await pagesOf(source, { pageSize: 5 })
    await connection.run('DELETE FROM shrinking WHERE id > 3')
    const rest = await pagesOf(source, { after: first?.cursor })
    expect(rest.map(({ rows }) => rows.length)).toEqual([0])
    expect(rowsOf(await pagesOf(source, { after: rest[0]?.cursor }))).toHaveLength(4)
    connection.closeSync()
  })

  test('does not use a place in one query on the rows of another', async () => {
    const options = { key: ['user_id'], order: 'key' } as const
    const [first] = await pagesOf(make('FROM analytics.scores', options), { pageSize: 9_000 })
    const other = make('FROM analytics.scores WHERE n < 100', options)
    expect(rowsOf(await pagesOf(other, { after: first?.cursor }))).toHaveLength(100)
  })

  test.each([
    ['SELECT 1 AS id UNION ALL SELECT 1', 'stands in two rows'],
    ['SELECT NULL::INTEGER AS id UNION ALL SELECT 1', 'is NULL in a row'],
    ["SELECT repeat('x', 5000) AS id", 'takes more than 4000 bytes in a row'],
  ])("order 'key' refuses %s", async (query, problem) => {
    const error = await failure(pagesOf(make(query, { key: ['id'], order: 'key' })))
    expect(error).toMatchObject({ code: 'SOURCE_KEY_AMBIGUOUS', facts: { source: 'scores', key: 'id', problem } })
  })

  test("order 'key' refuses a column without a total order", async () => {
    await expect(pagesOf(make('SELECT 1.5::DOUBLE AS id', { key: ['id'], order: 'key' }))).rejects.toThrow(
      'option order cannot sort by id, which is DOUBLE',
    )
  })

  test.each([
    {},
    { rows: 'x' },
    { key: [], query: 'q' },
    { key: ['a'] },
    { key: [1], query: 'q' },
    { rows: 1, more: 1 },
  ])('refuses the cursor %j', async (after) => {
    expect((await failure(pagesOf(make('SELECT 1'), { after: after as Cursor }))).code).toBe('CURSOR_INVALID')
  })

  test('a result that breaks off is an error, and never a shorter result', async () => {
    const query =
      "SELECT range AS n, CASE WHEN range = 900000 THEN ('secret' || range)::INTEGER ELSE 1 END AS v FROM range(1000000)"
    const reading = make(query).read({ signal, pageSize: 50_000 })
    let pages = 0
    const error = await failure(
      (async () => {
        for await (const _ of reading) pages += 1
      })(),
    )
    expect(pages).toBeGreaterThan(1)
    expect(error.message).toBe(
      'SOURCE_QUERY_INVALID: the query of scores was refused: a value cannot be cast to the type asked for at line 1. Correct the SQL, or what stands in its way.',
    )
    expect(String(causeOf(error))).toContain('secret900000')
  })

  test('refuses a database in which a result that broke off looks whole', async () => {
    const loose = await DuckDBInstance.create(':memory:', { preserve_insertion_order: 'false' })
    await expect(pagesOf(make('SELECT 1', { database: loose }))).rejects.toThrow('preserve_insertion_order')
    loose.closeSync()
  })

  test('is not ended early by other statements of the host on its database', async () => {
    const connection = await database.connect()
    let count = 0
    for await (const { rows } of make('FROM range(50000)').read({ signal, pageSize: 5_000 })) {
      count += rows.length
      await connection.run('CREATE OR REPLACE TABLE other AS SELECT 1')
    }
    connection.closeSync()
    expect(count).toBe(50_000)
  })

  test('two reads of one source may overlap', async () => {
    const source = make('FROM analytics.scores')
    const [a, b] = await Promise.all([pagesOf(source, { pageSize: 100 }), pagesOf(source, { pageSize: 700 })])
    expect(rowsOf(a ?? [])).toEqual(rowsOf(b ?? []))
  })

  test('says ABORTED when the signal fires, in the middle of a long query', async () => {
    const stop = new AbortController()
    const reading = make('SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b').read({
      signal: stop.signal,
    })
    setTimeout(() => stop.abort(), 50)
    expect((await failure(reading.next())).code).toBe('ABORTED')
    expect((await failure(make('SELECT 1').read({ signal: stop.signal }).next())).code).toBe('ABORTED')
  })

  /** The database, where something happens just before a connection is there, or just before the rows are asked for. */
  const watched = (before: { readonly connected?: () => void; readonly streamed?: () => void }): DuckDbDatabase => ({
    async connect() {
      const connection: DuckDbConnection = await database.connect()
      before.connected?.()
      return {
        extractStatements: (sql) => connection.extractStatements(sql),
        stream: (sql, values) => {
          if (sql.includes('b.range')) before.streamed?.()
          return connection.stream(sql, values)
        },
        interrupt: () => connection.interrupt(),
        closeSync: () => connection.closeSync(),
      }
    },
  })
  test.each(['connected', 'streamed'])('a signal that fires just before it has %s is not lost', async (when) => {
    const stop = new AbortController()
    const endless = make('SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b', {
      database: watched({ [when]: () => stop.abort() }),
    })
    expect((await failure(endless.read({ signal: stop.signal }).next())).code).toBe('ABORTED')
  })

  test('changedAt is an instant in UTC for every type of time', async () => {
    for (const [sql, expected] of [
      ["TIMESTAMP '2024-01-02 03:04:05'", '2024-01-02T03:04:05.000000Z'],
      ["TIMESTAMPTZ '2024-01-02 03:04:05+02'", '2024-01-02T01:04:05.000000Z'],
      ["DATE '2024-01-02'", '2024-01-02T00:00:00.000000Z'],
      ["'2024-01-02T03:04:05Z'", '2024-01-02T03:04:05Z'],
      ['NULL::TIMESTAMP', undefined],
    ]) {
      const [page] = await pagesOf(make(`SELECT ${sql} AS updated_at`, { changedAt: 'updated_at' }))
      expect(page?.rows.changedAt(0)).toBe(expected)
    }
    await expect(pagesOf(make('SELECT 5 AS updated_at', { changedAt: 'updated_at' }))).rejects.toThrow(
      'option changedAt names updated_at, which is int and no time',
    )
  })

  test('a column called __proto__ stays a column', async () => {
    const [page] = await pagesOf(make('SELECT 1 AS "__proto__", 2 AS n'))
    expect(new TextDecoder().decode(page?.rows.json(0, 1))).toBe('[{"__proto__":1,"n":2}]')
  })

  test('has no page where there is no row, and a schema all the same', async () => {
    const source = make('FROM analytics.scores WHERE false')
    expect(await pagesOf(source)).toEqual([])
    expect((await source.describe(signal)).columns.map(({ name, type }) => [name, type])).toEqual([
      ['user_id', 'string'],
      ['n', 'bigint'],
    ])
  })
})

describe('DuckDbSource says what is wrong [I7]', () => {
  test.each<[query: string, code: string, facts: object]>([
    ['SELEC 1', 'SOURCE_QUERY_INVALID', { problem: 'syntax error at line 1' }],
    [
      "SELECT 1\nFROM analytics.scores\nWHERE n = = 'ada@example.com'",
      'SOURCE_QUERY_INVALID',
      { problem: 'syntax error at line 3' },
    ],
    ['SELECT 1; SELECT 2', 'SOURCE_QUERY_INVALID', { problem: 'it holds 2 statements and not one' }],
    ['CREATE TABLE t (a INTEGER)', 'SOURCE_QUERY_INVALID', { problem: 'it does more than read' }],
    ['DELETE FROM analytics.scores RETURNING *', 'SOURCE_QUERY_INVALID', { problem: 'it does more than read' }],
    ['SELECT ?::INTEGER', 'SOURCE_QUERY_INVALID', { problem: 'it has parameters' }],
    ['SELECT 1 AS a, 2 AS a', 'SOURCE_QUERY_INVALID', { problem: 'two of its columns are called a' }],
    ['SELECT nope_fn(1)', 'SOURCE_QUERY_INVALID', { problem: 'it names something that is not there at line 1' }],
    ['FROM nope', 'SOURCE_TABLE_MISSING', { table: 'nope' }],
    ['FROM analytics.nope', 'SOURCE_TABLE_MISSING', { table: 'nope' }],
    ['FROM elsewhere.nope', 'SOURCE_TABLE_MISSING', { table: 'elsewhere.nope' }],
    [
      'SELECT user_idd FROM analytics.scores',
      'SOURCE_COLUMN_MISSING',
      { column: 'user_idd', candidates: ' to user_id' },
    ],
    ['SELECT s.user_idd FROM analytics.scores s', 'SOURCE_COLUMN_MISSING', { column: 'user_idd' }],
    ['SELECT "ada@example.com" FROM analytics.scores', 'SOURCE_COLUMN_MISSING', { column: '(a quoted text)' }],
    ["FROM read_csv('/nowhere/ada@example.com.csv')", 'SOURCE_UNREACHABLE', { problem: ': a file cannot be read' }],
  ])('%s', async (query, code, facts) => {
    for (const attempt of [() => pagesOf(make(query)), () => make(query).describe(signal)]) {
      const error = await failure(attempt())
      expect(error).toMatchObject({ code, facts: { source: 'scores', ...facts } })
      expect(JSON.stringify([error.message, error.facts])).not.toMatch(/ada@|1; SELECT|SELEC 1/)
    }
  })

  test('a value that cannot be cast, which only reading finds out', async () => {
    const error = await failure(pagesOf(make("SELECT 'ada@example.com'::INTEGER")))
    expect(error.facts).toEqual({
      source: 'scores',
      problem: 'a value cannot be cast to the type asked for at line 1',
    })
    expect(error.message).not.toContain('ada@')
  })

  test('a column with a role that the query does not have', async () => {
    const facts = { source: 'scores', column: 'USER_ID', role: 'key' }
    const source = make('FROM analytics.scores', { key: ['USER_ID'] })
    expect(await failure(pagesOf(source))).toMatchObject({ code: 'SOURCE_KEY_MISSING', facts })
    expect(await failure(source.describe(signal))).toMatchObject({ code: 'SOURCE_KEY_MISSING', facts })
  })

  test('a file that is not there, or no database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-duckdb-'))
    const foreign = join(folder, 'foreign.db')
    writeFileSync(foreign, 'no database'.repeat(1_000))
    for (const [path, problem] of [
      [join(folder, 'nowhere.db'), ': a file cannot be read'],
      [foreign, ': the file is no DuckDB database of this version'],
    ] as const) {
      const source = new DuckDbSource({ name: 'scores', path, query: 'SELECT 1' })
      const error = await failure(pagesOf(source))
      expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', facts: { source: 'scores', problem } })
      expect(error.message).not.toContain(folder)
      await source.close()
    }
  })

  test.each([
    [{ query: '' }, 'query'],
    [{ query: 'SELECT 1', path: 'a.db', database: {} as never }, 'database'],
    [{ query: 'SELECT 1', order: 'key' as const }, 'order'],
    [{ query: 'SELECT 1', key: [] }, 'key'],
    [{ query: 'SELECT 1', floats: 'zero' as never }, 'floats'],
    [{ query: 'SELECT 1', connection: {} } as never, 'connection'],
  ])('options %j: %s', (options, option) => {
    expect(() => new DuckDbSource(options)).toThrow(`option ${option} `)
  })
})

describe('DuckDbSource opens and closes', () => {
  test('a file read-only, at the first use, as often as needed, until close()', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'lakeloop-duckdb-')), 'own.db')
    const source = new DuckDbSource({ path, query: 'FROM t' })
    expect((await failure(pagesOf(source))).code).toBe('SOURCE_UNREACHABLE')
    const instance = await DuckDBInstance.create(path)
    const connection = await instance.connect()
    await connection.run('CREATE TABLE t AS SELECT 1 AS a')
    connection.closeSync()
    instance.closeSync()
    expect(rowsOf(await pagesOf(source))).toEqual([{ a: 1 }])
    expect(rowsOf(await pagesOf(source))).toEqual([{ a: 1 }])
    await Promise.all([source.close(), source.close()])
    expect((await failure(pagesOf(source))).code).toBe('CLOSED')
    expect((await failure(source.describe(signal))).code).toBe('CLOSED')
    const again = await DuckDBInstance.create(path) // the lock was given back
    again.closeSync()
  })

  test('nothing but a file to read: an empty database in memory', async () => {
    const csv = join(mkdtempSync(join(tmpdir(), 'lakeloop-duckdb-')), 'people.csv')
    writeFileSync(csv, 'id,email\n1,ada@example.com\n')
    const source = new DuckDbSource({ query: `FROM '${csv}'` })
    expect(rowsOf(await pagesOf(source))).toEqual([{ id: 1, email: 'ada@example.com' }])
    await source.close()
  })

  test('a database of the host stays open', async () => {
    const source = make('SELECT 1 AS a')
    await pagesOf(source)
    await source.close()
    expect(rowsOf(await pagesOf(make('SELECT 1 AS a')))).toEqual([{ a: 1 }])
  })
})
