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
  /** Refused earlier, and wanted by nobody any more. */
  readonly refused: number
  /** Claims that were not seen in a complete snapshot. */
  readonly absent: number
}

/**
 * What has to be sent for an address. `unknown` needs no direction of its own: whichever call makes the present wish
 * true is sent, since adding a member and removing a stranger do nothing (I2). A refused address is not tried again
 * while it is wanted.
 */
export function changeOf({ target, state }: Standing): 'add' | 'remove' | undefined {
  if (target) return state === undefined || state === 'unknown' ? 'add' : undefined
  return state === 'member' || state === 'unknown' ? 'remove' : undefined
}

export async function count(merge: MergeOptions): Promise<Counts> {
  const counts = { add: 0, remove: 0, keep: 0, members: 0, targets: 0, refused: 0, absent: 0 }
  for await (const page of standings(merge)) {
    for (const standing of page) {
      const { target, state } = standing
      const change = changeOf(standing)
      if (change !== undefined) counts[change] += 1
      if (target) counts.targets += 1
      counts.absent += standing.absent
      if (target && state === 'member') counts.keep += 1
      if (state === 'member' || state === 'unknown') counts.members += 1
      if (!target && state === 'rejected') counts.refused += 1
    }
  }
  return counts
}

const OPS_PER_COMMIT = 2_000

/** Forgets the claims that the snapshot does not hold, and refusals of addresses that nobody wants any more. */
export async function dropAbsent(merge: MergeOptions, counts: Counts, fence: readonly Op[]): Promise<void> {
  let ops: Op[] = []
  const commit = async (least: number): Promise<void> => {
    if (ops.length < least) return
    await merge.store.commit([...fence, ...ops])
    ops = []
  }
  // Before the claims go: afterwards nothing tells who was wanted.
  if (counts.refused > 0) {
    for await (const page of standings(merge)) {
      for (const { address, target, state } of page) {
        if (target || state !== 'rejected') continue
        ops.push({ op: 'delete', table: 'membership', key: [...merge.list, address] })
      }
      await commit(OPS_PER_COMMIT)
    }
  }
  for await (const claim of counts.absent > 0 ? absent(merge) : []) {
    const [project, list, , claimant] = claim as readonly [string, string, string, string]
    ops.push({ op: 'delete', table: 'claimByAddress', key: claim })
    ops.push({ op: 'delete', table: 'claim', key: [project, list, claimant] })
    await commit(OPS_PER_COMMIT)
  }
  await commit(1)
}

const CLAIMS_PER_PAGE = 2_000

/** Keys of the claims that do not count. */
async function* absent({ store, list, counts }: MergeOptions): AsyncGenerator<Key> {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('claimByAddress', { prefix: list, after, limit: CLAIMS_PER_PAGE })
    for (const { key, value } of page) if (!counts(value as string)) yield key
    if (page.length < CLAIMS_PER_PAGE) return
    after = page.at(-1)?.key
  }
}
