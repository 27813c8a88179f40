import { describe, expect, test } from 'vitest'
import type { FakeWarehouse } from '../fakes/warehouse/fake-warehouse.js'
import { FAULTS, type FaultName, fault } from '../fakes/warehouse/fault-kinds.js'
import type { Call } from '../fakes/warehouse/faults.js'
import { type Got, holding, KINDS, type Kind, MARK, people, readAll, shown, stand, TOKEN } from './warehouse-stand.js'

// Each fault through the unmodified driver, for each way to read. What no reader can find out is not here: a server that
// ends a result early and says so, or that sends a batch without its bytes.

const ROWS = people(23)
const ALL = ROWS.map(([, n]) => n)
const inOrder = (kind: Kind): readonly number[] => (kind === 'a bare query' ? [...ALL].reverse() : ALL)
const kinds = Object.keys(KINDS) as Kind[]
/** Which statement it is that brings the rows. */
const MAIN: Readonly<Record<Kind, number>> = { 'a sorted query': 2, 'a table': 5, 'a bare query': 2 }
const START_MS = 600_000

const hits = new Map<string, number>()
function count({ faults }: FakeWarehouse): void {
  for (const [met, times] of Object.entries(faults.hits)) hits.set(met, (hits.get(met) ?? 0) + times)
}

interface Meeting {
  readonly name: FaultName
  readonly on: Call
  readonly nth?: number
  readonly times?: number
}

/** Reads under a fault, and holds what always has to hold. */
async function under(
  { name, on, nth = 1, times = 1 }: Meeting,
  kind: Kind,
  { pageSize = 3, links = false, isRefused = false } = {},
) {
  const made = await stand({ statements: holding({ rows: ROWS, links }) }, KINDS[kind])
  const { warehouse, source, events, clock } = made
  warehouse.faults.on(on, fault(name), { nth, times })
  const got = await readAll(source, { pageSize })
  await source.close()
  count(warehouse)
  expect(warehouse.faults.unmet).toEqual([])
  for (const told of [got.error, events]) expect(shown(told)).not.toMatch(new RegExp(`${MARK}|${TOKEN}`))
  if (!isRefused) {
    expect(warehouse.seen.statements.map(({ ended }) => ended)).not.toContain(undefined)
    expect(warehouse.seen.sessions.every(({ closed }) => closed)).toBe(true)
  }
  expect(got.rows).toEqual(inOrder(kind).slice(0, got.rows.length)) // none lost before the end, none doubled
  expect(clock.waited).toBeLessThanOrEqual(START_MS + 30_000)
  return { ...made, ...got }
}

function expectWhole({ rows, error }: Got): void {
  expect(error).toBeUndefined()
  expect(rows).toHaveLength(ROWS.length)
}

describe('a result that is lost on its way is gone on with behind the last row [I3]', () => {
  const LOST: readonly FaultName[] = [
    'HTTP 503',
    'HTTP 503 with Retry-After',
    'HTTP 429 with Retry-After',
    'HTTP 404',
    'a reset before the work',
    'a reset after the work',
    'an invalid session',
    'an invalid operation',
  ]
  test.each(LOST)('%s', async (name) => {
    for (const nth of [1, 3, 5]) {
      const meeting = { name, on: 'FetchResults', nth } as const
      for (const kind of ['a sorted query', 'a table'] as const) {
        const got = await under(meeting, kind)
        expectWhole(got)
        expect(got.warehouse.seen.statements).toHaveLength(MAIN[kind] + 1)
        expect(got.clock.slept[0]).toBe(name.endsWith('Retry-After') ? 7_000 : 1_000)
        expect(got.events.filter(({ kind: told }) => told === 'resumed')).toHaveLength(1)
      }
      // Without an order there is no way back to where it broke off: only before the first row went out.
      expectWhole(await under(meeting, 'a bare query', { pageSize: 1_000 }))
      const got = await under(meeting, 'a bare query')
      expect([got.error?.code, got.warehouse.seen.statements.length]).toEqual([
        'SOURCE_UNREACHABLE',
        MAIN['a bare query'],
      ])
    }
  })

  test.each(['a link that is over', 'HTTP 403', 'HTTP 404'] as const)('a link: %s', async (name) => {
    const on = name === 'a link that is over' ? 'FetchResults' : 'download'
    for (const kind of ['a sorted query', 'a table'] as const) {
      expectWhole(await under({ name, on, nth: 3 }, kind, { links: true }))
    }
    const got = await under({ name, on, nth: 3 }, 'a bare query', { links: true })
    expect(got.error?.code).toBe('SOURCE_UNREACHABLE')
  })

  test('a link: a reset is asked for again by the driver', async () => {
    expectWhole(
      await under({ name: 'a reset before the work', on: 'download', nth: 3 }, 'a bare query', { links: true }),
    )
  })

  test.each(kinds)('%s: gives up after a few times without a row in between', async (kind) => {
    const got = await under({ name: 'HTTP 503', on: 'FetchResults', times: 4 }, kind, { pageSize: 1_000 })
    expect(got.error?.code).toBe('SOURCE_UNREACHABLE')
    expect(got.warehouse.seen.statements).toHaveLength(MAIN[kind] + 3)
  })
})

