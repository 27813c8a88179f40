import { setImmediate } from 'node:timers/promises'
import type { Key, Store } from '../../stores/store.js'
import { ALL, Kept, PARTS, partOfHash, readLog } from './kept.js'
import { addressBytesAt, hashAt as placeHashAt, stateAt as placeStateAt, textBytesAt } from './kept-block.js'
import type { PartMatched } from './matcher.js'
import { Places, RECORDS_PER_TURN } from './places.js'
import { copyBytes, endAt, HEADER, hashAt, markAt, stateAt, viewOf, writeHeader, writeMark } from './record.js'
import type { Spool } from './spool.js'
import type { Wishes } from './wishes.js'

/** What is known of a list. */
export interface Known {
  readonly store: Store
  readonly list: Key
  /** In how many parts the list is kept. */
  readonly parts: 1 | typeof PARTS
  /** What the log tells; and before it what is kept, where that is one part. */
  readonly told: Told
  readonly wishes: Wishes
  /** Bytes of a list that is compared, and kept, as one part. */
  readonly shortBytes: number
}

export interface Told {
  readonly spool: Spool
  /** Of each block of the log in the spool, by its mark: the plan that wrote it; what is kept has the mark 0. */
  readonly plans: readonly number[]
  readonly logBytes: number
}

/** Puts the log of a list into a spool, part by part; and before it what is kept, where that is one part. */
export async function readTold({ store, list, parts }: Omit<Known, 'told' | 'wishes'>, spool: Spool): Promise<Told> {
  const plans: number[] = [-1]
  let logBytes = 0
  const put = async (records: Buffer, mark: number): Promise<void> => {
    const view = viewOf(records)
    for (let from = 0, n = 1; from < records.length; n += 1) {
      const end = endAt(view, from)
      writeMark(records, from, mark, stateAt(view, from))
      spool.copy(partOfHash(hashAt(view, from)), view, from, end)
      from = end
      if (n % RECORDS_PER_TURN === 0) await setImmediate()
    }
    await spool.flush()
  }
  const kept = new Kept()
  if (parts === 1) await kept.read(store, list, ALL)
  for (let nth = 0; nth < kept.count; nth += 1) {
    const place = kept.placeAt(nth)
    spool.add(partOfHash(place.hash), place, 0)
    if ((nth + 1) % RECORDS_PER_TURN !== 0) continue
    await spool.flush()
    await setImmediate()
  }
  for await (const { nth, records } of readLog(store, list)) {
    logBytes += records.length
    if (nth > kept.nth) await put(records, plans.push(nth) - 1)
  }
  return { spool, plans, logBytes }
}

/** Of a part: which of its places have to be compared as texts, and what is known of those. */
export interface Part {
  readonly part: number
  readonly kept: Kept
  /** Places of `kept`, ascending. All others are members as they were. */
  readonly open: Int32Array
  /** What is known of those that are open, but for the wishes. */
  readonly places: Places
  /** Where the wishes for them begin. */
  readonly wishesAt: number
}

const EVERY_PART = Array.from({ length: PARTS }, (_, part) => part)
const streamsOf = (part: number): readonly number[] => (part === ALL ? EVERY_PART : [part])

/** A part that is being matched. */
interface Matching {
  readonly part: number
  readonly kept: Kept
  readonly told: Buffer
  readonly least: number
  readonly matched: Promise<PartMatched>
}

/**
 * The addresses of a list part by part, each until the next one is asked for. While one is looked at, the next one is read and
 * matched. All are open where no wish has shown them, if `opensUnseen` says so.
 */
