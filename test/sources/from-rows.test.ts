import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cursor, Row } from '../../src/model/row.js'
import { RowsSource, type RowsSourceOptions } from '../../src/sources/from-rows.js'
import type { Page, Source } from '../../src/sources/source.js'

const signal = new AbortController().signal
const make = (rows: RowsSourceOptions['rows'], more: Partial<RowsSourceOptions> = {}) =>
  new RowsSource({ name: 'people', rows, ...more })

async function pagesOf(source: Source, options: { after?: Cursor; pageSize?: number } = {}): Promise<Page[]> {
  const pages: Page[] = []
  for await (const page of source.read({ signal, ...options })) pages.push(page)
  return pages
}
const rowsOf = (pages: readonly Page[]): Row[] =>
  pages.flatMap(({ rows }) => Array.from({ length: rows.length }, (_, index) => rows.at(index)))
const numbered = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `p-${n}`, n }))

describe('RowsSource of an array', () => {
  test('gives the rows in order, in pages of the size asked for', async () => {
    const pages = await pagesOf(make(numbered(7)), { pageSize: 3 })
    expect(pages.map(({ rows }) => rows.length)).toEqual([3, 3, 1])
    expect(rowsOf(pages)).toEqual(numbered(7))
  })

  test('resumes behind any page that was not the last [I3]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 8 }), async (count, pageSize) => {
        const pages = await pagesOf(make(numbered(count)), { pageSize })
        for (const [at, page] of pages.slice(0, -1).entries()) {
          const rest = await pagesOf(make(numbered(count)), { pageSize, after: page.cursor })
          expect(rowsOf(rest)).toEqual(rowsOf(pages.slice(at + 1)))
        }
      }),
      { numRuns: 50 },
    )
  })

  test('does not skip rows of another array by an offset of the former one', async () => {
    const [first] = await pagesOf(make(numbered(7)), { pageSize: 3 })
    const others = numbered(7).map(({ id, n }) => ({ id: `new-${id}`, n }))
    expect(rowsOf(await pagesOf(make(others), { after: (first as Page).cursor }))).toEqual(others)
  })

  test('does not keep a place that nothing stands behind any more', async () => {
    const [first] = await pagesOf(make(numbered(7)), { pageSize: 3 })
    const [only, ...more] = await pagesOf(make(numbered(3)), { after: (first as Page).cursor })
    expect([only?.rows.length, more.length]).toEqual([0, 0])
    expect(rowsOf(await pagesOf(make(numbered(3)), { after: (only as Page).cursor }))).toEqual(numbered(3))
  })

  test('begins again after its last page: the rows are what there is today', async () => {
    const source = make(numbered(4))
    const [only] = await pagesOf(source)
    expect(rowsOf(await pagesOf(source, { after: (only as Page).cursor }))).toEqual(numbered(4))
  })

  test('has no page where there is no row', async () => {
    expect(await pagesOf(make([], { key: ['id'], complete: true }))).toEqual([])
  })

  test('tells no schema where there is no row to infer it from', async () => {
    const schema = { columns: [{ name: 'id', type: 'string', nullable: false }] }
    expect(await make([], { key: ['id'] }).describe()).toBeNull()
    expect(await make([], { key: ['id'], schema }).describe()).toEqual(schema)
  })

  test('infers the same schema for describe() and for every page size', async () => {
    const rows = [{ id: 'a', n: 1 }, { id: 'b' }, { id: 'c', n: null, tags: ['x'], at: { x: true, 'a b': 0 } }]
    const source = make(rows)
    const schema = {
      columns: [
        { name: 'id', type: 'string', nullable: false },
        { name: 'n', type: 'double', nullable: true },
        { name: 'tags', type: 'array<string>', nullable: true },
        { name: 'at', type: 'struct<x:boolean,`a b`:double>', nullable: true },
      ],
    }
    expect(await source.describe()).toEqual(schema)
    for (const page of await pagesOf(source, { pageSize: 1 })) expect(page.schema).toEqual(schema)
  })

  test('says which column is missing that has a role', async () => {
    await expect(pagesOf(make(numbered(1), { key: ['user_id'] }))).rejects.toMatchObject({
      code: 'SOURCE_KEY_MISSING',
      facts: { source: 'people', column: 'user_id', role: 'key' },
    })
    await expect(make(numbered(1), { changedAt: 'at' }).describe()).rejects.toMatchObject({
      code: 'SOURCE_KEY_MISSING',
    })
  })

  test.each([{}, { offset: 0, digest: '' }, { offset: 1 }, { offset: -1, digest: '' }, { page: 2 }, { rows: 'x' }])(
    'refuses the cursor %j',
    async (after) => {
      await expect(pagesOf(make(numbered(3)), { after: after as Cursor })).rejects.toMatchObject({
        code: 'CURSOR_INVALID',
      })
    },
  )
})

