import { isLakeloopError, LakeloopError } from '../errors.js'
import type { IdentityResolver } from '../identity/resolver.js'
import type { Identifier, Identifiers } from '../model/identifier.js'
import type { Key, Store } from '../stores/store.js'
import { readCheckpoint, type Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import { commitsTo } from './commits.js'
import { Departures } from './departures.js'
import { queued, suppressOps } from './erase-forget.js'
import { type Landed, landedStatements } from './erase-landed.js'
import { doneOps, dropDone, intentOps, type Pending, pendingErasures, together } from './erase-pending.js'
import { type Handles, Theirs } from './erase-person.js'
import { type Erased, type Eraser, OF_A_SYNC, OF_THE_PROJECT } from './erase-tables.js'
import { hit } from './failpoint.js'
import { type TakingIn, takeInFirstWrites } from './first-writes.js'
import { syncsWithInbox } from './inbox.js'
import { fenceIn, Lease } from './lease.js'
import type { SyncOptions } from './options.js'

export interface EraseOptions {
  /** Tables into which engagement was landed, for {@link Erasure.statements}. */
  readonly landed?: readonly Landed[]
}

/** What an erasure did. Counts alone, but for `statements`, which the caller asked for. */
export interface Erasure {
  /** How many identifiers the people have and had, as far as anything tells. */
  readonly identifiers: number
  /** How many entries went, by table: those of this call, also where it went on with another one. */
  readonly tables: Readonly<Record<string, number>>
  /** Addresses of theirs that the next runs have the destination forget, and how long it takes until the last one is. */
  readonly forget?: { readonly queued: number; readonly etaMs: number }
  /** Syncs of the project that ran meanwhile: what they keep goes when they run next, before they read anything. */
  readonly waiting: readonly string[]
  /** What to run in the warehouse, in this order. They hold the identifiers. */
  readonly statements: readonly string[]
}

/** A sync, under its lease. */
export interface Place {
  readonly parts: Pick<SyncOptions, 'store' | 'identity' | 'lists' | 'source' | 'destination'>
  readonly scope: Scope
  readonly clock: Clock
  readonly lease: Lease
}

/** People of one call. */
const PEOPLE_MAX = 100

/** Whom to erase. Throws OPTION_INVALID, before anything is done. */
export function peopleOf(
  identity: IdentityResolver,
  person: Identifiers | readonly Identifiers[],
  { landed = [] }: EraseOptions,
): readonly Identifier[] {
  const people = Array.isArray(person) ? (person as readonly Identifiers[]) : [person as Identifiers]
  if (people.length === 0 || people.length > PEOPLE_MAX) throw invalid(`is not one to ${PEOPLE_MAX} people`)
  landedStatements(landed, { addresses: [], others: [] })
  return people.flatMap((one) => {
    if (typeof one !== 'object' || one === null) throw invalid('is no object of identifiers by namespace')
    const named = Object.entries(one).map(([namespace, value]) => ({ namespace, value }))
    if (named.length === 0) throw invalid('names no identifier')
    if (named.some((identifier) => identity.written(identifier) === undefined))
      throw invalid('names an identifier that joins nobody by the rules of identity')
    return named
  })
}

const invalid = (problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync.erase', option: 'person', problem })

/**
 * Takes people out of all that the project keeps, and queues them to be forgotten at the destination. First it is written
 * down who they are and what has yet to be done: from then on nothing is sent about them, and what a crash leaves undone is
 * done by the next erasure or run.
 */
export async function erase(place: Place, people: readonly Identifier[], options: EraseOptions): Promise<Erasure> {
  const { parts, scope, clock, lease } = place
  const { store, identity, destination } = parts
  await takeInFirstWrites(await takingIn(place)) // an address that may have been written to is theirs too
  const traces = await identity.traces(people, [scope.project])
  const before = await pendingErasures(store, scope.project)
  // Identity may have forgotten them already, in a call that died: then what it knew stands there.
  const handles = together([traces, ...before.map((one) => one.handles).filter((one) => isShared(one, traces))])
  const theirs = theirsOf(place, handles)
  const at = new Date(clock.now()).toISOString()
  FAILPOINT: hit('before-erase-begun')
  await lease.commit([
    ...intentOps(scope.project, { handles, graph: identity.graph, syncs: await syncsOf(store, scope) }),
    ...(await suppressOps(store, scope, { addresses: theirs.addresses, at })),
  ])
  FAILPOINT: hit('after-erase-begun')
  const { tables, waiting } = await finish(place, { others: true })
  const queue = await queued(store, scope.project, theirs.addresses)
  const learned = (await readCheckpoint(store, scope))?.learned
  const forget = { queued: queue.theirs, etaMs: destination.forgetEtaMs?.(queue.all, learned) ?? 0 }
  return {
    identifiers: handles.identifiers.length,
    tables,
    waiting,
    ...(queue.theirs === 0 ? {} : { forget }),
    statements: landedStatements(options.landed ?? [], landedPeople(handles, identity.target)),
  }
}

const takingIn = async ({ parts: { store, identity, lists }, scope, lease }: Place): Promise<TakingIn> => ({
  store,
  identity,
  scope,
  departures: await Departures.of(store, scope.project),
  commits: commitsTo({ main: store, identity: identity.store, lists: lists.store }, (ops) => lease.commit(ops)),
})

const isShared = (one: Handles, other: Handles): boolean => {
  const known = new Set(one.identifiers.map((identifier) => JSON.stringify(identifier)))
  return other.identifiers.some((identifier) => known.has(JSON.stringify(identifier)))
}

const landedPeople = ({ identifiers, spellings }: Handles, target: string) => ({
  addresses: identifiers.flatMap(({ namespace, value }) => (namespace === target ? [value] : [])),
  others: [...identifiers.map(({ value }) => value), ...spellings],
})

const theirsOf = ({ parts: { identity } }: Place, handles: Handles): Theirs =>
  new Theirs(handles, { target: identity.target, written: (identifier) => identity.written(identifier) })

const PAGE = 1_000

/** Every sync of the project that ever ran on this store, each of which has a lease, or was pushed to. */
async function syncsOf(store: Store, { project, sync }: Scope): Promise<readonly string[]> {
  const names = new Set([sync, ...(await syncsWithInbox(store, project))])
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('lease', { prefix: [project], after, limit: PAGE })
    for (const { key } of page) names.add(String(key[1]))
    if (page.length < PAGE) return [...names]
    after = page.at(-1)?.key
  }
}

/**
 * Does what is pending for this sync, whoever began it; with `others` also for the other syncs of the project, as far as
 * they do not run.
 *
 * Cost  one read where nothing is pending; else the tables of the project, once from end to end.
 */
export async function finish(
  place: Place,
  { others }: { readonly others: boolean },
): Promise<{ readonly tables: Erased; readonly waiting: readonly string[] }> {
  const { parts, scope, lease } = place
  const pending = await pendingErasures(parts.store, scope.project)
  const tables: Record<string, number> = {}
  const add = (erased: Erased): void => {
    for (const [table, count] of Object.entries(erased)) tables[table] = (tables[table] ?? 0) + count
  }
  if (pending.length === 0) return { tables, waiting: [] }
  add(await forgetWho(place, pending))
  const waiting: string[] = []
  const names = new Set(others ? pending.flatMap(({ syncs }) => syncs) : [])
  for (const name of names) {
    if (name === scope.sync) continue
    const erased = await eraseOther(place, name, pending)
    if (erased === undefined) waiting.push(name)
    else add(erased)
  }
  const own = pending.filter(({ syncs }) => syncs.includes(scope.sync))
  if (own.length > 0) {
    add(await eraseIn(place, own, [...OF_A_SYNC, ...OF_THE_PROJECT]))
    FAILPOINT: hit('before-sync-erased')
    await lease.commit(doneOps(scope.project, own, 'sync', scope.sync))
    FAILPOINT: hit('after-sync-erased')
  }
  await dropDone(parts.store, scope.project, (ops) => lease.commit(ops))
  FAILPOINT: hit('after-erase-done')
  return { tables, waiting }
}

/** Identity's part, for the erasures of this graph. A preview has a copy of the evidence. */
async function forgetWho({ parts, scope, lease }: Place, all: readonly Pending[]): Promise<Erased> {
  const { identity } = parts
  const pending = all.filter(({ graphs }) => graphs.includes(identity.graph))
  if (pending.length === 0) return {}
  const { identifiers } = together(pending.map(({ handles }) => handles))
  // Rules may have changed since it was written down.
  const known = identifiers.filter((one) => identity.written(one) === one.value)
  const { records, profiles, bindings } = await identity.forget(known, { projects: [scope.project] })
  await identity.discardPreviews()
  FAILPOINT: hit('before-graph-erased')
  await lease.commit(doneOps(scope.project, pending, 'graph', identity.graph))
  FAILPOINT: hit('after-graph-erased')
  return { evidence: records, profile: profiles, binding: bindings }
}

/** Another sync's part, under its own lease; `undefined` while it runs: then it does it itself. */
async function eraseOther(place: Place, name: string, all: readonly Pending[]): Promise<Erased | undefined> {
  const { parts, clock } = place
  const scope = { ...place.scope, sync: name }
  const pending = all.filter(({ syncs }) => syncs.includes(name))
  let lease: Lease
  try {
    lease = await Lease.take(parts.store, scope, clock)
  } catch (error) {
    if (isLakeloopError(error, 'LEASE_HELD')) return undefined
    throw error
  }
  try {
    const erased = await eraseIn({ ...place, scope, lease }, pending, OF_A_SYNC, { isOther: true })
    FAILPOINT: hit('before-other-erased')
    await lease.commit(doneOps(scope.project, pending, 'sync', name))
    return erased
  } finally {
    await lease.release()
  }
}

async function eraseIn(
  place: Place,
  pending: readonly Pending[],
  erasers: readonly Eraser[],
  { isOther = false } = {},
): Promise<Erased> {
  const { parts, scope, lease } = place
  const { store, identity, lists, source } = parts
  const theirs = theirsOf(place, together(pending.map(({ handles }) => handles)))
  const tables: Record<string, number> = {}
  for (const eraser of erasers) {
    const erased = await eraser({
      store,
      stores: { identity: identity.store, lists: lists.store },
      graph: identity.graph,
      scope,
      ...(isOther ? {} : { source: source.name, rowKey: source.key }),
      theirs,
      commit: (ops) => lease.commit(ops),
      fenceIn: (other) => fenceIn(other, store, lease.fence),
    })
    for (const [table, count] of Object.entries(erased)) tables[table] = (tables[table] ?? 0) + count
    FAILPOINT: if (!isOther) hit('after-table-erased')
  }
  return tables
}
