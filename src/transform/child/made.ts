import type { Identifiers } from '../../model/identifier.js'
import type { Ran, RunRequest, Unmade } from '../protocol.js'
import { classify, type Read } from './classify.js'
import { Columns, KIND_NUMBERS, Pages, type Ready } from './columns.js'
import { Copier } from './copy.js'
import { Lane, QUOTES } from './lane.js'
import type { Program } from './program.js'
import { Recorder } from './recorder.js'
import { Refused } from './refused.js'
import { Seen } from './seen.js'
import { standardName } from './thrown.js'

/** Of one row. */
export const ACTIONS_MAX = 1_000
/** Forms of actions that are remembered: a program makes few. */
const LANES_MAX = 8

/** What a slice of rows has become so far: a row's actions are taken all or none. */
export class Made {
  readonly columns: Columns
  readonly recorder = new Recorder()
  /** Characters of all actions so far, about. */
  chars = 0
  readonly #program: Program
  readonly #request: RunRequest
  readonly #unmade: Unmade[] = []
  readonly #lanes: Lane[] = []
  readonly #sayable: (name: string) => boolean

  constructor(program: Program, request: RunRequest, pages = new Pages()) {
    this.columns = new Columns(pages)
    this.#program = program
    this.#request = request
    this.#sayable = (name) => program.words.has(name)
  }

  /**
   * Takes the actions among what was returned for a row; false where there are none. Getters and proxies run here for the last
   * time. Throws what a row is rejected for: then none of its actions is taken.
   */
  take(result: unknown, row: number): boolean {
    try {
      const isAny = this.#take(result, row)
      this.columns.keep()
      return isAny
    } catch (thrown) {
      this.columns.drop()
      throw thrown
    }
  }

  #take(result: unknown, row: number): boolean {
    const { columns } = this
    const { outputMaxBytes } = this.#request
    const values = listOf(result, ACTIONS_MAX)
    let copier: Copier | undefined // actions of one row share its limit of objects
    for (let at = 0; at < values.length; at += 1) {
      const read = readOf(values[at] as object)
      const lane = this.#laneOf(read)
      if (lane !== undefined) columns.add(row, lane)
      else {
        copier = copier?.next() ?? this.#copier(row)
        columns.write(row, this.#learned(read, copier, false))
      }
      if (columns.payloadChars > outputMaxBytes) throw this.#tooLarge() // before all of it is in memory
    }
    this.#measure(values.length)
    return values.length > 0
  }

