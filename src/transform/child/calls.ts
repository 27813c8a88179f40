import type { RunRequest } from '../protocol.js'
import type { Guest, Program } from './program.js'
import { SPARK } from './spark/spark.js'

/** What of a batch its program reaches while it is called. */
export interface Reached {
  random(): number
  log(level: string, values: readonly unknown[]): void
}

/** What one call asks for by the `skip` that it was given. */
export type Skips = (first: unknown, second: unknown) => void

const HEADERS = Object.freeze({})

/** A program, opened for one batch, with what it is handed. */
export class Calls {
  readonly #form: Program['facts']['form']
  readonly #seesContext: boolean
  readonly #batch: boolean
  readonly #now: number
  readonly #guest: Guest
  /**
   * The way back from what the program was handed. SES keeps all that it hardens in weak maps, and V8 lets nothing go that an old
   * entry of one leads to before the old generation is collected: so the way ends with the batch.
   */
  readonly #way: { batch: Reached | undefined }
  /** The way of the `skip` of the call that is under way. */
  #skipping: { call: Skips | undefined } = { call: undefined }

  constructor(program: Program, { now }: RunRequest, batch: Reached) {
    const way: { batch: Reached | undefined } = { batch }
    this.#way = way
    this.#form = program.facts.form
    this.#seesContext = program.seesContext
    this.#batch = program.batch
    this.#now = now
    harden(SPARK)
    this.#guest = program.open({
      now,
      random: () => way.batch?.random() ?? 0,
      log: (level, values) => way.batch?.log(level, values),
    })
  }

  /**
   * Calls the function for a row, or for all of them.
   *
   * @param skips  is told what this call skips, until `settled` or the next call
   */
  call(first: object | readonly object[], skips: Skips): unknown {
    const guest = this.#guest // called without a `this`
    if (this.#form === 'send') return guest({ events: this.#batch ? first : [first] }, HEADERS)
    if (!this.#seesContext) return guest(first, undefined)
    this.settled()
    const way: { call: Skips | undefined } = { call: skips }
    this.#skipping = way
    const skip = (one?: unknown, other?: unknown): void => {
      way.call?.(one, other) // and hands nothing of ours out
    }
    // Frozen and not hardened: all that lies behind them is hardened already, and nothing of a call goes into a weak map.
    return guest(first, Object.freeze({ now: this.#now, skip: Object.freeze(skip), spark: SPARK }))
  }

  /** The call has come to its end: what is still under way of it skips nothing. */
  settled(): void {
    this.#skipping.call = undefined
  }

  /** Nothing of the batch is reached any more. */
  end(): void {
    this.settled()
    this.#way.batch = undefined
  }
}
