import { type Bytes, type Word, wordOf } from './bytes.js'
import type { Read } from './classify.js'
import type { Columns, Numbered, Ready } from './columns.js'
import { FieldForms, type LaneRules } from './fields.js'
import { areEqual, isPlain, Seen } from './seen.js'

/** In the order in which `classify` adds them. */
const TOPS = ['email', 'userId']
/** What JSON writes around a name and its text. */
export const QUOTES = 6
const [OPEN, CLOSE, COMMA] = [0x7b, 0x7d, 0x2c]
const NONE = wordOf('{}')

/** What stands before an identifier. */
interface Head {
  readonly name: string
  readonly word: Word
}
/** An identifier at the top, and where its name stands. */
interface Top {
  readonly at: number
  readonly head: Head
}
const headOf = (name: string): Head => ({ name, word: wordOf(`${JSON.stringify(name)}:`) })

/** What of an action stands under a name: what is always the same, an identifier, fields, or identifiers. */
type Role = 'same' | 'top' | 'dataFields' | 'identifiers'

/**
 * Actions of one form. A program returns the same names and kinds of values row by row: what was found out about the first such
 * action holds for the next, which is checked value by value and written at once, without a copy.
 *
 * Laws    an action is taken exactly as `classify` would take it, or not at all.
 */
export class Lane implements Numbered {
  readonly kind: number
  readonly detail: number
  readonly detailSize: number
  /** Of the action that was taken last. */
  shape: number
  namedChars = 0
  readonly #names: readonly string[]
  readonly #values: readonly unknown[]
  readonly #roles: readonly Role[]
  readonly #fields: FieldForms
  readonly #charsMax: number
  readonly #named: readonly Head[]
  readonly #tops: readonly Top[]

  /** The form of an action that was just classified, where it is plain enough. */
  static of(read: Read, learned: Ready, rules: LaneRules): Lane | undefined {
    const { names } = read
    const identifiers = seenIn(read, 'identifiers')
    const dataFields = seenIn(read, 'dataFields')
    if (identifiers === undefined || dataFields === undefined) return undefined
    const named = identifiers.names
    if (named.some((name) => name === 'email' || name === 'userId')) return undefined
    const rest = names.filter((name) => name !== 'dataFields' && name !== 'identifiers')
    if (!rest.every((name) => isSimple(fieldOf(read, name)))) return undefined
    const lane = new Lane(read, learned, { dataFields: dataFields.names, named, rules })
    return lane.learn(read, learned) ? lane : undefined
  }

  private constructor(
    { names, values }: Read,
    learned: Ready,
    {
      dataFields,
      named,
      rules,
    }: { readonly dataFields: readonly string[]; readonly named: readonly string[]; readonly rules: LaneRules },
  ) {
    this.kind = learned.kind
    this.detail = learned.detail
    this.detailSize = learned.detailSize
    this.shape = learned.shape
    this.#names = names
    this.#values = values
    this.#roles = names.map((name) =>
      name === 'dataFields' || name === 'identifiers' ? name : TOPS.includes(name) ? 'top' : 'same',
    )
    this.#fields = new FieldForms(dataFields, rules)
    this.#charsMax = rules.charsMax
    this.#named = named.map(headOf)
    const tops = TOPS.map((name) => ({ at: names.indexOf(name), head: headOf(name) }))
    this.#tops = tops.filter(({ at }) => at >= 0)
  }

  /** Whether an action differs from those of this lane by the types of its fields at most; then they are known from now on. */
  learn(read: Read, { shape, kind, detail }: Ready): boolean {
    if (!areEqual(read.names, this.#names)) return false
    if (kind !== this.kind || detail !== this.detail) return false
    return this.#fields.learn(seenIn(read, 'dataFields'), shape)
  }

  /** Writes the action, where it is of this form; where it is not, nothing is written. */
  take(read: Read, { identifiers, payload }: Columns): boolean {
    if (!areEqual(read.names, this.#names)) return false
    const { size: named, surplus: namedSurplus } = identifiers
    const { size, surplus } = payload
    if (this.#took(read, identifiers, payload)) return true
    identifiers.cut(named, namedSurplus)
    payload.cut(size, surplus)
    return false
  }

  #took(read: Read, identifiers: Bytes, payload: Bytes): boolean {
    const { values } = read
    this.namedChars = 0
    let isWritten = false
    identifiers.sign(OPEN)
    const { size } = identifiers
    for (let at = 0; at < values.length; at += 1) {
      const role = this.#roles[at]
      const value = values[at]
      if (role === 'dataFields') {
        if (!this.#fields.write(read.dataFields, payload)) return false
        this.shape = this.#fields.shape
        isWritten = true
      } else if (role === 'identifiers') {
        if (value !== undefined && !this.#identified(read.identifiers, identifiers)) return false
      } else if (role === 'same' || typeof value !== 'string') {
        if (value !== this.#values[at]) return false
      }
    }
    if (!isWritten) payload.word(NONE)
    for (let at = 0; at < this.#tops.length; at += 1) {
      const top = this.#tops[at] as Top
      const value = values[top.at]
      if (value === undefined || value === null) continue
      if (!this.#identifier(top.head, String(value), identifiers)) return false
    }
    if (identifiers.size === size) identifiers.sign(CLOSE)
    else identifiers.over(CLOSE)
    return true
  }

  #identified(given: Seen | undefined, identifiers: Bytes): boolean {
    const heads = this.#named
    if (!isPlain(given) || given.names.length !== heads.length) return false
    for (let at = 0; at < heads.length; at += 1) if (given.names[at] !== (heads[at] as Head).name) return false
    for (let at = 0; at < heads.length; at += 1) {
      const value = given.at(at)
      if (typeof value !== 'string' && !(typeof value === 'number' && Number.isSafeInteger(value))) return false
      if (!this.#identifier(heads[at] as Head, String(value), identifiers)) return false
    }
    return true
  }

  #identifier({ name, word }: Head, value: string, identifiers: Bytes): boolean {
    this.namedChars += name.length + value.length + QUOTES
    if (this.namedChars > this.#charsMax) return false // too large for its row: it is refused elsewhere
    identifiers.word(word)
    identifiers.text(value)
    identifiers.sign(COMMA)
    return true
  }
}

const fieldOf = ({ names, values }: Read, name: string): unknown => values[names.indexOf(name)]

const isSimple = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

/** Of an action that has no such field. */
const NOTHING = Seen.of({})

/** What an action has under a name, where that is plain, or nothing. */
function seenIn(read: Read, name: 'dataFields' | 'identifiers'): Seen | undefined {
  const given = read[name] ?? ((fieldOf(read, name) ?? undefined) === undefined ? NOTHING : undefined)
  return isPlain(given) ? given : undefined
}
