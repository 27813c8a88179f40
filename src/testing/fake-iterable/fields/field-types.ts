import type { Json, JsonObject } from '../../../model/value.js'
import { isSpelledDouble, plain } from '../wire/spelled.js'

/** Types as `users/getFields` names them. A `nested` field is one that Iterable itself has made; no value makes one. */
export const FAKE_TYPES = ['string', 'date', 'long', 'double', 'boolean', 'geo_location', 'object', 'nested'] as const
export type FakeType = (typeof FAKE_TYPES)[number]

/** Both answers to what the sources leave open about types. */
export interface Coercions {
  /** A whole number into a `double` field. Default accepted (HC-206430145: only what cannot be coerced fails). */
  readonly longIntoDouble: boolean
  /** 1.5 into a `long` field. Default refused. */
  readonly doubleIntoLong: boolean
  /** A number or boolean into a `string` field. Default refused. */
  readonly anythingIntoString: boolean
  /** "5" into a `long` or `double` field. Default refused. */
  readonly textIntoNumber: boolean
  /** "" into a `date` field. Default refused. */
  readonly emptyIntoDate: boolean
  /** "" into a `long` or `double` field. Default refused. */
  readonly emptyIntoNumber: boolean
  /** "true" or "false" into a `boolean` field. Default refused. */
  readonly textIntoBoolean: boolean
}

/** Accepted date forms; every other string is text. Source: HC-208183076 as coded in GO `types/data_types.go`. */
const DATES = [
  /^\d{4}-\d{2}-\d{2}$/,
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
]

/** The moment that an accepted form names, in ms; `undefined` for other text and for days that no calendar has (derived). */
export function dateOf(text: string): number | undefined {
  if (!DATES.some((form) => form.test(text))) return undefined
  const [day = ''] = text.split(/[ T]/)
  const midnight = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined
  const [, time, zone = 'Z'] = /^.{10}[ T](\d{2}:\d{2}:\d{2}(?:\.\d{3})?) ?(.*)$/.exec(text) ?? []
  const moment = time === undefined ? midnight : Date.parse(`${day}T${time}${zone || 'Z'}`)
  return Number.isNaN(moment) ? undefined : moment
}

const isPlace = (value: Json): boolean => {
  const { lat, lon } = (value ?? {}) as { readonly lat?: Json; readonly lon?: Json }
  return [lat, lon].every((degree) => typeof degree === 'number' || isSpelledDouble(degree))
}

/**
 * The type that one value (no array) would give its field; `undefined` for null, which says nothing.
 * A number is a double where it is spelled with a point (invented: what else could tell int64 from double in JSON).
 */
export function typeOf(path: string, value: Json): FakeType | undefined {
  if (value === null) return undefined
  if (isSpelledDouble(value)) return 'double'
  switch (typeof value) {
    case 'string':
      return dateOf(value) === undefined ? 'string' : 'date'
    case 'number':
      return Number.isInteger(value) ? 'long' : 'double'
    case 'boolean':
      return 'boolean'
    default: // Source of geo: GO `types/data_types.go`.
      return path.endsWith('_geo_location') && isPlace(value) ? 'geo_location' : 'object'
  }
}

/** Whether a value that looks like `got` may be stored in a field of type `expected`. */
export function fits(expected: FakeType, got: FakeType, value: Json, coercions: Coercions): boolean {
  if (expected === got) return true
  if (expected === 'string' && got === 'date') return true // a date form is text too
  if (expected === 'nested') return got === 'object'
  if (expected === 'double' && got === 'long') return coercions.longIntoDouble
  if (expected === 'long' && got === 'double') return coercions.doubleIntoLong
  if (expected === 'string') return coercions.anythingIntoString && got !== 'object'
  if (expected === 'date') return value === '' && coercions.emptyIntoDate
  if (expected === 'boolean') return coercions.textIntoBoolean && (value === 'true' || value === 'false')
  const isNumber = (expected === 'long' || expected === 'double') && got === 'string'
  if (isNumber && value === '') return coercions.emptyIntoNumber
  return isNumber && coercions.textIntoNumber && /^-?\d+(\.\d+)?$/.test(value as string)
}

/** A value at its dotted path, with its type. */
type Leaf = readonly [path: string, type: FakeType, value: Json]

/** Every typed value of a payload, parents before children; arrays are typed by each of their elements (GR). */
export function* leaves(fields: JsonObject, prefix = ''): Generator<Leaf> {
  for (const [name, value] of Object.entries(fields)) yield* leavesOf(prefix + name, value)
}

function* leavesOf(path: string, value: Json): Generator<Leaf> {
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) yield* leavesOf(path, element)
    return
  }
  const type = typeOf(path, value)
  if (type === undefined) return
  yield [path, type, value]
  if (type === 'object') yield* leaves(value as JsonObject, `${path}.`)
}

/** One value that its field cannot take. */
export interface Conflict {
  readonly field: string
  readonly expected: FakeType
  readonly got: FakeType
  readonly value: Json
}

/**
 * What a request says about types, value by value, against a schema that it may not contradict.
 * Source: HC-208183076 (the first value decides, for ever), SW (`createNewFields`).
 */
export class Typing {
  readonly #known: ReadonlyMap<string, FakeType>
  readonly #coercions: Coercions
  readonly fresh = new Map<string, FakeType>()
  readonly conflicts: Conflict[] = []

  constructor(known: ReadonlyMap<string, FakeType>, coercions: Coercions) {
    this.#known = known
    this.#coercions = coercions
  }

  /** The paths of one payload that the schema lacks: to be made, or, where `create` is false, to be left out. */
  unknown(payload: JsonObject, create: boolean): string[] {
    const paths = new Set<string>()
    for (const [path, got, value] of leaves(payload)) {
      const known = this.#known.get(path)
      const expected = known ?? (create ? this.fresh.get(path) : undefined)
      if (known === undefined) paths.add(path)
      if (expected === undefined) {
        if (create) this.fresh.set(path, got)
      } else if (!fits(expected, got, value, this.#coercions)) {
        this.conflicts.push({ field: path, expected, got, value: plain(value) })
      }
    }
    return [...paths]
  }
}
