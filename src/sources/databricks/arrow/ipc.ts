import { Table } from './flatbuffer.js'

/**
 * Arrow's IPC format as far as Spark writes it: schema and record batches, little-endian, uncompressed, no dictionaries.
 *
 * Read by ourselves and not by the driver's apache-arrow 13, though that one is as fast here: it gives up on a whole schema
 * for one type it does not know (Duration, LargeUtf8, Utf8View) without saying which column has it, and one broken byte in
 * the header of a batch can make it fill the heap until the process dies, which nobody can catch.
 *
 * Source  arrow.apache.org/docs/format/Columnar.html; format/{Message,Schema}.fbs of apache/arrow.
 */

/** What was received is no Arrow data, or none of ours. Names and counts only, never a value. */
export class ArrowFormatError extends Error {
  override readonly name = 'ArrowFormatError'
}

export interface ArrowField {
  readonly name: string
  readonly nullable: boolean
  /** As in Schema.fbs, e.g. `Utf8`. */
  readonly kind: string
  /** The type's own fields in the order of Schema.fbs: `Decimal`: precision, scale, bit width. */
  readonly parameters: readonly (number | string | undefined)[]
  readonly children: readonly ArrowField[]
  readonly metadata: ReadonlyMap<string, string>
}

export interface ArrowBatch {
  readonly length: number
  /** Length and count of nulls of each field, depth first. */
  readonly nodes: Float64Array
  /** Offset and length of each buffer, within `body`. */
  readonly buffers: Float64Array
  readonly body: Uint8Array
}

export type ArrowMessage =
  | { readonly kind: 'schema'; readonly fields: readonly ArrowField[] }
  | { readonly kind: 'batch'; readonly batch: ArrowBatch }

/** `MetadataVersion.V4`: since then, messages look as they do today. */
const VERSION_MIN = 3
/** Deeper types are cycles in a broken message, as good as always; so are more fields. */
const DEPTH_MAX = 100
const FIELDS_MAX = 100_000

/**
 * The messages in one piece of a stream: one message, or a whole stream as a link to cloud storage gives it.
 *
 * Throws  ArrowFormatError, RangeError
 */
export function* readMessages(bytes: Uint8Array): Generator<ArrowMessage> {
  const view = viewOf(bytes)
  let at = 0
  while (at < bytes.byteLength) {
    let length = view.getInt32(at, true)
    at += 4
    if (length === -1) {
      length = view.getInt32(at, true)
      at += 4
    }
    if (length === 0) return // the end of a stream
    if (length < 0 || at + length > bytes.byteLength) throw new ArrowFormatError('a message is cut off')
    const message = Table.root(viewOf(bytes.subarray(at, at + length)))
    at += length
    const bodyLength = message.count(3)
    if (bodyLength < 0 || at + bodyLength > bytes.byteLength) throw new ArrowFormatError('a message is cut off')
    yield messageOf(message, bytes.subarray(at, at + bodyLength))
    at += bodyLength
  }
}

/** Throws  ArrowFormatError, RangeError */
export function readSchema(bytes: Uint8Array): readonly ArrowField[] {
  for (const message of readMessages(bytes)) {
    if (message.kind === 'schema') return message.fields
    break
  }
  throw new ArrowFormatError('there is no schema message')
}

function messageOf(message: Table, body: Uint8Array): ArrowMessage {
  if (message.int16(0) < VERSION_MIN) throw new ArrowFormatError('a message has a version before V4')
  const header = message.table(2)
  switch (header === undefined ? 0 : message.uint8(1)) {
    case 1:
      return { kind: 'schema', fields: fieldsOf(header as Table) }
    case 2:
      throw new ArrowFormatError('values are dictionary-encoded, which is not read')
    case 3:
      return { kind: 'batch', batch: batchOf(header as Table, body) }
    default:
      throw new ArrowFormatError('a message is neither a schema nor a record batch')
  }
}

function fieldsOf(schema: Table): readonly ArrowField[] {
  if (schema.int16(0) !== 0) throw new ArrowFormatError('numbers are big-endian, which is not read')
  const seen = { fields: 0 }
  return schema.tables(1).map((field) => fieldOf(field, seen, 0))
}