describe('RowsSource of an iterable', () => {
  async function* stream(count: number) {
    yield* numbered(count)
  }

  test('is read once, and says so the second time', async () => {
    const source = make(stream(5))
    expect(await source.describe()).toBeNull()
    expect(rowsOf(await pagesOf(source, { pageSize: 2 }))).toEqual(numbered(5))
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'SOURCE_SPENT' })
  })

  test('made by a function is read anew, from the beginning after any cursor', async () => {
    const source = make(() => stream(5))
    const pages = await pagesOf(source, { pageSize: 2 })
    expect(new Set(pages.map(({ cursor }) => JSON.stringify(cursor))).size).toBe(3)
    for (const { cursor } of pages) {
      expect(rowsOf(await pagesOf(source, { after: cursor }))).toEqual(numbered(5))
    }
  })

  test('lets go of a source that hangs when the signal fires, and closes its iterator', async () => {
    const stop = new AbortController()
    let closed = false
    const hanging: AsyncIterable<Row> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          queueMicrotask(() => stop.abort())
          return new Promise(() => undefined)
        },
        return: async () => {
          closed = true
          return { done: true, value: undefined }
        },
      }),
    }
    const reading = make(hanging).read({ signal: stop.signal })
    await expect(reading.next()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(closed).toBe(true)
  })

  test('closes its iterator when the reader leaves early', async () => {
    let closed = false
    function* rows() {
      try {
        yield* numbered(100)
      } finally {
        closed = true
      }
    }
    for await (const _ of make(rows()).read({ signal, pageSize: 10 })) break
    expect(closed).toBe(true)
  })
})

