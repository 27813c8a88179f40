import type { Ran, RunRequest, Unmade } from '../protocol.js'
import { type Classified, classify } from './classify.js'
import { Columns } from './columns.js'
import { Copier } from './copy.js'
import type { Program } from './program.js'
import { Recorder } from './recorder.js'
import { Refused } from './refused.js'
import { standardName } from './thrown.js'

const ACTIONS_MAX = 1_000

/** What a slice of rows has become so far: a row's actions are taken all or none. */
export class Made {
  readonly columns = new Columns()
  readonly recorder = new Recorder()
  /** Characters of all actions so far, about. */
  chars = 0
  readonly #program: Program
  readonly #request: RunRequest
  readonly #unmade: Unmade[] = []

  constructor(program: Program, request: RunRequest) {
    this.#program = program
    this.#request = request
  }

  /**
   * The actions among what was returned, copied: getters and proxies have run here for the last time.
   *
   * @param row   whose they are, as far as is known
   * @param from  hears what stands in the field `from` of each, where that is to say whose it is
   */
  actionsIn(result: unknown, row: number, most = ACTIONS_MAX, from?: (value: unknown) => void): Classified[] {
    const { outputMaxBytes, nulls } = this.#request
    const copierOf = (): Copier => new Copier({ bytesMax: outputMaxBytes, onNotFinite: this.#warn(row) })
    const shared = copierOf()
    const sayable = (name: string): boolean => this.#program.words.has(name)
    // Actions of one row share its limit of bytes; those of many rows have one each.
    return listOf(result, most).map((value) =>
      classify(value, { copier: from === undefined ? shared : copierOf(), nulls, sayable, from }),
    )
  }

  add(row: number, actions: readonly Classified[]): void {
    const bytesMax = this.#request.outputMaxBytes
    const payloads = actions.map(({ dataFields }) => JSON.stringify(dataFields))
    const chars = payloads.reduce((sum, text) => sum + text.length, 0)
    if (chars * 3 > bytesMax && payloads.reduce((sum, text) => sum + utf8Length(text), 0) > bytesMax) {
      throw new Refused('TRANSFORM_OUTPUT_TOO_LARGE', { limitBytes: bytesMax })
    }
    for (const [index, action] of actions.entries()) this.columns.add(row, action, payloads[index] as string)
    this.chars += chars + actions.length * 100
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

  #warn(row: number): (what: string) => void {
    return (what) => this.recorder.add('warn', this.#request.from + row, [`${what} was left out`])
  }
}

export const isThenable = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  typeof (value as { then?: unknown }).then === 'function'

/** The returned objects; `null`, `undefined` and `false` stand for none, so that `condition && {...}` may be written. */
function listOf(result: unknown, most: number): object[] {
  const listed: unknown[] = []
  if (!Array.isArray(result)) listed.push(result)
  else {
    const length = result.length
    if (length > most) throw badOutput(`more than ${most} actions for one row`)
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