export async function* everyPart(known: Known, opensUnseen: boolean): AsyncGenerator<Part> {
  const { parts, told, wishes, shortBytes } = known
  const bytes = told.spool.bytes + (await wishes.end())
  const all = parts === 1 && bytes <= shortBytes ? [ALL] : EVERY_PART
  const rooms = [new PartRoom(known), new PartRoom(known)] as const
  const begin = async (n: number): Promise<Matching | undefined> => {
    const [part, next] = [all[n], all[n + 1]]
    if (part === undefined) return undefined
    return await (rooms[n % 2] as PartRoom).begin(part, next === undefined ? [] : streamsOf(next), opensUnseen)
  }
  let coming = begin(0)
  try {
    for (let n = 0; ; n += 1) {
      const matching = await coming
      if (matching === undefined) return
      coming = begin(n + 1)
      coming.catch(() => undefined) // told when it is waited for
      yield await (rooms[n % 2] as PartRoom).end(matching)
      await setImmediate() // stores that answer at once would never let the host's loop turn
    }
  } finally {
    await coming.catch(() => undefined) // before what it reads is closed
  }
}

/** About what a record takes; only for how large a table is made at first. */
const RECORD_BYTES = 48
/** The mark of what is kept. */
const KEPT = 0

/** The memory of one part, used again and again. */
class PartRoom {
  readonly #known: Known
  readonly #kept = new Kept()
  readonly #told = new Room()
  readonly #records = new Room()

  constructor(known: Known) {
    this.#known = known
  }

  async begin(part: number, next: readonly number[], opensUnseen: boolean): Promise<Matching> {
    const { store, list, parts, told, wishes } = this.#known
    const kept = this.#kept
    // What is kept as one part is told.
    if (parts === 1) kept.clear()
    else await kept.read(store, list, part)
    const bytes = this.#told.of(told.spool.size(streamsOf(part)))
    await told.spool.readInto(streamsOf(part), bytes, 0)
    // The part may tell some blocks of the log already.
    const behind = told.plans.findIndex((plan) => plan > kept.nth)
    const least = parts === 1 ? 0 : behind < 0 ? told.plans.length : behind
    const places = kept.copyPlaces(wishes.spare('match'))
    const asked = { parts: streamsOf(part), next, places, count: kept.count, told: hashesOf(bytes, least), opensUnseen }
    const matched = wishes.match(asked)
    matched.catch(() => undefined) // told when it is waited for
    return { part, kept, told: bytes, least, matched }
  }

  async end({ part, kept, told, least, matched }: Matching): Promise<Part> {
    const { open, wishes } = await matched
    let size = told.length + wishes.length
    for (const nth of open) size += HEADER + textBytesAt(kept.places, nth)
    const bytes = this.#records.of(size)
    const view = viewOf(bytes)
    let at = 0
    for (const nth of open) at = copyPlace(kept, nth, view, at)
    const toldAt = at
    at += told.copy(bytes, at)
    const wishesAt = at
    bytes.set(wishes, at)
    const all = bytes.subarray(0, at + wishes.length)
    const places = new Places(all, all.length / RECORD_BYTES)
    await places.tell(0, toldAt, 0)
    await places.tell(toldAt, wishesAt, least)
    return { part, kept, open, places, wishesAt }
  }
}

/** Writes a place that is kept as a record; gives where it ends. */
function copyPlace(kept: Kept, nth: number, to: DataView, at: number): number {
  const { places, texts } = kept
  const [from, end] = [kept.textsAt(nth), kept.textsAt(nth + 1)]
  const address = addressBytesAt(places, nth)
  const lengths = address | ((end - from - address) << 16)
  writeHeader(to, at, { hash: placeHashAt(places, nth), mark: KEPT, lengths, state: placeStateAt(places, nth) })
  copyBytes(texts, from, end, to, at + HEADER)
  return at + HEADER + end - from
}

/** Hashes of the addresses that blocks from `least` on tell of. */
function hashesOf(told: Buffer, least: number): Int32Array {
  const view = viewOf(told)
  const hashes: number[] = []
  for (let at = 0; at < told.length; at = endAt(view, at)) if (markAt(view, at) >= least) hashes.push(hashAt(view, at))
  return Int32Array.from(hashes)
}

class Room {
  #bytes = Buffer.alloc(0)

  of(size: number): Buffer {
    if (this.#bytes.length < size) this.#bytes = Buffer.allocUnsafeSlow(Math.ceil(size * 1.2))
    return this.#bytes.subarray(0, size)
  }
}
