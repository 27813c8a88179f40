import { setImmediate } from 'node:timers/promises'
import { erasePlaces } from '../delta/erase.js'
import { eraseOutcomes } from '../history/erase.js'
import type { Identifiers } from '../model/identifier.js'
import { rowBlock } from '../model/row.js'
import type { JsonObject } from '../model/value.js'
import { baseOf } from '../stores/sealed.js'
import type { Entry, Key, Op, Store, Table } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { Theirs } from './erase-person.js'
import { firstWritesIn, firstWritesOf, firstWritesTo } from './first-writes.js'

/** One sync's part of an erasure, under its lease. */
export interface Erasing {
  /** Where runs keep what they keep; identity's and the lists' may be others. */
  readonly store: Store
  readonly stores: { readonly identity: Store; readonly lists: Store }
  readonly scope: Scope
  /** Identity's graph. */
  readonly graph: string
  /** Of the rows of the sync; left out where it is another one's and its source is not known. */
  readonly source?: string | undefined
  /** The source's key columns. */
  readonly rowKey?: readonly string[] | undefined
  readonly theirs: Theirs
  /** Commits to `store` with the lease in front. */
  readonly commit: (ops: readonly Op[]) => Promise<void>
  /** `check` ops of the lease for another of the stores; none where the lease is not kept there. */
  readonly fenceIn: (store: Store) => readonly Op[]
}

/** How many entries were erased, by table. */
export type Erased = Readonly<Record<string, number>>

/**
 * Takes the people out of what one part of lakeloop keeps.
 *
 * Repeat  the same again changes nothing: after a crash all of them are called again.
 */
export type Eraser = (erasing: Erasing) => Promise<Erased>

/** What a sync keeps under its own name. Whoever adds a table with values adds an eraser here. */
export const OF_A_SYNC: readonly Eraser[] = [
  fingerprints,
  letters,
  parked,
  parkedRows,
  carried,
  pushed,
  pushIds,
  outcomes,
  firstWrites,
]

/** What the syncs of a project share. Identity, which several projects may share, erases its own: `IdentityResolver.forget`. */
export const OF_THE_PROJECT: readonly Eraser[] = [bindings, marks, places]

const PAGE = 1_000

interface Sweep {
  readonly store?: Store
  readonly prefix?: Key
  readonly isTheirs: (entry: Entry) => boolean
}

