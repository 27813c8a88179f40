import { Pool } from 'pg'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import { type PostgresPool, PostgresStore } from '../../src/stores/postgres.js'
import type { Op } from '../../src/stores/store.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'
import { type Answer, lost, watchedPool } from './postgres/watched-pool.js'

/** How long is waited before the same is tried again is no matter here. */
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }))

const connectionString = await sharedPostgres()
const pool = new Pool({ connectionString, max: 6 })
pool.on('error', () => undefined)
afterAll(() => pool.end())

const put = (name: string, value: number): Op => ({ op: 'put', table: 'run', key: ['prod', name], value })
/** Of a commit that is made twice, it does not hold the second time. */
const ABSENT: Op = { op: 'check', table: 'run', key: ['prod', 'a'], is: undefined }

interface Faults {
  /** Stands between a statement that begins like this and the server, at its nth time. */
  readonly at: 'COMMIT' | 'WITH'
  readonly fault: (send: () => Answer, nth: number) => Answer
  readonly drop?: (close: () => void) => void
}

/** A store on a schema that is made, whose every BEGIN is counted. */
async function storeWith({ at, fault, drop }: Faults) {
  const schema = freshSchema()
  const first = new PostgresStore({ pool, schema })
  await first.get('run', [['prod']])
  await first.close()
  let [begins, times] = [0, 0]
  const each = (query: { readonly text: string }, send: () => Answer): Answer => {
    if (query.text.startsWith('BEGIN')) begins += 1
    if (!query.text.startsWith(at)) return send()
    times += 1
    return fault(send, times)
  }
  const store = new PostgresStore({ pool: watchedPool(pool, each, drop), schema })
  const stands = async (): Promise<unknown> => {
    const other = new PostgresStore({ pool, schema })
    const [value] = await other.get('run', [['prod', 'a']])
    await other.close()
    return value
  }
  return { store, stands, begins: () => begins }
}

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => (isLakeloopError(error) ? error.message : `foreign: ${String(error)}`),
  )

describe.skipIf(connectionString === undefined)('a commit of PostgresStore', () => {
  test('[I10] whose answer is lost is looked up and not made twice', async () => {
    const fault = async (send: () => Answer, nth: number): Answer => {
      const answer = await send()
      if (nth === 1) throw lost()
      return answer
    }
    const { store, stands, begins } = await storeWith({ at: 'COMMIT', fault })
    await store.commit([ABSENT, put('a', 1)])
    expect([await stands(), begins()]).toEqual([1, 2])
    await store.commit([put('a', 2)])
    expect([await stands(), begins()]).toEqual([2, 3])
    await store.close()
  })

  test('[I10] that is lost before it arrives is made again', async () => {
    const fault = async (send: () => Answer, nth: number): Answer => {
      if (nth === 1) throw lost()
      return await send()
    }
    const { store, stands } = await storeWith({ at: 'COMMIT', fault })
    await store.commit([put('b', 0)])
    await store.commit([ABSENT, put('a', 1)])
    expect(await stands()).toBe(1)
    await store.close()
  })

  test('[I10] that still goes on over there is waited for before it is looked up', async () => {
    const waiters = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    const somebodyWaits = () =>
      vi.waitFor(async () => expect((await pool.query(waiters)).rowCount).toBeGreaterThan(0), { timeout: 5_000 })
    let ended: Promise<unknown> = Promise.resolve()
    const fault = async (send: () => Answer, nth: number): Answer => {
      if (nth > 1) return await send()
      ended = somebodyWaits().then(send)
      throw lost()
    }
    const drop = (close: () => void): void => void ended.finally(close)
    const { store, stands, begins } = await storeWith({ at: 'COMMIT', fault, drop })
    await store.commit([ABSENT, put('a', 1)])
    await ended
    expect([await stands(), begins()]).toEqual([1, 2])
    await store.close()
  })

  test('[I10] of which nothing could be found out is said to be unknown, and by its code', async () => {
    let isGone = false
    const reached = watchedPool(pool, async (query, send) => {
      const answer = await send()
      if (query.text !== 'COMMIT') return answer
      isGone = true
      throw lost()
    })
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    const gone: PostgresPool = { connect: async () => (isGone ? Promise.reject(refused) : await reached.connect()) }
    const schema = freshSchema()
    const first = new PostgresStore({ pool, schema })
    await first.get('run', [['prod']])
    const store = new PostgresStore({ pool: gone, schema })
    expect(await messageOf(store.commit([put('a', 1)]))).toBe(
      'STORE_FAILED: the store failed: the connection was lost at COMMIT and did not come back; whether this commit was ' +
        'written is unknown, read before writing it again. See causeOf(error) for what it threw.',
    )
    expect(await messageOf(store.get('run', [['prod', 'a']]))).toBe(
      'STORE_FAILED: the store failed: Postgres was not reached: ECONNREFUSED. See causeOf(error) for what it threw.',
    )
    expect(await first.get('run', [['prod', 'a']])).toEqual([1])
    await first.close()
    await store.close()
  })

  test.each(['40001', '40P01'])('is made again where Postgres took it back with %s, but not for ever', async (code) => {
    const back = Object.assign(new Error('took it back'), { code, detail: 'ada@example.com' })
    const once = async (send: () => Answer, nth: number): Answer => (nth === 1 ? Promise.reject(back) : await send())
    const passing = await storeWith({ at: 'WITH', fault: once })
    await passing.store.commit([ABSENT, put('a', 1)])
    expect(await passing.stands()).toBe(1)
    await passing.store.close()

    const always = await storeWith({ at: 'WITH', fault: () => Promise.reject(back) })
    expect(await messageOf(always.store.commit([ABSENT, put('a', 1)]))).toBe(
      `STORE_FAILED: the store failed: Postgres gave SQLSTATE ${code}. See causeOf(error) for what it threw.`,
    )
    expect([await always.stands(), always.begins()]).toEqual([undefined, 8])
    await always.store.close()
  })

  test('begins when the one before has ended, so that none overtakes one that is tried again', async () => {
    const said: string[] = []
    const watched = watchedPool(pool, (query, send) => {
      const [word = ''] = /^\w+/.exec(query.text) ?? []
      if (word === 'BEGIN' || word === 'COMMIT') said.push(word)
      return send()
    })
    const store = new PostgresStore({ pool: watched, schema: freshSchema() })
    await store.get('run', [['prod']])
    said.length = 0
    await Promise.all([1, 2, 3].map((value) => store.commit([put('a', value)])))
    expect(said).toEqual(['BEGIN', 'COMMIT', 'BEGIN', 'COMMIT', 'BEGIN', 'COMMIT'])
    expect(await store.get('run', [['prod', 'a']])).toEqual([3])
    await store.close()
  })
})