describe('RowsSource values', () => {
  const one = async (value: unknown, more: Partial<RowsSourceOptions> = {}) => {
    const [page] = await pagesOf(make([{ id: 'a', value }], more))
    const { rows } = page as Page
    return { row: rows.at(0), reason: rows.refused.get(0), json: new TextDecoder().decode(rows.json(0, 1)) }
  }

  test('passes JSON on as it is, without a copy', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
        const given = { id: 'a', value }
        const [page] = await pagesOf(make([given]))
        expect((page as Page).rows.at(0)).toBe(given)
        expect((page as Page).rows.refused.size).toBe(0)
      }),
    )
  })

  test.each([
    [new Date('2024-02-29T12:00:00.5Z'), '2024-02-29T12:00:00.500Z'],
    [7n, 7],
    [-(2n ** 53n) + 1n, Number.MIN_SAFE_INTEGER],
    [new Uint8Array([1, 2, 255]), 'AQL/'],
    [{ a: [1n, undefined, { b: undefined, c: 1n }] }, { a: [1, null, { c: 1 }] }],
    [
      [Number.NaN, 1],
      [null, 1],
    ],
  ])('%s becomes %j', async (value, expected) => {
    expect(await one(value)).toMatchObject({ row: { id: 'a', value: expected }, reason: undefined })
  })

  test.each([undefined, Number.NaN, Number.POSITIVE_INFINITY])('%s is left out', async (value) => {
    expect((await one(value)).json).toBe('[{"id":"a"}]')
  })

  test('NaN is null or refuses the row, as told', async () => {
    expect((await one(Number.NaN, { floats: 'null' })).row).toEqual({ id: 'a', value: null })
    expect((await one([{ x: Number.NaN }], { floats: 'reject' })).reason).toEqual({
      code: 'VALUE_NOT_EXACT',
      facts: { column: 'value', problem: 'holds NaN' },
    })
  })

  const circle: Record<string, unknown> = {}
  circle.again = circle
  test.each([
    [2n ** 53n, 'holds an integer beyond 2^53 - 1'],
    [() => 1, 'holds a function, which is no JSON'],
    [Symbol('x'), 'holds a symbol, which is no JSON'],
    [new Map(), 'holds an object of a class, which is no JSON'],
    [new Date(Number.NaN), 'holds an invalid Date'],
    [circle, 'is nested deeper than 100 levels'],
  ])('%s refuses its row and says why, without the value [I7]', async (value, problem) => {
    const { reason, json } = await one(value)
    expect(reason).toEqual({ code: 'VALUE_NOT_EXACT', facts: { column: 'value', problem } })
    expect(json).toBe('[null]')
  })

  test('a column called __proto__ stays a column', async () => {
    const row = JSON.parse('{"__proto__":{"admin":true},"n":1}') as Record<string, unknown>
    row.big = 1n
    const [page] = await pagesOf(make([row]))
    expect((page as Page).rows.json(0, 1).length).toBeGreaterThan(0)
    expect(new TextDecoder().decode((page as Page).rows.json(0, 1))).toBe(
      '[{"__proto__":{"admin":true},"n":1,"big":1}]',
    )
  })

  test('a row that is no object is refused', async () => {
    const [page] = await pagesOf(make([{ id: 'a' }, 'b' as unknown as Row, null as unknown as Row]))
    expect([...(page as Page).rows.refused.keys()]).toEqual([1, 2])
  })

  class Customer {
    id = 'a'
    n = 1n
    seenAt = new Date(0)
  }

  test('rows of a class are refused for what they are, with their columns, and not told as rows without a key', async () => {
    for (const rows of [
      [new Customer()],
      async function* () {
        yield new Customer()
      },
    ]) {
      const [page] = await pagesOf(make(rows as never, { key: ['id'] }))
      expect(page?.schema.columns.map(({ name }) => name)).toEqual(['id', 'n', 'seenAt'])
      expect(page?.rows.refused.get(0)).toEqual({
        code: 'VALUE_NOT_EXACT',
        facts: { column: '*', problem: 'the row is no plain object' },
      })
      expect(page?.rows.at(0)).toEqual({ id: 'a', n: 1, seenAt: '1970-01-01T00:00:00.000Z' })
    }
  })

  test('a field that is NaN or undefined in all rows is a column all the same', async () => {
    const rows = [{ id: 'a', score: Number.NaN, tier: undefined, __proto__: { x: 1 } }]
    const columns = [
      { name: 'id', type: 'string', nullable: false },
      { name: 'score', type: 'double', nullable: true },
      { name: 'tier', type: 'void', nullable: true },
    ]
    for (const floats of ['omit', 'null'] as const) {
      const source = make(rows as never, { key: ['id'], changedAt: 'tier', floats })
      expect(await source.describe()).toEqual({ columns })
      expect((await pagesOf(source))[0]?.schema).toEqual({ columns })
    }
  })

  test.each<[string, unknown, string]>([
    ['numbers', [1, 2], 'gives no objects'],
    ['arrays', [['a', 1]], 'gives no objects'],
    ['numbers, one by one', () => [1, 2].values(), 'gives no objects'],
    ['nothing', () => undefined, 'is a function that gave no array and no iterable'],
    ['a text', async () => 'a@example.com', 'is a function that gave no array and no iterable'],
    ['an answer that holds the rows', async () => ({ data: [] }), 'is a function that gave no array and no iterable'],
  ])('rows that are %s are the mistake of a program, which is told', async (_, rows, problem) => {
    await expect(pagesOf(make(rows as never, { key: ['id'] }))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      facts: { part: 'RowsSource', option: 'rows', problem },
    })
  })
})

test('RowsSource refuses options by name', () => {
  expect(() => make(5 as never)).toThrow(/option rows/)
  expect(() => make('text' as never)).toThrow(/option rows/)
  expect(() => make([], { key: [] })).toThrow(/option key/)
  expect(() => make([], { floats: 'zero' as never })).toThrow(/option floats/)
})

test('RowsSource says CLOSED after close()', async () => {
  const source = make(numbered(1))
  await source.close()
  await source.close()
  await expect(pagesOf(source)).rejects.toMatchObject({ code: 'CLOSED' })
})
