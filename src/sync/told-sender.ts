import type { Reason } from '../model/value.js'
import type { Sender } from './context.js'
import type { Settled } from './dispatch.js'
import type { SyncEmitter } from './events.js'

/** The same sender, which tells of every request that was settled, once who sent it has heard of it. */
export function toldSender(sender: Sender, events: SyncEmitter): Sender {
  return {
    send: (block, by) =>
      sender.send(block, {
        ...by,
        onSettled: async (settled) => {
          await by.onSettled(settled).finally(() => tell(settled, events)) // sent is sent, whatever came of it here
        },
      }),
  }
}

function tell({ endpoint, outcomes, bytes, attempts, ms }: Settled, events: SyncEmitter): void {
  const reasons = new Map<string, { reason: Reason; actions: number }>()
  let [accepted, rejected] = [0, 0]
  for (const [, outcome] of outcomes) {
    if (outcome.status === 'accepted') accepted += 1
    if (outcome.status !== 'rejected') continue
    rejected += 1
    const key = JSON.stringify([outcome.reason.code, outcome.reason.facts])
    const known = reasons.get(key) ?? { reason: outcome.reason, actions: 0 }
    known.actions += 1
    reasons.set(key, known)
  }
  for (const event of reasons.values()) events.tell('reject', event)
  events.tell('batch', { endpoint, actions: outcomes.length, accepted, rejected, bytes, attempts, ms })
}