describe('a warehouse that is not ready is asked again, in a new session', () => {
  test.each(kinds)('%s: HTTP 503 to the first sessions', async (kind) => {
    const got = await under({ name: 'HTTP 503', on: 'OpenSession', times: 3 }, kind)
    expectWhole(got)
    expect(got.clock.slept).toEqual([2_000, 4_000, 8_000])
    expect(got.events.filter(({ kind: told }) => told === 'waiting')).toHaveLength(3)
  })

  const NOT_YET: readonly FaultName[] = [
    'HTTP 503',
    'HTTP 503 with Retry-After',
    'HTTP 429 with Retry-After',
    'HTTP 404',
    'a reset before the work',
    'a reset after the work',
    'an invalid session',
    'a session that is not ready',
    'a session that is not ready, by status',
    'a folder that cannot be made',
    'a statement closed on the server',
  ]
  test.each(NOT_YET)('%s', async (name) => {
    for (const kind of kinds) {
      for (const nth of new Set([1, MAIN[kind]])) {
        const got = await under({ name, on: 'ExecuteStatement', nth }, kind)
        expectWhole(got)
        expect(got.warehouse.seen.sessions).toHaveLength(2)
        expect(got.clock.slept).toEqual([name.endsWith('Retry-After') ? 7_000 : 2_000])
      }
    }
  })

  test.each(kinds)('%s: for ever, up to startTimeoutMs and not three times that', async (kind) => {
    const times = Number.POSITIVE_INFINITY
    const got = await under({ name: 'HTTP 503', on: 'OpenSession', times }, kind)
    expect([got.error?.code, got.error?.message]).toEqual([
      'SOURCE_UNREACHABLE',
      expect.stringContaining('HTTP 503. Check the host, the path and the network'),
    ])
    expect(got.warehouse.seen.calls('OpenSession')).toBe(got.clock.slept.length + 1)
    expect(got.clock.waited).toBeGreaterThanOrEqual(START_MS)
  })
})

describe('what asking again does not mend is an error at once', () => {
  test.each([
    ['HTTP 403', 'OpenSession', 'SOURCE_FORBIDDEN', 'CAN USE on the SQL warehouse'],
    ['HTTP 403', 'FetchResults', 'SOURCE_FORBIDDEN', 'CAN USE on the SQL warehouse'],
    ['HTTP 404', 'OpenSession', 'SOURCE_UNREACHABLE', 'no warehouse is at httpPath (HTTP 404)'],
    ['HTTP 404 of a path that is not there', 'ExecuteStatement', 'SOURCE_UNREACHABLE', 'HTTP 404'],
    ['an error by state', 'ExecuteStatement', 'SOURCE_QUERY_INVALID', 'CAST_INVALID_INPUT (SQLSTATE 22018)'],
    ['an error by status', 'ExecuteStatement', 'SOURCE_QUERY_INVALID', 'CAST_INVALID_INPUT (SQLSTATE 22018)'],
    ['an error by status', 'FetchResults', 'SOURCE_QUERY_INVALID', 'CAST_INVALID_INPUT (SQLSTATE 22018)'],
    ['a statement cancelled on the server', 'ExecuteStatement', 'SOURCE_UNREACHABLE', 'was cancelled on the server'],
    ['a statement that ran too long', 'ExecuteStatement', 'SOURCE_UNREACHABLE', 'the time limit of the warehouse'],
  ] as const)('%s to %s is %s', async (name, on, code, said) => {
    for (const kind of kinds) {
      const nth = on === 'ExecuteStatement' ? MAIN[kind] : 1
      const got = await under({ name, on, nth }, kind, { pageSize: 1_000 })
      expect([got.error?.code, got.rows]).toEqual([code, []])
      expect(got.error?.message).toContain(said)
      expect(got.clock.slept).toEqual([])
      if (on !== 'OpenSession') expect(got.warehouse.seen.calls('ExecuteStatement')).toBe(MAIN[kind])
    }
  })
})

