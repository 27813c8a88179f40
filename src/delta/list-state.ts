import type { ListRef } from '../model/action.js'
import type { Json } from '../model/value.js'
import { type Key, keyPart, type Op, type Store } from '../stores/store.js'

/**
 * What is kept of a list, and where:
 *
 *     list            project, list                      -> { owner, epoch, nth, next, shared?, found? }
 *     list            project, list, guest               -> the same, of a sync that shares it
 *     claim           project, list, claimant            -> [address, number of the claim]
 *     claimByAddress  project, list, address, claimant   -> number of the claim
 *     seen            project, list, sync, epoch, digest -> numbers of claims that were noted in the epoch (seen.ts)
 *     membership      project, list, address             -> 'member' | 'unknown' | 'rejected'; absent: no member
 *     audience        a list of whole audiences, in the place of claims and memberships: whole/kept.ts
 */
export type MemberState = 'member' | 'unknown' | 'rejected'

/** Whose list it is, the epoch whose wishes were noted last, and how many epochs there were. */
export interface ListRecord {
  readonly owner: string
  readonly epoch: string
  readonly nth: number
  /** The number of the next claim that is made. Those of a guest are counted apart. */
  readonly next: number
  /** Its owner has said that others may claim places on it too. */
  readonly shared?: boolean
  /** Members that were there before were taken over; `open` until a whole audience has decided about them. */
  readonly found?: 'open' | 'decided'
  /**
   * The list was always planned from whole audiences, and is kept in blocks (whole/kept.ts): in how many parts and letters, and the key
   * of its fingerprints, base64.
   */
  readonly whole?: { readonly parts: 1 | 256; readonly bytes: number; readonly macKey: string }
}

/** One snapshot of one sync in one project. */
export interface Scope {
  readonly project: string
  /** The name of the sync. */
  readonly owner: string
  /** One snapshot: a claim that was not noted in this epoch is absent from it. */
  readonly epoch: string
  /** What is noted does not show that its claimants belong to the snapshot. Default false. */
  readonly unseen?: boolean | undefined
  /** Lists that other syncs may claim places on too. */
  readonly shared?: ReadonlySet<ListRef> | undefined
}

/** The epoch of claims of members that a list had before: of no snapshot. */
export const FOUND_EPOCH = '#found'

/** A list as part of a key: its name and its number are different lists. */
export const listText = (list: ListRef): string => (typeof list === 'number' ? `n:${list}` : `s:${list}`)

export const listOf = (text: string): ListRef => (text.startsWith('n:') ? Number(text.slice(2)) : text.slice(2))

/** Under which it is kept what a snapshot has shown of a list. */
export const snapshotKey = (list: ListRef, { project, owner, epoch }: Scope): Key => [
  project,
  listText(list),
  keyPart(owner),
  keyPart(epoch),
]

export const listKey = (project: string, list: ListRef): Key => [project, listText(list)]

interface PartOfList {
  readonly record: ListRecord | undefined
  readonly key: Key
  readonly isGuest: boolean
}

/**
 * Ops that make `scope.epoch` the newest of a list, its owner known, and `next` the number of the next claim. Of two who
 * write at once, one is refused.
 */
export function recordOps(
  { record, key, isGuest }: PartOfList,
  next: number,
  list: ListRef,
  scope: Scope,
): readonly Op[] {
  // Members found are of no snapshot: the newest one stays what it is.
  const isFound = record !== undefined && scope.epoch === FOUND_EPOCH
  const isNew = !isFound && record?.epoch !== scope.epoch
  const shares = !isFound && !isGuest && scope.shared?.has(list) === true && record?.shared !== true
  if (!isNew && !shares && record?.next === next) return []
  const value = {
    ...(record ?? { owner: scope.owner }),
    ...(isNew ? { epoch: scope.epoch, nth: (record?.nth ?? 0) + 1 } : {}),
    next,
    ...(shares ? { shared: true } : {}),
  }
  const at = { table: 'list', key } as const
  return [
    { op: 'check', ...at, is: record as unknown as Json | undefined },
    { op: 'put', ...at, value },
  ]
}

/** Ops that tell that members of the list were taken over. */
export function foundOps(record: ListRecord | undefined, list: ListRef, scope: Scope): readonly Op[] {
  const value = { ...(record ?? { owner: scope.owner, epoch: scope.epoch, nth: 0, next: 0 }), found: 'open' }
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
