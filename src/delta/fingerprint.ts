import { hash } from 'node:crypto'
import { compareBytes } from '../model/byte-order.js'
import type { Json, JsonObject } from '../model/value.js'

/** What an action says, once it is known whom it is for. */
export interface Fingerprinted {
  readonly address: string
  readonly kind: string
  readonly detail: JsonObject
  /** UTF-8 JSON, taken as bytes: the same fields in another order are another payload, and only cost one request. */
  readonly payload: Uint8Array
}

/**
 * What stands for an accepted action, so that the same is not sent again: 128 bits of SHA-256, as 22 letters.
 *
 * Laws    pure; the order of the keys of `detail` does not count; any other difference gives another fingerprint.
 */
export function fingerprint({ address, kind, detail, payload }: Fingerprinted): string {
  // JSON text has no raw line break, so the one between head and payload cannot be mistaken.
  const head = Buffer.from(`${canonical([address, kind, detail])}\n`)
  // In one piece: a hash object that takes its parts one by one costs as much again as the hashing.
  return hash('sha256', Buffer.concat([head, payload]), 'buffer').toString('base64url', 0, 16)
}

/** JSON text with the keys in the order of their bytes. Not by a sorted object: there, keys that look like numbers always come first. */
function canonical(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => compareBytes(a, b))
  return `{${entries.map(([name, held]) => `${JSON.stringify(name)}:${canonical(held)}`).join()}}`
}
