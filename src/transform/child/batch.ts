import type { Ran, RunRequest, Unmade } from '../protocol.js'
import { type Classified, classify } from './classify.js'
import { Columns } from './columns.js'
import { Copier } from './copy.js'
import type { Guest, Program } from './program.js'
import { Random } from './random.js'
import { Recorder } from './recorder.js'
import { Refused } from './refused.js'
import { standardName } from './thrown.js'

const ACTIONS_MAX = 1_000
const HEADERS = Object.freeze({})
/** Helpers for source values come with a later version; the name is there so that a program may ask for it. */
const SPARK = Object.freeze({})

/** One slice of rows, worked off one by one in a compartment of its own: a row's actions are taken all or none. */
export class Batch {
  readonly columns = new Columns()
  readonly #program: Program
  readonly #request: RunRequest
  readonly #rows: readonly (object | null)[]
  readonly #recorder = new Recorder()
  readonly #random: Random
  readonly #unmade: Unmade[] = []
  readonly #context: object
  readonly #guest: Guest
  readonly #startedAt = Date.now()
  #row = 0
  #chars = 0
  #skip: { readonly reason: unknown } | undefined
  /** Which run of the loop counts: one that was given up must not go on, should its promise settle after all. */
  #turn = 0
  #finished = false

  constructor(program: Program, request: RunRequest, rows: readonly (object | null)[]) {
    this.#program = program
    this.#request = request
    this.#rows = rows
    this.#random = new Random(request.seed)
    const skip = (reason?: unknown): void => {
      this.#skip = { reason }
    }
    this.#context = harden({ now: request.now, skip, spark: SPARK })
    this.#guest = program.open({
      now: request.now,
      random: () => this.#random.next(),
      log: (level, values) => this.#recorder.add(level, request.from + this.#row, values),
    })
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
        this.#reject(thrown)
      }
    }
    this.#finished = true
  }

  /** Time or size enough for one answer: the rest of the rows is asked for again. */
  #isLong(): boolean {
    return this.#chars > this.#request.softChars || Date.now() - this.#startedAt > this.#request.softMs
  }

  #call(row: object): unknown {
    const guest = this.#guest // called without a `this`
    return this.#program.facts.form === 'send' ? guest({ events: [row] }, HEADERS) : guest(row, this.#context)
  }

  /** Microtasks have run dry: without timers and a network, a promise that is still pending stays so. */
  giveUp(): boolean {
    if (this.#finished) return false
    this.#end('rejected', 'TRANSFORM_NEVER_SETTLES', { at: this.#program.at })
    this.#row += 1
    return true
  }

  #take(result: unknown): undefined {
    if (this.#skip !== undefined) {
      const { reason } = this.#skip
      const isSayable = typeof reason === 'string' && this.#program.words.has(reason)
      return this.#end('filtered', 'TRANSFORM_SKIPPED', isSayable ? { reason } : {})
    }
    const copier = new Copier({
      bytesMax: this.#request.outputMaxBytes,
      onNotFinite: (what) => this.#recorder.add('warn', this.#request.from + this.#row, [`${what} was left out`]),
    })
    const sayable = (name: string): boolean => this.#program.words.has(name)
    const actions = listOf(result).map((value) => classify(value, copier, this.#request.nulls, sayable))
    if (actions.length === 0) return this.#end('filtered', 'TRANSFORM_NO_ACTION', {})
    this.#add(actions)
  }

  #add(actions: readonly Classified[]): void {
    const bytesMax = this.#request.outputMaxBytes
    const payloads = actions.map(({ dataFields }) => JSON.stringify(dataFields))
    const chars = payloads.reduce((sum, text) => sum + text.length, 0)
    if (chars * 3 > bytesMax && payloads.reduce((sum, text) => sum + utf8Length(text), 0) > bytesMax) {
      throw new Refused('TRANSFORM_OUTPUT_TOO_LARGE', { limitBytes: bytesMax })
    }
    this.#chars += chars
    for (const [index, action] of actions.entries()) {
      this.#chars += this.columns.add(this.#row, action, payloads[index] as string)
    }
  }

  #reject(thrown: unknown): undefined {
    const { words, at, positionOf } = this.#program
    if (Refused.is(thrown)) return this.#end('rejected', thrown.code, { ...thrown.facts, at })
    this.#end('rejected', 'TRANSFORM_THREW', { at: positionOf(thrown), name: standardName(thrown, words) })
  }

  #end(status: Unmade['status'], code: string, facts: Unmade['reason']['facts']): undefined {
    this.#unmade.push({ row: this.#row, status, reason: { code, facts } })
  }

  answer(): Ran {
    const logs = this.#recorder.lines(this.#request.from + this.#row)
    return { type: 'ran', done: this.#row, unmade: this.#unmade, logs, ...this.columns.header() }
  }
}

const isThenable = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  typeof (value as { then?: unknown }).then === 'function'

/** The returned objects; `null`, `undefined` and `false` stand for none, so that `condition && {...}` may be written. */
function listOf(result: unknown): object[] {
  const listed: unknown[] = []
  if (!Array.isArray(result)) listed.push(result)
  else {
    const length = Number(result.length) // a proxy may give an object for it, and so another number at every look
    if (length > ACTIONS_MAX) throw badOutput(`more than ${ACTIONS_MAX} actions for one row`)
    for (let at = 0; at < length; at += 1) listed.push(result[at])
  }
  return listed.filter((value): value is object => {
    if (value === null || value === undefined || value === false) return false
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw badOutput(`${Array.isArray(value) ? 'an array' : `a ${typeof value}`} where an action should be`)
    }
    return true
  })
}

const badOutput = (problem: string): Refused => new Refused('TRANSFORM_BAD_OUTPUT', { problem })

function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}
