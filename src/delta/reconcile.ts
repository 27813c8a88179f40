import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import { compareBytes } from '../model/byte-order.js'
import type { Key, Op, Store } from '../stores/store.js'
import { noteWishes, type Wish } from './claims.js'
import { foundClaimant, isFound } from './found.js'
import { FOUND_EPOCH, foundOps, listKey, listText, membershipOp, type Scope } from './list-state.js'
import { type Standing, standings } from './merge.js'
import { partOf } from './sharing.js'

export interface ReconcileOptions extends Omit<Scope, 'epoch'> {
  readonly list: ListRef
  /** The addresses that the destination has on the list, in parts and in no order. */
  readonly members: AsyncIterable<readonly string[]>
  /** Whether members that nobody here added become ours, so that the audience of the list's owner decides about them. */
  readonly takeOver: boolean
  /** `check` ops in front of every commit. */
  readonly fence?: readonly Op[] | undefined
}

/** How a list of the destination compares with what is remembered of it. */
export interface Reconciled {
  /** Addresses that are on it there. */
  readonly there: number
  /** Of these, remembered as accepted. */
  readonly agreed: number
  /** There and not remembered: remembered now, since somebody claims them or they are taken over. */
  readonly found: number
  /** There, and neither remembered nor claimed: left alone. */
  readonly unknown: number
  /** Remembered and not there: asked again by the next run, whichever way its rows say. */
  readonly missing: number
  /** By today's claims of rows: wanted and not there; there, ours and wanted by no row. */
  readonly add: number
  readonly remove: number
}

const OPS_PER_COMMIT = 2_000
const PAGE = 2_000

/**
 * Compares what is remembered of a list with what the destination has, and mends what is remembered. Sends nothing.
 *
 * Repeat   after a crash it is done again from the beginning; what it wrote stays true.
 * Late     a destination may show changes late. Whoever is missing is therefore not forgotten, but `unknown`: asked
 *          again, so that nobody who should leave is left behind (I1).
 * Cost     the members are put in order by the store, beside the list: one write and one delete for each.
 */
export async function reconcileList(store: Store, options: ReconcileOptions): Promise<Reconciled> {
  const { project, owner, list, members, fence = [] } = options
  const { isGuest, first } = await partOf(store, list, options)
  if (options.takeOver && isGuest) throw new LakeloopError('LIST_OWNED', { list, owner: first })
  const beside: Key = [project, `r:${listText(list)}`]
  await clear(store, beside, fence)
  await write(store, beside, { members, fence })
  const reconciled = await mend(store, beside, options)
  if (options.takeOver) {
    const { record } = await partOf(store, list, options)
    await store.commit([...fence, ...foundOps(record, list, { project, owner, epoch: FOUND_EPOCH })])
  }
  await clear(store, beside, fence)
  return reconciled
}

async function write(
  store: Store,
  beside: Key,
  { members, fence }: { readonly members: AsyncIterable<readonly string[]>; readonly fence: readonly Op[] },
): Promise<void> {
  for await (const part of members) {
    for (let at = 0; at < part.length; at += OPS_PER_COMMIT) {
      const addresses = part.slice(at, at + OPS_PER_COMMIT)
      await store.commit([...fence, ...addresses.map((address) => membershipOp(beside, address, 'member'))])
      await setImmediate() // a store that answers at once would never let the host's loop turn
    }
  }
}

async function clear(store: Store, beside: Key, fence: readonly Op[]): Promise<void> {
  for (;;) {
    const page = await store.scan('membership', { prefix: beside, limit: PAGE })
    if (page.length === 0) return
    await store.commit([...fence, ...page.map(({ key }): Op => ({ op: 'delete', table: 'membership', key }))])
    await setImmediate()
  }
}

async function mend(store: Store, beside: Key, options: ReconcileOptions): Promise<Reconciled> {
  const { project, owner, list, takeOver, fence = [] } = options
  const counts = { there: 0, agreed: 0, found: 0, unknown: 0, missing: 0, add: 0, remove: 0 }
  let ops: Op[] = []
  let wishes: Wish[] = []
  const commit = async (least: number): Promise<void> => {
    if (ops.length + wishes.length < least) return
    const noted = await noteWishes(store, wishes, { project, owner, epoch: FOUND_EPOCH })
    await store.commit([...fence, ...noted.ops, ...ops])
    ops = []
    wishes = []
  }
  for await (const one of aligned(store, beside, listKey(project, list))) {
    const { ops: more, wish } = verdict(one, { list, takeOver }, counts)
    ops.push(...more.map((state) => membershipOp(listKey(project, list), one.address, state)))
    if (wish !== undefined) wishes.push({ list, claimant: foundClaimant(one.address), address: one.address, ...wish })
    await commit(OPS_PER_COMMIT)
  }
  await commit(1)
  return counts
}

interface Pair extends Standing {
  readonly there: boolean
}

type Verdict = {
  readonly ops: readonly ('member' | 'unknown' | 'absent')[]
  /** What becomes of the claim of a member found. */
  readonly wish?: { readonly member: boolean }
}

function verdict(
  { there, target, absent, state }: Pair,
  { takeOver }: { readonly list: ListRef; readonly takeOver: boolean },
  counts: { -readonly [Count in keyof Reconciled]: number },
): Verdict {
  const isOurs = state === 'member' || state === 'unknown'
  if (there) counts.there += 1
  if (target && !there && state !== 'rejected') counts.add += 1
  if (there && isOurs && !target) counts.remove += 1
  if (there && state === 'member') {
    counts.agreed += 1
    return { ops: [] }
  }
  if (there && !isOurs && !target && !takeOver) {
    counts.unknown += 1
    return { ops: [] }
  }
  if (there) {
    counts.found += 1
    if (!isOurs && !target) counts.remove += 1
    return !isOurs && !target ? { ops: ['member'], wish: { member: true } } : { ops: ['member'] }
  }
  if (!isOurs) return { ops: [] }
  counts.missing += 1
  // Who was found and has gone by itself is not brought back: no row ever asked for it.
  return !target && absent.length > 0 ? { ops: ['absent'], wish: { member: false } } : { ops: ['unknown'] }
}

/** What is remembered and what is there, address by address, in the order of their bytes. */
async function* aligned(store: Store, beside: Key, list: Key): AsyncGenerator<Pair> {
  const remembered = flat(standings({ store, list, counts: (claimant) => !isFound(claimant) }))
  const there = entries(store, beside)
  let left = await remembered.next()
  let right = await there.next()
  while (left.done !== true || right.done !== true) {
    const order = left.done ? 1 : right.done ? -1 : compareBytes(left.value.address, right.value)
    if (order <= 0) yield { ...(left.value as Standing), there: order === 0 }
    else yield { address: right.value as string, target: false, absent: [], state: undefined, there: true }
    if (order <= 0) left = await remembered.next()
    if (order >= 0) right = await there.next()
  }
}

async function* flat<T>(pages: AsyncIterable<readonly T[]>): AsyncGenerator<T, undefined> {
  for await (const page of pages) {
    yield* page
    await setImmediate()
  }
}

async function* entries(store: Store, prefix: Key): AsyncGenerator<string, undefined> {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('membership', { prefix, after, limit: PAGE })
    for (const { key } of page) yield key[2] as string
    if (page.length < PAGE) return
    await setImmediate()
    after = page.at(-1)?.key
  }
}
