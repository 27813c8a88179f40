import assert from 'node:assert/strict'
import { isLakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import type { Key } from '../stores/store.js'
import { all, check, put, rejects, type StoreCase, storeCase } from './store-case.js'

const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  2 ** 53 - 1,
  1e-7,
  1.5e300,
  '',
  'é😀\0"\\',
  '\ud800',
  [],
  {},
  [null, [1, { a: [] }]],
  { b: 1, a: { z: null, '': 'empty' }, 1: 'one' },
]

/** What holds for values and keys. */
export const VALUES_AND_KEYS: readonly StoreCase[] = [
  storeCase('values: come back as they went in', async (store) => {
    await store.commit(VALUES.map((value, n) => put(['p', String(n).padStart(2, '0')], value)))
    const found = await store.scan('run', { prefix: ['p'], limit: 100 })
    assert.deepEqual(
      found.map(({ value }) => JSON.stringify(value)),
      VALUES.map((value) => JSON.stringify(value)),
    )
    await store.commit(VALUES.map((value, n) => check(['p', String(n).padStart(2, '0')], value)))
  }),
  storeCase('values: numbers keep every digit', async (store) => {
    const numbers = [0.1 + 0.2, 1e-7, 123_456.789_012_345, 5e-324, 2 ** 53 - 1, -1.797e308]
    await store.commit(numbers.map((value, n) => put(['p', `n${n}`], value)))
    const keys = numbers.map((_, n) => ['p', `n${n}`])
    assert.deepEqual(await store.get('run', keys), numbers)
  }),
  storeCase('keys: are taken letter by letter, not as they look', async (store) => {
    const keys = ['\u00e9', 'e\u0301', '\uff21', 'A', 'a'].map((part) => ['p', part])
    await store.commit(keys.map((key, n) => put(key, n)))
    assert.deepEqual(await store.get('run', keys), [0, 1, 2, 3, 4])
  }),
  storeCase('values: a megabyte of text', async (store) => {
    const text = 'é'.repeat(500_000)
    await store.commit([put(['p'], { text })])
    assert.deepEqual(await store.get('run', [['p']]), [{ text }])
  }),
  storeCase('values: what is done to an object afterwards changes nothing', async (store) => {
    const value = { list: [1], n: 1 }
    await store.commit([put(['p', 'a'], value)])
    value.list.push(2)
    const [read] = (await store.get('run', [['p', 'a']])) as [{ list: number[] }]
    const [entry] = await store.scan('run', { prefix: ['p'], limit: 1 })
    for (const held of [read, entry?.value as typeof read]) Reflect.set(held.list, 1, 3)
    assert.deepEqual(await store.get('run', [['p', 'a']]), [{ list: [1], n: 1 }])
  }),
  storeCase('values: what is no JSON is refused, and nothing is written', async (store) => {
    await rejects(store.commit([put(['p', 'a'], 1), put(['p', 'b'], undefined as unknown as Json)]), 'OPTION_INVALID')
    assert.deepEqual(await all(store), [])
  }),
  storeCase('keys: up to 8 parts and 4,096 bytes, the last may be empty', async (store) => {
    const keys: Key[] = [['p', ''], [''], Array.from({ length: 8 }, (_, n) => String(n)), ['p', 'é'.repeat(2_047), 'x']]
    await store.commit(keys.map((key) => put(key, key.length)))
    assert.deepEqual(
      await store.get('run', keys),
      keys.map(({ length }) => length),
    )
  }),
  storeCase('keys: every other is refused without its text, and nothing is written', async (store) => {
    const secret = 'ada@example.com'
    const wrong: Key[] = [
      [],
      Array.from({ length: 9 }, () => secret),
      ['', secret],
      ['p', '', secret],
      [secret, '\ud83d'],
      [`\ude00${secret}`],
      [secret.repeat(300)],
      ['p', 'é'.repeat(2_048)],
      [secret, 7 as unknown as string],
    ]
    for (const key of wrong) {
      const refused = (error: unknown): boolean =>
        isLakeloopError(error, 'STORE_KEY_INVALID') && !error.message.includes(secret)
      await assert.rejects(store.commit([put(['p', 'a'], 1), put(key, 1)]), refused)
      await assert.rejects(store.get('run', [key]), refused)
      await assert.rejects(store.scan('run', { prefix: ['p'], after: key, limit: 1 }), refused)
    }
    assert.deepEqual(await all(store, []), [])
  }),
]
