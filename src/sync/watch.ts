import { type ErrorCode, LakeloopError } from '../errors.js'
import type { RowCounts, RunReport } from '../model/report.js'
import type { Clock } from './clock.js'
import { asLakeloopError, isClosed, refusedReport } from './ending.js'
import type { Lag, SyncEmitter } from './events.js'
import { takeFeed } from './feed.js'
import type { Inbox } from './inbox.js'
import { LagFigure } from './lag.js'
import { Tally } from './tally.js'
import { Turn } from './turn.js'
import { checkWatchOptions, type WatchOptions } from './watch-options.js'

export interface WatchReport {
  readonly sync: string
  /**
   * `ended`: the feed is over, and all it gave is sent. `cancelled`: as asked. `stopped`: a run needs a person, see `error`.
   * `failed`: the feed, or what it gave, is at fault.
   */
  readonly status: 'ended' | 'cancelled' | 'stopped' | 'failed'
  readonly startedAt: string
  /** Runs and drains, and those of them that did not complete. */
  readonly runs: number
  readonly failures: number
  /** Sums over all of them. */
  readonly rows: RowCounts
  readonly error?: { readonly code: string; readonly message: string }
}

/** A sync that runs again and again until it is told to end. */
export interface Watch {
  /** Never rejects. */
  readonly done: Promise<WatchReport>
  /** As last seen: at the end of each run, at each push of this process, and whenever `lagMaxMs` is looked at. */
  lag(): Lag
  /** No further run; what is under way may finish within `graceMs`. Resolves as `done`. */
  stop(): Promise<WatchReport>
}

/** What a watch drives. */
export interface Watched {
  readonly name: string
  /** Of identity, by their hash. */
  readonly rules: string
  readonly clock: Clock
  readonly events: SyncEmitter
  readonly inbox: Inbox
  run(
    reads: 'source' | 'inbox',
    running: { readonly signal: AbortSignal; readonly graceMs: number },
  ): Promise<RunReport>
}

/** Throws OPTION_INVALID before anything is begun. */
export function startWatch(watched: Watched, options: WatchOptions): Watch {
  checkWatchOptions(options)
  const running = new Running(watched, options)
  return { done: running.done, lag: () => running.lag.now(), stop: () => running.stop() }
}

/** Runs that need nobody: the lease is free again some day. */
const WAITS: readonly string[] = ['LEASE_HELD', 'LEASE_LOST']
/** The run did all but the removals: there is nothing to be tried again at once. */
const HELD: readonly string[] = ['LIST_GUARD', 'LIST_GUARD_DAY']

class Running {
  readonly done: Promise<WatchReport>
  readonly lag: LagFigure
  readonly #watched: Watched
  readonly #options: WatchOptions
  readonly #stopping = new AbortController()
  readonly #turns: Readonly<Record<'source' | 'inbox', Turn>>
  readonly #startedAt: string
  readonly #rows: Record<keyof RowCounts, number> = { ...new Tally().counts }
  /** Rings when something is due before its time, and when a run has ended. */
  readonly #wakers = new Set<() => void>()
  readonly #runEnded = new Set<() => void>()
  #feed: 'open' | 'over' | 'none'
  #feedError: LakeloopError | undefined
  #end: { readonly status: WatchReport['status']; readonly error?: RunReport['error'] } | undefined
  #runs = 0
  #failures = 0

