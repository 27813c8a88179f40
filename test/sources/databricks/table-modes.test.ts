import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../../src/errors.js'
import type { Cursor } from '../../../src/model/row.js'
import type { DatabricksEvent, Segment } from '../../../src/sources/databricks/segment.js'
import { tableName } from '../../../src/sources/databricks/sql-text.js'
import { type TableOptions, tableHead, tableSegments } from '../../../src/sources/databricks/table-modes.js'
import type { SqlSession } from '../../../src/vendors/databricks/sql.js'
import { kindOf, written } from '../databricks-arrow-tables.js'

const FEED = { 'delta.enableChangeDataFeed': 'true' }
const COLUMNS = ['id', 'org', 'at', 'seen_at'].map((name) => ({
  name,
  type: name.endsWith('at') ? 'timestamp' : 'string',
  nullable: true,
}))

/** A version on. */
const moved: TableOptions['facts'] = { id: 'd-1', version: 8, properties: FEED, schema: { columns: COLUMNS } }

/** A Delta table at version 7 with no commit in between that matters; it is asked, and gives no row. */
const session: SqlSession = {
  async rows(sql) {
    if (sql.startsWith('SELECT CAST(max')) return [{ high: '2026-03-02 00:00:00', unmarked: 0, total: 2 }]
    if (!sql.startsWith('DESCRIBE HISTORY')) return []
    return [7, 6, 5].map((version) => ({ version, timestamp: '', operation: 'WRITE', operationParameters: {} }))
  },
  query: () => Promise.reject(new LakeloopError('SOURCE_HISTORY_GONE', { source: 's', problem: 'gone' })),
  close: async () => undefined,
}

async function segments(more: Partial<TableOptions>, after?: Cursor, former?: Cursor) {
  const events: DatabricksEvent[] = []
  const read = reading({ tell: (event) => events.push(event), ...more })
  const found: Segment[] = []
  for await (const segment of tableSegments(read, { after, former })) found.push(segment)
  return { found, events, why: events.flatMap((event) => (event.kind === 'resync' ? [event.why] : [])) }
}

function reading(more: Partial<TableOptions>): TableOptions {
  return {
    asking: { session, source: 's', signal: new AbortController().signal },
    table: tableName('main.crm.scores'),
    facts: { id: 'd-1', version: 7, properties: FEED, schema: { columns: COLUMNS } },
    key: ['id'],
    changedAt: 'at',
    complete: false,
    overlapMs: 0,
    checkKey: true,
    tell: () => undefined,
    changes: 'snapshot',
    onHistoryGone: 'stop',
    onReplaced: 'resync',
    ...more,
  }
}

const only = ({ found }: { found: readonly Segment[] }): Segment => {
  expect(found).toHaveLength(1)
  return found[0] as Segment
}

describe('a cursor of a table', () => {
  test('whose place is of another key is no place in this one [I3]', async () => {
    const after = only(await segments({})).cursor(['zoe'])
    expect(only(await segments({}, after)).sql).toContain('`id` > :p0')
    const { found, why } = await segments({ key: ['org'] }, after)
    expect(found[0]?.sql).not.toContain('WHERE')
    expect(why).toEqual(['it was read by other columns before: id'])
  })

  test('whose watermark is of another column is no watermark of this one [I3]', async () => {
    const after = only(await segments({ changes: 'watermark' })).cursor(undefined)
    expect(only(await segments({ changes: 'watermark', facts: moved }, after)).sql).toContain('t.`at` > :low')
    const { found, why } = await segments({ changes: 'watermark', changedAt: 'seen_at', facts: moved }, after)
    expect(found[0]?.sql).not.toContain(':low')
    expect(why).toEqual(['it was read by other columns before: at, id'])
  })

  test.each<[string, Cursor]>([
    ['of another source', { at: 7 }],
    ['of a query', { query: 'd', read: true }],
    ['with text for a version', { mode: 'feed', table: 'd-1', seen: { version: '1) --' } }],
    ['with a fraction for a version', { mode: 'feed', table: 'd-1', seen: { version: 1.5 } }],
    ['with text for the first version', { mode: 'feed', table: 'd-1', seen: {}, now: { to: {}, from: '1' } }],
    ['with text for a version to read', { mode: 'feed', table: 'd-1', now: { to: { version: '1' } } }],
    ['with a place that is none', { mode: 'feed', table: 'd-1', now: { to: { version: 1 }, place: 'a' } }],
  ])('%s is CURSOR_INVALID', async (_, after) => {
    await expect(segments({}, after)).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
  })
})

