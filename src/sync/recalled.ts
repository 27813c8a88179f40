import type { Json } from '../model/value.js'
import type { Key, Table } from '../stores/store.js'
import type { RunContext } from './context.js'

/** What former runs remember of an action. */
export interface Recalled {
  /** Of what was accepted, or `{ intent }` with that of what was about to be sent. */
  readonly print: Json | undefined
  readonly left: readonly ('parked' | 'deadLetter')[]
}

export const NOTHING: Recalled = { print: undefined, left: [] }

const LOOKUP_MAX = 10_000

/** What former runs remember of each action. The two tables of what was left behind are asked only if they hold anything. */
export async function recall(
  keys: readonly (Key | undefined)[],
  context: RunContext,
): Promise<readonly (Recalled | undefined)[]> {
  const asked = keys.filter((key) => key !== undefined)
  const look = async (table: Table): Promise<readonly (Json | undefined)[]> => {
    const found: (Json | undefined)[] = []
    for (let at = 0; at < asked.length; at += LOOKUP_MAX) {
      found.push(...(await context.store.get(table, asked.slice(at, at + LOOKUP_MAX))))
    }
    return found
  }
  // Of a profile it stands under its address, and is asked for when that is known.
  const prints = await look('fingerprint')
  const tables = context.leftBehind
  const lefts = await Promise.all(tables.map(look))
  let next = 0
  return keys.map((key) => {
    if (key === undefined) return undefined
    const at = next++
    return { print: prints[at], left: tables.filter((_, nth) => lefts[nth]?.[at] !== undefined) }
  })
}
