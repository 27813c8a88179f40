import { choose } from './choice.js'
import { type BindingRow, isRedirect, type ProfileRow, type RedirectRow, type Rows, sequenceKey } from './rows.js'
import { idOf } from './rules.js'

/** A person whom the destination knows under an address that is not the person's any more. */
export interface AddressChange {
  /** The profile id that the binding stands under: binding `to` under it settles the change. */
  readonly profileId: string
  readonly from: string
  /** `undefined`: the person has no address now. */
  readonly to: string | undefined
  /** Nobody knows whether the destination knows the person there. */
  readonly unsure?: boolean
}

/** Redirects followed at most: each is written to a living profile, so that a chain is as long as its merges. */
const REDIRECTS_MAX = 1_000

/** Log entries that are read together. */
const PAGE = 1_000

/** Whose changes, how addresses are held, and from which position of the log on. */
interface Range {
  readonly project: string
  readonly target: string
  readonly isShared: boolean
  readonly after: number
  readonly limit: number
  /** Profile ids that are looked at first. */
  readonly also: readonly string[]
}

/**
 * Address changes of the people that log entries after `after` speak of, as things stand now; reads on until there are
 * `limit` of them, or the log ends.
 *
 * Repeat   the same change is told until its new address is bound: a crash in between loses nothing.
 */
export async function addressChanges(
  rows: Rows,
  range: Range,
): Promise<{ readonly changes: readonly AddressChange[]; readonly after: number }> {
  const changes = new Map<string, AddressChange>()
  let { after } = range
  for (const change of await changesOf(rows, range, range.also)) changes.set(change.profileId, change)
  while (changes.size < range.limit) {
    const from = { prefix: [rows.graph], after: [rows.graph, sequenceKey(after)], limit: PAGE }
    const entries = await rows.store.scan('identityLog', from)
    const touched = [...new Set(entries.map(({ value }) => value as string))]
    for (const change of await changesOf(rows, range, touched)) changes.set(change.profileId, change)
    after = Number(entries.at(-1)?.key[1] ?? after)
    if (entries.length < PAGE) break
  }
  return { changes: [...changes.values()], after }
}

async function changesOf(
  rows: Rows,
  { project, target, isShared }: Range,
  touched: readonly string[],
): Promise<readonly AddressChange[]> {
  const known = new Map<string, ProfileRow | RedirectRow>()
  const living = await follow(rows, touched, known)
  // A binding may stand under an id that became part of one of these.
  const former = [...new Set(living.values())].flatMap((id) => (known.get(id) as ProfileRow).was ?? [])
  for (const [id, home] of await follow(rows, former, known)) living.set(id, home)
  for (const home of new Set(living.values())) living.set(home, home) // also where nothing but its former id was touched
  const candidates = [...new Set([...touched, ...former, ...living.values()])]
  const bindings = await rows.bindings(project, candidates)
  const changes = candidates.flatMap((id) => changeOf(id, living.get(id), { known, bindings, target }))
  const isOthers = ({ unsure = false }: AddressChange): boolean => isShared || unsure
  if (!changes.some(isOthers)) return changes
  // The user there is another person's too, and stays: moving it would take it away from that one.
  const homes = await rows.homes(changes.map(({ from }) => idOf(target, from)))
  return changes.filter((change) => {
    if (!isOthers(change)) return true
    const { profileId, from } = change
    const home = homes.get(idOf(target, from))
    return home == null || home === living.get(profileId)
  })
}

function changeOf(
  id: string,
  home: string | undefined,
  {
    known,
    bindings,
    target,
  }: {
    known: ReadonlyMap<string, ProfileRow | RedirectRow>
    bindings: ReadonlyMap<string, BindingRow>
    target: string
  },
): readonly AddressChange[] {
  const { address: from, unsure } = bindings.get(id) ?? {}
  const profile = home === undefined ? undefined : (known.get(home) as ProfileRow)
  const to = home && profile && choose({ profileId: home, profile, target, bindings })?.address
  return from === undefined || from === to ? [] : [{ profileId: id, from, to, ...(unsure === true && { unsure }) }]
}

/** The address that each person has now who is bound under one of these profile ids; left out where there is none. */
export async function addressesOf(
  rows: Rows,
  { project, target }: Pick<Range, 'project' | 'target'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const known = new Map<string, ProfileRow | RedirectRow>()
  const living = await follow(rows, ids, known)
  const homes = new Set(living.values())
  const former = [...homes].flatMap((id) => (known.get(id) as ProfileRow).was ?? [])
  const bindings = await rows.bindings(project, [...new Set([...homes, ...former])])
  const addresses = new Map<string, string>()
  for (const [id, home] of living) {
    const profile = known.get(home) as ProfileRow
    const found = choose({ profileId: home, profile, target, bindings })
    if (found !== undefined) addresses.set(id, found.address)
  }
  return addresses
}

/** The living profile that each id is part of now; ids of which nothing is left are left out. `known` gets the rows. */
export async function follow(
  rows: Rows,
  ids: readonly string[],
  known: Map<string, ProfileRow | RedirectRow>,
): Promise<Map<string, string>> {
  const at = new Map(ids.map((id) => [id, id] as const))
  for (let hops = 0; hops < REDIRECTS_MAX; hops += 1) {
    const unread = [...new Set(at.values())].filter((id) => !known.has(id))
    for (const [id, row] of await rows.profiles(unread)) known.set(id, row)
    let moved = false
    for (const [id, now] of at) {
      const row = known.get(now)
      if (row === undefined) at.delete(id)
      else if (isRedirect(row)) {
        at.set(id, row.to)
        moved = true
      }
    }
    if (!moved) break
  }
  return at
}
