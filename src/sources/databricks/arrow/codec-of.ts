import { parseSparkType, type SparkType } from '../../../model/spark-type.js'
import { type Codec, type CodecOptions, voidCodec } from './cells.js'
import { decimalCodec } from './decimal-cells.js'
import { type ArrowField, arrowText } from './ipc.js'
import { listCodec, mapCodec, structCodec } from './nested-cells.js'
import { booleanCodec, floatCodec, integerCodec, longCodec } from './number-cells.js'

import { binaryCodec, jsonCodec, textCodec } from './text-cells.js'
import { dayCodec, durationCodec, instantCodec, monthsCodec, timeCodec } from './time-cells.js'

/** Metadata of each column. Source: captured server bytes; reference/databricks.md 2.1. */
const SQL_NAME = 'Spark:DataType:SqlName'

/**
 * How a column is read: by its Arrow type, and by the name that the server gives the type in SQL, which alone tells a
 * VARIANT or an interval from text. The two have to agree.
 *
 * Shape    `undefined`: there is no exact form for it.
 */
export function columnCodec(field: ArrowField, options: CodecOptions): Codec | undefined {
  const name = field.metadata.get(SQL_NAME)
  const type = name === undefined ? undefined : parseSparkType(name)
  if (name !== undefined && type === undefined) return undefined
  return codecOf(field, type, options)
}

/** A type for errors: as the server names it, and as Arrow does where there is no name or the two do not agree. */
export function typeText(field: ArrowField): string {
  const name = field.metadata.get(SQL_NAME)
  return name === undefined ? arrowText(field) : `${name} as ${arrowText(field)}`
}

function codecOf(field: ArrowField, sql: SparkType | undefined, options: CodecOptions): Codec | undefined {
  switch (field.kind) {
    case 'List':
      return nested(field, sql, options)
    case 'Map':
      return nested(field, sql, options)
    case 'Struct':
      return nested(field, sql, options)
    case 'Utf8':
      return textOf(sql)
    default: {
      const found = plainOf(field, sql, options)
      return sql === undefined || found?.words.includes(sql.word) ? found?.codec : undefined
    }
  }
}

/** A codec, and the first words that SQL has for its type. */
interface Named {
  readonly words: readonly string[]
  readonly codec: Codec
}

function plainOf(field: ArrowField, sql: SparkType | undefined, options: CodecOptions): Named | undefined {
  switch (arrowText(field)) {
    case 'Null':
      return { words: ['VOID', 'NULL'], codec: voidCodec }
    case 'Bool':
      return { words: ['BOOLEAN'], codec: booleanCodec }
    case 'Int(8,signed)':
      return { words: ['TINYINT'], codec: integerCodec('tinyint', Int8Array) }
    case 'Int(16,signed)':
      return { words: ['SMALLINT'], codec: integerCodec('smallint', Int16Array) }
    case 'Int(32,signed)':
      return { words: ['INT', 'INTEGER'], codec: integerCodec('int', Int32Array) }
    case 'Int(64,signed)':
      return { words: ['BIGINT', 'LONG'], codec: longCodec(options) }
    case 'FloatingPoint(SINGLE)':
      return { words: ['FLOAT', 'REAL'], codec: floatCodec('float', Float32Array, options) }
    case 'FloatingPoint(DOUBLE)':
      return { words: ['DOUBLE'], codec: floatCodec('double', Float64Array, options) }
    case 'Binary':
      return { words: ['BINARY'], codec: binaryCodec }
    default:
      return decimalOf(field) ?? timeOf(field, sql)
  }
}

/** Source: Spark's DecimalType, 1 to 38 digits, of which `scale` stand behind the point. */
function decimalOf({ kind, parameters }: ArrowField): Named | undefined {
  const [precision, scale, bits] = parameters as readonly number[]
  if (kind !== 'Decimal' || bits !== 128 || precision === undefined || scale === undefined) return undefined
  if (!(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision)) return undefined
  return { words: ['DECIMAL', 'DEC', 'NUMERIC'], codec: decimalCodec({ precision, scale }) }
}

