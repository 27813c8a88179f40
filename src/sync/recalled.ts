import type { ActionKind } from '../model/action.js'
import type { Json } from '../model/value.js'
import type { Key, Table } from '../stores/store.js'
import type { RunContext } from './context.js'
import { orderOf } from './letter.js'
import { isAfter } from './order.js'
import type { PageWork } from './page.js'

/** What former runs remember of an action. */
export interface Recalled {
  /** As it is kept: see `knownOf`. */
  readonly print: Json | undefined
  readonly left: readonly ('parked' | 'deadLetter')[]
  /** Something of its row that was read later is held back: that is the newest word (I6). */
  readonly isOutdated?: boolean
}

export const NOTHING: Recalled = { print: undefined, left: [] }

const LOOKUP_MAX = 10_000

/** What former runs remember of each action. The two tables of what was left behind are asked only if they hold anything. */
export async function recall(
  work: PageWork,
  keys: readonly (Key | undefined)[],
  context: RunContext,
): Promise<readonly (Recalled | undefined)[]> {
  const look = async (table: Table, of: (action: number) => boolean): Promise<readonly (Json | undefined)[]> => {
    const at = keys.flatMap((key, action) => (key !== undefined && of(action) ? [action] : []))
    const found = new Array<Json | undefined>(keys.length).fill(undefined)
    for (let from = 0; from < at.length; from += LOOKUP_MAX) {
      const asked = at.slice(from, from + LOOKUP_MAX)
      const held = await context.store.get(
        table,
        asked.map((action) => keys[action] as Key),
      )
      asked.forEach((action, nth) => {
        found[action] = held[nth]
      })
    }
    return found
  }
  const tables = [...context.leftBehind]
  const isPrinted = (action: number): boolean => !UNPRINTED.has(work.block.kind(action))
  if (tables.length === 0 && !keys.some((key, action) => key !== undefined && isPrinted(action))) return []
  const prints = await look('fingerprint', isPrinted)
  const lefts = await Promise.all(tables.map((table) => look(table, () => true)))
  return keys.map((key, action) => {
    if (key === undefined) return undefined
    const held = lefts.map((values) => values[action])
    const isOutdated = held.some((value) => value !== undefined && isAfter(orderOf({ key, value }), work.order(action)))
    return { print: prints[action], left: tables.filter((_, nth) => held[nth] !== undefined), isOutdated }
  })
}

/** A profile's stands under its address, and is asked for when that is known; the others have none. */
const UNPRINTED: ReadonlySet<ActionKind> = new Set<ActionKind>(['profile', 'membership', 'forget', 'delete'])
