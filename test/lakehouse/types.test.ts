import { DatabricksSource } from 'lakeloop'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Admin, lakeOptions, readAll } from './lake.js'

const admin = new Admin()
beforeAll(() => admin.schema('types'))
afterAll(() => admin.close())

/** One expression as a column `v`, through SQL, Spark, the driver and our reader. */
async function fetched(sql: string, more: object = {}) {
  const source = new DatabricksSource({ ...lakeOptions(), query: `SELECT ${sql} AS v`, ...more })
  try {
    const { rows, pages } = await readAll(source)
    return { value: rows[0]?.v, type: pages[0]?.schema.columns[0]?.type, refused: pages[0]?.rows.refused.get(0) }
  } finally {
    await source.close()
  }
}

describe('a value arrives exactly', () => {
  test.each([
    ['true', 'boolean', true],
    ['CAST(-128 AS TINYINT)', 'tinyint', -128],
    ['CAST(32767 AS SMALLINT)', 'smallint', 32_767],
    ['CAST(-2147483648 AS INT)', 'int', -2_147_483_648],
    ['9007199254740991L', 'bigint', Number.MAX_SAFE_INTEGER],
    ['CAST(0.1 AS FLOAT)', 'float', Math.fround(0.1)],
    ['CAST(16777217 AS DOUBLE)', 'double', 16_777_217],
    ['CAST(0.1 AS DECIMAL(5,2))', 'decimal(5,2)', 0.1],
    [
      "CAST('99999999999999999999.999999999999999999' AS DECIMAL(38,18))",
      'decimal(38,18)',
      '99999999999999999999.999999999999999999',
    ],
    ["CAST('-0.000000000000000001' AS DECIMAL(38,18))", 'decimal(38,18)', '-0.000000000000000001'],
    ["'\\u0000 é 🌍'", 'string', '\u0000 é 🌍'],
    ["CAST('ab' AS CHAR(4))", 'string', 'ab'],
    ["X'00FF10'", 'binary', 'AP8Q'],
    ["DATE '0001-01-01'", 'date', '0001-01-01'],
    ["DATE '9999-12-31'", 'date', '9999-12-31'],
    ["TIMESTAMP '1969-12-31 23:59:59.999999Z'", 'timestamp', '1969-12-31T23:59:59.999999Z'],
    ["TIMESTAMP '9999-12-31 23:59:59.999999Z'", 'timestamp', '9999-12-31T23:59:59.999999Z'],
    ["TIMESTAMP_NTZ '2026-03-29 02:30:00.000001'", 'timestamp_ntz', '2026-03-29T02:30:00.000001'],
    ["TIME '12:34:56.123456'", 'time(6)', '12:34:56.123456'],
    ["INTERVAL '1 02:03:04.5' DAY TO SECOND", 'interval day to second', '1 02:03:04.500000000'],
    ["INTERVAL '-1-2' YEAR TO MONTH", 'interval year to month', '-1-2'],
    ['NULL', 'void', null],
    ['array(1, NULL, 3)', 'array<int>', [1, null, 3]],
    [
      "named_struct('a', 1L, 'b', named_struct('c', CAST(1.10 AS DECIMAL(20,2))))",
      'struct<a:bigint,b:struct<c:decimal(20,2)>>',
      { a: 1, b: { c: '1.10' } },
    ],
    ["map('a', 1, 'b', NULL)", 'map<string,int>', { a: 1, b: null }],
    [
      "map(1, 'x', 2, 'y')",
      'map<int,string>',
      [
        { key: 1, value: 'x' },
        { key: 2, value: 'y' },
      ],
    ],
    ["map(DATE '2026-01-01', array(1.5D))", 'map<date,array<double>>', [{ key: '2026-01-01', value: [1.5] }]],
    [`parse_json('{"a":[1,2.5,"x"],"b":null}')`, 'variant', { a: [1, 2.5, 'x'], b: null }],
    [
      "array(named_struct('m', map('k', array(array(9007199254740991L)))))",
      'array<struct<m:map<string,array<array<bigint>>>>>',
      [{ m: { k: [[Number.MAX_SAFE_INTEGER]] } }],
    ],
  ])('%s', async (sql, type, value) => {
    expect(await fetched(sql)).toEqual({ value, type, refused: undefined })
  })

  test.each([
    ['9007199254740993L', 'bigint'],
    ['array(9007199254740993L)', 'array<bigint>'],
  ])('or its row is refused: %s', async (sql, type) => {
    expect(await fetched(sql)).toMatchObject({ type, refused: { code: 'VALUE_NOT_EXACT' } })
  })

  test('a BIGINT beyond 2^53 as text where that was asked for', async () => {
    expect((await fetched('9007199254740993L', { integersAsText: ['v'] })).value).toBe('9007199254740993')
  })

  test.each([
    ['omit', undefined, undefined],
    ['null', null, undefined],
    ['reject', undefined, { code: 'VALUE_NOT_EXACT' }],
  ] as const)('NaN with floats: %s', async (floats, value, refused) => {
    const found = await fetched("CAST('NaN' AS DOUBLE)", { floats })
    if (refused === undefined) expect(found.value).toBe(value)
    else expect(found.refused).toMatchObject(refused)
  })
})

describe('a type that has no exact form', () => {
  test('is an error that names the column: VARIANT inside an ARRAY comes as two binaries', async () => {
    await expect(fetched("array(parse_json('1'))")).rejects.toMatchObject({
      code: 'SOURCE_TYPE_UNKNOWN',
      facts: { column: 'v' },
    })
  })
})

describe.each(['user-defined', 'struct'])('vectors that the server calls %s', (as) => {
  test('are what they are: dense, sparse or none', async () => {
    await admin.lab('vector-table', { table: 'main.types.vectors' })
    await admin.lab('vectors', { as })
    const source = new DatabricksSource({ ...lakeOptions(), query: 'SELECT * FROM main.types.vectors ORDER BY id' })
    const { rows } = await readAll(source).finally(() => admin.lab('vectors', { as: 'user-defined' }))
    await source.close()
    expect(rows.map(({ features }) => features)).toEqual([
      { type: 1, size: null, indices: null, values: [0.1, 0.9] },
      { type: 0, size: 4, indices: [0, 3], values: [1, 2] },
      null,
    ])
  })
})
