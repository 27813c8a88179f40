import type { ActionBlock } from '../model/action.js'
import { originKey, type Pending } from './page.js'

/**
 * Actions of several pages as one block, in the order given, with what identity found out about them. `row` is the place
 * in that order, so that it stays unique across the pages.
 *
 * Cost    nothing is copied, and nothing is made per action.
 */
export function pendingBlock(pending: readonly Pending[], source: string): ActionBlock {
  const at = (index: number): Pending => pending[index] as Pending
  /** What an action is of, and its number there. */
  const blockOf = ({ rest, page }: Pending): ActionBlock => rest ?? page.block
  const numberOf = ({ rest, action }: Pending): number => (rest === undefined ? action : 0)
  return {
    length: pending.length,
    kind: (index) => blockOf(at(index)).kind(numberOf(at(index))),
    row: (index) => index,
    key(index) {
      const { key } = at(index)
      return key === undefined ? blockOf(at(index)).key(numberOf(at(index))) : originKey(source, key)
    },
    changedAt: (index) => blockOf(at(index)).changedAt(numberOf(at(index))),
    identifiers: (index) => blockOf(at(index)).identifiers(numberOf(at(index))),
    address: (index) => at(index).address,
    detail: (index) => blockOf(at(index)).detail(numberOf(at(index))),
    shape: (index) => blockOf(at(index)).shape(numberOf(at(index))),
    payload: (index) => blockOf(at(index)).payload(numberOf(at(index))),
  }
}
