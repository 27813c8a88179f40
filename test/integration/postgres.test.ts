import { Pool } from 'pg'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { causeOf, isLakeloopError } from '../../src/errors.js'
import { begin, MIGRATIONS, migrate, slotOf } from '../../src/stores/postgres/schema.js'
import { PostgresStore, type PostgresStoreOptions } from '../../src/stores/postgres.js'
import { type Op, TABLES } from '../../src/stores/store.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'
import { watchedPool } from './postgres/watched-pool.js'

const url = await sharedPostgres()
const pool = new Pool({ connectionString: url, max: 6 })
pool.on('error', () => undefined)
afterAll(() => pool.end())
afterEach(() => vi.unstubAllEnvs())

const SECRET = 'ada@example.com'
const put: Op = { op: 'put', table: 'membership', key: ['prod', 'news', SECRET], value: { note: SECRET } }
const SEED: Op = { op: 'put', table: 'membership', key: ['prod', 'news', 'seed'], value: 1 }
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => (isLakeloopError(error) ? error.message : `foreign: ${String(error)}`),
  )
const storeOf = (schema: string, options: Partial<PostgresStoreOptions> = {}): PostgresStore =>
  new PostgresStore({ connectionString: url ?? '', schema, ...options })
/** The connection string of somebody else, or with other parameters. */
function urlOf(change: { user?: string; password?: string; database?: string; options?: string }): string {
  const other = new URL(url ?? '')
  if (change.user !== undefined) other.username = change.user
  if (change.password !== undefined) other.password = change.password
  if (change.database !== undefined) other.pathname = change.database
  if (change.options !== undefined) other.searchParams.set('options', change.options)
  return other.href
}

async function seeded(): Promise<string> {
  const schema = freshSchema()
  const store = storeOf(schema)
  await store.commit([SEED])
  await store.close()
  return schema
}

