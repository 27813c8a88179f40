import { compareBytes } from '../model/byte-order.js'
import type { Choice } from './choice.js'
import type { Denial } from './contested.js'
import type { Link } from './graph.js'
import { compareNumbers, isoOf } from './order.js'
import type { BindingRow, ClaimRow, ConflictRow, ProfileRow } from './rows.js'
import type { Rules } from './rules.js'
import type { SolvedConflict } from './solve.js'

/** What a claim to another person's identifier is judged by. */
export interface Said {
  readonly denials: readonly Denial[]
  readonly pins: ReadonlySet<string>
  /** Identifier to profile id. */
  readonly homes: ReadonlyMap<string, string>
}

/**
 * What a conflict row keeps where addresses are shared: for each end how well the person without it may claim it. An end
 * has none if somebody denied that it is that person's.
 */
export function claimFacts(rules: Rules, conflict: SolvedConflict, said: Said): Pick<ConflictRow, 'claims'> {
  if (rules.onTargetClaimed !== 'share') return {}
  const { link, winner, loser } = conflict
  const [a, b] = [claimTo(link, link.a.id, winner, said), claimTo(link, link.b.id, loser, said)]
  return { claims: { ...(a && { a }), ...(b && { b }) } }
}

function claimTo(link: Link, id: string, claimant: string, { denials, pins, homes }: Said): ClaimRow | undefined {
  const isDenied = denials.some(([one, other]) => {
    return (one === id && homes.get(other) === claimant) || (other === id && homes.get(one) === claimant)
  })
  if (isDenied) return undefined
  const { place, last, since } = link
  const known = (time: number): number | null => (Number.isFinite(time) ? time : null)
  return { place, last: known(last), since: known(since), ...(pins.has(id) && { pinned: true as const }) }
}

interface Claimed {
  readonly address: string
  pinned: boolean
  place: number
  last: number
  since: number
  records: number
}

/** Whose address, and what is known of the conflicts. */
export interface Claimant {
  readonly profileId: string
  readonly profile: ProfileRow
  readonly target: string
  readonly bindings: ReadonlyMap<string, BindingRow>
  /** Conflict rows by digest. */
  readonly conflicts: ReadonlyMap<string, ConflictRow>
}

/**
 * The address of somebody else that a person without one shares: in the order of a person's own addresses, by the
 * records that show it for this one. `undefined` if it claims none.
 */
export function chooseShared(claimant: Claimant): (Omit<Choice, 'why'> & { readonly why: 'shared' }) | undefined {
  const { profileId, profile, bindings } = claimant
  const rows = [profileId, ...(profile.was ?? [])].flatMap((id) => bindings.get(id) ?? [])
  const bound = new Set(rows.flatMap(({ address, unsure = false }) => (unsure ? [] : [address])))
  const [best, ...others] = [...claimsOf(claimant).values()].sort(
    (x, y) =>
      Number(y.pinned) - Number(x.pinned) ||
      Number(bound.has(y.address)) - Number(bound.has(x.address)) ||
      x.place - y.place ||
      compareNumbers(y.last, x.last) ||
      y.records - x.records ||
      compareBytes(x.address, y.address),
  )
  if (best === undefined) return undefined
  const { address, since } = best
  const alternatives = others.map((other) => other.address)
  return { address, why: 'shared', alternatives, ...(Number.isFinite(since) && { since: isoOf(since) }) }
}

/** Several identifiers of the person may claim one address. */
function claimsOf({ profileId, profile, target, conflicts }: Claimant): ReadonlyMap<string, Claimed> {
  const claims = new Map<string, Claimed>()
  for (const digest of profile.conflicts ?? []) {
    const row = conflicts.get(digest)
    if (row === undefined) continue
    for (const [end, claimant] of [['a', row.winner] as const, ['b', row.loser] as const]) {
      const [namespace, address] = row[end]
      const claim = row.claims?.[end]
      if (claim === undefined || claimant !== profileId || namespace !== target) continue
      const { place, pinned = false, last, since } = claim
      const one = claims.get(address) ?? { address, pinned, place, ...UNKNOWN, records: 0 }
      claims.set(address, one)
      one.place = Math.min(one.place, place)
      one.last = Math.max(one.last, last ?? UNKNOWN.last)
      one.since = Math.min(one.since, since ?? UNKNOWN.since)
      one.records += row.recordCount
    }
  }
  return claims
}

const UNKNOWN = { last: Number.NEGATIVE_INFINITY, since: Number.POSITIVE_INFINITY } as const
