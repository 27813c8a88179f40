import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Action, ActionKind } from '../model/action.js'
import type { ExpiredCount, RunReport } from '../model/report.js'
import type { Row } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { Entry, Op } from '../stores/store.js'
import { checkpointKey } from './checkpoint.js'
import type { Driven, Running } from './drive.js'
import { dropLetters, expireLetters, isExpired } from './expiry.js'
import { Lease } from './lease.js'
import { idOf, keptIn, kindOf, rowKeyOf } from './letter.js'
import {
  checkLimit,
  checkListing,
  checkSelection,
  chosenLetters,
  entriesOf,
  keyOf,
  type LetterQuery,
  type LetterSelection,
} from './letter-choice.js'
import { editedLetter, type LetterEdit } from './letter-edit.js'
import { checkReplayOptions } from './options.js'
import { replayOf } from './replay.js'
import { Upkeep } from './upkeep.js'

/** An action that waits for something, such as the address of its person. Whole: holds values and addresses. */
export interface ParkedAction {
  readonly id: string
  readonly kind: ActionKind
  /** Of its row, as it is kept: one that no key of a store can be is named by its digest. */
  readonly key?: string
  readonly reason: Reason
  /** When it was first kept, as ISO 8601. */
  readonly at: string
  readonly runId: string
  readonly action: Action
}

/** What was refused for good, whole: holds values and addresses. */
export interface DeadLetter extends Omit<ParkedAction, 'kind' | 'action'> {
  /** `row`: what the source or the transform refused, so that there is no action. */
  readonly kind: ActionKind | 'row'
  /** Why it was refused last, and by which run. */
  readonly reason: Reason
  readonly runId: string
  /** Replays that did not help, and when the last of them did not. */
  readonly attempts: number
  readonly triedAt?: string
  /** When it was edited last. */
  readonly edited?: string
  /** The source could not give the row exactly: a replay cannot help unless the row is edited. */
  readonly needsEdit?: true
  /** It is older than `expireAfterDays`, and goes at the end of the next run, or with {@link DeadLetters.expire}. */
  readonly expired?: true
  readonly action?: Action
  readonly row?: Row
}

export interface ReplayOptions extends Running {
  readonly deadLetters: LetterSelection
}

/** What became of what could not be sent: looked at, edited, dropped, tried again. Calls that show letters show them whole. */
export abstract class DeadLetters extends Upkeep {
  /**
   * The dead letters of this sync, by the keys of their rows. What is written meanwhile may or may not be among them.
   *
   * Throws  OPTION_INVALID at the first one; SEALED_KEY_MISSING; what the store throws.
   */
  async *deadLetters(
    query: LetterQuery & { readonly limit?: number } = {},
  ): AsyncGenerator<DeadLetter, void, undefined> {
    checkListing('deadLetters', query)
    const { limit = Number.POSITIVE_INFINITY, ...chosen } = query
    let shown = 0
    for await (const entry of chosenLetters(this.options.store, this.scope, chosen)) {
      if (shown++ >= limit) return
      yield this.#shown(entry)
    }
  }

  /** One of them, by its id; `undefined` once it is gone. Throws OPTION_INVALID for a text that is no id. */
  async deadLetter(id: string): Promise<DeadLetter | undefined> {
    const key = keyOf('deadLetter', this.scope, id)
    const [value] = await this.options.store.get('deadLetter', [key])
    return value === undefined ? undefined : this.#shown({ key, value })
  }

