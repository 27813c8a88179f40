import { type ActionKind, isDeparture } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Key, Op } from '../stores/store.js'
import type { RunContext } from './context.js'
import type { Departed, Leaving } from './departures.js'
import { keep, type PageWork } from './page.js'

/** What becomes of an action about somebody who has left, without being sent; `undefined`: it is sent. */
export function fateOfDeparted(kind: ActionKind, departed: Departed | undefined): Outcome | undefined {
  if (departed?.forever === true) {
    return isDeparture(kind)
      ? { status: 'unchanged' }
      : { status: 'rejected', reason: { code: 'USER_FORGOTTEN', facts: {} } }
  }
  return departed?.gone === true && kind === 'delete' ? { status: 'unchanged' } : undefined
}

interface About {
  readonly work: PageWork
  readonly action: number
  readonly key: Key | undefined
  readonly address: string
}

/** True if that was all there was to do about an action. What is sent about somebody who has left means that they are back. */
export function isSettledAlready(departed: Departed | undefined, about: About, context: RunContext): boolean {
  if (departed === undefined) return false
  const { work, action, key, address } = about
  const kind = work.block.kind(action)
  const fate = fateOfDeparted(kind, departed)
  if (fate === undefined) {
    if (!departed.gone || isDeparture(kind)) return false
    work.kept.push(context.departures.back(address, departed))
    work.returned.push(address)
    return false
  }
  work.end(action, fate)
  keep(work, action, key, fate, context)
  return true
}

/** What is remembered and forgotten about those who left: their writes, and their places on the lists of this sync. */
export async function departureOps(
  { departures, memory, lists, scope, epoch, clock }: RunContext,
  leaving: readonly Leaving[],
): Promise<{ readonly main: readonly Op[]; readonly lists: readonly Op[] }> {
  if (leaving.length === 0) return { main: [], lists: [] }
  const addresses = leaving.map(({ address }) => address)
  const remembered = await departures.left(leaving, new Date(clock.now()).toISOString())
  return {
    main: [...remembered, ...addresses.map((address) => memory.left(address))],
    lists: await lists.leave(addresses, { project: scope.project, owner: scope.sync, epoch }),
  }
}
