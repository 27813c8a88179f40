import type { ListDeltaComputer, Reconciled } from '../delta/list-delta.js'
import type { Delivery } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import type { Op } from '../stores/store.js'
import type { Clock } from './clock.js'
import { RetryBudget, type RetryLimits, retrying } from './retry.js'

/** What becomes of the members that a list has and that this sync did not add. */
export interface Existing {
  readonly list: ListRef
  /**
   * `ignore`, as where nothing is said: they are never touched. `adopt`: read once, before the first row; they count as ours,
   * so that a whole audience decides about them (guarded). `reconcile`: the same, and compared anew in every run.
   */
  readonly members: 'ignore' | 'adopt' | 'reconcile'
}

/** What asking for the members of a list needs. */
export interface Comparing {
  readonly lists: ListDeltaComputer
  readonly delivery: Delivery
  readonly owner: { readonly project: string; readonly owner: string }
  readonly fence: readonly Op[]
  readonly clock: Clock
  readonly limits: RetryLimits
  readonly signal: AbortSignal
}

/**
 * Before the first row: takes over the members of the lists that say so. Gives whether rows have to tell about any of
 * them, since no whole audience has decided about them yet.
 */
export async function takeOver(comparing: Comparing, existing: readonly Existing[]): Promise<boolean> {
  const { lists, owner } = comparing
  let open = false
  for (const { list, members } of existing) {
    if (members === 'ignore') continue
    const before = await lists.found(owner, list)
    if (members === 'reconcile' || before === undefined) await compare(comparing, list, true)
    open ||= (await lists.found(owner, list)) === 'open'
  }
  return open
}

/** Throws OPTION_INVALID where the destination shows no members; LIST_UNKNOWN, LIST_AMBIGUOUS, LIST_DYNAMIC, RETRIES_SPENT. */
export async function compare(comparing: Comparing, list: ListRef, takesOver: boolean): Promise<Reconciled> {
  const { lists, delivery, owner, fence, clock, limits, signal } = comparing
  if (delivery.members === undefined) {
    const problem = `names ${list}, and the destination does not show who is on a list`
    throw new LakeloopError('OPTION_INVALID', { part: 'Sync', option: 'existing.list', problem })
  }
  const ask = delivery.members.bind(delivery)
  const again = { endpoint: 'the members of a list', clock, limits, signal, budget: new RetryBudget() }
  return await retrying(
    () => lists.reconcile({ ...owner, list, members: ask(list, signal), takeOver: takesOver, fence }),
    again,
  )
}
