import type { IdentityResolver, Resolution } from '../identity/resolver.js'
import type { Json } from '../model/value.js'
import type { Entry, Key, Op, Store } from '../stores/store.js'
import type { Scope } from './checkpoint.js'
import type { Commits } from './commits.js'
import type { Departures } from './departures.js'

/** Somebody whom no binding tells of, and the address that is about to be written to. */
export interface FirstWrite {
  readonly profileId: string
  readonly address: string
}

/**
 * Who is bound to the address once the destination has accepted something there. Nobody to a shared one, which is another
 * person's: who leaves it later must not take that one's user along.
 */
export const newcomerOf = ({ why, profileId }: Extract<Resolution, { status: 'resolved' }>): string | undefined =>
  why === 'bound' || why === 'shared' ? undefined : profileId

/**
 * First writes that are on their way, in table `firstWrite`, one entry a flight: who is written to, and where. Were it
 * remembered only once there is an answer, a run that dies over the write would leave a user of whom nobody knows, and who has
 * another address by the next run would be a second one.
 *
 *     project, sync, flight  ->  [profile id, address, profile id, address, ...]
 */
export const firstWriteKey = ({ project, sync }: Scope, flight: string): Key => [project, sync, flight]

/** Each once. */
export function firstWritesTo(all: readonly FirstWrite[]): readonly string[] {
  const told = new Map<string, string>()
  const flat: string[] = []
  for (const { profileId, address } of all) {
    if (told.get(profileId) === address) continue
    told.set(profileId, address)
    flat.push(profileId, address)
  }
  return flat
}

export function firstWritesIn(value: Json): readonly FirstWrite[] {
  const flat = value as readonly string[]
  return Array.from({ length: flat.length / 2 }, (_, n) => {
    return { profileId: flat[2 * n] as string, address: flat[2 * n + 1] as string }
  })
}

/** Entries read at once: each may name some thousand people. */
const PAGE = 10

/** Where first writes are kept, and what becomes of them. */
export interface TakingIn {
  readonly store: Store
  readonly identity: IdentityResolver
  readonly scope: Scope
  readonly departures: Departures
  readonly commits: Commits
}

/**
 * Makes bindings, each marked as unsure, of the first writes that runs have died over: also of other syncs of the project, which
 * share the bindings. Gives the profile ids of all that are bound so. The entries of this sync go; those of another stay its own,
 * which may be running.
 *
 * Repeat  who was bound or forgotten meanwhile stays so.
 * Cost    one read where there are none.
 */
export async function takeInFirstWrites({
  store,
  identity,
  scope,
  departures,
  commits,
}: TakingIn): Promise<readonly string[]> {
  const { project, sync } = scope
  const entries = await firstWritesOf(store, [project])
  if (entries.length === 0) return []
  const all = entries.flatMap(({ value }) => firstWritesIn(value))
  const left = await departures.among(all.map(({ address }) => address))
  const known = await identity.resolve(all.map(({ address }) => ({ [identity.target]: address })))
  const bound = await bindingsOf(
    identity.store,
    all.map(({ profileId }) => [project, profileId]),
  )
  const unsure = new Set<string>()
  const made = new Map<string, FirstWrite>()
  all.forEach((one, at) => {
    if (left.get(one.address)?.forever === true || isForgotten(known[at])) return
    if (bound[at] === undefined) made.set(one.profileId, one)
    if (bound[at] === undefined || bound[at].unsure === true) unsure.add(one.profileId)
  })
  const own = entries.filter(({ key }) => key[1] === sync)
  await commits.commit({
    main: own.map(({ key }): Op => ({ op: 'delete', table: 'firstWrite', key })),
    identity: identity.bind(
      project,
      [...made.values()].map((one) => ({ ...one, unsure: true })),
    ),
  })
  return [...unsure]
}

const isForgotten = (one: Resolution | undefined): boolean =>
  one?.status === 'unresolvable' && one.reason.code === 'IDENTIFIER_FORGOTTEN'

/** All under a prefix. Of a sync there are two blocks under way at the most, and those that a store has failed to drop. */
export async function firstWritesOf(store: Store, prefix: Key): Promise<readonly Entry[]> {
  const all: Entry[] = []
  for (;;) {
    const page = await store.scan('firstWrite', { prefix, after: all.at(-1)?.key, limit: PAGE })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

/** Keys that one call to a store may name. Source: the contract in stores/store.ts. */
const KEYS_MAX = 10_000

interface Bound {
  readonly unsure?: boolean
}

async function bindingsOf(store: Store, keys: readonly Key[]): Promise<readonly (Bound | undefined)[]> {
  const found: (Bound | undefined)[] = []
  for (let at = 0; at < keys.length; at += KEYS_MAX) {
    for (const value of await store.get('binding', keys.slice(at, at + KEYS_MAX)))
      found.push(value as Bound | undefined)
  }
  return found
}

/** The op by which nobody is bound any more: under the former address there was no user. */
export const unbound = (project: string, profileId: string): Op => ({
  op: 'delete',
  table: 'binding',
  key: [project, profileId],
})
