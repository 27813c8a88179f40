import type { ListRef } from '../model/action.js'
import type { Key, Op, Store } from '../stores/store.js'
import { foundWishes, movedClaimant } from './found.js'
import { FOUND_EPOCH, listKey, listsOf, listText, recordOps, type Scope, snapshotKey } from './list-state.js'
import { seenOp } from './seen.js'
import { kept, type Part, partsOf } from './sharing.js'

/** What one row wants of one list. Without an address, or with `member` undefined: seen but undecided, the former claim is kept (I5). */
export interface Wish {
  readonly list: ListRef
  /** Who wants it: the row's key, or a profile id. */
  readonly claimant: string
  readonly address?: string
  readonly member?: boolean
}

/** Ops to be committed before the next wishes are noted, and for each wish whether it changed a claim. */
export interface Noted {
  readonly ops: readonly Op[]
  readonly changed: readonly boolean[]
}

const LOOKUP_MAX = 10_000

/**
 * Turns wishes into ops on claims, against what is stored. Of two wishes of one claimant the later counts. A claim that
 * stays as it is costs no op of its own: that it was seen is one op for all of them.
 */
export async function noteWishes(store: Store, wishes: readonly Wish[], scope: Scope): Promise<Noted> {
  const parts = await partsByList(store, wishes, scope)
  const isGuest = ({ list }: Wish): boolean => parts.get(list)?.isGuest === true
  const said = [...wishes, ...foundWishes(wishes, (list) => parts.get(list)?.record?.found === 'open')]
  const asked = said.map((wish) => ({ ...wish, claimant: kept(wish.claimant, scope.owner, isGuest(wish)) }))
  const claims = await claimsOf(store, asked, scope.project)
  const ops: Op[] = []
  const changed = asked.map((wish) => {
    const numbers = parts.get(wish.list) as Numbers
    const key = claimKey(scope.project, wish)
    const text = JSON.stringify(key)
    const before = claims.get(text)
    const address = wantedAddress(wish, before?.[0])
    const after: Claim | undefined = address === undefined ? undefined : [address, before?.[1] ?? numbers.next++]
    if (after !== undefined) numbers.seen.push(after[1])
    if (address === before?.[0]) return false
    claims.set(text, after)
    if (before !== undefined) ops.push(...dropClaim(key, before[0]))
    if (after !== undefined) ops.push(...putClaim(key, after))
    return true
  })
  for (const [list, part] of parts) ops.push(...partOps(part, list, scope))
  return { ops, changed: changed.slice(0, wishes.length) }
}

/** What is kept of a claim: the address, and the number that tells it from other claims on the list. */
type Claim = readonly [address: string, claim: number]

/** A list while wishes are noted: the number of the next claim, and the claims seen. */
interface Numbers extends Part {
  next: number
  readonly seen: number[]
}

function partOps(part: Numbers, list: ListRef, scope: Scope): readonly Op[] {
  const record = recordOps(part, part.next, list, scope)
  if (scope.epoch === FOUND_EPOCH || scope.unseen === true || part.seen.length === 0) return record
  return [...record, seenOp(snapshotKey(list, scope), part.seen)]
}

function wantedAddress({ address, member }: Wish, before: string | undefined): string | undefined {
  if (address === undefined || member === undefined) return before
  return member ? address : undefined
}

/** The lists that the wishes name, each once. */
async function partsByList(store: Store, wishes: readonly Wish[], scope: Scope): Promise<Map<ListRef, Numbers>> {
  const lists = [...new Set(wishes.map(({ list }) => list))]
  const parts = await partsOf(store, lists, scope)
  return new Map(parts.map((part, at) => [lists[at] as ListRef, { ...part, next: part.record?.next ?? 0, seen: [] }]))
}