  constructor(watched: Watched, options: WatchOptions) {
    const { clock, inbox } = watched
    this.#watched = watched
    this.#options = options
    this.#feed = options.feed === undefined ? 'none' : 'open'
    this.#startedAt = new Date(clock.now()).toISOString()
    this.lag = new LagFigure({ clock, inbox, isTimed: options.everyMs !== undefined })
    this.#turns = {
      source: new Turn(clock, { everyMs: options.everyMs }),
      inbox: new Turn(clock, { restMs: options.restMs ?? 1_000 }),
    }
    if (options.feed !== undefined) this.#turns.inbox.ask() // what a former watch has left
    this.done = this.#live()
  }

  stop(): Promise<WatchReport> {
    this.#stopping.abort()
    return this.done
  }

  async #live(): Promise<WatchReport> {
    const { signal } = this.#options
    const stop = (): void => this.#stopping.abort()
    this.#stopping.signal.addEventListener('abort', () => this.#wake(), { once: true })
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
    const forget = this.#watched.inbox.onPush((waiting) => {
      this.lag.pushed(waiting)
      this.#ask('inbox')
    })
    const looking = this.#lookAtLag()
    const feeding = this.#takeFeed()
    try {
      while (this.#end === undefined && !this.#stopping.signal.aborted) await this.#step()
    } finally {
      this.#stopping.abort()
      forget()
      signal?.removeEventListener('abort', stop)
    }
    await Promise.all([looking, feeding])
    return this.#report()
  }

  /** The run that is due, or the wait for it. */
  async #step(): Promise<void> {
    const { source, inbox } = this.#turns
    if (source.isDue) await this.#run('source')
    else if (inbox.isDue) await this.#run('inbox')
    else if (this.#feed === 'over' && !source.isAsked && !inbox.isAsked) this.#end = this.#feedEnd()
    else await this.#wait(Math.min(source.inMs, inbox.inMs))
  }

  async #run(reads: 'source' | 'inbox'): Promise<void> {
    const { clock, name } = this.#watched
    const { graceMs = 30_000 } = this.#options
    const { source, inbox } = this.#turns
    inbox.taken() // a run over the source drains first
    if (reads === 'source') source.taken()
    const began = this.lag.begin(reads)
    const report = await this.#watched.run(reads, { signal: this.#stopping.signal, graceMs }).catch((thrown: unknown) =>
      // Something of the host's threw where nobody expected it: a failed run, and no end of the watch.
      refusedReport({ sync: name, reads, rules: this.#watched.rules }, asLakeloopError(thrown), clock),
    )
    this.#count(report)
    const isDone = report.status === 'complete' || HELD.includes(report.error?.code ?? '')
    if (isDone) {
      inbox.succeeded()
      if (reads === 'source') source.succeeded()
      this.lag.done(began)
    } else this.#failed(reads, report)
    await this.#look()
    // A source that cannot be read must not keep back what was pushed.
    if (!isDone && reads === 'source' && this.lag.now().waiting > 0) inbox.askAgain()
    for (const told of [...this.#runEnded]) told()
    await this.#tell(report)
  }

  #count(report: RunReport): void {
    this.#runs += 1
    if (report.status !== 'complete') this.#failures += 1
    for (const key of Object.keys(report.rows) as (keyof RowCounts)[]) this.#rows[key] += report.rows[key]
    const { status, error } = report
    const code = error?.code ?? ''
    if (this.#options.goOnAfter?.includes(code as ErrorCode) === true) return
    if ((status === 'stopped' && !WAITS.includes(code)) || isClosed(code)) {
      this.#end = { status: 'stopped', error }
    }
  }

  #failed(reads: 'source' | 'inbox', { status }: RunReport): void {
    if (status === 'cancelled' && this.#stopping.signal.aborted) return
    this.lag.failed()
    this.#turns[reads].failed()
  }

  async #tell(report: RunReport): Promise<void> {
    try {
      await this.#options.onReport?.(report)
    } catch (cause) {
      this.#watched.events.tell('listenerError', new LakeloopError('LISTENER_FAILED', { event: 'onReport' }, cause))
    }
  }

  /** Looks what waits in the store; a store that cannot be asked fails the next run, and not the watch. */
  async #look(): Promise<void> {
    await this.lag.look().catch(() => undefined)
  }

  async #lookAtLag(): Promise<void> {
    const { lagMaxMs } = this.#options
    const { signal } = this.#stopping
    if (lagMaxMs === undefined) return
    for (let told = false; ; ) {
      await this.#watched.clock.sleep(lagMaxMs / 4, signal)
      if (signal.aborted) return
      await this.#look()
      const lag = this.lag.now()
      if (lag.ms > lagMaxMs && !told) this.#watched.events.tell('lag', lag)
      told = lag.ms > lagMaxMs
    }
  }

  async #takeFeed(): Promise<void> {
    const { feed } = this.#options
    if (feed === undefined) return
    const { inbox, clock } = this.#watched
    const { signal } = this.#stopping
    const onWake = (): void => {
      this.lag.woken()
      this.#ask('source')
    }
    const drained = (): Promise<void> => {
      const ended = once(this.#runEnded, signal)
      this.#ask('inbox')
      return ended
    }
    await takeFeed(feed, { inbox, clock, signal, onWake, drained }).catch((error: unknown) => {
      this.#feedError = asLakeloopError(error)
    })
    this.#feed = 'over'
    this.#wake()
  }

  #feedEnd() {
    if (this.#feedError === undefined) return { status: 'ended' } as const
    const { code, message } = this.#feedError
    return { status: 'failed', error: { code, message } } as const
  }

  #ask(reads: 'source' | 'inbox'): void {
    this.#turns[reads].ask()
    this.#wake()
  }

  /** Until something is due, asked for, or over. */
  async #wait(ms: number): Promise<void> {
    const over = new AbortController()
    const woken = once(this.#wakers, over.signal)
    const due = ms === Number.POSITIVE_INFINITY ? [] : [this.#watched.clock.sleep(ms, over.signal)]
    await Promise.race([woken, ...due])
    over.abort()
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake()
  }

  #report(): WatchReport {
    const { status = 'cancelled', error } = this.#end ?? {}
    return {
      sync: this.#watched.name,
      status,
      startedAt: this.#startedAt,
      runs: this.#runs,
      failures: this.#failures,
      rows: this.#rows,
      ...(error === undefined ? {} : { error }),
    }
  }
}

/** Resolves when one of the set is called, or the signal is aborted. */
function once(callers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      callers.delete(end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    callers.add(end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
