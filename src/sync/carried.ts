import { actionAt } from '../model/action-block.js'
import type { Json, JsonObject } from '../model/value.js'
import { type Key, keyPart, type Op } from '../stores/store.js'
import { shortRow } from './address-memory.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { profilePrint } from './field-groups.js'
import type { PageWork } from './page.js'

/** What a row wrote into a profile, and what that write is known by: see `AddressMemory`. */
interface Carried {
  readonly fields: JsonObject
  readonly row: string
  readonly print: string
}

/** Entries per scan. */
const PAGE = 1_000

const keyOf = ({ scope }: RunContext, address: string): Key => [...checkpointKey(scope), keyPart(address)]

/** Ops that keep what a row wrote into a profile until its address is added to a list, so that the addition carries it. */
export function carriedOps(context: RunContext, page: PageWork, row: number, address: string): readonly Op[] {
  if (!context.carries) return []
  const { block } = page
  for (let action = firstOf(page, row); action < block.length && block.row(action) === row; action++) {
    const made = block.kind(action) === 'profile' ? actionAt(block, action) : undefined
    const key = block.key(action)
    if (made?.kind !== 'profile' || key === undefined) continue
    const said = { kind: made.kind, detail: block.detail(action), payload: block.payload(action), address: '' }
    const write = {
      row: shortRow([...checkpointKey(context.scope), key, 'profile']),
      print: profilePrint(context.groups, said),
    }
    const value = { fields: made.dataFields ?? {}, ...write } satisfies Carried
    return [{ op: 'put', table: 'carried', key: keyOf(context, address), value: value as unknown as Json }]
  }
  return []
}

/** Index of the first action of a row or of a later one, by halving: rows never fall from one index to the next. */
function firstOf({ block }: PageWork, row: number): number {
  let low = 0
  for (let high = block.length; low < high; ) {
    const middle = (low + high) >> 1
    if (block.row(middle) < row) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What goes along with each of these addresses; `undefined` where its profile has to settle first: nothing was kept, or the
 * profile does not hold what this row wrote and nothing else, so that a newer value could be overwritten (I6).
 *
 * @param addresses  of one chunk: no more than a store is asked for at once
 */
export async function carriedBy(
  context: RunContext,
  addresses: readonly string[],
): Promise<readonly (JsonObject | undefined)[]> {
  if (!context.carries) return addresses.map(() => undefined)
  const keys = addresses.map((address) => keyOf(context, address))
  const kept = await context.store.get('carried', keys)
  const writes = await context.memory.onlyWrites(addresses)
  return kept.map((value, at) => {
    const carried = value as unknown as Carried | undefined
    const [row, print] = writes[at] ?? []
    return carried !== undefined && carried.row === row && carried.print === print ? carried.fields : undefined
  })
}

/** Forgets what was kept, once every list of the sync has had it. */
export async function dropCarried(context: RunContext): Promise<void> {
  if (!context.carries) return
  for (;;) {
    const page = await context.store.scan('carried', { prefix: checkpointKey(context.scope), limit: PAGE })
    if (page.length === 0) return
    await context.commits.commit({ main: page.map(({ key }): Op => ({ op: 'delete', table: 'carried', key })) })
  }
}
