import { hash, randomBytes } from 'node:crypto'
import type { Identifiers } from '../model/identifier.js'
import type { Op } from '../stores/store.js'
import type { Place } from './place.js'

/** Bytes of a handle's hash: among 100 million handles two are the same with a chance of 1 in 4,000. */
export const HASH_BYTES = 8

const KEY_BYTES = 32

/**
 * Names what history is asked by: an identifier as a row gave it, an address (an identifier of the namespace that the
 * destination addresses people by), or the key of a row. As texts, told apart by their beginning.
 */
export const handleOf = (namespace: string, value: string): string =>
  `${namespace}\0${PLAIN.test(value) ? value : value.trim().normalize('NFC')}`

/** Nothing to trim and nothing to normalise, as in nearly all. */
const PLAIN = /^[\x21-\x7e]*$/

export const keyHandle = (key: string): string => `\0${key}`

export function handlesOf(identifiers: Identifiers): string[] {
  const handles: string[] = []
  for (const namespace in identifiers) {
    const value: unknown = identifiers[namespace]
    if (value !== undefined && value !== null) handles.push(handleOf(namespace, String(value)))
  }
  return handles
}

/** A handle as it is written: the first {@link HASH_BYTES} of a keyed hash, as characters of one byte each; more may follow. */
export type HandleHash = string

/**
 * The keyed hash of handles: SHA-256 of a key of the sync's own and the handle, cut to {@link HASH_BYTES}. Who has the
 * records without the key learns nothing of them, however few identifiers there may be.
 */
export class Hasher {
  readonly #key: string

  constructor(key: string) {
    this.#key = key
  }

  of(handle: string): HandleHash {
    return hash('sha256', this.#key + handle, 'binary')
  }
}

const keyOf = ({ scope }: Pick<Place, 'scope'>) => [scope.project, scope.sync]

/** The sync's hasher; `undefined` where nothing was ever recorded. */
export async function readHasher({ store, scope }: Place): Promise<Hasher | undefined> {
  const [key] = await store.get('outcomeKey', [keyOf({ scope })])
  return typeof key === 'string' ? new Hasher(key) : undefined
}

/** A new hasher, and the op that keeps its key. */
export function newHasher(place: Pick<Place, 'scope'>): { readonly hasher: Hasher; readonly op: Op } {
  const key = randomBytes(KEY_BYTES).toString('base64')
  return { hasher: new Hasher(key), op: { op: 'put', table: 'outcomeKey', key: keyOf(place), value: key } }
}
