import { Fingerprints, PRINT_BYTES, PRINT_STEP, type Texts } from './fingerprints.js'
import { PARTS, partOfHash } from './kept.js'
import { copyBytes, HEADER, MEMBER, viewOf, WISH_IN, WISH_OUT, writeHeader } from './record.js'
import { Spool } from './spool.js'

/** A wish in the spool: a fingerprint, and behind it a record; the next one begins at a multiple of four. */
export const RECORD_AT = PRINT_BYTES

const sizeOf = (textBytes: number): number => (RECORD_AT + HEADER + textBytes + 3) & ~3

/** Where the wish behind this one begins. */
export const nextWish = (view: DataView, at: number): number =>
  at + sizeOf(view.getUint16(at + RECORD_AT + 8, true) + view.getUint16(at + RECORD_AT + 10, true))

/** Wishes of a page: their texts, and for each whether it wants a place. */
export interface WishPage extends Texts {
  readonly wants: Uint8Array
}

/** Wishes in the parts of their addresses, with their fingerprints. */
export class WishSpool {
  readonly #fingerprints: Fingerprints
  readonly #spool: Spool

  constructor(directory: string, key: Uint8Array) {
    this.#fingerprints = new Fingerprints(key)
    this.#spool = new Spool(directory, PARTS)
  }

  /** Bytes of all wishes. */
  get bytes(): number {
    return this.#spool.bytes
  }

  /** Takes them in, and waits for the disk where much of them waits for it. */
  async add(page: WishPage): Promise<void> {
    const { bytes, lengths, wants, count } = page
    this.#fingerprints.of(page)
    const { hashes, prints } = this.#fingerprints
    const texts = viewOf(bytes)
    for (let n = 0, from = 0; n < count; n += 1) {
      const hash = hashes[n] as number
      const part = partOfHash(hash)
      const [address, claimant] = [lengths[n * 2] as number, lengths[n * 2 + 1] as number]
      const at = this.#spool.reserve(part, sizeOf(address + claimant))
      const to = this.#spool.viewOf(part)
      for (let word = 0; word < PRINT_BYTES; word += 4) to.setInt32(at + word, prints.getInt32(n * PRINT_STEP + word))
      const mark = wants[n] === 1 ? WISH_IN : WISH_OUT
      writeHeader(to, at + RECORD_AT, { hash, mark, lengths: address | (claimant << 16), state: MEMBER })
      const end = from + address + claimant
      copyBytes(texts, from, end, to, at + RECORD_AT + HEADER)
      from = end
    }
    await this.#spool.flush()
  }

  /** The wishes of parts, one behind the other; in `room` where it is large enough. */
  async read(parts: readonly number[], room?: Uint8Array): Promise<Uint8Array> {
    const size = this.#spool.size(parts)
    const bytes =
      room !== undefined && room.buffer.byteLength >= size ? room : Buffer.allocUnsafeSlow(Math.ceil(size * 1.2))
    const read = Buffer.from(bytes.buffer, 0, size)
    await this.#spool.readInto(parts, read, 0)
    return read
  }

  async close(): Promise<void> {
    await this.#spool.close()
  }
}
