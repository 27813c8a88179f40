import type { Json, JsonObject } from '../../model/value.js'
import { isSpelledDouble, plain } from './spelled.js'

/** Types as `users/getFields` names them. */
export type FakeType = 'string' | 'date' | 'long' | 'double' | 'boolean' | 'geo_location' | 'object'

/** Both answers to what the reference marks unsure about types. */
export interface Coercions {
  /** A whole number into a `double` field. Default accepted (HC-206430145: only what cannot be coerced fails). */
  readonly longIntoDouble: boolean
  /** 1.5 into a `long` field. Default refused. */
  readonly doubleIntoLong: boolean
  /** A number or boolean into a `string` field. Default refused. */
  readonly anythingIntoString: boolean
}

/** Accepted date forms; every other string is text. Source: HC-208183076 as coded in GO `types/data_types.go`. */
const DATES = [
  /^\d{4}-\d{2}-\d{2}$/,
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{2}:\d{2}$/,
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
]

/**
 * The type that a first value would give its field; `undefined` where it says nothing (null, an empty array).
 * A number is a double where it is spelled with a point (invented: what else could tell int64 from double in JSON).
 */
export function inferred(name: string, value: Json): FakeType | undefined {
  if (value === null) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : inferred(name, value[0] as Json)
  if (isSpelledDouble(value)) return 'double'
  switch (typeof value) {
    case 'string':
      return DATES.some((form) => form.test(value)) ? 'date' : 'string'
    case 'number':
      return Number.isInteger(value) ? 'long' : 'double'
    case 'boolean':
      return 'boolean'
    default:
      return name.endsWith('_geo_location') ? 'geo_location' : 'object'
  }
}

/** Whether a value of type `got` may be stored in a field of type `expected`. */
export function fits(expected: FakeType, got: FakeType, coercions: Coercions): boolean {
  if (expected === got) return true
  if (expected === 'string' && got === 'date') return true // a date form is text too
  if (expected === 'double' && got === 'long') return coercions.longIntoDouble
  if (expected === 'long' && got === 'double') return coercions.doubleIntoLong
  if (expected === 'string') return coercions.anythingIntoString
  return false
}

/** Every typed path of a payload with its value, parents before children; arrays are typed by their elements (GR). */
export function* typedPaths(fields: JsonObject, prefix = ''): Generator<readonly [path: string, value: Json]> {
  for (const [name, value] of Object.entries(fields)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    yield [path, value]
    const inner = Array.isArray(value) ? (value as readonly Json[])[0] : value
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      yield* typedPaths(inner as JsonObject, path)
  }
}

const TYPE_WORDS: Readonly<Record<FakeType, readonly string[]>> = {
  string: ['string', 'keyword'],
  date: ['date'],
  long: ['long'],
  double: ['double'],
  boolean: ['boolean'],
  geo_location: ['geo_location'],
  object: ['object'],
}

/** The recorded words of a conflict. Source: GR (`RequestFieldsTypesMismatched`, July 2021). */
export function mismatch(field: string, expected: FakeType, got: FakeType, value: Json) {
  const words = TYPE_WORDS[got]
  const msg =
    'Project 1: The request does not have the same data types as the data previously submitted. ' +
    `Field '${field}' already exists for type 'user' and has a data type of '${expected}' ` +
    `but possible types '${words.join(', ')}' in the request.`
  const error = {
    incomingTypes: words,
    expectedType: expected,
    _type: 'UnexpectedType',
    offendingValue: plain(value),
    category: 'user',
  }
  return { msg, code: 'RequestFieldsTypesMismatched', params: { validationErrors: { [field]: error } } }
}
