import { MEMBER, type State, viewOf } from './record.js'

/**
 * Places as they are kept: sorted by the hash of their address, some hundreds of them as two texts. Nearly all are compared by their
 * fingerprints alone (*prints*); the *texts* are read for those that leave, or of whom there is more to say.
 *
 * Prints, base64, ten bytes a place (fingerprints.ts):
 *
 *     0   4  hash of the address, 31 bits, above one bit: 1 where it is anything but a member with a claimant
 *     4   4  word
 *     8   2  tail
 *
 * Texts: how many places, a colon, four bytes a place in base64, and the texts of all, each address before its claimant:
 *
 *     0   4  bytes (UTF-8) of the address, 13 bits; those of the claimant, 13 bits, 0: nobody claims the place; state
 */
export const PRINT_BYTES = 10
export const HEAD_BYTES = 4
const LENGTH_BITS = 13
const LENGTH = (1 << LENGTH_BITS) - 1

/** Letters of the texts of a block, about: longer ones cost SQLite and V8 pages of their own each time. */
const BLOCK_LETTERS = 48 * 1_024

export const printHashAt = (prints: DataView, nth: number): number => prints.getUint32(nth * PRINT_BYTES, true) >>> 1
export const isOdd = (prints: DataView, nth: number): boolean => (prints.getUint8(nth * PRINT_BYTES) & 1) === 1
export const wordAt = (prints: DataView, nth: number): number => prints.getInt32(nth * PRINT_BYTES + 4, true)
export const tailAt = (prints: DataView, nth: number): number => prints.getUint16(nth * PRINT_BYTES + 8, true)

/** Bytes of the address; those of the claimant; what the destination has: from the head of a place. */
export const addressBytesOf = (head: number): number => head & LENGTH
export const claimantBytesOf = (head: number): number => (head >>> LENGTH_BITS) & LENGTH
export const stateOf = (head: number): State => (head >>> (2 * LENGTH_BITS)) as State

/** A block as it is in the store. */
export interface KeptBlock {
  readonly prints: string
  readonly texts: string
}

/** Texts of a block, not cut apart. */
export interface BlockTexts {
  readonly count: number
  /** Where begin the heads of all places, in base64. */
  readonly headsAt: number
  /** Where the first text begins. */
  readonly textsAt: number
}

export function blockTextsOf(value: string): BlockTexts {
  const colon = value.indexOf(':')
  const count = Number(value.slice(0, colon))
  return { count, headsAt: colon + 1, textsAt: colon + 1 + Math.ceil((count * HEAD_BYTES) / 3) * 4 }
}

/** What stands for a place: fingerprints.ts. */
export interface Print {
  readonly word: number
  readonly tail: number
}

export interface KeptPlace {
  readonly hash: number
  readonly address: string
  /** Empty: nobody claims it. */
  readonly claimant: string
  readonly state: State
}

/** Puts places into blocks; they come sorted by their hash. */
export class BlockWriter {
  readonly #blocks: KeptBlock[] = []
  readonly #lettersMax: number
  #prints = Buffer.alloc(BLOCK_LETTERS)
  #printView = viewOf(this.#prints)
  #heads = Buffer.alloc(BLOCK_LETTERS)
  #headView = viewOf(this.#heads)
  #count = 0
  #texts = ''

  /** @param lettersMax  of the texts of a block */
  constructor(lettersMax = BLOCK_LETTERS) {
    this.#lettersMax = lettersMax
  }

  /** Adds a place as it is kept, without its texts. */
  copy(head: number, prints: DataView, nth: number): void {
    this.#makeRoom()
    const to = this.#count * PRINT_BYTES
    this.#printView.setInt32(to, prints.getInt32(nth * PRINT_BYTES))
    this.#printView.setInt32(to + 4, prints.getInt32(nth * PRINT_BYTES + 4))
    this.#printView.setInt16(to + 8, prints.getInt16(nth * PRINT_BYTES + 8))
    this.#headView.setUint32(this.#count * HEAD_BYTES, head, true)
    this.#count += 1
  }

  /** The texts of all places that were copied since; another block may begin behind them. */
  texts(texts: string): void {
    this.#texts += texts
    this.#cutLong()
  }

  put({ hash, address, claimant, state }: KeptPlace, { word, tail }: Print): void {
    this.#makeRoom()
    const [ofAddress, ofClaimant] = [Buffer.byteLength(address), Buffer.byteLength(claimant)]
    const odd = state === MEMBER && ofClaimant > 0 ? 0 : 1
    const to = this.#count * PRINT_BYTES
    this.#printView.setUint32(to, ((hash << 1) | odd) >>> 0, true)
    this.#printView.setInt32(to + 4, word, true)
    this.#printView.setUint16(to + 8, tail, true)
    const head = ofAddress | (ofClaimant << LENGTH_BITS) | (state << (2 * LENGTH_BITS))
    this.#headView.setUint32(this.#count * HEAD_BYTES, head, true)
    this.#count += 1
    this.#texts += address + claimant
    this.#cutLong()
  }

  end(): readonly KeptBlock[] {
    if (this.#count > 0) this.#cut()
    return this.#blocks
  }

  /** Those behind the last full block as one block, also where there is none. */
  block(): KeptBlock {
    const heads = this.#heads.toString('base64', 0, this.#count * HEAD_BYTES)
    const prints = this.#prints.toString('base64', 0, this.#count * PRINT_BYTES)
    return { prints, texts: `${this.#count}:${heads}${this.#texts}` }
  }

  #cutLong(): void {
    if (this.#texts.length + this.#count * HEAD_BYTES >= this.#lettersMax) this.#cut()
  }

  #cut(): void {
    this.#blocks.push(this.block())
    this.#count = 0
    this.#texts = ''
  }

  #makeRoom(): void {
    if ((this.#count + 1) * PRINT_BYTES <= this.#prints.length) return
    const larger = (bytes: Buffer): Buffer<ArrayBuffer> => Buffer.concat([bytes, Buffer.alloc(bytes.length)])
    this.#prints = larger(this.#prints)
    this.#printView = viewOf(this.#prints)
    this.#heads = larger(this.#heads)
    this.#headView = viewOf(this.#heads)
  }
}
