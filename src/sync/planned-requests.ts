import { createHash } from 'node:crypto'
import type { Creation, Delivery, PreparedRequest } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { ActionBlock, Shape } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Sender } from './context.js'
import { isKnown } from './dispatch.js'
import type { Plan, PlannedCreations, PlannedEndpoint, PlannedRequest, PlannedTime } from './plan.js'

export const digestOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** Names kept of a kind: a program may make names of values. */
const NAMES_MAX = 10_000
/** Bytes of bodies that a plan keeps, with payloads. */
const BODIES_BYTES_MAX = 64 * 2 ** 20

type Part = Exclude<keyof PlannedTime, 'settling'>

/** What is known of the requests to one endpoint so far. */
interface Sum {
  requests: number
  actions: number
  bytes: number
  perSecond: number | undefined
  readonly byPart: Map<Part, number>
  readonly shapes: Set<Shape>
  readonly fields: Set<string>
}

/** Writes requests down instead of sending them. */
export class PlannedRequests {
  readonly requests: PlannedRequest[] = []
  readonly #payloads: boolean
  readonly #endpoints = new Map<string, Sum>()
  readonly #made: Readonly<Record<Creation['kind'], Set<string>>> = {
    list: new Set(),
    field: new Set(),
    catalog: new Set(),
  }
  #bodies = 0

  constructor({ payloads }: { readonly payloads: boolean }) {
    this.#payloads = payloads
  }

  /** Throws  PLAN_TOO_LARGE with payloads of more than 64 MiB. */
  add(delivery: Delivery, block: ActionBlock, request: PreparedRequest): void {
    const { endpoint, actions, body } = request
    const bytes = body.byteLength
    const planned = { endpoint, actions: actions.length, bytes, digest: digestOf(body) }
    this.#bodies += this.#payloads ? bytes : 0
    if (this.#bodies > BODIES_BYTES_MAX) throw new LakeloopError('PLAN_TOO_LARGE', { limit: BODIES_BYTES_MAX })
    this.requests.push(this.#payloads ? { ...planned, body: Buffer.from(body).toString() } : planned)
    const { creates = [], perSecond } = delivery.foresee?.(request) ?? {}
    for (const { kind, name } of creates) keep(this.#made[kind], name)
    const sum = this.#sumOf(endpoint)
    sum.requests += 1
    sum.actions += actions.length
    sum.bytes += bytes
    sum.perSecond = perSecond
    const part = partOf(block, request)
    sum.byPart.set(part, (sum.byPart.get(part) ?? 0) + 1)
    for (const action of actions) learnFields(sum, block.shape(action))
  }

  get endpoints(): readonly PlannedEndpoint[] {
    return [...this.#endpoints].map(([endpoint, { requests, actions, bytes, fields, perSecond }]) => {
      const sums = { endpoint, requests, actions, bytes, fields: [...fields].sort() }
      return perSecond === undefined ? sums : { ...sums, perSecond }
    })
  }

  get creates(): PlannedCreations {
    const { list, field, catalog } = this.#made
    return { lists: [...list].sort(), fields: [...field].sort(), catalogs: [...catalog].sort() }
  }

  /** @param settling  the wait before the first addition, in ms; 0 where nothing waits */
  time(settling: number): { readonly timeMs?: number; readonly timeParts: PlannedTime } {
    const sums = [...this.#endpoints.values()]
    const of = (part: Part): readonly number[] =>
      sums.map(({ byPart, perSecond }) => (perSecond === undefined ? 0 : ((byPart.get(part) ?? 0) / perSecond) * 1_000))
    const total = (each: readonly number[]): number => Math.round(each.reduce((sum, ms) => sum + ms, 0))
    const timeParts = {
      moves: total(of('moves')),
      rows: Math.round(Math.max(0, ...of('rows'))),
      settling,
      lists: total(of('lists')),
    }
    if (sums.some(({ perSecond }) => perSecond === undefined)) return { timeParts }
    return { timeMs: total(Object.values(timeParts)), timeParts }
  }

  #sumOf(endpoint: string): Sum {
    const known = this.#endpoints.get(endpoint)
    if (known !== undefined) return known
    const counts = { requests: 0, actions: 0, bytes: 0, perSecond: undefined }
    const made: Sum = { ...counts, byPart: new Map(), shapes: new Set(), fields: new Set() }
    this.#endpoints.set(endpoint, made)
    return made
  }
}

function partOf(block: ActionBlock, { actions: [first = 0] }: PreparedRequest): Part {
  const kind = block.kind(first)
  if (kind === 'addressChange') return 'moves'
  return kind === 'membership' ? 'lists' : 'rows'
}

function keep(names: Set<string>, name: string): void {
  if (names.size < NAMES_MAX) names.add(name)
}

/** Equal shapes are one object within a block: most actions cost a look. */
function learnFields({ shapes, fields }: Sum, shape: Shape): void {
  if (shapes.has(shape)) return
  if (shapes.size >= NAMES_MAX) shapes.clear()
  shapes.add(shape)
  for (const path of shape.fields.keys()) keep(fields, path.replaceAll('[]', ''))
}

const NOT_SENT = { attempts: 0, ms: 0 }

/** Sends nothing: writes down each request and takes it as accepted. */
export function planningSender(delivery: Delivery, into: PlannedRequests, count: (endpoint: string) => void): Sender {
  let before: Promise<void> = Promise.resolve()
  const send: Sender['send'] = async (block, by) => {
    const { onSettled } = by
    const { requests, refused } = await delivery.prepare(block)
    const rejected = refused.map(
      ({ action, reason }) => [action, { status: 'rejected', reason } satisfies Outcome] as const,
    )
    if (rejected.length > 0) await onSettled({ endpoint: '', outcomes: rejected, bytes: 0, ...NOT_SENT })
    for (const request of requests) {
      if (await isKnown(request, by)) continue
      const { endpoint, actions, body } = request
      count(endpoint)
      into.add(delivery, block, request)
      const accepted = actions.map((action) => [action, { status: 'accepted' } satisfies Outcome] as const)
      await onSettled({ endpoint, outcomes: accepted, bytes: body.byteLength, ...NOT_SENT })
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

  constructor(plan: Pick<Plan, 'requests'>) {
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
