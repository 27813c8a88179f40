import type { Identifiers } from '../../model/identifier.js'
import { fieldType } from '../../model/shape.js'
import type { Json } from '../../model/value.js'
import type { Classified, Read } from './classify.js'

/** An action as it goes into the columns. */
export interface Ready extends Omit<Classified, 'dataFields'> {
  readonly detailText: string
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
  readonly #fields: Fields
  readonly #named: readonly string[] | undefined

  /** The form of an action that was just classified, where it is plain enough. */
  static of({ names, values }: Read, learned: Ready, nulls: Nulls): Lane | undefined {
    const given = new Map(names.map((name, at) => [name, values[at]]))
    const { dataFields, identifiers } = { dataFields: given.get('dataFields'), identifiers: given.get('identifiers') }
    if (!isPlain(dataFields ?? {}) || !isPlain(identifiers ?? {})) return undefined
    const named = Object.keys((identifiers as object | undefined) ?? {})
    if (named.some((name) => name === 'email' || name === 'userId')) return undefined
    const rest = names.filter((name) => name !== 'dataFields' && name !== 'identifiers')
    if (!rest.every((name) => isSimple(given.get(name)))) return undefined
    const fields = new Fields((dataFields as object | undefined) ?? {}, nulls)
    return fields.plain
      ? new Lane({ names, values }, learned, { fields, named: identifiers === undefined ? undefined : named })
      : undefined
  }

  private constructor(
    { names, values }: Read,
    learned: Ready,
    { fields, named }: { readonly fields: Fields; readonly named: readonly string[] | undefined },
  ) {
    this.#names = names
    this.#values = values
    this.#learned = learned
    this.#fields = fields
    this.#named = named
  }

  /** The action, where it is of this form. */
  take({ names, values }: Read): Ready | undefined {
    if (!areEqual(names, this.#names)) return undefined
    const identifiers: Record<string, string> = {}
    let payload: string | undefined = this.#learned.payload
    for (let at = 0; at < names.length; at += 1) {
      const name = names[at] as string
      const value = values[at]
      if (name === 'identifiers') {
        if (!this.#identified(value, identifiers)) return undefined
      } else if (name === 'dataFields') payload = this.#fields.json(value)
      else if ((name !== 'email' && name !== 'userId') || typeof value !== 'string') {
        if (value !== this.#values[at]) return undefined
      }
    }
    if (payload === undefined) return undefined
    for (const name of TOPS) {
      const at = names.indexOf(name)
      const value = at < 0 ? undefined : values[at]
      if (value !== undefined && value !== null) identifiers[name] = String(value)
    }
    const { kind, detail, detailText, shape } = this.#learned
    return { kind, detail, detailText, shape, identifiers: identifiers as Identifiers, payload }
  }

  #identified(given: unknown, identifiers: Record<string, string>): boolean {
    if (this.#named === undefined || !isPlain(given) || !areEqual(Object.keys(given), this.#named)) return false
    for (const name of this.#named) {
      const value = (given as Readonly<Record<string, unknown>>)[name]
      if (typeof value === 'string') identifiers[name] = value
      else if (typeof value === 'number' && Number.isSafeInteger(value)) identifiers[name] = String(value)
      else return false
    }
    return true
  }
}

const TOPS = ['email', 'userId']

/** `dataFields` of one form: names, and the type of each that is not left out. */
class Fields {
  readonly #names: readonly string[]
  readonly #types: readonly (string | undefined)[]
  readonly #nulls: Nulls
  /** Written again for each action: its names are those of the form, in their order. */
  readonly #written: Record<string, Json> = {}

  constructor(given: object, nulls: Nulls) {
    this.#nulls = nulls
    this.#names = Object.keys(given)
    this.#types = Object.values(given).map((value) => this.#typeOf(value))
    for (const [at, name] of this.#names.entries()) if (this.#types[at] !== undefined) this.#written[name] = null
  }

  /** Whether there is nothing in it but texts, numbers and booleans. */
  get plain(): boolean {
    return !this.#types.includes(ODD)
  }

  /** As JSON, where the fields are of this form. */
  json(given: unknown): string | undefined {
    if (!isPlain(given) || !areEqual(Object.keys(given), this.#names)) return undefined
    for (let at = 0; at < this.#names.length; at += 1) {
      const name = this.#names[at] as string
      const value = (given as Readonly<Record<string, unknown>>)[name]
      const type = this.#typeOf(value)
      if (type !== this.#types[at]) return undefined
      if (type !== undefined) this.#written[name] = value as Json
    }
    return JSON.stringify(this.#written)
  }

  #typeOf(value: unknown): string | undefined {
    if (typeof value === 'string' || typeof value === 'boolean') return fieldType(value)
    if (typeof value === 'number') return Number.isFinite(value) ? fieldType(value) : ODD
    if (value === undefined || (value === null && this.#nulls === 'omit')) return undefined
    return value === null ? 'null' : ODD
  }
}

/** A value that the form of an action says nothing about. */
const ODD = 'odd'

const isSimple = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

/** An object whose fields are what it is. */
const isPlain = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  (value as { toJSON?: unknown }).toJSON === undefined

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at += 1) if (some[at] !== others[at]) return false
  return true
}
