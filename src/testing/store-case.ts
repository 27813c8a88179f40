import assert from 'node:assert/strict'
import { type ErrorCode, isLakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'

/** One promise of the contract. Bound to no test runner: `run` resolves, or it throws. */
export interface StoreCase {
  /** Stable id. */
  readonly name: string
  /** `open` gives a fresh and empty store at each call; the case closes what it opens. */
  readonly run: (open: () => Promise<Store>) => Promise<void>
}

/** One promise of a durable store. */
export interface StoreReopenCase {
  readonly name: string
  readonly run: (options: StoreReopenOptions) => Promise<void>
}

export interface StoreReopenOptions {
  /** A fresh and empty store. */
  readonly open: () => Promise<Store>
  /** Another handle on what `open` made last, whether or not that is closed. */
  readonly reopen: () => Promise<Store>
}

/** Makes a case of a promise that needs one store. */
export function storeCase(name: string, promise: (store: Store) => Promise<void>): StoreCase {
  return {
    name,
    async run(open) {
      const store = await open()
      try {
        await promise(store)
      } finally {
        await store.close()
      }
    },
  }
}

export const put = (key: Key, value: Json): Op => ({ op: 'put', table: 'run', key, value })
export const remove = (key: Key): Op => ({ op: 'delete', table: 'run', key })
export const check = (key: Key, is: Json | undefined): Op => ({ op: 'check', table: 'run', key, is })
export const rejects = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isLakeloopError(error, code))
/** The keys of `run` under a prefix. */
export const all = async (store: Store, prefix: Key = ['p']): Promise<Key[]> =>
  (await store.scan('run', { prefix, limit: 10_000 })).map(({ key }) => key)

/** Letters whose UTF-8 order is not the order of JavaScript's `<`, and those that an encoding may stumble over. */
export const LETTERS = [
  '\0',
  '\u0001',
  '\u0002',
  ' ',
  'A',
  'Z',
  'a',
  'z',
  'é',
  '\ud7ff',
  '\ue000',
  'Ａ',
  '\uffff',
  '😀',
  '\u{10ffff}',
]
