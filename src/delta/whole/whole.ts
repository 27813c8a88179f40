import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Reason } from '../../model/value.js'
import type { Key, Op, Store } from '../../stores/store.js'
import type { Wish } from '../claims.js'
import type { ListRecord } from '../list-state.js'
import { compare } from './compare.js'
import { BLOCK_BYTES, PARTS } from './kept.js'
import { Log } from './log.js'
import { readTold, takeKept } from './parts.js'
import { Spool } from './spool.js'
import { writeTexts } from './texts.js'
import { ADDS, type Counted, decidedOf, REMOVALS, REST, STREAMS } from './verdicts.js'
import { Wishes } from './wishes.js'

/** A plan of a list whose claims were always whole audiences, and are kept in blocks (kept.ts). */
export interface WholeOptions {
  readonly store: Store
  /** Project and list. */
  readonly list: Key
  readonly owner: string
  readonly record: ListRecord | undefined
  /** Undefined: that of the wishes noted last. */
  readonly epoch: string | undefined
  readonly complete: boolean
  /** A whole audience; undefined: nothing is said that was not said before. */
  readonly wishes: AsyncIterable<readonly Wish[]> | undefined
  readonly guardOf: (counts: Counted, seen: boolean) => Reason | undefined
  readonly fence: readonly Op[]
  /** Where an audience too long for the memory waits. */
  readonly directory: string
  readonly bounds?: Bounds | undefined
}

export interface Bounds {
  /** Bytes up to which a list is compared, and kept, as one part. */
  readonly shortBytes: number
  /** Least bytes of a log that is folded into what is kept. */
  readonly logBytesLeast: number
  /** Claimants that are undecided and kept in memory. Where there are more, nobody leaves for being absent. */
  readonly undecidedMax: number
  /** Bytes of texts up to which an audience is sorted in the host's thread: to start another takes about as long. */
  readonly aloneBytes: number
  /** Least bytes of what is kept that is taken in before an audience, so that what says no more need not wait in a file; */
  readonly takenBytesLeast: number
  /** and its most places: 6 bytes of memory each. */
  readonly takenMax: number
}

export const BOUNDS: Bounds = {
  shortBytes: 4 * 2 ** 20,
  logBytesLeast: 2 ** 20,
  undecidedMax: 500_000,
  aloneBytes: 4 * 2 ** 20,
  takenBytesLeast: 4 * 2 ** 20,
  takenMax: 12_000_000,
}

/** A list compared; what has to be sent waits in the spool. */
export interface WholePlan {
  readonly counts: Counted
  readonly guard: Reason | undefined
  readonly spool: Spool
  readonly log: Log
  /** Blocks that say what was decided: of no use once each of their addresses was sent. */
  readonly decided: readonly Key[]
}

/** The log is folded into what is kept once it is a quarter of that. */
const LOG_SHARE = 0.25
const LOG_BLOCKS_MAX = 2_000

/** Throws STORE_CONFLICT where the fence does not hold, or another has planned the list meanwhile; LIST_SPOOL. */
export async function planWhole(options: WholeOptions): Promise<WholePlan> {
  const spool = new Spool(options.directory, STREAMS)
  try {
    return await planInto(spool, options)
  } catch (error) {
    await spool.close()
    throw error
  }
}

async function planInto(spool: Spool, options: WholeOptions): Promise<WholePlan> {
  const { record, epoch } = options
  const log = new Log(options)
  if (record !== undefined) await log.begin()
  // What was decided in an epoch is not decided again by a part of its wishes.
  const isSame = record !== undefined && (epoch ?? record.epoch) === record.epoch
  const { counts, kept, any } = await compareAll(spool, log, options, isSame)
  if (kept !== undefined) await log.kept(kept)
  const guard = options.guardOf(counts, any ?? isSame)
  if (record === undefined && any === true) await log.begin() // of a list without a wish nothing is known
  const decided = any === true ? await decide(spool, { log, guard, epoch }) : []
  return { counts, guard, spool, log, decided }
}

