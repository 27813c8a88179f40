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

/** A fingerprint: the first words of a block of the cipher. */
export const PRINT_BYTES = 12
export const PRINT_STEP = 16

/** A chain begins with the length of its text, so that no text is the beginning of another. */
const LENGTH_BYTES = 4

/**
 * What stands for an address (31 bits) and for an address with its claimant (96 bits), by a key of the list.
 *
 * A CBC-MAC with AES-128 over address and claimant, each behind its length: whoever does not know the key cannot choose
 * two places that share one. All places of a page take a step of the chain together, since the cipher costs more to be called than
 * to run.
 */
export class Fingerprints {
  readonly #cipher: ReturnType<typeof createCipheriv>
  #staged = Buffer.alloc(0)
  /** Places whose chain goes on, and where their texts begin. */
  #live = new Int32Array(0)
  #from = new Int32Array(0)
  /** Of each place of the last texts the hash of its address. */
  hashes = new Int32Array(0)
  /** Of each place of the last texts its fingerprint, PRINT_STEP apart. */
  prints: DataView = viewOf(this.#staged)

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  }

  of(texts: Texts): void {
    const { lengths, count } = texts
    this.#makeRoom(count)
    const { prints, hashes } = this
    const from = this.#from
    for (let n = 0, at = 0; n < count; n += 1) {
      from[n] = at
      at += (lengths[n * 2] as number) + (lengths[n * 2 + 1] as number)
    }
    for (let at = 0; at < count * PRINT_STEP; at += 4) prints.setInt32(at, 0)
    this.#chain(texts, 0)
    for (let n = 0; n < count; n += 1) {
      hashes[n] = prints.getInt32(n * PRINT_STEP, true) >>> 1
      from[n] = (from[n] as number) + (lengths[n * 2] as number)
    }
    this.#chain(texts, 1)
  }

  /** Goes on with the chain of each place by one of its texts: 0 the address, 1 the claimant. */
  #chain({ bytes, lengths, count }: Texts, kind: 0 | 1): void {
    const text = viewOf(bytes)
    for (let n = 0; n < count; n += 1) this.#live[n] = n
    let left = count
    for (let done = -LENGTH_BYTES; left > 0; done += PRINT_STEP) {
      this.#stage(text, { lengths, kind, done, left })
      left = this.#mixed(lengths, { kind, done: done + PRINT_STEP, left })
    }
  }

  /** The next block of each chain, mixed with what it has come to. */
  #stage(text: DataView, { lengths, kind, done, left }: Step): void {
    const staged = viewOf(this.#staged)
    const chains = this.prints
    for (let nth = 0; nth < left; nth += 1) {
      const n = this.#live[nth] as number
      const length = lengths[n * 2 + kind] as number
      const at = (this.#from[n] as number) + done
      const rest = length - done
      const to = nth * PRINT_STEP
      const of = n * PRINT_STEP
      const first = done < 0 ? length : wordAt(text, at, rest)
      staged.setInt32(to, chains.getInt32(of, true) ^ first, true)
      staged.setInt32(to + 4, chains.getInt32(of + 4, true) ^ wordAt(text, at + 4, rest - 4), true)
      staged.setInt32(to + 8, chains.getInt32(of + 8, true) ^ wordAt(text, at + 8, rest - 8), true)
      staged.setInt32(to + 12, chains.getInt32(of + 12, true) ^ wordAt(text, at + 12, rest - 12), true)
    }
  }

  /** Encrypts what is staged. Gives how many chains go on. */
  #mixed(lengths: Uint16Array, { kind, done, left }: Omit<Step, 'lengths'>): number {
    const bytes = this.#cipher.update(this.#staged.subarray(0, left * PRINT_STEP))
    const mixed = viewOf(bytes)
    const chains = this.prints
    let going = 0
    for (let nth = 0; nth < left; nth += 1) {
      const n = this.#live[nth] as number
      const from = nth * PRINT_STEP
      const to = n * PRINT_STEP
      chains.setInt32(to, mixed.getInt32(from, true), true)
      chains.setInt32(to + 4, mixed.getInt32(from + 4, true), true)
      chains.setInt32(to + 8, mixed.getInt32(from + 8, true), true)
      chains.setInt32(to + 12, mixed.getInt32(from + 12, true), true)
      if ((lengths[n * 2 + kind] as number) <= done) continue
      this.#live[going] = n
      going += 1
    }
    release([bytes])
    return going
  }

  #makeRoom(count: number): void {
    if (count <= this.hashes.length) return
    this.#staged = Buffer.allocUnsafeSlow(count * PRINT_STEP)
    this.prints = viewOf(Buffer.allocUnsafeSlow(count * PRINT_STEP))
    this.#live = new Int32Array(count)
    this.#from = new Int32Array(count)
    this.hashes = new Int32Array(count)
  }
}

interface Step {
  readonly lengths: Uint16Array
  readonly kind: 0 | 1
  /** Bytes of the texts that the chains have taken in. */
  readonly done: number
  readonly left: number
}

/** Four bytes of a text of which `left` are left; zeros behind its end. */
function wordAt(text: DataView, at: number, left: number): number {
  if (left >= 4) return text.getInt32(at, true)
  return left > 0 ? text.getInt32(at, true) & ((1 << (left * 8)) - 1) : 0
}
