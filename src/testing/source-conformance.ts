import assert from 'node:assert/strict'
import { isLakeloopError } from '../errors.js'
import type { Row } from '../model/row.js'
import type { Page, Source } from '../sources/source.js'

/** A source under test, and what it is known to hold. */
export interface SourceSetup {
  /** Fresh, at the beginning. The suite closes it. */
  readonly source: Source
  /** Its rows: four at least. In the source's order where `ordered` says so. */
  readonly rows: readonly Row[]
  /** True if the source promises an order, and so a cursor behind each page. */
  readonly ordered: boolean
}

/** One promise of the contract. Bound to no test runner: `run` resolves, or it throws. */
export interface SourceCase {
  readonly name: string
  readonly run: (make: () => Promise<SourceSetup>) => Promise<void>
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)

async function opened(make: () => Promise<SourceSetup>, check: (setup: SourceSetup) => Promise<void>): Promise<void> {
  const setup = await make()
  try {
    await check(setup)
  } finally {
    await setup.source.close()
  }
}

async function pagesOf(source: Source, options: { after?: Page['cursor']; pageSize?: number } = {}): Promise<Page[]> {
  const pages: Page[] = []
  for await (const page of source.read({ ...options, signal: signal() })) pages.push(page)
  return pages
}

const rowsOf = (pages: readonly Page[]): Row[] =>
  pages.flatMap(({ rows }) => Array.from({ length: rows.length }, (_, at) => rows.at(at)))
