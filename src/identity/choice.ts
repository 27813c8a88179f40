import type { Vertex } from './graph.js'
import { isoOf } from './order.js'
import type { BindingRow, ProfileRow } from './rows.js'
import { RESERVED } from './rules.js'

/** Which of a person's addresses, and why. */
export interface Choice {
  readonly address: string
  /**
   * `pinned`: somebody said so; `bound`: it was sent there before; `only`: there is no other; `source`: an earlier source
   * of `sourcePriority` shows it; `recent`: it was seen most recently, or in most records, or is the least by bytes.
   */
  readonly why: 'pinned' | 'bound' | 'only' | 'source' | 'recent'
  /** The person's other addresses, best first. */
  readonly alternatives: readonly string[]
  /** The earliest time at which a record shows the address for the person; left out where none of them has a time. */
  readonly since?: string
}

/** Whose address. */
export interface Asked {
  readonly profileId: string
  readonly profile: ProfileRow
  /** The namespace that is an address. */
  readonly target: string
  readonly bindings: ReadonlyMap<string, BindingRow>
}

/**
 * The address of a profile: pinned before bound before the best of its row; `undefined` if it has none.
 *
 * Laws    depends on the row and the bindings alone.
 */
export function choose({ profileId, profile, target, bindings }: Asked): Choice | undefined {
  const addresses = valuesOf(profile.members, target)
  const [only] = addresses
  if (only === undefined) return undefined
  const pinned = profile.pinned === undefined ? NONE : valuesOf(profile.pinned, target)
  const bound = boundTo(profileId, profile, addresses, bindings)
  const sinces = profile.since?.[target]
  if (addresses.length === 1 && pinned.length === 0) {
    return told(only, only === bound ? 'bound' : 'only', [], sinces?.[0])
  }
  const first = bound === undefined ? addresses : [bound, ...addresses]
  const [address, ...alternatives] = new Set([...first.filter((one) => pinned.includes(one)), ...first])
  const best = profile.bySource?.includes(target) ? 'source' : 'recent'
  const unbound = alternatives.length === 0 ? 'only' : best
  const why = pinned.includes(address as string) ? 'pinned' : address === bound ? 'bound' : unbound
  return told(address as string, why, alternatives, sinces?.[addresses.indexOf(address as string)])
}

const NONE: readonly string[] = []

function told(
  address: string,
  why: Choice['why'],
  alternatives: readonly string[],
  since: number | null | undefined,
): Choice {
  return since == null ? { address, why, alternatives } : { address, why, alternatives, since: isoOf(since) }
}

function valuesOf(members: ProfileRow['members'], target: string): readonly string[] {
  const values: string[] = []
  for (const [namespace, value] of members) if (namespace === target) values.push(value)
  return values
}

/** The address under which the destination knows the person, by an id that the profile has or had, while it has it. */
function boundTo(
  profileId: string,
  { was = NONE }: ProfileRow,
  addresses: readonly string[],
  bindings: ReadonlyMap<string, BindingRow>,
): string | undefined {
  if (bindings.size === 0) return undefined
  for (const id of [profileId, ...was]) {
    const bound = bindings.get(id)
    if (bound !== undefined && bound.unsure !== true && addresses.includes(bound.address)) return bound.address
  }
  return undefined
}

type AddressFacts = Pick<ProfileRow, 'since' | 'bySource' | 'pinned'>

/** What a profile row keeps for {@link choose} besides its members, which are in order. Most rows keep a time, and no more. */
export function addressFacts(members: readonly Vertex[], pins: ReadonlySet<string>): AddressFacts {
  const groups = new Map<string, Vertex[]>()
  for (const member of members) {
    const { name } = member.namespace
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [member])
    else group.push(member)
  }
  const since: Record<string, readonly (number | null)[]> = {}
  const bySource: string[] = []
  for (const [name, group] of groups) {
    const [first, second] = group
    if (first && second && first.place < second.place) bySource.push(name)
    if (!Object.hasOwn(RESERVED, name) || !group.some((one) => Number.isFinite(one.since))) continue
    since[name] = group.map((one) => (Number.isFinite(one.since) ? one.since : null))
  }
  const pinned = members
    .filter(({ id }) => pins.has(id))
    .map(({ namespace, value }) => [namespace.name, value] as const)
  return {
    ...(Object.keys(since).length > 0 && { since }),
    ...(bySource.length > 0 && { bySource }),
    ...(pinned.length > 0 && { pinned }),
  }
}
