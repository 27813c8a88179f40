import type { Json, JsonObject } from '../../model/value.js'
import { likeOf, USER_FIELDS_MAX } from './contract.js'
import { MANAGED } from './field-contract.js'
import type { IterableEvent } from './iterable-options.js'
import type { WireRequest } from './wire.js'

/** Tells of the fields of users that our requests will make, and have made: each once, by names that stand in a request. */
export class NewFields {
  readonly #known: Set<string>
  readonly #planned = new Set<string>()
  readonly #tell: ((event: IterableEvent) => void) | undefined

  /** @param known  the fields of the project when the run was opened */
  constructor(known: Iterable<string>, tell: ((event: IterableEvent) => void) | undefined) {
    this.#known = new Set(known)
    this.#tell = tell
  }

  /** There when the run was opened, or made since. */
  has(field: string): boolean {
    return this.#known.has(field) || MANAGED.has(field.split('.', 1)[0] as string)
  }

  seen({ actions, wire }: WireRequest, { createdFields }: JsonObject): void {
    if (!Array.isArray(createdFields) || createdFields.length === 0) return
    const sent = new Set(
      actions.flatMap((index) => [...wire.block.shape(index).fields.keys()].map((path) => path.replaceAll('[]', ''))),
    )
    const isNew = (name: Json): name is string => typeof name === 'string' && sent.has(name) && !this.#known.has(name)
    const fields = [...new Set((createdFields as readonly Json[]).filter(isNew))]
    if (fields.length === 0) return
    const alike = fields.flatMap((field) => likeOf(field, this.#known))
    for (const field of fields) this.#known.add(field)
    this.#say({ kind: 'fieldsCreated', fields, left: leftOf(this.#known.size), alike })
  }

  /** @param fresh  all fields met so far that are not there, in the order in which they were met */
  planned(fresh: ReadonlySet<string>): void {
    if (this.#tell === undefined || fresh.size === this.#planned.size) return
    const fields = [...fresh].slice(this.#planned.size)
    const alike = fields.flatMap((field) => {
      const like = likeOf(field, [...this.#known, ...this.#planned])
      this.#planned.add(field)
      return like
    })
    const size = new Set([...this.#known, ...this.#planned]).size
    this.#say({ kind: 'fieldsNew', fields, left: leftOf(size), alike })
  }

  #say(event: IterableEvent): void {
    try {
      const told: unknown = this.#tell?.(event)
      // An async one rejects, and a rejection that nobody looks at ends the process.
      Promise.resolve(told).catch(() => undefined)
    } catch {
      // What a listener throws is no reason to stop a run.
    }
  }
}

const leftOf = (size: number): number => Math.max(0, USER_FIELDS_MAX - size)
