import type { Json, JsonObject } from '../../model/value.js'
import { likeOf, USER_FIELDS_MAX } from './contract.js'
import type { IterableEvent } from './iterable-options.js'
import type { WireRequest } from './wire.js'

/** Tells of the fields of users that our requests have made: each once, by names that stand in the request. */
export class NewFields {
  readonly #known: Set<string>
  readonly #tell: ((event: IterableEvent) => void) | undefined

  /** @param known  the fields of the project when the run was opened */
  constructor(known: Iterable<string>, tell: ((event: IterableEvent) => void) | undefined) {
    this.#known = new Set(known)
    this.#tell = tell
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
    const left = Math.max(0, USER_FIELDS_MAX - this.#known.size)
    try {
      const told: unknown = this.#tell?.({ kind: 'fieldsCreated', fields, left, alike })
      // An async one rejects, and a rejection that nobody looks at ends the process.
      Promise.resolve(told).catch(() => undefined)
    } catch {
      // What a listener throws is no reason to stop a run.
    }
  }
}
