import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import { type PostgresClient, type PostgresPool, signIn, withClient } from '../../src/stores/postgres/driver.js'
import { isPassing, isUndone, storeError } from '../../src/stores/postgres/errors.js'
import { begin, slotOf } from '../../src/stores/postgres/schema.js'
import { PostgresStore } from '../../src/stores/postgres.js'

const SECRET = 'ada@example.com'
const thrown = (code: string): Error => Object.assign(new Error(`${SECRET} spoils it`), { code })
const pool: PostgresPool = { connect: () => Promise.reject(thrown('ECONNREFUSED')) }
const URL_OK = 'postgres://ada:pw@db.example:6432/app'

describe('PostgresStore', () => {
  test('connects to nothing before its first use, nor if it is never used', async () => {
    let connects = 0
    const counted: PostgresPool = {
      connect: () => {
        connects += 1
        return pool.connect()
      },
    }
    await new PostgresStore({ pool: counted }).close()
    const store = new PostgresStore({ pool: counted })
    await store.commit([])
    expect([await store.get('run', []), connects]).toEqual([[], 0])
    await store.close()
    await expect(store.commit([])).rejects.toThrow('STORE_CLOSED')
  })

  const NEITHER = 'option connectionString or pool has to be given, and not both'
  const URL_WRONG = 'option connectionString is not postgres://user:password@host/database'
  const WRONG: readonly (readonly [options: object, problem: string])[] = [
    [{}, NEITHER],
    [{ connectionString: URL_OK, pool }, NEITHER],
    ...[SECRET, '', 'db.example', 'mysql://ada:pw@db/app', 'postgres://db/app', 'postgres://ada:pw@db'].map(
      (connectionString) => [{ connectionString }, URL_WRONG] as const,
    ),
    [{ connectionString: 'postgres://ada:pw@db/' }, URL_WRONG],
    [{ connectionString: 'postgres://ada:%zz@db/app' }, URL_WRONG],
    [{ connectionString: 7 }, 'option connectionString is not what its comment allows'],
    [{ pool: {} }, 'option pool is no pool of pg'],
    ...['', 'Upper', 'a"b', 'pg_mine', 'information_schema', '1st', 'a'.repeat(64)].map(
      (schema) => [{ pool, schema }, 'option schema is not valid: invalid string: must match pattern'] as const,
    ),
    [{ pool, poolMax: 0 }, 'option poolMax is not valid: too small: expected number to be >=1'],
    [
      { pool, statementTimeoutMs: 0.5 },
      'option statementTimeoutMs is not valid: invalid input: expected int, received number',
    ],
    [{ pool, lockTimeoutMs: -1 }, 'option lockTimeoutMs is not valid: too small: expected number to be >=1'],
  ]
  test.each(WRONG)('refuses %j', (options, problem) => {
    expect(() => new PostgresStore(options as never)).toThrow(`OPTION_INVALID: PostgresStore: ${problem}`)
  })

  test('[I7] asks for the connection string at its first use, and quotes neither it nor what its function throws', async () => {
    const wrong = new PostgresStore({ connectionString: async () => `ada:${SECRET}` })
    await expect(wrong.get('run', [['p']])).rejects.toThrow(
      /^OPTION_INVALID: PostgresStore: option connectionString is not postgres:\/\/user:password@host\/database\. /,
    )
    await wrong.close()
    const throwing = new PostgresStore({ connectionString: () => Promise.reject(thrown('vault')) })
    await expect(throwing.get('run', [['p']])).rejects.toThrow(
      /^STORE_FAILED: the store failed: Postgres gave no SQLSTATE\. See/,
    )
    await throwing.close()
  })

  test('waits for a server that says nothing no longer than it was told', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const connectionString = `postgres://ada:pw@127.0.0.1:${port}/app`
    const store = new PostgresStore({ connectionString, statementTimeoutMs: 60 })
    await expect(store.get('run', [['p']])).rejects.toThrow(
      'STORE_FAILED: the store failed: Postgres was not reached in time. See causeOf(error) for what it threw.',
    )
    await store.close()
    silent.close()
  })

  test('takes the password out of the connection string, and leaves what it says of TLS in it', () => {
    expect(signIn(URL_OK)).toEqual({ url: 'postgres://ada@db.example:6432/app', password: 'pw' })
    expect(signIn('postgresql://ada:p%40w@%2Frun%2Fpg/app?sslmode=verify-full')).toEqual({
      url: 'postgresql://ada@%2Frun%2Fpg:5432/app?sslmode=verify-full',
      password: 'p@w',
    })
    expect(signIn('postgres://ada@[::1]/app?password=a%26b&application_name=x')).toEqual({
      url: 'postgres://ada@[::1]:5432/app?application_name=x',
      password: 'a&b',
    })
  })

  test.each([
    ['55P03', 'STORE_LOCKED'],
    ['57014', 'STORE_LOCKED'],
    ['25006', 'STORE_READ_ONLY'],
    ['42501', 'STORE_READ_ONLY'],
    ['53100', 'STORE_FULL'],
    ['XX001', 'STORE_CORRUPT'],
    ['XX002', 'STORE_CORRUPT'],
    ['42P01', 'STORE_CORRUPT'],
  ])('says SQLSTATE %s as %s', (state, code) => {
    const error = storeError(thrown(state), 'lakeloop (Postgres)')
    expect([error.code, error.facts]).toEqual([code, { file: 'lakeloop (Postgres)' }])
    expect(error.message).not.toContain(SECRET)
  })

  test('says every other by its SQLSTATE or by what Node calls it, and nothing else of it', () => {
    const problem = (cause: unknown): unknown => storeError(cause, 'x').facts.problem
    expect(problem(thrown('23505'))).toBe('Postgres gave SQLSTATE 23505')
    expect(problem(thrown('ENOTFOUND'))).toBe('Postgres was not reached: ENOTFOUND')
    expect(problem(thrown('EPIPE'))).toBe('Postgres was not reached: EPIPE')
    expect(storeError(new Error('Query read timeout'), 'x').code).toBe('STORE_LOCKED')
    for (const cause of [new Error(SECRET), thrown(SECRET), thrown(`E${SECRET}`), undefined, SECRET]) {
      expect(problem(cause)).toBe('Postgres gave no SQLSTATE')
    }
  })

  test('knows what passes by itself, and what at COMMIT has surely written nothing', () => {
    const passing = ['40001', '40P01', '08006', '57P01', '57P03', '53300', 'ECONNRESET', 'EPIPE'].map(thrown)
    expect(passing.map(isPassing)).toEqual(passing.map(() => true))
    expect(isPassing(new Error('Connection terminated unexpectedly'))).toBe(true)
    const lasting = ['28P01', '23505', '55P03', '57014', 'ENOTFOUND'].map(thrown)
    expect([...lasting, new Error(SECRET), undefined].map(isPassing)).toEqual(Array(7).fill(false))
    expect(['40001', '23505', '25006', '57014'].map((state) => isUndone(thrown(state)))).toEqual(Array(4).fill(true))
    const unclear = [...['57P01', '57P02', '08006', 'XX000', '53100', 'ECONNRESET'].map(thrown), new Error('timeout')]
    expect(unclear.map(isUndone)).toEqual(unclear.map(() => false))
  })

  test('takes its locks in ascending order, each once, and never more than 64', () => {
    const place = { schema: 'a', store: 'a', lockTimeoutMs: 1, statementTimeoutMs: 2 }
    expect(begin(place, [9, 2, 10, 2])).toContain("unnest('{2,9,10}'::int4[])")
    const slots = new Set(Array.from({ length: 5_000 }, (_, n) => slotOf(`p${n}`)))
    expect([slots.size, Math.min(...slots), Math.max(...slots)]).toEqual([64, 0, 63])
  })

  test('gives a connection back in order, and closes one that an error has left in no known state', async () => {
    const given: (boolean | undefined)[] = []
    const heard: string[] = []
    const client: PostgresClient = {
      query: async () => ({ rows: [] }),
      on: (event) => heard.push(event),
      removeListener: () => heard.pop(),
      release: (destroy) => given.push(destroy),
    }
    const one: PostgresPool = { connect: async () => client }
    await withClient(one, async () => undefined)
    const conflict = new LakeloopError('STORE_CONFLICT', { table: 'run' })
    await withClient(one, () => Promise.reject(conflict)).catch(() => undefined)
    await withClient(one, () => Promise.reject(thrown('23505'))).catch(() => undefined)
    expect([given, heard]).toEqual([[false, false, true], []])
  })
})
