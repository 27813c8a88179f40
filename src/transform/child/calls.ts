import type { RunRequest } from '../protocol.js'
import type { Guest, Program } from './program.js'
import { SPARK } from './spark/spark.js'

/** What of a batch its program reaches while it is called. */
export interface Reached {
  skip(first: unknown, second: unknown): void
  random(): number
  log(level: string, values: readonly unknown[]): void
}

const HEADERS = Object.freeze({})

/** A program, opened for one batch, with what it is handed. */
export class Calls {
  readonly #form: Program['facts']['form']
  readonly #context: object
  readonly #guest: Guest
  /**
   * The way back from what the program was handed. SES keeps all that it hardens in weak maps, and V8 lets nothing go that an old
   * entry of one leads to before the old generation is collected: so the way ends with the batch.
   */
  readonly #way: { batch: Reached | undefined }

  constructor(program: Program, { now }: RunRequest, batch: Reached) {
    const way: { batch: Reached | undefined } = { batch }
    const skip = (first?: unknown, second?: unknown): void => {
      way.batch?.skip(first, second) // and hands nothing of ours out
    }
    this.#way = way
    this.#form = program.facts.form
    this.#context = harden({ now, skip, spark: SPARK })
    this.#guest = program.open({
      now,
      random: () => way.batch?.random() ?? 0,
      log: (level, values) => way.batch?.log(level, values),
    })
  }

  /** Calls the function for a row, or for all of them: `first` is what it gets where it is no `send`. */
  call(events: readonly object[], first: object): unknown {
    const guest = this.#guest // called without a `this`
    return this.#form === 'send' ? guest({ events }, HEADERS) : guest(first, this.#context)
  }

  /** Nothing of the batch is reached any more. */
  end(): void {
    this.#way.batch = undefined
  }
}
