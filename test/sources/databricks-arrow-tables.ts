import { createRequire } from 'node:module'
import fc from 'fast-check'
import type { Json } from '../../src/model/value.js'

// biome-ignore lint/suspicious/noExplicitAny: the driver's own copy of apache-arrow, which is no dependency of ours
type Arrow = any

/** The writer of the tests is the driver's; the reader under test shares no code with it. */
const arrow: Arrow = createRequire(createRequire(import.meta.url).resolve('@databricks/sql'))('apache-arrow')

/** A slot that counts as a value and holds the worst of its type, because the struct around it is NULL. */
const GARBAGE = Symbol('garbage')

/** What the oracle has to say of a row besides its values. */
export interface Verdict {
  refused: boolean
}

/** A column type: how its values are made, written by Arrow's own writer, and what they have to become. */
export interface Kind {
  readonly type: string
  readonly sql: string
  readonly arrow: Arrow
  readonly value: fc.Arbitrary<unknown>
  data(values: readonly unknown[]): Arrow
  /** `undefined`: left out. NULL is null. */
  expected(value: unknown, verdict: Verdict): Json | undefined
}

const refuse = (verdict: Verdict): Json => {
  verdict.refused = true
  return null
}

function bitmap(set: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(set.length / 8))
  for (const [at, bit] of set.entries()) if (bit) bytes[at >> 3] = (bytes[at >> 3] as number) | (1 << (at & 7))
  return bytes
}

function validity(values: readonly unknown[]) {
  const set = values.map((value) => value !== null)
  const nullCount = set.filter((bit) => !bit).length
  return { length: values.length, nullCount, nullBitmap: nullCount === 0 ? null : bitmap(set) }
}

interface Leaf<T> {
  readonly type: string
  readonly sql?: string
  readonly arrow: Arrow
  readonly value: fc.Arbitrary<T>
  /** Under NULL, and in slots that are not used. */
  readonly garbage: T
  readonly buffer: (values: readonly T[]) => object
  readonly expected: (value: T, verdict: Verdict) => Json | undefined
}

function leaf<T>({ type, sql, arrow: arrowType, value, garbage, buffer, expected }: Leaf<T>): Kind {
  return {
    type,
    sql: sql ?? type.toUpperCase(),
    arrow: arrowType,
    value: fc.option(value, { freq: 6 }),
    data(values) {
      const held = values.map((one) => (one === null || one === GARBAGE ? garbage : (one as T)))
      return arrow.makeData({ type: arrowType, ...validity(values), ...buffer(held) })
    },
    expected: (one, verdict) => (one === null ? null : expected(one as T, verdict)),
  }
}

const runs = (parts: readonly Buffer[]) => {
  const offsets = new Int32Array(parts.length + 1)
  for (const [at, part] of parts.entries()) offsets[at + 1] = (offsets[at] as number) + part.length
  return { valueOffsets: offsets, data: Buffer.concat(parts) }
}

const same = (value: Json): Json => value
const float = (value: number): Json | undefined => (Number.isFinite(value) ? value : undefined)
const int64 = (values: readonly bigint[]) => ({ data: BigInt64Array.from(values) })

/** Slow and plainly right: the ISO text of a count of microseconds. */
function iso(micros: bigint, zone: string, verdict: Verdict): Json {
  const ms = micros >= 0n ? micros / 1_000n : -((-micros + 999n) / 1_000n)
  if (ms < -62_135_596_800_000n || ms >= 253_402_300_800_000n) return refuse(verdict)
  const rest = String(micros - ms * 1_000n).padStart(3, '0')
  return `${new Date(Number(ms)).toISOString().slice(0, -1)}${rest}${zone}`
}

const micros = fc.oneof(
  fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }),
  fc.bigInt({ min: -10n, max: 10n }),
  fc.constantFrom(
    -62_135_596_800_000_000n,
    -62_135_596_800_000_001n,
    253_402_300_799_999_999n,
    253_402_300_800_000_000n,
  ),
)
const INT64_MIN = -(2n ** 63n)
const instant = (type: string, zone: string | null): Kind =>
  leaf<bigint>({
    type,
    arrow: new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, zone),
    value: micros,
    garbage: INT64_MIN,
    buffer: int64,
    expected: (value, verdict) => iso(value, zone === null ? '' : 'Z', verdict),
  })

