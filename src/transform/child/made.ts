import type { Ran, RunRequest, Unmade } from '../protocol.js'
import { classify, type Read } from './classify.js'
import { Columns, KIND_NUMBERS } from './columns.js'
import { Copier } from './copy.js'
import { Lane, type Ready } from './lane.js'
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
  readonly columns = new Columns()
  readonly recorder = new Recorder()
  /** Characters of all actions so far, about. */
  chars = 0
  readonly #program: Program
  readonly #request: RunRequest
  readonly #unmade: Unmade[] = []
  readonly #lanes: Lane[] = []
  readonly #sayable: (name: string) => boolean

  constructor(program: Program, request: RunRequest) {
    this.#program = program
    this.#request = request
    this.#sayable = (name) => program.words.has(name)
  }

  /**
   * The actions among what was returned: getters and proxies have run here for the last time.
   *
   * @param row   whose they are, as far as is known
   * @param from  gives the row of each by what stands in its field `from`, where that is to say whose it is
   */
  actionsIn(result: unknown, row: number, most = ACTIONS_MAX, from?: (value: unknown) => number): Ready[] {
    const made: Ready[] = []
    let copier: Copier | undefined
    let chars = 0
    for (const value of listOf(result, most)) {
      const read = readOf(value)
      const whose = from?.(read.values[read.names.indexOf('from')]) ?? row
      const known = this.#known(read)
      // Actions of one row share its limit of objects; those of many rows have one each.
      if (known === undefined) copier = (from === undefined && copier?.next()) || this.#copier(whose)
      const action = known ?? this.#learned(read, copier as Copier, from !== undefined)
      chars += action.payload.length
      // Before all of it is in memory; `add` looks at it in bytes.
      if (from === undefined && chars > this.#request.outputMaxBytes) throw this.#tooLarge()
      made.push(action)
    }
    return made
  }

  #known(read: Read): Ready | undefined {
    for (const lane of this.#lanes) {
      const taken = lane.take(read)
      if (taken !== undefined) return taken
    }
    return undefined
  }

  #learned(read: Read, copier: Copier, batch: boolean): Ready {
    const { nulls } = this.#request
    const { kind, identifiers, detail, dataFields } = classify(read, { copier, nulls, sayable: this.#sayable, batch })
    const detailText = JSON.stringify(detail)
    const made: Ready = {
      kind: KIND_NUMBERS.get(kind) as number,
      identifiers,
      detail: this.columns.detail(detail, detailText),
      detailSize: utf8Length(detailText),
      payload: JSON.stringify(dataFields),
      shape: this.columns.shape(dataFields),
    }
    if (!batch && !this.#lanes.some((lane) => lane.learn(read, made)) && this.#lanes.length < LANES_MAX) {
      const lane = Lane.of(read, made, nulls)
      if (lane !== undefined) this.#lanes.push(lane)
    }
    return made
  }

  add(row: number, actions: readonly Ready[]): void {
    const bytesMax = this.#request.outputMaxBytes
    let chars = 0
    for (const action of actions) chars += sizeOf(action, lengthOf)
    if (chars * 3 > bytesMax && actions.reduce((sum, action) => sum + sizeOf(action, utf8Length), 0) > bytesMax) {
      throw this.#tooLarge()
    }
    for (const action of actions) this.columns.add(row, action)
    this.chars += chars + actions.length * 100 // details count, though equal ones are sent once: a slice ends early, and not late
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

/** What JSON writes around a name and its text. */
const QUOTES = 6

const lengthOf = (text: string): number => text.length

function sizeOf({ payload, detailSize, identifiers }: Ready, length: (text: string) => number): number {
  let size = length(payload) + detailSize
  // Not `in`: it walks the prototypes, which are slow once they are locked down.
  for (const name of Object.keys(identifiers)) size += length(name) + length(identifiers[name] as string) + QUOTES
  return size
}

function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}
