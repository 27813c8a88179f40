import type { Json } from '../model/value.js'
import type { Entry, Key, Store, Table } from '../stores/store.js'
import type { RecordRef, StoredRecord } from './evidence.js'
import { type Holder, homeIn, type Place, placeOf } from './holders.js'
import { type MetaRow, metaOf } from './meta.js'
import { partsOf } from './rules.js'

export type { MetaRow } from './meta.js'

/**
 * What identity keeps, table by table. Every key begins with the graph's name, or with that of its generation once rules
 * were adopted; the meta row stands under the graph's own name always, and says which.
 *
 *     identityMeta   (graph)                                MetaRow, checked and written by every commit
 *     identityMeta   (graph, 'generations')                 GenerationsRow, while there is more than one
 *     evidence       (graph, source, key[, version])        StoredRecord; a version where the history is kept
 *     identifier     (graph, namespace, value)              where it leads, and the records that hold it: see holders.ts
 *     evidenceById   (graph, namespace, value, source, key[, version]) one row for each of these records where they are
 *                                                           many: the owner where there is a hub limit, else 0
 *     profile        (graph, profile id)                    ProfileRow, or RedirectRow once it became part of another
 *     conflict       (graph, digest of the two)             ConflictRow
 *     quarantine     (graph, namespace, value)              the hub limit that it passed, or BLOCKED
 *     identityLog    (graph, sequence)                      profile id whose identifiers changed
 *     aging          (graph, time, source, key[, version])  0: when the record's next identifier goes out of use
 *     identityMove   (generation, 'from' | 'to', id, id)    scratch of a preview: how many identifiers left one for another
 *
 * And what outlives the rules, under the graph's own name always:
 *
 *     identityHistory (graph, namespace, value, sequence)   HistoryRow: what became of an identifier that was known
 *     tombstone      (graph, salted digest)                 true: the identifier was forgotten
 *     forgetting     (graph, 'identifier', namespace, value) and (graph, 'profile', profile id): what a forget has yet to
 *                                                           erase, and of which projects; gone when it is done
 *     identityCursor, identitySeen                          see ingest-cursor.ts: what a source has shown already
 *     binding        (project, profile id)                  BindingRow: written by the caller's own commit
 */
export interface ProfileRow {
  /** Not the retired ones. Strongest namespace first; within one the best address first. */
  readonly members: readonly (readonly [namespace: string, value: string])[]
  /** Of `email` and `userId`, in the order of `members`: when each was first shown; microseconds, null: no time is known. */
  readonly since?: Readonly<Record<string, readonly (number | null)[]>>
  /** Namespaces whose first member comes first for its source. */
  readonly bySource?: readonly string[]
  /** Members that somebody pinned. */
  readonly pinned?: readonly (readonly [namespace: string, value: string])[]
  /** Aliases that there was no room for. Rows of version 0.1.0 do not tell them. */
  readonly retired?: readonly (readonly [namespace: string, value: string])[]
  /** Names of namespaces of which another profile has one that this one claimed too. */
  readonly claimed?: readonly string[]
  /** Digests of the conflicts that it is part of. */
  readonly conflicts?: readonly string[]
  /** Profiles that became part of this one: their bindings are its bindings. */
  readonly was?: readonly string[]
}

export interface RedirectRow {
  readonly to: string
  /** Where ids are pinned: digests of its last members, so that they can have the id back. */
  readonly traces?: readonly string[]
}

export interface ConflictRow {
  readonly a: readonly [namespace: string, value: string]
  readonly b: readonly [namespace: string, value: string]
  readonly rule: string
  readonly limit: number
  readonly wouldBe: number
  readonly winner: string
  readonly loser: string
  readonly records: readonly RecordRef[]
  readonly recordCount: number
  /** Where addresses are shared: by end, the claim of the person that goes without it. */
  readonly claims?: { readonly a?: ClaimRow; readonly b?: ClaimRow }
}

/** How well the records of a refused link vouch for an address. */
export interface ClaimRow {
  /** The best place of their sources. */
  readonly place: number
  /** Microseconds; null: no time is known. */
  readonly last: number | null
  readonly since: number | null
  readonly pinned?: true
}

