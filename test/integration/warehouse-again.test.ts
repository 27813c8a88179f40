import { expect, test } from 'vitest'
import { fault } from '../fakes/warehouse/fault-kinds.js'
import { holding, KINDS, MARK, people, readAll, stand } from './warehouse-stand.js'

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
