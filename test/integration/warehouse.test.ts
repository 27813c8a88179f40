import dns from 'node:dns'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { holding, KINDS, type Kind, people, readAll, stand, TAGS, TOKEN } from './warehouse-stand.js'

const ROWS = people(23)
const ALL = ROWS.map(([, n]) => n)

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

  test('the fake fails a test whose statements nobody foresaw', async () => {
    const { warehouse, source } = await stand({ statements: () => undefined }, KINDS['a bare query'])
    expect((await readAll(source)).error?.code).toBe('SOURCE_FAILED')
    await source.close()
    await expect(warehouse.close()).rejects.toThrow('nobody foresaw: SELECT id')
    warehouse.seen.unanswered.length = 0
  })
})
