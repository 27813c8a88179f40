import { setImmediate } from 'node:timers/promises'
import type { Key, Op, Store } from '../../stores/store.js'
import {
  addressBytesOf,
  blockTextsOf,
  claimantBytesOf,
  HEAD_BYTES,
  type KeptBlock,
  type KeptPlace,
  printHashAt,
  stateOf,
} from './kept-block.js'
import { viewOf } from './record.js'

/**
 * What is kept of a list whose claims were always a whole audience, in blocks:
 *
 *     audience  project, list, 'prints', part, nth, n  -> what stands for the places of the part, up to the nth plan (kept-block.ts);
 *                                                         a short list is one part, `all`
 *     audience  project, list, 'texts', part, nth, n   -> the texts of the same places
 *     audience  project, list, 'log', nth, n           -> records (record.ts): what the nth plan has changed, address by address
 *
 * A block of the log replaces what was told of its addresses before. Whoever plans writes its changes there, a thousand or
 * more in one block, and not one row for each: a row in a random place of a long table costs twenty times as much.
 */
export const PARTS = 256
const PART_SHIFT = 23

/** The part that an address belongs to, by its hash. */
export const partOfHash = (hash: number): number => hash >>> PART_SHIFT

/** Bytes of records in a block of the log. */
export const BLOCK_BYTES = 192 * 1_024
/** Blocks read at once: a scan must not hold the loop, and V8 keeps for long what it finds in use. */
const BLOCKS_PER_PAGE = 16

const digits = (n: number, width: number): string => n.toString().padStart(width, '0')

export const logKey = (list: Key, nth: number, n: number): Key => [...list, 'log', digits(nth, 10), digits(n, 8)]

/** A part of what is kept; ALL of a short list. */
export const ALL = -1

const ALL_DIGITS = 'all'
/** Where the part stands in the key of a block, from its end. */
const PART_AT = -3

/** Each block of the one has the same places as the block of the other with its number: they are written together. */
export const KINDS = ['prints', 'texts'] as const

export const keptKey = (list: Key, kind: (typeof KINDS)[number], part: number): Key => [
  ...list,
  kind,
  part === ALL ? ALL_DIGITS : digits(part, 3),
]

/** The prints of the same places as a block of texts has; undefined: it is a block of something else. */
export const printsKeyOf = (key: Key): Key | undefined =>
  key[2] === 'texts' ? [...key.slice(0, 2), 'prints', ...key.slice(3)] : undefined

export const logOp = (list: Key, at: { readonly nth: number; readonly n: number }, records: Buffer): Op => ({
  op: 'put',
  table: 'audience',
  key: logKey(list, at.nth, at.n),
  value: records.toString('base64'),
})

/** The blocks of the log in their order. */
export async function* readLog(
  store: Store,
  list: Key,
): AsyncGenerator<{ readonly nth: number; readonly records: Buffer }> {
  for await (const { key, value } of blocksOf(store, [...list, 'log'])) {
    yield { nth: Number(key.at(-2)), records: Buffer.from(value as string, 'base64') }
  }
}

