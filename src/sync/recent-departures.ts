import { isDeparture } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import { isAfter, type Order } from './order.js'
import type { PageWork, Pending } from './page.js'

/**
 * Who has left the destination while pages that were read before are not finished: what their rows said of that person is
 * overtaken, also where it is noted only now.
 *
 * Upholds  I6. I12: of what every page under way could find in the store when it was looked up, nothing stays.
 */
export class RecentDepartures {
  readonly #left = new Map<string, { readonly order: Order; readonly finished: number }>()

  /**
   * @param order     of the row that said so
   * @param finished  pages that were finished by then
   */
  add(address: string, order: Order, finished: number): void {
    const before = this.#left.get(address)
    if (before === undefined || isAfter(order, before.order)) this.#left.set(address, { order, finished })
  }

  /** True if a row that was read later said so. */
  overtakes(order: Order, address = ''): boolean {
    const left = this.#left.get(address)
    return left !== undefined && isAfter(left.order, order)
  }

  /** Who was written to by a row that was read later than that: it was looked up, perhaps, before they had left. */
  backIn(settled: readonly (readonly [Pending, Outcome])[]): ReadonlySet<string> {
    const back = new Set<string>()
    if (this.#left.size === 0) return back
    for (const [{ page, action, address }, { status }] of settled) {
      const left = this.#left.get(address)
      if (left === undefined || status !== 'accepted' || isDeparture(page.block.kind(action))) continue
      if (isAfter(page.order(action), left.order)) back.add(address)
    }
    return back
  }

  /** A page is finished: whoever had left when it was looked up had left for all later ones, too. */
  finish(page: PageWork): void {
    for (const [address, { finished }] of this.#left) if (page.beganAt > finished) this.#left.delete(address)
  }
}
