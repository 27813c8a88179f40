import type { Shape } from '../../model/action.js'
import type { JsonObject } from '../../model/value.js'
import { FieldContract, type FieldRules, takes, typeConflict, type Verdict } from './field-contract.js'

/** Types that a field of an event can be pinned to. */
export const EVENT_TYPES = ['string', 'date', 'long', 'double', 'boolean', 'object', 'geo_location'] as const
/** Dotted path to type. */
export type EventFields = Readonly<Record<string, (typeof EVENT_TYPES)[number]>>

/** What a field may be, by what it has taken; a location is an object to whoever looks at its values. */
const MAY_BE = EVENT_TYPES.filter((type) => type !== 'geo_location')
const ANY = 'any'
/** Fields that are learned, of all events together: they are written down with every page of a run. */
const LEARNED_MAX = 1_000

interface Given {
  readonly pinned: Readonly<Record<string, EventFields>>
  /** As {@link EventContracts.learned} gave it. */
  readonly before: JsonObject
  readonly rules: Omit<FieldRules, 'fields'>
}

/**
 * What is known of the fields of events, by the event's name. Iterable shows no types of them, so they are pinned by the host,
 * or learned: a value that was accepted leaves only the types that take it (`long or double` after a 1, `double` after a 0.5).
 *
 * Repeat  what is learned in a run counts from the next one on: the same actions give the same bytes (I9).
 * Shape   `learned()` is `{ "Order placed": { "total": "long or double" } }`; `any` where a field has taken what no one type
 *         takes, so that nothing is known of it.
 */
export class EventContracts {
  readonly #pinned: ReadonlyMap<string, FieldContract>
  readonly #others: FieldContract
  readonly #before: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly #learned: Map<string, Map<string, string>>
  /** By what was learned of an event: shapes that say nothing more, and what was judged of others. */
  readonly #seen = new WeakMap<ReadonlyMap<string, string>, WeakSet<Shape>>()
  readonly #verdicts = new WeakMap<ReadonlyMap<string, string>, WeakMap<Shape, Verdict>>()
  #count: number

  constructor({ pinned, before, rules }: Given) {
    const contract = (fields: FieldRules['fields'], newNumbers: FieldRules['newNumbers']) =>
      new FieldContract({ ...rules, fields, newNumbers })
    this.#pinned = new Map(
      Object.entries(pinned).map(([name, fields]) => [
        name,
        contract(new Map(Object.entries(fields)), rules.newNumbers),
      ]),
    )
    // A whole number may belong to an integer field, so it is left as it is.
    this.#others = contract(undefined, 'long')
    this.#before = tableOf(before)
    this.#learned = tableOf(before)
    this.#count = [...this.#learned.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** As that of {@link FieldContract}; of a pinned event its own fields alone are allowed, unless new ones are. */
  verdict(eventName: string, shape: Shape): Verdict {
    const fields = this.#before.get(eventName)
    const contract = this.#pinned.get(eventName) ?? this.#others
    if (fields === undefined || contract !== this.#others) return contract.verdict(shape)
    const known = this.#verdicts.get(fields) ?? new WeakMap<Shape, Verdict>()
    this.#verdicts.set(fields, known)
    const verdict = known.get(shape) ?? this.#judge(fields, shape)
    known.set(shape, verdict)
    return verdict
  }

  /** Learns from an event that Iterable took. */
  accepted(eventName: string, shape: Shape): void {
    if (this.#pinned.has(eventName)) return
    const known = this.#learned.get(eventName)
    if (known === undefined && this.#count >= LEARNED_MAX) return
    const fields = known ?? new Map<string, string>()
    const seen = this.#seen.get(fields) ?? new WeakSet<Shape>()
    this.#seen.set(fields, seen)
    if (seen.has(shape)) return
    seen.add(shape)
    for (const [path, got] of shape.fields) {
      const field = path.replaceAll('[]', '')
      const before = fields.get(field)
      if (got === 'null' || got === 'array' || before === ANY) continue
      if (before === undefined && this.#count >= LEARNED_MAX) continue
      if (before === undefined) this.#count += 1
      const left = (before?.split(' or ') ?? MAY_BE).filter((type) => takes(type, got))
      fields.set(field, left.length === 0 ? ANY : left.join(' or '))
    }
    if (fields.size > 0) this.#learned.set(eventName, fields)
  }

  learned(): JsonObject {
    return Object.fromEntries([...this.#learned].map(([name, fields]) => [name, Object.fromEntries(fields)]))
  }

  #judge(fields: ReadonlyMap<string, string>, shape: Shape): Verdict {
    const verdict = this.#others.verdict(shape)
    if (verdict.reason !== undefined) return verdict
    for (const [path, got] of shape.fields) {
      const field = path.replaceAll('[]', '')
      const reason = typeConflict(field, (fields.get(field) ?? ANY).split(' or '), got)
      if (reason !== undefined) return { ...verdict, reason }
    }
    return verdict
  }
}

/** What no version of ours has written is nothing that was learned. */
function tableOf(learned: JsonObject): Map<string, Map<string, string>> {
  const isOurs = (types: unknown): types is string =>
    typeof types === 'string' && types.split(' or ').every((type) => type === ANY || MAY_BE.some((one) => one === type))
  const tables = Object.entries(learned).map(([name, fields]) => {
    const held = Object.entries((fields ?? {}) as JsonObject)
    return [name, new Map(held.filter((one): one is [string, string] => isOurs(one[1])))] as const
  })
  return new Map(tables.filter(([, fields]) => fields.size > 0))
}