  /** The lane that has taken an action. */
  #laneOf(read: Read): Lane | undefined {
    for (let at = 0; at < this.#lanes.length; at += 1) {
      const lane = this.#lanes[at] as Lane
      if (lane.take(read, this.columns)) return lane
    }
    return undefined
  }

  /** What was written for a row. Details count, though equal ones are sent once: a slice ends early, and not late. */
  #measure(actions: number): void {
    if (this.columns.bytes > this.#request.outputMaxBytes) throw this.#tooLarge()
    this.chars += this.columns.chars + actions * 100
  }

  /** The actions among what was returned for many rows, where `from` gives the row of each by what stands in its field `from`. */
  actionsIn(result: unknown, most: number, from: (value: unknown) => number): Ready[] {
    const made: Ready[] = []
    for (const value of listOf(result, most)) {
      const read = readOf(value)
      const row = from(read.values[read.names.indexOf('from')])
      made.push(this.#learned(read, this.#copier(row), true))
    }
    return made
  }

  #learned(read: Read, copier: Copier, batch: boolean): Ready {
    const { nulls } = this.#request
    const { kind, identifiers, detail, dataFields } = classify(read, { copier, nulls, sayable: this.#sayable, batch })
    const detailText = JSON.stringify(detail)
    const made: Ready = {
      kind: KIND_NUMBERS.get(kind) as number,
      identifiers,
      namedChars: charsOf(identifiers),
      detail: this.columns.detail(detail, detailText),
      detailSize: utf8Length(detailText),
      payload: JSON.stringify(dataFields),
      shape: this.columns.shape(dataFields),
    }
    if (!batch && !this.#lanes.some((lane) => lane.learn(read, made)) && this.#lanes.length < LANES_MAX) {
      const lane = Lane.of(read, made, { nulls, charsMax: this.#request.outputMaxBytes })
      if (lane !== undefined) this.#lanes.push(lane)
    }
    return made
  }

  add(row: number, actions: readonly Ready[]): void {
    for (const action of actions) this.columns.write(row, action)
    this.#measure(actions.length)
    this.columns.keep()
  }

  skipped(row: number, reason: unknown): undefined {
    const isSayable = typeof reason === 'string' && this.#program.words.has(reason)
    return this.end(row, 'filtered', 'TRANSFORM_SKIPPED', isSayable ? { reason } : {})
  }

  rejected(row: number, thrown: unknown): undefined {
    const { code, facts } = this.reasonOf(thrown)
    return this.end(row, 'rejected', code, facts)
  }

  /** Why something was thrown, without a value of a row. */
  reasonOf(thrown: unknown): Unmade['reason'] {
    const { words, positionOf } = this.#program
    const { at } = this.#program.facts
    if (Refused.is(thrown)) return { code: thrown.code, facts: { ...thrown.facts, at } }
    return { code: 'TRANSFORM_THREW', facts: { at: positionOf(thrown), name: standardName(thrown, words) } }
  }

  end(row: number, status: Unmade['status'], code: string, facts: Unmade['reason']['facts']): undefined {
    this.#unmade.push({ row, status, reason: { code, facts } })
  }

  answer(done: number): Ran {
    const logs = this.recorder.lines(this.#request.from + done)
    return { type: 'ran', done, unmade: this.#unmade, logs, ...this.columns.header() }
  }

  #tooLarge(): Refused {
    return new Refused('TRANSFORM_OUTPUT_TOO_LARGE', { limitBytes: this.#request.outputMaxBytes })
  }

  #copier(row: number): Copier {
    const { outputMaxBytes, from } = this.#request
    const onNotFinite = (what: string): void => this.recorder.add('warn', from + row, [`${what} was left out`])
    return new Copier({ charsMax: 2 * outputMaxBytes, bytesMax: outputMaxBytes, onNotFinite })
  }
}

/** Own enumerable properties, each read once. */
function readOf(value: object): Read {
  const names = Object.keys(value)
  const values: unknown[] = []
  let dataFields: Seen | undefined
  let identifiers: Seen | undefined
  for (let at = 0; at < names.length; at += 1) {
    const name = names[at] as string
    const held = (value as Readonly<Record<string, unknown>>)[name]
    if (name === 'dataFields') dataFields = Seen.of(held)
    else if (name === 'identifiers') identifiers = Seen.of(held)
    values.push(held)
  }
  return { names, values, dataFields, identifiers }
}

export const isThenable = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  typeof (value as { then?: unknown }).then === 'function'

/** The returned objects; `null`, `undefined` and `false` stand for none, so that `condition && {...}` may be written. */
function listOf(result: unknown, most: number): object[] {
  if (!Array.isArray(result)) return isAction(result) ? [result] : []
  const length = Number(result.length) // a proxy may give an object for it, and so another number at every look
  if (length > most) throw badOutput(`more than ${most} actions for one row`)
  const listed: object[] = []
  for (let at = 0; at < length; at += 1) {
    const value: unknown = result[at]
    if (isAction(value)) listed.push(value)
  }
  return listed
}

/** Throws TRANSFORM_BAD_OUTPUT for what is neither an action nor nothing. */
function isAction(value: unknown): value is object {
  if (value === null || value === undefined || value === false) return false
  if (typeof value === 'object' && !Array.isArray(value)) return true
  throw badOutput(`${Array.isArray(value) ? 'an array' : `a ${typeof value}`} where an action should be`)
}

const badOutput = (problem: string): Refused => new Refused('TRANSFORM_BAD_OUTPUT', { problem })

function charsOf(identifiers: Identifiers): number {
  let chars = 0
  for (const [name, value] of Object.entries(identifiers)) chars += name.length + value.length + QUOTES
  return chars
}

function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}
