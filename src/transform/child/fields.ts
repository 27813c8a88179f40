import { fieldType } from '../../model/shape.js'
import { type Bytes, type Word, wordOf } from './bytes.js'
import { areEqual, isPlain, type Seen } from './seen.js'

export interface LaneRules {
  readonly nulls: 'omit' | 'remove'
  /** Characters that the output of a row may have at most. */
  readonly charsMax: number
}

/** What may stand in a field of a known form, by number. */
const CODES = { string: 0, date: 1, nearDate: 2, long: 3, double: 4, boolean: 5, null: 6 } as const
/** Left out of what is written. */
const OMITTED = 7
const ODD = -1

const CLOSE = 0x7d
const [TRUE, FALSE, NULL, NONE] = ['true', 'false', 'null', '{}'].map(wordOf) as [Word, Word, Word, Word]

/** Types of fields, one behind the other, that have one shape. */
interface Form {
  readonly next: (Form | undefined)[]
  /** The number of the shape, where the fields end here. */
  shape: number
}

const formOf = (): Form => ({ next: new Array<Form | undefined>(OMITTED + 1).fill(undefined), shape: -1 })

/** `dataFields` of the same names, in each order of types that was met. */
export class FieldForms {
  /** Of what was written last. */
  shape = -1
  readonly #names: readonly string[]
  /** What stands before the value of a field: of the first one that is written, of another. */
  readonly #firsts: readonly Word[]
  readonly #others: readonly Word[]
  readonly #rules: LaneRules
  readonly #root = formOf()

  constructor(names: readonly string[], rules: LaneRules) {
    this.#names = names
    this.#firsts = names.map((name) => wordOf(`{${JSON.stringify(name)}:`))
    this.#others = names.map((name) => wordOf(`,${JSON.stringify(name)}:`))
    this.#rules = rules
  }

  /** Whether these fields are of these names, with nothing in them but texts, numbers and booleans. */
  learn(given: Seen | undefined, shape: number): boolean {
    if (!isPlain(given) || !areEqual(given.names, this.#names)) return false
    let form = this.#root
    for (let at = 0; at < this.#names.length; at += 1) {
      const code = this.#codeOf(given.at(at))
      if (code === ODD) return false
      form.next[code] ??= formOf()
      form = form.next[code] as Form
    }
    form.shape = shape
    return true
  }

  /** Writes the fields, where they are of a known form; where they are not, some of them may have been written. */
  write(given: Seen | undefined, out: Bytes): boolean {
    const names = this.#names
    if (!isPlain(given) || !areEqual(given.names, names)) return false
    // Of a text that is too large for its row not all is written: it is refused elsewhere.
    const sizeMax = out.size + 3 * this.#rules.charsMax
    let form: Form | undefined = this.#root
    let words = this.#firsts
    for (let at = 0; at < names.length; at += 1) {
      const value = given.at(at)
      const code = this.#codeOf(value)
      form = form.next[code]
      if (form === undefined) return false
      if (code === OMITTED) continue
      out.word(words[at] as Word)
      words = this.#others
      if (typeof value === 'number') out.number(value)
      else if (typeof value === 'string') {
        if (value.length > this.#rules.charsMax || out.size > sizeMax) return false
        out.text(value)
      } else out.word(value === null ? NULL : value === true ? TRUE : FALSE)
    }
    if (form.shape < 0) return false
    if (words === this.#firsts) out.word(NONE)
    else out.sign(CLOSE)
    this.shape = form.shape
    return true
  }

  #codeOf(value: unknown): number {
    if (typeof value === 'string') {
      const type = fieldType(value)
      return type === 'string' ? CODES.string : type === 'date' ? CODES.date : CODES.nearDate
    }
    if (typeof value === 'number') {
      if (Number.isInteger(value)) return CODES.long
      return Number.isFinite(value) ? CODES.double : ODD
    }
    if (typeof value === 'boolean') return CODES.boolean
    if (value === undefined || (value === null && this.#rules.nulls === 'omit')) return OMITTED
    return value === null ? CODES.null : ODD
  }
}
