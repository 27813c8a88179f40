import { handleOf, keyHandle } from '../history/handles.js'
import type { Identifier, Identifiers } from '../model/identifier.js'
import type { Json, JsonObject } from '../model/value.js'
import { keyPart } from '../stores/store.js'
import { longAddress } from './address-memory.js'

/** What is written down of the people of one erasure until all of it is done: see `Traces`, which it is made of. */
export interface Handles {
  readonly identifiers: readonly Identifier[]
  readonly spellings: readonly string[]
  readonly profileIds: readonly string[]
  readonly records: readonly (readonly [source: string, key: string])[]
}

/** How identity reads what rows hold. */
export type Written = (identifier: Identifier) => string | undefined

/**
 * From this many characters on an identifier is looked for wherever it stands. A shorter one is anybody's number: it counts
 * where an action names it by its namespace, in a column that has the namespace's name, and as a part of a row's key.
 */
export const TELLING_LENGTH = 6

/**
 * Knows what speaks of some people: whether a text, a key, a row or an action has one of their identifiers in it.
 *
 * Case     does not count: of two ids that differ in nothing else, what speaks of either is taken for theirs.
 * Numbers  count as their digits.
 */
export class Theirs {
  readonly addresses: ReadonlySet<string>
  readonly profileIds: ReadonlySet<string>
  readonly #written: Written
  /** By namespace, as the rules write them. */
  readonly #values = new Map<string, Set<string>>()
  /** Every text that one of them is written as, in lower case. */
  readonly #texts: ReadonlySet<string>
  readonly #telling: readonly string[]
  /** Names under which texts stand in keys that are too long for one. */
  readonly #digests: ReadonlySet<string>
  readonly #keys = new Map<string, Set<string>>()
  /** As rows wrote them, beside the form that the rules give. */
  readonly #spellings: readonly string[]

