import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Cursor } from '../../src/model/row.js'
import { FakeUnityCatalog } from '../fakes/unity-catalog/fake-unity-catalog.js'
import { answerOf, textAnswer } from '../fakes/warehouse/answer.js'
import { kindOf } from '../sources/databricks-arrow-tables.js'
import {
  holding,
  KINDS,
  type Kind,
  MARK,
  people,
  QUERY,
  readAll,
  rowsOf,
  stand,
  TAGS,
  TOKEN,
} from './warehouse-stand.js'

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

  test('a workspace that refuses query tags says what to set, and is read without any', async () => {
    const held = holding({ rows: ROWS })
    const text = '[CONFIG_NOT_AVAILABLE.WITHOUT_SUGGESTION] Configuration query_tags is not available. SQLSTATE: 42K0I'
    const refusing = await stand({ statements: () => ({ text, route: 'status' }) }, KINDS['a table'])
    expect((await readAll(refusing.source)).error?.message).toContain('set queryTags to false')
    const { warehouse, source } = await stand({ statements: held }, { ...KINDS['a table'], queryTags: false })
    expect((await readAll(source)).rows).toEqual(ALL)
    expect(warehouse.seen.statements.map(({ tags }) => tags)).not.toContainEqual(expect.anything())
    expect(warehouse.seen.sessions.map(({ configuration }) => Object.keys(configuration))).toEqual([['TIMEZONE']])
  })

  test('a tag is as long as a workspace takes it, and never longer', async () => {
    const options = { ...KINDS['a table'], name: 'n'.repeat(200) }
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, options)
    await readAll(source)
    for (const { tags } of warehouse.seen.statements) expect(tags).toMatch(/(^|,)lakeloop_source:n{128}(,|$)/)
    expect(warehouse.seen.sessions[0]?.configuration.QUERY_TAGS).toBe(`lakeloop_source:${'n'.repeat(128)}`)
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

  test('a query ends in a semicolon or does not, and one that writes is never run', async () => {
    const { source, warehouse } = await stand({ statements: holding({ rows: ROWS }) }, { query: `${QUERY} ;\n` })
    expect((await readAll(source)).rows).toHaveLength(ROWS.length)
    expect(warehouse.seen.statements.every(({ sql }) => !sql.includes(';'))).toBe(true)

    const refusal = { text: '[PARSE_SYNTAX_ERROR] Syntax error at or near DELETE', sqlState: '42601' }
    const writing = await stand({ statements: () => refusal }, { query: 'DELETE FROM scores' })
    expect((await readAll(writing.source)).error?.code).toBe('SOURCE_QUERY_INVALID')
    expect(writing.warehouse.seen.statements.map(({ sql }) => sql.startsWith('DELETE'))).toEqual([false])
  })

  test.each([{ order: 'key' }, {}] as const)(
    'a query whose key is not unique is refused before a row, with %o',
    async (more) => {
      const held = holding({ rows: ROWS })
      const statements: typeof held = (sql, parameters) =>
        sql.startsWith('SELECT max(CASE WHEN') ? textAnswer(['missing'], [['0']]) : held(sql, parameters)
      const { source, warehouse } = await stand({ statements }, { query: QUERY, key: ['id'], ...more })
      const { error, rows } = await readAll(source)
      expect([error?.code, error?.facts.problem, rows]).toEqual(['SOURCE_KEY_AMBIGUOUS', 'stands in two rows', []])
      expect(warehouse.seen.statements).toHaveLength(2)
    },
  )

  test.each([
    [{ integersAsText: ['nn'] }, 'integersAsText'],
    [{ allow: { masks: ['emial'] } }, 'allow.masks'],
  ])('a column that is not there in %o is an error', async (more, option) => {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const { source } = await stand({ statements: holding({ rows: ROWS }) }, { ...KINDS[kind], ...more })
      expect((await readAll(source)).error).toMatchObject({ code: 'OPTION_INVALID', facts: { option } })
    }
  })

  test('key and changedAt are those that the table declares', async () => {
    const statements = holding({ rows: ROWS })
    const declared = { name: 'k', child_columns: ['id'], timeseries_columns: ['n'] }
    const users = { name: 'users', columns: [], table_constraints: [{ primary_key_constraint: declared }] }
    const grants = [{ on: 'catalog main', to: 'app-1', privileges: ['ALL_PRIVILEGES'] }]
    const world = { catalogs: [{ name: 'main', schemas: [{ name: 'crm', tables: [users] }] }], grants }
    const fake = new FakeUnityCatalog({ world })
    const auth = { clientId: 'app-1', clientSecret: MARK }
    const { source, warehouse } = await stand(
      { statements, tokens: fake.tokens },
      {
        table: 'main.crm.users',
        changes: 'snapshot',
        auth,
        clock: undefined, // a deadline of sign-in is one
        fetch: fake.fetch,
      },
    )
    expect([source.key, source.changedAt]).toEqual([undefined, undefined])
    expect(await readAll(source)).toEqual({ rows: ALL, error: undefined })
    expect([source.key, source.changedAt]).toEqual([['id'], 'n'])
    expect(warehouse.seen.statements.at(-1)?.sql).toContain('ORDER BY `id`')
  })

  test('a query has the masks and the row filter of the tables it names', async () => {
    const masked = { name: 'Note', type_text: 'string', position: 0, mask: { function_name: 'main.sec.hidden' } }
    const plain = ['id', 'n'].map((name) => ({ name, type_text: 'string', position: 1 }))
    const users = { name: 'users', columns: [masked, ...plain], row_filter: { function_name: 'main.sec.only_eu' } }
    const grants = [{ on: 'catalog main', to: 'app-1', privileges: ['ALL_PRIVILEGES'] }]
    const world = { catalogs: [{ name: 'main', schemas: [{ name: 'crm', tables: [users] }] }], grants }
    const fake = new FakeUnityCatalog({ world })
    const options = { auth: { clientId: 'app-1', clientSecret: MARK }, clock: undefined, fetch: fake.fetch }
    const query = 'SELECT id, n, note FROM users'
    const fakeWarehouse = { statements: holding({ rows: ROWS }), tokens: fake.tokens }
    const { source } = await stand(fakeWarehouse, { query, ...options })
    const described = await source.describe(new AbortController().signal)
    expect(described).toMatchObject({ rowFilter: 'main.sec.only_eu', columns: [{}, {}, { mask: 'main.sec.hidden' }] })
    expect(described.columns.filter((column) => 'mask' in column)).toHaveLength(1)
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
    expect(warehouse.seen.statements.at(-1)?.asksLinks).toBe(useCloudFetch)
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
        await seen.until(() => seen.statements.at(-1)?.ended === 'closed') // while this one waits
        expect(seen.statements.at(-1)?.fetches).toBe(39)
        at += 3_600_000
      },
    })
    expect([error, rows]).toEqual([
      undefined,
      people(400)
        .map(([, n]) => n)
        .reverse(),
    ])
    expect(seen.statements).toHaveLength(2) // the first asks what columns there are
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
    expect(warehouse.seen.statements.at(-1)?.ended).toBe('closed')
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
      expect(warehouse.seen.statements.at(-1)?.asksLz4).toBe(!useCloudFetch)
    }
  })

  test.each(['variant', 'variants', 'large-utf8', 'utf8-view', 'dictionary'])(
    'columns of %s are refused by name, and the statement is closed',
    async (name) => {
      const schema = readFileSync(join(import.meta.dirname, `../golden/databricks/${name}.schema.arrow`))
      const statements = () => ({ columns: [], schema, pages: [] })
      const { warehouse, source } = await stand({ statements }, { query: QUERY })
      const { error } = await readAll(source)
      expect([error?.code, warehouse.seen.statements.at(-1)?.ended]).toEqual(['SOURCE_TYPE_UNKNOWN', 'closed'])
      expect(error?.message).toMatch(
        /^SOURCE_TYPE_UNKNOWN: column (?:v|wide|view|a) of scores has the type .+ Cast the column in the query\.$/,
      )
    },
  )

  test('the fake fails a test whose statements nobody foresaw', async () => {
    const { warehouse, source } = await stand({ statements: () => undefined }, KINDS['a bare query'])
    expect((await readAll(source)).error?.code).toBe('SOURCE_QUERY_INVALID')
    await source.close()
    await expect(warehouse.close()).rejects.toThrow('nobody foresaw: SELECT * FROM (SELECT id')
    warehouse.seen.unanswered.length = 0
  })
})
