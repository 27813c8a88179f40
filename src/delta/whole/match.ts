import { HASH_BITS } from './fingerprints.js'
import { isOdd, PRINT_BYTES, printHashAt, tailAt, wordAt } from './kept-block.js'
import { viewOf } from './record.js'

/** Bits of a hash by which its place in the table is found: those between the part (kept.ts) and the word of the fingerprint. */
const BUCKETS = 4_096
const HASH_MASK = (1 << HASH_BITS) - 1
/** Above the bits of the MAC in the upper half of a word. */
const HASH_SHIFT = 16 - HASH_BITS
/** 16 bits each, of a place in the table. */
const UNITS = 3
const UNIT = 0xffff
/** Units that a bucket of ten places takes, about: two lines of a processor's cache. */
const TOUCHED = 32

/** What of a part is to be compared as texts. */
export interface Open {
  /** Places, ascending; and the hashes of their addresses. */
  readonly places: Int32Array
  readonly hashes: Int32Array
  /** Of each of them 1 where a wish had shown it before it was opened. */
  readonly shown: Uint8Array
}

/**
 * The places of a part that are kept, while an audience goes by: finds those of whom there is more to say than that they are
 * members, as they were, by fingerprints alone. A place that is kept and has one claimant, of which the log tells nothing, is as
 * it was where every wish for its address has its fingerprint. All others are *open*: they, and what is told and wished of
 * their addresses, are compared as texts (places.ts).
 *
 * Which addresses are alike is asked of 31 bits, that two may share: then both are open, and their texts decide.
 *
 * Cost  six bytes a place, and 16 kB.
 */
export class Match {
  /** Where the places of each bucket begin; a hash is part, bucket, and the first bits of the word. */
  readonly #from: Int32Array
  /** Of each place the word, its lower half first, and the tail: side by side, since each way to the memory costs as much as all else. */
  readonly #table: Uint16Array
  readonly #seen: Uint32Array
  readonly #open: Uint32Array
  readonly #part: number
  /** Of no use but that what is read for it has to be read. */
  touched = 0
  readonly count: number

  /** @param prints  sorted by their hash (kept-block.ts) */
  constructor(prints: Uint8Array) {
    const view = viewOf(prints)
    const count = prints.length / PRINT_BYTES
    this.count = count
    this.#from = count === 0 ? NOWHERE : new Int32Array(BUCKETS + 1)
    this.#part = count === 0 ? 0 : printHashAt(view, 0) & ~(BUCKETS * (1 << HASH_BITS) - 1)
    this.#table = new Uint16Array(count * UNITS + TOUCHED)
    this.#seen = new Uint32Array((count + 31) >>> 5)
    this.#open = new Uint32Array((count + 31) >>> 5)
    let before = -1
    let bucket = 0
    for (let nth = 0; nth < count; nth += 1) {
      const hash = printHashAt(view, nth)
      for (const own = bucketOf(hash); bucket < own; ) this.#from[++bucket] = nth
      const word = wordAt(view, nth)
      this.#table[nth * UNITS] = word
      this.#table[nth * UNITS + 1] = word >>> 16
      this.#table[nth * UNITS + 2] = tailAt(view, nth)
      if (isOdd(view, nth)) set(this.#open, nth)
      if (hash === before) {
        set(this.#open, nth - 1)
        set(this.#open, nth)
      }
      before = hash
    }
    while (count > 0 && bucket < BUCKETS) this.#from[++bucket] = count
  }

  /** Opens all places of an address. */
  open(hash: number): void {
    const bucket = bucketOf(hash)
    const end = this.#from[bucket + 1] as number
    for (let nth = this.#from[bucket] as number; nth < end; nth += 1)
      if (this.#hashBitsOf(nth) === (hash & HASH_MASK)) set(this.#open, nth)
  }

  /**
   * Brings what the look-ups of some wishes read into the processor's cache. Nothing in it waits for what it reads, so that many ways to
   * the memory are under way at once: half of the time of the look-ups was waiting for one after the other.
   */
  touch(hashes: Int32Array, order: Int32Array, begin: number, end: number): void {
    const from = this.#from
    const table = this.#table
    let all = 0
    for (let n = begin; n < end; n += 1) {
      const at = (from[bucketOf(hashes[order[n] as number] as number)] as number) * UNITS
      all ^= (table[at] as number) ^ (table[at + TOUCHED - 1] as number)
    }
    this.touched = all
  }

  /** Takes in a wish that somebody be on the list. True: it says no more than what is kept; else its address is open. */
  shows(hash: number, word: number, tail: number): boolean {
    const table = this.#table
    const bucket = bucketOf(hash)
    const [low, high] = [word & UNIT, word >>> 16]
    const end = (this.#from[bucket + 1] as number) * UNITS
    for (let at = (this.#from[bucket] as number) * UNITS; at < end; at += UNITS) {
      if (((table[at + 1] as number) ^ high) >>> HASH_SHIFT !== 0) continue // another address
      const nth = at / UNITS
      if (table[at] === low && table[at + 1] === high && table[at + 2] === tail && !has(this.#open, nth)) {
        set(this.#seen, nth)
        return true
      }
      set(this.#open, nth)
    }
    return false
  }

  /** @param opensUnseen  whether those that no wish has shown are open, too */
  ended(opensUnseen: boolean): Open {
    const places: number[] = []
    const hashes: number[] = []
    const shown: number[] = []
    for (let bucket = 0; bucket < BUCKETS && this.count > 0; bucket += 1) {
      const end = this.#from[bucket + 1] as number
      for (let nth = this.#from[bucket] as number; nth < end; nth += 1) {
        const isSeen = has(this.#seen, nth)
        if (!has(this.#open, nth) && (isSeen || !opensUnseen)) continue
        places.push(nth)
        hashes.push(this.#part | (bucket << HASH_BITS) | this.#hashBitsOf(nth))
        shown.push(Number(isSeen))
      }
    }
    return { places: Int32Array.from(places), hashes: Int32Array.from(hashes), shown: Uint8Array.from(shown) }
  }

  #hashBitsOf(nth: number): number {
    return (this.#table[nth * UNITS + 1] as number) >>> HASH_SHIFT
  }
}

/** Of a part without a place; of a short list in parts nearly all are. */
const NOWHERE = new Int32Array(BUCKETS + 1)

const bucketOf = (hash: number): number => (hash >>> HASH_BITS) & (BUCKETS - 1)

const has = (bits: Uint32Array, nth: number): boolean => ((bits[nth >>> 5] as number) & (1 << (nth & 31))) !== 0

function set(bits: Uint32Array, nth: number): void {
  bits[nth >>> 5] = (bits[nth >>> 5] as number) | (1 << (nth & 31))
}
