import { setImmediate } from 'node:timers/promises'
import { hashAt, isPlain, PLACE_BYTES, PRINT_AT } from './kept-block.js'
import { copyBytes, endAt, markAt, hashAt as recordHashAt, viewOf, WISH_IN } from './record.js'
import { nextWish, RECORD_AT } from './wish-spool.js'

/** What is known of a place that is kept: a wish has shown it; it is looked at by its texts. */
const SEEN = 1
const OPEN = 2

const NONE = -1
const SLOTS_LEAST = 1_024
/** Wishes between two turns of the loop. */
const PER_TURN = 16_384

/**
 * Finds those of whom there is more to say than that they are members, as they were, by fingerprints alone: a place that is kept and
 * has one claimant, of which the log tells nothing, is as it was where every wish for its address has its fingerprint.
 * All others are *open*: they, and what is told and wished of their addresses, are compared as texts (places.ts).
 *
 * Which addresses are alike is asked of 31 bits, that two may share: then both are open, and their texts decide.
 */
export class Match {
  #places: DataView = viewOf(Buffer.alloc(0))
  #kept = 0
  #flags = new Uint8Array(0)
  /** Of an address hash in its lowest bits: one more than the place. */
  #slots = new Int32Array(SLOTS_LEAST)
  #last = 0
  #wishes: DataView = viewOf(Buffer.alloc(0))
  /** Where each wish begins, and which place it has found. */
  #at = new Int32Array(0)
  #found = new Int32Array(0)
  #count = 0

  /** Takes in places that are kept (kept-block.ts). */
  begin(places: DataView, count: number): void {
    let size = SLOTS_LEAST
    while (size < count * 2) size *= 2
    if (this.#slots.length < size) this.#slots = new Int32Array(size)
    else this.#slots.fill(0, 0, size)
    this.#last = size - 1
    if (this.#flags.length < count) this.#flags = new Uint8Array(Math.ceil(count * 1.2))
    this.#flags.fill(0, 0, count)
    this.#places = places
    this.#kept = count
    this.#count = 0
    for (let nth = 0; nth < count; nth += 1) this.#take(nth)
  }

  /** Opens all places of an address. */
  open(hash: number): void {
    let slot = hash & this.#last
    for (let one = this.#slots[slot] as number; one !== 0; one = this.#slots[slot] as number) {
      if (hashAt(this.#places, one - 1) === hash) this.#flags[one - 1] = (this.#flags[one - 1] as number) | OPEN
      slot = (slot + 1) & this.#last
    }
  }

  /** Takes in wishes as they are in their spool. */
  async wish(wishes: Uint8Array): Promise<void> {
    const view = viewOf(wishes)
    this.#wishes = view
    let n = 0
    for (let at = 0; at < wishes.length; at = nextWish(view, at)) {
      if (n === this.#at.length) this.#grow()
      const found = markAt(view, at + RECORD_AT) === WISH_IN ? this.#find(view, at) : NONE
      if (found === NONE) this.open(recordHashAt(view, at + RECORD_AT))
      else this.#flags[found] = (this.#flags[found] as number) | SEEN
      this.#at[n] = at
      this.#found[n] = found
      n += 1
      if (n % PER_TURN === 0) await setImmediate()
    }
    this.#count = n
  }

  /** Those that no wish has found are open from now on. */
  openUnseen(): void {
    const flags = this.#flags
    for (let nth = 0; nth < this.#kept; nth += 1) if (flags[nth] === 0) flags[nth] = OPEN
  }

  openPlaces(): Int32Array {
    const open: number[] = []
    for (let nth = 0; nth < this.#kept; nth += 1) if (this.#isOpen(nth)) open.push(nth)
    return Int32Array.from(open)
  }

  /** The records of the wishes for what is open, or for what is not kept. */
  openWishes(): Uint8Array {
    const open: number[] = []
    let size = 0
    for (let n = 0; n < this.#count; n += 1) {
      const found = this.#found[n] as number
      if (found !== NONE && !this.#isOpen(found)) continue
      const at = (this.#at[n] as number) + RECORD_AT
      open.push(at)
      size += endAt(this.#wishes, at) - at
    }
    const records = Buffer.allocUnsafeSlow(size)
    const view = viewOf(records)
    let to = 0
    for (const at of open) {
      const end = endAt(this.#wishes, at)
      copyBytes(this.#wishes, at, end, view, to)
      to += end - at
    }
    return records
  }

  #isOpen(nth: number): boolean {
    return ((this.#flags[nth] as number) & OPEN) !== 0
  }

  #take(nth: number): void {
    const hash = hashAt(this.#places, nth)
    const flags = this.#flags
    let slot = hash & this.#last
    let isAlone = true
    for (let one = this.#slots[slot] as number; one !== 0; one = this.#slots[slot] as number) {
      if (hashAt(this.#places, one - 1) === hash) {
        flags[one - 1] = OPEN
        isAlone = false
      }
      slot = (slot + 1) & this.#last
    }
    this.#slots[slot] = nth + 1
    if (!isAlone || !isPlain(this.#places, nth)) flags[nth] = OPEN
  }

  /** The place that a wish has the fingerprint of. */
  #find(view: DataView, at: number): number {
    const places = this.#places
    const hash = recordHashAt(view, at + RECORD_AT)
    let slot = hash & this.#last
    for (let one = this.#slots[slot] as number; one !== 0; one = this.#slots[slot] as number) {
      const place = (one - 1) * PLACE_BYTES
      if (places.getInt32(place, true) === hash && samePrint(places, place + PRINT_AT, view, at)) return one - 1
      slot = (slot + 1) & this.#last
    }
    return NONE
  }

  #grow(): void {
    const size = Math.max(SLOTS_LEAST, this.#at.length * 2)
    const [at, found] = [this.#at, this.#found]
    this.#at = new Int32Array(size)
    this.#found = new Int32Array(size)
    this.#at.set(at)
    this.#found.set(found)
  }
}

const samePrint = (a: DataView, at: number, b: DataView, from: number): boolean =>
  a.getInt32(at) === b.getInt32(from) &&
  a.getInt32(at + 4) === b.getInt32(from + 4) &&
  a.getInt32(at + 8) === b.getInt32(from + 8)
