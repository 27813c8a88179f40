import { deepStrictEqual } from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causeOf, isLakeloopError, type LakeloopError } from '../../src/errors.js'
import type { RowBlock } from '../../src/model/row.js'
import { type ArrowReaderOptions, arrowReader } from '../../src/sources/databricks/arrow/arrow-reader.js'
import {
  kindOf,
  objectOf,
  struct,
  type Table,
  tableOf,
  tables,
  type Verdict,
  written,
} from './databricks-arrow-tables.js'

const GOLDEN = join(import.meta.dirname, '../golden/databricks')
const golden = (name: string): Uint8Array => readFileSync(join(GOLDEN, name))
const lines = (name: string): unknown[] => {
  const all = readFileSync(join(GOLDEN, name), 'utf8').trimEnd().split('\n')
  return all.map((line) => JSON.parse(line) as unknown)
}

const read = (schema: Uint8Array, more: Partial<ArrowReaderOptions> = {}) =>
  arrowReader(schema, { source: 'scores', floats: 'omit', ...more })

const rowsOf = (block: RowBlock) => Array.from({ length: block.length }, (_, index) => block.at(index))
const jsonOf = (block: RowBlock, from = 0, to = block.length): unknown[] =>
  JSON.parse(Buffer.from(block.json(from, to)).toString()) as unknown[]

