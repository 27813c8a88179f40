import type { ListRef } from '../model/action.js'
import type { Json } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'
import { foundWishes, movedClaimant } from './found.js'
import { listKey, listsOf, listText, recordOps, type Scope } from './list-state.js'
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

/** Turns wishes into ops on claims, against what is stored. Of two wishes of one claimant the later counts. */
export async function noteWishes(store: Store, wishes: readonly Wish[], scope: Scope): Promise<Noted> {
  const ops: Op[] = []
  const parts = await partsByList(store, wishes, scope)
  for (const [list, part] of parts) ops.push(...recordOps(part, list, scope))
  const isGuest = ({ list }: Wish): boolean => parts.get(list)?.isGuest === true
  const said = [...wishes, ...foundWishes(wishes, (list) => parts.get(list)?.record?.found === 'open')]
  const asked = said.map((wish) => ({ ...wish, claimant: kept(wish.claimant, scope.owner, isGuest(wish)) }))
  const claims = await claimsOf(store, asked, scope.project)
  const changed = asked.map((wish) => {
    const epoch = kept(scope.epoch, scope.owner, isGuest(wish))
    const key = claimKey(scope.project, wish)
    const text = JSON.stringify(key)
    const before = claims.get(text)
    const after = wantedAddress(wish, before)
    if (before !== undefined && before !== after) ops.push(deleteIndex(key, before))
    if (after !== undefined) ops.push(putIndex(key, after, epoch))
    if (after !== before) {
      claims.set(text, after)
      const at = { table: 'claim', key } as const
      ops.push(after === undefined ? { op: 'delete', ...at } : { op: 'put', ...at, value: after })
    }
    return after !== before
  })
  return { ops, changed: changed.slice(0, wishes.length) }
}

function wantedAddress({ address, member }: Wish, before: string | undefined): string | undefined {
  if (address === undefined || member === undefined) return before
  return member ? address : undefined
}

/** The lists that the wishes name, each once. */
async function partsByList(store: Store, wishes: readonly Wish[], scope: Scope): Promise<ReadonlyMap<ListRef, Part>> {
  const lists = [...new Set(wishes.map(({ list }) => list))]
  const parts = await partsOf(store, lists, scope)
  return new Map(lists.map((list, at) => [list, parts[at] as Part]))
}

async function claimsOf(
  store: Store,
  wishes: readonly Wish[],
  project: string,
): Promise<Map<string, string | undefined>> {
  const claims = new Map<string, string | undefined>()
  for (let at = 0; at < wishes.length; at += LOOKUP_MAX) {
    const keys = wishes.slice(at, at + LOOKUP_MAX).map((wish) => claimKey(project, wish))
    const values = await store.get('claim', keys)
    keys.forEach((key, index) => {
      claims.set(JSON.stringify(key), values[index] as string | undefined)
    })
  }
  return claims
}

const claimKey = (project: string, { list, claimant }: Wish): Key => [project, listText(list), claimant]

const indexKey = ([project, list, claimant]: Key, address: string): Key =>
  [project, list, address, claimant] as readonly string[]

const deleteIndex = (claim: Key, address: string): Op => ({
  op: 'delete',
  table: 'claimByAddress',
  key: indexKey(claim, address),
})

const putIndex = (claim: Key, address: string, epoch: Json): Op => ({
  op: 'put',
  table: 'claimByAddress',
  key: indexKey(claim, address),
  value: epoch,
})

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
    for (let after: Key | undefined; ; ) {
      const page = await store.scan('claimByAddress', { prefix: [...key, change.from], after, limit: CLAIMS_PER_PAGE })
      for (const { key: at, value: epoch } of page) {
        const claim: Key = [...key, at[3] as string]
        const moved: Key = [...key, movedClaimant(at[3] as string, change.to)]
        ops.push({ op: 'delete', table: 'claim', key: claim }, deleteIndex(claim, change.from))
        ops.push({ op: 'put', table: 'claim', key: moved, value: change.to }, putIndex(moved, change.to, epoch))
      }
      if (page.length < CLAIMS_PER_PAGE) break
      after = page.at(-1)?.key
    }
    if (change.moved === true) ops.push(...(await moveMembership(store, key, change)))
  }
  return ops
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
