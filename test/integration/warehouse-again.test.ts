import { expect, test } from 'vitest'
import type { Statements } from '../fakes/warehouse/answer.js'
import { fault } from '../fakes/warehouse/fault-kinds.js'
import { holding, KINDS, MARK, people, readAll, type SkippingClock, stand } from './warehouse-stand.js'

// A host keeps a source for weeks: what was refused once, and has been mended since, must not stay refused.

const ROWS = people(5)
const ALL = ROWS.map(([, n]) => n)

test('a session that was refused once is not refused for ever', async () => {
  const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  warehouse.faults.on('OpenSession', fault('HTTP 403'), { nth: 1 })
  expect((await readAll(source)).error?.code).toBe('SOURCE_FORBIDDEN')
  expect((await readAll(source)).rows).toEqual(ALL)
})

test('a provider that gives a good token again is asked again', async () => {
  let good = false
  const token = async () => (good ? `token-${MARK}-good` : `token-${MARK}-bad`)
  const fake = { statements: holding({ rows: ROWS }), tokens: [`token-${MARK}-good`] }
  const { source, clock } = await stand(fake, { ...KINDS['a sorted query'], auth: { token } })
  expect((await readAll(source)).error?.code).toBe('SOURCE_UNAUTHORIZED')
  good = true
  await clock.sleep(61_000, new AbortController().signal)
  expect((await readAll(source)).rows).toEqual(ALL)
})

test('close() does not wait for a session that never opens', async () => {
  const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  warehouse.faults.on('OpenSession', fault('an answer that does not come'))
  const stop = new AbortController()
  const reading = readAll(source, { signal: stop.signal })
  await warehouse.seen.until(() => warehouse.seen.calls('OpenSession') === 1)
  stop.abort()
  expect((await reading).error?.code).toBe('ABORTED')
  await source.close()
}, 12_000)

test('a session that never opens is given up', async () => {
  const { warehouse, source, clock } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  warehouse.faults.on('OpenSession', fault('an answer that does not come'))
  const reading = readAll(source)
  await warehouse.seen.until(() => warehouse.seen.calls('OpenSession') === 1)
  clock.pass()
  expect((await reading).rows).toEqual(ALL)
}, 12_000)

test('a token that never changes is used again after a refusal that was a slip', async () => {
  const { warehouse, source } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  warehouse.faults.on('OpenSession', fault('HTTP 401'))
  expect((await readAll(source)).error?.code).toBe('SOURCE_UNAUTHORIZED')
  expect((await readAll(source)).rows).toEqual(ALL)
})

test('what a statement took before it was lost is no wait for the warehouse', async () => {
  const rows = holding({ rows: ROWS })
  const slow: { at: SkippingClock | undefined } = { at: undefined }
  const statements: Statements = (sql, parameters) => {
    if (sql.endsWith('ORDER BY `id`')) slow.at?.move(3_600_000)
    return rows(sql, parameters)
  }
  const { warehouse, source, clock } = await stand({ statements }, KINDS['a sorted query'])
  slow.at = clock
  warehouse.faults.on('ExecuteStatement', fault('a reset after the work'), { nth: 2 })
  expect((await readAll(source)).rows).toEqual(ALL)
  expect(clock.slept).toEqual([2_000])
})

test('a call that failed closes no session that another one has opened since', async () => {
  const { warehouse, source, clock } = await stand({ statements: holding({ rows: ROWS }) }, KINDS['a sorted query'])
  warehouse.faults.on('ExecuteStatement', fault('an invalid session'))
  warehouse.faults.on('ExecuteStatement', fault('an answer that does not come'))
  const readings = [readAll(source), readAll(source)]
  expect((await Promise.race(readings)).rows).toEqual(ALL)
  clock.pass()
  expect((await Promise.all(readings)).map(({ rows }) => rows)).toEqual([ALL, ALL])
  expect(warehouse.seen.sessions.map(({ closed }) => closed)).toEqual([expect.anything(), false])
}, 12_000)
