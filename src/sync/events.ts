import { EventEmitter } from 'eventemitter3'
import { LakeloopError } from '../errors.js'
import type { DriftChange, ListCounts, RowCounts } from '../model/report.js'
import type { Reason } from '../model/value.js'

/** What a sync tells while it runs. Names, counts and codes only (I7). */
export interface SyncEvents {
  /** The run has its lease. `resumed`: it goes on where an interrupted one stood. */
  start: (event: { readonly sync: string; readonly runId: string; readonly resumed: boolean }) => void
  drift: (event: { readonly changes: readonly DriftChange[] }) => void
  /** A page was read and transformed. */
  page: (event: { readonly rows: number; readonly actions: number }) => void
  /** A request was settled and what it taught is durable. */
  batch: (event: BatchEvent) => void
  /** A page's rows all have their outcome, and the cursor stands behind it. */
  progress: (event: { readonly rows: RowCounts }) => void
  /** Actions of one reason were rejected. */
  reject: (event: { readonly reason: Reason; readonly actions: number }) => void
  throttle: (event: { readonly endpoint: string; readonly waitMs: number }) => void
  list: (event: ListCounts) => void
  /** A watch is behind by more than its `lagMaxMs`; told once until it has caught up. */
  lag: (event: Lag) => void
  /** What the transform wrote to its console. May hold values: it is the author's own text. */
  log: (event: { readonly level: string; readonly text: string }) => void
  /** A listener threw. `causeOf(error)` has what it threw. */
  listenerError: (error: LakeloopError) => void
}

/** How far a watch is behind. */
export interface Lag {
  /**
   * What the destination does not show yet is at most this old, in ms: the longer of `oldestMs` and of the time since the last
   * complete run began to read the source (with a feed: since the oldest wake-up that was not served).
   */
  readonly ms: number
  /** How long the oldest row of the inbox has waited, in ms; 0 where none waits. */
  readonly oldestMs: number
  /** Rows in the inbox, as last seen. */
  readonly waiting: number
  /** When the last run that completed began, ISO 8601. */
  readonly lastRunAt: string | undefined
  /** Runs that did not complete since. */
  readonly failures: number
}

export interface BatchEvent {
  readonly endpoint: string
  readonly actions: number
  readonly accepted: number
  readonly rejected: number
  readonly bytes: number
}

type Listener<K extends keyof SyncEvents> = SyncEvents[K]

/** Typed events whose listeners cannot hurt the run: one that throws, or rejects, becomes a `listenerError`. */
export class SyncEmitter {
  readonly #emitter = new EventEmitter()
  /** By listener and event: one listener may hear several. */
  readonly #guarded = new Map<unknown, Map<string, (...args: unknown[]) => void>>()

  on<K extends keyof SyncEvents>(event: K, listener: Listener<K>): void {
    this.#emitter.on(event, this.#guard(event, listener))
  }

  once<K extends keyof SyncEvents>(event: K, listener: Listener<K>): void {
    this.#emitter.once(event, this.#guard(event, listener))
  }

  off<K extends keyof SyncEvents>(event: K, listener: Listener<K>): void {
    this.#emitter.off(event, this.#guard(event, listener))
  }

  tell<K extends keyof SyncEvents>(event: K, ...payload: Parameters<SyncEvents[K]>): void {
    this.#emitter.emit(event, ...payload)
  }

  #guard<K extends keyof SyncEvents>(event: K, listener: Listener<K>): (...args: unknown[]) => void {
    const ofListener = this.#guarded.get(listener) ?? new Map<string, (...args: unknown[]) => void>()
    this.#guarded.set(listener, ofListener)
    const known = ofListener.get(event)
    if (known !== undefined) return known
    const guarded = (...args: unknown[]): void => {
      try {
        const answer: unknown = (listener as (...args: unknown[]) => unknown)(...args)
        if (answer instanceof Promise) answer.catch((cause: unknown) => this.#failed(event, cause))
      } catch (cause) {
        this.#failed(event, cause)
      }
    }
    ofListener.set(event, guarded)
    return guarded
  }

  #failed(event: string, cause: unknown): void {
    if (event !== 'listenerError') this.tell('listenerError', new LakeloopError('LISTENER_FAILED', { event }, cause))
  }
}
