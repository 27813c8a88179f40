import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isLakeloopError, type LakeloopError } from '../../src/errors.js'
import { builtIn, findDriver, libsql, type OpenDriver, type SqliteDriver } from '../../src/stores/sqlite/driver.js'
import { storeError } from '../../src/stores/sqlite/errors.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import { MIGRATIONS, migrate } from '../../src/stores/sqlite/schema.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Op } from '../../src/stores/store.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = (): string => join(folder, `${++files}.db`)

const SECRET = 'ada@example.com'
const put: Op = { op: 'put', table: 'membership', key: ['prod', 'news', SECRET], value: { note: SECRET } }
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => (isLakeloopError(error) ? error.message : `foreign: ${String(error)}`),
  )

const DRIVERS: readonly (readonly [string, OpenDriver])[] = [
  ['libsql', libsql(libsqlPlace())],
  ...[builtIn()].filter((driver) => driver !== undefined).map((driver) => ['node:sqlite', driver] as const),
]

describe.each(DRIVERS)('SqliteStore on %s', (_, driver) => {
  test('says that the file is locked by another process, after the time it was told to wait', async () => {
    const path = fresh()
    await seed(path, driver)
    const other = driver(path)
    other.exec('BEGIN IMMEDIATE')
    const store = new SqliteStore({ path, driver, busyTimeoutMs: 40 })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_LOCKED: the store ${path} is locked by another process. End the other process, or wait.`,
    )
    expect(await store.get('membership', [['prod', 'news', 'seed']])).toEqual([1]) // reading goes on
    other.exec('COMMIT')
    await store.commit([put])
    other.close()
    await store.close()
  })

  test('a page behind others is sought, and not walked to from the first of them', async () => {
    const path = fresh()
    await seed(path, driver)
    const asked: string[] = []
    const told = (file: string): SqliteDriver => {
      const opened = driver(file)
      const prepare = (sql: string) => {
        asked.push(sql)
        return opened.prepare(sql)
      }
      return { prepare, exec: (sql) => opened.exec(sql), close: () => opened.close() }
    }
    const store = new SqliteStore({ path, driver: told })
    const keys = ['a', 'b', 'c'].map((name) => ['prod', 'news', name])
    await store.commit(keys.map((key): Op => ({ op: 'put', table: 'claim', key, value: 1 })))
    asked.length = 0
    // Of two lower bounds SQLite seeks to one only.
    for (const after of [undefined, keys[0], ['prod'], ['zz']]) {
      const page = await store.scan('claim', { prefix: ['prod', 'news'], after, limit: 10 })
      expect(page.length).toBe(after === undefined || after.length < 2 ? (after?.[0] === 'zz' ? 0 : 3) : 2)
    }
    expect(asked.map((sql) => sql.match(/\bk >/g)?.length)).toEqual([1, 1])
    await store.close()
  })

  test('waits off the loop, and lets no later commit overtake the one that waits', async () => {
    const path = fresh()
    await seed(path, driver)
    const other = driver(path)
    other.exec('BEGIN IMMEDIATE')
    let opened: SqliteDriver | undefined
    const store = new SqliteStore({
      path,
      driver: (file) => {
        opened = driver(file)
        return opened
      },
    })
    const first = store.commit([{ ...put, value: 1 } as Op])
    // Several turns of the loop, in which the first attempt is made and refused.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(Object.values(opened?.prepare('PRAGMA busy_timeout').get() as object)[0]).toBe(0)
    other.exec('COMMIT')
    const second = store.commit([{ ...put, value: 2 } as Op])
    await Promise.all([first, second])
    expect(await store.get('membership', [put.key])).toEqual([2])
    other.close()
    await store.close()
  })

  test('says that a file is no database, and leaves it as it is', async () => {
    const path = fresh()
    writeFileSync(path, 'this is a text and no database at all. '.repeat(200))
    const before = readFileSync(path)
    const store = new SqliteStore({ path, driver })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_CORRUPT: the store ${path} is damaged or no lakeloop store. Restore a copy, or begin with a new file.`,
    )
    expect(readFileSync(path)).toEqual(before)
    await store.close()
  })

  test("does not write its tables into somebody else's database", async () => {
    const path = fresh()
    const other = driver(path)
    other.exec('CREATE TABLE theirs (x)')
    other.close()
    const store = new SqliteStore({ path, driver })
    expect(await messageOf(store.get('run', [['p']]))).toMatch(/^STORE_CORRUPT: the store .* no lakeloop store\./)
    await store.close()
  })

  test('says that a file is damaged', async () => {
    const [path, damaged] = [fresh(), fresh()]
    await seed(path, driver)
    copyFileSync(path, damaged)
    const bytes = readFileSync(damaged)
    writeFileSync(damaged, bytes.fill(0xff, 4_096))
    const store = new SqliteStore({ path: damaged, driver })
    expect(await messageOf(store.scan('membership', { prefix: ['prod'], limit: 10 }))).toMatch(/^STORE_CORRUPT: /)
    await store.close()
  })

  test('leaves all in the one file when it is closed', async () => {
    const [path, copy] = [fresh(), fresh()]
    await seed(path, driver)
    copyFileSync(path, copy)
    const store = new SqliteStore({ path: copy, driver })
    expect(await store.get('membership', [['prod', 'news', 'seed']])).toEqual([1])
    await store.close()
  })

  test('says that a newer version wrote the file', async () => {
    const path = fresh()
    await seed(path, driver)
    const other = driver(path)
    other.exec("UPDATE lakeloop SET value = 99 WHERE name = 'version'")
    other.close()
    const store = new SqliteStore({ path, driver })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_VERSION_NEWER: the store ${path} was written by a newer version (99). Update lakeloop.`,
    )
    await store.close()
  })

  test('says that the disk is full; nothing of the commit is there, and smaller ones go on', async () => {
    const path = fresh()
    const small: OpenDriver = (file) => {
      const opened = driver(file)
      opened.exec('PRAGMA max_page_count = 60')
      return opened
    }
    const store = new SqliteStore({ path, driver: small })
    const large = Array.from(
      { length: 100 },
      (__, n): Op => ({ ...put, key: ['prod', 'n', String(n)], value: 'x'.repeat(3_000) }) as Op,
    )
    expect(await messageOf(store.commit(large))).toBe(
      `STORE_FULL: the disk of the store ${path} is full. Make room, then run again.`,
    )
    expect(await store.scan('membership', { prefix: [], limit: 10 })).toEqual([])
    await store.commit([put])
    expect(await store.get('membership', [put.key])).toEqual([{ note: SECRET }])
    await store.close()
  })

  test('says that the folder is not there', async () => {
    const path = join(folder, 'nowhere', 'a.db')
    const store = new SqliteStore({ path, driver })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_FAILED: the store failed: the folder of ${path} does not exist. See causeOf(error) for what it threw.`,
    )
    await store.close()
  })

  test('says that the store cannot be written', async () => {
    const path = fresh()
    await seed(path, driver)
    const readOnly: OpenDriver = (file) => {
      const opened = driver(file)
      opened.exec('PRAGMA query_only = ON')
      return opened
    }
    const store = new SqliteStore({ path, driver: readOnly })
    expect(await messageOf(store.commit([put]))).toBe(
      `STORE_READ_ONLY: the store ${path} cannot be written. Check the permissions of the file and its folder, or the grants of the role.`,
    )
    await store.close()
  })

  test('opens an old file by the steps that it lacks, once, and undoes a step that fails', async () => {
    const path = fresh()
    await seed(path, driver)
    const opened = driver(path)
    let steps = 0
    const next = [
      ...MIGRATIONS,
      () => {
        steps += 1
      },
    ]
    expect(() =>
      migrate(opened, path, [
        ...MIGRATIONS,
        () => {
          opened.exec('DROP TABLE run')
          throw new TypeError('step')
        },
      ]),
    ).toThrow('step')
    expect(opened.prepare('SELECT count(*) AS n FROM run').get()).toMatchObject({ n: 0 })
    migrate(opened, path, next)
    migrate(opened, path, next)
    expect(steps).toBe(1)
    expect(() => migrate(opened, path)).toThrow('STORE_VERSION_NEWER')
    opened.close()
  })
})

