import { LakeloopError } from '../../../errors.js'
import type { RowBlock, Schema } from '../../../model/row.js'
import { assertRoles } from '../../paging.js'
import type { FloatRule } from '../../plain-value.js'
import { ArrowBlock, type Part } from './arrow-block.js'
import { BatchCursor } from './batch-cursor.js'
import type { Codec } from './cells.js'
import { columnCodec, typeText } from './codec-of.js'
import { type ArrowBatch, type ArrowField, ArrowFormatError, arrowText, readMessages, readSchema } from './ipc.js'

export interface ArrowReaderOptions {
  /** Name of the source, for errors. */
  readonly source: string
  readonly floats: FloatRule
  readonly key?: readonly string[] | undefined
  readonly changedAt?: string | undefined
  /** BIGINT columns to give as text of their digits, e.g. those that a cursor is made of. */
  readonly integersAsText?: readonly string[] | undefined
}

/** Reads the record batches of one schema. */
export interface ArrowReader {
  readonly schema: Schema
  /**
   * The rows of some record-batch messages, read in place: the bytes are not to be changed afterwards.
   *
   * Shape   a message may also be a whole IPC stream, as CloudFetch gives it: its schema has to be this one.
   * Throws  SOURCE_FAILED for malformed Arrow, for counts that do not agree, and for compressed or dictionary-encoded
   *         buffers.
   */
  block(messages: readonly Uint8Array[], rowCount: number): RowBlock
}

/**
 * Throws  SOURCE_TYPE_UNKNOWN with the column and its type; SOURCE_QUERY_INVALID for two columns of one name;
 *         SOURCE_KEY_MISSING; SOURCE_FAILED for bytes that are no Arrow schema.
 */
export async function arrowReader(schema: Uint8Array, options: ArrowReaderOptions): Promise<ArrowReader> {
  const { source, key, changedAt } = options
  const fields = readOrFail(source, () => readSchema(schema))
  const names = fields.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) {
    throw new LakeloopError('SOURCE_QUERY_INVALID', { source, problem: `two of its columns are called ${twice}` })
  }
  const codecs = fields.map((field) => codecOrThrow(field, options))
  const columns = fields.map(({ name, nullable }, at) => ({ name, type: (codecs[at] as Codec).type, nullable }))
  assertRoles({ columns }, { name: source, key, changedAt })
  return {
    schema: { columns },
    block(messages, rowCount) {
      const parts = readOrFail(source, () => partsOf(messages, { fields, codecs, rowCount }))
      return new ArrowBlock(parts, { ...options, names })
    },
  }
}

function codecOrThrow(field: ArrowField, { source, floats, integersAsText = [] }: ArrowReaderOptions): Codec {
  const found = columnCodec(field, { floats, integersAsText: integersAsText.includes(field.name) })
  if (found === undefined) {
    throw new LakeloopError('SOURCE_TYPE_UNKNOWN', { source, column: field.name, type: typeText(field) })
  }
  return found
}

interface Expected {
  readonly fields: readonly ArrowField[]
  readonly codecs: readonly Codec[]
  readonly rowCount: number
}

function partsOf(messages: readonly Uint8Array[], { fields, codecs, rowCount }: Expected): Part[] {
  const parts: Part[] = []
  let rows = 0
  for (const message of messages.flatMap((bytes) => [...readMessages(bytes)])) {
    if (message.kind === 'schema') assertSame(fields, message.fields)
    else if (rows + message.batch.length > rowCount) throw new ArrowFormatError(`more than ${rowCount} rows were sent`)
    else if (message.batch.length > 0) {
      parts.push({ start: rows, length: message.batch.length, columns: bind(message.batch, codecs) })
      rows += message.batch.length
    }
  }
  if (rows !== rowCount) throw new ArrowFormatError(`there are ${rows} rows where ${rowCount} were announced`)
  return parts
}

function bind(batch: ArrowBatch, codecs: readonly Codec[]) {
  const cursor = new BatchCursor(batch)
  const columns = codecs.map((codec) => codec.bind(cursor, batch.length))
  cursor.end()
  return columns
}

function assertSame(expected: readonly ArrowField[], found: readonly ArrowField[]): void {
  const text = (fields: readonly ArrowField[]) => JSON.stringify(fields.map((field) => [field.name, arrowText(field)]))
  if (text(expected) !== text(found)) throw new ArrowFormatError('a stream has another schema than its result')
}

/** DataView throws a RangeError for what lies outside of the bytes. */
function readOrFail<Result>(source: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    if (error instanceof ArrowFormatError || error instanceof RangeError) {
      throw new LakeloopError('SOURCE_FAILED', { source }, error)
    }
    throw error
  }
}
