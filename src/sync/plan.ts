import { createHash } from 'node:crypto'
import type { Delivery, PreparedRequest } from '../destinations/destination.js'
import { explain, LakeloopError } from '../errors.js'
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
  let before: Promise<void> = Promise.resolve()
  const send: Sender['send'] = async (block, { onSettled }) => {
    const { requests, refused } = await delivery.prepare(block)
    const rejected = refused.map(
      ({ action, reason }) => [action, { status: 'rejected', reason } satisfies Outcome] as const,
    )
    if (rejected.length > 0) await onSettled({ endpoint: '', outcomes: rejected, bytes: 0, ms: 0 })
    for (const { endpoint, actions, body } of requests) {
      count(endpoint)
      into.push({ endpoint, actions: actions.length, bytes: body.byteLength, digest: digestOf(body) })
      const accepted = actions.map((action) => [action, { status: 'accepted' } satisfies Outcome] as const)
      await onSettled({ endpoint, outcomes: accepted, bytes: body.byteLength, ms: 0 })
    }
  }
  return {
    send(block, by) {
      before = before.then(() => send(block, by)) // one after the other: the same rows give the same plan (I9)
      return before
    },
  }
}

/** What a plan holds and a run has not sent yet. */
export class PlanLeft {
  readonly #left = new Map<string, number>()
  #count: number

  constructor(plan: Plan) {
    this.#count = plan.requests.length
    for (const { digest } of plan.requests) this.#left.set(digest, (this.#left.get(digest) ?? 0) + 1)
  }

  /** False if the plan holds no such request any more. */
  take(digest: string): boolean {
    const times = this.#left.get(digest) ?? 0
    if (times === 0) return false
    this.#left.set(digest, times - 1)
    this.#count -= 1
    return true
  }

  /** Throws  PLAN_STALE where the run has ended and something of the plan was never sent. */
  assertEmpty(): void {
    if (this.#count > 0) throw new LakeloopError('PLAN_STALE', { part: 'source' })
  }
}

/** The same delivery, which sends no request that the plan does not hold. Parts of one that it holds are of the plan. */
export function heldToPlan(delivery: Delivery, left: PlanLeft): Delivery {
  const planned = new WeakSet<PreparedRequest>()
  return {
    prepare: (actions) => delivery.prepare(actions),
    split(request, by) {
      const parts = delivery.split(request, by)
      for (const part of parts) planned.add(part)
      return parts
    },
    async apply(request, signal, again) {
      if (!planned.has(request) && !left.take(digestOf(request.body))) {
        throw new LakeloopError('PLAN_STALE', { part: 'source' })
      }
      planned.add(request) // a second attempt is the same request
      return await delivery.apply(request, signal, again)
    },
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
