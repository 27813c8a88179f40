import type { Key, Op } from '../stores/store.js'
import { type MergeOptions, type Standing, standings } from './merge.js'

/** How the addresses of a list stand. */
export interface Counts {
  readonly add: number
  readonly remove: number
  readonly keep: number
  /** Accepted, or perhaps so. */
  readonly members: number
  readonly targets: number
  /** Addresses with something to forget: a refusal of who is wanted by nobody any more, a claim that does not count. */
  readonly stale: number
  /** Where something is to be sent or forgotten; `undefined` where that is more than is kept in memory. */
  readonly due: readonly Standing[] | undefined
}

/**
 * What has to be sent for an address. `unknown` needs no direction of its own: whichever call makes the present wish
 * true is sent, since adding a member and removing a stranger do nothing (I2). A refused address is not tried again
 * while it is wanted.
 */
export function changeOf({ target, state }: Pick<Standing, 'target' | 'state'>): 'add' | 'remove' | undefined {
  if (target) return state === undefined || state === 'unknown' ? 'add' : undefined
  return state === 'member' || state === 'unknown' ? 'remove' : undefined
}

const isStale = ({ target, absent, state }: Standing): boolean => absent.length > 0 || (!target && state === 'rejected')

/** @param keptMax  standings with something to be done that are kept in memory */
export async function count(merge: MergeOptions, keptMax: number): Promise<Counts> {
  const counts = { add: 0, remove: 0, keep: 0, members: 0, targets: 0, stale: 0 }
  let due: Standing[] | undefined = []
  for await (const page of standings(merge)) {
    for (const standing of page) {
      const { target, state } = standing
      const change = changeOf(standing)
      const stale = isStale(standing)
      if (change !== undefined) counts[change] += 1
      if (target) counts.targets += 1
      if (stale) counts.stale += 1
      if (target && state === 'member') counts.keep += 1
      if (state === 'member' || state === 'unknown') counts.members += 1
      if ((change !== undefined || stale) && due !== undefined && due.push(standing) > keptMax) due = undefined
    }
  }
  return { ...counts, due }
}

const DUE_PER_PAGE = 2_000

/** The standings with something to be done, and others where they were too many to be kept. */
export async function* dueOf(merge: MergeOptions, { due }: Counts): AsyncGenerator<readonly Standing[]> {
  if (due === undefined) return yield* standings(merge)
  for (let at = 0; at < due.length; at += DUE_PER_PAGE) yield due.slice(at, at + DUE_PER_PAGE)
}

const OPS_PER_COMMIT = 2_000

/** Forgets the claims that the snapshot does not hold, and refusals of addresses that nobody wants any more. */
export async function dropStale(merge: MergeOptions, counts: Counts, fence: readonly Op[]): Promise<void> {
  if (counts.stale === 0) return
  let ops: Op[] = []
  const commit = async (): Promise<void> => {
    if (ops.length > 0) await merge.store.commit([...fence, ...ops])
    ops = []
  }
  for await (const page of dueOf(merge, counts)) {
    for (const standing of page.filter(isStale)) {
      ops.push(...forgotten(merge.list, standing))
      if (ops.length >= OPS_PER_COMMIT) await commit()
    }
  }
  await commit()
}

/** The claims go with the refusal, in one commit: afterwards nothing would tell who was wanted. */
function forgotten(list: Key, { address, target, absent, state }: Standing): readonly Op[] {
  const claims = absent.flatMap((claimant): Op[] => [
    { op: 'delete', table: 'claimByAddress', key: [...list, address, claimant] },
    { op: 'delete', table: 'claim', key: [...list, claimant] },
  ])
  if (target || state !== 'rejected') return claims
  return [...claims, { op: 'delete', table: 'membership', key: [...list, address] }]
}