describe.skipIf(url === undefined)('PostgresStore', () => {
  test('says that another commit to the project is not through, after the time it was told to wait', async () => {
    const schema = await seeded()
    const place = { schema, store: '', lockTimeoutMs: 1_000, statementTimeoutMs: 1_000 }
    const other = await pool.connect()
    await other.query(begin(place, [slotOf('prod')]))
    const store = storeOf(schema, { lockTimeoutMs: 40 })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_LOCKED: the store ${schema} (Postgres) is locked by another process. End the other process, or wait.`,
    )
    expect(await store.get('membership', [SEED.key])).toEqual([1]) // reading goes on
    await store.commit([{ op: 'put', table: 'run', key: ['test'], value: 1 }]) // and so do other projects
    await other.query('COMMIT')
    other.release()
    await store.commit([put])
    await store.close()
  })

  test('says so, too, where a table is locked for longer than a statement may take', async () => {
    const schema = await seeded()
    const other = await pool.connect()
    await other.query(`BEGIN; LOCK TABLE "${schema}".membership IN ACCESS EXCLUSIVE MODE`)
    const store = storeOf(schema, { statementTimeoutMs: 50 })
    expect(await messageOf(store.commit([put]))).toMatch(/^STORE_LOCKED: /)
    await other.query('COMMIT')
    other.release()
    await store.close()
  })

  test('lets no later commit overtake one that waits', async () => {
    const schema = await seeded()
    const place = { schema, store: '', lockTimeoutMs: 1_000, statementTimeoutMs: 1_000 }
    const other = await pool.connect()
    await other.query(begin(place, [slotOf('prod')]))
    const store = storeOf(schema)
    const both = [1, 2].map((value) => store.commit([{ ...put, value } as Op]))
    await other.query('COMMIT')
    other.release()
    await Promise.all(both)
    expect(await store.get('membership', [put.key])).toEqual([2])
    await store.close()
  })

  test('says that it cannot be written: by whom may only read, on a connection that may, and without a schema', async () => {
    const schema = await seeded()
    const user = `${schema}_reader`
    const table = `GRANT SELECT ON ALL TABLES IN SCHEMA "${schema}" TO "${user}"`
    await pool.query(
      `CREATE ROLE "${user}" LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA "${schema}" TO "${user}"; ${table}`,
    )
    const [reader, standby] = [
      urlOf({ user, password: 'x' }),
      urlOf({ options: '-c default_transaction_read_only=on' }),
    ]
    for (const connectionString of [reader, standby]) {
      const store = storeOf(schema, { connectionString })
      expect(await store.get('membership', [SEED.key])).toEqual([1])
      expect(await messageOf(store.commit([put]))).toMatch(
        new RegExp(`^STORE_READ_ONLY: the store ${schema} \\(Postgres\\) cannot be written\\. `),
      )
      await store.close()
    }
    const nowhere = storeOf(freshSchema(), { connectionString: reader })
    expect(await messageOf(nowhere.commit([put]))).toMatch(/^STORE_READ_ONLY: /)
    await nowhere.close()
  })

  test('needs no more than the grants of docs/stores.md', async () => {
    const [schema, user] = [freshSchema(), `${freshSchema()}_role`]
    await pool.query(`CREATE ROLE "${user}" LOGIN PASSWORD 'x'`)
    await pool.query(`CREATE SCHEMA "${schema}"; GRANT USAGE, CREATE ON SCHEMA "${schema}" TO "${user}"`)
    const store = storeOf(schema, { connectionString: urlOf({ user, password: 'x' }) })
    await store.commit([put])
    expect(await store.get('membership', [put.key])).toEqual([{ note: SECRET }])
    await store.close()
  })

  test("does not write its tables into somebody else's schema, and says when its own are gone", async () => {
    const schema = freshSchema()
    await pool.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".theirs (x int)`)
    const store = storeOf(schema)
    expect(await messageOf(store.get('run', [['p']]))).toMatch(/^STORE_CORRUPT: the store .* no lakeloop store\./)
    await pool.query(`DROP TABLE "${schema}".theirs`)
    await store.commit([put]) // and can be used once the cause is gone
    await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
    expect(await messageOf(store.commit([put]))).toMatch(/^STORE_CORRUPT: /)
    await store.close()
  })

  test('says that a newer version wrote the schema', async () => {
    const schema = await seeded()
    await pool.query(`UPDATE "${schema}".lakeloop SET value = 99`)
    const store = storeOf(schema)
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_VERSION_NEWER: the store ${schema} (Postgres) was written by a newer version (99). Update lakeloop.`,
    )
    await store.close()
  })

  test('refuses a database that is not in UTF8', async () => {
    const database = freshSchema()
    await pool.query(`CREATE DATABASE "${database}" ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
    const store = storeOf('lakeloop', { connectionString: urlOf({ database }) })
    expect(await messageOf(store.commit([put]))).toMatch(
      /^STORE_FAILED: the store failed: the database is not in UTF8\./,
    )
    await store.close()
    await pool.query(`DROP DATABASE "${database}" WITH (FORCE)`)
  })

  test('many that start at once on a new schema make it once', async () => {
    const schema = freshSchema()
    const stores = Array.from({ length: 8 }, () => storeOf(schema, { poolMax: 1 }))
    await Promise.all(
      stores.map((store, n) => store.commit([{ op: 'put', table: 'run', key: ['prod', `${n}`], value: n }])),
    )
    expect((await stores[0]?.scan('run', { prefix: ['prod'], limit: 100 }))?.length).toBe(8)
    await Promise.all(stores.map((store) => store.close()))
  })

  test('brings an old schema up by the steps that it lacks, once, and undoes a step that fails', async () => {
    const schema = await seeded()
    const place = { schema, store: schema, lockTimeoutMs: 1_000, statementTimeoutMs: 5_000 }
    const client = await pool.connect()
    const failing = [...MIGRATIONS, () => `DROP TABLE "${schema}".run; SELECT 1 / 0`]
    await expect(migrate(client, place, failing)).rejects.toMatchObject({ code: '22012' })
    expect((await client.query(`SELECT FROM "${schema}".run`)).rowCount).toBe(0)
    const next = [...MIGRATIONS, () => `CREATE TABLE "${schema}".step (x int)`]
    await migrate(client, place, next)
    await migrate(client, place, next) // made twice, the step would fail
    await expect(migrate(client, place)).rejects.toThrow('STORE_VERSION_NEWER')
    await pool.query(`UPDATE "${schema}".lakeloop SET value = 1; DROP TABLE "${schema}".departed`)
    await migrate(client, place) // a table that joined the contract later
    expect((await client.query(`SELECT FROM "${schema}".departed`)).rowCount).toBe(0)
    client.release()
  })

  test('keeps the order of keys that begin alike for longer than an index entry may be', async () => {
    const store = storeOf(freshSchema())
    // What is random cannot be packed: as one entry of an index Postgres would refuse it.
    let seed = 7
    const random = Array.from({ length: 2_100 }, () => {
      seed = (seed * 48_271) % 2_147_483_647
      return String.fromCharCode(33 + (seed % 90))
    }).join('')
    const tails = ['', 'a', `a${'z'.repeat(1_500)}`, 'b', 'é', '\uffff', '😀'].map((tail) => ['p', `${random}${tail}`])
    const keys = [['p', random.slice(0, 1_997)], ['p', random.slice(0, 1_998)], ...tails, ['p', random, 'x']]
    const sorted = [...keys].sort((a, b) =>
      Buffer.compare(Buffer.from(a.join('\u0001')), Buffer.from(b.join('\u0001'))),
    )
    await store.commit([...keys].reverse().map((key) => ({ op: 'put', table: 'run', key, value: key[1]?.length ?? 0 })))
    const found: (readonly string[])[] = []
    for (let after: readonly string[] | undefined; ; after = found.at(-1)) {
      const page = await store.scan('run', { prefix: ['p'], after, limit: 1 })
      if (page.length === 0) break
      found.push(...page.map(({ key }) => key))
    }
    expect(found).toEqual(sorted)
    expect(await store.get('run', keys)).toEqual(keys.map((key) => key[1]?.length))
    await store.commit(keys.map((key) => ({ op: 'delete', table: 'run', key })))
    expect(await store.scan('run', { prefix: [], limit: 10 })).toEqual([])
    await store.close()
  })

  test('a page behind others is sought, and nothing is sorted but what begins alike, without statistics, too', async () => {
    let asked = ''
    const watched = watchedPool(pool, (query, send) => {
      asked = query.text
      return send()
    })
    const store = new PostgresStore({ pool: watched, schema: freshSchema() })
    const names = Array.from({ length: 20_000 }, (_, n) => String(n).padStart(6, '0'))
    await store.commit(names.map((name) => ({ op: 'put', table: 'claim', key: ['prod', 'news', name], value: 1 })))
    for (const after of [undefined, ['prod', 'news', '004000']]) {
      const page = await store.scan('claim', { prefix: ['prod', 'news'], after, limit: 5_000 })
      expect(page.at(0)?.key[2]).toBe(after === undefined ? '000000' : '004001')
      const explained = (await pool.query(
        asked.replace('SELECT convert_from', 'EXPLAIN (ANALYZE, COSTS OFF) SELECT convert_from'),
      )) as unknown as readonly { rows: { 'QUERY PLAN': string }[] }[]
      const plan = explained.flatMap(({ rows }) => rows.map((row) => row['QUERY PLAN'])).join('\n')
      expect(plan).toMatch(/Index Scan using claim_pkey/)
      expect(plan).not.toMatch(/(?<!Incremental )Sort \(|Seq Scan|Bitmap/)
      expect(Number(/Index Scan.*rows=(\d+)/.exec(plan)?.[1])).toBeLessThan(5_200)
    }
    await store.close()
  })

  test('ends its own connections after what is under way, and forgets its number; a pool of the host goes on', async () => {
    const schema = freshSchema()
    const named = `${url}?application_name=${schema}`
    const [own, lent] = [storeOf(schema, { connectionString: named }), new PostgresStore({ pool, schema })]
    await Promise.all([own.commit([SEED]), lent.commit([put])])
    const counted = async (sql: string): Promise<unknown> => (await pool.query<{ n: number }>(sql)).rows[0]?.n
    const numbers = `SELECT count(*)::int AS n FROM "${schema}".lakeloop_writer`
    expect(await counted(numbers)).toBe(2)
    const pending = [own.get('run', [['p']]), own.commit([put]), own.scan('run', { prefix: [], limit: 1 })]
    await own.close()
    expect((await Promise.allSettled(pending)).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'))
    expect(await counted(numbers)).toBe(1)
    await lent.close()
    expect(await counted(numbers)).toBe(0)

    const reader = storeOf(schema, { connectionString: named, poolMax: 1 })
    await reader.get('run', [['p']])
    const reads = Array.from({ length: 3 }, () => reader.get('membership', [put.key])) // two of them wait for the connection
    await reader.close()
    expect(await Promise.all(reads)).toEqual(Array(3).fill([{ note: SECRET }]))
    const mine = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = '${schema}'`
    await vi.waitFor(async () => expect(await counted(mine)).toBe(0), { timeout: 5_000 })
  })

  test('is not led by the environment, and does not look for a password there', async () => {
    const wrong = { PGHOST: 'nowhere.invalid', PGPORT: '1', PGUSER: 'nobody', PGDATABASE: 'none', PGSSLMODE: 'require' }
    const right = new URL(url ?? '').password
    for (const [name, value] of Object.entries({ ...wrong, PGPASSWORD: right })) vi.stubEnv(name, value)
    const store = storeOf(freshSchema())
    await store.commit([put])
    await store.close()
    // This server has no TLS. Without a word of it in the string none is asked for, whatever PGSSLMODE says.
    const strict = storeOf(freshSchema(), { connectionString: `${url}?sslmode=verify-full` })
    expect(await messageOf(strict.commit([put]))).toMatch(/^STORE_FAILED: .* no SQLSTATE/)
    await strict.close()
    const without = storeOf(freshSchema(), { connectionString: urlOf({ password: '' }) })
    expect(await messageOf(without.commit([put]))).toMatch(/^STORE_FAILED: /)
    await without.close()
  })

  test('[I7] asks for the password of each connection, and says it in no error', async () => {
    const user = `${freshSchema()}_rotated`
    await pool.query(`CREATE ROLE "${user}" LOGIN SUPERUSER PASSWORD 'first-word'`)
    let password = 'first-word'
    const connectionString = async (): Promise<string> => urlOf({ user, password })
    const store = storeOf(freshSchema(), { connectionString, poolMax: 1 })
    await store.commit([put])
    await pool.query(`ALTER ROLE "${user}" PASSWORD 'second-word'`)
    const sever = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}'`
    await pool.query(sever)
    expect(await messageOf(store.commit([put]))).toBe(
      'STORE_FAILED: the store failed: Postgres gave SQLSTATE 28P01. See causeOf(error) for what it threw.',
    )
    password = 'second-word'
    await store.commit([put])
    await pool.query(sever)
    await store.commit([put]) // a lost connection is no failure
    await store.close()
  })

  test('[I7] quotes no value of what Postgres says', async () => {
    const schema = await seeded()
    await pool.query(`ALTER TABLE "${schema}".membership ADD CONSTRAINT c CHECK (v NOT LIKE '%@%')`)
    const store = storeOf(schema)
    const error = await store.commit([put]).catch((thrown: unknown) => thrown)
    expect(String(causeOf(error as Error))).toMatch(/violates check constraint/)
    expect(isLakeloopError(error) && error.message).toBe(
      'STORE_FAILED: the store failed: Postgres gave SQLSTATE 23514. See causeOf(error) for what it threw.',
    )
    await store.close()
  })

  test('has a table for each of the contract, and nothing else', async () => {
    const schema = await seeded()
    const sql = 'SELECT relname::text AS name FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace'
    const { rows } = await pool.query<{ name: string }>(`${sql} WHERE nspname = $1 AND relkind = 'r'`, [schema])
    expect(rows.map(({ name }) => name).sort()).toEqual([...TABLES, 'lakeloop', 'lakeloop_writer'].sort())
  })
})
