import type { Reconciled } from '../delta/list-delta.js'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { type BatchEntry, batchesOf } from '../history/batches.js'
import { retentionIn } from '../history/options.js'
import type { OutcomeEntry } from '../history/outcomes.js'
import type { Place } from '../history/place.js'
import { type Pruned, prune, pruneAtEnd } from '../history/prune.js'
import { runOp, runsOf } from '../history/runs.js'
import { type SeenSchema, seenSchemas } from '../history/schemas.js'
import type { ListRef } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import type { Reads, RunReport } from '../model/report.js'
import { Keys, SealedStore } from '../stores/sealed.js'
import { withAudience } from './audience.js'
import type { Scope } from './checkpoint.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import type { WhenHeld } from './drive.js'
import { refusedReport } from './ending.js'
import { type EraseOptions, type Place as ErasePlace, type Erasure, erase, finish, peopleOf } from './erase.js'
import { SyncEmitter, type SyncEvents } from './events.js'
import { compare } from './existing.js'
import { hit } from './failpoint.js'
import { fenceIn, Lease } from './lease.js'
import {
  checkBatchesRequest,
  checkEraseOptions,
  checkHistoryRequest,
  checkOptions,
  type SyncOptions,
} from './options.js'
import { type OutcomesRequest, outcomesFor } from './person-outcomes.js'
import { openRetrying, RETRY_LIMITS } from './retry.js'
import { sourceTypes, type TypesRequest } from './row-types.js'

export interface ReconcileRequest {
  readonly list: ListRef
  readonly signal?: AbortSignal
}

export type SyncParts = Pick<SyncOptions, 'source' | 'transform' | 'identity' | 'lists' | 'destination' | 'store'>

/** Whether to wait for another process that runs the sync, and until when. */
export interface Held {
  readonly whenHeld?: WhenHeld
  readonly signal?: AbortSignal
}

interface Leased {
  readonly reads: Reads
  readonly whenHeld: WhenHeld
  readonly signal: AbortSignal
}

/** How often a run that waits for another one looks whether it has ended. */
const HELD_POLL_MS = 1_000

/** What is asked of a sync around its runs: what they were, what they left, and that there is one at a time. */
export abstract class Upkeep {
  readonly name: string
  /** Without the keys of `encryption`: the store has them, and what shows a sync must not (I7). */
  protected readonly options: Omit<SyncOptions, 'encryption' | 'store'> & { readonly store: SealedStore }
  protected readonly clock: Clock
  protected readonly scope: Scope
  protected readonly events = new SyncEmitter()

  /** Throws OPTION_INVALID that names the option. */
  constructor(options: SyncOptions) {
    const { transform, audience, encryption, ...rest } = checkOptions(options)
    this.options = {
      ...rest,
      ...(audience === undefined ? { transform } : { audience, transform: withAudience(transform, audience) }),
      store: new SealedStore(options.store, new Keys(encryption)),
    }
    this.name = options.name
    this.clock = options.clock ?? SYSTEM_CLOCK
    this.scope = { project: options.destination.project, sync: options.name }
  }

  /** What it was made of, for who looks at a part itself: `sync.parts.identity.explainProfile(...)`. */
  get parts(): SyncParts {
    const { source, transform, identity, lists, destination, store } = this.options
    return { source, transform, identity, lists, destination, store: store.base }
  }

