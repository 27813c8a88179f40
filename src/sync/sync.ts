import type { Delivery } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { RunReport } from '../model/report.js'
import type { Json } from '../model/value.js'
import { overlay } from '../stores/overlay.js'
import type { Store } from '../stores/store.js'
import { type RunMode, readCheckpoint } from './checkpoint.js'
import type { Clock } from './clock.js'
import { Dispatcher } from './dispatch.js'
import type { Driven } from './drive.js'
import { SyncEmitter } from './events.js'
import { Lease } from './lease.js'
import type { OnAddresses } from './list-phase.js'
import { checkRunOptions } from './options.js'
import { heldToPlan, type Plan, PlanLeft, type PlannedRequest, planningSender } from './plan.js'
import { RETRY_LIMITS } from './retry.js'
import { pass } from './run.js'
import { Upkeep, type WhenHeld } from './upkeep.js'

/** How anything that takes the lease and ends in a report is run. */
export interface Running {
  /** Aborted: no further page is read; what is on its way may finish. */
  readonly signal?: AbortSignal
  /** How long what is on its way may take after `signal` was aborted, in ms. Default 30,000. Then its fate stays unknown. */
  readonly graceMs?: number
  /** What to do while another process runs this sync: end with LEASE_HELD (default), or wait for it until `signal`. */
  readonly whenHeld?: WhenHeld
}

export interface RunOptions extends Running {
  /**
   * Send what this plan holds and nothing else. Stops with PLAN_STALE at the first request that it does not hold, or at
   * the end if something of it was never sent; what had gone out by then was in the plan.
   */
  readonly plan?: Plan
  /** What to read and send: see {@link RunMode} and docs/modes.md. An interrupted one is gone on with by any later run. */
  readonly mode?: RunMode
}

export interface PlanRequest {
  readonly signal?: AbortSignal
  /**
   * Asks for the addresses that lists would be sent, which a plan itself never holds (I7). What it throws ends the plan, as
   * `error`.
   */
  readonly onAddresses?: OnAddresses
  /** What a run of this mode would send. */
  readonly mode?: RunMode
}

/**
 * Wires the stages: the only place that knows their order.
 *
 *     source -> transform -> identity -> delta -> destination
 *
 * Nothing runs until `run` or `plan` is called, and nothing runs after they have resolved. What was handed in (stores,
 * source, destination) is closed by its owner; `close` ends the transform's process.
 */
export class Sync extends Upkeep {
  /**
   * One pass over the source, from where the last one stood.
   *
   * Shape   resolves, however it ended: the report's `status` and `error` say so. Rejects only on a programmer's mistake.
   * Repeat  harmless: what was accepted is remembered, what was under way when a run died is sent again (I2, I3).
   * Upholds I1, I3, I4, I6, I11.
   */
  async run(options: RunOptions = {}): Promise<RunReport> {
    checkRunOptions(options)
    const { plan, mode = plan?.mode, ...running } = options
    if (plan !== undefined && mode !== plan.mode) {
      const problem = `is ${mode}, and the plan was made for ${plan.mode ?? 'what changed'}`
      throw new LakeloopError('OPTION_INVALID', { part: 'Sync.run', option: 'mode', problem })
    }
    return await this.#drive(running, { reads: 'source', mode }, plan)
  }

  /**
   * What `run` would send, if the destination accepted all of it, to the byte. Writes nothing: it works on overlays of
   * the stores. Asks source and destination what they are (schema, field contract, lists), and reads the rows.
   */
  async plan({ signal = new AbortController().signal, onAddresses, mode }: PlanRequest = {}): Promise<Plan> {
    const { store, identity, lists } = this.options
    const overlays = new Map<Store, Store>()
    const over = (base: Store): Store => {
      const made = overlays.get(base) ?? overlay(base)
      overlays.set(base, made)
      return made
    }
    const main = over(store)
    const requests: PlannedRequest[] = []
    const { report, began, epoch, now, version } = await pass(this.options, new SyncEmitter(), {
      reads: 'source',
      mode,
      store: main,
      identity: identity.over(over(identity.store)),
      lists: lists.over(over(lists.store)),
      settleMs: 0,
      commitMain: (ops) => main.commit(ops),
      fence: [],
      turn: (await Lease.lastTurn(store, this.scope)) + 1,
      reading: signal,
      sending: signal,
      sender: (delivery, count) => planningSender(delivery, requests, count),
      onAddresses,
    })
    const { rows, reasons, drift, error, startedAt, lists: counts } = report
    const pins = { checkpoint: (began ?? null) as unknown as Json, transform: version, epoch, now }
    const more = { ...(mode === undefined ? {} : { mode }), ...(error === undefined ? {} : { error }) }
    return { sync: this.name, madeAt: startedAt, rows, requests, lists: counts, reasons, drift, pins, ...more }
  }

  async #drive(running: Running, what: Driven, plan?: Plan): Promise<RunReport> {
    const { graceMs = 30_000, whenHeld = 'refuse', signal: reading = new AbortController().signal } = running
    const grace = graceAfter(reading, graceMs, this.clock)
    const { store, identity, lists, settleMs = 60_000 } = this.options
    return await this.leased({ reads: what.reads, whenHeld, signal: reading }, async (held) => {
      if (plan !== undefined) await this.#checkPins(plan)
      const left = plan && new PlanLeft(plan)
      const { report } = await pass(this.options, this.events, {
        ...what,
        store,
        identity,
        lists,
        settleMs,
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
      return report
    }).finally(() => grace.end())
  }

  #dispatcher(delivery: Delivery, onRequest: (endpoint: string) => void, signal: AbortSignal): Dispatcher {
    return new Dispatcher({
      delivery,
      clock: this.clock,
      limits: { ...RETRY_LIMITS, ...this.options.retry },
      signal,
      concurrency: this.options.concurrency ?? 4,
      onRequest,
      onThrottle: (endpoint, waitMs) => this.events.tell('throttle', { endpoint, waitMs }),
    })
  }

  async #checkPins(plan: Plan): Promise<void> {
    const stands = (await readCheckpoint(this.options.store, this.scope)) ?? null
    if (plan.sync !== this.name || JSON.stringify(stands) !== JSON.stringify(plan.pins.checkpoint)) {
      throw new LakeloopError('PLAN_STALE', { part: 'store' })
    }
    const { version } = await this.options.transform.prepare()
    if (version !== plan.pins.transform) throw new LakeloopError('PLAN_STALE', { part: 'transform' })
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
