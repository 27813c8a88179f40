import { createRequire } from 'node:module'

/** A result as the driver receives it. */
export interface Fixture {
  readonly name: string
  readonly schema: Uint8Array
  readonly pages: readonly { readonly bytes: Uint8Array; readonly rows: number }[]
  /** The same columns as Thrift names them. */
  readonly thrift: object
}

// biome-ignore lint/suspicious/noExplicitAny: the driver's own copy of apache-arrow, which is no dependency of ours
type Arrow = any

const load = createRequire(import.meta.url)
const arrow: Arrow = createRequire(load.resolve('@databricks/sql'))('apache-arrow')

const PAGE_ROWS = 10_000
/** Thrift's numbers of the types. Source: TCLIService_types of the driver. */
const THRIFT = { int: 3, bigint: 4, double: 6, string: 7, timestamp: 8, struct: 12, decimal: 15, date: 17, boolean: 0 }

interface ColumnMaker {
  readonly thrift: number
  readonly data: (rows: number, seed: number) => Arrow
}

const hash = (n: number): number => Math.imul(n + 1, 2_654_435_761) >>> 0

function texts(rows: number, text: (n: number) => string): { offsets: Int32Array; bytes: Buffer } {
  const parts = Array.from({ length: rows }, (_, n) => Buffer.from(text(n)))
  const offsets = new Int32Array(rows + 1)
  for (const [n, part] of parts.entries()) offsets[n + 1] = (offsets[n] as number) + part.length
  return { offsets, bytes: Buffer.concat(parts) }
}

function text(rows: number, make: (n: number) => string): Arrow {
  const { offsets, bytes } = texts(rows, make)
  return arrow.makeData({ type: new arrow.Utf8(), length: rows, nullCount: 0, valueOffsets: offsets, data: bytes })
}

const flat = (type: Arrow, rows: number, data: ArrayLike<number | bigint>): Arrow =>
  arrow.makeData({ type, length: rows, nullCount: 0, data })

const MAKERS: Readonly<Record<string, ColumnMaker>> = {
  bigint: {
    thrift: THRIFT.bigint,
    data: (rows, seed) =>
      flat(
        new arrow.Int64(),
        rows,
        BigInt64Array.from({ length: rows }, (_, n) => BigInt(seed + n) * 1_000_003n),
      ),
  },
  double: {
    thrift: THRIFT.double,
    data: (rows, seed) =>
      flat(
        new arrow.Float64(),
        rows,
        Float64Array.from({ length: rows }, (_, n) => hash(seed + n) / 2 ** 32),
      ),
  },
  string: {
    thrift: THRIFT.string,
    data: (rows, seed) =>
      text(
        rows,
        (n) =>
          `user-${hash(seed + n)
            .toString(36)
            .padStart(15, '0')}`,
      ),
  },
  timestamp: {
    thrift: THRIFT.timestamp,
    data: (rows, seed) =>
      flat(
        new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, 'Etc/UTC'),
        rows,
        BigInt64Array.from({ length: rows }, (_, n) => 1_700_000_000_000_000n + BigInt(hash(seed + n)) * 10_007n),
      ),
  },
  struct: {
    thrift: THRIFT.struct,
    data: (rows, seed) => {
      const children = [MAKERS.int?.data(rows, seed), text(rows, (n) => `v-${hash(seed + n) % 1_000}`)]
      const fields = [new arrow.Field('a', new arrow.Int32(), true), new arrow.Field('b', new arrow.Utf8(), true)]
      return arrow.makeData({ type: new arrow.Struct(fields), length: rows, nullCount: 0, children })
    },
  },
  int: {
    thrift: THRIFT.int,
    data: (rows, seed) =>
      flat(
        new arrow.Int32(),
        rows,
        Int32Array.from({ length: rows }, (_, n) => hash(seed + n) % 100_000),
      ),
  },
  boolean: {
    thrift: THRIFT.boolean,
    data: (rows, seed) =>
      flat(
        new arrow.Bool(),
        rows,
        Uint8Array.from({ length: rows / 8 }, (_, n) => hash(seed + n) & 255),
      ),
  },
  date: {
    thrift: THRIFT.date,
    data: (rows, seed) =>
      flat(
        new arrow.DateDay(),
        rows,
        Int32Array.from({ length: rows }, (_, n) => 18_000 + (hash(seed + n) % 2_000)),
      ),
  },
  decimal: {
    thrift: THRIFT.decimal,
    data: (rows, seed) => {
      const words = new Uint32Array(rows * 4)
      for (let n = 0; n < rows; n++) words[n * 4] = hash(seed + n)
      return flat(new arrow.Decimal(2, 12), rows, words as never)
    },
  },
}

const FIVE = ['bigint', 'double', 'string', 'timestamp', 'struct']
const FIFTY = Array.from({ length: 50 }, (_, at) => {
  return ['bigint', 'double', 'string', 'timestamp', 'int', 'boolean', 'date', 'decimal', 'double', 'string'][
    at % 10
  ] as string
})

export const fixtures = (rows: number): readonly Fixture[] => [
  fixture('5 columns', FIVE, rows),
  fixture('50 columns', FIFTY, Math.ceil(rows / 100_000) * 10_000),
]

function fixture(name: string, kinds: readonly string[], rows: number): Fixture {
  const makers = kinds.map((kind) => MAKERS[kind] as ColumnMaker)
  const pages = Array.from({ length: rows / PAGE_ROWS }, (_, page) => {
    const children = makers.map((maker, at) => maker.data(PAGE_ROWS, page * PAGE_ROWS + at))
    const fields = children.map((child, at) => new arrow.Field(`column_${at}`, child.type, true))
    const schema = new arrow.Schema(fields)
    const data = arrow.makeData({ type: new arrow.Struct(fields), length: PAGE_ROWS, nullCount: 0, children })
    return split(schema, new arrow.RecordBatch(schema, data))
  })
  const columns = makers.map(({ thrift }, at) => ({
    columnName: `column_${at}`,
    position: at + 1,
    typeDesc: { types: [{ primitiveEntry: { type: thrift } }] },
  }))
  return {
    name,
    schema: pages[0]?.schema as Uint8Array,
    pages: pages.map(({ batch }) => ({ bytes: batch, rows: PAGE_ROWS })),
    thrift: { columns },
  }
}

/** The schema message and the record-batch message of a stream, each by itself. */
function split(schema: Arrow, batch: Arrow): { schema: Uint8Array; batch: Uint8Array } {
  const stream: Uint8Array = arrow.RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true)
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const end = 8 + view.getInt32(4, true)
  if (schema.fields.length === 0) throw new Error('there are no columns')
  return { schema: stream.slice(0, end), batch: stream.slice(end, stream.length - 8) }
}
