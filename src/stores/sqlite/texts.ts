import { compareBytes } from '../../model/byte-order.js'
import type { Json } from '../../model/value.js'
import { checkText, jsonText } from '../json-text.js'
import { boundsOf, decodeKey, encodeKey } from '../key.js'
import type { Entry, Key, Op, Range, Table } from '../store.js'

/*
 * Keys and values as the texts of a file. They are made and read where the caller is, so that what is no JSON is found
 * there and the file's thread has only SQL to do.
 */

/** Entries as few texts. */
export interface Found {
  /** A JSON array: which of the keys that were asked for, or the encoded keys. */
  readonly places: string
  /** Their values in the same order: one JSON array, or one JSON text each where they are long. */
  readonly texts: string | readonly string[]
}

/** Where a page of a scan lies: encoded keys. */
export interface Span {
  readonly from: string
  /** `from` itself is left out. */
  readonly isBehind: boolean
  readonly below: string | undefined
  readonly limit: number
}

/** An op as texts: `text` null deletes; a check writes nothing. */
export interface Write {
  readonly table: Table
  readonly key: string
  readonly text?: string | null
  readonly check?: { readonly text: string | undefined }
}

/** Throws what the contract says about keys and values, before a transaction is begun. */
export function writeOf(op: Op): Write {
  const { table } = op
  const key = encodeKey(table, op.key)
  if (op.op === 'check') return { table, key, check: { text: checkText(op.is) } }
  return { table, key, text: op.op === 'put' ? jsonText(op.value) : null }
}

export const keysText = (table: Table, keys: readonly Key[]): string =>
  JSON.stringify(keys.map((key) => encodeKey(table, key)))

export function spanOf(table: Table, { prefix, after, limit }: Range): Span {
  const { start, below } = boundsOf(table, prefix)
  const behind = after && encodeKey(table, after)
  // One lower bound: given two, SQLite seeks to the first of them and walks from there to the other, at every page.
  const isBehind = behind !== undefined && compareBytes(behind, start) >= 0
  return { from: isBehind ? behind : start, isBehind, below, limit }
}

/** The values of `count` keys in the order asked. */
export function valuesOf(found: Found, count: number): readonly (Json | undefined)[] {
  const values = new Array<Json | undefined>(count).fill(undefined)
  const present = parsed(found)
  for (const [nth, place] of (JSON.parse(found.places) as number[]).entries()) values[place] = present[nth] as Json
  return values
}

export function entriesOf(found: Found): readonly Entry[] {
  const values = parsed(found)
  return (JSON.parse(found.places) as string[]).map((key, at) => ({ key: decodeKey(key), value: values[at] as Json }))
}

const parsed = ({ texts }: Found): readonly Json[] =>
  typeof texts === 'string' ? (JSON.parse(texts) as Json[]) : texts.map(jsonOf)

/** A JSON text without a backslash that begins with a quote is the string between its quotes. */
const jsonOf = (text: string): Json =>
  text.startsWith('"') && !text.includes('\\') ? text.slice(1, -1) : (JSON.parse(text) as Json)
