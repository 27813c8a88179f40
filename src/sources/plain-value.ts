import type { Json } from '../model/value.js'

/** What becomes of NaN and the infinities, which JSON does not have. */
export type FloatRule = 'omit' | 'reject' | 'null'

/** Deeper values are refused: they are cycles, as good as always. */
const DEPTH_MAX = 100

/**
 * What a conversion has to say besides the value. One is made per block and emptied per row, so that a row without
 * anything to say costs nothing.
 */
export class Conversion {
  readonly floats: FloatRule
  /** Why the row is refused; the first reason stays. */
  problem: string | undefined

  constructor(floats: FloatRule) {
    this.floats = floats
  }

  /** Marks the row as refused and gives the text that stands for the value in its dead letter. */
  refuse(problem: string, shown: string | null = null): Json {
    this.problem ??= problem
    return shown
  }

  /** A float as JSON; `undefined` means: leave it out. */
  float(value: number): Json | undefined {
    if (Number.isFinite(value)) return value
    if (this.floats === 'reject') return this.refuse(`holds ${Number.isNaN(value) ? 'NaN' : 'an infinity'}`)
    return this.floats === 'null' ? null : undefined
  }

  /** An integer as number where that is exact. */
  integer(value: bigint): Json {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : this.refuse('holds an integer beyond 2^53 - 1', String(value))
  }
}

/**
 * A JavaScript value as JSON, exact or refused.
 *
 * Shape    undefined is left out; Date becomes ISO 8601 in UTC; bytes become base64; a bigint becomes a number. What is
 *          left out of an array leaves null, so that the other elements keep their places.
 * Repeat   a value that is JSON already comes back as it is, without a copy.
 */
export function plainValue(value: unknown, conversion: Conversion, depth = 0): Json | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return conversion.float(value)
    case 'bigint':
      return conversion.integer(value)
    case 'undefined':
      return undefined
    case 'object':
      return value === null ? null : plainObject(value, conversion, depth)
    default:
      return conversion.refuse(`holds a ${typeof value}, which is no JSON`)
  }
}

function plainObject(value: object, conversion: Conversion, depth: number): Json {
  if (depth >= DEPTH_MAX) return conversion.refuse(`is nested deeper than ${DEPTH_MAX} levels`)
  if (Array.isArray(value)) return plainArray(value, conversion, depth)
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? conversion.refuse('holds an invalid Date') : value.toISOString()
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return conversion.refuse('holds an object of a class, which is no JSON')
  }
  return plainFields(value as Readonly<Record<string, unknown>>, conversion, depth)
}

function plainArray(value: readonly unknown[], conversion: Conversion, depth: number): Json {
  let changed: Json[] | undefined
  for (let at = 0; at < value.length; at++) {
    const element = plainValue(value[at], conversion, depth + 1) ?? null
    if (changed === undefined && element !== value[at]) changed = value.slice(0, at) as Json[]
    changed?.push(element)
  }
  return changed ?? (value as Json)
}

function plainFields(value: Readonly<Record<string, unknown>>, conversion: Conversion, depth: number): Json {
  const names = Object.keys(value)
  let changed: [string, Json][] | undefined
  for (const [at, name] of names.entries()) {
    const field = plainValue(value[name], conversion, depth + 1)
    if (changed === undefined && (field === undefined || field !== value[name])) {
      changed = names.slice(0, at).map((kept) => [kept, value[kept] as Json])
    }
    if (field !== undefined) changed?.push([name, field])
  }
  // Object.fromEntries makes own fields: a column called __proto__ stays a column.
  return changed === undefined ? (value as Json) : Object.fromEntries(changed)
}
