import type { Outcome } from '../model/outcome.js'
import type { Reason } from '../model/value.js'
import type { SyncEmitter } from './events.js'

/** Tells of what was rejected, once per reason. Gives how many it were. */
export function tellRejected(events: SyncEmitter, outcomes: readonly Outcome[]): number {
  const reasons = new Map<string, { reason: Reason; actions: number }>()
  for (const outcome of outcomes) {
    if (outcome.status !== 'rejected') continue
    const key = JSON.stringify([outcome.reason.code, outcome.reason.facts])
    const known = reasons.get(key) ?? { reason: outcome.reason, actions: 0 }
    known.actions += 1
    reasons.set(key, known)
  }
  let rejected = 0
  for (const event of reasons.values()) {
    rejected += event.actions
    events.tell('reject', event)
  }
  return rejected
}
