import type { Json } from '../model/value.js'
import type { Key, Store, Table } from '../stores/store.js'
import type { RecordRef, StoredRecord } from './evidence.js'
import { partsOf } from './rules.js'

/**
 * What identity keeps, table by table. Every key begins with the graph's name.
 *
 *     identityMeta   (graph)                                MetaRow, checked and written by every commit
 *     evidence       (graph, source, key[, version])        StoredRecord; a version where the history is kept
 *     evidenceById   (graph, namespace, value, source, key[, version]) the owner where there is a hub limit, else 0
 *     identifier     (graph, namespace, value)              profile id; null: quarantined; '': known from a denial only
 *     profile        (graph, profile id)                    ProfileRow, or RedirectRow once it became part of another
 *     conflict       (graph, digest of the two)             ConflictRow
 *     quarantine     (graph, namespace, value)              the hub limit that it passed
 *     identityLog    (graph, sequence)                      profile id whose identifiers changed
 *     binding        (project, profile id)                  BindingRow: written by the caller's own commit
 */
export interface MetaRow {
  readonly rules: string
  /** The last number of the log. */
  readonly sequence: number
  readonly conflicts: number
  /** Grows with every commit, so that of two that ran at the same time one fails its check. */
  readonly version: number
}

export interface ProfileRow {
  /** Not the retired ones. Strongest namespace first; within one the best address first. */
  readonly members: readonly (readonly [namespace: string, value: string])[]
  /** Names of namespaces of which another profile has one that this one claimed too. */
  readonly claimed?: readonly string[]
  /** Digests of the conflicts that it is part of. */
  readonly conflicts?: readonly string[]
  /** Profiles that became part of this one: their bindings are its bindings. */
  readonly was?: readonly string[]
}

export interface RedirectRow {
  readonly to: string
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
}

export interface BindingRow {
  readonly address: string
}

/** Keys that one call to a store may name. Source: the contract in stores/store.ts. */
const KEYS_MAX = 10_000

/** One graph in one store: reading it, in as few calls as the contract allows. */
export class Rows {
  readonly store: Store
  readonly graph: string

  constructor(store: Store, graph: string) {
    this.store = store
    this.graph = graph
  }

  idKey(id: string): Key {
    const [namespace, value] = partsOf(id)
    return [this.graph, namespace, value]
  }

  async meta(): Promise<MetaRow | undefined> {
    const [row] = await this.store.get('identityMeta', [[this.graph]])
    return row as MetaRow | undefined
  }

  /** By id: profile id, null where quarantined. Ids that are not known are left out. */
  async homes(ids: readonly string[]): Promise<Map<string, string | null>> {
    const places = await this.places(ids)
    for (const [id, place] of places) if (place === DENIED_ONLY) places.delete(id)
    return places
  }

  /** As {@link homes}, and {@link DENIED_ONLY} for what only a denial names. */
  async places(ids: readonly string[]): Promise<Map<string, string | null>> {
    return this.#map<string | null>('identifier', ids, (id) => this.idKey(id))
  }

  async profiles(ids: readonly string[]): Promise<Map<string, ProfileRow | RedirectRow>> {
    return this.#map('profile', ids, (id) => [this.graph, id])
  }

  async conflicts(digests: readonly string[]): Promise<Map<string, ConflictRow>> {
    return this.#map('conflict', digests, (digest) => [this.graph, digest])
  }

  async bindings(project: string, profileIds: readonly string[]): Promise<Map<string, BindingRow>> {
    return this.#map('binding', profileIds, (id) => [project, id])
  }

  async records(refs: ReadonlyMap<string, RecordRef>): Promise<Map<string, StoredRecord>> {
    return this.#map('evidence', [...refs.keys()], (text) => [this.graph, ...(refs.get(text) as RecordRef)])
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
  async *holders(id: string): AsyncGenerator<readonly { ref: RecordRef; owner: string | 0 }[]> {
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
    for (let from = 0; from < names.length; from += KEYS_MAX) {
      const slice = names.slice(from, from + KEYS_MAX)
      const rows = await this.store.get(table, slice.map(keyOf))
      for (const [index, row] of rows.entries()) {
        if (row !== undefined) found.set(slice[index] as string, row as Row)
      }
    }
    return found
  }
}

const HOLDERS_PAGE = 1_000

/** No profile has such an id. It marks an identifier whose records must be read although nobody has it yet. */
export const DENIED_ONLY = ''

export const isRedirect = (row: ProfileRow | RedirectRow): row is RedirectRow => 'to' in row

/** The number of a log entry as a part of a key: its text order is its order. */
export const sequenceKey = (sequence: number): string => String(sequence).padStart(16, '0')
