import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { Schema } from '../model/row.js'
import type { Json } from '../model/value.js'
import { sourceError } from '../sources/source-error.js'
import { overlay } from '../stores/overlay.js'
import type { SealedStore } from '../stores/sealed.js'
import type { Store } from '../stores/store.js'
import { type Checkpoint, type RunMode, readCheckpoint, type Scope } from './checkpoint.js'
import { tagsOf } from './context.js'
import { SyncEmitter } from './events.js'
import { inboxRows } from './inbox.js'
import { Lease } from './lease.js'
import type { OnAddresses } from './list-phase.js'
import { invalid, SETTLE_MS, type SyncOptions } from './options.js'
import { canonical, type Plan, type PlannedLoss } from './plan.js'
import { digestOf, PlannedRequests, planningSender } from './planned-requests.js'
import { pass } from './run.js'

export interface PlanRequest {
  readonly signal?: AbortSignal
  /**
   * Asks for the addresses that lists would be sent, which a plan itself never holds (I7). What it throws ends the plan, as
   * `error`.
   */
  readonly onAddresses?: OnAddresses
  /** Keeps the bodies of the requests, up to 64 MiB of them, and which rows would not arrive. Default false (I7). */
  readonly payloads?: boolean
  /** With `payloads`: rows that are told one by one. 0 to 100,000, default 100. */
  readonly rowsMax?: number
  /** What a run of this mode would send. */
  readonly mode?: RunMode
}

const PLAN = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  onAddresses: z.custom<OnAddresses>((given) => typeof given === 'function', 'is no function').optional(),
  payloads: z.boolean().optional(),
  rowsMax: z.int().min(0).max(100_000).optional(),
  mode: z.enum(['full', 'resync']).optional(),
})

const ROWS_MAX = 100

/** What a plan is made with: the options of its sync, whose store opens what is sealed. */
export type PlannedOptions = Omit<SyncOptions, 'encryption' | 'store'> & { readonly store: SealedStore }

/** A run on overlays of the stores, with a sender that writes down what it is given. Writes nothing. */
export async function makePlan(options: PlannedOptions, scope: Scope, request: PlanRequest): Promise<Plan> {
  const checked = PLAN.safeParse(request)
  if (!checked.success) throw invalid('Sync.plan', checked.error, PLAN)
  const { signal = new AbortController().signal, onAddresses, payloads = false, rowsMax = ROWS_MAX, mode } = request
  const { store, identity, lists, settleMs = SETTLE_MS } = options
  const over = overlays()
  const main = store.over(over(store.base))
  const planned = new PlannedRequests({ payloads })
  const losses: PlannedLoss[] = []
  const onLoss = (loss: PlannedLoss): void => void (losses.length < rowsMax && losses.push(loss))
  let settling = 0
  // What fails here fails in the pass too, which says so.
  const position = await identity.position().catch(() => '')
  const turn = (await Lease.lastTurn(store, scope)) + 1
  const { report, began, described, epoch, now, version } = await pass(options, new SyncEmitter(), {
    reads: 'source',
    mode,
    kept: inboxRows,
    store: main,
    identity: identity.over(over(identity.store)),
    lists: lists.over(over(lists.store)),
    settle: async () => {
      settling = settleMs
    },
    commitMain: (ops) => main.commit(ops),
    fence: [],
    turn,
    reading: signal,
    sending: signal,
    sender: (delivery, count) => planningSender(delivery, planned, count),
    onAddresses,
    ...(payloads ? { onLoss } : {}),
  })
  const { rows, reasons, unusable, drift, error, startedAt: madeAt, lists: counts } = report
  return {
    sync: scope.sync,
    ...(mode === undefined ? {} : { mode }),
    madeAt,
    rows,
    requests: planned.requests,
    endpoints: planned.endpoints,
    creates: planned.creates,
    lists: counts,
    reasons,
    unusable,
    ...(payloads ? { losses } : {}),
    drift,
    ...planned.time(settling),
    ...(error === undefined ? {} : { error }),
    pins: { ...digests(began, position, described), transform: version, epoch, now },
  }
}

/** One overlay for each store, however many roles it has. */
function overlays(): (base: Store) => Store {
  const made = new Map<Store, Store>()
  return (base) => {
    const over = made.get(base) ?? overlay(base)
    made.set(base, over)
    return over
  }
}

/** Digests, because a cursor may hold a value of a row (I7). */
function digests(checkpoint: Checkpoint | undefined, position: string, schema: Schema | null | undefined) {
  const { columns, asOf = null } = schema ?? { columns: null }
  const digest = (value: unknown): string => digestOf(JSON.stringify(canonical(value as Json)))
  return { checkpoint: digest(checkpoint ?? null), identity: digest(position), schema: digest({ columns, asOf }) }
}

/**
 * Whether a plan can still be sent, as far as can be told before anything is.
 *
 * Throws  PLAN_STALE that says what has moved on: the store, the transform, identity or the source.
 */
export async function assertFresh({ sync, pins }: Plan, options: PlannedOptions, scope: Scope): Promise<void> {
  const { store, identity, source, transform } = options
  const stale = (part: string) => new LakeloopError('PLAN_STALE', { part })
  if (sync !== scope.sync) throw stale('sync')
  const stands = await readCheckpoint(store, scope)
  const { version } = await transform.prepare()
  const position = await identity.position()
  const described = await source.describe(new AbortController().signal, tagsOf(scope.sync, 'plan')).catch((error) => {
    throw sourceError(error, source)
  })
  const now = digests(stands, position, described)
  if (now.checkpoint !== pins.checkpoint) throw stale('store')
  if (version !== pins.transform) throw stale('transform')
  if (now.identity !== pins.identity) throw stale('identity')
  if (now.schema !== pins.schema) throw stale('source')
}