describe('a table that was made anew', () => {
  const anew: TableOptions['facts'] = { ...moved, id: 'd-2' }

  test.each([
    ['snapshot', false, 'changes', []],
    ['snapshot', true, 'snapshot', []],
    ['watermark', true, 'changes', ['it was dropped or replaced, and is another table']],
    ['feed', false, 'snapshot', ['it was dropped or replaced, and is another table']],
  ] as const)(
    'and is read by %s with complete: %s gives %s: only who has left is missing',
    async (mode, complete, gives, told) => {
      const after = only(await segments({ changes: mode })).cursor(undefined)
      const { found, why } = await segments({ changes: mode, complete, facts: anew }, after)
      expect(found.map((segment) => segment.mode)).toEqual([gives])
      expect(why).toEqual(told)
    },
  )
})

test('a table that is made anew each day is read by snapshot each day, and one that was interrupted begins again', async () => {
  const anew: TableOptions['facts'] = { ...moved, id: 'd-2' }
  const after = only(await segments({ onReplaced: 'stop' })).cursor(['zoe'])
  const { found, why } = await segments({ onReplaced: 'stop', facts: anew }, after)
  expect(found[0]?.sql).not.toContain('WHERE')
  expect(why).toEqual(['it was made anew while it was read'])
})

test('who went from a watermark to a snapshot has seen nobody leave', async () => {
  const after = only(await segments({ changes: 'watermark' })).cursor(undefined)
  expect(only(await segments({}, after)).mode).toBe('changes')
})

describe('a key that a later commit gave to a second row', () => {
  const asking = (rows: SqlSession['rows']) => ({
    session: { ...session, rows },
    source: 's',
    signal: new AbortController().signal,
  })
  const TRACKED = { ...FEED, 'delta.enableRowTracking': 'true' }
  const facts = { ...moved, properties: TRACKED }

  test.each(['snapshot', 'feed', 'rowTracking', 'watermark'] as const)(
    'is refused before anything is read by %s, unless the host vouches for it',
    async (changes) => {
      const first = { ...facts, version: 7 }
      const after = only(await segments({ changes, facts: first })).cursor(undefined)
      const asked: string[] = []
      const twice = asking(async (sql) => {
        asked.push(sql)
        return sql.startsWith('SELECT max(CASE') ? [{ missing: 0 }] : session.rows(sql)
      })
      await expect(segments({ changes, facts, asking: twice }, after)).rejects.toMatchObject({
        code: 'SOURCE_KEY_AMBIGUOUS',
        facts: { problem: 'stands in two rows' },
      })
      asked.length = 0
      await segments({ changes, facts, asking: twice, checkKey: false }, after).catch((error) => {
        expect(error.code).toBe('SOURCE_HISTORY_GONE') // the session of these tests gives no rows of a feed
      })
      expect(asked.filter((sql) => sql.startsWith('SELECT max(CASE'))).toEqual([])
    },
  )
})

test('a history that does not reach back is told: a table may have been restored since', async () => {
  const TRACKED = { 'delta.enableRowTracking': 'true' }
  const options = { changes: 'rowTracking', facts: { ...moved, version: 7, properties: TRACKED } } as const
  const after = only(await segments(options)).cursor(undefined)
  const { events } = await segments({ ...options, facts: { ...moved, version: 20_000, properties: TRACKED } }, after)
  expect(events).toContainEqual({ kind: 'historyUnknown', why: expect.stringContaining('19993 commits') })
})

test.each(['feed', 'rowTracking'] as const)(
  'a view by %s is refused, and no ALTER TABLE is asked for it',
  async (mode) => {
    const view: TableOptions['facts'] = { ...moved, id: undefined, version: undefined, properties: {} }
    await expect(segments({ changes: mode, facts: view })).rejects.toMatchObject({
      code: 'SOURCE_MODE_UNAVAILABLE',
      facts: { problem: 'it is a view, or no Delta table', remedy: expect.stringMatching(/^Name the table behind it/) },
    })
  },
)

test('a feed whose earlier versions have another name for changedAt needs a full read', async () => {
  const { schema } = written({ fields: ['id', 'org', 'changed'].map((name) => [name, kindOf('string')]), batches: [] })
  const query = async () => ({ schema, batches: async function* () {}, close: async () => undefined })
  const after = only(await segments({ changes: 'feed' })).cursor(undefined)
  const asking = { session: { ...session, query }, source: 's', signal: new AbortController().signal }
  await expect(segments({ changes: 'feed', facts: moved, asking }, after)).rejects.toMatchObject({
    code: 'SOURCE_HISTORY_GONE',
    facts: { problem: 'in versions 8 to 8 there is no column at' },
  })
})

