import { type ArrowBatch, ArrowFormatError } from './ipc.js'

/** Which slots hold a value; `undefined`: all of them. */
export type Validity = Uint8Array | undefined

export const isNull = (validity: Validity, index: number): boolean =>
  validity !== undefined && (((validity[index >> 3] as number) >> (index & 7)) & 1) === 0

/** Elements that no byte may stand for, because their type is NULL alone: a broken offset must not ask for 2^31 of them. */
const BARE_ELEMENTS_MAX = 2 ** 20

/** A typed array over a part of a body. */
type View<T> = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
  readonly BYTES_PER_ELEMENT: number
}

/**
 * Hands out the nodes and buffers of a record batch in the order of its schema, checked against the bytes that are there:
 * what was handed out can be read without a further look.
 *
 * Throws  ArrowFormatError where lengths, counts or places do not agree.
 */
export class BatchCursor {
  readonly #batch: ArrowBatch
  #node = 0
  #buffer = 0
  #nulls = 0
  #allNull = false

  constructor(batch: ArrowBatch) {
    this.#batch = batch
  }

  /** The next field; it has at least `length` slots. */
  node(length: number): number {
    const { nodes } = this.#batch
    const at = this.#node++ * 2
    if (at >= nodes.length) throw new ArrowFormatError('a record batch has fewer fields than its schema')
    const own = nodes[at] as number
    if (own < length) throw new ArrowFormatError('a field has fewer values than its rows need')
    this.#nulls = nodes[at + 1] as number
    this.#allNull = this.#nulls >= own
    return own
  }

  /** The next field holds no nulls, which is what keys of a map promise. */
  assertNoNulls(): void {
    if (this.#batch.nodes[this.#node * 2 + 1] !== 0) throw new ArrowFormatError('a map has a key that is null')
  }

  /** Of the field last begun. */
  validity(length: number): Validity {
    const { byteOffset, byteLength, buffer } = this.#next()
    if (this.#nulls === 0 || length === 0) return undefined
    if (byteLength < Math.ceil(length / 8)) throw new ArrowFormatError('a field says it has nulls and not which')
    return new Uint8Array(buffer, byteOffset, byteLength)
  }

  /** A buffer of at least `count` elements. */
  values<T>(Type: View<T>, count: number): T {
    const { byteOffset, byteLength, buffer } = this.#next()
    const bytes = count * Type.BYTES_PER_ELEMENT
    // apache-arrow for JavaScript leaves the values out where all of them are null.
    if (byteLength === 0 && this.#allNull) return new Type(new ArrayBuffer(bytes), 0, count)
    if (byteLength < bytes) throw new ArrowFormatError('a buffer is shorter than its values')
    if (byteOffset % Type.BYTES_PER_ELEMENT === 0) return new Type(buffer, byteOffset, count)
    return new Type(buffer.slice(byteOffset, byteOffset + bytes), 0, count)
  }

  /** Where `length` values of different sizes begin, and where the last one ends: never falling, never below 0. */
  offsets(length: number): Int32Array {
    if (length === 0) {
      this.#next() // may be empty
      return new Int32Array(1)
    }
    const offsets = this.values(Int32Array, length + 1)
    let before = 0
    for (let at = 0; at <= length; at++) {
      const offset = offsets[at] as number
      if (offset < before) throw new ArrowFormatError('offsets fall')
      before = offset
    }
    const most = this.#batch.body.byteLength * 8 + BARE_ELEMENTS_MAX
    if (before > most) throw new ArrowFormatError('there are more elements than bits')
    return offsets
  }

  /** A buffer as a whole, as long as it is. */
  bytes(length: number): Buffer {
    const { byteOffset, byteLength, buffer } = this.#next()
    if (byteLength < length) throw new ArrowFormatError('a buffer is shorter than its values')
    return Buffer.from(buffer, byteOffset, byteLength)
  }

  /** Everything was handed out. */
  end(): void {
    const { nodes, buffers } = this.#batch
    if (this.#node * 2 !== nodes.length || this.#buffer * 2 !== buffers.length) {
      throw new ArrowFormatError('a record batch has more fields than its schema')
    }
  }

  #next(): { readonly byteOffset: number; readonly byteLength: number; readonly buffer: ArrayBufferLike } {
    const { buffers, body } = this.#batch
    const at = this.#buffer++ * 2
    if (at >= buffers.length) throw new ArrowFormatError('a record batch has fewer buffers than its schema')
    const [offset, length] = [buffers[at] as number, buffers[at + 1] as number]
    if (offset < 0 || length < 0 || offset + length > body.byteLength) {
      throw new ArrowFormatError('a buffer leaves its message')
    }
    return { byteOffset: body.byteOffset + offset, byteLength: length, buffer: body.buffer }
  }
}
