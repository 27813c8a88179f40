import { createCipheriv } from 'node:crypto'
import { viewOf } from './record.js'
import { release } from './release.js'

/**
 * Addresses and claimants of some places: the bytes of all texts, UTF-8, one behind the other, each address before its claimant.
 * The bytes go on for SLACK_BYTES behind the last text.
 */
export interface Texts {
  readonly bytes: Uint8Array
  /** Bytes of each address and of its claimant, in turns. */
  readonly lengths: Uint16Array
  readonly count: number
}

/** Texts are read by words: what stands behind the last one must be there to be read, whatever it is. */
export const SLACK_BYTES = 16

const CIPHER_BYTES = 16
/** Of a text in one block of the cipher, behind its number, which text it is of, and how long that is. */
const CHUNK_BYTES = 12
const LENGTH_BITS = 16
const CHUNK_SHIFT = LENGTH_BITS + 1

/** Of a hash in the word of a fingerprint: the bits that a table does not say by where it keeps it (match.ts). */
export const HASH_BITS = 11
const MAC_BITS = 32 - HASH_BITS

/**
 * What stands for an address (its *hash*, 31 bits) and for an address with its claimant (37 bits more), by a key of the list.
 *
 * Each text is cut into chunks of twelve bytes, each chunk is encrypted by AES-128 with its number, its text and the length of that,
 * and what comes out is added up bit by bit (a XOR MAC): whoever does not know the key cannot choose two places that share
 * one. All chunks of a page are encrypted by one call, since the cipher costs more to be called than to run.
 */
export class Fingerprints {
  readonly #cipher: ReturnType<typeof createCipheriv>
  #staged: Buffer = Buffer.alloc(0)
  #view: DataView = viewOf(this.#staged)
  /** Of each place of the last texts the hash of its address. */
  hashes = new Int32Array(0)
  /** Of each place of the last texts its fingerprint: HASH_BITS of the hash above 21 bits, */
  words = new Int32Array(0)
  /** and 16 more. */
  tails = new Uint16Array(0)

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  }

  of(texts: Texts): void {
    const { lengths, count } = texts
    let size = 0
    for (let nth = 0; nth < count * 2; nth += 1) size += chunksIn(lengths[nth] as number) * CIPHER_BYTES
    this.#makeRoom(count, size)
    this.#stage(texts)
    const encrypted = this.#cipher.update(this.#staged.subarray(0, size))
    this.#add(lengths, count, viewOf(encrypted))
    release([encrypted])
  }

  #stage({ bytes, lengths, count }: Texts): void {
    const text = viewOf(bytes)
    const staged = this.#view
    let from = 0
    let to = 0
    for (let nth = 0; nth < count * 2; nth += 1) {
      const length = lengths[nth] as number
      const head = ((nth & 1) << LENGTH_BITS) | length
      const chunks = chunksIn(length)
      for (let chunk = 0; chunk < chunks; chunk += 1, to += CIPHER_BYTES) {
        const at = from + chunk * CHUNK_BYTES
        const rest = length - chunk * CHUNK_BYTES
        staged.setInt32(to, (chunk << CHUNK_SHIFT) | head, true)
        staged.setInt32(to + 4, wordAt(text, at, rest), true)
        staged.setInt32(to + 8, wordAt(text, at + 4, rest - 4), true)
        staged.setInt32(to + 12, wordAt(text, at + 8, rest - 8), true)
      }
      from += length
    }
  }

  #add(lengths: Uint16Array, count: number, encrypted: DataView): void {
    for (let n = 0, at = 0; n < count; n += 1) {
      let hash = 0
      let word = 0
      let tail = 0
      const middle = at + chunksIn(lengths[n * 2] as number) * CIPHER_BYTES
      const end = middle + chunksIn(lengths[n * 2 + 1] as number) * CIPHER_BYTES
      for (; at < end; at += CIPHER_BYTES) {
        if (at < middle) hash ^= encrypted.getInt32(at, true)
        word ^= encrypted.getInt32(at + 4, true)
        tail ^= encrypted.getUint16(at + 8, true)
      }
      this.hashes[n] = hash >>> 1
      this.words[n] = ((hash >>> 1) << MAC_BITS) | (word >>> HASH_BITS)
      this.tails[n] = tail
    }
  }

  #makeRoom(count: number, size: number): void {
    if (size > this.#staged.length) {
      this.#staged = Buffer.allocUnsafeSlow(Math.ceil(size * 1.2))
      this.#view = viewOf(this.#staged)
    }
    if (count <= this.hashes.length) return
    this.hashes = new Int32Array(count)
    this.words = new Int32Array(count)
    this.tails = new Uint16Array(count)
  }
}

/** Also a text without a byte has one, which says so. */
const chunksIn = (length: number): number =>
  length <= CHUNK_BYTES ? 1 : ((length + CHUNK_BYTES - 1) / CHUNK_BYTES) | 0

/** Four bytes of a text of which `left` are left; zeros behind its end. */
function wordAt(text: DataView, at: number, left: number): number {
  if (left >= 4) return text.getInt32(at, true)
  return left > 0 ? text.getInt32(at, true) & ((1 << (left * 8)) - 1) : 0
}
