import type { Evidence } from '../model/identifier.js'
import type { Plan, Said } from './mapping.js'

/** What can be written together: no record that is shown again after it has left. */
export interface Batch {
  readonly shown: Map<string, readonly Evidence[]>
  readonly gone: Set<string>
}

/** In the order of the rows; one batch nearly always. */
export function batchesOf(said: readonly Said[], { source, keep }: Plan): readonly Batch[] {
  let batch: Batch = { shown: new Map(), gone: new Set() }
  const batches = [batch]
  for (const one of said) {
    if (one.kind === 'gone') {
      batch.shown.delete(one.key)
      batch.gone.add(one.key)
    }
    if (one.kind !== 'shown') continue
    if (batch.gone.has(one.key)) {
      batch = { shown: new Map(), gone: new Set() }
      batches.push(batch)
    }
    const { key, observedAt } = one
    const record = { source, key, observedAt, keep, ids: one.ids as Evidence['ids'] }
    batch.shown.set(key, [...(batch.shown.get(key) ?? []), record])
  }
  return batches
}
