import { compareBytes } from '../model/byte-order.js'
import type { Neighbourhood } from './neighbourhood.js'
import { isRedirect, type ProfileRow, type RedirectRow } from './rows.js'
import { idOf, type Rules } from './rules.js'
import { profileIdOf, type Solution } from './solve.js'

/** Profile rows before a change, by id. */
export type Former = ReadonlyMap<string, ProfileRow | RedirectRow>

/** What became of profiles that are no more, so that what was remembered under their ids is found again. */
export interface Succession {
  /** Profile id to the profile that it is part of now; undefined where no evidence is left of it. */
  readonly redirects: ReadonlyMap<string, string | undefined>
  /** By living profile: the ids that became part of it. */
  readonly was: ReadonlyMap<string, readonly string[]>
}

/**
 * Follows each former profile to its successor: where its founding identifier went, else where most of its identifiers
 * went; where ids are pinned these alone decide. History, and no part of who is who: two stores with the same evidence may differ in it, and in nothing else.
 */
export function succession(rules: Rules, solution: Solution, former: Former, around: Neighbourhood): Succession {
  const living = new Set(solution.profiles.map(({ profileId }) => profileId))
  const homes = new Map<string, string>()
  for (const { profileId, members, retired } of solution.profiles) {
    for (const { id } of [...members, ...retired]) homes.set(id, profileId)
  }
  const redirects = new Map<string, string | undefined>()
  const was = new Map<string, Set<string>>()
  const inherit = (heir: string, ids: readonly string[]): void => {
    const heritage = was.get(heir) ?? new Set<string>()
    for (const id of ids) if (!living.has(id)) heritage.add(id)
    if (heritage.size > 0) was.set(heir, heritage)
  }
  for (const [id, row] of [...former].sort(([a], [b]) => compareBytes(a, b))) {
    if (isRedirect(row)) continue
    if (living.has(id)) {
      inherit(id, row.was ?? [])
      continue
    }
    const isFounder = ([namespace, value]: readonly [string, string]) => profileIdOf(rules, namespace, value) === id
    const founder = rules.idPolicy === 'founder' ? row.members.find(isFounder) : undefined
    const heir = (founder && homes.get(idOf(...founder))) ?? commonest(id, around, homes)
    redirects.set(id, heir)
    if (heir !== undefined) inherit(heir, [id, ...(row.was ?? [])])
  }
  return { redirects, was: new Map([...was].map(([id, ids]) => [id, [...ids].sort(compareBytes)])) }
}

/** The living profile with most identifiers of a former one; among equals the least id. */
function commonest(former: string, around: Neighbourhood, homes: ReadonlyMap<string, string>): string | undefined {
  const counts = new Map<string, number>()
  for (const [id, before] of around.ids) {
    const home = before === former ? homes.get(id) : undefined
    if (home !== undefined) counts.set(home, (counts.get(home) ?? 0) + 1)
  }
  const [best] = [...counts].sort(([a, x], [b, y]) => y - x || compareBytes(a, b))
  return best?.[0]
}