async function claimsOf(
  store: Store,
  wishes: readonly Wish[],
  project: string,
): Promise<Map<string, Claim | undefined>> {
  const claims = new Map<string, Claim | undefined>()
  for (let at = 0; at < wishes.length; at += LOOKUP_MAX) {
    const keys = wishes.slice(at, at + LOOKUP_MAX).map((wish) => claimKey(project, wish))
    const values = await store.get('claim', keys)
    keys.forEach((key, index) => {
      claims.set(JSON.stringify(key), values[index] as Claim | undefined)
    })
  }
  return claims
}

const claimKey = (project: string, { list, claimant }: Wish): Key => [project, listText(list), claimant]

const indexKey = ([project, list, claimant]: Key, address: string): Key =>
  [project, list, address, claimant] as readonly string[]

const dropClaim = (key: Key, address: string): readonly Op[] => [
  { op: 'delete', table: 'claim', key },
  { op: 'delete', table: 'claimByAddress', key: indexKey(key, address) },
]

const putClaim = (key: Key, claim: Claim): readonly Op[] => [
  { op: 'put', table: 'claim', key, value: claim },
  { op: 'put', table: 'claimByAddress', key: indexKey(key, claim[0]), value: claim[1] },
]

/** A person's address moved. `moved`: the destination moved the profile itself, and its memberships with it. */
export interface Rekey {
  readonly project: string
  readonly from: string
  readonly to: string
  readonly moved?: boolean
}

const CLAIMS_PER_PAGE = 1_000

/** Ops that move every claim on `from` to `to`, on every list of this owner, and the membership too where it moved. */
export async function rekeyOps(store: Store, change: Rekey, scope: Scope): Promise<readonly Op[]> {
  const ops: Op[] = []
  if (change.from === change.to) return ops
  for (const list of await listsOf(store, { ...scope, project: change.project })) {
    const key = listKey(change.project, list)
    for await (const [claimant, claim] of claimsOn(store, key, change.from)) {
      ops.push(...dropClaim([...key, claimant], change.from))
      ops.push(...putClaim([...key, movedClaimant(claimant, change.to)], [change.to, claim]))
    }
    if (change.moved === true) ops.push(...(await moveMembership(store, key, change)))
  }
  return ops
}

/** What becomes of the claims on addresses that are gone from the destination. */
export interface Leave {
  readonly claims: 'go' | 'stay'
}

/** Ops that drop the memberships of these addresses on every list of this owner, and the claims on them. */
export async function leaveOps(
  store: Store,
  addresses: readonly string[],
  scope: Scope,
  { claims }: Leave,
): Promise<readonly Op[]> {
  const ops: Op[] = []
  for (const list of await listsOf(store, scope)) {
    const key = listKey(scope.project, list)
    for (const address of addresses) {
      ops.push({ op: 'delete', table: 'membership', key: [...key, address] })
      if (claims === 'stay') continue
      for await (const [claimant] of claimsOn(store, key, address)) ops.push(...dropClaim([...key, claimant], address))
    }
  }
  return ops
}

/** Who claims a place for this address, and the number of the claim. */
async function* claimsOn(store: Store, list: Key, address: string): AsyncGenerator<readonly [string, number]> {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('claimByAddress', { prefix: [...list, address], after, limit: CLAIMS_PER_PAGE })
    for (const { key, value } of page) yield [key[3] as string, value as number]
    if (page.length < CLAIMS_PER_PAGE) return
    after = page.at(-1)?.key
  }
}

async function moveMembership(store: Store, list: Key, { from, to }: Rekey): Promise<readonly Op[]> {
  const source: Key = [...list, from]
  const target: Key = [...list, to]
  const [left, met] = await store.get('membership', [source, target])
  if (left === undefined) return []
  const ops: Op[] = [{ op: 'delete', table: 'membership', key: source }]
  // A refusal was of the old address; and where an intent for the new one is open, it stays open.
  if (left === 'rejected' || met === 'unknown') return ops
  return [...ops, { op: 'put', table: 'membership', key: target, value: left }]
}