describe('a table that is to be read anew', () => {
  const TRACKED = { ...FEED, 'delta.enableRowTracking': 'true' }

  test.each([
    ['feed', 'snapshot'],
    ['rowTracking', 'snapshot'],
    ['watermark', 'changes'],
    ['snapshot', 'changes'],
  ] as const)('by %s gives a %s: who is missing has left where it was told of leaving', async (changes, gives) => {
    const facts = { ...moved, properties: TRACKED }
    const former = only(await segments({ changes, facts })).cursor(undefined)
    const { found, why } = await segments({ changes, facts }, undefined, former)
    expect(found.map(({ mode }) => mode)).toEqual([gives])
    expect(found[0]?.sql).not.toContain(':p0')
    expect(why).toEqual(['asked for'])
  })

  test('and was interrupted at it goes on as a snapshot', async () => {
    const former = only(await segments({ changes: 'feed' })).cursor(undefined)
    const under = only(await segments({ changes: 'feed' }, undefined, former)).cursor(['zoe'])
    const { found } = await segments({ changes: 'feed', facts: moved }, under)
    expect(found.map(({ mode }) => mode)).toEqual(['snapshot'])
    expect(found[0]?.sql).toContain(':p0')
    const again = await segments({ changes: 'feed', facts: moved }, undefined, under)
    expect(again.found.map(({ mode }) => mode)).toEqual(['snapshot'])
    expect(again.found[0]?.sql).not.toContain(':p0')
  })

  test('does not need a cursor that anybody can read', async () => {
    const { found } = await segments({ changes: 'feed' }, undefined, { at: 7 })
    expect(found.map(({ mode }) => mode)).toEqual(['changes'])
  })
})

describe('where a table stands', () => {
  const TRACKED = { ...FEED, 'delta.enableRowTracking': 'true' }

  test.each(['feed', 'rowTracking'] as const)('by %s is its version, and only later ones are read', async (changes) => {
    const facts = { ...moved, version: 7, properties: TRACKED }
    const head = await tableHead(reading({ changes, facts }))
    expect(head).toEqual({ mode: changes, table: 'd-1', by: ['id'], seen: { version: 7 } })
    expect((await segments({ changes, facts }, head)).found).toEqual([])
  })

  test('by watermark is the highest one', async () => {
    const head = await tableHead(reading({ changes: 'watermark' }))
    expect(head).toMatchObject({ mode: 'watermark', seen: { version: 7, watermark: '2026-03-02T00:00:00.000000Z' } })
    expect((await segments({ changes: 'watermark' }, head)).found).toEqual([])
    expect(only(await segments({ changes: 'watermark', facts: moved }, head)).sql).toContain('t.`at` > :low')
  })

  test('is nowhere for one that is read whole each time, and says what to do', async () => {
    await expect(tableHead(reading({ changes: 'snapshot' }))).rejects.toMatchObject({
      code: 'SOURCE_MODE_UNAVAILABLE',
      facts: { problem: expect.stringContaining('read whole each time'), remedy: expect.stringContaining('backfill') },
    })
    const off: TableOptions['facts'] = { ...moved, properties: {} }
    await expect(tableHead(reading({ changes: 'feed', facts: off }))).rejects.toMatchObject({
      code: 'SOURCE_MODE_UNAVAILABLE',
      facts: { problem: 'its change data feed is off' },
    })
  })
})

test('changes that are read in parts say of each but the last that more come, so that nobody takes its rows for all', async () => {
  const { schema } = written({
    fields: ['id', 'at', '_change_type', '_commit_version'].map((name) => [name, kindOf('string')]),
    batches: [],
  })
  const parted: SqlSession = {
    ...session,
    rows: async (sql) => {
      if (!sql.startsWith('DESCRIBE HISTORY')) return []
      const operation = (version: number): string => (version === 7 ? 'RENAME COLUMN' : 'WRITE')
      return [8, 7, 6, 5].map((version) => ({
        version,
        timestamp: '',
        operation: operation(version),
        operationParameters: {},
      }))
    },
    query: async (sql) => {
      if (sql.startsWith('SELECT 1')) throw new LakeloopError('SOURCE_HISTORY_SPLIT', { source: 's' })
      return { schema, batches: async function* () {}, close: async () => undefined }
    },
  }
  const after = { mode: 'feed', table: 'd-1', by: ['id'], seen: { version: 5 } }
  const asking = { session: parted, source: 's', signal: new AbortController().signal }
  const { found } = await segments({ changes: 'feed', facts: moved, asking }, after)
  expect(found.map(({ more }) => more)).toEqual([true, false])
})
