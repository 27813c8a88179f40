import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { LakeloopError } from '../../../src/errors.js'
import { querySegment } from '../../../src/sources/databricks/query-read.js'
import type { DatabricksEvent } from '../../../src/sources/databricks/segment.js'
import { segmentPages } from '../../../src/sources/databricks/segment-pages.js'
import type { Page } from '../../../src/sources/source.js'
import type { ArrowResult, SqlSession, StatementOptions } from '../../../src/vendors/databricks/sql.js'
import { kindOf, written } from '../databricks-arrow-tables.js'

const directory = mkdtempSync(join(tmpdir(), 'lakeloop-segment-'))
afterAll(() => rmSync(directory, { recursive: true }))

type Rows = readonly (readonly [id: string | null, n: number])[]
const FIELDS = [
  ['id', kindOf('string')],
  ['n', kindOf('int')],
] as const

/** A warehouse that holds one table and understands `id > :p0`; loses its connection where it is told to. */
function warehouse(rows: Rows, { lostAfter = [] as number[], streams = false, problem = ': HTTP 503' } = {}) {
  const asked: (StatementOptions['parameters'] | undefined)[] = []
  const tags: StatementOptions['tags'][] = []
  let closed = 0
  const session: SqlSession = {
    rows: async () => [],
    async query(_, { parameters, tags: told } = {}) {
      tags.push(told)
      const lost = lostAfter[asked.length]
      asked.push(parameters)
      const from = parameters?.p0?.value
      const left = from === undefined ? rows : rows.filter(([id]) => id !== null && id > (from as string))
      const batches = left.map((row) => [row])
      const { schema, messages } = written({ fields: [...FIELDS] as never, batches })
      return {
        schema,
        async *batches() {
          for (const [at, message] of messages.entries()) {
            if (at === lost) throw new LakeloopError('SOURCE_UNREACHABLE', { source: 's', problem })
            const whole = written({ fields: [...FIELDS] as never, batches: [batches[at] as never] }).stream
            yield { messages: [streams ? whole : message], rowCount: 1 }
          }
          if (lost === messages.length) throw new LakeloopError('SOURCE_UNREACHABLE', { source: 's', problem })
        },
        close: async () => {
          closed += 1
        },
      } satisfies ArrowResult
    },
    close: async () => undefined,
  }
  return { session, asked, tags, closed: () => closed }
}

const people = (count: number): Rows => Array.from({ length: count }, (_, n) => [`c-${n}`, n] as const)
const KEY = [{ name: 'id', type: 'string', nullable: true }]

async function read(session: SqlSession, { sorted = true, pageSize = 2 } = {}) {
  const events: DatabricksEvent[] = []
  const segment = querySegment({ query: 'SELECT', mode: 'changes', order: sorted ? KEY : [], digest: 'd' }, undefined)
  const pages: Page[] = []
  const reading = {
    asking: { session, source: 's', signal: new AbortController().signal, tags: { lakeloop_sync: 'churn' } },
    key: ['id'],
    changedAt: undefined,
    floats: 'omit',
    integersAsText: undefined,
    clock: { now: () => 0, sleep: async () => undefined },
    spool: { source: 's', directory, bytesMax: 1_000_000, memoryBytesMax: 1_000 },
    tell: (event: DatabricksEvent) => events.push(event),
    pageSize,
  } as const
  for await (const page of segmentPages(segment, reading)) pages.push(page)
  const rows = pages.flatMap(({ rows: block }) => Array.from({ length: block.length }, (_, at) => block.at(at).n))
  return { pages, rows, events }
}

