import { type ActionKind, isDeparture } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Key, Op } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { RunContext } from './context.js'
import { type Departed, isBefore, type Leaving } from './departures.js'
import type { Order } from './order.js'
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

/** Somebody who leaves, by the word of a row. */
export const leavingOf = (
  { sync }: Pick<Scope, 'sync'>,
  { order, ...who }: Pick<Leaving, 'address' | 'kind'> & { readonly order: Order },
): Leaving & { readonly order: Order } => ({ ...who, order, by: [sync, ...order] })

/** What a row of a former run says of somebody who has left since: that is the newer word, also where they came back. */
export function isOfBefore(work: PageWork, action: number, departed: Departed, { scope }: RunContext): boolean {
  const keptAt = work.keptAt(work.block.row(action))
  if (keptAt === undefined || work.block.kind(action) === 'forget') return false
  return isBefore(departed, { order: work.order(action), keptAt, sync: scope.sync })
}

interface About {
  readonly work: PageWork
  readonly action: number
  readonly key: Key | undefined
}

/** True if that was all there was to do about an action of somebody who has left. */
export function isSettledAlready(departed: Departed | undefined, about: About, context: RunContext): boolean {
  if (departed === undefined) return false
  const { work, action, key } = about
  const kind = work.block.kind(action)
  const fate = fateOfDeparted(kind, departed)
  if (fate === undefined) return false
  work.end(action, fate)
  keep(work, action, key, fate, context)
  return true
}

/**
 * What is remembered and forgotten about those who left: their writes, and their places on the lists of this sync.
 *
 * @param back  who was written to since they left, in this run
 */
export async function departureOps(
  { departures, memory, lists, scope, epoch, clock }: RunContext,
  leaving: readonly Leaving[],
  back: ReadonlySet<string> = new Set(),
): Promise<{ readonly main: readonly Op[]; readonly lists: readonly Op[] }> {
  if (leaving.length === 0 && back.size === 0) return { main: [], lists: [] }
  const addresses = leaving.map(({ address }) => address)
  const remembered = await departures.left(leaving, new Date(clock.now()).toISOString(), back)
  const returned = await departures.among([...back].filter((address) => !addresses.includes(address)))
  for (const [address, departed] of returned)
    if (departed.gone && !departed.forever) remembered.push(departures.back(address, departed))
  if (leaving.length === 0) return { main: remembered, lists: [] }
  return {
    main: [...remembered, ...addresses.map((address) => memory.gone(address))],
    lists: await lists.leave(addresses, { project: scope.project, owner: scope.sync, epoch }),
  }
}
