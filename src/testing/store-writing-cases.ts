import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { TABLES } from '../stores/store.js'
import { all, check, put, rejects, remove, type StoreCase, storeCase } from './store-case.js'

/** What `commit` promises. */
export const WRITING: readonly StoreCase[] = [
  storeCase('commit: ops take effect in their order, the last on a key wins', async (store) => {
    await store.commit([
      put(['p', 'a'], 1),
      put(['p', 'a'], 2),
      put(['p', 'b'], 1),
      remove(['p', 'b']),
      remove(['p', 'c']),
      put(['p', 'c'], 3),
    ])
    assert.deepEqual(
      await store.get('run', [
        ['p', 'a'],
        ['p', 'b'],
        ['p', 'c'],
      ]),
      [2, undefined, 3],
    )
    await store.commit([remove(['p', 'a']), remove(['p', 'never'])])
    await store.commit([])
    assert.deepEqual(await all(store), [['p', 'c']])
  }),
  storeCase('commit: a check that does not hold writes nothing at all', async (store) => {
    await store.commit([put(['p', 'a'], { n: 1 })])
    for (const is of [undefined, null, { n: 2 }, { n: 1, m: 1 }]) {
      await rejects(store.commit([put(['p', 'b'], 1), remove(['p', 'a']), check(['p', 'a'], is)]), 'STORE_CONFLICT')
    }
    await rejects(store.commit([put(['p', 'b'], 1), check(['p', 'x'], null)]), 'STORE_CONFLICT')
    assert.deepEqual(
      await store.get('run', [
        ['p', 'a'],
        ['p', 'b'],
      ]),
      [{ n: 1 }, undefined],
    )
  }),
  storeCase('commit: checks are compared with what stood before the commit', async (store) => {
    await store.commit([put(['p', 'a'], 1), check(['p', 'a'], undefined)])
    await store.commit([remove(['p', 'a']), check(['p', 'a'], 1), put(['p', 'a'], 2)])
    assert.deepEqual(await store.get('run', [['p', 'a']]), [2])
  }),
  storeCase('commit: of many at once, each that checks the same key lands on its own', async (store) => {
    const tries = Array.from({ length: 20 }, (_, n) => store.commit([check(['p', 'a'], undefined), put(['p', 'a'], n)]))
    const ends = await Promise.allSettled(tries)
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.commit([put(['q', String(n)], n)])))
    assert.equal((await all(store, ['q'])).length, 20)
  }),
  storeCase('commit: 20,000 ops are one', async (store) => {
    const ops = Array.from({ length: 20_000 }, (_, n) => put(['p', String(n)], n))
    await rejects(store.commit([...ops, check(['p', '0'], 0)]), 'STORE_CONFLICT')
    assert.equal((await all(store)).length, 0)
    await store.commit(ops)
    assert.equal((await all(store)).length, 10_000)
  }),
  storeCase('commit: nobody sees a half of one', async (store) => {
    const keys = [
      ['p', 'a'],
      ['p', 'b'],
    ] as const
    const write = async (): Promise<void> => {
      for (let n = 1; n <= 30; n += 1) await store.commit(keys.map((key) => put(key, n)))
    }
    const watch = async (): Promise<void> => {
      for (let n = 1; n <= 30; n += 1) {
        const [a, b] = await store.get('run', keys)
        assert.equal(a, b, 'get sees both keys of a commit, or neither')
        const values = (await store.scan('run', { prefix: ['p'], limit: 10 })).map(({ value }) => value)
        assert.ok(new Set(values).size <= 1, 'scan sees both keys of a commit, or neither')
      }
    }
    await Promise.all([write(), watch(), watch()])
  }),
  storeCase('commit: nobody sees a half of a large one', async (store) => {
    const keys = Array.from({ length: 3_000 }, (_, n) => ['p', String(n).padStart(4, '0')] as const)
    const ends = [keys[0], keys[1_500], keys[2_999]] as (readonly string[])[]
    let writing = true
    const write = async (): Promise<void> => {
      for (let n = 1; n <= 4; n += 1) await store.commit(keys.map((key) => put(key, n)))
      writing = false
    }
    const watch = async (): Promise<void> => {
      while (writing) {
        const values = await store.get('run', ends)
        assert.equal(new Set(values).size, 1, 'get sees all keys of a commit, or none')
        await setImmediate() // so that a store which answers at once lets the writer on
      }
    }
    await Promise.all([write(), watch(), watch()])
  }),
  storeCase('each table is apart from every other', async (store) => {
    await store.commit(TABLES.map((table, n) => ({ op: 'put', table, key: ['p', 'same'], value: n }) as const))
    for (const [n, table] of TABLES.entries()) assert.deepEqual(await store.get(table, [['p', 'same']]), [n])
  }),
  storeCase('tables are apart from each other', async (store) => {
    await store.commit([put(['p', 'a'], 1), { op: 'put', table: 'claim', key: ['p', 'a'], value: 2 }])
    await store.commit([remove(['p', 'a'])])
    assert.deepEqual(await store.get('claim', [['p', 'a']]), [2])
  }),
]