function fieldOf(field: Table, seen: { fields: number }, depth: number): ArrowField {
  seen.fields += 1
  if (depth > DEPTH_MAX || seen.fields > FIELDS_MAX) throw new ArrowFormatError('the schema is nested without an end')
  const type = TYPES[field.uint8(2)]
  const known = type ?? { kind: `type ${field.uint8(2)}` }
  const table = field.table(3)
  return {
    name: field.string(0) ?? '',
    nullable: field.boolean(1),
    kind: field.has(4) ? `Dictionary<${known.kind}>` : known.kind,
    parameters: table === undefined ? [] : (known.parameters?.(table) ?? []),
    children: field.tables(5).map((child) => fieldOf(child, seen, depth + 1)),
    metadata: new Map(field.tables(6).map((entry) => [entry.string(0) ?? '', entry.string(1) ?? ''])),
  }
}

function batchOf(header: Table, body: Uint8Array): ArrowBatch {
  if (header.has(3)) throw new ArrowFormatError('buffers are compressed one by one, which is not read')
  const length = header.count(0)
  if (length < 0) throw new ArrowFormatError('a record batch has a length below 0')
  return { length, nodes: header.pairs(1), buffers: header.pairs(2), body: aligned(body) }
}

/** Typed arrays need an address that is a multiple of their element's size; what the network gave may stand anywhere. */
const aligned = (body: Uint8Array): Uint8Array => (body.byteOffset % 8 === 0 ? body : new Uint8Array(body))

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

interface TypeShape {
  readonly kind: string
  readonly parameters?: (type: Table) => readonly (number | string | undefined)[]
}

const UNITS = ['SECOND', 'MILLISECOND', 'MICROSECOND', 'NANOSECOND']

/** By number of the union `Type` in Schema.fbs. */
const TYPES: Readonly<Record<number, TypeShape>> = {
  1: { kind: 'Null' },
  2: { kind: 'Int', parameters: (type) => [type.int32(0), type.boolean(1) ? 'signed' : 'unsigned'] },
  3: { kind: 'FloatingPoint', parameters: (type) => [['HALF', 'SINGLE', 'DOUBLE'][type.int16(0)]] },
  4: { kind: 'Binary' },
  5: { kind: 'Utf8' },
  6: { kind: 'Bool' },
  7: { kind: 'Decimal', parameters: (type) => [type.int32(0), type.int32(1), type.int32(2, 128)] },
  8: { kind: 'Date', parameters: (type) => [['DAY', 'MILLISECOND'][type.int16(0, 1)]] },
  9: { kind: 'Time', parameters: (type) => [UNITS[type.int16(0, 1)], type.int32(1, 32)] },
  10: { kind: 'Timestamp', parameters: (type) => [UNITS[type.int16(0)], type.string(1)] },
  11: { kind: 'Interval', parameters: (type) => [['YEAR_MONTH', 'DAY_TIME', 'MONTH_DAY_NANO'][type.int16(0)]] },
  12: { kind: 'List' },
  13: { kind: 'Struct' },
  14: { kind: 'Union' },
  15: { kind: 'FixedSizeBinary', parameters: (type) => [type.int32(0)] },
  16: { kind: 'FixedSizeList', parameters: (type) => [type.int32(0)] },
  17: { kind: 'Map' },
  18: { kind: 'Duration', parameters: (type) => [UNITS[type.int16(0, 1)]] },
  19: { kind: 'LargeBinary' },
  20: { kind: 'LargeUtf8' },
  21: { kind: 'LargeList' },
  22: { kind: 'RunEndEncoded' },
  23: { kind: 'BinaryView' },
  24: { kind: 'Utf8View' },
  25: { kind: 'ListView' },
  26: { kind: 'LargeListView' },
}

/** A type as a whole, for errors and for comparing two schemas: `Struct<a:Int(32,signed),b:List<element:Utf8>>`. */
export function arrowText({ kind, parameters, children }: ArrowField): string {
  const known = parameters.filter((parameter) => parameter !== undefined)
  const own = known.length === 0 ? '' : `(${known.join(',')})`
  const inner = children.map((child) => `${child.name}:${arrowText(child)}`).join(',')
  return `${kind}${own}${inner === '' ? '' : `<${inner}>`}`
}
