import { isAscii, isUtf8 } from 'node:buffer'
import type { Json } from '../../../model/value.js'
import { jsonValue } from '../../exact-values.js'
import type { Conversion } from '../../plain-value.js'
import { type BatchCursor, isNull, type Validity } from './batch-cursor.js'
import { type Cells, type Codec, writeNull } from './cells.js'
import type { JsonWriter } from './json-writer.js'

/** Values of different sizes, one behind the other. */
interface Run {
  readonly validity: Validity
  readonly offsets: Int32Array
  readonly bytes: Buffer
}

function runOf(cursor: BatchCursor, length: number): Run {
  cursor.node(length)
  const validity = cursor.validity(length)
  const offsets = cursor.offsets(length)
  return { validity, offsets, bytes: cursor.bytes(offsets[length] as number) }
}

class TextCells implements Cells {
  readonly exact: boolean
  readonly #validity: Validity
  readonly #offsets: Int32Array
  readonly #bytes: Buffer
  readonly #ascii: boolean

  constructor({ validity, offsets, bytes }: Run) {
    this.#validity = validity
    this.#offsets = offsets
    this.#bytes = bytes
    const used = bytes.subarray(offsets[0], offsets.at(-1))
    this.#ascii = isAscii(used)
    this.exact = this.#ascii || (isUtf8(used) && wholeCharacters(offsets, bytes))
  }

  value(index: number, conversion: Conversion): Json {
    if (isNull(this.#validity, index)) return null
    const text = this.text(index)
    if (this.exact || isUtf8(this.#bytes.subarray(this.#offsets[index], this.#offsets[index + 1]))) return text
    return conversion.refuse('holds text that is no UTF-8', text)
  }

  write(index: number, out: JsonWriter): boolean {
    if (isNull(this.#validity, index)) return writeNull(out)
    out.text(this.#bytes, this.#offsets[index] as number, this.#offsets[index + 1] as number)
    return true
  }

  text(index: number): string {
    const [from, to] = [this.#offsets[index] as number, this.#offsets[index + 1] as number]
    return this.#ascii ? this.#bytes.toString('latin1', from, to) : this.#bytes.toString('utf8', from, to)
  }
}

/** No value begins within a character. */
function wholeCharacters(offsets: Int32Array, bytes: Uint8Array): boolean {
  const end = offsets.at(-1) as number
  return offsets.every((offset) => offset === end || ((bytes[offset] as number) & 0xc0) !== 0x80)
}

export const textCodec = (type: string): Codec => ({
  type,
  bind: (cursor, length) => new TextCells(runOf(cursor, length)),
})

/** JSON text, which a VARIANT comes as. Each is parsed once to see that it is exact, and then goes on as it is. */
class JsonCells implements Cells {
  readonly exact: boolean
  readonly #run: Run
  readonly #text: TextCells

  constructor(run: Run) {
    this.#run = run
    this.#text = new TextCells(run)
    this.exact = false
  }

  value(index: number, conversion: Conversion): Json {
    const text = this.#text.value(index, conversion)
    return text === null ? null : jsonValue(text as string, conversion)
  }

  write(index: number, out: JsonWriter): boolean {
    const { validity, offsets, bytes } = this.#run
    if (isNull(validity, index)) return writeNull(out)
    out.raw(bytes, offsets[index], offsets[index + 1])
    return true
  }
}

export const jsonCodec: Codec = { type: 'variant', bind: (cursor, length) => new JsonCells(runOf(cursor, length)) }

class BinaryCells implements Cells {
  readonly exact = true
  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
  }

  value(index: number): Json {
    const { validity, offsets, bytes } = this.#run
    return isNull(validity, index) ? null : bytes.toString('base64', offsets[index], offsets[index + 1])
  }

  write(index: number, out: JsonWriter): boolean {
    const { validity, offsets, bytes } = this.#run
    if (isNull(validity, index)) return writeNull(out)
    out.quoted(bytes.toString('base64', offsets[index], offsets[index + 1]))
    return true
  }
}

export const binaryCodec: Codec = { type: 'binary', bind: (cursor, length) => new BinaryCells(runOf(cursor, length)) }