function timeOf({ kind, parameters }: ArrowField, sql: SparkType | undefined): Named | undefined {
  const interval = ['INTERVAL']
  switch (`${kind} ${parameters[0] ?? ''}`) {
    case 'Date DAY':
      return { words: ['DATE'], codec: dayCodec }
    case 'Timestamp MICROSECOND': {
      // The session is in UTC, so a local time is the same instant; which of the two is meant, the name says first.
      const isLocal = sql === undefined ? parameters[1] === undefined : sql.word === 'TIMESTAMP_NTZ'
      return { words: ['TIMESTAMP', 'TIMESTAMP_LTZ', 'TIMESTAMP_NTZ'], codec: instantCodec(isLocal ? '' : 'Z') }
    }
    case 'Time MICROSECOND':
      return { words: ['TIME'], codec: timeCodec(sql?.text ?? 'time(6)', 1e6) }
    case 'Time NANOSECOND':
      return { words: ['TIME'], codec: timeCodec(sql?.text ?? 'time(6)', 1e9) }
    case 'Interval YEAR_MONTH':
      return { words: interval, codec: monthsCodec(sql?.text ?? 'interval year to month') }
    case 'Duration MICROSECOND':
      return { words: interval, codec: durationCodec(sql?.text ?? 'interval day to second') }
    default:
      return undefined
  }
}

/** Text is text, or what the server writes as text. An array, a decimal or a time as text has lost what it was. */
function textOf(sql: SparkType | undefined): Codec | undefined {
  switch (sql?.word ?? 'STRING') {
    case 'STRING':
      return textCodec('string')
    case 'CHAR':
    case 'VARCHAR':
    case 'INTERVAL':
    case 'TIME':
    case 'VOID':
      return textCodec(sql?.text as string)
    case 'VARIANT':
      return jsonCodec
    default:
      return undefined
  }
}

function nested(field: ArrowField, sql: SparkType | undefined, options: CodecOptions): Codec | undefined {
  const word = { List: 'ARRAY', Map: 'MAP', Struct: 'STRUCT' }[field.kind]
  if (sql !== undefined && sql.word !== word && !isVector(field)) return undefined
  const children = field.kind === 'Map' ? (field.children[0]?.children ?? []) : field.children
  const parts = sql !== undefined && sql.parts.length === children.length ? sql.parts : []
  if (sql !== undefined && sql.word === word && parts.length !== children.length) return undefined
  if (isRaw(field) && sql === undefined) return undefined
  const codecs = children.map((child, at) => codecOf(child, parts[at], options))
  if (!codecs.every((codec) => codec !== undefined)) return undefined
  return madeOf(field, children, codecs)
}

function madeOf(field: ArrowField, children: readonly ArrowField[], codecs: readonly Codec[]): Codec | undefined {
  const [first, second] = codecs
  switch (field.kind) {
    case 'List':
      return codecs.length === 1 ? listCodec(first as Codec) : undefined
    case 'Map':
      return codecs.length === 2 && field.children.length === 1 ? mapCodec(first as Codec, second as Codec) : undefined
    default: {
      const names = children.map(({ name }) => name)
      if (new Set(names).size < names.length) return undefined // one of two fields of one name would be lost
      return structCodec(names.map((name, at) => [name, codecs[at] as Codec]))
    }
  }
}

/**
 * Spark's own form of a VARIANT or a shape, which only its makers can read. Told by the metadata of Spark's ArrowUtils;
 * a struct that is named as such by the server is none.
 */
function isRaw(field: ArrowField): boolean {
  return (
    field.kind === 'Struct' &&
    (field.children.map(({ name }) => name).join() === 'value,metadata' ||
      field.children.some(({ metadata }) => ['variant', 'geometry', 'geography'].some((mark) => metadata.has(mark))))
  )
}

/** VectorUDT of Spark ML, whatever the server calls it. Source: Spark VectorUDT.scala. */
const VECTOR =
  /^Struct<type:Int\(8,signed\),size:Int\(32,signed\),indices:List<\w*:Int\(32,signed\)>,values:List<\w*:FloatingPoint\(DOUBLE\)>>$/

const isVector = (field: ArrowField): boolean => VECTOR.test(arrowText(field))