describe('segmentPages()', () => {
  test.each([1, 2, 3, 7])('gives every row once, and a cursor behind each page of %i rows [I3]', async (pageSize) => {
    const { pages, rows } = await read(warehouse(people(7)).session, { pageSize })
    expect(rows).toEqual([0, 1, 2, 3, 4, 5, 6])
    for (const { rows: block, cursor } of pages.slice(0, -1)) {
      expect(cursor).toEqual({ query: 'd', place: [block.at(block.length - 1).id] })
    }
    expect(pages.at(-1)?.cursor).toEqual({ query: 'd', read: true })
  })

  test.each([[[]], [[3]], [[5, 2]]])(
    'tells the rows of all pages once the server has sent them, also where results broke off after %j',
    async (lostAfter) => {
      const { pages } = await read(warehouse(people(7), { lostAfter }).session, { pageSize: 1 })
      const totals = pages.map(({ rowsTotal }) => rowsTotal)
      expect(new Set(totals)).toEqual(new Set([undefined, 7]))
      expect(totals.at(-1)).toBe(7)
    },
  )

  test('takes results that came by links, which are whole streams', async () => {
    expect((await read(warehouse(people(5), { streams: true }).session)).rows).toEqual([0, 1, 2, 3, 4])
  })

  test('gives one empty page where there is no row, so that the cursor moves', async () => {
    const { pages } = await read(warehouse([]).session)
    expect(pages.map(({ rows, cursor }) => [rows.length, cursor])).toEqual([[0, { query: 'd', read: true }]])
  })

  test.each([[[3]], [[5, 2]], [[0, 0, 0]], [[7, 0, 1]]])(
    'neither loses nor doubles a row when results break off after %j',
    async (lostAfter) => {
      const { session, asked } = warehouse(people(7), { lostAfter })
      const { rows, events } = await read(session)
      expect(rows).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect(events).toHaveLength(lostAfter.length)
      expect(asked).toHaveLength(lostAfter.length + 1)
    },
  )

  test('gives up when a result breaks off again and again without a row in between', async () => {
    const { session, asked } = warehouse(people(7), { lostAfter: [0, 0, 0, 0, 0, 0] })
    await expect(read(session)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
    expect(asked).toHaveLength(4)
  })

  test.each(['was cancelled on the server', 'ran into the time limit of the warehouse'])(
    'does not run a statement again that %s, in the middle of its result',
    async (what) => {
      const { session, asked } = warehouse(people(7), { lostAfter: [3], problem: `: the statement ${what}` })
      await expect(read(session)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
      expect(asked).toHaveLength(1)
    },
  )

  test('does not ask three times more for as long as a session may ask', async () => {
    let asked = 0
    const session: SqlSession = {
      ...warehouse([]).session,
      async query() {
        asked += 1
        throw new LakeloopError('SOURCE_UNREACHABLE', { source: 's', problem: ': HTTP 503' })
      },
    }
    await expect(read(session)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
    expect(asked).toBe(1)
  })

  test('does not drop rows that came in a batch of which none was announced [I3]', async () => {
    const { session } = warehouse(people(3))
    const query: SqlSession['query'] = async (sql, options) => {
      const result = await session.query(sql, options)
      const batches = async function* () {
        for await (const { messages } of result.batches()) yield { messages, rowCount: 0 }
      }
      return { schema: result.schema, batches, close: result.close }
    }
    await expect(read({ ...session, query })).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  test('does not begin again where rows have no order and some were given out', async () => {
    const { session } = warehouse(people(7), { lostAfter: [5] })
    await expect(read(session, { sorted: false })).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  })

  test('tells the server who asks', async () => {
    const { session, tags } = warehouse(people(7), { lostAfter: [3] })
    await read(session)
    expect(tags).toEqual([{ lakeloop_sync: 'churn' }, { lakeloop_sync: 'churn' }])
  })

  test('closes every result that it asked for', async () => {
    const { session, asked, closed } = warehouse(people(7), { lostAfter: [3] })
    await read(session)
    expect(closed()).toBe(asked.length)
  })

  test.each([
    [
      'stands in two rows',
      [
        ['a', 1],
        ['b', 2],
        ['b', 3],
        ['c', 4],
      ],
    ],
    [
      'is NULL in a row',
      [
        [null, 1],
        [null, 2],
        ['c', 3],
      ],
    ],
  ] as const)('stops at a key that %s, before a row could be lost [I3]', async (problem, rows) => {
    await expect(read(warehouse(rows as Rows).session)).rejects.toMatchObject({
      code: 'SOURCE_KEY_AMBIGUOUS',
      message: expect.stringContaining(problem),
    })
  })
})
