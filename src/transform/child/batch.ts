import type { RunRequest } from '../protocol.js'
import { Calls } from './calls.js'
import type { Pages } from './columns.js'
import { isThenable, Made } from './made.js'
import type { Program } from './program.js'
import { Random } from './random.js'
import type { Rows } from './rows.js'

/** One slice of rows, worked off one by one. */
export class Batch {
  readonly made: Made
  readonly #program: Program
  readonly #request: RunRequest
  readonly #rows: Rows
  /** Those that were shown, where the program can name one that is not its call's. */
  readonly #shown: object[] | undefined
  readonly #random: Random
  readonly #calls: Calls
  readonly #startedAt = Date.now()
  #row = 0
  #skip: { readonly reason: unknown } | undefined
  /** Which run of the loop counts: one that was given up must not go on, should its promise settle after all. */
  #turn = 0
  #finished = false
  /** What is no fault of the program: rows that are no JSON. */
  #fault: { readonly error: unknown } | undefined

  constructor(program: Program, request: RunRequest, rows: Rows, pages?: Pages) {
    this.#program = program
    this.#request = request
    this.#rows = rows
    this.#shown = program.seesContext && program.facts.form === 'default' ? [] : undefined
    this.#random = new Random(request.seed)
    this.made = new Made(program, request, pages)
    this.#calls = new Calls(program, request, {
      random: () => this.#random.next(),
      log: (level, values) => this.made.recorder.add(level, request.from + this.#row, values),
    })
  }

  /** Of the call for the row that is under way: no other has a way here. */
  readonly #skips = (first: unknown, second: unknown): void => {
    const row = this.#rows.at(this.#row)
    // Says itself that it means another: a row that was kept from its call.
    if (first !== row && typeof first === 'object' && first !== null && this.#shown?.includes(first) === true) return
    this.#skip = { reason: first === row ? second : first }
  }

  /** Goes on with the first row that has no end yet. */
  run(): void {
    this.#turn += 1
    this.#loop(this.#turn).catch((error: unknown) => {
      this.#fault = { error }
      this.#finished = true
    })
  }

  async #loop(turn: number): Promise<void> {
    for (; ; this.#row += 1) {
      const row = this.#rows.at(this.#row)
      if (row === undefined || (this.#row > 0 && this.#isLong())) break
      if (row === null) continue
      this.#shown?.push(row)
      this.#skip = undefined
      this.#random.startRow(this.#request.from + this.#row)
      try {
        let result = this.#calls.call(row, this.#skips)
        if (isThenable(result)) {
          result = await result
          if (turn !== this.#turn) return
        }
        this.#calls.settled()
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

  /** Microtasks have run dry: without timers and a network, a promise that is still pending stays so. */
  giveUp(): boolean {
    if (this.#finished) return false
    this.#calls.settled()
    this.made.end(this.#row, 'rejected', 'TRANSFORM_NEVER_SETTLES', { at: this.#program.facts.at })
    this.#row += 1
    return true
  }

  #take(result: unknown): undefined {
    if (this.#skip !== undefined) return this.made.skipped(this.#row, this.#skip.reason)
    if (!this.made.take(result, this.#row)) this.made.end(this.#row, 'filtered', 'TRANSFORM_NO_ACTION', {})
  }

  answer() {
    this.#calls.end()
    if (this.#fault !== undefined) throw this.#fault.error
    return this.made.answer(this.#row)
  }
}