async function failure(work: () => unknown): Promise<LakeloopError> {
  try {
    await work()
  } catch (error) {
    if (isLakeloopError(error)) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** One column of one type. */
async function column(type: string, values: readonly unknown[], more: Partial<ArrowReaderOptions> = {}) {
  const { schema, messages } = written(tableOf(kindOf(type), values))
  return (await read(schema, more)).block(messages, values.length)
}

describe('arrowReader() on bytes that Spark 4.1.1 wrote', () => {
  test.each([
    ['types', [3], 'big', 'holds an integer beyond 2^53 - 1'],
    ['as-text', [1], 'v', 'holds JSON with a number beyond float64'],
    ['time', [], '', ''],
  ])('%s', async (name, refused, at, problem) => {
    const reader = await read(golden(`${name}.schema.arrow`))
    const [types, ...rows] = lines(`${name}.json`)
    deepStrictEqual(Object.fromEntries(reader.schema.columns.map((one) => [one.name, one.type])), types)
    const block = reader.block([golden(`${name}.batch.arrow`)], rows.length)
    deepStrictEqual(rowsOf(block), rows)
    deepStrictEqual(
      jsonOf(block),
      rows.map((row, index) => ((refused as number[]).includes(index) ? null : row)),
    )
    expect([...block.refused]).toEqual(
      refused.map((index) => [index, { code: 'VALUE_NOT_EXACT', facts: { column: at, problem } }]),
    )
  })

  test.each([
    ['variant', 'VARIANT as Struct<value:Binary,metadata:Binary>'],
    ['variants', 'ARRAY<VARIANT> as List<element:Struct<value:Binary,metadata:Binary>>'],
  ])('%s, in the form that only its makers read, is an error that names column and type', async (name, type) => {
    const error = await failure(() => read(golden(`${name}.schema.arrow`)))
    expect(error.code).toBe('SOURCE_TYPE_UNKNOWN')
    expect(error.facts).toEqual({ source: 'scores', column: 'v', type })
  })
})

describe('arrowReader() on what Spark does not write', () => {
  test.each([
    ['dictionary', 'a', 'Dictionary<Utf8>'],
    ['large-utf8', 'wide', 'LargeUtf8'],
    ['utf8-view', 'view', 'Utf8View'],
  ])('%s is an error that names column and type', async (name, column, type) => {
    const error = await failure(() => read(golden(`${name}.schema.arrow`)))
    expect([error.code, error.facts]).toEqual(['SOURCE_TYPE_UNKNOWN', { source: 'scores', column, type }])
  })

  test('compressed buffers are refused, and why stands behind the error', async () => {
    const reader = await read(golden('lz4.schema.arrow'))
    const error = await failure(() => reader.block([golden('lz4.batch.arrow')], 100))
    expect(error.code).toBe('SOURCE_FAILED')
    expect(String(causeOf(error))).toContain('compressed')
  })
})

describe('arrowReader() types', () => {
  const named = (type: string, sql: string) => {
    const kind = { ...kindOf(type), sql }
    return failure(() => read(written(tableOf(kind, [])).schema))
  }
  test.each([
    ['string', 'GEOMETRY(4326)', 'GEOMETRY(4326) as Utf8'],
    ['string', 'ARRAY<INT>', 'ARRAY<INT> as Utf8'],
    ['string', 'DECIMAL(10,2)', 'DECIMAL(10,2) as Utf8'],
    ['string', 'TIMESTAMP', 'TIMESTAMP as Utf8'],
    ['binary', 'GEOGRAPHY(4326)', 'GEOGRAPHY(4326) as Binary'],
    ['int', 'BIGINT', 'BIGINT as Int(32,signed)'],
    ['int', 'STRUCT<', 'STRUCT< as Int(32,signed)'],
  ])('%s that the server calls %s is an error', async (type, sql, shown) => {
    const error = await named(type, sql)
    expect([error.code, error.facts]).toEqual(['SOURCE_TYPE_UNKNOWN', { source: 'scores', column: 'v', type: shown }])
  })

  test.each([
    ['string', 'STRING COLLATE UTF8_LCASE', 'string'],
    ['string', 'VARCHAR(10)', 'varchar(10)'],
    ['string', 'INTERVAL DAY TO SECOND', 'interval day to second'],
    ['decimal(5,2)', 'DECIMAL(5, 2)', 'decimal(5,2)'],
    ['timestamp_ntz', 'TIMESTAMP', 'timestamp'],
    ['timestamp', 'TIMESTAMP_NTZ', 'timestamp_ntz'],
  ])('%s that the server calls %s is %s', async (type, sql, expected) => {
    const { schema } = written(tableOf({ ...kindOf(type), sql }, []))
    expect((await read(schema)).schema.columns).toEqual([{ name: 'v', type: expected, nullable: true }])
  })

  test('without names, what Arrow says counts', async () => {
    const { schema } = written(
      {
        fields: [
          ['t', kindOf('timestamp')],
          ['n', kindOf('timestamp_ntz')],
        ],
        batches: [],
      },
      false,
    )
    expect((await read(schema)).schema.columns.map(({ type }) => type)).toEqual(['timestamp', 'timestamp_ntz'])
  })

  test('without names, a struct that may be a VARIANT of Spark is an error', async () => {
    const raw = struct([
      ['value', kindOf('binary')],
      ['metadata', kindOf('binary')],
    ])
    const type = 'Struct<value:Binary,metadata:Binary>'
    expect((await failure(() => read(written(tableOf(raw, []), false).schema))).facts).toMatchObject({ type })
    expect((await read(written(tableOf(raw, [])).schema)).schema.columns[0]?.type).toBe(
      'struct<value:binary,metadata:binary>',
    )
  })

  test('a struct with two fields of one name is an error', async () => {
    const twice = struct([
      ['a', kindOf('int')],
      ['a', kindOf('int')],
    ])
    expect((await failure(() => read(written(tableOf(twice, [])).schema))).code).toBe('SOURCE_TYPE_UNKNOWN')
  })

  test('two columns of one name are an error', async () => {
    const { schema } = written({
      fields: [
        ['v', kindOf('int')],
        ['v', kindOf('int')],
      ],
      batches: [],
    })
    const error = await failure(() => read(schema))
    expect([error.code, error.facts.problem]).toEqual(['SOURCE_QUERY_INVALID', 'two of its columns are called v'])
  })

  test('a key or a time of change that is no column is an error', async () => {
    const { schema } = written(tableOf(kindOf('int'), []))
    expect((await failure(() => read(schema, { key: ['id'] }))).facts).toMatchObject({ column: 'id', role: 'key' })
    expect((await failure(() => read(schema, { changedAt: 'at' }))).facts).toMatchObject({ role: 'changedAt' })
  })
})

describe('arrowReader() values', () => {
  test('NaN and the infinities go by the rule', async () => {
    const values = [Number.NaN, 1, Number.NEGATIVE_INFINITY]
    expect(rowsOf(await column('double', values))).toEqual([{}, { v: 1 }, {}])
    const nulls = await column('float', values, { floats: 'null' })
    expect(rowsOf(nulls)).toEqual([{ v: null }, { v: 1 }, { v: null }])
    expect(jsonOf(nulls)).toEqual(rowsOf(nulls))
    const rejected = await column('double', values, { floats: 'reject' })
    expect([...rejected.refused.keys()]).toEqual([0, 2])
    expect(jsonOf(rejected)).toEqual([null, { v: 1 }, null])
  })

  test('a BIGINT is text where that is asked for, however small', async () => {
    const values = [5n, -(2n ** 63n), 9_007_199_254_740_993n, null]
    const block = await column('bigint', values, { integersAsText: ['v'], key: ['v'] })
    expect(rowsOf(block)).toEqual([{ v: '5' }, { v: '-9223372036854775808' }, { v: '9007199254740993' }, { v: null }])
    expect(jsonOf(block)).toEqual(rowsOf(block))
    expect(block.refused.size).toBe(0)
    expect([0, 1, 2, 3].map((index) => block.key(index))).toEqual([
      '5',
      '-9223372036854775808',
      '9007199254740993',
      undefined,
    ])
  })

  test('text that is no UTF-8 refuses its row, and only that', async () => {
    const { schema, messages } = written(tableOf(kindOf('string'), ['aXb', 'ü']))
    const broken = messages.map((message) =>
      Buffer.from(Buffer.from(message).toString('latin1').replace('aXb', 'a\u00e9b'), 'latin1'),
    )
    const block = (await read(schema)).block(broken, 2)
    expect([...block.refused]).toEqual([
      [0, { code: 'VALUE_NOT_EXACT', facts: { column: 'v', problem: 'holds text that is no UTF-8' } }],
    ])
    expect(jsonOf(block)).toEqual([null, { v: 'ü' }])
  })

  test('a value that begins within a character refuses both rows, though the whole is UTF-8', async () => {
    const { schema, messages } = written(tableOf(kindOf('string'), ['aü', 'b']))
    const offsets = (...places: number[]) => Buffer.from(Int32Array.from(places).buffer).toString('latin1')
    const broken = messages.map((message) => {
      const text = Buffer.from(message).toString('latin1')
      expect(text).toContain(offsets(0, 3, 4))
      return Buffer.from(text.replace(offsets(0, 3, 4), offsets(0, 2, 4)), 'latin1')
    })
    expect([...(await read(schema)).block(broken, 2).refused.keys()]).toEqual([0, 1])
  })

  test('every character of ASCII comes through JSON', async () => {
    const values = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))
    const block = await column('string', values)
    expect(jsonOf(block)).toEqual(values.map((v) => ({ v })))
    expect(rowsOf(block)).toEqual(jsonOf(block))
  })

  test('key and changedAt are what a row block over the same rows gives', async () => {
    const table: Table = {
      fields: [
        ['id', kindOf('string')],
        ['n', kindOf('bigint')],
        ['at', kindOf('timestamp')],
      ],
      batches: [
        [['a', 1n, 1_000_001n]],
        [
          ['[b', 2n ** 60n, null],
          [null, 3n, 0n],
        ],
      ],
    }
    const { schema, messages } = written(table)
    const block = (await read(schema, { key: ['id'], changedAt: 'at' })).block(messages, 3)
    expect([0, 1, 2, 3].map((index) => block.key(index))).toEqual(['a', undefined, undefined, undefined])
    expect([0, 1, 2, 3].map((index) => block.changedAt(index))).toEqual([
      '1970-01-01T00:00:01.000001Z',
      undefined,
      '1970-01-01T00:00:00.000000Z',
      undefined,
    ])
    const double = (await read(schema, { key: ['id', 'n'] })).block(messages, 3)
    expect(double.key(0)).toBe('["a",1]')
  })

  test('bytes may stand at any address', async () => {
    const { schema, messages } = written(tableOf(kindOf('double'), [1.5, 2.5]))
    const moved = messages.map((message) => {
      const bytes = new Uint8Array(message.length + 3)
      bytes.set(message, 3)
      return bytes.subarray(3)
    })
    expect(rowsOf((await read(schema)).block(moved, 2))).toEqual([{ v: 1.5 }, { v: 2.5 }])
  })
})

