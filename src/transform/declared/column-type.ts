import { parseSparkType, type SparkType } from '../../model/spark-type.js'

/** How the values of a column, a field or an element arrive in a row. Source: docs/values.md. */
export interface ColumnType {
  /** In TypeScript, without NULL. */
  readonly text: string
  /** What the type alone does not tell; empty where it tells all. */
  readonly form: string
  /** NULL is among the values already. */
  readonly hasNull?: true
  /** NaN and the infinities are left out, and are `null` in an array. */
  readonly mayLack?: true
}

const NUMBER: ColumnType = { text: 'number', form: '' }
const FLOAT: ColumnType = { text: 'number', form: 'NaN and infinities are left out', mayLack: true }
const TEXT: ColumnType = { text: 'string', form: '' }
const DAY: ColumnType = { text: 'string', form: 'yyyy-MM-dd' }
const INSTANT: ColumnType = { text: 'string', form: 'ISO 8601 in UTC, to the microsecond' }
const LOCAL: ColumnType = { text: 'string', form: 'ISO 8601 without a zone, to the microsecond' }
const AS_TEXT: ColumnType = { text: 'string', form: 'as text' }
const DIGITS: ColumnType = { text: 'string', form: 'its digits' }
const VOID: ColumnType = { text: 'null', form: 'NULL in every row', hasNull: true }
/** A value of a row is JSON, whatever its type may be: nothing else crosses the wall. */
const ANY: ColumnType = { text: 'Json', form: 'what it holds', hasNull: true }

const SIMPLE: ReadonlyMap<string, ColumnType> = new Map([
  ['BOOLEAN', { text: 'boolean', form: '' }],
  ...['STRING', 'CHAR', 'VARCHAR'].map((word) => [word, TEXT] as const),
  ...['TINYINT', 'BYTE', 'SMALLINT', 'SHORT', 'INT', 'INTEGER', 'BIGINT', 'LONG'].map(
    (word) => [word, NUMBER] as const,
  ),
  ...['FLOAT', 'REAL', 'DOUBLE'].map((word) => [word, FLOAT] as const),
  ['DATE', DAY],
  ['TIMESTAMP', INSTANT],
  ['TIMESTAMP_LTZ', INSTANT],
  ['TIMESTAMP_NTZ', LOCAL],
  ['TIME', AS_TEXT],
  ['INTERVAL', AS_TEXT],
  ['BINARY', { text: 'string', form: 'base64' }],
  ['VOID', VOID],
  ['NULL', VOID],
])

/** A vector of Spark ML, as a schema writes it. Source: Spark VectorUDT.scala. */
const VECTOR = 'struct<type:tinyint,size:int,indices:array<int>,values:array<double>>'

/** For a type as a schema writes it; one that is not known is any JSON. */
export function columnType(type: string): ColumnType {
  if (type === VECTOR) return { text: 'Vector', form: 'a vector of Spark ML' }
  const parsed = parseSparkType(type)
  return parsed === undefined ? ANY : typeOf(parsed)
}

function typeOf(type: SparkType): ColumnType {
  const { word, parts, names } = type
  switch (word) {
    case 'DECIMAL':
    case 'DEC':
    case 'NUMERIC':
      return decimalType(type.text)
    case 'ARRAY':
      return parts.length === 1 ? arrayType(parts[0] as SparkType) : ANY
    case 'MAP':
      return parts.length === 2 ? mapType(parts[0] as SparkType, parts[1] as SparkType) : ANY
    case 'STRUCT':
      return structType(names.map((name, at) => [name, typeOf(parts[at] as SparkType)]))
    default:
      return SIMPLE.get(word) ?? ANY
  }
}

/** Every decimal of 15 digits survives a float64; longer ones are text. */
const NUMBER_DIGITS_MAX = 15

function decimalType(text: string): ColumnType {
  const [, precision = '10', scale = '0'] = /^\w+\((\d+)(?:,(\d+))?\)$/.exec(text) ?? []
  if (Number(precision) <= NUMBER_DIGITS_MAX) return NUMBER
  // DuckDB's integers beyond BIGINT have these types too, and come as numbers.
  const isInteger = scale === '0' && (precision === '20' || precision === '38')
  return isInteger ? { text: 'number | string', form: 'digits; a number for an integer of DuckDB' } : DIGITS
}

function arrayType(element: SparkType): ColumnType {
  return { text: `readonly (${withNull(typeOf(element))})[]`, form: '' }
}

function mapType(key: SparkType, value: SparkType): ColumnType {
  const held = typeOf(value)
  if (['STRING', 'CHAR', 'VARCHAR'].includes(key.word)) {
    return { text: `{ readonly [key: string]: ${withNull(held)} }`, form: '' }
  }
  const keys = typeOf(key)
  const entry = `{ ${property('key', keys, keys.mayLack === true)}; ${property('value', held)} }`
  return { text: `readonly ${entry}[]`, form: 'a list of entries, since the keys are no text' }
}

function structType(fields: readonly (readonly [string, ColumnType])[]): ColumnType {
  const unique = new Map(fields)
  // `{}` would be everything but null.
  if (unique.size === 0) return { text: '{ readonly [name: string]: never }', form: '' }
  return { text: `{ ${[...unique].map(([name, type]) => property(name, type)).join('; ')} }`, form: '' }
}

const withNull = ({ text, hasNull }: ColumnType): string => (hasNull === true ? text : `${text} | null`)

/** A member of an object type. */
export function property(name: string, type: ColumnType, nullable = true): string {
  return `readonly ${nameText(name)}${type.mayLack === true ? '?' : ''}: ${nullable ? withNull(type) : type.text}`
}

/** What a page of TypeScript cannot hold, or what would be read otherwise than it stands there. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu

const unitsOf = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')

/** A name as it stands in an object type; JSON reads back the one in quotes. */
const nameText = (name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name).replace(UNSEEN, unitsOf)

const COMMENT_CHARS_MAX = 200

/** Text as it stands in a comment of one line: it ends none, and is no tag. */
export function commentText(text: string): string {
  const short = text.length > COMMENT_CHARS_MAX ? `${text.slice(0, COMMENT_CHARS_MAX)} ...` : text
  return short.replace(UNSEEN, unitsOf).replace(/@|(?<=\*)\//g, unitsOf)
}
