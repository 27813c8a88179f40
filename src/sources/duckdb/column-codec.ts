import { LakeloopError } from '../../errors.js'
import type { Column, Schema } from '../../model/row.js'
import { quoteField } from '../../model/spark-type.js'
import type { Json } from '../../model/value.js'
import { dayText, decimalNumber, instantText, jsonValue } from '../exact-values.js'
import type { Conversion } from '../plain-value.js'
import type { DuckDbColumns, DuckDbType } from './driver.js'

/** How the values of one type are read. `undefined` leaves the value out. */
export type Decode = (value: never, conversion: Conversion) => Json | undefined

export interface Codec {
  /** Spark's name of the type, in lower case. */
  readonly type: string
  readonly decode: Decode
}

/** DuckDB's type numbers. Source: `duckdb_type` in duckdb.h; `DuckDBTypeId` of @duckdb/node-api 1.5. */
const DECIMAL = 19
const LIST = 24
const STRUCT = 25
const MAP = 26
const ARRAY = 33
const VARCHAR = 17

const same: Decode = (value) => value
const text: Decode = (value: { toString(): string }) => String(value)
const integer: Decode = (value: bigint, conversion) => conversion.integer(value)
const float: Decode = (value: number, conversion) => conversion.float(value)

/** Types without parts. Those that are not here, such as UNION, BIT and GEOMETRY, have no exact form. */
const SIMPLE: Readonly<Record<number, Codec>> = {
  1: { type: 'boolean', decode: same },
  2: { type: 'tinyint', decode: same },
  3: { type: 'smallint', decode: same },
  4: { type: 'int', decode: same },
  5: { type: 'bigint', decode: integer },
  6: { type: 'smallint', decode: same }, // UTINYINT
  7: { type: 'int', decode: same }, // USMALLINT
  8: { type: 'bigint', decode: same }, // UINTEGER
  9: { type: 'decimal(20,0)', decode: integer }, // UBIGINT
  10: { type: 'float', decode: float },
  11: { type: 'double', decode: float },
  12: { type: 'timestamp_ntz', decode: (at: { micros: bigint }, to) => instantText(at.micros, 6, '', to) },
  13: { type: 'date', decode: (at: { days: number }, to) => dayText(at.days, to) },
  14: { type: 'time(6)', decode: text },
  15: { type: 'interval', decode: text },
  16: { type: 'decimal(38,0)', decode: integer }, // HUGEINT
  17: { type: 'string', decode: same },
  18: { type: 'binary', decode: (blob: { bytes: Uint8Array }) => base64(blob.bytes) },
  20: { type: 'timestamp_ntz', decode: (at: { seconds: bigint }, to) => seconds(at.seconds, to) },
  21: { type: 'timestamp_ntz', decode: (at: { millis: bigint }, to) => millis(at.millis, to) },
  22: { type: 'timestamp_ntz', decode: (at: { nanos: bigint }, to) => instantText(at.nanos, 9, '', to) },
  23: { type: 'string', decode: same }, // ENUM
  27: { type: 'string', decode: text }, // UUID
  30: { type: 'string', decode: text }, // TIME WITH TIME ZONE
  31: { type: 'timestamp', decode: (at: { micros: bigint }, to) => instantText(at.micros, 6, 'Z', to) },
  32: { type: 'decimal(38,0)', decode: integer }, // UHUGEINT
  39: { type: 'time(9)', decode: text }, // TIME_NS
}

/** The ends of the range are the infinities, whatever the unit. */
const scaled = (value: bigint, by: bigint): bigint => (value > 2n ** 62n || value < -(2n ** 62n) ? value : value * by)
const seconds = (value: bigint, to: Conversion): Json => instantText(scaled(value, 1_000_000n), 6, '', to)
const millis = (value: bigint, to: Conversion): Json => instantText(scaled(value, 1_000n), 6, '', to)
const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Where a type was found, for errors. */
export interface Place {
  readonly source: string
  readonly column: string
}

/** Throws  SOURCE_TYPE_UNKNOWN, with the column and the type as a whole */
export function codecOf(type: DuckDbType, place: Place): Codec {
  return codec(type, () => {
    return new LakeloopError('SOURCE_TYPE_UNKNOWN', { ...place, type: String(type) })
  })
}