/** Compares what is known with what is wished. `any`: whether there was a wish; undefined where none was asked for. */
async function compareAll(spool: Spool, log: Log, options: WholeOptions, isSame: boolean) {
  const { store, list, record, complete, wishes } = options
  const { shortBytes, logBytesLeast, undecidedMax, aloneBytes, takenBytesLeast, takenMax } = options.bounds ?? BOUNDS
  const { parts, bytes } = record?.whole ?? { parts: 1, bytes: 0 }
  const spooled = new Spool(options.directory, PARTS)
  const wished = new Wishes({ directory: options.directory, key: log.key }, { aloneBytes, keptBytes: bytes })
  try {
    const kept = { store, list, parts, shortBytes }
    const told = await readTold(kept, spooled)
    const { logBytes, plans } = told
    const isLong = logBytes > Math.max(logBytesLeast, bytes * LOG_SHARE) || plans.length > LOG_BLOCKS_MAX
    const keep = isLong ? { nth: log.nth - 1, fence: log.fence } : undefined
    const before = { ...kept, told, wishes: wished }
    const isTaken = wishes !== undefined && bytes >= takenBytesLeast
    const taken = isTaken ? await takeKept(before, takenMax) : []
    const said = wishes && (await spoolWishes(options, wished, { wishes, undecidedMax }))
    const undecided = said?.undecided ?? new Set()
    const isDecided = complete && !isSame && undecided.size <= undecidedMax
    const isAbsent = isDecided ? (claimant: string) => !undecided.has(digestOf(claimant)) : undefined
    const compared = await compare({ ...before, taken, spool, key: log.key, isAbsent, keep })
    return { ...compared, any: said?.any }
  } finally {
    await wished.close()
    await spooled.close()
  }
}

/** 48 bits: claimants that are undecided are kept in memory, and who shares a digest with one keeps his claim a run longer. */
const digestOf = (claimant: string): number => hash('sha256', claimant, 'buffer').readUIntBE(0, 6)

/** Wishes between two turns of the host's loop. */
const WISHES_PER_TURN = 5_000

/** Puts wishes into the parts of their addresses. Without an address or a decision, its claimant is undecided. */
async function spoolWishes(
  { store, list }: WholeOptions,
  wished: Wishes,
  { wishes, undecidedMax }: { readonly wishes: AsyncIterable<readonly Wish[]>; readonly undecidedMax: number },
): Promise<{ readonly any: boolean; readonly undecided: ReadonlySet<number> }> {
  const undecided = new Set<number>()
  let count = 0
  let turn = 0
  for await (const page of wishes) {
    for (let from = 0; from < page.length; from += WISHES_PER_TURN) {
      const placed: PlacedWish[] = []
      const end = Math.min(page.length, from + WISHES_PER_TURN)
      for (let at = from; at < end; at += 1) {
        const wish = page[at] as Wish
        if (wish.address !== undefined && wish.member !== undefined) placed.push(wish as PlacedWish)
        else if (undecided.size <= undecidedMax) undecided.add(digestOf(wish.claimant))
      }
      const texts = writeTexts(placed, wished.spare())
      // Throws for what could be no key of a row; no part of it before the last may be empty.
      const keys = texts.odd.map(({ address, claimant }): Key => [...list, address, claimant, ''])
      if (keys.length > 0) await store.get('claimByAddress', keys)
      const wants = new Uint8Array(placed.length)
      for (let n = 0; n < placed.length; n += 1) wants[n] = Number(placed[n]?.member === true)
      await wished.add({ ...texts, wants })
      count += end - from
      turn += end - from
      if (turn < WISHES_PER_TURN) continue
      turn = 0
      await setImmediate() // also where many short pages come at once
    }
  }
  return { any: count > 0, undecided }
}

type PlacedWish = Wish & { readonly address: string; readonly member: boolean }

/**
 * Writes down what was decided, so that it is sent by this plan or by a later one. Behind a guard claims are made, and those that
 * were not shown stay.
 */
async function decide(
  spool: Spool,
  { log, guard, epoch }: { readonly log: Log; readonly guard: Reason | undefined; readonly epoch: string | undefined },
): Promise<readonly Key[]> {
  const decided: Key[] = []
  for (const stream of guard === undefined ? [REMOVALS, REST, ADDS] : [REST, ADDS]) {
    for await (const piece of spool.read(stream, BLOCK_BYTES)) {
      const records = decidedOf(piece, guard !== undefined)
      if (records.length === 0) continue
      const key = await log.write(log.next(), records)
      if (stream !== REST) decided.push(key)
      await setImmediate() // a store that answers at once would never let the host's loop turn
    }
  }
  if (guard === undefined && epoch !== undefined) await log.decided(epoch)
  return decided
}
