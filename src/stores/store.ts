import { hash } from 'node:crypto'
import type { Json } from '../model/value.js'

/**
 * What is remembered between runs, as ordered tables of keys and JSON values.
 *
 * Every role (checkpoint, identity, binding, membership, fingerprint, history, dead letters) is built once on these
 * four methods, by the mechanism that owns it, so that a backend has little to be right about and one commit can hold
 * what several roles learned (docs/decisions/0001-one-ordered-store.md). An implementation is used by one process or by
 * several, as it declares.
 *
 * Order   keys are compared part by part, each by its UTF-8 bytes; a key that is the beginning of another comes first.
 *         JavaScript's `<` and `localeCompare` are other orders and are wrong here.
 * Throws  STORE_CLOSED, STORE_LOCKED, STORE_READ_ONLY, STORE_FULL, STORE_CORRUPT, STORE_VERSION_NEWER, STORE_FAILED.
 */
export interface Store {
  /** What a crash leaves: `durable` survives the process; `shared` may be opened by several processes at once. */
  readonly supports: { readonly durable: boolean; readonly shared: boolean }

  /** The values under `keys`, in the order asked; `undefined` where there is none. At most 10,000 keys. */
  get(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]>

  /** Entries whose key begins with `prefix`, ascending, strictly after `after`; at most `limit` (1 to 10,000). */
  scan(table: Table, range: Range): Promise<readonly Entry[]>

  /**
   * Makes all ops visible at once, or none of them. Ops take effect in their order; the last one on a key wins.
   * `check` ops are compared with what stood before the commit.
   *
   * Throws  STORE_CONFLICT if a `check` does not hold; then nothing was written.
   */
  commit(ops: readonly Op[]): Promise<void>

  /** Idempotent. Every later call of another method throws STORE_CLOSED. */
  close(): Promise<void>
}

/**
 * The tables, by the role that owns them. docs/at-rest.md says for each: what, bound, time to live, how it is erased.
 * New ones are added at the end; none is ever renamed.
 */
export const TABLES = [
  'checkpoint',
  'lease',
  'schema',
  'run',
  'deadLetter',
  'parked',
  'fingerprint',
  'binding',
  'claim',
  'claimByAddress',
  'membership',
  'list',
  'identityMeta',
  'evidence',
  'evidenceById',
  'identifier',
  'profile',
  'conflict',
  'identityLog',
  'quarantine',
  'field',
  'parkedRow',
  'carried',
  'seen',
  'audience',
  'departed',
  'aging',
  'identityHistory',
  'tombstone',
  'forgetting',
  'identityMove',
  'identityCursor',
  'identitySeen',
  'outcome',
  'outcomeKey',
  'batch',
  'inbox',
  'inboxState',
  'removed',
  'erasing',
  'firstWrite',
] as const
export type Table = (typeof TABLES)[number]

/** 1 to 8 parts of well-formed text, none empty but the last may be; together at most 4,096 UTF-8 bytes. The first is the project or the identity graph. */
export type Key = readonly string[]

const PART_BYTES_MAX = 256
/** What fits as it is, as nearly all do. */
const PLAIN = /^[\x20-\x7e]{1,256}$/

/**
 * A text as a part of a key: as it is, or named by its digest where it is empty, too long or no well-formed text. Whoever
 * makes keys of what rows hold uses it, so that no row can make a key that a store refuses.
 *
 * Laws    different texts give different parts, unless one is written like a digest (`#` and 64 hex digits).
 */
export function keyPart(text: string): string {
  if (PLAIN.test(text)) return text
  const fits =
    text !== '' &&
    text.length <= PART_BYTES_MAX &&
    !/[\p{Cc}\p{Surrogate}]/u.test(text) &&
    Buffer.byteLength(text) <= PART_BYTES_MAX
  return fits ? text : `#${hash('sha256', JSON.stringify(text))}`
}

export interface Range {
  readonly prefix: Key
  readonly after?: Key | undefined
  readonly limit: number
}

export interface Entry {
  readonly key: Key
  readonly value: Json
}

export type Op =
  | { readonly op: 'put'; readonly table: Table; readonly key: Key; readonly value: Json }
  | { readonly op: 'delete'; readonly table: Table; readonly key: Key }
  /** `is: undefined` means: must be absent. Compared as JSON text with keys in the order written. */
  | { readonly op: 'check'; readonly table: Table; readonly key: Key; readonly is: Json | undefined }
