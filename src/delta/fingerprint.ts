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
  const head = `${headOf(address, kind, detail)}\n`
  // In one piece: a hash object that takes its parts one by one costs as much again as the hashing.
  const size = head.length * 3 + payload.length
  const bytes = size <= room.length ? room : Buffer.allocUnsafe(size)
  const at = bytes.write(head)
  bytes.set(payload, at)
  const digest = hash('sha256', bytes.subarray(0, at + payload.length), 'base64url')
  return digest.slice(0, LETTERS - 1) + LAST[digest.charCodeAt(LETTERS - 1)]
}

/** Where what is hashed is put together, but for the few that are larger: new memory for each costs more than the hashing. */
const room = Buffer.allocUnsafe(65_536)

const LETTERS = 22
/** Of the last letter only two bits are of the first 16 bytes: by code of a letter, the one that has no others. */
const LAST = Array.from({ length: 128 }, (_, code) => {
  const bits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(String.fromCharCode(code))
  return bits < 0 ? '' : 'AQgw'.charAt(bits >> 4)
})

function headOf(address: string, kind: string, detail: JsonObject): string {
  for (const _ in detail) return canonical([address, kind, detail])
  return `[${JSON.stringify(address)},${JSON.stringify(kind)},{}]` // as nearly all are
}

/** JSON text with the keys in the order of their bytes. Not by a sorted object: there, keys that look like numbers always come first. */
function canonical(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => compareBytes(a, b))
  return `{${entries.map(([name, held]) => `${JSON.stringify(name)}:${canonical(held)}`).join()}}`
}
