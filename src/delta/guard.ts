import type { ListRef } from '../model/action.js'
import type { Reason } from '../model/value.js'

/** How many may leave a list at once. */
export interface GuardOptions {
  /** Share of the members, 0 to 1. Default 0.3. 1 switches the guard off, but for a snapshot in which nobody was seen. */
  readonly removedShareMax?: number | undefined
  /**
   * Removals up to this count are not held, so that a short list can change. Default 10. All are held where a complete
   * snapshot claims nobody.
   */
  readonly removedFreely?: number | undefined
}

/** What the guard looks at. */
export interface GuardInput {
  readonly list: ListRef
  readonly remove: number
  readonly members: number
  readonly targets: number
  readonly complete: boolean
  /** Whether any wish for the list was noted in this epoch. */
  readonly seen: boolean
  /** Members removed within the last day, to be guarded together with these. Default: each plan is guarded alone. */
  readonly removed?: number | undefined
}

/**
 * Why the removals are held, or `undefined` where they may go out.
 *
 * Upholds  I11: more than the share (or the free count) is held; so is whatever would empty a list because a complete
 *          snapshot claims nobody, and that whatever the limits if it has no row for the list at all. The same share is
 *          the bound of a day, of what the list had before the first removal of it.
 */
export function guardOf(input: GuardInput, guard: Required<GuardOptions>): Reason | undefined {
  const limit = limitOf(input, guard as Limits)
  const { list, remove, members, removed = 0 } = input
  if (remove > limit) return { code: 'LIST_GUARD', facts: { list, remove, members, limit } }
  const ofDay = limitOf({ ...input, members: members + removed }, guard as Limits)
  if (remove === 0 || removed + remove <= ofDay) return undefined
  return { code: 'LIST_GUARD_DAY', facts: { list, remove, removed, members, limit: ofDay } }
}

interface Limits {
  readonly removedShareMax: number
  readonly removedFreely: number
}

function limitOf({ members, targets, complete, seen }: GuardInput, guard: Limits): number {
  if (complete && !seen) return 0
  if (complete && targets === 0 && guard.removedShareMax < 1) return 0
  return Math.max(guard.removedFreely, Math.floor(members * guard.removedShareMax))
}
