import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../../errors.js'
import type { Key, Store } from '../../stores/store.js'
import { ALL, everyPrints, Kept, PARTS, partOfHash, readLog, readPrints } from './kept.js'
import { addressBytesOf, claimantBytesOf, PRINT_BYTES, stateOf } from './kept-block.js'
import type { Open } from './match.js'
import type { PartKept, PartMatched } from './matcher.js'
import { Places, RECORDS_PER_TURN } from './places.js'
import { copyBytes, endAt, HEADER, hashAt, markAt, stateAt, viewOf, WISH_IN, writeHeader, writeMark } from './record.js'
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
  /** Up to which plan those parts tell all that were taken in before the wishes. */
  readonly taken: readonly number[]
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
export async function readTold(
  { store, list, parts }: Omit<Known, 'told' | 'wishes' | 'taken'>,
  spool: Spool,
): Promise<Told> {
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

/** What is known of a list before its wishes, and where they will be matched. */
export type Before = Omit<Known, 'taken'>

/**
 * Takes in what stands for the places that are kept, part by part, before an audience goes by: nearly all of its wishes say no more
 * than that, and need not wait in a file. Parts behind the first `placesMax` places are matched behind the audience.
 *
 * Cost  six bytes of memory a place.
 */
export async function takeKept(known: Before, placesMax: number): Promise<readonly number[]> {
  const { store, list, parts, wishes } = known
  const taken: number[] = []
  if (parts === 1) return taken
  let places = 0
  for await (const { part, prints, nth } of everyPrints(store, list)) {
    while (taken.length < part) taken.push(NOTHING)
    places += prints.length / PRINT_BYTES
    if (places > placesMax) return taken
    const { bytes, least } = await toldOf(known, part, nth, new Room())
    await wishes.take(part, { prints, told: hashesOf(bytes, least) })
    taken.push(nth)
  }
  while (taken.length < PARTS) taken.push(NOTHING)
  return taken
}

/** In place of a plan: nothing is kept of the part. */
const NOTHING = -1

/** What the log tells of a part, and the first block of it that what is kept does not tell already. */
async function toldOf({ parts, told }: Before, part: number, nth: number, room: Room) {
  const streams = streamsOf(part)
  const bytes = room.of(told.spool.size(streams))
  await told.spool.readInto(streams, bytes, 0)
  const behind = told.plans.findIndex((plan) => plan > nth)
  // What is kept as one part is told.
  return { bytes, least: parts === 1 ? 0 : behind < 0 ? told.plans.length : behind }
}

/** Of a part: which of its places have to be compared as texts, and what is known of those. */
export interface Part {
  readonly part: number
  /** Places that are kept. */
  readonly count: number
  /** Their texts, where one of them is open or all are asked for. */
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

export interface Asking {
  /** Whether places that no wish has shown are open. */
  readonly opensUnseen: boolean
  /** Whether all that is kept is asked for, and not only what is open. */
  readonly all: boolean
}

/** A part that was matched. */
interface Matching extends PartMatched {
  readonly part: number
  readonly kept: Kept
  readonly told: Buffer
  readonly least: number
}

/**
 * The addresses of a list part by part, each until the next one is asked for. While one is looked at, the next one is matched and
 * read. Throws STORE_CONFLICT where what is kept was written anew meanwhile.
 */
export async function* everyPart(known: Known, asking: Asking): AsyncGenerator<Part> {
  const { parts, told, wishes, shortBytes } = known
  const bytes = told.spool.bytes + (await wishes.end())
  const all = parts === 1 && bytes <= shortBytes ? [ALL] : EVERY_PART
  const rooms = [new PartRoom(known, asking), new PartRoom(known, asking)] as const
  const begin = async (n: number): Promise<Matching | undefined> => {
    const [part, next] = [all[n], all[n + 1]]
    if (part === undefined) return undefined
    return await (rooms[n % 2] as PartRoom).begin(part, next === undefined ? [] : streamsOf(next))
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
  readonly #asking: Asking
  readonly #kept = new Kept()
  readonly #told = new Room()
  readonly #records = new Room()

  constructor(known: Known, asking: Asking) {
    this.#known = known
    this.#asking = asking
  }

  async begin(part: number, next: readonly number[]): Promise<Matching> {
    const { store, list, parts, wishes, taken } = this.#known
    const { opensUnseen, all } = this.#asking
    const kept = this.#kept
    kept.clear()
    const isTaken = taken[part] !== undefined && taken[part] !== NOTHING
    const { prints, nth } = parts === 1 ? NONE : await this.#printsOf(part)
    const { bytes: told, least } = await toldOf(this.#known, part, nth, this.#told)
    const asked: PartKept | undefined = isTaken
      ? undefined
      : { prints: new Uint8Array(prints), told: hashesOf(told, least) }
    const matched = await wishes.match({ parts: streamsOf(part), next, kept: asked, opensUnseen })
    const { count, open } = matched
    if (count > 0 && (all || open.places.length > 0)) {
      await kept.readTexts(store, list, part)
      kept.takePrints(prints)
      // What was read belongs together, since nobody else has planned the list meanwhile: else this plan is of no use.
      if (kept.count !== count || kept.nth !== nth) throw new LakeloopError('STORE_CONFLICT', { table: 'audience' })
    }
    return { part, kept, told, least, ...matched }
  }

  /** What stands for the places of a part; of one that was taken in, none unless all is asked for, and the plan of that time. */
  async #printsOf(part: number) {
    const { store, list, taken } = this.#known
    const nth = taken[part]
    if (nth === NOTHING || (nth !== undefined && !this.#asking.all)) return { ...NONE, nth }
    const read = await readPrints(store, list, part)
    return { prints: read.prints, nth: nth ?? read.nth }
  }

  async end({ part, kept, told, least, count, open, wishes }: Matching): Promise<Part> {
    let size = told.length + wishes.length
    for (const nth of open.places) size += 2 * (HEADER + kept.textsAt(nth + 1) - kept.textsAt(nth))
    const bytes = this.#records.of(size)
    const view = viewOf(bytes)
    let at = 0
    for (let n = 0; n < open.places.length; n += 1) at = copyPlace(kept, open, n, KEPT, view, at)
    const toldAt = at
    at += told.copy(bytes, at)
    const wishesAt = at
    // Who was shown before it was opened was shown by a wish of its own claimant.
    for (let n = 0; n < open.places.length; n += 1)
      if (open.shown[n] === 1) at = copyPlace(kept, open, n, WISH_IN, view, at)
    bytes.set(wishes, at)
    const all = bytes.subarray(0, at + wishes.length)
    const places = new Places(all, all.length / RECORD_BYTES)
    await places.tell(0, toldAt, 0)
    await places.tell(toldAt, wishesAt, least)
    return { part, kept, count, open: open.places, places, wishesAt }
  }
}

const NONE = { prints: new Uint8Array(0), nth: NOTHING }

/** Writes the nth of the open places as a record; gives where it ends. */
function copyPlace(kept: Kept, open: Open, n: number, mark: number, to: DataView, at: number): number {
  const place = open.places[n] as number
  const [from, end] = [kept.textsAt(place), kept.textsAt(place + 1)]
  const head = kept.headOf(place)
  const lengths = addressBytesOf(head) | (claimantBytesOf(head) << 16)
  writeHeader(to, at, { hash: open.hashes[n] as number, mark, lengths, state: stateOf(head) })
  copyBytes(kept.texts, from, end, to, at + HEADER)
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