export interface HistoryRow {
  readonly what: 'moved' | 'merged' | 'split' | 'quarantined' | 'released' | 'retired' | 'unretired' | 'left'
  readonly from?: string
  readonly to?: string
  /** Of the records that changed at the same time those that hold it: the first few. */
  readonly records?: readonly RecordRef[]
}

export interface BindingRow {
  readonly address: string
  /** A first write went there, and nobody knows whether it arrived. */
  readonly unsure?: boolean
}

/** Keys that one call to a store may name. Source: the contract in stores/store.ts. */
const KEYS_MAX = 10_000

/** The tables of which each generation of a graph has its own. One that is added belongs here, or it is left behind. */
export const GENERATION_TABLES = [
  'evidence',
  'evidenceById',
  'identifier',
  'profile',
  'conflict',
  'quarantine',
  'identityLog',
  'identityMove',
  'aging',
] as const satisfies readonly Table[]

/** One generation of one graph in one store: reading it, in as few calls as the contract allows. */
export class Rows {
  readonly store: Store
  /** What the keys of its tables begin with. */
  readonly graph: string
  /** What the host calls the graph. */
  readonly name: string
  /** The key of the graph's meta row. */
  readonly metaKey: Key

  constructor(store: Store, name: string, generation = name) {
    this.store = store
    this.name = name
    this.graph = generation
    this.metaKey = [name]
  }

  /** The generation that a meta row names. */
  at(meta: MetaRow | undefined): Rows {
    return new Rows(this.store, this.name, meta?.generation)
  }

  /** What outlives the rules: it stands under the graph's own name. */
  get own(): Rows {
    return new Rows(this.store, this.name)
  }

  /** All that a table of this generation holds (below some parts of a key), page by page; the last page may be empty. */
  async *pages(table: Table, limit = PAGE, below: Key = []): AsyncGenerator<readonly Entry[]> {
    for (let after: Key | undefined; ; ) {
      const entries = await this.store.scan(table, { prefix: [this.graph, ...below], after, limit })
      yield entries
      if (entries.length < limit) return
      after = entries.at(-1)?.key
    }
  }

  idKey(id: string): Key {
    const [namespace, value] = partsOf(id)
    return [this.graph, namespace, value]
  }

  async meta(): Promise<MetaRow | undefined> {
    const [row] = await this.store.get('identityMeta', [this.metaKey])
    return metaOf(row)
  }

  /** By id: profile id, null where quarantined. Ids that are not known, or only named by hand, are left out. */
  async homes(ids: readonly string[]): Promise<Map<string, string | null>> {
    const homes = new Map<string, string | null>()
    const found = await this.homesAt(this.#keysOf(ids))
    for (const [nth, home] of found.entries()) if (home !== undefined) homes.set(ids[nth] as string, home)
    return homes
  }

  /** As {@link homes}, of the identifiers with these keys, in the order asked. */
  async homesAt(keys: readonly Key[]): Promise<readonly (string | null | undefined)[]> {
    const rows = await this.#at('identifier', keys)
    return rows.map((row) => (row === undefined || homeIn(row) === DENIED_ONLY ? undefined : homeIn(row)))
  }

  /** Where these identifiers stand: those too that are only named by hand. `keys`   their keys, where they are at hand. */
  async places(ids: readonly string[], keys = this.#keysOf(ids)): Promise<Map<string, Place>> {
    const places = new Map<string, Place>()
    await this.#each('identifier', ids, keys, (id, row) => places.set(id, placeOf(row)))
    return places
  }

  #keysOf(ids: readonly string[]): readonly Key[] {
    return ids.map((id) => this.idKey(id))
  }

  async profiles(ids: readonly string[]): Promise<Map<string, ProfileRow | RedirectRow>> {
    return this.#map('profile', ids, (id) => [this.graph, id])
  }

  async conflicts(digests: readonly string[]): Promise<Map<string, ConflictRow>> {
    return this.#map('conflict', digests, (digest) => [this.graph, digest])
  }

  /** Why identifiers are quarantined: the hub limit that was passed, or {@link BLOCKED}. */
  async quarantines(ids: readonly string[]): Promise<Map<string, number | typeof BLOCKED>> {
    return this.#map<number | typeof BLOCKED>('quarantine', ids, (id) => this.idKey(id))
  }

