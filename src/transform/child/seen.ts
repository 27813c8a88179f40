/**
 * An object of the program, each of whose properties is read once, when somebody first asks for it: a getter cannot show one
 * value to who checks and another to who writes.
 */
export class Seen {
  readonly value: object
  /** What JSON would call for what it writes instead. */
  readonly toJson: unknown
  readonly names: readonly string[]
  readonly #values: unknown[]

  /** Of an object whose fields are what it is; `undefined` for anything else. */
  static of(value: unknown): Seen | undefined {
    return isOfFields(value) ? new Seen(value) : undefined
  }

  private constructor(value: object) {
    this.value = value
    this.toJson = (value as { toJSON?: unknown }).toJSON
    this.names = Object.keys(value)
    this.#values = []
  }

  /** The value of the property `names[index]`. */
  at(index: number): unknown {
    const values = this.#values
    for (let next = values.length; next <= index; next += 1) {
      const name = this.names[next] as string
      values.push(name === 'toJSON' ? this.toJson : (this.value as Readonly<Record<string, unknown>>)[name])
    }
    return values[index]
  }
}

/** Of objects whose fields are what they are: a map, a promise or an error has none, and is not nothing. */
const isOfFields = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether an object has nothing that JSON would call. */
export const isPlain = (value: Seen | undefined): value is Seen => value !== undefined && value.toJson === undefined

export function areEqual(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at += 1) if (some[at] !== others[at]) return false
  return true
}
