import { isLakeloopError } from '../../errors.js'
import type { Shape } from '../../model/action.js'
import type { Outcome } from '../../model/outcome.js'
import type { Reason } from '../../model/value.js'
import { isFieldType, typeConflict } from './field-contract.js'
import { subset, type WireRequest, type WireRow } from './wire.js'

/**
 * What Iterable has said of user fields in refusals of this run: types of fields that it did not have when the run was opened,
 * and that there may be no more fields. Rows that contradict it are rejected before they spoil another request.
 *
 * Shape   rows that several writes were folded into are left to Iterable: one of the writes may be sound.
 */
export class ToldOfFields {
  readonly #types = new Map<string, string>()
  readonly #isThere: (field: string) => boolean
  #isFull = false
  #reasons = new WeakMap<Shape, { readonly reason: Reason | undefined }>()

  constructor(isThere: (field: string) => boolean) {
    this.#isThere = isThere
  }

  /** Learns from a refusal. Anything else says nothing. */
  heed(error: unknown): void {
    if (!isLakeloopError(error, 'REQUEST_REFUSED')) return
    const { vendorCode, field, expected } = error.facts
    if (vendorCode === 'UniqueFieldsLimitExceeded' && !this.#isFull) {
      this.#isFull = true
      this.#reasons = new WeakMap()
    }
    if (vendorCode !== 'RequestFieldsTypesMismatched' || typeof field !== 'string') return
    if (typeof expected !== 'string' || !isFieldType(expected) || this.#types.get(field) === expected) return
    this.#types.set(field, expected)
    this.#reasons = new WeakMap()
  }

  /**
   * The outcomes of a request of which `send` gets the rows that contradict nothing, if there are any.
   *
   * Throws  what `send` throws.
   */
  async without(
    request: WireRequest,
    send: (request: WireRequest) => Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[]> {
    const wrong = this.#wrongIn(request)
    if (wrong.size === 0) return await send(request)
    const ended = new Map<number, Outcome>(
      [...wrong].map(([action, reason]) => [action, { status: 'rejected', reason }]),
    )
    const sound = request.wire.rows.filter(({ actions: [action] }) => !wrong.has(action as number))
    if (sound.length > 0) {
      const part = subset(request, sound)
      const outcomes = await send(part)
      part.actions.forEach((action, at) => {
        ended.set(action, outcomes[at] as Outcome)
      })
    }
    return request.actions.map((action) => ended.get(action) as Outcome)
  }

  #wrongIn({ wire }: WireRequest): ReadonlyMap<number, Reason> {
    const wrong = new Map<number, Reason>()
    if (this.#types.size === 0 && !this.#isFull) return wrong
    for (const { actions } of wire.rows as readonly WireRow[]) {
      const [action] = actions
      if (action === undefined || actions.length > 1) continue
      const reason = this.#reasonFor(wire.block.shape(action))
      if (reason !== undefined) wrong.set(action, reason)
    }
    return wrong
  }

  #reasonFor(shape: Shape): Reason | undefined {
    const known = this.#reasons.get(shape)
    // What has no place now may have been made by a request that was under way.
    if (known !== undefined && known.reason?.code !== 'FIELD_LIMIT') return known.reason
    let reason: Reason | undefined
    for (const [path, got] of shape.fields) {
      const field = path.replaceAll('[]', '')
      const type = this.#types.get(field)
      if (type !== undefined) reason ??= typeConflict(field, [type], got)
      if (this.#isFull && got !== 'null' && !this.#isThere(field)) reason ??= { code: 'FIELD_LIMIT', facts: { field } }
    }
    this.#reasons.set(shape, { reason })
    return reason
  }
}
