import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import { PostgresStore } from '../../src/stores/postgres.js'
import { type PostgresServer, startPostgres } from './postgres/server.js'
import { sharedPostgres } from './postgres/shared.js'

const isHere = (await sharedPostgres()) !== undefined
const CRASHES = 6
const ROWS = 200

describe.skipIf(!isHere)('a Postgres that crashes', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  test('[I3] [I10] and comes back is waited for: every commit is there once and whole, whenever it falls', async () => {
    const store = new PostgresStore({ connectionString: server.url, schema: 'crash' })
    let [answered, isOver] = [0, false]
    const write = async (): Promise<void> => {
      for (let n = 1; !isOver; n += 1) {
        const keys = Array.from({ length: ROWS }, (_, at) => ['prod', String(at)])
        await store.commit([
          { op: 'check', table: 'checkpoint', key: ['prod'], is: n === 1 ? undefined : n - 1 }, // made twice, it fails
          ...keys.map((key) => ({ op: 'put', table: 'membership', key, value: n }) as const),
          { op: 'put', table: 'checkpoint', key: ['prod'], value: n },
        ])
        answered = n
      }
    }
    const read = async (): Promise<void> => {
      while (!isOver) {
        const values = (await store.scan('membership', { prefix: ['prod'], limit: 1_000 })).map(({ value }) => value)
        expect(new Set(values).size).toBeLessThanOrEqual(1)
      }
    }
    const crash = async (): Promise<void> => {
      for (let nth = 0; nth < CRASHES; nth += 1) {
        const before = answered
        await vi.waitFor(() => expect(answered).toBeGreaterThan(before + nth), { timeout: 20_000, interval: 1 })
        await server.crash()
        await server.start()
      }
      isOver = true
    }
    await Promise.all([write(), read(), crash()])
    const values = (await store.scan('membership', { prefix: ['prod'], limit: 1_000 })).map(({ value }) => value)
    expect([new Set(values), values.length]).toEqual([new Set([answered]), ROWS])
    expect(await store.get('checkpoint', [['prod']])).toEqual([answered])
    await store.close()
  })

  test('and does not come back is said by its code; the next call after it has come back works', async () => {
    const store = new PostgresStore({ connectionString: server.url, schema: 'gone' })
    const put = () => store.commit([{ op: 'put', table: 'run', key: ['prod'], value: 'ada@example.com' }])
    await put()
    await server.crash()
    const messages = await Promise.all(
      [put(), store.get('run', [['prod']])].map((call) =>
        call.catch((error: unknown) => (isLakeloopError(error) ? error.message : `foreign: ${String(error)}`)),
      ),
    )
    const said =
      'STORE_FAILED: the store failed: Postgres was not reached: ECONNREFUSED. See causeOf(error) for what it threw.'
    expect(messages).toEqual([said, said])
    await server.start()
    await put()
    expect(await store.get('run', [['prod']])).toEqual(['ada@example.com'])
    await store.close()
  })
})