  /** @param target  the namespace whose identifiers are addresses */
  constructor(handles: Handles, { target, written }: { readonly target: string; readonly written: Written }) {
    this.#written = written
    for (const { namespace, value } of handles.identifiers) {
      this.#values.set(namespace, (this.#values.get(namespace) ?? new Set()).add(value))
    }
    for (const [source, key] of handles.records) {
      // Of several records of one row the later ones are numbered.
      for (const name of [key, key.replace(/#\d+$/, '')])
        this.#keys.set(source, (this.#keys.get(source) ?? new Set()).add(name))
    }
    this.#spellings = [...new Set([...handles.spellings, ...handles.identifiers.map(({ value }) => value)])]
    const texts = [...handles.identifiers.map(({ value }) => value), ...handles.spellings]
    this.#texts = new Set(texts.map((text) => text.trim().toLowerCase()))
    this.#digests = new Set(
      texts.flatMap((text) => [keyPart(text), longAddress(text)]).filter((name) => /^#/.test(name)),
    )
    this.#telling = [...this.#texts].filter((text) => text.length >= TELLING_LENGTH)
    this.addresses = this.#values.get(target) ?? new Set()
    this.profileIds = new Set(handles.profileIds)
  }

  /** Texts, in lower case, one of which stands in whatever {@link isAddress} or {@link isTelling} finds, or is a profile id. */
  get needles(): readonly string[] {
    return [...new Set([...this.#telling, ...[...this.addresses, ...this.profileIds].map((one) => one.toLowerCase())])]
  }

  /** A text that is one of them, or has one that is long enough in it. */
  isIn(text: string): boolean {
    const lower = text.toLowerCase()
    return this.#texts.has(lower.trim()) || this.#telling.some((one) => holds(lower, one))
  }

  /** As {@link isIn}, but of a short one no text counts that is the same: it may be anybody's. */
  isTelling(text: string): boolean {
    const lower = text.toLowerCase()
    return this.#telling.some((one) => holds(lower, one))
  }

  /** A text that is one of them, and long enough to be nobody else's. */
  isOne(text: string): boolean {
    return this.#telling.includes(text.trim().toLowerCase())
  }

  isAddress(text: string): boolean {
    return this.addresses.has(text) || this.addresses.has(text.trim().toLowerCase()) || this.#digests.has(text)
  }

  /** The key of a row of this source that showed them. */
  isRecord(source: string, key: string): boolean {
    return this.#keys.get(source)?.has(key) === true
  }

  /** A row's key: known from a record of this source, or with an identifier in it. */
  isKey(key: string, source: string | undefined): boolean {
    if (source !== undefined && this.isRecord(source, key)) return true
    return partsOf(key).some((part) => this.isIn(part)) || this.isTelling(key) || this.#digests.has(key)
  }

  /** The names under which history may have recorded them: as rows spelled them too, and the keys of their rows. */
  handles(source: string | undefined): readonly string[] {
    const named = [...this.#values].flatMap(([namespace, values]) =>
      [...values, ...this.#spellings].map((text) => handleOf(namespace, text)),
    )
    const keys = source === undefined ? [] : [...(this.#keys.get(source) ?? [])]
    return [...named, ...[...keys, ...this.#spellings].map((key) => keyHandle(keyPart(key)))]
  }

  /** An action that names one of them, or has one in what it says. */
  isAction({ identifiers = {}, ...said }: { readonly identifiers?: Identifiers } & JsonObject): boolean {
    const named = Object.entries(identifiers).some(([namespace, raw]) => this.#isOf(namespace, raw))
    return named || this.isRow({ ...said, identifiers }, undefined)
  }

  /** A row, or anything else by name, that holds one of them somewhere. */
  isRow(row: Json, key: string | undefined): boolean {
    return cellsOf(row, key).some(
      (cell) =>
        this.isTelling(cell.text) ||
        [...this.#values.keys()].some((namespace) => isSaying(cell, namespace) && this.#isOf(namespace, cell.text)),
    )
  }

  #isOf(namespace: string, raw: unknown): boolean {
    const values = this.#values.get(namespace)
    if (values === undefined || typeof raw !== 'string') return false
    return values.has(this.#written({ namespace, value: raw }) ?? '')
  }
}

/** A text of a row, however deep it stands; a field's name is one too. */
export interface Cell {
  readonly text: string
  /** The name of the column or field that holds it. */
  readonly name: string
  /** It is a part of the row's key. */
  readonly isKey: boolean
}

/** All texts of a row, and its numbers as their digits. */
export function cellsOf(row: Json, key: string | undefined): readonly Cell[] {
  const parts = new Set(key === undefined ? [] : partsOf(key).map((part) => part.toLowerCase()))
  const cells: Cell[] = []
  const walk = (value: Json, name: string): void => {
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value)
      cells.push({ text, name, isKey: parts.has(text.toLowerCase()) })
    } else if (Array.isArray(value)) {
      for (const one of value) walk(one, name)
    } else if (typeof value === 'object' && value !== null) {
      for (const [field, held] of Object.entries(value as JsonObject)) {
        cells.push({ text: field, name: '', isKey: false })
        walk(held, field)
      }
    }
  }
  walk(row, '')
  return cells
}

/** Whether a cell may be taken for an identifier of a namespace: see {@link TELLING_LENGTH}. */
export const isSaying = ({ text, name, isKey }: Cell, namespace: string): boolean =>
  text.trim().length >= TELLING_LENGTH || isKey || plain(namespace) === plain(name)

/** A key of one text column is the text, any other is the JSON of its parts. */
function partsOf(key: string): readonly string[] {
  if (!key.startsWith('[')) return [key]
  try {
    const parts: unknown = JSON.parse(key)
    return Array.isArray(parts) ? parts.map(String) : [key]
  } catch {
    return [key]
  }
}

/** `customerId`, `customer_id` and `CUSTOMER ID` are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** True if a text has another in it, and not as a part of a longer name, number or address. */
function holds(text: string, what: string): boolean {
  const ends = what.includes('@') ? endsAddress : endsName
  for (let at = text.indexOf(what); at !== -1; at = text.indexOf(what, at + 1)) {
    const end = at + what.length
    if (ends(text.slice(0, at), text.slice(end), what)) return true
  }
  return false
}

const endsAddress = (before: string, after: string): boolean =>
  !/[\p{L}\p{N}._%+@'-]$/u.test(before.slice(-2)) && !/^(?:[\p{L}\p{N}_@-]|\.[\p{L}\p{N}])/u.test(after.slice(0, 3))

const endsName = (before: string, after: string, what: string): boolean =>
  !goesOn(before.at(-1), what[0]) && !goesOn(what.at(-1), after[0])

const goesOn = (left = '', right = ''): boolean =>
  (/\d/.test(left) && /\d/.test(right)) || (/\p{L}/u.test(left) && /\p{L}/u.test(right))
