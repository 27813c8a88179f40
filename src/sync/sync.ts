import type { Reconciled } from '../delta/list-delta.js'
import type { Delivery } from '../destinations/destination.js'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import type { RunReport } from '../model/report.js'
import type { Json } from '../model/value.js'
import { overlay } from '../stores/overlay.js'
import type { Key, Store } from '../stores/store.js'
import { withAudience } from './audience.js'
import { checkpointKey, readCheckpoint, type Scope } from './checkpoint.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { Dispatcher } from './dispatch.js'
import { refusedReport } from './ending.js'
import { SyncEmitter, type SyncEvents } from './events.js'
import { compare } from './existing.js'
import { fenceIn, Lease } from './lease.js'
import type { OnAddresses } from './list-phase.js'
import { checkOptions, checkRunOptions, type SyncOptions } from './options.js'
import { heldToPlan, type Plan, PlanLeft, type PlannedRequest, planningSender } from './plan.js'
import { openRetrying, RETRY_LIMITS } from './retry.js'
import { sourceTypes, type TypesRequest } from './row-types.js'
import { type Drive, pass } from './run.js'

export interface RunOptions {
  /** Aborted: no further page is read; what is on its way may finish. */
  readonly signal?: AbortSignal
  /** How long what is on its way may take after `signal` was aborted, in ms. Default 30,000. Then its fate stays unknown. */
  readonly graceMs?: number
  /**
   * Send what this plan holds and nothing else. Stops with PLAN_STALE at the first request that it does not hold, or at
   * the end if something of it was never sent; what had gone out by then was in the plan.
   */
  readonly plan?: Plan
  /** What to do while another process runs this sync: end with LEASE_HELD (default), or wait for it until `signal`. */
  readonly whenHeld?: 'refuse' | 'wait'
}

export interface PlanRequest {
  readonly signal?: AbortSignal
  /**
   * Asks for the addresses that lists would be sent, which a plan itself never holds (I7). What it throws ends the plan, as
   * `error`.
   */
  readonly onAddresses?: OnAddresses
}

export interface ReconcileRequest {
  readonly list: ListRef
  readonly signal?: AbortSignal
}

/** How often a run that waits for another one looks whether it has ended. */
const HELD_POLL_MS = 1_000

/**
 * Wires the stages: the only place that knows their order.
 *
 *     source -> transform -> identity -> delta -> destination
 *
 * Nothing runs until `run` or `plan` is called, and nothing runs after they have resolved. What was handed in (stores,
 * source, destination) is closed by its owner; `close` ends the transform's process.
 */
export class Sync {
  readonly name: string
  readonly #options: SyncOptions
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #events = new SyncEmitter()

  /** Throws OPTION_INVALID that names the option. */
  constructor(options: SyncOptions) {
    const { transform, audience } = checkOptions(options)
    this.#options = audience === undefined ? options : { ...options, transform: withAudience(transform, audience) }
    this.name = options.name
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#scope = { project: options.destination.project, sync: options.name }
  }

