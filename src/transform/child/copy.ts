import type { Json } from '../../model/value.js'
import { Refused } from './refused.js'
import type { Seen } from './seen.js'

const DEPTH_MAX = 100
/** Of one row: each takes many times its two bytes of JSON while it is copied. */
const CONTAINERS_MAX = 100_000
const SKIPPED = Symbol('left out')
type Copied = Json | typeof SKIPPED
const BOOLEAN_OF = Boolean.prototype.valueOf
type MutableObject = { [key: string]: Json }

/** How one row's output is copied. */
export interface CopyRules {
  /** Characters of one object that is copied, about: so that no memory goes to what will be refused for its size. */
  readonly charsMax: number
  readonly bytesMax: number
  /** Says that a number which JSON cannot hold was left out. */
  readonly onNotFinite: (what: string) => void
}

/**
 * Copies what a program returned into plain data, reading every property once: getters, proxies and `toJSON` may run
 * the program's code here, and cannot change what was read. As JSON has it, with what JSON would drop in silence refused.
 */
export class Copier {
  readonly #rules: CopyRules
  readonly #above: object[] = []
  #left: number
  #containers = 0

  constructor(rules: CopyRules) {
    this.#rules = rules
    this.#left = rules.charsMax
  }

  /** Begins with another object of the same row. */
  next(): this {
    this.#left = this.#rules.charsMax
    return this
  }

  /** Takes the name of a field into account. Throws TRANSFORM_BAD_OUTPUT for one that is none. */
  name(name: string): void {
    if (name === '__proto__') throw new Refused('TRANSFORM_BAD_OUTPUT', { problem: 'a field named __proto__' })
    this.#spend(name.length + 4)
  }

  /**
   * A plain copy; `undefined` where JSON leaves a field out. `nulls` says what becomes of a `null` in a field inside:
   * left out, or kept because it removes the field. Elements of arrays stay.
   * What was read of it before is not read again.
   */
  copy(value: unknown, nulls: 'omit' | 'remove' = 'remove', seen?: Seen): Json | undefined {
    const copied = seen === undefined ? this.#copy(value, nulls) : this.#object(seen.value, nulls, seen)
    return copied === SKIPPED ? undefined : copied
  }

  #copy(value: unknown, nulls: 'omit' | 'remove'): Copied {
    switch (typeof value) {
      case 'string':
        this.#spend(value.length + 2)
        return value
      case 'number':
        this.#spend(1)
        if (!Number.isFinite(value)) return this.#notFinite(Number.isNaN(value) ? 'NaN' : 'an infinite number')
        return value === 0 ? 0 : value
      case 'boolean':
        this.#spend(4)
        return value
      case 'undefined':
        return SKIPPED
      case 'object':
        return value === null ? null : this.#object(value, nulls)
      default:
        throw new Refused('TRANSFORM_BAD_OUTPUT', { problem: `a ${typeof value}, which JSON cannot hold` })
    }
  }

  #notFinite(what: string): typeof SKIPPED {
    this.#rules.onNotFinite(what)
    return SKIPPED
  }

  #object(value: object, nulls: 'omit' | 'remove', seen?: Seen): Copied {
    if (this.#above.includes(value))
      throw new Refused('TRANSFORM_BAD_OUTPUT', { problem: 'an object that contains itself' })
    if (this.#above.length >= DEPTH_MAX) {
      throw new Refused('TRANSFORM_BAD_OUTPUT', { problem: `data nested deeper than ${DEPTH_MAX} levels` })
    }
    this.#containers += 1
    if (this.#containers > CONTAINERS_MAX) {
      throw new Refused('TRANSFORM_BAD_OUTPUT', {
        problem: `more than ${CONTAINERS_MAX} objects and arrays for one row`,
      })
    }
    this.#spend(2)
    this.#above.push(value)
    const copied = this.#inside(value, nulls, seen)
    this.#above.pop()
    return copied
  }

  #inside(value: object, nulls: 'omit' | 'remove', seen: Seen | undefined): Copied {
    const toJson = seen === undefined ? (value as { toJSON?: unknown }).toJSON : seen.toJson
    if (typeof toJson === 'function') {
      const made: unknown = Reflect.apply(toJson, value, [''])
      if (made === null && value instanceof Date) return this.#notFinite('an invalid date')
      if (made !== value) return this.#copy(made, nulls)
    }
    if (Array.isArray(value)) return this.#array(value, nulls)
    if (value instanceof Number) return this.#copy(Number(value), nulls)
    if (value instanceof String) return this.#copy(String(value), nulls)
    if (value instanceof Boolean) return this.#copy(BOOLEAN_OF.call(value), nulls)
    const copy: MutableObject = {}
    const names = seen?.names ?? Object.keys(value)
    if (names.length === 0) refuseOpaque(value)
    for (let at = 0; at < names.length; at += 1) {
      const name = names[at] as string
      this.name(name)
      const read = (): unknown => (name === 'toJSON' ? toJson : (value as Record<string, unknown>)[name])
      const held = this.#copy(seen === undefined ? read() : seen.at(at), nulls)
      if (held !== SKIPPED && (held !== null || nulls === 'remove')) copy[name] = held
    }
    return copy
  }

  #array(value: readonly unknown[], nulls: 'omit' | 'remove'): Json[] {
    const copy: Json[] = []
    const length = value.length
    for (let at = 0; at < length; at += 1) {
      this.#spend(1)
      const held = this.#copy(value[at], nulls)
      copy.push(held === SKIPPED ? null : held)
    }
    return copy
  }

  #spend(chars: number): void {
    this.#left -= chars
    if (this.#left < 0) throw new Refused('TRANSFORM_OUTPUT_TOO_LARGE', { limitBytes: this.#rules.bytesMax })
  }
}

/** JSON writes `{}` for these and loses what they hold. */
function refuseOpaque(value: object): void {
  const what =
    value instanceof Promise
      ? 'a promise inside an action: await it'
      : value instanceof Map
        ? 'a Map: use Object.fromEntries'
        : value instanceof Set
          ? 'a Set: spread it into an array'
          : value instanceof Error
            ? 'an Error: take its message'
            : value instanceof RegExp
              ? 'a regular expression: take its source'
              : undefined
  if (what !== undefined) throw new Refused('TRANSFORM_BAD_OUTPUT', { problem: what })
}
