import { compareBytes } from '../model/byte-order.js'
import type { Neighbourhood } from './neighbourhood.js'
import { isRedirect, type Rows } from './rows.js'
import { partsOf, type Rules } from './rules.js'
import { profileIdOf, type Solution, type SolvedProfile } from './solve.js'

/**
 * People under the ids by which they are known. With `idPolicy: 'founder'` these are the ones they were solved with. With
 * `pinned` each keeps the id of the former profile with which it has most identifiers in common; who parts from another
 * has the id back that it had before; and who is new gets one that nobody ever had.
 *
 * Laws    the people are the same, and what is said of them; only the ids are others. None is given twice.
 */
export async function named(rules: Rules, rows: Rows, around: Neighbourhood, solution: Solution): Promise<Solution> {
  if (rules.idPolicy === 'founder') return solution
  const { profiles, conflicts, retirements } = solution
  const names = new Naming(profiles, around)
  names.match(names.kept())
  if (names.unnamed.length > 0) names.match(await givenBack(rules, rows, names))
  const fresh = names.unnamed.map(({ profileId, founder }) => [profileId, founder.id] as const)
  for (const [profileId, id] of await freshIds(rules, rows, fresh, names.taken)) names.set(profileId, id)
  const nameOf = (profileId: string): string => names.ids.get(profileId) as string
  return {
    profiles: profiles.map((profile) => ({ ...profile, profileId: nameOf(profile.profileId) })),
    conflicts: conflicts.map((one) => ({ ...one, winner: nameOf(one.winner), loser: nameOf(one.loser) })),
    retirements: retirements.map((one) => ({ ...one, profileId: nameOf(one.profileId) })),
  }
}

/** How much a profile has in common with one that was. */
interface Overlap {
  readonly profileId: string
  readonly former: string
  readonly count: number
  /** How many the former one had; of two with as much in common the smaller is the closer. */
  readonly size: number
}

class Naming {
  /** The id as solved to the id as known. */
  readonly ids = new Map<string, string>()
  readonly taken = new Set<string>()
  readonly #profiles: readonly SolvedProfile[]
  readonly #around: Neighbourhood

  constructor(profiles: readonly SolvedProfile[], around: Neighbourhood) {
    this.#profiles = profiles
    this.#around = around
  }

  get unnamed(): readonly SolvedProfile[] {
    return this.#profiles.filter(({ profileId }) => !this.ids.has(profileId))
  }

  set(profileId: string, id: string): void {
    this.ids.set(profileId, id)
    this.taken.add(id)
  }

  /** Ids of the profiles that the identifiers of one were in before. */
  formersOf({ members, retired }: SolvedProfile): readonly string[] {
    return [...members, ...retired].flatMap(({ id }) => this.#around.ids.get(id) || [])
  }

  kept(): readonly Overlap[] {
    return this.#profiles.flatMap((profile) => {
      const counts = new Map<string, number>()
      for (const former of this.formersOf(profile)) counts.set(former, (counts.get(former) ?? 0) + 1)
      return [...counts].map(([former, count]) => ({ profileId: profile.profileId, former, count, size: 0 }))
    })
  }

  /** Greedily: the largest overlap first, then by the bytes of the former id and of the one as solved. */
  match(overlaps: readonly Overlap[]): void {
    const order = (x: Overlap, y: Overlap): number =>
      y.count - x.count || x.size - y.size || compareBytes(x.former, y.former) || compareBytes(x.profileId, y.profileId)
    for (const { profileId, former } of [...overlaps].sort(order)) {
      if (!this.ids.has(profileId) && !this.taken.has(former)) this.set(profileId, former)
    }
  }
}

/** What profiles that part from others have in common with those that became part of these. */
async function givenBack(rules: Rules, rows: Rows, names: Naming): Promise<readonly Overlap[]> {
  const formers = await rows.profiles([...new Set(names.unnamed.flatMap((profile) => names.formersOf(profile)))])
  const wasOf = (id: string): readonly string[] => {
    const row = formers.get(id)
    return row === undefined || isRedirect(row) ? [] : (row.was ?? [])
  }
  const past = await rows.profiles([...new Set([...formers.keys()].flatMap(wasOf))])
  return names.unnamed.flatMap((profile) => {
    const own = new Set(
      [...profile.members, ...profile.retired].map((one) => traceOf(rules, one.namespace.name, one.value)),
    )
    return [...new Set(names.formersOf(profile).flatMap(wasOf))].flatMap((former) => {
      const row = past.get(former)
      const traces = (row !== undefined && isRedirect(row) && row.traces) || []
      const count = traces.filter((trace) => own.has(trace)).length
      return count === 0 ? [] : [{ profileId: profile.profileId, former, count, size: traces.length }]
    })
  })
}

/** What a redirect keeps of an identifier: no more than the id of a profile tells of its founder. */
export const traceOf = profileIdOf

/** For each founder an id that no profile has or had. */
export async function freshIds<Name>(
  rules: Rules,
  rows: Rows,
  founders: readonly (readonly [name: Name, founder: string])[],
  taken: ReadonlySet<string> = new Set(),
): Promise<ReadonlyMap<Name, string>> {
  const found = new Map<Name, string>()
  let open = founders
  for (let turn = 1; open.length > 0; turn += 1) {
    const drawn = open.map(([name, founder]) => [name, founder, candidate(rules, founder, turn)] as const)
    const known = await rows.profiles(drawn.map(([, , id]) => id))
    for (const [name, , id] of drawn) if (!known.has(id) && !taken.has(id)) found.set(name, id)
    open = open.filter(([name]) => !found.has(name))
  }
  return found
}

function candidate(rules: Rules, founder: string, turn: number): string {
  const [namespace, value] = partsOf(founder)
  return profileIdOf(rules, namespace, turn === 1 ? value : `${value}\u0001${turn}`)
}