const texts = (rows: readonly Row[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
const decoded = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

/** What every source must do. */
export const sourceConformance: readonly SourceCase[] = [
  {
    name: 'read: pages of 1 to pageSize rows hold all rows, once',
    run: (make) =>
      opened(make, async ({ source, rows }) => {
        const pages = await pagesOf(source, { pageSize: 2 })
        for (const page of pages) assert.ok(page.rows.length <= 2, 'a page has at most pageSize rows')
        assert.deepEqual(texts(rowsOf(pages)), texts(rows))
        for (const { rowsTotal = rows.length } of pages) assert.equal(rowsTotal, rows.length, 'a total is the true one')
      }),
  },
  {
    name: 'read: the same rows again in the same order, where an order is promised',
    run: (make) =>
      opened(make, async ({ source, rows, ordered }) => {
        if (!ordered) return
        assert.deepEqual(rowsOf(await pagesOf(source, { pageSize: 3 })), rows)
        assert.deepEqual(rowsOf(await pagesOf(source, { pageSize: 2 })), rows)
      }),
  },
  {
    name: 'read: goes on behind the cursor of any page but the last, where an order is promised [I3]',
    run: (make) =>
      opened(make, async ({ source, rows, ordered }) => {
        if (!ordered) return
        let seen = 0
        for (const page of (await pagesOf(source, { pageSize: 2 })).slice(0, -1)) {
          seen += page.rows.length
          const cursor = JSON.parse(JSON.stringify(page.cursor)) // as it comes out of a store
          assert.deepEqual(rowsOf(await pagesOf(source, { after: cursor, pageSize: 2 })), rows.slice(seen))
        }
      }),
  },
  {
    name: 'read: after any cursor no row is skipped that was not read before it [I3]',
    run: (make) =>
      opened(make, async ({ source, rows }) => {
        const pages = await pagesOf(source, { pageSize: 2 })
        for (const [at, { cursor }] of pages.slice(0, -1).entries()) {
          const rest = await pagesOf(source, { after: JSON.parse(JSON.stringify(cursor)), pageSize: 2 })
          const read = new Set(texts(rowsOf([...pages.slice(0, at + 1), ...rest])))
          assert.deepEqual([...read].sort(), [...new Set(texts(rows))])
        }
      }),
  },
  {
    name: 'read: after the last cursor comes what is new, or everything again; never a part',
    run: (make) =>
      opened(make, async ({ source, rows }) => {
        const last = (await pagesOf(source, { pageSize: 2 })).at(-1)
        assert.ok(last, 'there is a page')
        const again = rowsOf(await pagesOf(source, { after: JSON.parse(JSON.stringify(last.cursor)), pageSize: 2 }))
        if (last.mode === 'snapshot' || again.length > 0) assert.deepEqual(texts(again), texts(rows))
      }),
  },
  {
    name: 'read: each page of a read has a cursor of its own',
    run: (make) =>
      opened(make, async ({ source }) => {
        // Dead letters of rows without a key are told apart by it, also where every cursor means "from the beginning".
        const cursors = (await pagesOf(source, { pageSize: 1 })).map(({ cursor }) => JSON.stringify(cursor))
        assert.equal(new Set(cursors).size, cursors.length)
      }),
  },
  {
    name: 'read: two reads at once do not share a position, or the second is refused',
    run: (make) =>
      opened(make, async ({ source, rows }) => {
        const read = (): Promise<Page[]> => pagesOf(source, { pageSize: 1 })
        const [first, second] = await Promise.allSettled([read(), read()])
        assert.ok(first?.status === 'fulfilled', 'the first read goes through')
        assert.deepEqual(texts(rowsOf(first.value)), texts(rows))
        if (second?.status === 'fulfilled') assert.deepEqual(texts(rowsOf(second.value)), texts(rows))
        else assert.ok(isLakeloopError(second?.reason), 'a refusal has a code')
      }),
  },
  {
    name: 'read: no page is empty where there are rows, and all pages of a read have one mode',
    run: (make) =>
      opened(make, async ({ source }) => {
        const pages = await pagesOf(source, { pageSize: 2 })
        for (const page of pages) assert.ok(page.rows.length > 0, 'a page has a row')
        assert.equal(new Set(pages.map(({ mode }) => mode)).size, 1)
      }),
  },
  {
    name: 'read: a cursor is plain JSON of at most 4 KiB',
    run: (make) =>
      opened(make, async ({ source }) => {
        for (const { cursor } of await pagesOf(source, { pageSize: 2 })) {
          const text = JSON.stringify(cursor)
          assert.deepEqual(JSON.parse(text), cursor)
          assert.ok(Buffer.byteLength(text) <= 4_096)
        }
      }),
  },
  {
    name: 'read: a cursor that is not its own is CURSOR_INVALID, and nothing is read',
    run: (make) =>
      opened(make, async ({ source }) => {
        const strange = { of: 'another source entirely' }
        await assert.rejects(pagesOf(source, { after: strange }), (error) => isLakeloopError(error, 'CURSOR_INVALID'))
      }),
  },
  {
    name: 'rows: `at` and `json` say the same, and a refused row is null in `json`',
    run: (make) =>
      opened(make, async ({ source }) => {
        for (const { rows } of await pagesOf(source)) {
          const whole = decoded(rows.json(0, rows.length)) as unknown[]
          assert.equal(whole.length, rows.length)
          whole.forEach((row, at) => {
            assert.deepEqual(row, rows.refused.has(at) ? null : rows.at(at))
          })
          assert.deepEqual(decoded(rows.json(1, 2)), whole.slice(1, 2))
        }
      }),
  },
  {
    name: 'rows: keys are stable, and no two rows share one, where the source has a key',
    run: (make) =>
      opened(make, async ({ source }) => {
        if (source.key === undefined) return
        const keys = async (): Promise<(string | undefined)[]> =>
          (await pagesOf(source)).flatMap(({ rows }) => Array.from({ length: rows.length }, (_, at) => rows.key(at)))
        const [first, again] = [await keys(), await keys()]
        assert.deepEqual(again.sort(), first.sort())
        const known = first.filter((key) => key !== undefined)
        assert.equal(new Set(known).size, known.length)
      }),
  },
  {
    name: 'rows: each has a key and a time of change where the source declares them and the columns hold a value',
    run: (make) =>
      opened(make, async ({ source }) => {
        const { key = [], changedAt } = source
        for (const { rows } of await pagesOf(source)) {
          for (let at = 0; at < rows.length; at += 1) {
            const row = rows.at(at)
            const holds = (column: string): boolean => row[column] !== null && row[column] !== undefined
            if (key.length > 0 && key.every(holds)) assert.equal(typeof rows.key(at), 'string')
            const time = rows.changedAt(at)
            if (changedAt !== undefined && holds(changedAt)) assert.equal(typeof time, 'string')
            if (time !== undefined) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/)
          }
        }
      }),
  },
  {
    name: 'describe: names the columns of the pages, or says that only reading tells',
    run: (make) =>
      opened(make, async ({ source }) => {
        const schema = await source.describe(signal())
        if (schema === null) return
        for (const page of await pagesOf(source)) assert.deepEqual(page.schema, schema)
      }),
  },
  {
    name: 'read: an aborted signal ends it',
    run: (make) =>
      opened(make, async ({ source }) => {
        const cancel = new AbortController()
        let pages = 0
        const reading = async (): Promise<void> => {
          for await (const _ of source.read({ pageSize: 1, signal: cancel.signal })) {
            pages += 1
            cancel.abort()
          }
        }
        await reading().catch((error: unknown) => assert.ok(isLakeloopError(error, 'ABORTED')))
        assert.ok(pages <= 2, 'at most one page after the signal')
      }),
  },
  {
    name: 'head: is where nothing is new, and as good as a cursor behind the last page, where the source has one',
    run: (make) =>
      opened(make, async ({ source }) => {
        if (source.head === undefined) return
        const head = await source.head({ signal: signal() })
        const text = JSON.stringify(head)
        assert.deepEqual(JSON.parse(text), head)
        assert.ok(Buffer.byteLength(text) <= 4_096)
        assert.deepEqual(rowsOf(await pagesOf(source, { after: JSON.parse(text) })), [])
      }),
  },
  {
    name: 'read: from the beginning gives all rows, whatever was read before it',
    run: (make) =>
      opened(make, async ({ source, rows }) => {
        const former = (await pagesOf(source, { pageSize: 2 })).at(-1)?.cursor
        const anew: Page[] = []
        for await (const page of source.read({ former, pageSize: 2, signal: signal() })) anew.push(page)
        assert.deepEqual(texts(rowsOf(anew)), texts(rows))
      }),
  },
  {
    name: 'close: twice is once',
    async run(make) {
      const { source } = await make()
      await source.close()
      await source.close()
    },
  },
]
