import type { Fingerprints, Texts } from './fingerprints.js'
import { PARTS, partOfHash } from './kept.js'
import { viewOf } from './record.js'

/** Wishes of a page: their texts, and for each whether it wants a place. */
export interface WishPage extends Texts {
  readonly wants: Uint8Array
}

/** Wishes, about: as many as make the ways short between those of one part. */
const FULL = 65_536
/** Bytes of their texts, about. */
const FULL_BYTES = 4 * 2 ** 20
const SPARE = 8_192

/**
 * Wishes that wait to be looked up part by part: each look-up in another part of ten million places costs several times as much
 * as one in its neighbourhood.
 */
export class WishBatch {
  count = 0
  hashes = new Int32Array(0)
  words = new Int32Array(0)
  tails = new Uint16Array(0)
  wants = new Uint8Array(0)
  /** Bytes of each address and of its claimant, in turns. */
  lengths = new Uint16Array(0)
  /** Where the texts of each begin. */
  from = new Int32Array(0)
  texts: DataView
  #bytes = Buffer.alloc(0)
  #used = 0
  #order = new Int32Array(0)
  readonly #ends = new Int32Array(PARTS + 1)

  constructor() {
    this.texts = viewOf(this.#bytes)
  }

  get isFull(): boolean {
    return this.count >= FULL || this.#used >= FULL_BYTES
  }

  add({ bytes, lengths, wants, count }: WishPage, { hashes, words, tails }: Fingerprints): void {
    this.#makeRoom(count)
    const first = this.count
    this.hashes.set(hashes.subarray(0, count), first)
    this.words.set(words.subarray(0, count), first)
    this.tails.set(tails.subarray(0, count), first)
    this.wants.set(wants, first)
    this.lengths.set(lengths, first * 2)
    let at = this.#used
    for (let n = 0; n < count; n += 1) {
      this.from[first + n] = at
      at += (lengths[n * 2] as number) + (lengths[n * 2 + 1] as number)
    }
    this.#copy(bytes.subarray(0, at - this.#used))
    this.count += count
  }

  /** All wishes by their parts, those of one part in the order they came in; and where in that order each part ends. */
  byPart(): { readonly order: Int32Array; readonly ends: Int32Array } {
    const ends = this.#ends.fill(0)
    for (let n = 0; n < this.count; n += 1) {
      const part = partOfHash(this.hashes[n] as number)
      ends[part + 1] = (ends[part + 1] as number) + 1
    }
    for (let part = 0; part < PARTS; part += 1) ends[part + 1] = (ends[part + 1] as number) + (ends[part] as number)
    for (let n = 0; n < this.count; n += 1) {
      const part = partOfHash(this.hashes[n] as number)
      const at = ends[part] as number
      this.#order[at] = n
      ends[part] = at + 1
    }
    return { order: this.#order, ends }
  }

  clear(): void {
    this.count = 0
    this.#used = 0
  }

  #copy(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.ceil((this.#used + bytes.length) * 1.5))
      larger.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = larger
      this.texts = viewOf(larger)
    }
    this.#bytes.set(bytes, this.#used)
    this.#used += bytes.length
  }

  #makeRoom(count: number): void {
    const size = this.count + count
    if (size <= this.hashes.length) return
    const room = size > SPARE ? Math.max(size, FULL + SPARE) : size // few wishes need little
    const larger = <Numbers extends Int32Array | Uint16Array | Uint8Array>(to: Numbers, before: Numbers): Numbers => {
      to.set(before)
      return to
    }
    this.hashes = larger(new Int32Array(room), this.hashes)
    this.words = larger(new Int32Array(room), this.words)
    this.tails = larger(new Uint16Array(room), this.tails)
    this.wants = larger(new Uint8Array(room), this.wants)
    this.lengths = larger(new Uint16Array(room * 2), this.lengths)
    this.from = larger(new Int32Array(room), this.from)
    this.#order = new Int32Array(room)
  }
}
