import type { Delivery } from '../destinations/destination.js'
import type { RunReport } from '../model/report.js'
import type { Clock } from './clock.js'
import { DeadLetters } from './dead-letters.js'
import { Dispatcher } from './dispatch.js'
import type { Driven, Running } from './drive.js'
import { checkRunOptions, SETTLE_MS } from './options.js'
import type { Plan } from './plan.js'
import { heldToPlan, PlanLeft } from './planned-requests.js'
import { assertFresh, makePlan, type PlanRequest } from './planning.js'
import { RETRY_LIMITS } from './retry.js'
import { pass } from './run.js'

export interface RunOptions extends Running {
  /**
   * Send what this plan holds and nothing else. Stops with PLAN_STALE at the first request that it does not hold, or at
   * the end if something of it was never sent; what had gone out by then was in the plan.
   */
  readonly plan?: Plan
}

/**
 * Wires the stages: the only place that knows their order.
 *
 *     source -> transform -> identity -> delta -> destination
 *
 * Nothing runs until `run` or `plan` is called, and nothing runs after they have resolved. What was handed in (stores,
 * source, destination) is closed by its owner; `close` ends the transform's process.
 */
export class Sync extends DeadLetters {
  /**
   * One pass over the source, from where the last one stood.
   *
   * Shape   resolves, however it ended: the report's `status` and `error` say so. Rejects only on a programmer's mistake.
   * Repeat  harmless: what was accepted is remembered, what was under way when a run died is sent again (I2, I3).
   * Upholds I1, I3, I4, I6, I11.
   */
  async run(options: RunOptions = {}): Promise<RunReport> {
    checkRunOptions(options)
    const { plan, ...running } = options
    return await this.drive(running, { reads: 'source' }, plan)
  }

  /**
   * What `run` would send, if the destination accepted all of it, to the byte. Writes nothing: it works on overlays of
   * the stores. Asks source and destination what they are (schema, field contract, lists), and reads the rows.
   */
  plan(request: PlanRequest = {}): Promise<Plan> {
    return makePlan(this.options, this.scope, request)
  }

  protected override async drive(running: Running, what: Driven, plan?: Plan): Promise<RunReport> {
    const { graceMs = 30_000, whenHeld = 'refuse', signal: reading = new AbortController().signal } = running
    const grace = graceAfter(reading, graceMs, this.clock)
    const { store, identity, lists, settleMs = SETTLE_MS } = this.options
    return await this.leased({ reads: what.reads, whenHeld, signal: reading }, async (held) => {
      if (plan !== undefined) await assertFresh(plan, this.options, this.scope)
      const left = plan && new PlanLeft(plan)
      const { report } = await pass(this.options, this.events, {
        ...what,
        store,
        identity,
        lists,
        settle: (sinceMs) => this.clock.sleep(settleMs - sinceMs, grace.signal),
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
      return await this.expired(report, (ops) => held.commit(ops))
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
