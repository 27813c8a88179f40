import assert from 'node:assert/strict'
import { all, check, LETTERS, put, rejects, remove, type StoreCase, type StoreReopenCase } from './store-case.js'

/** What `close` promises. */
export const ENDING: readonly StoreCase[] = [
  {
    name: 'close: twice is once, and later calls say STORE_CLOSED',
    async run(open) {
      const store = await open()
      await store.commit([put(['p'], 1)])
      await Promise.all([store.close(), store.close()])
      await store.close()
      await rejects(store.get('run', [['p']]), 'STORE_CLOSED')
      await rejects(store.scan('run', { prefix: ['p'], limit: 1 }), 'STORE_CLOSED')
      await rejects(store.commit([put(['p'], 1)]), 'STORE_CLOSED')
    },
  },
  {
    name: 'close: of a store that was never used',
    async run(open) {
      await (await open()).close()
    },
  },
]

/** What every store must pass besides that declares itself durable. */
export const storeReopenConformance: readonly StoreReopenCase[] = [
  {
    name: 'reopen: what was committed is there, in order',
    async run({ open, reopen }) {
      const store = await open()
      await store.commit(LETTERS.map((letter) => put(['p', letter], letter)))
      await store.commit([remove(['p', 'A'])])
      await store.close()
      const again = await reopen()
      assert.deepEqual(
        await all(again),
        LETTERS.filter((letter) => letter !== 'A').map((letter) => ['p', letter]),
      )
      await again.close()
    },
  },
  {
    name: 'reopen: a fence taken by a second handle refuses the first, where the store is shared',
    async run({ open, reopen }) {
      const first = await open()
      if (!first.supports.shared) return await first.close()
      await first.commit([check(['p', 'lease'], undefined), put(['p', 'lease'], 1)])
      const second = await reopen()
      await second.commit([check(['p', 'lease'], 1), put(['p', 'lease'], 2)])
      await rejects(first.commit([check(['p', 'lease'], 1), put(['p', 'work'], 'late')]), 'STORE_CONFLICT')
      assert.deepEqual(
        await first.get('run', [
          ['p', 'work'],
          ['p', 'lease'],
        ]),
        [undefined, 2],
      )
      await first.close()
      await second.close()
    },
  },
  {
    name: 'reopen: two handles that write in turn lose nothing, where the store is shared',
    async run({ open, reopen }) {
      const first = await open()
      if (!first.supports.shared) return await first.close()
      const second = await reopen()
      const writes = Array.from({ length: 50 }, (_, n) =>
        (n % 2 === 0 ? first : second).commit([put(['p', String(n)], n)]),
      )
      await Promise.all(writes)
      assert.equal((await all(first)).length, 50)
      await first.close()
      assert.equal((await all(second)).length, 50)
      await second.close()
    },
  },
]
