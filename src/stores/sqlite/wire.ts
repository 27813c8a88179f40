import { causeOf, isLakeloopError, LakeloopError } from '../../errors.js'
import type { Table } from '../store.js'
import { storeError } from './errors.js'
import type { Found, Span, Write } from './texts.js'

/*
 * What passes between a store and the thread of its file: few long texts, since on the way each value costs more than
 * what is in it.
 */

/** What the thread is told at its start. */
export interface Start {
  readonly path: string
  readonly busyTimeoutMs: number
  /** Where the package libsql stands. */
  readonly libsqlAt: string | undefined
}

export type Question =
  | { readonly ask: 'get'; readonly table: Table; readonly keys: string }
  | { readonly ask: 'scan'; readonly table: Table; readonly span: Span }
  | { readonly ask: 'write'; readonly writes: readonly string[] }
  | { readonly ask: 'close' }

export interface Request {
  readonly id: number
  readonly question: Question
}

export interface Answer {
  readonly id: number
  readonly found?: Found | undefined
  readonly fault?: Fault
}

/** An error of ours without its class, which no message carries. */
interface Fault {
  readonly code: LakeloopError['code']
  readonly facts: LakeloopError['facts']
  readonly cause: Readonly<Record<string, unknown>> | undefined
}

/** Stands in no key and in no JSON text, where NUL is written otherwise. */
const BETWEEN = '\0'

/** A text may not grow for ever: V8 has none of more than 512 M characters. */
const PACKED_LENGTH = 2 ** 24

/** Few texts for all writes: for each its kind and table, its key, and the text that is put or expected. */
export function pack(writes: readonly Write[]): readonly string[] {
  const texts: string[] = []
  let packed = ''
  for (const { table, key, text, check } of writes) {
    const kind = check === undefined ? (text === null ? 'd' : 'p') : check.text === undefined ? 'a' : 'c'
    packed += `${kind}${table}${BETWEEN}${key}${BETWEEN}${text ?? check?.text ?? ''}${BETWEEN}`
    if (packed.length < PACKED_LENGTH) continue
    texts.push(packed)
    packed = ''
  }
  return [...texts, packed]
}

export const unpack = (texts: readonly string[]): readonly Write[] => texts.flatMap(unpacked)

function unpacked(text: string): readonly Write[] {
  const parts = text.split(BETWEEN)
  const writes: Write[] = []
  for (let at = 0; at + 3 <= parts.length; at += 3) {
    const head = parts[at] as string
    const key = parts[at + 1] as string
    const value = parts[at + 2] as string
    const table = head.slice(1) as Table
    if (head.startsWith('p')) writes.push({ table, key, text: value })
    else if (head.startsWith('d')) writes.push({ table, key, text: null })
    else writes.push({ table, key, check: { text: head.startsWith('a') ? undefined : value } })
  }
  return writes
}

/** What a driver threw keeps its words and its code, for a debugger. */
export function faultOf(thrown: unknown, path: string): Fault {
  const error = isLakeloopError(thrown) ? thrown : storeError(thrown, path)
  return { code: error.code, facts: error.facts, cause: plainCause(error) }
}

export function errorOf({ code, facts, cause }: Fault): LakeloopError {
  return new LakeloopError(code, facts, cause && Object.assign(new Error(), cause))
}

function plainCause(error: LakeloopError): Readonly<Record<string, unknown>> | undefined {
  const cause = causeOf(error)
  if (typeof cause !== 'object' || cause === null) return undefined
  const { name, message, stack, code, errcode, rawCode } = cause as Record<string, unknown>
  return { name, message, stack, code, errcode, rawCode }
}
