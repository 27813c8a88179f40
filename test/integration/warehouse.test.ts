import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Cursor } from '../../src/model/row.js'
import { answerOf, textAnswer } from '../fakes/warehouse/answer.js'
import { kindOf } from '../sources/databricks-arrow-tables.js'
import { holding, KINDS, type Kind, people, QUERY, readAll, rowsOf, stand, TAGS, TOKEN } from './warehouse-stand.js'

const ROWS = people(23)
const ALL = ROWS.map(([, n]) => n)

/** By the package that the driver brings along. */
const { compressFrameSync: lz4Frame }: { compressFrameSync(bytes: Uint8Array): Uint8Array } = createRequire(
  createRequire(import.meta.url).resolve('@databricks/sql'),
)('lz4-napi')

afterEach(() => {
  vi.restoreAllMocks()
})

describe('DatabricksSource on a fake warehouse, through the unmodified driver', () => {
  test.each(Object.keys(KINDS) as Kind[])('%s: every row once, in pages, in one page, by links [I3]', async (kind) => {
    for (const held of [{}, { pageRows: 100 }, { links: true }]) {
      const { warehouse, source } = await stand({ statements: holding({ rows: ROWS, ...held }) }, KINDS[kind])
      const { rows, error } = await readAll(source)
      expect(error).toBeUndefined()
      expect(rows).toEqual(kind === 'a bare query' ? [...ALL].reverse() : ALL)
      expect(warehouse.seen.statements.map(({ ended }) => ended)).not.toContain(undefined)
      expect(warehouse.seen.calls('download') > 0).toBe('links' in held)
    }
  })

  test('every statement says which sync and run it is of, and every request that it is ours', async () => {
    const options = { ...KINDS['a table'], queryTags: { team: 'crm' } }
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, options)
    await readAll(source)
    const { statements, requests } = warehouse.seen
    expect(statements.length).toBeGreaterThan(4)
    for (const { tags } of statements) {
      const all = { lakeloop_source: 'scores', team: 'crm', ...TAGS }
      expect(Object.fromEntries((tags ?? '').split(',').map((tag) => tag.split(':')))).toEqual(all)
    }
    for (const { userAgent, authorization } of requests) {
      expect(userAgent).toContain('(lakeloop;')
      expect(authorization).toBe(`Bearer ${TOKEN}`)
    }
  })

  test('what was described is read in the version that was described, and not looked up again', async () => {
    let version = '7'
    const held = holding({ rows: ROWS })
    const statements: typeof held = (sql, parameters) =>
      sql.startsWith('DESCRIBE HISTORY')
        ? textAnswer(['version', 'timestamp'], [[version, '2026-01-01']])
        : held(sql, parameters)
    const { warehouse, source } = await stand({ statements }, { ...KINDS['a table'], changes: 'snapshot' })
    const { signal } = new AbortController()
    const described = await source.describe(signal)
    version = '8'
    const from = warehouse.seen.statements.length
    const restCalls = warehouse.seen.requests.filter(({ call }) => call.startsWith('GET')).length
    for await (const _ of source.read({ signal, described })) break
    const pinned = warehouse.seen.statements.slice(from).map(({ sql }) => /FROM .* VERSION AS OF (\d+)/s.exec(sql)?.[1])
    expect(new Set(pinned)).toEqual(new Set(['7']))
    expect(warehouse.seen.requests.filter(({ call }) => call.startsWith('GET'))).toHaveLength(restCalls)
    for await (const _ of source.read({ signal, described: { ...described } })) break
    expect(warehouse.seen.statements.at(-1)?.sql).toContain('VERSION AS OF 8')
  })

  test('behind a cursor of another query all of it comes, and the host is told', async () => {
    const { source, events } = await stand({ statements: holding({ rows: ROWS }) })
    const { signal } = new AbortController()
    let cursor: Cursor | undefined
    for await (const page of source.read({ signal, pageSize: 4 })) {
      cursor = page.cursor
      break
    }
    expect(events).toEqual([])
    const rows: unknown[] = []
    for await (const page of source.read({ signal, after: { ...cursor, query: 'another' } })) rows.push(...rowsOf(page))
    expect([rows.length, events]).toEqual([ROWS.length, [{ kind: 'resync', why: 'the query is another one' }]])
  })

  test('one session in UTC, and it is closed', async () => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a table'])
    await readAll(source)
    await source.close()
    const { sessions } = warehouse.seen
    expect(sessions.map(({ configuration, closed }) => [configuration.TIMEZONE, closed])).toEqual([['UTC', true]])
  })

  test.each([true, false])('links to cloud storage are asked for: %s', async (useCloudFetch) => {
    const options = { ...KINDS['a bare query'], useCloudFetch }
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS, links: true }) }, options)
    expect((await readAll(source)).rows).toHaveLength(ROWS.length)
    expect(warehouse.seen.statements[0]?.asksLinks).toBe(useCloudFetch)
    expect(warehouse.seen.calls('download') > 0).toBe(useCloudFetch)
  })

  test('the telemetry of the driver is off', async () => {
    // The driver sends none to private addresses, so that this has to look like a host on the Internet.
    const lookup = dns.lookup
    vi.spyOn(dns, 'lookup').mockImplementation(((...given: Parameters<typeof lookup>) =>
      lookup('127.0.0.1', ...(given.slice(1) as [never, never]))) as typeof lookup)
    const connect = vi.spyOn(tls, 'connect')
    const options = { ...KINDS['a bare query'], host: 'warehouse.example' }
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, options)
    expect((await readAll(source)).rows).toHaveLength(ROWS.length)
    await source.close()
    const ports = connect.mock.calls.map(([to]) => Number((to as tls.ConnectionOptions).port))
    expect(new Set(ports)).toEqual(new Set([warehouse.connection.port])) // it would ask at 443
    expect(new Set(warehouse.seen.requests.map(({ call }) => call))).toEqual(
      new Set(['OpenSession', 'ExecuteStatement', 'FetchResults', 'CloseOperation', 'CloseSession']),
    )
  })

  test('a destination that takes an hour outlives the result, which is off the server at once [I12]', async () => {
    let at = 0
    const statements = holding({ rows: people(400), pageRows: 10, batchRows: 5 })
    const { warehouse, source } = await stand({ statements, now: () => at }, KINDS['a bare query'])
    const { seen } = warehouse
    const { rows, error } = await readAll(source, {
      pageSize: 7,
      async onPage() {
        await seen.until(() => seen.statements[0]?.ended === 'closed') // while this one waits
        expect(seen.statements[0]?.fetches).toBe(39)
        at += 3_600_000
      },
    })
    expect([error, rows]).toEqual([
      undefined,
      people(400)
        .map(([, n]) => n)
        .reverse(),
    ])
    expect(seen.statements).toHaveLength(1)
  })

  test('a result that the server dropped in the meantime is gone on with [I3]', async () => {
    let at = 0
    const statements = holding({ rows: ROWS })
    const { warehouse, source, events } = await stand({ statements, now: () => at }, KINDS['a sorted query'])
    warehouse.faults.on('FetchResults', ['a fetch after an hour', { kind: 'stall' }], { nth: 3 })
    const reading = readAll(source)
    await warehouse.seen.until(() => warehouse.seen.statements.some(({ fetches }) => fetches === 3))
    at += 3_600_000
    warehouse.faults.release()
    expect((await reading).rows).toEqual(ALL)
    expect(warehouse.seen.statements.map(({ ended }) => ended)).toEqual(['closed', 'evicted', 'closed'])
    expect(events.map(({ kind }) => kind)).toEqual(['resumed'])
  })

  test('a warehouse that starts anew within a read costs one session more and no row [I3]', async () => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a table'])
    const { seen, faults } = warehouse
    faults.on('FetchResults', ['a restart', { kind: 'stall', untilEnded: true }], { nth: 3 })
    const reading = readAll(source)
    await seen.until(() => seen.statements.some(({ fetches }) => fetches === 3))
    warehouse.dropSessions()
    expect((await reading).rows).toEqual(ALL)
    expect(seen.sessions).toHaveLength(2)
  })

  test('a result that is said to be none is an error, and no rows that are not there [I3]', async () => {
    const statements = () => ({ ...answerOf([['id', kindOf('string')]], [['a']]), hasResultSet: false as const })
    const { warehouse, source } = await stand({ statements }, KINDS['a bare query'])
    const { error } = await readAll(source)
    expect([error?.code, error?.facts.problem]).toEqual(['SOURCE_QUERY_INVALID', 'it gives no rows'])
    expect(warehouse.seen.statements[0]?.ended).toBe('closed')
  })

  test.each([
    ['frames, which the driver opens', lz4Frame, undefined],
    ['frames that are none', (bytes: Uint8Array) => bytes, 'SOURCE_FAILED'],
  ] as const)('LZ4: %s', async (_, lz4, code) => {
    for (const options of [{ links: true }, { useCloudFetch: false }]) {
      const statements = holding({ rows: ROWS, lz4, links: 'links' in options })
      const { useCloudFetch = true } = options as { useCloudFetch?: boolean }
      const { warehouse, source } = await stand({ statements }, { ...KINDS['a bare query'], useCloudFetch })
      const { rows, error } = await readAll(source)
      expect([error?.code, rows]).toEqual([code, code === undefined ? [...ALL].reverse() : []])
      expect(warehouse.seen.statements[0]?.asksLz4).toBe(!useCloudFetch)
    }
  })

  test.each(['variant', 'variants', 'large-utf8', 'utf8-view', 'dictionary'])(
    'columns of %s are refused by name, and the statement is closed',
    async (name) => {
      const schema = readFileSync(join(import.meta.dirname, `../golden/databricks/${name}.schema.arrow`))
      const statements = () => ({ columns: [], schema, pages: [] })
      const { warehouse, source } = await stand({ statements }, { query: QUERY })
      const { error } = await readAll(source)
      expect([error?.code, warehouse.seen.statements[0]?.ended]).toEqual(['SOURCE_TYPE_UNKNOWN', 'closed'])
      expect(error?.message).toMatch(
        /^SOURCE_TYPE_UNKNOWN: column (?:v|wide|view|a) of scores has the type .+ Cast the column in the query\.$/,
      )
    },
  )

  test('the fake fails a test whose statements nobody foresaw', async () => {
    const { warehouse, source } = await stand({ statements: () => undefined }, KINDS['a bare query'])
    expect((await readAll(source)).error?.code).toBe('SOURCE_QUERY_INVALID')
    await source.close()
    await expect(warehouse.close()).rejects.toThrow('nobody foresaw: SELECT id')
    warehouse.seen.unanswered.length = 0
  })
})
