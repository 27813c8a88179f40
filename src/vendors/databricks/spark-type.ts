import { quoteField } from '../../model/spark-type.js'
import type { Json, JsonObject } from '../../model/value.js'

/** Spark's JSON names of types whose SQL name is another. Source: Spark `DataType.typeName` and `DataType.sql`. */
const SQL_NAMES: Readonly<Record<string, string>> = {
  byte: 'tinyint',
  short: 'smallint',
  integer: 'int',
  long: 'bigint',
  null: 'void',
  timestamp_ltz: 'timestamp',
  numeric: 'decimal',
  real: 'float',
}
/** Spark keeps the declared CHAR(n) or VARCHAR(n) of a string column there. Source: Spark CharVarcharUtils. */
const DECLARED = '__CHAR_VARCHAR_TYPE_STRING'
/** Deeper than any table; text of the server is not walked without a bound. */
const DEPTH_MAX = 64

/** The type of a column as a schema writes it, and the metadata that its JSON carries. */
export interface ColumnType {
  readonly type: string
  readonly metadata: JsonObject
}

/**
 * From `type_json`, which is Spark's JSON of a field, or of a type alone; else from `type_text` as it stands.
 *
 * Shape    lower case, no blanks: `struct<a:int,b:array<decimal(10,2)>>`; a field name with odd letters in back-quotes.
 */
export function columnType(json: string | undefined, text: string): ColumnType {
  const parsed = json === undefined ? undefined : parsedOf(json)
  const isField = isObject(parsed) && 'name' in parsed && 'type' in parsed
  const type = isField ? fieldType(parsed, 0) : sqlOf(parsed, 0)
  const metadata = isField && isObject(parsed.metadata) ? parsed.metadata : {}
  return { type: type ?? normalised(text), metadata }
}

function fieldType(field: JsonObject, depth: number): string | undefined {
  const declared = isObject(field.metadata) ? field.metadata[DECLARED] : undefined
  return typeof declared === 'string' ? normalised(declared) : sqlOf(field.type, depth)
}

function sqlOf(type: Json | undefined, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined
  if (typeof type === 'string') return normalised(type)
  if (!isObject(type)) return undefined
  const of = (part: Json | undefined): string | undefined => sqlOf(part, depth + 1)
  switch (type.type) {
    case 'array':
      return joined('array', [of(type.elementType)])
    case 'map':
      return joined('map', [of(type.keyType), of(type.valueType)])
    case 'struct':
      return Array.isArray(type.fields)
        ? joined(
            'struct',
            type.fields.map((field) => namedField(field, depth)),
          )
        : undefined
    case 'udt':
      return of(type.sqlType)
    default:
      return undefined
  }
}

function namedField(field: Json, depth: number): string | undefined {
  if (!isObject(field) || typeof field.name !== 'string') return undefined
  const type = fieldType(field, depth + 1)
  return type === undefined ? undefined : `${quoteField(field.name)}:${type}`
}

const joined = (word: string, parts: readonly (string | undefined)[]): string | undefined =>
  parts.every((part) => part !== undefined) ? `${word}<${parts.join(',')}>` : undefined

/** A simple type in one spelling; what is in angle brackets keeps its names. */
function normalised(text: string): string {
  const short = text.trim()
  if (short.includes('<')) return short
  const lower = short
    .toLowerCase()
    .replace(/ collate .*$/, '')
    .replace(/\s*([(),])\s*/g, '$1')
  const word = /^[a-z_]+/.exec(lower)?.[0] ?? ''
  return (SQL_NAMES[word] ?? word) + lower.slice(word.length)
}

function parsedOf(json: string): Json | undefined {
  try {
    return JSON.parse(json) as Json
  } catch {
    return undefined
  }
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
