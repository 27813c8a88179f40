import type { Wish } from '../delta/list-delta.js'
import type { Word } from './address-memory.js'
import type { RunContext } from './context.js'
import type { Order } from './order.js'
import type { PageWork } from './page.js'
import { placeOf, saysAll } from './said.js'

/** What an action of a page has said, once it is accepted. */
export function wordsOf({ destination }: RunContext, page: PageWork, action: number, address: string): readonly Word[] {
  const about = { address, mergesItems: destination.mergesItems }
  return saysAll(page.block, action, about).map((said) => ({ said, order: page.order(action) }))
}

interface Placed {
  readonly order: Order
  /** The place is its row's alone. */
  readonly isKeyed: boolean
  readonly changed: boolean
}

/**
 * What a wish for a place on a list has said, once it is a claim. An older one of a row with a key is dropped with the letter of
 * that row, so that it counts only while whole rows are parked; that the person was written to counts too.
 */
export function placeWords({ memory }: RunContext, wish: Wish, { order, isKeyed, changed }: Placed): readonly Word[] {
  const { address, member, list, claimant } = wish
  if (!memory.parked || address === undefined || member === undefined) return []
  const isToldApart = isKeyed && !memory.parkedRows
  if (isToldApart && !changed) return []
  return [{ said: placeOf(list, { address, claimant: isToldApart ? undefined : claimant }), order }]
}
