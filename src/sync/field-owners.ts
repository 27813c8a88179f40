import { isLakeloopError, LakeloopError } from '../errors.js'
import type { ActionBlock, Shape } from '../model/action.js'
import { keyPart, type Op } from '../stores/store.js'
import type { RunContext } from './context.js'

/** How often the owner of a field is looked up again when another sync was faster. */
const ATTEMPTS_MAX = 10

/**
 * One sync writes one profile field of a project, unless all that write it declare it shared: two syncs that take turns
 * on a field would each see the other's value as theirs and overwrite it for ever.
 */
export class FieldOwners {
  readonly #context: RunContext
  readonly #shared: ReadonlySet<string>
  readonly #known = new Set<string>()
  readonly #shapes = new WeakSet<Shape>()

  constructor(context: RunContext, shared: readonly string[]) {
    this.#context = context
    this.#shared = new Set(shared)
  }

  /**
   * Takes the fields that the block writes and nobody owns yet. Throws FIELD_OWNED before anything of the block is sent.
   *
   * Cost    one look at each distinct shape; one read and one commit for each block that shows new fields.
   */
  async take(block: ActionBlock): Promise<void> {
    const fields = this.#newFields(block)
    if (fields.length === 0) return
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#own(fields)
        break
      } catch (error) {
        // Another sync was faster; what it took shows at the next look.
        if (attempt === ATTEMPTS_MAX || !isLakeloopError(error, 'STORE_CONFLICT')) throw error
      }
    }
    for (const field of fields) this.#known.add(field)
  }

  async #own(fields: readonly string[]): Promise<void> {
    const { store, scope, commits } = this.#context
    const keys = fields.map((field) => [scope.project, 'profile', keyPart(field)])
    const owners = await store.get('field', keys)
    const ops: Op[] = []
    fields.forEach((field, at) => {
      const owner = owners[at]
      const key = keys[at] as readonly string[]
      if (owner === undefined) {
        ops.push(
          { op: 'check', table: 'field', key, is: undefined },
          { op: 'put', table: 'field', key, value: scope.sync },
        )
      } else if (owner !== scope.sync) throw new LakeloopError('FIELD_OWNED', { field, owner: String(owner) })
    })
    if (ops.length > 0) await commits.commit({ main: ops })
  }

  #newFields(block: ActionBlock): readonly string[] {
    const found = new Set<string>()
    for (let action = 0; action < block.length; action++) {
      if (block.kind(action) !== 'profile') continue
      const shape = block.shape(action)
      if (this.#shapes.has(shape)) continue
      this.#shapes.add(shape)
      for (const path of shape.fields.keys()) {
        const field = shape.dotted ? path : path.replace(/[.[].*$/, '')
        if (!this.#known.has(field) && !this.#shared.has(field)) found.add(field)
      }
    }
    return [...found]
  }
}
