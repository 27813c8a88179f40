import type { Delivery } from '../destinations/destination.js'
import type { RunReport } from '../model/report.js'
import type { Clock } from './clock.js'
import { DeadLetters } from './dead-letters.js'
import { Dispatcher } from './dispatch.js'
import type { Driven, Running } from './drive.js'
import { Inbox, inboxRows } from './inbox.js'
import { checkRunning, checkRunOptions, SETTLE_MS, type SyncOptions } from './options.js'
import type { Plan } from './plan.js'
import { heldToPlan, PlanLeft } from './planned-requests.js'
import { assertFresh, makePlan, type PlanRequest } from './planning.js'
import { type Pushed, type PushOptions, pushRows } from './push.js'
import { RETRY_LIMITS } from './retry.js'
import { pass } from './run.js'
import { startWatch, type Watch } from './watch.js'
import type { WatchOptions } from './watch-options.js'

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
 * Nothing runs until `run`, `plan`, `drain` or `watch` is called, and nothing runs after they have resolved (a watch: its
 * `done`). What was handed in (stores, source, destination) is closed by its owner; `close` ends the transform's process.
 */
export class Sync extends DeadLetters {
  readonly #inbox: Inbox

  /** Throws OPTION_INVALID that names the option. */
  constructor(options: SyncOptions) {
    super(options)
    this.#inbox = new Inbox({ ...options.inbox, store: this.options.store, scope: this.scope, clock: this.clock })
  }

  /**
   * One pass over the source, from where the last one stood; before it the rows that were pushed, since what the source
   * gives is newer.
   *
   * Shape   resolves, however it ended: the report's `status` and `error` say so. Rejects only on a programmer's mistake.
   * Repeat  harmless: what was accepted is remembered, what was under way when a run died is sent again (I2, I3).
   * Upholds I1, I3, I4, I6, I11.
   */
  async run(options: RunOptions = {}): Promise<RunReport> {
    checkRunOptions(options)
    const { plan, ...running } = options
    return await this.drive(running, { reads: 'source', kept: inboxRows }, plan)
  }

  /**
   * Keeps rows that the host has in its hands, to be sent by the next run, drain or watch, here or in another process. They are
   * rows of the sync's source, with its key, and take the same way.
   *
   * Shape   up to 2,000 plain objects of JSON. Durable when it resolves, all of them or none; needs no lease.
   * Order   pushes of one process in the order of the calls; of one person the newest push wins (I6).
   * Repeat  rows that are pushed twice are sent twice, which is harmless where rows have a key; with an `id` they are kept once.
   * Throws  OPTION_INVALID, PUSH_INVALID; INBOX_FULL: push again when some have left; what the store throws.
   * Upholds I12.
   */
  push(rows: readonly object[], options?: PushOptions): Promise<Pushed> {
    return pushRows(this.#inbox, rows, options)
  }

  /** A run over what was pushed and nothing else: the source is not read. Resolves as `run`. */
  async drain(options: Running = {}): Promise<RunReport> {
    checkRunning('Sync.drain', options)
    return await this.drive(options, { reads: 'inbox', kept: inboxRows })
  }

  /**
   * Runs again and again: each `everyMs`, or when a `feed` has given something; and drains whenever this process has pushed.
   * A run that fails is tried again, later each time; one that needs a person ends the watch. See docs/continuous.md.
   *
   * Throws  OPTION_INVALID.
   * Upholds I11: removals of a day are guarded together.
   */
  watch(options: WatchOptions): Watch {
    return startWatch(
      {
        name: this.name,
        rules: this.options.identity.rulesHash,
        clock: this.clock,
        events: this.events,
        inbox: this.#inbox,
        run: (reads, running) =>
          this.drive({ ...running, whenHeld: 'wait' }, { reads, kept: inboxRows, guardsDay: true }),
      },
      options,
    )
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
