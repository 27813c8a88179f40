import { createHash } from 'node:crypto'
import type { Delivery, Prepared, PreparedRequest } from '../destinations/destination.js'
import { explain, LakeloopError } from '../errors.js'
import type { ActionBlock } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { DriftChange, ListCounts, ReasonCount, RowCounts } from '../model/report.js'
import type { Json } from '../model/value.js'
import type { Sender } from './context.js'

/** One request that would be sent. `digest` is the SHA-256 of its bytes, in hex. */
export interface PlannedRequest {
  readonly endpoint: string
  readonly actions: number
  readonly bytes: number
  readonly digest: string
}

/**
 * What a run would send, if the destination accepted all of it. Plain data, safe to print and to keep: counts, sizes,
 * digests and names, no bodies (I7).
 */
export interface Plan {
  readonly sync: string
  readonly madeAt: string
  readonly rows: RowCounts
  readonly requests: readonly PlannedRequest[]
  readonly lists: readonly ListCounts[]
  readonly reasons: readonly ReasonCount[]
  readonly drift: readonly DriftChange[]
  /** Why the run would stop. */
  readonly error?: { readonly code: string; readonly message: string }
  /** What the plan holds for: `run({ plan })` refuses once one of these has moved on. */
  readonly pins: {
    readonly checkpoint: Json
    readonly transform: string
    readonly epoch: string
    readonly now: number
  }
}

export const digestOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

/** Sends nothing: writes down each request and takes it as accepted. */
export function planningSender(delivery: Delivery, into: PlannedRequest[], count: (endpoint: string) => void): Sender {
  return {
    async send(block, onSettled) {
      const { requests, refused } = delivery.prepare(block)
      const rejected = refused.map(
        ({ action, reason }) => [action, { status: 'rejected', reason } satisfies Outcome] as const,
      )
      if (rejected.length > 0) await onSettled({ endpoint: '', outcomes: rejected, bytes: 0 })
      for (const { endpoint, actions, body } of requests) {
        count(endpoint)
        into.push({ endpoint, actions: actions.length, bytes: body.byteLength, digest: digestOf(body) })
        const accepted = actions.map((action) => [action, { status: 'accepted' } satisfies Outcome] as const)
        await onSettled({ endpoint, outcomes: accepted, bytes: body.byteLength })
      }
    },
  }
}

/** The same delivery, which refuses to prepare a request that the plan does not hold. */
export function heldToPlan(delivery: Delivery, plan: Plan): Delivery {
  const left = new Map<string, number>()
  for (const { digest } of plan.requests) left.set(digest, (left.get(digest) ?? 0) + 1)
  const check = ({ body }: PreparedRequest): void => {
    const digest = digestOf(body)
    const times = left.get(digest) ?? 0
    if (times === 0) throw new LakeloopError('PLAN_STALE', { part: 'source' })
    left.set(digest, times - 1)
  }
  return {
    prepare(actions: ActionBlock): Prepared {
      const prepared = delivery.prepare(actions)
      // The one action of a probe (is this list known?) is prepared and never sent.
      if (actions.length > 1 || prepared.requests.some(({ body }) => left.has(digestOf(body)))) {
        prepared.requests.forEach(check)
      }
      return prepared
    },
    split: (request, by) => delivery.split(request, by),
    apply: (request, signal) => delivery.apply(request, signal),
    close: () => delivery.close(),
  }
}

/** A plan for people: one line per thing that would happen. */
export function planText(plan: Plan): string {
  const byEndpoint = new Map<string, { requests: number; actions: number; bytes: number }>()
  for (const { endpoint, actions, bytes } of plan.requests) {
    const sum = byEndpoint.get(endpoint) ?? { requests: 0, actions: 0, bytes: 0 }
    byEndpoint.set(endpoint, {
      requests: sum.requests + 1,
      actions: sum.actions + actions,
      bytes: sum.bytes + bytes,
    })
  }
  const { read, unchanged } = plan.rows
  return [
    `plan of ${plan.sync}: ${read} rows read, ${unchanged} unchanged`,
    ...[...byEndpoint].map(
      ([endpoint, s]) => `  ${endpoint}: ${s.requests} requests, ${s.actions} actions, ${s.bytes} bytes`,
    ),
    ...plan.lists.map(
      ({ list, add, remove, keep, held }) => `  list ${list}: add ${add}, remove ${remove}, keep ${keep}, held ${held}`,
    ),
    ...plan.reasons.map(
      ({ status, reason, rows }) => `  ${rows} rows ${status}: ${explain(reason.code, reason.facts)}`,
    ),
    ...plan.drift.map(({ kind, column }) => `  schema: ${column} ${kind}`),
    ...(plan.error === undefined ? [] : [`  would stop: ${plan.error.message}`]),
  ].join('\n')
}
