import type { Identifiers } from '../../model/identifier.js'
import { fieldType } from '../../model/shape.js'
import type { Json } from '../../model/value.js'
import type { Read } from './classify.js'
import { Seen } from './seen.js'

/** An action as it goes into the columns. */
export interface Ready {
  /** See KINDS. */
  readonly kind: number
  readonly identifiers: Identifiers
  /** Its number in the table of details, and its characters as JSON. */
  readonly detail: number
  readonly detailSize: number
  /** `dataFields` as JSON. */
  readonly payload: string
  readonly shape: number
}

type Nulls = 'omit' | 'remove'

/**
 * Actions of one form. A program returns the same names and kinds of values row by row: what was found out about the first such
 * action holds for the next, which is checked value by value, and written without a copy.
 *
 * Laws    an action is taken exactly as `classify` would take it, or not at all.
 */
export class Lane {
  readonly #learned: Ready
  readonly #names: readonly string[]
  readonly #values: readonly unknown[]
  readonly #fields: FieldForms
  readonly #named: readonly string[]

  /** The form of an action that was just classified, where it is plain enough. */
  static of(read: Read, learned: Ready, nulls: Nulls): Lane | undefined {
    const { names } = read
    const identifiers = seenIn(read, 'identifiers')
    const dataFields = seenIn(read, 'dataFields')
    if (identifiers === undefined || dataFields === undefined) return undefined
    const named = identifiers.names
    if (named.some((name) => name === 'email' || name === 'userId')) return undefined
    const rest = names.filter((name) => name !== 'dataFields' && name !== 'identifiers')
    if (!rest.every((name) => isSimple(fieldOf(read, name)))) return undefined
    const lane = new Lane(read, learned, { fields: new FieldForms(dataFields.names, nulls), named })
    return lane.learn(read, learned) ? lane : undefined
  }

  private constructor(
    { names, values }: Read,
    learned: Ready,
    { fields, named }: { readonly fields: FieldForms; readonly named: readonly string[] },
  ) {
    this.#names = names
    this.#values = values
    this.#learned = learned
    this.#fields = fields
    this.#named = named
  }

  /** Whether an action differs from those of this lane by the types of its fields at most; then they are known from now on. */
  learn(read: Read, { shape, kind, detail }: Ready): boolean {
    if (!areEqual(read.names, this.#names)) return false
    if (kind !== this.#learned.kind || detail !== this.#learned.detail) return false
    return this.#fields.learn(seenIn(read, 'dataFields'), shape)
  }

  /** The action, where it is of this form. */
  take(read: Read): Ready | undefined {
    const { names, values } = read
    if (!areEqual(names, this.#names)) return undefined
    const identifiers: Record<string, string> = {}
    let payload: string | undefined = this.#learned.payload
    let { shape } = this.#learned
    for (let at = 0; at < names.length; at += 1) {
      const name = names[at]
      const value = values[at]
      if (name === 'dataFields') {
        payload = this.#fields.json(read.dataFields)
        shape = this.#fields.shape
      } else if (name === 'identifiers') {
        if (value !== undefined && !this.#identified(read.identifiers, identifiers)) return undefined
      } else if ((name !== 'email' && name !== 'userId') || typeof value !== 'string') {
        if (value !== this.#values[at]) return undefined
      }
    }
    if (payload === undefined) return undefined
    for (const name of TOPS) {
      const value = values[names.indexOf(name)]
      if (value !== undefined && value !== null) identifiers[name] = String(value)
    }
    const { kind, detail, detailSize } = this.#learned
    return { kind, identifiers, detail, detailSize, payload, shape }
  }

  #identified(given: Seen | undefined, identifiers: Record<string, string>): boolean {
    if (!isPlain(given) || !areEqual(given.names, this.#named)) return false
    for (let at = 0; at < this.#named.length; at += 1) {
      const name = this.#named[at] as string
      const value = given.at(at)
      if (typeof value === 'string') identifiers[name] = value
      else if (typeof value === 'number' && Number.isSafeInteger(value)) identifiers[name] = String(value)
      else return false
    }
    return true
  }
}

/** In the order in which `classify` adds them. */
const TOPS = ['email', 'userId']

/** What may stand in a field of a known form, by number. */
const CODES = { string: 0, date: 1, nearDate: 2, long: 3, double: 4, boolean: 5, null: 6 } as const
/** Left out of what is written. */
const OMITTED = 7
const ODD = -1

/** Types of fields, one behind the other, that have one shape. */
interface Form {
  readonly next: (Form | undefined)[]
  /** Where the fields end here. */
  end: { readonly shape: number; readonly written: Record<string, Json>; readonly names: readonly string[] } | undefined
}

/** `dataFields` of the same names, in each order of types that was met. */
class FieldForms {
  /** Of what was written last. */
  shape = 0
  readonly #names: readonly string[]
  readonly #nulls: Nulls
  readonly #first: Form = { next: [], end: undefined }
  readonly #values: Json[] = []

  constructor(names: readonly string[], nulls: Nulls) {
    this.#names = names
    this.#nulls = nulls
  }

  /** Whether these fields are of these names, with nothing in them but texts, numbers and booleans. */
  learn(given: Seen | undefined, shape: number): boolean {
    if (!isPlain(given) || !areEqual(given.names, this.#names)) return false
    let form = this.#first
    const names: string[] = []
    for (let at = 0; at < this.#names.length; at += 1) {
      const code = this.#codeOf(given.at(at))
      if (code === ODD) return false
      if (code !== OMITTED) names.push(this.#names[at] as string)
      form.next[code] ??= { next: [], end: undefined }
      form = form.next[code] as Form
    }
    form.end = { shape, names, written: Object.fromEntries(names.map((name) => [name, null])) }
    return true
  }

  /** As JSON, where the fields are of a known form. */
  json(given: Seen | undefined): string | undefined {
    const names = this.#names
    if (!isPlain(given) || !areEqual(given.names, names)) return undefined
    let form: Form | undefined = this.#first
    let count = 0
    for (let at = 0; at < names.length; at += 1) {
      const value = given.at(at)
      const code = this.#codeOf(value)
      form = form.next[code]
      if (form === undefined) return undefined
      if (code === OMITTED) continue
      this.#values[count] = value as Json
      count += 1
    }
    const { end } = form
    if (end === undefined) return undefined
    const { written } = end
    for (let at = 0; at < count; at += 1) written[end.names[at] as string] = this.#values[at] as Json
    this.shape = end.shape
    return JSON.stringify(written)
  }

  #codeOf(value: unknown): number {
    if (typeof value === 'string') return CODES[fieldType(value) as 'string']
    if (typeof value === 'number') {
      if (Number.isInteger(value)) return CODES.long
      return Number.isFinite(value) ? CODES.double : ODD
    }
    if (typeof value === 'boolean') return CODES.boolean
    if (value === undefined || (value === null && this.#nulls === 'omit')) return OMITTED
    return value === null ? CODES.null : ODD
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

const isPlain = (value: Seen | undefined): value is Seen => value !== undefined && value.toJson === undefined

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at += 1) if (some[at] !== others[at]) return false
  return true
}