const digitsOf = (unscaled: bigint, scale: number): string => {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`
}

const decimal = (precision: number, scale: number): Kind =>
  leaf<bigint>({
    type: `decimal(${precision},${scale})`,
    arrow: new arrow.Decimal(scale, precision),
    value: fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }),
    garbage: 2n ** 126n,
    buffer: (values) => ({
      data: Uint32Array.from(
        values.flatMap((value) => [0n, 32n, 64n, 96n].map((by) => Number(BigInt.asUintN(32, value >> by)))),
      ),
    }),
    expected: (value) => (precision <= 15 ? Number(digitsOf(value, scale)) + 0 : digitsOf(value, scale)),
  })

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme-ascii' }),
)
const string = leaf<string>({
  type: 'string',
  arrow: new arrow.Utf8(),
  value: text,
  garbage: '\u0000',
  buffer: (values) => runs(values.map((value) => Buffer.from(value))),
  expected: (value) => Buffer.from(value).toString(),
})

/** An integer whose digits JavaScript would change. */
const hasLongInteger = (value: unknown): boolean =>
  typeof value === 'number'
    ? /^-?\d+$/.test(JSON.stringify(value)) && !Number.isSafeInteger(value)
    : typeof value === 'object' && value !== null && Object.values(value).some(hasLongInteger)

const LEAVES: readonly Kind[] = [
  leaf<boolean>({
    type: 'boolean',
    arrow: new arrow.Bool(),
    value: fc.boolean(),
    garbage: true,
    buffer: (values) => ({ data: bitmap(values) }),
    expected: same,
  }),
  leaf<number>({
    type: 'tinyint',
    arrow: new arrow.Int8(),
    value: fc.integer({ min: -128, max: 127 }),
    garbage: -128,
    buffer: (values) => ({ data: Int8Array.from(values) }),
    expected: same,
  }),
  leaf<number>({
    type: 'smallint',
    arrow: new arrow.Int16(),
    value: fc.integer({ min: -32_768, max: 32_767 }),
    garbage: -32_768,
    buffer: (values) => ({ data: Int16Array.from(values) }),
    expected: same,
  }),
  leaf<number>({
    type: 'int',
    arrow: new arrow.Int32(),
    value: fc.integer(),
    garbage: -(2 ** 31),
    buffer: (values) => ({ data: Int32Array.from(values) }),
    expected: same,
  }),
  leaf<bigint>({
    type: 'bigint',
    arrow: new arrow.Int64(),
    value: fc.oneof(
      fc.maxSafeInteger().map(BigInt),
      fc.bigInt({ min: INT64_MIN, max: 2n ** 63n - 1n }),
      fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
      fc.bigInt({ min: -(2n ** 53n) - 3n, max: -(2n ** 53n) + 3n }),
    ),
    garbage: INT64_MIN,
    buffer: int64,
    expected: (value, verdict) => (Number.isSafeInteger(Number(value)) ? Number(value) : refuse(verdict)),
  }),
  leaf<number>({
    type: 'float',
    arrow: new arrow.Float32(),
    value: fc.float(),
    garbage: Number.NaN,
    buffer: (values) => ({ data: Float32Array.from(values) }),
    expected: float,
  }),
  leaf<number>({
    type: 'double',
    arrow: new arrow.Float64(),
    value: fc.double(),
    garbage: Number.NaN,
    buffer: (values) => ({ data: Float64Array.from(values) }),
    expected: float,
  }),
  decimal(5, 2),
  decimal(15, 15),
  decimal(16, 0),
  decimal(38, 18),
  string,
  leaf<Uint8Array>({
    type: 'binary',
    arrow: new arrow.Binary(),
    value: fc.uint8Array({ maxLength: 12 }),
    garbage: new Uint8Array(3),
    buffer: (values) => runs(values.map((value) => Buffer.from(value))),
    expected: (value) => Buffer.from(value).toString('base64'),
  }),
  leaf<number>({
    type: 'date',
    arrow: new arrow.DateDay(),
    value: fc.oneof(fc.integer({ min: -719_165, max: 2_932_899 }), fc.integer({ min: -800_000, max: 30_000 })),
    garbage: 2 ** 31 - 1,
    buffer: (values) => ({ data: Int32Array.from(values) }),
    expected: (value, verdict) => {
      const day = new Date(value * 86_400_000).toISOString()
      return /^\d{4}-/.test(day) && !day.startsWith('0000') ? day.slice(0, 10) : refuse(verdict)
    },
  }),
  instant('timestamp', 'Etc/UTC'),
  instant('timestamp_ntz', null),
  leaf<unknown>({
    type: 'variant',
    arrow: new arrow.Utf8(),
    value: fc.jsonValue(),
    garbage: { text: 'garbage: not to be read' },
    buffer: (values) => runs(values.map((value) => Buffer.from(JSON.stringify(value)))),
    expected: (value, verdict) => {
      return hasLongInteger(value)
        ? refuse(verdict)
        : (JSON.parse(Buffer.from(JSON.stringify(value)).toString()) as Json)
    },
  }),
]

function offsetsOf(values: readonly unknown[], wasted: unknown): { offsets: Int32Array; inner: unknown[] } {
  const inner: unknown[] = []
  const offsets = new Int32Array(values.length + 1)
  for (const [at, value] of values.entries()) {
    // A NULL may have elements too, which nobody may look at.
    inner.push(...(Array.isArray(value) ? value : [wasted]))
    offsets[at + 1] = inner.length
  }
  return { offsets, inner }
}

const list = (element: Kind): Kind => {
  const type = new arrow.List(new arrow.Field('element', element.arrow, true))
  return {
    type: `array<${element.type}>`,
    sql: `ARRAY<${element.sql}>`,
    arrow: type,
    value: fc.option(fc.array(element.value, { maxLength: 4 }), { freq: 6 }),
    data(values) {
      const { offsets, inner } = offsetsOf(values, GARBAGE)
      return arrow.makeData({ type, ...validity(values), valueOffsets: offsets, child: element.data(inner) })
    },
    expected: (value, verdict) =>
      value === null ? null : (value as unknown[]).map((one) => element.expected(one, verdict) ?? null),
  }
}

const quoted = (name: string): string => (/^[a-zA-Z_]\w*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``)

export type Fields = readonly (readonly [name: string, kind: Kind])[]

export const struct = (fields: Fields): Kind => {
  const type = new arrow.Struct(fields.map(([name, kind]) => new arrow.Field(name, kind.arrow, true)))
  const texts = (between: string, of: (kind: Kind) => string) =>
    fields.map(([name, kind]) => `${quoted(name)}:${between}${of(kind)}`)
  return {
    type: `struct<${texts('', (kind) => kind.type).join(',')}>`,
    sql: `STRUCT<${texts(' ', (kind) => kind.sql).join(', ')}>`,
    arrow: type,
    value: fc.option(fc.tuple(...fields.map(([, kind]) => kind.value)), { freq: 6 }),
    data(values) {
      const of = (value: unknown, at: number) => (Array.isArray(value) ? value[at] : GARBAGE)
      const children = fields.map(([, kind], at) => kind.data(values.map((value) => of(value, at))))
      return arrow.makeData({ type, ...validity(values), children })
    },
    expected: (value, verdict) => (value === null ? null : objectOf(fields, value as unknown[], verdict)),
  }
}

/** The fields that are not left out. */
export function objectOf(fields: Fields, values: readonly unknown[], verdict: Verdict): Record<string, Json> {
  const all = fields.map(([name, kind], at) => [name, kind.expected(values[at], verdict)] as const)
  return Object.fromEntries(all.filter((field): field is [string, Json] => field[1] !== undefined))
}

const map = (key: Kind, value: Kind): Kind => {
  const entry = new arrow.Struct([
    new arrow.Field('key', key.arrow, false),
    new arrow.Field('value', value.arrow, true),
  ])
  const type = new arrow.Map_(new arrow.Field('entries', entry, false))
  const solid = key.value.map((one) => one ?? GARBAGE).filter((one) => one !== GARBAGE)
  return {
    type: `map<${key.type},${value.type}>`,
    sql: `MAP<${key.sql}, ${value.sql}>`,
    arrow: type,
    value: fc.option(fc.array(fc.tuple(solid, value.value), { maxLength: 3 }), { freq: 6 }),
    data(values) {
      const { offsets, inner } = offsetsOf(values, [GARBAGE, GARBAGE])
      const children = [key, value].map((kind, at) => kind.data((inner as unknown[][]).map((one) => one[at])))
      const child = arrow.makeData({ type: entry, length: inner.length, nullCount: 0, children })
      return arrow.makeData({ type, ...validity(values), valueOffsets: offsets, child })
    },
    expected(held, verdict) {
      if (held === null) return null
      const entries = (held as [unknown, unknown][]).map(
        ([one, other]) => [key.expected(one, verdict), value.expected(other, verdict)] as const,
      )
      if (key.type !== 'string') {
        return entries.map(([one, other]) => ({ key: one ?? null, ...(other === undefined ? {} : { value: other }) }))
      }
      return Object.fromEntries(entries.filter(([, other]) => other !== undefined)) as Json
    },
  }
}

const names = fc.constantFrom('a', 'b c', '__proto__', 'value', 'metadata', 'ü"\\', '`x`', 'toString', 'a:b,c<d>', '')

const fieldsOf = (kind: fc.Arbitrary<Kind>): fc.Arbitrary<Fields> =>
  fc.uniqueArray(
    fc.tuple(
      names.filter((name) => name !== ''),
      kind,
    ),
    {
      selector: ([name]) => name,
      minLength: 1,
      maxLength: 4,
    },
  )

const simple = fc.constantFrom(...LEAVES)
/** Keys of a map are no floats here: NaN has no place in an equation. */
const keys = fc.constantFrom(...LEAVES.filter(({ type }) => !/^(?:float|double|variant)$/.test(type)))

/** Types, nested up to `depth` levels. */
const kinds = (depth: number): fc.Arbitrary<Kind> =>
  depth === 0
    ? simple
    : fc.oneof(
        { weight: 3, arbitrary: simple },
        { weight: 1, arbitrary: kinds(depth - 1).map(list) },
        { weight: 1, arbitrary: fieldsOf(kinds(depth - 1)).map(struct) },
        {
          weight: 1,
          arbitrary: fc
            .oneof(fc.constant(string), keys)
            .chain((key) => kinds(depth - 1).map((value) => map(key, value))),
        },
      )

/** A counterexample shows types, and not how they are made. */
const shown = (fields: Fields): Fields =>
  Object.assign([...fields], {
    [fc.toStringMethod]: () => fields.map(([name, kind]) => `${name}: ${kind.sql}`).join('; '),
  })

export interface Table {
  readonly fields: Fields
  /** Rows by batch. */
  readonly batches: readonly (readonly (readonly unknown[])[])[]
}

export const tables: fc.Arbitrary<Table> = fieldsOf(kinds(3)).chain((fields) =>
  fc.record({
    fields: fc.constant(shown(fields)),
    batches: fc.array(fc.array(fc.tuple(...fields.map(([, kind]) => kind.value)), { maxLength: 9 }), { maxLength: 3 }),
  }),
)

export interface Written {
  readonly schema: Uint8Array
  readonly messages: readonly Uint8Array[]
  /** All of it in one stream. */
  readonly stream: Uint8Array
}

/** A table as a server sends it; without `named`, without the names of its types. */
export function written({ fields, batches }: Table, named = true): Written {
  const columns = fields.map(([name, kind]) => {
    return new arrow.Field(name, kind.arrow, true, named ? new Map([['Spark:DataType:SqlName', kind.sql]]) : undefined)
  })
  const schema = new arrow.Schema(columns)
  const records = batches.map((rows) => {
    const children = fields.map(([, kind], at) => kind.data(rows.map((row) => row[at])))
    const data = arrow.makeData({ type: new arrow.Struct(columns), length: rows.length, nullCount: 0, children })
    return new arrow.RecordBatch(schema, data)
  })
  const writer = new arrow.RecordBatchStreamWriter()
  writer.reset(undefined, schema)
  for (const record of records) writer.write(record)
  writer.finish()
  const stream: Uint8Array = writer.toUint8Array(true)
  const [first, ...messages] = messagesOf(stream)
  return { schema: first as Uint8Array, messages, stream }
}

function messagesOf(stream: Uint8Array): Uint8Array[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const found: Uint8Array[] = []
  for (let at = 0; view.getInt32(at + 4, true) !== 0; ) {
    const length = view.getInt32(at + 4, true)
    const header = arrow.Message.decode(stream.subarray(at + 8, at + 8 + length))
    const end = at + 8 + length + header.bodyLength
    found.push(stream.slice(at, end))
    at = end
  }
  return found
}

/** One column, one row for each value. */
export const tableOf = (kind: Kind, values: readonly unknown[]): Table => ({
  fields: [['v', kind]],
  batches: [values.map((value) => [value])],
})

export const kindOf = (type: string): Kind => LEAVES.find((kind) => kind.type === type) as Kind
