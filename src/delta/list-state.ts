import type { ListRef } from '../model/action.js'
import type { Key, Op, Store } from '../stores/store.js'

/**
 * What is kept of a list, and where:
 *
 *     list            project, list                     -> { owner, epoch, nth, shared?, found? }
 *     list            project, list, guest              -> the same, of a sync that shares it
 *     claim           project, list, claimant           -> address
 *     claimByAddress  project, list, address, claimant  -> the epoch in which the claimant was seen last
 *     membership      project, list, address            -> 'member' | 'unknown' | 'rejected'; absent: no member
 */
export type MemberState = 'member' | 'unknown' | 'rejected'

/** Whose list it is, the epoch whose wishes were noted last, and how many epochs there were. */
export interface ListRecord {
  readonly owner: string
  readonly epoch: string
  readonly nth: number
  /** Its owner has said that others may claim places on it too. */
  readonly shared?: boolean
  /** Members that were there before were taken over; `open` until a whole audience has decided about them. */
  readonly found?: 'open' | 'decided'
}

/** One snapshot of one sync in one project. */
export interface Scope {
  readonly project: string
  /** The name of the sync. */
  readonly owner: string
  /** One snapshot: a claim that was not noted in this epoch is absent from it. */
  readonly epoch: string
  /** Lists that other syncs may claim places on too. */
  readonly shared?: ReadonlySet<ListRef> | undefined
}

/** The epoch of claims of members that a list had before: of no snapshot. */
export const FOUND_EPOCH = '#found'

/** A list as part of a key: its name and its number are different lists. */
export const listText = (list: ListRef): string => (typeof list === 'number' ? `n:${list}` : `s:${list}`)

export const listOf = (text: string): ListRef => (text.startsWith('n:') ? Number(text.slice(2)) : text.slice(2))

export const listKey = (project: string, list: ListRef): Key => [project, listText(list)]

interface PartOfList {
  readonly record: ListRecord | undefined
  readonly key: Key
  readonly isGuest: boolean
}

/** Ops that make `scope.epoch` the newest of a list, and its owner known: of two syncs that come first, one is refused. */
export function recordOps({ record, key, isGuest }: PartOfList, list: ListRef, scope: Scope): readonly Op[] {
  // Members found are of no snapshot: the newest one stays what it is.
  if (record !== undefined && scope.epoch === FOUND_EPOCH) return []
  const shares = !isGuest && scope.shared?.has(list) === true
  if (record?.epoch === scope.epoch && (record.shared === true || !shares)) return []
  const shared = shares ? { shared: true } : {}
  const value = { ...record, owner: scope.owner, epoch: scope.epoch, nth: (record?.nth ?? 0) + 1, ...shared }
  const put: Op = { op: 'put', table: 'list', key, value }
  return record === undefined ? [{ op: 'check', table: 'list', key, is: undefined }, put] : [put]
}

/** Ops that tell that members of the list were taken over. */
export function foundOps(record: ListRecord | undefined, list: ListRef, scope: Scope): readonly Op[] {
  const value = { ...(record ?? { owner: scope.owner, epoch: scope.epoch, nth: 0 }), found: 'open' }
  return [{ op: 'put', table: 'list', key: listKey(scope.project, list), value }]
}

/** Ops that tell that a whole audience has decided about them. */
export const decidedOps = (record: ListRecord, key: Key): readonly Op[] => [
  { op: 'put', table: 'list', key, value: { ...record, found: 'decided' } },
]

/** An op that remembers of an address of a list what the destination answered. */
export function membershipOp(list: Key, address: string, state: MemberState | 'absent'): Op {
  const at = { table: 'membership', key: [...list, address] } as const
  return state === 'absent' ? { op: 'delete', ...at } : { op: 'put', ...at, value: state }
}

const LISTS_PER_PAGE = 1_000

/** Every list of a project that is this owner's. */
export async function listsOf(store: Store, { project, owner }: Scope): Promise<readonly ListRef[]> {
  const lists: ListRef[] = []
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('list', { prefix: [project], after, limit: LISTS_PER_PAGE })
    for (const { key, value } of page) {
      if ((value as unknown as ListRecord).owner === owner) lists.push(listOf(key[1] as string))
    }
    if (page.length < LISTS_PER_PAGE) return lists
    after = page.at(-1)?.key
  }
}
