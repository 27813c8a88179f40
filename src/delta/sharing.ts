import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import type { Key, Store } from '../stores/store.js'
import { type ListRecord, listKey, type Scope } from './list-state.js'
import type { Counting } from './merge.js'
import type { Seen } from './seen.js'

/**
 * One sync's part of a list. The first one to speak of a list is its owner; others are guests, where both say that the list
 * is shared. What a guest notes bears its name, so that rows of two syncs with one key are two claimants, and a snapshot
 * decides about the claims of its own sync only.
 */
export interface Part {
  readonly record: ListRecord | undefined
  /** Where the record stands. */
  readonly key: Key
  readonly isGuest: boolean
  /** The owner. */
  readonly first: string
}

/** Begins what a guest notes. No row's key begins like this. */
const GUEST = '#of '

const named = (owner: string): string => `${GUEST}${JSON.stringify(owner)} `

/** The parts of these lists, in their order. Throws LIST_OWNED where one is another sync's and not shared by both. */
export async function partsOf(
  store: Store,
  lists: readonly ListRef[],
  { project, owner, shared }: Omit<Scope, 'epoch'>,
): Promise<readonly Part[]> {
  const keys = lists.map((list) => listKey(project, list))
  const values = await store.get('list', [...keys, ...keys.map((key) => [...key, owner])])
  return lists.map((list, at) => {
    const first = values[at] as unknown as ListRecord | undefined
    const key = keys[at] as Key
    if (first === undefined || first.owner === owner) return { record: first, key, isGuest: false, first: owner }
    if (first.shared !== true || shared?.has(list) !== true) {
      throw new LakeloopError('LIST_OWNED', { list, owner: first.owner })
    }
    const record = values[keys.length + at] as unknown as ListRecord | undefined
    return { record, key: [...key, owner], isGuest: true, first: first.owner }
  })
}

export async function partOf(store: Store, list: ListRef, scope: Omit<Scope, 'epoch'>): Promise<Part> {
  const [part] = await partsOf(store, [list], scope)
  return part as Part
}

/** The claimant as it is kept. */
export const kept = (claimant: string, owner: string, isGuest: boolean): string =>
  isGuest ? named(owner) + claimant : claimant

/** Whether a claim counts for a whole audience of this sync, by what the snapshot has shown: those of others always do. */
export function countsIn(seen: Seen, owner: string, isGuest: boolean): Counting {
  if (!isGuest) return (claimant, claim) => seen.has(claim) || claimant.startsWith(GUEST)
  const mine = named(owner)
  return (claimant, claim) => (claimant.startsWith(mine) ? seen.has(claim) : true)
}