describe('SqliteStore', () => {
  test('does nothing to the disk before its first use, nor if it is never used', async () => {
    const path = fresh()
    await new SqliteStore({ path }).close()
    expect(existsSync(path)).toBe(false)
  })

  test('can be used again after the cause of a failure is gone', async () => {
    const path = fresh()
    writeFileSync(path, 'no database, but long enough to be taken for one. '.repeat(100))
    const store = new SqliteStore({ path })
    expect(await messageOf(store.commit([put]))).toMatch(/^STORE_CORRUPT/)
    rmSync(path)
    await store.commit([put])
    await store.close()
  })

  test.each([
    [{ path: '' }, 'option path is not the path of a file'],
    [{ path: ':memory:' }, 'option path is not the path of a file'],
    [{ path: 'a.db', busyTimeoutMs: -1 }, 'option busyTimeoutMs is not valid: too small: expected number to be >=0'],
    [{ path: 'a.db', driver: {} }, 'option driver is no function'],
  ])('refuses %j', (options, problem) => {
    expect(() => new SqliteStore(options as never)).toThrow(`OPTION_INVALID: SqliteStore: ${problem}`)
  })

  test('takes the error names of better-sqlite3 as well, and never quotes a driver', () => {
    const thrown = (code: string): LakeloopError =>
      storeError(Object.assign(new Error(`${SECRET} spoils it`), { code }), join(folder, 'a.db'))
    expect(thrown('SQLITE_BUSY_SNAPSHOT').code).toBe('STORE_LOCKED')
    expect(thrown('SQLITE_READONLY_DBMOVED').code).toBe('STORE_READ_ONLY')
    expect(thrown('SQLITE_CANTOPEN').code).toBe('STORE_READ_ONLY')
    expect(thrown('SQLITE_NOTADB').code).toBe('STORE_CORRUPT')
    expect(thrown('SQLITE_FULL').code).toBe('STORE_FULL')
    expect(thrown('SQLITE_IOERR').message).toBe(
      'STORE_FAILED: the store failed: SQLite gave no code we know. See causeOf(error) for what it threw.',
    )
    expect(storeError(new Error(SECRET), 'a.db').message).not.toContain(SECRET)
    expect(storeError(undefined, 'a.db').code).toBe('STORE_FAILED')
  })

  test('loads node:sqlite without a warning, and leaves process.emitWarning as it was', async () => {
    const before = process.emitWarning
    const warned: string[] = []
    process.on('warning', (warning) => warned.push(warning.name))
    const open = findDriver(libsqlPlace())
    await new Promise((resolve) => setImmediate(resolve))
    expect(process.emitWarning).toBe(before)
    expect(warned).toEqual([])
    open(':memory:').close()
  })
})

async function seed(path: string, driver: OpenDriver): Promise<void> {
  const store = new SqliteStore({ path, driver })
  await store.commit([{ op: 'put', table: 'membership', key: ['prod', 'news', 'seed'], value: 1 }])
  await store.close()
}
