import type { Ran, RunRequest, Undone } from '../protocol.js'
import { Calls } from './calls.js'
import type { Pages, Ready } from './columns.js'
import { ACTIONS_MAX, isThenable, Made } from './made.js'
import type { Program } from './program.js'
import { Random } from './random.js'
import { Refused } from './refused.js'
import type { Rows } from './rows.js'

/**
 * One slice of rows that the program gets all at once; each action names its row. What goes wrong undoes the whole slice, and
 * the host asks for its halves: a row at fault is found, and rejected alone.
 */
export class Together {
  readonly made: Made
  readonly #program: Program
  readonly #rows: readonly (object | null)[]
  readonly #numbers = new Map<object, number>()
  readonly #skipped = new Map<number, unknown>()
  readonly #calls: Calls
  #wronglySkipped: { readonly row: unknown } | undefined
  #undone: Undone | undefined
  #finished = false

  constructor(program: Program, request: RunRequest, given: Rows, pages?: Pages) {
    const rows = given.all()
    this.#program = program
    this.#rows = rows
    this.made = new Made(program, request, pages)
    for (const [at, row] of rows.entries()) if (row !== null) this.#numbers.set(row, at)
    const random = new Random(request.seed)
    random.startRow(request.from)
    this.#calls = new Calls(program, request, {
      random: () => random.next(),
      log: (level, values) => this.made.recorder.add(level, request.from, values),
    })
  }

  readonly #skips = (row: unknown, reason: unknown): void => {
    const number = this.#numbers.get(row as object)
    // Told when the program has returned: it could catch what is thrown here, and speak by it.
    if (number === undefined) this.#wronglySkipped ??= { row }
    else this.#skipped.set(number, reason)
  }

  run(): void {
    void this.#run()
  }

  /** A promise that is still pending when nothing is left to do stays so. */
  giveUp(): boolean {
    if (!this.#finished) this.#undo({ code: 'TRANSFORM_NEVER_SETTLES', facts: { at: this.#program.facts.at } })
    return false
  }

  answer(): Ran | Undone {
    this.#calls.end()
    return this.#undone ?? this.made.answer(this.#rows.length)
  }

  async #run(): Promise<void> {
    try {
      const events = [...this.#numbers.keys()]
      if (events.length === 0) {
        this.#finished = true // no row is to be seen
        return
      }
      let result = this.#calls.call(events, this.#skips)
      if (isThenable(result)) result = await result
      this.#calls.settled()
      if (!this.#finished) this.#take(result)
    } catch (thrown) {
      if (!this.#finished) this.#undo(this.made.reasonOf(thrown))
    }
    this.#finished = true
  }

  #undo(reason: Undone['reason']): void {
    this.#finished = true
    this.#undone = { type: 'undone', reason }
  }

  #take(result: unknown): void {
    if (this.#wronglySkipped !== undefined) this.#numberOf(this.#wronglySkipped.row, 'a call of skip')
    const whose: number[] = []
    const actions = this.made.actionsIn(result, ACTIONS_MAX * this.#rows.length, (from) => {
      const row = this.#numberOf(from, 'an action with a `from`')
      whose.push(row)
      return row
    })
    const byRow = new Map<number, Ready[]>()
    for (const [at, action] of actions.entries()) {
      const row = whose[at] as number
      const made = byRow.get(row) ?? []
      if (made.push(action) > ACTIONS_MAX) throw bad(`more than ${ACTIONS_MAX} actions for one row`)
      byRow.set(row, made)
    }
    for (const [at, row] of this.#rows.entries()) if (row !== null) this.#end(at, byRow.get(at))
  }

  #end(row: number, actions: readonly Ready[] | undefined): void {
    if (this.#skipped.has(row)) this.made.skipped(row, this.#skipped.get(row))
    else if (actions === undefined) this.made.end(row, 'filtered', 'TRANSFORM_NO_ACTION', {})
    else this.made.add(row, actions)
  }

  #numberOf(row: unknown, what: string): number {
    if (row === undefined) throw bad(`${what} that is missing: with batch: true each names its row`)
    const number = this.#numbers.get(row as object)
    if (number === undefined) throw bad(`${what} that is none of the rows: give the row itself, and no copy`)
    return number
  }
}

const bad = (problem: string): Refused => new Refused('TRANSFORM_BAD_OUTPUT', { problem })
