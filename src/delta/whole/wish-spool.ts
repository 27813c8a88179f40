import { setImmediate } from 'node:timers/promises'
import { Fingerprints } from './fingerprints.js'
import { PARTS } from './kept.js'
import type { Match } from './match.js'
import { copyBytes, endAt, HEADER, hashAt, MEMBER, markAt, viewOf, WISH_IN, WISH_OUT, writeHeader } from './record.js'
import { Spool } from './spool.js'
import { WishBatch, type WishPage } from './wish-batch.js'

/** A wish in the spool: word and tail of its fingerprint, and behind them a record; the next one begins at a multiple of four. */
const RECORD_AT = 8
const TAIL_AT = 4

/** Wishes between two turns of the loop. */
const PER_TURN = 16_384

const sizeOf = (textBytes: number): number => (RECORD_AT + HEADER + textBytes + 3) & ~3

/** Wishes in the parts of their addresses, with their fingerprints; but for those that say no more than what is kept. */
export class WishSpool {
  readonly #fingerprints: Fingerprints
  readonly #spool: Spool
  readonly #matches: readonly (Match | undefined)[]
  readonly #batch = new WishBatch()

  /** @param matches  what is known to be kept, by the part */
  constructor(directory: string, key: Uint8Array, matches: readonly (Match | undefined)[]) {
    this.#fingerprints = new Fingerprints(key)
    this.#spool = new Spool(directory, PARTS)
    this.#matches = matches
  }

  /** Bytes of all wishes that are in the spool. */
  get bytes(): number {
    return this.#spool.bytes
  }

  /** Takes them in, and waits for the disk where much of them waits for it. */
  async add(page: WishPage): Promise<void> {
    this.#fingerprints.of(page)
    this.#batch.add(page, this.#fingerprints)
    if (this.#batch.isFull) await this.sort()
  }

  /** Puts those that were taken in last into their parts. Awaited when no page follows. */
  async sort(): Promise<void> {
    const batch = this.#batch
    const { order, ends } = batch.byPart()
    for (let part = 0, from = 0; part < PARTS; part += 1) {
      const end = ends[part] as number
      const match = this.#matches[part]
      match?.touch(batch.hashes, order, from, end)
      for (; from < end; from += 1) {
        const n = order[from] as number
        if (match === undefined || !this.#isShown(match, n)) this.#put(part, n)
        if ((from + 1) % PER_TURN === 0) await setImmediate()
      }
    }
    batch.clear()
    await this.#spool.flush()
  }

  #isShown(match: Match, n: number): boolean {
    const { hashes, words, tails, wants } = this.#batch
    return isShown(match, wants[n] === 1, hashes[n] as number, words[n] as number, tails[n] as number)
  }

  #put(part: number, n: number): void {
    const { hashes, words, tails, wants, lengths, from, texts } = this.#batch
    const hash = hashes[n] as number
    const [address, claimant] = [lengths[n * 2] as number, lengths[n * 2 + 1] as number]
    const at = this.#spool.reserve(part, sizeOf(address + claimant))
    const to = this.#spool.viewOf(part)
    to.setInt32(at, words[n] as number, true)
    to.setUint16(at + TAIL_AT, tails[n] as number, true)
    const mark = wants[n] === 1 ? WISH_IN : WISH_OUT
    writeHeader(to, at + RECORD_AT, { hash, mark, lengths: address | (claimant << 16), state: MEMBER })
    const begin = from[n] as number
    copyBytes(texts, begin, begin + address + claimant, to, at + RECORD_AT + HEADER)
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

/**
 * The records of wishes as they were read, without their fingerprints; where there is a match that has not seen them yet, those that
 * say more than what is kept. What was read is written over.
 */
export async function recordsOfWishes(read: Uint8Array, match?: Match): Promise<Uint8Array> {
  const view = viewOf(read)
  let to = 0
  for (let at = 0, n = 1; at < read.length; n += 1) {
    const from = at + RECORD_AT
    const end = endAt(view, from)
    const isIn = markAt(view, from) === WISH_IN
    const isOpen =
      match === undefined ||
      !isShown(match, isIn, hashAt(view, from), view.getInt32(at, true), view.getUint16(at + TAIL_AT, true))
    at += sizeOf(end - from - HEADER)
    if (n % PER_TURN === 0) await setImmediate()
    if (!isOpen) continue
    copyBytes(view, from, end, view, to)
    to += end - from
  }
  return new Uint8Array(read.subarray(0, to)) // a Buffer's own slice would be no copy
}

/** A wish that somebody be on no list opens the address. */
function isShown(match: Match, isIn: boolean, hash: number, word: number, tail: number): boolean {
  if (isIn) return match.shows(hash, word, tail)
  match.open(hash)
  return false
}