function codec(type: DuckDbType, unknown: () => LakeloopError): Codec {
  if (type.alias === 'JSON') return { type: 'variant', decode: jsonValue as Decode }
  const parts = type as DuckDbType & Parts
  switch (type.typeId) {
    case DECIMAL:
      return decimalCodec(parts.width, parts.scale)
    case LIST:
    case ARRAY:
      return listCodec(codec(parts.valueType, unknown))
    case STRUCT:
      // The driver itself loses a field of this name.
      if (parts.entryNames.includes('__proto__')) throw unknown()
      return structCodec(parts.entryNames.map((name, at) => [name, codec(parts.entryTypes[at] as DuckDbType, unknown)]))
    case MAP:
      return mapCodec(codec(parts.keyType, unknown), codec(parts.valueType, unknown))
    default: {
      const known = SIMPLE[type.typeId]
      // An alias that we do not know may give the bytes another meaning.
      if (known === undefined || (type.alias !== undefined && type.typeId === VARCHAR)) throw unknown()
      return known
    }
  }
}

/** What a type of several parts has, by kind. */
interface Parts {
  readonly width: number
  readonly scale: number
  readonly valueType: DuckDbType
  readonly keyType: DuckDbType
  readonly entryNames: readonly string[]
  readonly entryTypes: readonly DuckDbType[]
}

/** Every decimal of 15 digits survives a float64; longer ones stay digits, all of them, so that the kind never changes. */
const DECIMAL_DIGITS_MAX = 15

function decimalCodec(width: number, scale: number): Codec {
  const type = `decimal(${width},${scale})`
  if (width > DECIMAL_DIGITS_MAX) return { type, decode: text }
  return { type, decode: (decimal: { value: bigint }) => decimalNumber(decimal.value, scale) }
}

function listCodec(element: Codec): Codec {
  const decode = nullable(element.decode)
  return {
    type: `array<${element.type}>`,
    decode: (list: { items: readonly never[] }, to) => list.items.map((item) => decode(item, to) ?? null),
  }
}

function structCodec(fields: readonly (readonly [string, Codec])[]): Codec {
  const decoders = fields.map(([name, field]) => [name, nullable(field.decode)] as const)
  return {
    type: `struct<${fields.map(([name, field]) => `${quoteField(name)}:${field.type}`).join(',')}>`,
    decode(struct: { entries: Readonly<Record<string, never>> }, to) {
      const object: Record<string, Json> = {}
      for (const [name, decode] of decoders) {
        const value = decode(struct.entries[name] as never, to)
        if (value !== undefined) object[name] = value
      }
      return object
    },
  }
}

function mapCodec(key: Codec, value: Codec): Codec {
  const [decodeKey, decodeValue] = [nullable(key.decode), nullable(value.decode)]
  const entries = (map: { entries: readonly { key: never; value: never }[] }, to: Conversion) =>
    map.entries.map((entry) => [decodeKey(entry.key, to) ?? null, decodeValue(entry.value, to)] as const)
  return {
    type: `map<${key.type},${value.type}>`,
    decode:
      key.type === 'string'
        ? (map: never, to) =>
            Object.fromEntries(entries(map, to).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])))
        : (map: never, to) => entries(map, to).map(([k, v]) => ({ key: k, ...(v === undefined ? {} : { value: v }) })),
  }
}

export const nullable =
  (decode: Decode): Decode =>
  (value, conversion) =>
    value === null ? null : decode(value, conversion)

/** The columns from `skip` on. Throws  SOURCE_TYPE_UNKNOWN */
export function readColumns(
  result: DuckDbColumns,
  source: string,
  skip = 0,
): { readonly schema: Schema; readonly codecs: readonly Codec[] } {
  const columns: Column[] = []
  const codecs: Codec[] = []
  for (let index = skip; index < result.columnCount; index++) {
    const name = result.columnName(index)
    const found = codecOf(result.columnType(index), { source, column: name })
    codecs.push({ type: found.type, decode: nullable(found.decode) })
    columns.push({ name, type: found.type, nullable: true })
  }
  return { schema: { columns }, codecs }
}
