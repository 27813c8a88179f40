import assert from 'node:assert/strict'
import type { Key } from '../stores/store.js'
import { all, LETTERS, put, rejects, type StoreCase, storeCase } from './store-case.js'

/** What `get` and `scan` promise. */
export const READING: readonly StoreCase[] = [
  storeCase('get: values in the order asked, undefined where there is none', async (store) => {
    await store.commit([put(['p', 'a'], 1), put(['p', 'b'], 2)])
    assert.deepEqual(
      await store.get('run', [
        ['p', 'b'],
        ['p', 'x'],
        ['p', 'a'],
        ['p', 'b'],
      ]),
      [2, undefined, 1, 2],
    )
    assert.deepEqual(await store.get('run', []), [])
  }),
  storeCase('get: 10,000 keys at once', async (store) => {
    await store.commit([put(['p', '9999'], 'last')])
    const found = await store.get(
      'run',
      Array.from({ length: 10_000 }, (_, n) => ['p', String(n)]),
    )
    assert.equal(found.length, 10_000)
    assert.equal(found[9_999], 'last')
    await rejects(
      store.get(
        'run',
        Array.from({ length: 10_001 }, () => ['p']),
      ),
      'OPTION_INVALID',
    )
  }),
  storeCase('scan: ascending by the UTF-8 bytes of each part, a beginning before what goes on', async (store) => {
    const keys = LETTERS.flatMap((letter): Key[] => [
      ['p', letter],
      ['p', letter, ''],
      ['p', letter, letter],
      ['p', `${letter}a`],
    ])
    const expected = [...keys].sort(compareKeys)
    await store.commit([...keys].reverse().map((key) => put(key, [...key])))
    const found = await store.scan('run', { prefix: ['p'], limit: 10_000 })
    assert.deepEqual(
      found,
      expected.map((key) => ({ key, value: [...key] })),
    )
  }),
  storeCase('scan: a prefix is whole parts; an empty one is the table', async (store) => {
    await store.commit([
      put(['p'], 0),
      put(['p', 'a'], 1),
      put(['p', 'a', 'x'], 2),
      put(['p', 'ab'], 3),
      put(['pa'], 4),
    ])
    assert.deepEqual(await all(store, ['p', 'a']), [
      ['p', 'a'],
      ['p', 'a', 'x'],
    ])
    assert.deepEqual(await all(store, []), [['p'], ['p', 'a'], ['p', 'a', 'x'], ['p', 'ab'], ['pa']])
  }),
  storeCase('scan: strictly after a key that need not be there, nor within the prefix', async (store) => {
    await store.commit([put(['p', 'a'], 1), put(['p', 'c'], 3), put(['q'], 4)])
    const after = async (key: Key) =>
      (await store.scan('run', { prefix: ['p'], after: key, limit: 9 })).map(({ value }) => value)
    assert.deepEqual(await after(['a']), [1, 3])
    assert.deepEqual(await after(['p', 'a']), [3])
    assert.deepEqual(await after(['p', 'b']), [3])
    assert.deepEqual(await after(['p', 'c']), [])
    assert.deepEqual(await after(['z']), [])
  }),
  storeCase('scan: at most `limit`, which is 1 to 10,000', async (store) => {
    await store.commit([put(['p', 'a'], 1), put(['p', 'b'], 2)])
    assert.equal((await store.scan('run', { prefix: ['p'], limit: 1 })).length, 1)
    for (const limit of [0, -1, 1.5, 10_001, Number.NaN])
      await rejects(store.scan('run', { prefix: ['p'], limit }), 'OPTION_INVALID')
  }),
]

/** The oracle of the order: bytes, part by part. */
function compareKeys(a: Key, b: Key): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = Buffer.compare(Buffer.from(a[index] as string), Buffer.from(b[index] as string))
    if (order !== 0) return order
  }
  return a.length - b.length
}
