import type { ActionBlock, ListRef } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { JsonObject, Reason } from '../model/value.js'

/**
 * Where actions go. A destination is configuration; what lives for one run is its {@link Delivery}.
 * Retries, splitting and the order of requests are the engine's (`deliver`): a connector says once what happened.
 */
export interface Destination {
  readonly name: string
  /** The account that state belongs to: the first part of every key in every store. Not a secret. */
  readonly project: string
  /** The namespace whose identifiers are addresses here, e.g. `email` or `userId`. */
  readonly addressedBy: string
  /** True where an item of a catalog keeps the fields that a later write leaves out; else each write replaces it. */
  readonly mergesItems?: boolean
  /**
   * Once per run: reads what preparing depends on (field contract, lists, learned sizes) and freezes it.
   *
   * Throws  DESTINATION_UNAUTHORIZED and DESTINATION_UNREACHABLE, before the first row.
   */
  open(signal: AbortSignal, learned?: JsonObject): Promise<Delivery>
  /**
   * How long until as many people as wait for it are forgotten, in ms from now, with a run under way whenever there is room.
   * Optional, for one that takes only so many. Asks nobody: it goes by what former runs have learned.
   */
  forgetEtaMs?(waiting: number, learned?: JsonObject): number
  /** Idempotent. */
  close(): Promise<void>
}

export interface Delivery {
  /**
   * The exact requests that would be sent, and the actions refused on our side.
   *
   * Shape   every index of `actions` stands once, in `refused` or in the `actions` of one request.
   * Laws    pure: no network. The same delivery and the same actions give the same bytes.
   * Cost    a promise, where it would take long, and then the host's loop turns meanwhile.
   */
  prepare(actions: ActionBlock): Prepared | Promise<Prepared>
  /**
   * The same actions in smaller requests, to fit a size or to find the row that spoils the rest. Pure.
   *
   * Shape   two or more requests, or the one given if it holds a single action. Together they hold its actions, in order.
   */
  split(request: PreparedRequest, by: Split): readonly PreparedRequest[]
  /**
   * Sends one prepared request, once.
   *
   * Shape   one outcome per entry of `request.actions`, in that order. A vendor's "no" to a row is an outcome.
   * Repeat  must be harmless, or be looked up before it is repeated (I2): after a crash the same request comes again.
   * @param again  the same may have arrived before, in this run or in one that died; told for requests with `intent`
   * Throws  a LakeloopError whose remedy says what the engine does with the WHOLE request: `retry` its fate is unknown
   *         or it was refused for now (DESTINATION_UNREACHABLE, DESTINATION_ANSWER_UNCLEAR, DESTINATION_THROTTLED with
   *         `afterMs`); `split` nothing was applied, because of its size or of some row in it (REQUEST_TOO_LARGE,
   *         REQUEST_REFUSED); `halt` nobody's row is at fault (DESTINATION_UNAUTHORIZED). Anything else halts the run.
   */
  apply(request: PreparedRequest, signal: AbortSignal, again?: boolean): Promise<readonly Outcome[]>
  /**
   * The addresses on a list, as the destination has them now: in parts, in no order, in the form in which it is given
   * addresses. Optional, for one that can be asked. What was accepted a moment ago may not show yet.
   *
   * Throws  LIST_UNKNOWN, LIST_AMBIGUOUS, LIST_DYNAMIC; what `apply` throws, and then all of it is asked for again.
   */
  members?(list: ListRef, signal: AbortSignal): AsyncIterable<readonly string[]>
  /**
   * What is known of a prepared request before it is sent: for a plan. Optional.
   *
   * Laws    pure: no network. The same delivery and the same request give the same.
   */
  foresee?(request: PreparedRequest): Foreseen
  /** Ends the run's use; what it learned (sizes) comes back at the next `open`. */
  close(): Promise<JsonObject>
}

export interface Prepared {
  readonly requests: readonly PreparedRequest[]
  readonly refused: readonly Refusal[]
}

export interface Refusal {
  /** Index into the block given to `prepare`. */
  readonly action: number
  readonly reason: Reason
}

export interface PreparedRequest {
  /** What is counted and paced, e.g. `users/bulkUpdate`. Never holds an address. */
  readonly endpoint: string
  /** Indexes into the block given to `prepare`, in the order of the outcomes. Several may share one wire row (folded writes). */
  readonly actions: readonly number[]
  /** The bytes on the wire. */
  readonly body: Uint8Array
  /** True where a repeat is not harmless: it is written down before it is sent, so that `apply` can look it up (I2). */
  readonly intent?: boolean
}

/** What a plan tells of a request, beside its bytes. */
export interface Foreseen {
  /** What the destination does not have, as far as it knows, and makes for this request. */
  readonly creates: readonly Creation[]
  /** Starts of requests to this endpoint per second that `apply` keeps to, above 0. Left out: it paces none. */
  readonly perSecond?: number
}

/** A thing at the destination, by a name that stands in the request; never an address. */
export interface Creation {
  readonly kind: 'list' | 'field' | 'catalog'
  readonly name: string
}

/** How to split: in halves, or with the actions that an answer cast suspicion on apart from the rest. */
export type Split = { readonly kind: 'halves' } | { readonly kind: 'suspects'; readonly actions: readonly number[] }
