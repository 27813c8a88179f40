import { setImmediate } from 'node:timers/promises'
import type { Key, Op, Store } from '../../stores/store.js'
import { ALL, keepOps, NOTHING_KEPT, PARTS, partOfHash, readKept, readLog } from './kept.js'
import { Places, RECORDS_PER_TURN } from './places.js'
import { ABSENT, endAt, hashAt, recordsOf, stateAt, viewOf, writeMark } from './record.js'
import type { Spool } from './spool.js'
import { type Counted, verdicts } from './verdicts.js'

export interface CompareOptions {
  readonly store: Store
  readonly list: Key
  readonly spool: Spool
  /** In how many parts the list is kept. */
  readonly parts: 1 | typeof PARTS
  /** Of each block of the log in the spool, by its mark: the plan that wrote it. */
  readonly plans: readonly number[]
  /** Whether a claim that no wish has shown goes. */
  readonly isAbsent: (claimant: string) => boolean
  /** Bytes of a list that is compared, and kept, as one part. */
  readonly shortBytes: number
  /** What has to be kept anew, where the log has grown long: up to this plan. */
  readonly keep?: { readonly nth: number; readonly fence: readonly Op[] } | undefined
}

/** In how many parts, and how many bytes, what was kept anew is. */
export interface KeptAnew {
  readonly parts: 1 | typeof PARTS
  readonly bytes: number
}

/** What was put into the spool of what is known of a list. */
export interface Told {
  /** The plan of each block, by its mark; what is kept has the mark 0. */
  readonly plans: readonly number[]
  readonly logBytes: number
}

/** Puts the log of a list into the spool; and before it what is kept, where that is one part. */
export async function spoolTold(
  store: Store,
  list: Key,
  { spool, parts }: Pick<CompareOptions, 'spool' | 'parts'>,
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
  const kept = parts === 1 ? await readKept(store, list, ALL) : NOTHING_KEPT
  const before = Buffer.allocUnsafe(kept.size)
  kept.copy(before)
  await put(before, 0)
  for await (const { nth, records } of readLog(store, list)) {
    logBytes += records.length
    if (nth > kept.nth) await put(records, plans.push(nth) - 1)
  }
  return { plans, logBytes }
}

/**
 * Compares what is kept of a list with the wishes in the spool, part by part, and puts what has to be done into the last streams
 * of the spool.
 *
 * Cost  memory for one part: of a list of ten million, 4 MB.
 */
export async function compare(options: CompareOptions): Promise<{ counts: Counted; kept?: KeptAnew }> {
  const counts: Counted = { add: 0, remove: 0, keep: 0, members: 0, targets: 0 }
  const { spool, keep } = options
  const isShort = isOnePart(options)
  let bytes = 0
  for await (const { part, places, wishes } of everyPart(options)) {
    if (keep !== undefined) bytes += await keepPart(options, part, places)
    await places.wish(wishes)
    await verdicts(options, places, counts)
    await spool.flush()
  }
  return keep === undefined ? { counts } : { counts, kept: { parts: isShort ? 1 : PARTS, bytes } }
}

const EVERY_PART = Array.from({ length: PARTS }, (_, part) => part)

export type Load = Pick<CompareOptions, 'store' | 'list' | 'spool' | 'parts' | 'plans' | 'shortBytes'>

const isOnePart = ({ parts, spool, shortBytes }: Load): boolean => parts === 1 && spool.bytes <= shortBytes

/** The addresses of a list as they are kept, part by part, each until the next one is asked for; and where wishes for them may begin. */
export async function* everyPart(options: Load) {
  const { store, list, spool, parts, plans } = options
  let room = Buffer.alloc(0)
  for (const part of isOnePart(options) ? [ALL] : EVERY_PART) {
    // What is kept as one part is in the spool.
    const kept = parts === 1 ? NOTHING_KEPT : await readKept(store, list, part)
    const streams = part === ALL ? EVERY_PART : [part]
    const size = kept.size + spool.size(streams)
    if (room.length < size) room = Buffer.allocUnsafeSlow(Math.ceil(size * 1.2))
    const bytes = room.subarray(0, size)
    kept.copy(bytes)
    await spool.readInto(streams, bytes, kept.size)
    const places = new Places(bytes, kept.size / RECORD_BYTES)
    await places.tell(0, kept.size, 0)
    // The part may tell some blocks of the log already.
    const least = plans.findIndex((plan) => plan > kept.nth)
    await places.tell(kept.size, size, parts === 1 ? 0 : least < 0 ? plans.length : least)
    yield { part, places, wishes: kept.size }
    await setImmediate() // stores that answer at once would never let the host's loop turn
  }
}

/** About what a record takes; only for how large a table is made at first. */
const RECORD_BYTES = 48

/** Writes the addresses of a part in the place of those kept before. Gives their bytes. */
async function keepPart({ store, list, keep }: CompareOptions, part: number, places: Places): Promise<number> {
  const { nth, fence } = keep as NonNullable<CompareOptions['keep']>
  const records = await recordsIn(places)
  const ops = await keepOps(store, list, { part, nth, records })
  if (ops.length > 0) await store.commit([...fence, ...ops])
  return records.length
}

/** All of a part as records of what is kept. */
async function recordsIn(places: Places): Promise<Buffer> {
  const { bytes } = places
  const view = viewOf(bytes)
  const others: Buffer[] = []
  let size = 0
  await places.each(
    (at) => {
      size += endAt(view, at) - at
    },
    (address, { state, claims }) => {
      if (state !== ABSENT || claims.size > 0) others.push(recordsOf(address, [...claims.keys()], state))
    },
  )
  const records = Buffer.allocUnsafe(size)
  let to = 0
  await places.each(
    (at) => {
      const end = endAt(view, at)
      for (let from = at; from < end; from += 1) records[to + from - at] = bytes[from] as number
      writeMark(records, to, 0, stateAt(view, at))
      to += end - at
    },
    () => undefined,
  )
  return Buffer.concat([records, ...others])
}
