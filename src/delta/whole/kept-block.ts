import { PRINT_BYTES } from './fingerprints.js'
import { MEMBER, type State, viewOf } from './record.js'

/**
 * Places as they are kept, a block of them as one text: how many they are, a colon, what is known of each in 20 bytes, base64,
 * and the texts of all, each address before its claimant. Nearly all places are compared by their fingerprints alone, and
 * their texts are not even cut apart.
 *
 *     0   4  hash of the address, 31 bits
 *     4  12  fingerprint of the address and the claimant
 *     16  4  bytes (UTF-8) of the address, 13 bits; those of the claimant, 13 bits, 0: nobody claims the place; state
 */
export const PLACE_BYTES = 20
export const PRINT_AT = 4
const LENGTHS_AT = 16
const LENGTH_BITS = 13
const LENGTH = (1 << LENGTH_BITS) - 1

/** Letters of a block, about: longer ones cost SQLite and V8 pages of their own each time. */
const BLOCK_LETTERS = 48 * 1_024

export const hashAt = (places: DataView, nth: number): number => places.getInt32(nth * PLACE_BYTES, true)

/** Bytes of both texts. */
export function textBytesAt(places: DataView, nth: number): number {
  const lengths = places.getUint32(nth * PLACE_BYTES + LENGTHS_AT, true)
  return (lengths & LENGTH) + ((lengths >>> LENGTH_BITS) & LENGTH)
}

export const addressBytesAt = (places: DataView, nth: number): number =>
  places.getUint32(nth * PLACE_BYTES + LENGTHS_AT, true) & LENGTH

export const stateAt = (places: DataView, nth: number): State =>
  (places.getUint32(nth * PLACE_BYTES + LENGTHS_AT, true) >>> (2 * LENGTH_BITS)) as State

/** A member that somebody claims: what nearly every place is. */
export function isPlain(places: DataView, nth: number): boolean {
  const lengths = places.getUint32(nth * PLACE_BYTES + LENGTHS_AT, true)
  return lengths >>> (2 * LENGTH_BITS) === MEMBER && lengths >>> LENGTH_BITS > 0
}

export interface KeptBlock {
  readonly count: number
  /** Where begins what is known of each, in base64. */
  readonly base64At: number
  /** Where the first text begins. */
  readonly textsAt: number
}

export function blockOf(value: string): KeptBlock {
  const colon = value.indexOf(':')
  const count = Number(value.slice(0, colon))
  const textsAt = colon + 1 + Math.ceil((count * PLACE_BYTES) / 3) * 4
  return { count, base64At: colon + 1, textsAt }
}

export interface KeptPlace {
  readonly hash: number
  readonly address: string
  /** Empty: nobody claims it. */
  readonly claimant: string
  readonly state: State
}

/** Puts places into blocks. */
export class BlockWriter {
  readonly #blocks: string[] = []
  readonly #lettersMax: number
  readonly #places: Buffer
  readonly #view: DataView
  #used = 0
  #texts = ''

  /** @param most  places that come as one block, however long it is. Default: in blocks of the usual length */
  constructor(most?: number) {
    this.#lettersMax = most === undefined ? BLOCK_LETTERS : Number.POSITIVE_INFINITY
    this.#places = Buffer.allocUnsafe(most === undefined ? BLOCK_LETTERS : most * PLACE_BYTES)
    this.#view = viewOf(this.#places)
  }

  /** Adds places as they stand in a block, and their texts. */
  copy(places: DataView, from: number, end: number, texts: string): void {
    this.#makeRoom((end - from) * PLACE_BYTES + texts.length)
    for (let at = from * PLACE_BYTES; at < end * PLACE_BYTES; at += 4, this.#used += 4)
      this.#view.setInt32(this.#used, places.getInt32(at))
    this.#texts += texts
  }

  /** @param at  where the fingerprint begins in `prints` */
  put({ hash, address, claimant, state }: KeptPlace, prints: DataView, at: number): void {
    this.#makeRoom(PLACE_BYTES + address.length + claimant.length)
    const to = this.#used
    this.#view.setInt32(to, hash, true)
    for (let word = 0; word < PRINT_BYTES; word += 4)
      this.#view.setInt32(to + PRINT_AT + word, prints.getInt32(at + word))
    const [ofAddress, ofClaimant] = [Buffer.byteLength(address), Buffer.byteLength(claimant)]
    const lengths = ofAddress | (ofClaimant << LENGTH_BITS) | (state << (2 * LENGTH_BITS))
    this.#view.setUint32(to + LENGTHS_AT, lengths, true)
    this.#used += PLACE_BYTES
    this.#texts += address + claimant
  }

  end(): readonly string[] {
    if (this.#used > 0) this.#cut()
    return this.#blocks
  }

  #makeRoom(size: number): void {
    if (this.#used > 0 && this.#used + this.#texts.length + size > this.#lettersMax) this.#cut()
  }

  /** Those behind the last full block as one block, also where there is none. */
  text(): string {
    const base64 = this.#places.toString('base64', 0, this.#used)
    return `${this.#used / PLACE_BYTES}:${base64}${this.#texts}`
  }

  #cut(): void {
    this.#blocks.push(this.text())
    this.#used = 0
    this.#texts = ''
  }
}
