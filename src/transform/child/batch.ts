import type { RunRequest } from '../protocol.js'
import { isThenable, Made } from './made.js'
import type { Guest, Program } from './program.js'
import { Random } from './random.js'
import { SPARK } from './spark/spark.js'

const HEADERS = Object.freeze({})

/** One slice of rows, worked off one by one in a compartment of its own. */
export class Batch {
  readonly made: Made
  /**
   * By which what the program was handed finds its way back. SES keeps all that it hardens in weak maps, and V8 lets nothing go
   * that an old entry of one leads to before the old generation is collected: so the way ends with the batch.
   */
  readonly reach: { batch: Batch | undefined } = { batch: this }
  readonly #program: Program
  readonly #request: RunRequest
  readonly #rows: readonly (object | null)[]
  readonly #random: Random
  readonly #context: object
  readonly #guest: Guest
  readonly #startedAt = Date.now()
  #row = 0
  #skip: { readonly reason: unknown } | undefined
  /** Which run of the loop counts: one that was given up must not go on, should its promise settle after all. */
  #turn = 0
  #finished = false

  constructor(program: Program, request: RunRequest, rows: readonly (object | null)[]) {
    this.#program = program
    this.#request = request
    this.#rows = rows
    this.#random = new Random(request.seed)
    this.made = new Made(program, request)
    const { reach } = this
    const skip = (first?: unknown, second?: unknown): void => reach.batch?.skip(first, second)
    this.#context = harden({ now: request.now, skip, spark: SPARK })
    this.#guest = program.open({
      now: request.now,
      random: () => reach.batch?.random() ?? 0,
      log: (level, values) => reach.batch?.log(level, values),
    })
  }

  /** Of the program, for the row that it is called for. */
  skip(first: unknown, second: unknown): void {
    const row = this.#rows[this.#row]
    // Of a row that has ended: a promise of it was still under way.
    if (first !== row && this.#rows.includes(first as object)) return
    this.#skip = { reason: first === row ? second : first }
  }

  random(): number {
    return this.#random.next()
  }

  log(level: string, values: readonly unknown[]): void {
    this.made.recorder.add(level, this.#request.from + this.#row, values)
  }

  /** Goes on with the first row that has no end yet. */
  run(): void {
    this.#turn += 1
    void this.#loop(this.#turn)
  }

  async #loop(turn: number): Promise<void> {
    for (; this.#row < this.#rows.length; this.#row += 1) {
      if (this.#row > 0 && this.#isLong()) break
      const row = this.#rows[this.#row]
      if (row === null || row === undefined) continue
      this.#skip = undefined
      this.#random.startRow(this.#request.from + this.#row)
      try {
        let result = this.#call(row)
        if (isThenable(result)) {
          result = await result
          if (turn !== this.#turn) return
        }
        this.#take(result)
      } catch (thrown) {
        if (turn !== this.#turn) return
        this.made.rejected(this.#row, thrown)
      }
    }
    this.#finished = true
  }

  /** Time or size enough for one answer: the rest of the rows is asked for again. */
  #isLong(): boolean {
    return this.made.chars > this.#request.softChars || Date.now() - this.#startedAt > this.#request.softMs
  }

  #call(row: object): unknown {
    const guest = this.#guest // called without a `this`
    return this.#program.facts.form === 'send' ? guest({ events: [row] }, HEADERS) : guest(row, this.#context)
  }

  /** Microtasks have run dry: without timers and a network, a promise that is still pending stays so. */
  giveUp(): boolean {
    if (this.#finished) return false
    this.made.end(this.#row, 'rejected', 'TRANSFORM_NEVER_SETTLES', { at: this.#program.facts.at })
    this.#row += 1
    return true
  }

  #take(result: unknown): undefined {
    if (this.#skip !== undefined) return this.made.skipped(this.#row, this.#skip.reason)
    const actions = this.made.actionsIn(result, this.#row)
    if (actions.length === 0) return this.made.end(this.#row, 'filtered', 'TRANSFORM_NO_ACTION', {})
    this.made.add(this.#row, actions)
  }

  answer() {
    this.reach.batch = undefined
    return this.made.answer(this.#row)
  }
}
