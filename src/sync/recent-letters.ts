import type { JsonObject } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import { isAfter, type Order } from './order.js'
import type { PageWork } from './page.js'

type Held = 'parked' | 'deadLetter'
const HELD: readonly Held[] = ['deadLetter', 'parked']

/** By table and key: when the row of what is kept there was read. */
type Letters = ReadonlyMap<string, Order>

/**
 * What the newest pages have kept, which a later one could not find in the store when it began: a row may come twice within
 * a few pages, and what was refused the first time is over once it was accepted the second time.
 *
 * Upholds  I6. I12: of pages that finished before all that are under way began nothing stays.
 */
export class RecentLetters {
  readonly #scope: Scope
  readonly #tables: Set<Held>
  #kept: { readonly nth: number; readonly letters: Letters }[] = []
  /** Pages that are finished: what a page is marked with when it begins. */
  finished = 0

  /** @param tables  those that hold something; one that will from now on is added before it does */
  constructor(scope: Scope, tables: Set<Held>) {
    this.#scope = scope
    this.#tables = tables
  }

  /** Ops that drop what the page has the newer word for, its own letters among them; then its letters are remembered. */
  finish(page: PageWork): readonly Op[] {
    const own = lettersOf(page, this.#tables)
    this.#kept = this.#kept.filter(({ nth }) => nth > page.beganAt)
    this.finished += 1
    if (own.size > 0) this.#kept.push({ nth: this.finished, letters: own })
    if (this.#kept.length === 0) return []
    const ops: Op[] = []
    for (const { key, row } of this.#taken(page)) {
      for (const table of HELD) {
        const name = nameOf(table, key)
        const orders = this.#kept.map(({ letters }) => letters.get(name)).filter((order) => order !== undefined)
        if (orders.length === 0 || orders.some((order) => !isAfter(page.rowOrder(row), order))) continue
        ops.push({ op: 'delete', table, key })
      }
    }
    return ops
  }

  /** What of a page has ended well, and the rows that became actions. */
  *#taken(page: PageWork): Generator<{ readonly key: Key; readonly row: number }> {
    yield* page.taken
    for (let row = 0; row < page.page.rows.length; row++) {
      const key = page.hasActions(row) ? page.page.rows.key(row) : undefined
      if (key !== undefined) yield { key: [...checkpointKey(this.#scope), key, 'row'], row }
    }
  }
}

function lettersOf(page: PageWork, tables: Set<Held>): Letters {
  const found = new Map<string, Order>()
  for (const op of page.kept) {
    if (op.op !== 'put' || (op.table !== 'deadLetter' && op.table !== 'parked')) continue
    tables.add(op.table)
    found.set(nameOf(op.table, op.key), (op.value as JsonObject).order as unknown as Order)
  }
  return found
}

const nameOf = (table: Held, key: Key): string => JSON.stringify([table, ...key])