  on<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.#events.on(event, listener)
    return this
  }

  once<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.#events.once(event, listener)
    return this
  }

  off<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.#events.off(event, listener)
    return this
  }

  /**
   * One pass over the source, from where the last one stood.
   *
   * Shape   resolves, however it ended: the report's `status` and `error` say so. Rejects only on a programmer's mistake.
   * Repeat  harmless: what was accepted is remembered, what was under way when a run died is sent again (I2, I3).
   * Upholds I1, I3, I4, I6, I11.
   */
  async run(options: RunOptions = {}): Promise<RunReport> {
    checkRunOptions(options)
    const { signal, graceMs = 30_000, plan, whenHeld = 'refuse' } = options
    const reading = signal ?? new AbortController().signal
    const grace = graceAfter(reading, graceMs, this.#clock)
    let lease: Lease | undefined
    try {
      const held = await this.#lease(whenHeld, reading)
      lease = held
      if (plan !== undefined) await this.#checkPins(plan)
      const left = plan && new PlanLeft(plan)
      const { report } = await pass(this.#options, this.#events, {
        ...this.#parts(),
        settleMs: this.#options.settleMs ?? 60_000,
        commitMain: (ops) => held.commit(ops),
        fence: held.fence,
        turn: held.turn,
        reading,
        sending: grace.signal,
        sender: (delivery, onRequest) =>
          this.#dispatcher(left === undefined ? delivery : heldToPlan(delivery, left), onRequest, grace.signal),
        ended: () => left?.assertEmpty(),
        ...(plan === undefined ? {} : { pass: { epoch: plan.pins.epoch, now: plan.pins.now } }),
      })
      return await this.#remember(report)
    } catch (error) {
      if (!isLakeloopError(error)) throw error
      return refusedReport(this.name, error, this.#clock)
    } finally {
      grace.end()
      await lease?.release()
    }
  }

  /**
   * What `run` would send, if the destination accepted all of it, to the byte. Writes nothing: it works on overlays of
   * the stores. Asks source and destination what they are (schema, field contract, lists), and reads the rows.
   */
  async plan({ signal = new AbortController().signal, onAddresses }: PlanRequest = {}): Promise<Plan> {
    const { store, identity, lists } = this.#options
    const overlays = new Map<Store, Store>()
    const over = (base: Store): Store => {
      const made = overlays.get(base) ?? overlay(base)
      overlays.set(base, made)
      return made
    }
    const main = over(store)
    const requests: PlannedRequest[] = []
    const { report, began, epoch, now, version } = await pass(this.#options, new SyncEmitter(), {
      store: main,
      identity: identity.over(over(identity.store)),
      lists: lists.over(over(lists.store)),
      settleMs: 0,
      commitMain: (ops) => main.commit(ops),
      fence: [],
      turn: (await Lease.lastTurn(store, this.#scope)) + 1,
      reading: signal,
      sending: signal,
      sender: (delivery, count) => planningSender(delivery, requests, count),
      onAddresses,
    })
    const { rows, reasons, drift, error, startedAt, lists: counts } = report
    const pins = { checkpoint: (began ?? null) as unknown as Json, transform: version, epoch, now }
    const stop = error === undefined ? {} : { error }
    return { sync: this.name, madeAt: startedAt, rows, requests, lists: counts, reasons, drift, pins, ...stop }
  }

  /**
   * Compares a list with what the destination has on it, and mends what is remembered: see {@link Reconciled}. Sends
   * nothing; what has to be sent is sent by the next run.
   *
   * Throws  LEASE_HELD while the sync runs; LIST_OWNED, LIST_UNKNOWN, LIST_AMBIGUOUS, LIST_DYNAMIC; OPTION_INVALID for a
   *         destination that does not show who is on a list; what the destination and the store throw.
   */
  async reconcile({ list, signal = new AbortController().signal }: ReconcileRequest): Promise<Reconciled> {
    const { store, lists, destination, existing = [] } = this.#options
    const limits = { ...RETRY_LIMITS, ...this.#options.retry }
    const clock = this.#clock
    const lease = await Lease.take(store, this.#scope, clock)
    try {
      const delivery = await openRetrying(destination, { clock, limits, signal })
      const owner = { project: this.#scope.project, owner: this.#scope.sync }
      const how = existing.find((one) => one.list === list)?.members ?? 'ignore'
      const comparing = {
        lists,
        delivery,
        owner,
        fence: fenceIn(lists.store, store, lease.fence),
        clock,
        limits,
        signal,
      }
      return await compare(comparing, list, how !== 'ignore').finally(() => delivery.close())
    } finally {
      await lease.release()
    }
  }

  /** The reports of former runs, newest first. */
  async history({ limit = 20 }: { readonly limit?: number } = {}): Promise<readonly RunReport[]> {
    const kept: RunReport[] = []
    let after: Key | undefined
    for (;;) {
      const entries = await this.#options.store.scan('run', { prefix: checkpointKey(this.#scope), after, limit: 1_000 })
      kept.push(...entries.map(({ value }) => value as unknown as RunReport))
      after = entries.at(-1)?.key
      if (entries.length < 1_000) return kept.reverse().slice(0, limit)
    }
  }

  /**
   * The text of a `.d.ts` for programs over the rows of this sync: see {@link rowTypes}. Reads no rows, unless only reading
   * tells what they have: then the first page, of what is read once too.
   *
   * Throws  ROW_TYPES_UNKNOWN, ROW_TYPES_UNWRITABLE, OPTION_INVALID; what the source throws.
   */
  types(request: TypesRequest = {}): Promise<string> {
    return sourceTypes(this.#options.source, request)
  }

  /** Ends the transform's process. Idempotent. */
  async close(): Promise<void> {
    await this.#options.transform.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #lease(whenHeld: 'refuse' | 'wait', signal: AbortSignal): Promise<Lease> {
    for (;;) {
      try {
        return await Lease.take(this.#options.store, this.#scope, this.#clock)
      } catch (error) {
        if (whenHeld === 'refuse' || !isLakeloopError(error, 'LEASE_HELD')) throw error
        await this.#clock.sleep(HELD_POLL_MS, signal)
        if (signal.aborted) throw new LakeloopError('ABORTED')
      }
    }
  }

  #parts(): Pick<Drive, 'store' | 'identity' | 'lists'> {
    const { store, identity, lists } = this.#options
    return { store, identity, lists }
  }

  #dispatcher(delivery: Delivery, onRequest: (endpoint: string) => void, signal: AbortSignal): Dispatcher {
    return new Dispatcher({
      delivery,
      clock: this.#clock,
      limits: { ...RETRY_LIMITS, ...this.#options.retry },
      signal,
      concurrency: this.#options.concurrency ?? 4,
      onRequest,
      onThrottle: (endpoint, waitMs) => this.#events.tell('throttle', { endpoint, waitMs }),
    })
  }

  async #checkPins(plan: Plan): Promise<void> {
    const stands = (await readCheckpoint(this.#options.store, this.#scope)) ?? null
    if (plan.sync !== this.name || JSON.stringify(stands) !== JSON.stringify(plan.pins.checkpoint)) {
      throw new LakeloopError('PLAN_STALE', { part: 'store' })
    }
    const { version } = await this.#options.transform.prepare()
    if (version !== plan.pins.transform) throw new LakeloopError('PLAN_STALE', { part: 'transform' })
  }

  /** A run whose report cannot be kept is not complete: the next one would not know of it. */
  async #remember(report: RunReport): Promise<RunReport> {
    const key = [...checkpointKey(this.#scope), report.startedAt, report.runId]
    try {
      await this.#options.store.commit([{ op: 'put', table: 'run', key, value: report as unknown as Json }])
      return report
    } catch (error) {
      if (report.error !== undefined || !isLakeloopError(error)) return report
      return { ...report, status: 'failed', error: { code: error.code, message: error.message } }
    }
  }
}

/** A signal that is aborted `graceMs` after the given one. */
function graceAfter(signal: AbortSignal, graceMs: number, clock: Clock) {
  const over = new AbortController()
  const ended = new AbortController()
  const begin = (): void => {
    void clock.sleep(graceMs, ended.signal).then(() => over.abort())
  }
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return {
    signal: over.signal,
    end: (): void => {
      signal.removeEventListener('abort', begin)
      ended.abort()
    },
  }
}
