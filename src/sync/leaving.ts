import { type ActionKind, isDeparture } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Key, Op } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { RunContext } from './context.js'
import { type Departed, isBefore, type Leaving } from './departures.js'
import type { Order } from './order.js'
import { keep, type PageWork, type Pending } from './page.js'

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

/**
 * What has become of actions of people who have left since these were lined up, where nothing else is among them: of two rows that
 * ask for the same the second has its outcome without a request.
 */
export async function knownDepartures(
  { departures }: RunContext,
  asked: readonly (readonly [kind: ActionKind, address: string])[],
): Promise<readonly Outcome[] | undefined> {
  if (!departures.any || !asked.every(([kind]) => isDeparture(kind))) return undefined
  const left = await departures.among(asked.map(([, address]) => address))
  const fates = asked.flatMap(([kind, address]) => fateOfDeparted(kind, left.get(address)) ?? [])
  return fates.length === asked.length ? fates : undefined
}

/** The same, of what pages have gathered. */
export const knownPending = (context: RunContext, gathered: readonly Pending[], actions: readonly number[]) =>
  knownDepartures(
    context,
    actions.map((at) => {
      const { page, action, address } = gathered[at] as Pending
      return [page.block.kind(action), address] as const
    }),
  )

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
  const isBack: string[] = []
  for (const [address, departed] of returned) {
    if (!departed.gone || departed.forever) continue
    remembered.push(departures.back(address, departed))
    isBack.push(address)
  }
  const owner = { project: scope.project, owner: scope.sync, epoch }
  return {
    main: [...remembered, ...addresses.map((address) => memory.gone(address))],
    lists: [
      ...(addresses.length > 0 ? await lists.leave(addresses, owner) : []),
      ...(isBack.length > 0 ? await lists.leave(isBack, owner, { claims: 'stay' }) : []),
    ],
  }
}