  on<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.events.on(event, listener)
    return this
  }

  once<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.events.once(event, listener)
    return this
  }

  off<K extends keyof SyncEvents>(event: K, listener: SyncEvents[K]): this {
    this.events.off(event, listener)
    return this
  }

  /**
   * Compares a list with what the destination has on it, and mends what is remembered: see {@link Reconciled}. Sends
   * nothing; what has to be sent is sent by the next run.
   *
   * Throws  LEASE_HELD while the sync runs; LIST_OWNED, LIST_UNKNOWN, LIST_AMBIGUOUS, LIST_DYNAMIC; OPTION_INVALID for a
   *         destination that does not show who is on a list; what the destination and the store throw.
   */
  async reconcile({ list, signal = new AbortController().signal }: ReconcileRequest): Promise<Reconciled> {
    const { store, lists, destination, existing = [] } = this.options
    const limits = { ...RETRY_LIMITS, ...this.options.retry }
    const clock = this.clock
    const lease = await Lease.take(store, this.scope, clock)
    try {
      const delivery = await openRetrying(destination, { clock, limits, signal })
      const owner = { project: this.scope.project, owner: this.scope.sync }
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

  /**
   * Erases people: all that this store keeps of them for the project, whatever identifiers they are named by, and what they
   * had before. Nothing is sent about them from then on, and the destination is asked to forget them by the next runs. It
   * cannot be taken back. See docs/erasure.md for what it cannot know.
   *
   * @param person  one, or up to 100 at once, which costs no more
   * Repeat   harmless: who was erased stays so, and what a crash left undone is done by this or the next run.
   * Throws   OPTION_INVALID for an identifier that joins nobody; LEASE_HELD while the sync runs; what the stores throw.
   * Cost     the tables of the project, once from end to end.
   */
  async erase(person: Identifiers | readonly Identifiers[], options: EraseOptions & Held = {}): Promise<Erasure> {
    checkEraseOptions(options)
    const { whenHeld = 'refuse', signal = new AbortController().signal } = options
    const people = peopleOf(this.options.identity, person, options)
    const lease = await this.#lease(whenHeld, signal)
    try {
      return await erase(this.#erasing(lease), people, options)
    } finally {
      await lease.release()
    }
  }

  #erasing(lease: Lease): ErasePlace {
    return { parts: this.options, scope: this.scope, clock: this.clock, lease }
  }

  /** The reports of former runs, newest first. One that runs, or whose process died, is `interrupted`: see docs/history.md. */
  async history(request: { readonly limit?: number } = {}): Promise<readonly RunReport[]> {
    checkHistoryRequest(request)
    return await runsOf(this.#place, request.limit ?? 20)
  }

  /**
   * What became of actions, newest first: of a person, under each identifier and address that identity knows of them; of a
   * row's key, a run, a reason, a status; of all of these at once.
   *
   * Throws  OPTION_INVALID; what the store throws.
   * Cost    see docs/history.md: of a person a few hundred short records for 10 million outcomes.
   */
  outcomes(request: OutcomesRequest = {}): AsyncGenerator<OutcomeEntry> {
    return outcomesFor(this.#place, this.options, request)
  }

  /** The requests of a run, as they were settled. Throws OPTION_INVALID, at the first one. */
  async *batches(request: { readonly runId: string }): AsyncGenerator<BatchEntry> {
    checkBatchesRequest(request)
    yield* batchesOf(this.#place, request.runId)
  }

  /** The schemas that runs have met, by when they were first met; a report names one by its digest. */
  async schemas(): Promise<readonly SeenSchema[]> {
    return await seenSchemas(this.#place)
  }

  /**
   * Takes away the history that is older than `history` of the options allows. Runs do so too, about once an hour.
   *
   * Throws  LEASE_HELD while the sync runs; what the store throws.
   */
  async prune(): Promise<Pruned> {
    const lease = await Lease.take(this.options.store, this.scope, this.clock)
    try {
      const options = { ...retentionIn(this.options.history), now: this.clock.now(), slackMs: 0 }
      return await prune(this.#place, (ops) => lease.commit(ops), options)
    } finally {
      await lease.release()
    }
  }

  get #place(): Place {
    return { store: this.options.store, scope: this.scope }
  }

  /**
   * The text of a `.d.ts` for programs over the rows of this sync: see {@link rowTypes}. Reads no rows, unless only reading
   * tells what they have: then the first page, of what is read once too.
   *
   * Throws  ROW_TYPES_UNKNOWN, ROW_TYPES_UNWRITABLE, OPTION_INVALID; what the source throws.
   */
  types(request: TypesRequest = {}): Promise<string> {
    return sourceTypes(this.options.source, request)
  }

  /** Ends the transform's process. Idempotent. */
  async close(): Promise<void> {
    await this.options.transform.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * What a run of any kind has around it: the lease, and a report however it ended. Rejects only on a programmer's mistake.
   */
  protected async leased(what: Leased, go: (lease: Lease) => Promise<RunReport>): Promise<RunReport> {
    const report = await this.#leased(what, go)
    this.events.tell('end', { report })
    return report
  }

  async #leased({ reads, whenHeld, signal }: Leased, go: (lease: Lease) => Promise<RunReport>): Promise<RunReport> {
    let lease: Lease | undefined
    try {
      FAILPOINT: hit('before-lease')
      lease = await this.#lease(whenHeld, signal)
      FAILPOINT: hit('after-lease')
      await finish(this.#erasing(lease), { others: false })
      return await this.#remember(await go(lease), lease)
    } catch (error) {
      if (!isLakeloopError(error)) throw error
      const { rulesHash: rules } = this.options.identity
      return refusedReport({ sync: this.name, reads, rules }, error, this.clock)
    } finally {
      await lease?.release()
    }
  }

  async #lease(whenHeld: WhenHeld, signal: AbortSignal): Promise<Lease> {
    for (;;) {
      try {
        return await Lease.take(this.options.store, this.scope, this.clock)
      } catch (error) {
        if (whenHeld === 'refuse' || !isLakeloopError(error, 'LEASE_HELD')) throw error
        await this.clock.sleep(HELD_POLL_MS, signal)
        if (signal.aborted) throw new LakeloopError('ABORTED')
      }
    }
  }

  /** A run whose report cannot be kept is not complete: the next one would not know of it. */
  async #remember(report: RunReport, lease: Lease): Promise<RunReport> {
    const { store, history } = this.options
    FAILPOINT: hit('before-report')
    try {
      await store.commit([runOp(this.scope, report)])
      FAILPOINT: hit('after-report')
      const when = { now: this.clock.now(), turn: lease.turn }
      await pruneAtEnd(this.#place, (ops) => lease.commit(ops), { ...retentionIn(history), ...when })
      return report
    } catch (error) {
      if (report.error !== undefined || !isLakeloopError(error)) return report
      return { ...report, status: 'failed', error: { code: error.code, message: error.message } }
    }
  }
}