describe('what is no result, or not the one that was said, is never read as rows', () => {
  const BROKEN: readonly FaultName[] = [
    'a row count that is too high',
    'a row count that is too low',
    'a row count of 0',
    'a message that is cut off',
    'a message that is garbled',
    'no message at all',
    'a batch of another schema',
    'buffers in LZ4',
    'buffers in ZSTD',
    'a dictionary',
    'more rows without an end',
  ]
  test.each(BROKEN)('%s', async (name) => {
    for (const kind of kinds) {
      for (const [links, nth] of [
        [false, 1],
        [false, 5],
        [true, 3],
      ] as const) {
        const got = await under({ name, on: 'FetchResults', nth }, kind, { links })
        expect([got.error?.code, got.warehouse.seen.statements.length]).toEqual(['SOURCE_FAILED', MAIN[kind]])
        expect(got.rows.length).toBeLessThan(ROWS.length)
      }
    }
  })

  test.each(kinds)('%s: the server says that there is more, and there is not', async (kind) => {
    expectWhole(await under({ name: 'more rows that are not there', on: 'FetchResults', nth: 5 }, kind))
  })
})

describe('a token that is refused', () => {
  const renewable = () => {
    let asked = 0
    return { token: async () => `token-${MARK}-${++asked}`, asked: () => asked }
  }

  test.each(kinds)('%s: does not end a read of which a part was given out [I3]', async (kind) => {
    for (const [on, nth] of [
      ['OpenSession', 1],
      ['ExecuteStatement', MAIN[kind]],
      ['FetchResults', 4],
    ] as const) {
      for (const told of ['HTTP 401', 'HTTP 403 of the token'] as const) {
        const { token, asked } = renewable()
        const tokens = [TOKEN, `token-${MARK}-2`]
        const { warehouse, source } = await stand(
          { statements: holding({ rows: ROWS }), tokens },
          { ...KINDS[kind], auth: { token } },
        )
        warehouse.faults.on(on, fault(told), { nth })
        const got = await readAll(source)
        count(warehouse)
        expectWhole(got)
        expect(got.rows).toEqual(inOrder(kind))
        expect(asked()).toBe(2)
        const after = warehouse.seen.requests.slice(warehouse.seen.requests.findIndex(({ call }) => call === on) + nth)
        expect(after.at(-1)?.authorization).toBe(`Bearer token-${MARK}-2`)
      }
    }
  })

  test('does not cancel a statement that runs for longer than a token is good', async () => {
    const { token } = renewable()
    const tokens = [TOKEN, `token-${MARK}-2`]
    const { warehouse, source } = await stand(
      { statements: holding({ rows: ROWS }), tokens },
      { ...KINDS['a bare query'], auth: { token } },
    )
    warehouse.faults.on('ExecuteStatement', fault('a statement that runs and runs'), { nth: MAIN['a bare query'] })
    warehouse.faults.on('GetOperationStatus', fault('HTTP 401'), { nth: 2 })
    const reading = readAll(source)
    await warehouse.seen.until(() => warehouse.seen.calls('GetOperationStatus') >= 3)
    warehouse.faults.release()
    expectWhole(await reading)
    count(warehouse)
    expect(warehouse.seen.statements).toHaveLength(MAIN['a bare query'])
  })

  test.each(kinds)('%s: without another one is SOURCE_UNAUTHORIZED', async (kind) => {
    for (const on of ['OpenSession', 'ExecuteStatement', 'FetchResults'] as const) {
      // Nothing can be closed with it either.
      const got = await under({ name: 'HTTP 401', on }, kind, { pageSize: 1_000, isRefused: true })
      expect([got.error?.code, got.rows]).toEqual(['SOURCE_UNAUTHORIZED', []])
      expect(got.error?.message).toContain('Renew the credential')
    }
  })
})

