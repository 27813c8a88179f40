import { LakeloopError } from '../errors.js'
import type { Key, Table } from './store.js'

/** Bounds of the contract, named once for every backend. */
export const KEY_PARTS_MAX = 8
export const KEY_BYTES_MAX = 4_096
export const KEYS_MAX = 10_000

/** Ends a part. Lower than anything that can go on with the part, so that a part sorts before its continuations. */
const END = '\u0001'
/** Stands before the three characters that would be mistaken: NUL (drivers cut text there), END and itself. */
const ESCAPE = '\u0002'

/**
 * A key as one text whose UTF-8 byte order is the contract's order: part by part, a beginning before what goes on.
 *
 * Laws    decodeKey(encodeKey(k)) equals k; encodeKey(a) < encodeKey(b) by bytes exactly where a < b part by part.
 * Throws  STORE_KEY_INVALID, without the key's text.
 */
export function encodeKey(table: Table, key: Key): string {
  const plain = plainKey(key)
  if (plain !== undefined) return plain
  if (key.length === 0) throw invalid(table, 'has no part')
  return encodeParts(table, key)
}

/** The text of a key of which no character is written in another way, as of nearly all; `undefined` for any other. */
function plainKey(key: Key): string | undefined {
  let text = ''
  for (const part of key) {
    if (typeof part !== 'string') return undefined
    text += part + END
  }
  // Asking all of it makes one text of the pieces at once: else they would be kept, each by itself, until it is looked at.
  return PLAIN[key.length]?.test(text) && text.length * 3 <= KEY_BYTES_MAX ? text : undefined
}

/** By number of parts: no part is empty, or has one of the three that are escaped, or one that changes places (`toSortable`). */
const PLAIN = Array.from({ length: KEY_PARTS_MAX + 1 }, (_, parts) => {
  return parts === 0 ? undefined : new RegExp(`^(?:[ -\\ud7ff]+${END}){${parts}}$`)
})

function encodeParts(table: Table, key: Key): string {
  if (key.length > KEY_PARTS_MAX) throw invalid(table, `has more than ${KEY_PARTS_MAX} parts`)
  let text = ''
  for (let index = 0; index < key.length; index += 1) {
    const part = key[index]
    if (typeof part !== 'string') throw invalid(table, 'has a part that is no text')
    if (part === '' && index < key.length - 1) throw invalid(table, 'has an empty part before its last')
    text += escaped(table, part) + END
  }
  if (text.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(key.join('')) > KEY_BYTES_MAX) {
    throw invalid(table, `takes more than ${KEY_BYTES_MAX} bytes`)
  }
  return text
}

/** One pass for both checks. */
function escaped(table: Table, part: string): string {
  let special = false
  let high = false
  for (let index = 0; index < part.length; index += 1) {
    const unit = part.charCodeAt(index)
    if (unit < 3) special = true
    else if (unit >= 0xd800) high = true
  }
  if (high && /\p{Surrogate}/u.test(part)) throw invalid(table, 'has a part that is no well-formed text')
  if (!special) return part
  return Array.from(part, (letter) =>
    letter.charCodeAt(0) < 3 ? ESCAPE + String.fromCharCode(letter.charCodeAt(0) + 1) : letter,
  ).join('')
}

/** The key behind a text of {@link encodeKey}. */
export function decodeKey(text: string): Key {
  if (!text.includes(ESCAPE)) return text.slice(0, -1).split(END)
  const parts: string[] = []
  let part = ''
  for (let index = 0; index < text.length; index += 1) {
    const letter = text[index] as string
    if (letter === END) {
      parts.push(part)
      part = ''
    } else if (letter === ESCAPE) {
      index += 1
      part += String.fromCharCode(text.charCodeAt(index) - 1)
    } else part += letter
  }
  return parts
}

/** Where the keys with a prefix lie: `start` <= text < `below`; `below` is undefined where the prefix is empty. */
export interface Bounds {
  readonly start: string
  readonly below: string | undefined
}

/** The bounds of all keys whose first parts are `prefix`; an empty prefix means the whole table. */
export function boundsOf(table: Table, prefix: Key): Bounds {
  if (prefix.length === 0) return { start: '', below: undefined }
  const start = encodeParts(table, prefix)
  return { start, below: start.slice(0, -1) + ESCAPE }
}

/**
 * The same text, rearranged so that JavaScript's `<`, which compares UTF-16 units, gives UTF-8 byte order: surrogates,
 * which stand for the highest characters, change places with U+E000 to U+FFFF.
 */
export function toSortable(text: string): string {
  return moved(text, (unit) => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit))
}

/** As `toSortable(encodeKey(table, key))`: of a plain key no character changes places. */
export const sortableKey = (table: Table, key: Key): string => plainKey(key) ?? toSortable(encodeKey(table, key))

export function fromSortable(text: string): string {
  return moved(text, (unit) => (unit >= 0xf800 ? unit - 0x2000 : unit >= 0xd800 ? unit + 0x800 : unit))
}

function moved(text: string, move: (unit: number) => number): string {
  if (!/[\ud800-\uffff]/.test(text)) return text
  let result = ''
  for (let index = 0; index < text.length; index += 1) result += String.fromCharCode(move(text.charCodeAt(index)))
  return result
}

/** Throws OPTION_INVALID for a `limit` or a number of keys beyond the contract's bounds. */
export function checkCount(option: 'limit' | 'keys', count: number): void {
  const least = option === 'limit' ? 1 : 0
  if (Number.isInteger(count) && count >= least && count <= KEYS_MAX) return
  throw new LakeloopError('OPTION_INVALID', { part: 'Store', option, problem: `is not ${least} to ${KEYS_MAX}` })
}

function invalid(table: Table, problem: string): LakeloopError {
  return new LakeloopError('STORE_KEY_INVALID', { table, problem })
}