async function sweep(erasing: Erasing, table: Table, { store = erasing.store, ...what }: Sweep): Promise<Erased> {
  const { prefix = checkpointKey(erasing.scope), isTheirs } = what
  let count = 0
  for (let after: Key | undefined; ; ) {
    const page = await store.scan(table, { prefix, after, limit: PAGE })
    const ops = page.filter(isTheirs).map(({ key }): Op => ({ op: 'delete', table, key }))
    if (ops.length > 0 && baseOf(store) === baseOf(erasing.store)) await erasing.commit(ops)
    else if (ops.length > 0) await store.commit(ops)
    count += ops.length
    if (page.length < PAGE) return { [table]: count }
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}

/** What is not harmless to send again, where it was somebody else's: a key that only looks like theirs does not count. */
const ONCE = /^(?:purchase|cart)(?:#\d+)?$/

/** Of a profile the key has the address, of what has an id of its own that one, of anything else the row's key. */
function fingerprints(erasing: Erasing): Promise<Erased> {
  const { theirs, source } = erasing
  const isTheirs = ({ key: [, , name = '', kind = ''] }: Entry): boolean => {
    if (kind === 'address') return theirs.isAddress(name) || (name.startsWith('[') && theirs.isTelling(name))
    if (!ONCE.test(kind)) return theirs.isKey(name, source)
    return theirs.isTelling(name) || (source !== undefined && theirs.isRecord(source, name))
  }
  return sweep(erasing, 'fingerprint', { isTheirs })
}

/** Actions, rows, and people whose address could not be moved: by their profile id. */
function letters(erasing: Erasing): Promise<Erased> {
  return sweep(erasing, 'deadLetter', { isTheirs: (entry) => isLetter(erasing, entry) })
}

function parked(erasing: Erasing): Promise<Erased> {
  return sweep(erasing, 'parked', { isTheirs: (entry) => isLetter(erasing, entry) })
}

function isLetter({ theirs, source }: Erasing, { key, value }: Entry): boolean {
  const [, , name = ''] = key
  const { action, row } = value as { readonly action?: JsonObject; readonly row?: JsonObject }
  if (theirs.profileIds.has(name) || theirs.isTelling(name)) return true
  if (action !== undefined && theirs.isAction(action as JsonObject & { readonly identifiers?: Identifiers }))
    return true
  if (row !== undefined && theirs.isRow(row, name)) return true
  return source !== undefined && theirs.isRecord(source, name)
}

function parkedRows(erasing: Erasing): Promise<Erased> {
  const { theirs, source } = erasing
  const isTheirs = ({ value }: Entry): boolean => {
    const { row, key } = value as { readonly row: JsonObject; readonly key: string | null }
    if (key !== null && (theirs.isTelling(key) || (source !== undefined && theirs.isRecord(source, key)))) return true
    return theirs.isRow(row, key ?? undefined)
  }
  return sweep(erasing, 'parkedRow', { isTheirs })
}

/** Under an address, fields of a profile. */
function carried(erasing: Erasing): Promise<Erased> {
  const { theirs } = erasing
  const isTheirs = ({ key: [, , address = ''], value }: Entry): boolean =>
    theirs.isAddress(address) || theirs.isRow((value as { readonly fields: JsonObject }).fields, undefined)
  return sweep(erasing, 'carried', { isTheirs })
}

/** Rows that were pushed and that no run has taken yet. Their keys are those that the source would give them. */
function pushed(erasing: Erasing): Promise<Erased> {
  const { theirs, source, rowKey } = erasing
  const isTheirs = ({ value }: Entry): boolean => {
    const { row } = value as { readonly row: JsonObject }
    const key = rowBlock([row], { key: rowKey }).key(0)
    return theirs.isRow(row, key) || (key !== undefined && source !== undefined && theirs.isRecord(source, key))
  }
  return sweep(erasing, 'inbox', { isTheirs })
}

/** Ids of pushes, each in two entries: a push of theirs that is repeated is taken again, and its rows are refused. */
function pushIds(erasing: Erasing): Promise<Erased> {
  const { theirs } = erasing
  const isTheirs = ({ key: [, , part, id = ''], value }: Entry): boolean =>
    (part === 'id' && theirs.isTelling(id)) || (part === 'slot' && theirs.isTelling(String(value)))
  return sweep(erasing, 'inboxState', { isTheirs })
}

/** What history keeps under digests of their names, which it can only look for one by one. */
async function outcomes({ store, scope, theirs, source, commit }: Erasing): Promise<Erased> {
  return { outcome: await eraseOutcomes({ store, scope }, commit, theirs.handles(source)) }
}

/** Of an entry their part alone goes: the others in it may have been written to as well. */
async function firstWrites({ store, scope, theirs, commit }: Erasing): Promise<Erased> {
  let count = 0
  const ops: Op[] = []
  for (const { key, value } of await firstWritesOf(store, checkpointKey(scope))) {
    const all = firstWritesIn(value)
    const others = all.filter(
      ({ profileId, address }) => !theirs.profileIds.has(profileId) && !theirs.isAddress(address),
    )
    if (others.length === all.length) continue
    count += all.length - others.length
    const isLeft = others.length > 0
    ops.push(
      isLeft
        ? { op: 'put', table: 'firstWrite', key, value: firstWritesTo(others) }
        : { op: 'delete', table: 'firstWrite', key },
    )
  }
  if (ops.length > 0) await commit(ops)
  return { firstWrite: count }
}

/** Identity erases those of the profiles that it knows; others may have been written to under the same address. */
function bindings(erasing: Erasing): Promise<Erased> {
  const { theirs, scope, stores } = erasing
  const isTheirs = ({ value }: Entry): boolean => theirs.isAddress((value as { readonly address: string }).address)
  return sweep(erasing, 'binding', { store: stores.identity, prefix: [scope.project], isTheirs })
}

/** What a reading of a source into the graph has shown so far, by key. A mark too many that goes would take a record along. */
function marks({ theirs, stores, graph, ...erasing }: Erasing): Promise<Erased> {
  const isTheirs = ({ key: [, source = '', , name = ''] }: Entry): boolean =>
    theirs.isRecord(source, name) || theirs.isOne(name)
  return sweep({ ...erasing, theirs, stores, graph }, 'identitySeen', {
    store: stores.identity,
    prefix: [graph],
    isTheirs,
  })
}

async function places({ theirs, scope, stores, fenceIn }: Erasing): Promise<Erased> {
  const leavers = {
    isAddress: (text: string) => theirs.isAddress(text),
    isClaimant: (text: string) => theirs.profileIds.has(text) || theirs.isTelling(text),
    needles: theirs.needles,
  }
  return {
    ...(await erasePlaces({ store: stores.lists, project: scope.project, leavers, fence: fenceIn(stores.lists) })),
  }
}