describe('a server that is slow, or silent', () => {
  test.each(kinds)('%s: an answer that does not come is waited for 5 minutes and not for ever', async (kind) => {
    const { warehouse, source, clock } = await stand({ statements: holding({ rows: ROWS }) }, KINDS[kind])
    warehouse.faults.on('FetchResults', fault('an answer that does not come'), { nth: 3 })
    const reading = readAll(source)
    await warehouse.seen.until(() => warehouse.seen.statements.some(({ fetches }) => fetches === 3))
    clock.pass()
    const got = await reading
    count(warehouse)
    if (kind === 'a bare query') expect(got.error?.message).toContain('a fetch had no answer for 300 s')
    else expect(got.rows).toEqual(ALL)
  })

  test.each([false, true])(
    'a connection that breaks within an answer, which the driver does not see, by links %s',
    async (links) => {
      const { warehouse, source, clock } = await stand({ statements: holding({ rows: ROWS, links }) })
      const on = links ? 'download' : 'FetchResults'
      warehouse.faults.on(on, fault('a reset within the answer'), { nth: 3 })
      const reading = readAll(source)
      await warehouse.seen.until(() => warehouse.faults.unmet.length === 0)
      clock.pass()
      expect((await reading).rows).toEqual(ALL)
      count(warehouse)
    },
  )

  test.each(kinds)('%s: an abort cancels the statement that runs', async (kind) => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS[kind])
    warehouse.faults.on('ExecuteStatement', fault('a statement that runs and runs'), { nth: MAIN[kind] })
    const stop = new AbortController()
    const reading = readAll(source, { signal: stop.signal })
    await warehouse.seen.until(() => warehouse.seen.calls('GetOperationStatus') >= 2)
    stop.abort()
    const { error, rows } = await reading
    count(warehouse)
    expect([error?.code, rows]).toEqual(['ABORTED', []])
    expect(warehouse.seen.statements.at(-1)?.ended).toBe('cancelled')
    expect(warehouse.seen.statements).toHaveLength(MAIN[kind])
  })

  test.each(kinds)('%s: an abort cancels the statement whose fetch has no answer', async (kind) => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS[kind])
    warehouse.faults.on('FetchResults', fault('an answer that does not come'), { nth: 2 })
    const stop = new AbortController()
    const reading = readAll(source, { signal: stop.signal })
    await warehouse.seen.until(() => warehouse.seen.statements.some(({ fetches }) => fetches === 2))
    stop.abort()
    expect((await reading).error?.code).toBe('ABORTED')
    count(warehouse)
    expect(warehouse.seen.statements.at(-1)?.ended).toBe('cancelled')
  })

  test('an abort does not wait for the answer to a statement, and cancels it when that comes', async () => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a bare query'])
    warehouse.faults.on('ExecuteStatement', fault('an answer that does not come'), { nth: MAIN['a bare query'] })
    const stop = new AbortController()
    const reading = readAll(source, { signal: stop.signal })
    await warehouse.seen.until(() => warehouse.seen.statements.length === MAIN['a bare query'])
    stop.abort()
    expect((await reading).error?.code).toBe('ABORTED')
    warehouse.faults.release()
    await warehouse.seen.until(() => warehouse.seen.statements.at(-1)?.ended !== undefined)
    count(warehouse)
    expect(warehouse.seen.statements.at(-1)?.ended).toBe('cancelled')
  })

  test('who stops reading does not wait for a fetch that has no answer', async () => {
    const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a bare query'])
    warehouse.faults.on('FetchResults', fault('an answer that does not come'), { nth: 2 })
    for await (const _ of source.read({ pageSize: 3, signal: new AbortController().signal })) {
      await warehouse.seen.until(() => warehouse.seen.statements.at(-1)?.fetches === 2)
      break
    }
    count(warehouse)
    expect(warehouse.seen.statements.at(-1)?.ended).toBe('closed')
  })
})

test('every fault was met, and the run says how often each', () => {
  const line = `faults of the warehouse met: ${JSON.stringify(Object.fromEntries([...hits].sort()))}`
  console.log(line)
  expect(Object.keys(FAULTS).filter((name) => !new RegExp(`"${name}":[1-9]`).test(line))).toEqual([])
})
