import type { Identifier } from '../model/identifier.js'
import { follow } from './changes.js'
import { isRedirect, type ProfileRow, type RedirectRow, type Rows } from './rows.js'
import { idOf, type Rules } from './rules.js'

/** One person. */
export interface Profile {
  readonly profileId: string
  /** Strongest namespace first, within one the best address first; the retired ones last: they are never the address. */
  readonly identifiers: readonly (Identifier & { readonly retired: boolean })[]
  /** How many open conflicts it is part of. */
  readonly conflicts: number
}

/** People that are read together. */
const PAGE = 1_000

/** Order   by profile id. Cost    one page in memory. */
export async function* profilesOf(rows: Rows): AsyncGenerator<Profile> {
  for await (const entries of rows.pages('profile', PAGE)) {
    for (const { key, value } of entries) {
      const row = value as object as ProfileRow | RedirectRow
      if (!isRedirect(row)) yield profile(key[1] as string, row)
    }
  }
}

/** The person whom a profile id of now or before means, or an identifier; `undefined` where there is none. */
export async function profileOf(rules: Rules, rows: Rows, of: string | Identifier): Promise<Profile | undefined> {
  const id = typeof of === 'string' ? of : await homeOf(rules, rows, of)
  if (id === undefined) return undefined
  const known = new Map<string, ProfileRow | RedirectRow>()
  const living = (await follow(rows, [id], known)).get(id)
  return living === undefined ? undefined : profile(living, known.get(living) as ProfileRow)
}

async function homeOf(rules: Rules, rows: Rows, { namespace, value }: Identifier): Promise<string | undefined> {
  const reading = rules.read(namespace, value)
  if ('problem' in reading) return undefined
  const id = idOf(namespace, reading.value)
  return (await rows.homes([id])).get(id) ?? undefined
}

function profile(profileId: string, { members, retired = [], conflicts = [] }: ProfileRow): Profile {
  const listed = (list: ProfileRow['members'], isRetired: boolean) =>
    list.map(([namespace, value]) => ({ namespace, value, retired: isRetired }))
  return { profileId, identifiers: [...listed(members, false), ...listed(retired, true)], conflicts: conflicts.length }
}
