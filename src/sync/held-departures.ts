import { type Action, isDeparture } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Entry } from '../stores/store.js'
import type { RunContext } from './context.js'
import { type Departed, isBefore, type Leaving } from './departures.js'
import { fateOfDeparted, knownDepartures } from './leaving.js'
import { keptIn, orderOf } from './letter.js'
import { isAfter, type Order } from './order.js'

/** An action that was kept, and where the destination has whom it is about. */
interface About {
  readonly action: Action
  readonly entry: Entry
  readonly resolution: { readonly address: string }
}

/** Of somebody who has left since: as for a row of today, and what was read before they left is overtaken, also where they came back. */
export function fateOfHeld(
  { action: { kind }, entry, departed }: Pick<About, 'action' | 'entry'> & { readonly departed: Departed | undefined },
  { scope }: RunContext,
): Outcome | undefined {
  const fate = fateOfDeparted(kind, departed)
  if (fate !== undefined || departed === undefined || kind === 'forget' || kind === 'catalogItem') return fate
  const { order, at } = keptIn(entry)
  return isBefore(departed, { order, keptAt: at, sync: scope.sync }) ? { status: 'superseded' } : undefined
}

/** Who was written to, and not before they left. */
export function backIn(
  taken: readonly About[],
  leaving: readonly (Leaving & { readonly order: Order })[],
): ReadonlySet<string> {
  const left = new Map(leaving.map(({ address, order }) => [address, order]))
  const back = taken.filter(({ action: { kind }, entry, resolution: { address } }) => {
    const order = left.get(address)
    return !isDeparture(kind) && kind !== 'catalogItem' && (order === undefined || isAfter(orderOf(entry), order))
  })
  return new Set(back.map(({ resolution }) => resolution.address))
}

/** See `knownDepartures`. */
export const knownHeld = (context: RunContext, all: readonly About[], actions: readonly number[]) =>
  knownDepartures(
    context,
    actions.map((at) => {
      const { action, resolution } = all[at] as About
      return [action.kind, resolution.address] as const
    }),
  )
