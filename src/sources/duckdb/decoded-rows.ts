import type { Row } from '../../model/row.js'
import type { Json, Reason } from '../../model/value.js'
import { Conversion, type FloatRule } from '../plain-value.js'
import { readColumns } from './column-codec.js'
import type { DuckDbChunk, DuckDbResult } from './driver.js'

/** Rows of one chunk. */
export interface DecodedRows {
  readonly rows: readonly Row[]
  /** By index into `rows`. */
  readonly refused: ReadonlyMap<number, Reason>
  /** The key columns of each row as SQL text; `null` where one is NULL. Empty if no key was asked for. */
  readonly keys: readonly (readonly string[] | null)[]
}

export interface DecodeOptions {
  readonly source: string
  readonly floats: FloatRule
  /** Columns whose raw text is wanted. */
  readonly key: readonly string[]
}

/**
 * The rows of a result that was asked for `withEndMark`, chunk by chunk: at most 2,048 rows are held (I12).
 *
 * Shape   returns true at the end if the end mark was there, so that nothing is missing.
 * Cost    a chunk is decoded in one go; between chunks the event loop is free.
 */
export async function* decodedRows(
  result: DuckDbResult,
  { source, floats, key }: DecodeOptions,
): AsyncGenerator<DecodedRows, boolean> {
  const { schema, codecs } = readColumns(result, source, 1)
  const names = schema.columns.map(({ name }) => name)
  const keyAt = key.map((column) => names.indexOf(column))
  const conversion = new Conversion(floats)
  let ended = false
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return ended
    const marks = chunk.getColumnValues(0)
    ended ||= marks.at(-1) === 1
    const count = ended ? marks.indexOf(1) : chunk.rowCount
    const refused = new Map<number, Reason>()
    const columns = names.map((column, at) => {
      const decode = codecs[at]?.decode as (value: unknown, conversion: Conversion) => Json | undefined
      return chunk.getColumnValues(at + 1).map((value, index) => {
        const decoded = decode(value, conversion)
        if (conversion.problem !== undefined && index < count && !refused.has(index)) {
          refused.set(index, { code: 'VALUE_NOT_EXACT', facts: { column, problem: conversion.problem } })
        }
        conversion.problem = undefined
        return decoded
      })
    })
    yield { rows: assemble(names, columns, count), refused, keys: keysOf(chunk, keyAt, count) }
  }
}

function assemble(names: readonly string[], columns: readonly (readonly (Json | undefined)[])[], count: number): Row[] {
  return Array.from({ length: count }, (_, index) => {
    const row: Record<string, Json> = {}
    for (let at = 0; at < names.length; at++) {
      const value = columns[at]?.[index]
      if (value !== undefined) setField(row, names[at] as string, value)
    }
    return row
  })
}

/** An own field also where the name is __proto__. */
function setField(row: Record<string, Json>, name: string, value: Json): void {
  if (name === '__proto__')
    Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true })
  else row[name] = value
}

function keysOf(chunk: DuckDbChunk, at: readonly number[], count: number): (readonly string[] | null)[] {
  if (at.length === 0) return []
  const columns = at.map((index) => chunk.getColumnValues(index + 1))
  return Array.from({ length: count }, (_, index) => {
    const values = columns.map((column) => column[index])
    return values.includes(null) ? null : values.map(String)
  })
}
