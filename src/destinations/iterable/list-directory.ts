import type { ListRef } from '../../model/action.js'
import type { Json, JsonObject, Reason } from '../../model/value.js'

/** A list as `GET lists` shows it. */
export interface ListEntry {
  readonly id: number
  readonly name: string
  /** Standard, Dynamic, Suppression or Internal. Source: Iterable api-docs.json. */
  readonly type: string
}

/** Where a list stands: its number, or `undefined` for one that is to be made. */
export type ListFound = { readonly ref: ListRef; readonly id: number | undefined }

/** The entries of an answer to `GET lists`; `undefined` if it is of another shape. */
export function listEntries(answer: Json | undefined): readonly ListEntry[] | undefined {
  const lists = (answer as JsonObject | undefined)?.lists
  if (!Array.isArray(lists)) return undefined
  return (lists as readonly JsonObject[]).flatMap((list) => {
    const { id, name, listType = 'Standard' } = list ?? {}
    return typeof id === 'number' ? [{ id, name: String(name), type: String(listType) }] : []
  })
}

/** The lists of a project as they stood at one moment. */
export class ListDirectory {
  readonly #byId = new Map<number, ListEntry>()
  readonly #byName = new Map<string, ListEntry[]>()
  readonly #create: boolean

  /** @param options  `create`: a name that is not there stands for a list to be made. */
  constructor(entries: readonly ListEntry[], options: { readonly create: boolean }) {
    this.#create = options.create
    for (const entry of entries) {
      this.#byId.set(entry.id, entry)
      this.#byName.set(entry.name, [...(this.#byName.get(entry.name) ?? []), entry])
    }
  }

  /** The list of this name or number, or why none can be used: LIST_UNKNOWN, LIST_AMBIGUOUS, LIST_DYNAMIC. */
  find(ref: ListRef): ListFound | Reason {
    const found =
      typeof ref === 'number' ? [this.#byId.get(ref)].filter((entry) => entry !== undefined) : this.named(ref)
    const [entry] = found
    if (entry === undefined) {
      return this.#create && typeof ref === 'string'
        ? { ref, id: undefined }
        : { code: 'LIST_UNKNOWN', facts: { list: ref } }
    }
    if (found.length > 1) return { code: 'LIST_AMBIGUOUS', facts: { list: ref, count: found.length } }
    const { type } = entry
    return type === 'Standard' ? { ref, id: entry.id } : { code: 'LIST_DYNAMIC', facts: { list: ref, type } }
  }

  named(name: string): readonly ListEntry[] {
    return this.#byName.get(name) ?? []
  }
}
