import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { isoOf, type Place, padded, type Scope } from './place.js'

/** What one request came to, as it is written. */
export interface Batch {
  /** In ms. */
  readonly at: number
  readonly endpoint: string
  readonly actions: number
  readonly accepted: number
  readonly rejected: number
  readonly bytes: number
  readonly ms: number
}

/** One request that was settled. `ms` from its first attempt to its answer, waits in between included. */
export interface BatchEntry extends Omit<Batch, 'at'> {
  /** ISO 8601. */
  readonly at: string
}

type Packed = readonly [at: number, endpoint: string, ...counts: readonly number[]]

const PER_SCAN = 100

const keyOf = ({ project, sync }: Scope, runId: string): Key => [project, sync, runId]

export function batchOp(scope: Scope, runId: string, nth: number, batches: readonly Batch[]): Op {
  const packed = batches.map(
    ({ at, endpoint, actions, accepted, rejected, bytes, ms }): Packed => [
      at,
      endpoint,
      actions,
      accepted,
      rejected,
      bytes,
      ms,
    ],
  )
  return { op: 'put', table: 'batch', key: [...keyOf(scope, runId), padded(nth, 9)], value: packed as unknown as Json }
}

/** The requests of a run. Order   as they were settled. */
export async function* batchesOf({ store, scope }: Place, runId: string): AsyncGenerator<BatchEntry> {
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan('batch', { prefix: keyOf(scope, runId), after, limit: PER_SCAN })
    for (const { value } of entries) {
      for (const [
        at,
        endpoint,
        actions = 0,
        accepted = 0,
        rejected = 0,
        bytes = 0,
        ms = 0,
      ] of value as unknown as Packed[]) {
        yield { at: isoOf(at), endpoint, actions, accepted, rejected, bytes, ms }
      }
    }
    after = entries.at(-1)?.key
    if (after === undefined || entries.length < PER_SCAN) return
  }
}

/** Ops that take the requests of a run away, at most `limit`: ask again until there are none. */
export async function dropBatches({ store, scope }: Place, runId: string, limit: number): Promise<readonly Op[]> {
  const entries = await store.scan('batch', { prefix: keyOf(scope, runId), limit })
  return entries.map(({ key }): Op => ({ op: 'delete', table: 'batch', key }))
}