  async tombstones(digests: readonly string[]): Promise<Map<string, true>> {
    return this.#map<true>('tombstone', digests, (digest) => [this.name, digest])
  }

  async bindings(project: string, profileIds: readonly string[]): Promise<Map<string, BindingRow>> {
    return this.#map('binding', profileIds, (id) => [project, id])
  }

  async records(refs: ReadonlyMap<string, RecordRef>): Promise<Map<string, StoredRecord>> {
    return this.#map('evidence', [...refs.keys()], (text) => [this.graph, ...(refs.get(text) as RecordRef)])
  }

  /** As {@link records}, in the order asked; undefined where there is none. */
  async recordsAt(refs: readonly RecordRef[]): Promise<readonly (StoredRecord | undefined)[]> {
    const keys = refs.map((ref): Key => [this.graph, ...ref])
    return (await this.#at('evidence', keys)) as readonly (StoredRecord | undefined)[]
  }

  /** What stands under a source and a key: the record, and its versions where the history is kept. */
  async versionsOf([source, key]: RecordRef): Promise<readonly RecordRef[]> {
    const prefix = [this.graph, source, key]
    const refs: RecordRef[] = []
    for (let after: Key | undefined; ; ) {
      const entries = await this.store.scan('evidence', { prefix, after, limit: HOLDERS_PAGE })
      for (const entry of entries) refs.push(entry.key.slice(1) as readonly string[] as RecordRef)
      if (entries.length < HOLDERS_PAGE) return refs
      after = entries.at(-1)?.key
    }
  }

  /** The records that hold an identifier, with its owner in each, page by page. */
  async *holders(id: string): AsyncGenerator<readonly Holder[]> {
    const { holders } = (await this.places([id])).get(id) ?? {}
    if (holders === undefined) yield* this.scattered(id)
    else yield holders
  }

  /** The same of an identifier with many of them, or of one that is being forgotten. */
  async *scattered(id: string): AsyncGenerator<readonly Holder[]> {
    const prefix = this.idKey(id)
    for (let after: Key | undefined; ; ) {
      const entries = await this.store.scan('evidenceById', { prefix, after, limit: HOLDERS_PAGE })
      yield entries.map(({ key, value }) => ({
        ref: key.slice(3) as readonly string[] as RecordRef,
        owner: value as string | 0,
      }))
      if (entries.length < HOLDERS_PAGE) return
      after = entries.at(-1)?.key
    }
  }

  async #map<Row extends Json | object>(
    table: Table,
    names: readonly string[],
    keyOf: (name: string) => Key,
  ): Promise<Map<string, Row>> {
    const found = new Map<string, Row>()
    await this.#each(table, names, names.map(keyOf), (name, row) => found.set(name, row as Row))
    return found
  }

  /** Hands out the rows that there are, each with its name. */
  async #each(
    table: Table,
    names: readonly string[],
    keys: readonly Key[],
    take: (name: string, row: Json) => void,
  ): Promise<void> {
    const rows = await this.#at(table, keys)
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index]
      if (row !== undefined) take(names[index] as string, row)
    }
  }

  /** The rows under these keys, in their order. */
  async #at(table: Table, keys: readonly Key[]): Promise<readonly (Json | undefined)[]> {
    if (keys.length > 0 && keys.length <= KEYS_MAX) return this.store.get(table, keys)
    const rows: (Json | undefined)[] = []
    for (let from = 0; from < keys.length; from += KEYS_MAX) {
      for (const row of await this.store.get(table, keys.slice(from, from + KEYS_MAX))) rows.push(row)
    }
    return rows
  }
}

const HOLDERS_PAGE = 1_000
const PAGE = 1_000

/** No profile has such an id. It marks an identifier whose records must be read although nobody has it yet. */
export const DENIED_ONLY = ''

/** Stands in the quarantine for what was blocked by hand. */
export const BLOCKED = 'by hand'

export const isRedirect = (row: ProfileRow | RedirectRow): row is RedirectRow => 'to' in row

/** The number of a log entry as a part of a key: its text order is its order. */
export const sequenceKey = (sequence: number): string => String(sequence).padStart(16, '0')