interface Expected {
  readonly rows: readonly (object | undefined)[]
  readonly refused: readonly number[]
}

function oracle({ fields, batches }: Table): Expected {
  const rows = batches.flat().map((values) => {
    const verdict: Verdict = { refused: false }
    const row = objectOf(fields, values, verdict)
    return verdict.refused ? undefined : row
  })
  return { rows, refused: rows.flatMap((row, index) => (row === undefined ? [index] : [])) }
}

const numRuns = Number(process.env.LAW_RUNS ?? 300)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

describe('arrowReader() laws', () => {
  test('rows and JSON are what the values were, for types nested to any depth', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const { schema, messages, stream } = written(table)
        const { rows, refused } = oracle(table)
        const reader = await read(schema)
        expect(reader.schema.columns.map(({ name, type }) => [name, type])).toEqual(
          table.fields.map(([name, kind]) => [name, kind.type]),
        )
        for (const block of [reader.block(messages, rows.length), reader.block([stream], rows.length)]) {
          expect([...block.refused.keys()].sort((a, b) => a - b)).toEqual(refused)
          deepStrictEqual(
            jsonOf(block),
            rows.map((row) => row ?? null),
          )
          for (const [index, row] of rows.entries()) {
            if (row === undefined) expect(block.key(index)).toBe(undefined)
            else deepStrictEqual(block.at(index), row)
            deepStrictEqual(jsonOf(block, index, index + 1), [row ?? null])
          }
          const [from, to] = [rows.length >> 2, rows.length - (rows.length >> 2)]
          deepStrictEqual(
            jsonOf(block, from, to),
            rows.slice(from, to).map((row) => row ?? null),
          )
        }
      }),
      { numRuns, ...seed },
    )
  })

  test('a message that was cut off is an error, wherever it was', async () => {
    const { schema, messages } = written(tableOf(kindOf('string'), ['a', null, 'bcd']))
    const message = messages[0] as Uint8Array
    const reader = await read(schema)
    for (let length = 0; length < message.length; length++) {
      const error = await failure(() => reader.block([message.subarray(0, length)], 3))
      expect(error.code).toBe('SOURCE_FAILED')
    }
    for (let length = 0; length < schema.length - 8; length++) {
      expect((await failure(() => read(schema.subarray(0, length)))).code).toBe('SOURCE_FAILED')
    }
  })

  test('a broken batch is an error or rows that agree with their JSON, and never a crash', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    let errors = 0
    await fc.assert(
      fc.asyncProperty(tables, flips, async (table, places) => {
        const { schema, messages } = written(table)
        const reader = await read(schema)
        const broken = messages.map((message) => {
          const copy = Uint8Array.from(message)
          for (const [at, byte] of places) copy[at % copy.length] = byte
          return copy
        })
        try {
          const block = reader.block(broken, table.batches.flat().length)
          deepStrictEqual(
            jsonOf(block),
            rowsOf(block).map((row, index) => (block.refused.has(index) ? null : row)),
          )
        } catch (error) {
          if (!isLakeloopError(error, 'SOURCE_FAILED')) throw error
          errors += 1
        }
      }),
      { numRuns, ...seed },
    )
    expect(errors).toBeGreaterThan(0)
  })

  test('a broken schema is an error or a schema, and never a crash', async () => {
    await fc.assert(
      fc.asyncProperty(tables, fc.nat(), fc.nat(255), async (table, at, byte) => {
        const schema = Uint8Array.from(written(table).schema)
        schema[at % schema.length] = byte
        await read(schema).catch((error: unknown) => {
          if (!isLakeloopError(error)) throw error
        })
      }),
      { numRuns, ...seed },
    )
  })

  test('another count of rows, or batches of another schema, are an error', async () => {
    const { schema, messages } = written(tableOf(kindOf('int'), [1, 2]))
    const reader = await read(schema)
    for (const count of [0, 1, 3])
      expect((await failure(() => reader.block(messages, count))).code).toBe('SOURCE_FAILED')
    expect((await failure(() => reader.block([], 2))).code).toBe('SOURCE_FAILED')
    expect(reader.block([], 0).length).toBe(0)
    for (const other of ['string', 'bigint', 'variant']) {
      const { messages: theirs, stream } = written(tableOf(kindOf(other), other === 'bigint' ? [1n, 2n] : ['a', 'b']))
      const wide = await failure(() => reader.block([stream], 2))
      expect([wide.code, String(causeOf(wide))]).toEqual([
        'SOURCE_FAILED',
        'ArrowFormatError: a stream has another schema than its result',
      ])
      if (other !== 'bigint') expect((await failure(() => reader.block(theirs, 2))).code).toBe('SOURCE_FAILED')
    }
    const two = written({
      fields: [
        ['v', kindOf('int')],
        ['w', kindOf('int')],
      ],
      batches: [
        [
          [1, 2],
          [3, 4],
        ],
      ],
    })
    expect((await failure(() => reader.block(two.messages, 2))).code).toBe('SOURCE_FAILED')
  })
})
