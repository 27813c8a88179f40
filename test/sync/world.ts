import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { Sync } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { VirtualClock } from './virtual-clock.js'

/** One profile, and a place on the list `at-risk` for a score above 0.7. */
export const scoreAndList = (row: Row): readonly Action[] => {
  const identifiers = {
    customer_id: String(row.id),
    ...(typeof row.email === 'string' ? { email: row.email } : {}),
  }
  return [
    { kind: 'profile', identifiers, dataFields: { score: row.score ?? null } },
    { kind: 'membership', identifiers, list: 'at-risk', member: Number(row.score) > 0.7 },
  ]
}

/** Everything a sync needs, in memory: each test builds its own. */
export class World {
  readonly store: Store
  readonly destination: RecordingDestination
  readonly clock = new VirtualClock()
  readonly identity: IdentityResolver
  readonly lists: ListDeltaComputer

  constructor({
    store = new MemoryStore(),
    destination = new RecordingDestination({ sizeMax: 10 }),
  }: { readonly store?: Store; readonly destination?: RecordingDestination } = {}) {
    this.store = store
    this.destination = destination
    this.identity = new IdentityResolver({
      store: this.store,
      target: 'email',
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
        email: { priority: 2, maxIdentifiers: 5 },
      },
    })
    this.lists = new ListDeltaComputer({ store: this.store })
  }

  sync(rows: readonly Row[], more: Partial<SyncOptions> & { complete?: boolean } = {}): Sync {
    const { complete = true, ...options } = more
    return new Sync({
      name: 'churn',
      source: new RowsSource({ name: 'scores', rows, key: ['id'], complete }),
      transform: plainTransform(scoreAndList, ['id', 'score']),
      identity: this.identity,
      lists: this.lists,
      destination: this.destination,
      store: this.store,
      clock: this.clock,
      pageSize: 7,
      settleMs: 0,
      ...options,
    })
  }
}

/** `count` people, the first third of them at risk. */
export const people = (count: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `c-${n}`,
    email: `p${n}@example.com`,
    score: n < count / 3 ? 0.9 : 0.1,
  }))
