import { compareBytes } from '../model/byte-order.js'
import type { Json } from '../model/value.js'
import type { Entry, Op } from '../stores/store.js'
import { type Group, groupsOf, homesAnew } from './moves.js'
import { commitTo, type Making } from './rebuild.js'
import { isRedirect, type ProfileRow, type RedirectRow, type Rows, sequenceKey } from './rows.js'
import { idOf, type Rules } from './rules.js'
import { profileIdOf } from './solve.js'

/** What became of the profiles of the old side. */
export interface Inherited {
  /** How many there were. */
  readonly profiles: number
  /** How many of them have their identifiers in several profiles now. */
  readonly split: number
  /** The last number of the log. */
  readonly sequence: number
}

export interface Estate extends Making {
  /** Rules by which the old side may have named its profiles: for the salt. */
  readonly named: readonly Rules[]
  /** The last number of the old side's log. */
  readonly sequence: number
  /** Is handed each profile that is split. */
  readonly onSplit: (row: ProfileRow) => void
}

const PAGE = 500

type Row = ProfileRow | RedirectRow

/**
 * Leads from every profile id of the old side to its successor on the new one, as a change of evidence does: where the
 * founding identifier went, else where most of the identifiers went. So what was remembered under old ids is found again.
 * The log goes on where the old one ends, with all whose identifiers, or whose best one, changed.
 */
export async function inherit(estate: Estate): Promise<Inherited> {
  for await (const page of estate.from.pages('identityLog')) {
    const ops = page.map(({ key, value }) => put('identityLog', [estate.to.graph, key[1] as string], value))
    await commitTo(estate, ops)
  }
  const groups = inStep(groupsOf(estate.to, 'from'))
  let [profiles, split, { sequence }] = [0, 0, estate]
  for await (const page of estate.from.pages('profile', PAGE)) {
    const settled = await settlePage(estate, page, groups)
    const log = settled.changed.map((id) => put('identityLog', [estate.to.graph, sequenceKey(++sequence)], id))
    await commitTo(estate, [...settled.ops, ...log])
    profiles += settled.profiles
    split += settled.split
  }
  return { profiles, split, sequence }
}

async function settlePage(
  estate: Estate,
  page: readonly Entry[],
  groups: (id: string) => Promise<Group | undefined>,
): Promise<{ ops: readonly Op[]; changed: readonly string[]; profiles: number; split: number }> {
  const { to } = estate
  const rows = new Map(page.map(({ key, value }) => [key[1] as string, value as object as Row]))
  const former = [...rows.values()].flatMap((row) => (isRedirect(row) ? [] : (row.was ?? [])))
  const livingNow = await livingOf(to, [...rows.keys(), ...former])
  const founders = await foundersOf(estate, rows, livingNow)
  const heirs = new Map<string, string[]>()
  const ops: Op[] = []
  const changed: string[] = []
  let [profiles, split] = [0, 0]
  for (const [id, row] of rows) {
    const now = livingNow.get(id)
    if (isRedirect(row)) {
      if (now === undefined) ops.push(profilePut(to, id, row))
      continue
    }
    profiles += 1
    const group = await groups(id)
    if ((group?.others ?? 0) + (now === undefined ? 0 : 1) > 1) {
      split += 1
      estate.onSplit(row)
    }
    const heir = now === undefined ? (founders.get(id) ?? group?.best) : id
    const heritage = [id, ...(row.was ?? [])].filter((one) => !livingNow.has(one))
    if (heir !== undefined && heritage.length > 0) heirs.set(heir, [...(heirs.get(heir) ?? []), ...heritage])
    if (now === undefined && heir !== undefined) ops.push(profilePut(to, id, { to: heir }))
    if (JSON.stringify(now?.members) !== JSON.stringify(row.members)) changed.push(id)
  }
  for (const [heir, row] of await livingOf(to, [...heirs.keys()])) {
    const was = new Set([...(row.was ?? []), ...(heirs.get(heir) as string[])])
    ops.push(profilePut(to, heir, { ...row, was: [...was].sort(compareBytes) }))
  }
  return { ops, changed, profiles, split }
}

async function livingOf(rows: Rows, ids: readonly string[]): Promise<Map<string, ProfileRow>> {
  const living = new Map<string, ProfileRow>()
  for (const [id, row] of await rows.profiles([...new Set(ids)])) if (!isRedirect(row)) living.set(id, row)
  return living
}

/** Of profiles that are no more: where the identifier went that gave them their id. */
async function foundersOf(
  estate: Estate,
  rows: ReadonlyMap<string, Row>,
  living: ReadonlyMap<string, ProfileRow>,
): Promise<ReadonlyMap<string, string>> {
  const founders = new Map<string, string>()
  for (const [id, row] of rows) {
    if (isRedirect(row) || living.has(id)) continue
    const names = (member: ProfileRow['members'][number]) =>
      estate.named.some((rules) => profileIdOf(rules, ...member) === id)
    const founder = row.members.find(names)
    if (founder !== undefined) founders.set(id, idOf(...founder))
  }
  const homes = await homesAnew(estate, [...new Set(founders.values())])
  const found = new Map<string, string>()
  for (const [id, founder] of founders) {
    const home = homes.get(founder)
    if (typeof home === 'string') found.set(id, home)
  }
  return found
}

/** Asks for groups in their order, of which some are not there. */
function inStep(groups: AsyncGenerator<Group>): (id: string) => Promise<Group | undefined> {
  let next: Promise<Group | undefined> | undefined
  const advance = async (): Promise<Group | undefined> => (await groups.next()).value as Group | undefined
  return async (id) => {
    for (;;) {
      next ??= advance()
      const group = await next
      if (group === undefined || compareBytes(group.id, id) > 0) return undefined
      next = undefined
      if (group.id === id) return group
    }
  }
}

const put = (table: 'identityLog' | 'profile', key: readonly string[], value: Json): Op => ({
  op: 'put',
  table,
  key,
  value,
})
const profilePut = ({ graph }: Rows, id: string, row: Row): Op => put('profile', [graph, id], row as object as Json)
