import { setImmediate } from 'node:timers/promises'
import type { Key, Op, Store } from '../../stores/store.js'
import { addressBytesAt, blockOf, hashAt, type KeptPlace, PLACE_BYTES, stateAt, textBytesAt } from './kept-block.js'
import { viewOf } from './record.js'

/**
 * What is kept of a list whose claims were always a whole audience, in blocks:
 *
 *     audience  project, list, 'kept', part, nth, n   -> places (kept-block.ts): those of the part, up to the nth plan; a short
 *                                                        list is one part, `all`
 *     audience  project, list, 'log', nth, n          -> records (record.ts): what the nth plan has changed, address by address
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
const BLOCKS_PER_PAGE = 4

const digits = (n: number, width: number): string => n.toString().padStart(width, '0')

export const logKey = (list: Key, nth: number, n: number): Key => [...list, 'log', digits(nth, 10), digits(n, 8)]

/** A part of what is kept; ALL of a short list. */
export const ALL = -1

export const keptKey = (list: Key, part: number): Key => [...list, 'kept', part === ALL ? 'all' : digits(part, 3)]

/** Whether a block is of what is kept, rather than of the log. */
export const isKept = (key: Key): boolean => key[2] === 'kept'

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
  for await (const { key, value } of blocks(store, [...list, 'log'])) {
    yield { nth: Number(key.at(-2)), records: Buffer.from(value as string, 'base64') }
  }
}

/** What is kept of a part: of the one that was read last. As bytes: texts of V8 that live for so long cost it much memory. */
export class Kept {
  /** Up to which plan it tells all. */
  nth = -1
  count = 0
  /** What is known of each place: kept-block.ts. */
  places: DataView
  /** The texts of all places, UTF-8, each address before its claimant. */
  texts: DataView
  #placeBytes = Buffer.alloc(0)
  #textBytes = Buffer.alloc(0)
  #used = 0
  /** Where the texts of each place begin. */
  #from = new Int32Array(1)

  constructor() {
    this.places = viewOf(this.#placeBytes)
    this.texts = viewOf(this.#textBytes)
  }

  clear(): void {
    this.nth = -1
    this.count = 0
    this.#used = 0
  }

  async read(store: Store, list: Key, part: number): Promise<void> {
    this.clear()
    for await (const { key, value } of blocks(store, keptKey(list, part))) {
      this.nth = Number(key.at(-2))
      this.take(value as string)
    }
  }

  /** Takes in a block, behind what it has. */
  take(value: string): void {
    const { count, textsAt, base64At } = blockOf(value)
    this.#makeRoom(count, value.length - textsAt)
    this.#placeBytes.write(value.slice(base64At, textsAt), this.count * PLACE_BYTES, 'base64')
    const texts = value.slice(textsAt)
    let from = this.#used
    this.#used += this.#textBytes.write(texts, from)
    const end = this.count + count
    for (let nth = this.count; nth < end; nth += 1) {
      this.#from[nth] = from
      from += textBytesAt(this.places, nth)
    }
    this.count = end
    this.#from[end] = from
  }

  /** What is known of the places, in `room` where it is large enough. */
  copyPlaces(room: Uint8Array | undefined): Uint8Array {
    const size = this.count * PLACE_BYTES
    const target = room !== undefined && room.length >= size ? room : Buffer.allocUnsafeSlow(Math.ceil(size * 1.1))
    target.set(this.#placeBytes.subarray(0, size))
    return target
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
    const { places } = this
    const from = this.textsAt(nth)
    const middle = from + addressBytesAt(places, nth)
    const address = this.#textBytes.toString('utf8', from, middle)
    const claimant = this.#textBytes.toString('utf8', middle, this.textsAt(nth + 1))
    return { hash: hashAt(places, nth), address, claimant, state: stateAt(places, nth) }
  }

  /** Makes room for so many places more, and for a text of this length. */
  #makeRoom(count: number, units: number): void {
    const size = (this.count + count) * PLACE_BYTES
    if (this.#placeBytes.length < size) {
      this.#placeBytes = grown(this.#placeBytes, size)
      this.places = viewOf(this.#placeBytes)
      const before = this.#from
      this.#from = new Int32Array(Math.ceil(this.#placeBytes.length / PLACE_BYTES) + 1)
      this.#from.set(before)
    }
    const bytes = this.#used + units * 3
    if (this.#textBytes.length >= bytes) return
    this.#textBytes = grown(this.#textBytes, bytes)
    this.texts = viewOf(this.#textBytes)
  }
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
  { part, nth, blocks }: { readonly part: number; readonly nth: number; readonly blocks: readonly string[] },
): Promise<readonly Op[]> {
  const before = await store.scan('audience', { prefix: keptKey(list, part), limit: 10_000 })
  const ops = before.map(({ key }): Op => ({ op: 'delete', table: 'audience', key }))
  for (const [n, value] of blocks.entries()) {
    const key = [...keptKey(list, part), digits(nth, 10), digits(n, 4)]
    ops.push({ op: 'put', table: 'audience', key, value })
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
  for await (const { key } of blocks(store, prefix)) {
    if (isGone(key)) ops.push({ op: 'delete', table: 'audience', key })
    if (ops.length < DELETES_PER_COMMIT) continue
    await store.commit([...fence, ...ops])
    ops = []
  }
  if (ops.length > 0) await store.commit([...fence, ...ops])
}

async function* blocks(store: Store, prefix: Key) {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('audience', { prefix, after, limit: BLOCKS_PER_PAGE })
    yield* page
    if (page.length < BLOCKS_PER_PAGE) return
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}
