import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as threads from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, expect, test, vi } from 'vitest'
import { causeOf, type LakeloopError } from '../../src/errors.js'
import { findDriver } from '../../src/stores/sqlite/driver.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import { writeOf } from '../../src/stores/sqlite/texts.js'
import { pack, unpack } from '../../src/stores/sqlite/wire.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Op } from '../../src/stores/store.js'

// Without a driver of the host's, a store keeps its file open in a thread of its own.

const started = vi.hoisted(() => ({ threads: [] as threads.Worker[], forbidden: false }))
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof threads>()
  class Worker extends real.Worker {
    constructor(...options: ConstructorParameters<typeof threads.Worker>) {
      if (started.forbidden) throw Object.assign(new Error('no'), { code: 'ERR_ACCESS_DENIED' })
      super(...options)
      started.threads.push(this)
    }
  }
  return { ...real, Worker }
})

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-thread-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = (): string => join(folder, `${++files}.db`)
const open = findDriver(libsqlPlace())

const KEY = ['prod', 'news', 'ada@example.com']
const put = (value: number): Op => ({ op: 'put', table: 'membership', key: KEY, value })
const thrownBy = (promise: Promise<unknown>): Promise<LakeloopError> =>
  promise.then(
    () => expect.unreachable('nothing was thrown'),
    (error: LakeloopError) => error,
  )

test('a commit comes to its end while the loop of the host stands still', async () => {
  const path = fresh()
  await using store = new SqliteStore({ path })
  await store.commit([put(1)])
  const seen = open(path)
  const read = seen.prepare('SELECT v FROM membership')
  let isAnswered = false
  const committed = store.commit([put(2)]).then(() => {
    isAnswered = true
  })
  for (let step = 0; step < 20; step += 1) await undefined // it is handed over, and the loop has not turned
  const deadline = performance.now() + 10_000
  while ((read.get() as { v: string }).v !== '2') expect(performance.now()).toBeLessThan(deadline)
  expect(isAnswered).toBe(false)
  await committed
  seen.close()
})

test('what its file throws arrives as what it is, with its cause for a debugger alone', async () => {
  const path = fresh()
  writeFileSync(path, 'this is a text and no database at all. '.repeat(200))
  await using store = new SqliteStore({ path, busyTimeoutMs: 40 })
  const corrupt = await thrownBy(store.commit([put(1)]))
  expect(corrupt).toMatchObject({ code: 'STORE_CORRUPT', remedy: 'halt', facts: { file: path } })
  expect(corrupt.message).toMatch(/^STORE_CORRUPT: the store .* is damaged or no lakeloop store\./)
  expect(causeOf(corrupt)).toBeInstanceOf(Error)
  expect(String(causeOf(corrupt))).toMatch(/not a database/)

  rmSync(path)
  await store.commit([put(1)]) // the file is in order by now
  const conflict = await thrownBy(store.commit([{ op: 'check', table: 'membership', key: KEY, is: 2 }, put(2)]))
  expect(conflict).toMatchObject({ code: 'STORE_CONFLICT', facts: { table: 'membership' } })
  const absent: Op = { op: 'check', table: 'membership', key: KEY, is: undefined }
  expect(await thrownBy(store.commit([absent, put(2)]))).toMatchObject({ code: 'STORE_CONFLICT' })
  expect(await store.get('membership', [KEY])).toEqual([1])

  const other = open(path)
  other.exec('BEGIN IMMEDIATE')
  expect(await thrownBy(store.commit([put(2)]))).toMatchObject({ code: 'STORE_LOCKED', facts: { file: path } })
  other.exec('COMMIT')
  other.close()
  const nowhere = new SqliteStore({ path: join(folder, 'nowhere', 'a.db') })
  expect((await thrownBy(nowhere.commit([put(1)]))).message).toMatch(/the folder of .* does not exist/)
  await nowhere.close()
})

test('what has begun is answered before the store is closed, and the file is whole without its log', async () => {
  const [path, copy] = [fresh(), fresh()]
  const store = new SqliteStore({ path })
  const begun = [store.commit([put(1)]), store.get('membership', [KEY])]
  await store.close()
  expect(await Promise.all(begun)).toEqual([undefined, expect.anything()])
  expect(started.threads.at(-1)?.threadId).toBe(-1) // it has ended
  copyFileSync(path, copy)
  await using again = new SqliteStore({ path: copy })
  expect(await again.get('membership', [KEY])).toEqual([1])
})

test('a thread that dies takes with it what it was asked, and the next question starts another', async () => {
  await using store = new SqliteStore({ path: fresh() })
  await store.commit([put(1)])
  const thread = started.threads.at(-1)
  const [error] = await Promise.all([
    thrownBy(store.commit([put(2)])),
    Promise.resolve().then(() => thread?.terminate()),
  ])
  expect(error.message).toMatch(
    /^STORE_FAILED: the store failed: the thread of .* has ended; what it was writing may be/,
  )
  await store.commit([put(3)])
  expect(await store.get('membership', [KEY])).toEqual([3])
  expect(started.threads.at(-1)).not.toBe(thread)
})

test('says so where the host may start no thread; a driver of its own needs none', async () => {
  const path = fresh()
  started.forbidden = true
  const store = new SqliteStore({ path })
  const error = await thrownBy(store.commit([put(1)]))
  expect(error.message).toMatch(
    /^STORE_FAILED: .* no thread can be started for .*; with a driver of your own it needs none/,
  )
  expect(causeOf(error)).toMatchObject({ code: 'ERR_ACCESS_DENIED' })
  await using own = new SqliteStore({ path, driver: open })
  await own.commit([put(1)])
  started.forbidden = false
  expect(await store.get('membership', [KEY])).toEqual([1])
  await store.close()
})

test('a commit of many long values arrives whole, in texts of a bounded length', async () => {
  await using store = new SqliteStore({ path: fresh() })
  const keys = Array.from({ length: 30 }, (_, n) => ['prod', String(n)])
  const put = (key: readonly string[], n: number): Op => ({
    op: 'put',
    table: 'audience',
    key,
    value: `${n}`.repeat(10 ** 6),
  })
  const ops = [...keys.map(put), put(keys[0] as string[], 99)] // the last op on a key wins, in whichever text it stands
  expect(pack(ops.map(writeOf)).length).toBe(3)
  await store.commit(ops)
  expect(await store.get('audience', keys)).toEqual(keys.map((_, n) => `${n || 99}`.repeat(10 ** 6)))
})

test('a commit arrives in the thread as it was sent, whatever its texts hold', () => {
  const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
  const key = fc.array(part, { minLength: 1, maxLength: 4 })
  const table = fc.constantFrom('run' as const, 'membership' as const)
  const value = fc.jsonValue({ maxDepth: 1, stringUnit: 'binary' }) as fc.Arbitrary<number>
  const op: fc.Arbitrary<Op> = fc.oneof(
    fc.record({ op: fc.constant('put' as const), table, key, value }),
    fc.record({ op: fc.constant('delete' as const), table, key }),
    fc.record({ op: fc.constant('check' as const), table, key, is: fc.option(value, { nil: undefined }) }),
  )
  fc.assert(
    fc.property(fc.array(op, { maxLength: 8 }), (ops) => {
      const writes = ops.map(writeOf)
      expect(unpack(pack(writes))).toEqual(writes)
    }),
  )
})