  /**
   * Puts another action, or another row, in the place of the one that was refused; sends nothing. What identifiers an edited
   * action has together is learned by identity when it is replayed, as a record of its own.
   *
   * Throws  DEAD_LETTER_UNKNOWN, DEAD_LETTER_EDIT_INVALID, OPTION_INVALID; LEASE_HELD while the sync runs.
   */
  async editDeadLetter(id: string, edit: LetterEdit): Promise<void> {
    const key = keyOf('editDeadLetter', this.scope, id)
    await this.#held(async (lease) => {
      const [before] = await this.options.store.get('deadLetter', [key])
      if (before === undefined) throw new LakeloopError('DEAD_LETTER_UNKNOWN')
      const value = editedLetter({ key, value: before }, edit, new Date(this.clock.now()).toISOString())
      await lease.commit([{ op: 'put', table: 'deadLetter', key, value }])
    })
  }

  /** Drops letters for good and says how many. Throws OPTION_INVALID; LEASE_HELD while the sync runs. */
  async dropDeadLetters(selection: LetterSelection): Promise<number> {
    checkSelection('dropDeadLetters', 'selection', selection, this.scope)
    return await this.#held((lease) =>
      dropLetters(chosenLetters(this.options.store, this.scope, selection), (ops) => lease.commit(ops)),
    )
  }

  /** Drops what is older than `expireAfterDays`, as the end of each run does, and says how many of each reason. Throws LEASE_HELD. */
  async expire(): Promise<readonly ExpiredCount[]> {
    return await this.#held((lease) => this.#expire((ops) => lease.commit(ops)))
  }

  /** The parked actions of this sync, by the keys of their rows; rows that `drift` has parked are not among them. */
  async *parked(query: { readonly limit?: number } = {}): AsyncGenerator<ParkedAction, void, undefined> {
    checkLimit('parked', query)
    const { limit = Number.POSITIVE_INFINITY } = query
    let shown = 0
    for await (const entry of entriesOf(this.options.store, 'parked', checkpointKey(this.scope))) {
      if (shown++ >= limit) return
      const { reason, at, runId, action } = keptIn(entry)
      const key = rowKeyOf(entry)
      const named = { id: idOf(entry), kind: kindOf(entry) as ActionKind, ...(key === undefined ? {} : { key }) }
      yield { ...named, reason, at, runId, action: action as Action }
    }
  }

  /**
   * Tries dead letters again: a run like any other, that reads them and not the source, and leaves the source's cursor as it
   * is. Rows go through the transform again; what is refused again stays a letter, with one more attempt.
   *
   * Shape   resolves, however it ended. `rows.read` is the number of letters; each has one outcome, `superseded` where
   *         something newer was accepted since, or a whole audience did not show its row any more.
   * Repeat  harmless: a letter goes in the commit of its outcome, so that one that was cut short is tried again.
   * Upholds I2, I4, I6. Rejects with OPTION_INVALID only.
   */
  async replay(options: ReplayOptions): Promise<RunReport> {
    checkReplayOptions(options)
    const { deadLetters, ...running } = options
    checkSelection('replay', 'deadLetters', deadLetters, this.scope)
    return await this.drive(running, replayOf(deadLetters, this.options.sharedFields ?? []))
  }

  /** One pass under the lease, to its report. */
  protected abstract drive(running: Running, what: Driven): Promise<RunReport>

  /** The report of a run with what expired at its end; where that fails the run is not complete. */
  protected async expired(report: RunReport, commit: (ops: readonly Op[]) => Promise<void>): Promise<RunReport> {
    try {
      return { ...report, expired: await this.#expire(commit) }
    } catch (error) {
      if (report.error !== undefined || !isLakeloopError(error)) return report
      return { ...report, status: 'failed', error: { code: error.code, message: error.message } }
    }
  }

  #expire(commit: (ops: readonly Op[]) => Promise<void>): Promise<readonly ExpiredCount[]> {
    const { store, deadLetters } = this.options
    const days = deadLetters?.expireAfterDays
    return expireLetters({ store, scope: this.scope, days, now: this.clock.now(), commit })
  }

  /** No run may have in its hands what is changed here. */
  async #held<Result>(go: (lease: Lease) => Promise<Result>): Promise<Result> {
    const lease = await Lease.take(this.options.store, this.scope, this.clock)
    try {
      return await go(lease)
    } finally {
      await lease.release()
    }
  }

  #shown(entry: Entry): DeadLetter {
    const { reason, at, runId, attempts = 0, triedAt, edited, action, row, by } = keptIn(entry)
    const key = rowKeyOf(entry)
    const days = this.options.deadLetters?.expireAfterDays
    return {
      id: idOf(entry),
      kind: kindOf(entry),
      ...(key === undefined ? {} : { key }),
      ...{ reason, at, runId, attempts },
      ...(triedAt === undefined ? {} : { triedAt }),
      ...(edited === undefined ? {} : { edited }),
      ...(by === 'source' && edited === undefined ? { needsEdit: true as const } : {}),
      ...(isExpired(entry, { days, now: this.clock.now() }) ? { expired: true as const } : {}),
      ...(action === undefined ? {} : { action }),
      ...(row === undefined ? {} : { row }),
    }
  }
}