/** What is kept of a part: of the one that was read last. As bytes: texts of V8 that live for so long cost it much memory. */
export class Kept {
  /** Up to which plan it tells all. */
  nth = -1
  count = 0
  /** What is known of each place: kept-block.ts. */
  prints = viewOf(Buffer.alloc(0))
  #textBytes = Buffer.alloc(0)
  /** The texts of all places, UTF-8, each address before its claimant. */
  texts = viewOf(this.#textBytes)
  #used = 0
  #heads = new Uint32Array(0)
  /** Where the texts of each place begin. */
  #from = new Int32Array(1)

  clear(): void {
    this.nth = -1
    this.count = 0
    this.#used = 0
  }

  async read(store: Store, list: Key, part: number): Promise<void> {
    await this.readTexts(store, list, part)
    this.takePrints((await readPrints(store, list, part)).prints)
  }

  async readTexts(store: Store, list: Key, part: number): Promise<void> {
    this.clear()
    for await (const { key, value } of blocksOf(store, keptKey(list, 'texts', part))) {
      this.nth = Number(key.at(-2))
      this.take(value as string)
    }
  }

  /** Takes in the prints of all places whose texts it has. */
  takePrints(prints: Uint8Array): void {
    this.prints = viewOf(prints)
  }

  /** Takes in the texts of a block, behind those it has. */
  take(value: string): void {
    const { count, textsAt, headsAt } = blockTextsOf(value)
    this.#makeRoom(count, value.length - textsAt)
    const heads = viewOf(Buffer.from(value.slice(headsAt, textsAt), 'base64'))
    let from = this.#used
    this.#used += this.#textBytes.write(value.slice(textsAt), from)
    for (let n = 0; n < count; n += 1) {
      const head = heads.getUint32(n * HEAD_BYTES, true)
      this.#heads[this.count + n] = head
      this.#from[this.count + n] = from
      from += addressBytesOf(head) + claimantBytesOf(head)
    }
    this.count += count
    this.#from[this.count] = from
  }

  headOf(nth: number): number {
    return this.#heads[nth] as number
  }

  /** Where the texts of a place begin; those of the last one end where those of a next one would begin. */
  textsAt(nth: number): number {
    return this.#from[nth] as number
  }

  /** The texts of neighbours, one behind the other. */
  textsOf(from: number, end: number): string {
    return this.#textBytes.toString('utf8', this.textsAt(from), this.textsAt(end))
  }

  placeAt(nth: number): KeptPlace {
    const head = this.headOf(nth)
    const middle = this.textsAt(nth) + addressBytesOf(head)
    const address = this.#textBytes.toString('utf8', this.textsAt(nth), middle)
    const claimant = this.#textBytes.toString('utf8', middle, this.textsAt(nth + 1))
    return { hash: printHashAt(this.prints, nth), address, claimant, state: stateOf(head) }
  }

  /** Makes room for so many places more, and for a text of this length. */
  #makeRoom(count: number, units: number): void {
    const places = this.count + count
    if (this.#heads.length < places) {
      const [heads, from] = [this.#heads, this.#from]
      this.#heads = new Uint32Array(Math.ceil(places * 1.5))
      this.#heads.set(heads)
      this.#from = new Int32Array(this.#heads.length + 1)
      this.#from.set(from)
    }
    const bytes = this.#used + units * 3
    if (this.#textBytes.length >= bytes) return
    this.#textBytes = grown(this.#textBytes, bytes)
    this.texts = viewOf(this.#textBytes)
  }
}

/** What stands for the places of a part. */
export interface PartPrints {
  readonly part: number
  /** For whoever shall own it. */
  readonly prints: Uint8Array
  /** Up to which plan it tells all; -1: nothing is kept. */
  readonly nth: number
}

/** Those of which something is kept, in their order. */
export const everyPrints = (store: Store, list: Key): AsyncGenerator<PartPrints> =>
  printsBelow(store, [...list, 'prints'])

export async function readPrints(store: Store, list: Key, part: number): Promise<PartPrints> {
  for await (const prints of printsBelow(store, keptKey(list, 'prints', part))) return prints
  return { part, prints: new Uint8Array(0), nth: -1 }
}

async function* printsBelow(store: Store, prefix: Key): AsyncGenerator<PartPrints> {
  let blocks: Buffer[] = []
  let last: Key | undefined
  for await (const { key, value } of blocksOf(store, prefix)) {
    if (last !== undefined && last.at(PART_AT) !== key.at(PART_AT)) {
      yield printsIn(last, blocks)
      blocks = []
    }
    last = key
    blocks.push(Buffer.from(value as string, 'base64'))
  }
  if (last !== undefined) yield printsIn(last, blocks)
}

function printsIn(key: Key, blocks: readonly Buffer[]): PartPrints {
  const prints = Buffer.allocUnsafeSlow(blocks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const block of blocks) at += block.copy(prints, at)
  const part = key.at(PART_AT) === ALL_DIGITS ? ALL : Number(key.at(PART_AT))
  return { part, prints, nth: Number(key.at(-2)) }
}

/** The same bytes, and room behind them. */
function grown(bytes: Buffer, size: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.ceil(size * 1.5))
  bytes.copy(larger)
  return larger
}

/** Ops that put these blocks in the place of a part's. */
export async function keepOps(
  store: Store,
  list: Key,
  { part, nth, blocks }: { readonly part: number; readonly nth: number; readonly blocks: readonly KeptBlock[] },
): Promise<readonly Op[]> {
  const ops: Op[] = []
  for (const kind of KINDS) {
    const prefix = keptKey(list, kind, part)
    for await (const { key } of blocksOf(store, prefix)) ops.push({ op: 'delete', table: 'audience', key })
    for (const [n, block] of blocks.entries()) {
      const key = [...prefix, digits(nth, 10), digits(n, 4)]
      ops.push({ op: 'put', table: 'audience', key, value: block[kind] })
    }
  }
  return ops
}

/** Blocks are long: more of them in one commit hold the loop. */
export const DELETES_PER_COMMIT = 100

/** Takes away the blocks that `isGone` names, below a prefix. */
export async function dropBlocks(
  store: Store,
  prefix: Key,
  { isGone, fence }: { readonly isGone: (key: Key) => boolean; readonly fence: readonly Op[] },
): Promise<void> {
  let ops: Op[] = []
  for await (const { key } of blocksOf(store, prefix)) {
    if (isGone(key)) ops.push({ op: 'delete', table: 'audience', key })
    if (ops.length < DELETES_PER_COMMIT) continue
    await store.commit([...fence, ...ops])
    ops = []
  }
  if (ops.length > 0) await store.commit([...fence, ...ops])
}

async function* blocksOf(store: Store, prefix: Key) {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('audience', { prefix, after, limit: BLOCKS_PER_PAGE })
    yield* page
    if (page.length < BLOCKS_PER_PAGE) return
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}
