import type { FieldType, Shape } from './action.js'
import type { Json, JsonObject } from './value.js'

/** Forms that Iterable types as a date. Source: Iterable help 208183076, as coded in block/iterable-go `types/data_types.go`. */
const DATE = /^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?: [+-]\d\d:\d\d)?|T\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d))?$/
/** What a person would call a date, in any other form. */
const NEARLY = /^\d{4}[-/]\d\d?[-/]\d\d?(?:$|[T ]\d)/
/** Paths recorded per payload; deeper or further ones are not checked on our side. */
const PATHS_MAX = 2_000

/** What a destination that types fields by value would make of this one. */
export function fieldType(value: Json): FieldType {
  switch (typeof value) {
    case 'string':
      return stringType(value)
    case 'number':
      return Number.isInteger(value) ? 'long' : 'double'
    case 'boolean':
      return 'boolean'
    default:
      return value === null ? 'null' : Array.isArray(value) ? 'array' : 'object'
  }
}

function stringType(value: string): FieldType {
  const fifth = value.charCodeAt(4)
  if (fifth !== 0x2d && fifth !== 0x2f) return 'string'
  return DATE.test(value) ? 'date' : NEARLY.test(value) ? 'nearDate' : 'string'
}

/** Gives equal shapes one number, so that a contract is checked once per distinct shape and not once per row. */
export class ShapeTable {
  readonly shapes: Shape[] = []
  readonly #first = new Step()

  /** The number of the payload's shape, in order of first appearance. */
  number(payload: JsonObject): number {
    const last = walked(this.#first, payload)
    last.shape ??= this.shapes.push(shapeOf(payload)) - 1
    return last.shape
  }
}

/** What comes after the last name of an object. No name is equal to it. */
const END = 0

/** A place in the tree of all shapes seen: looking one up takes a few short looks and makes no text. */
class Step {
  /** The number of the shape that ends here. */
  shape: number | undefined
  readonly #next = new Map<string | typeof END, Step>()

  to(what: string | typeof END): Step {
    const known = this.#next.get(what)
    if (known !== undefined) return known
    const made = new Step()
    this.#next.set(what, made)
    return made
  }
}

/** Name and type in turn; behind `object` what is in it, until {@link END}; behind `array` the sign of its elements. */
function walked(from: Step, payload: JsonObject): Step {
  let step = from
  for (const name of Object.keys(payload)) {
    const value = payload[name] as Json
    const type = fieldType(value)
    step = step.to(name).to(type)
    if (type === 'object') step = walked(step, value as JsonObject).to(END)
    if (type === 'array') step = step.to(signElements(value as readonly Json[]))
  }
  return step
}

const signElements = (values: readonly Json[]): string => [...new Set(values.map(signElement))].join('|')

function signElement(value: Json): string {
  const type = fieldType(value)
  if (type === 'array') return `[${signElements(value as readonly Json[])}]`
  return type === 'object' ? `{${sign(value as JsonObject)}}` : type
}

/** Each name behind its length, so that none can be taken for another name and a type. */
function sign(payload: JsonObject): string {
  return Object.entries(payload)
    .map(([name, value]) => `${name.length}:${name}${signElement(value)}`)
    .join('')
}

/** Paths and types of a payload. Elements of an array are recorded under the array's own path with `[]` behind it. */
export function shapeOf(payload: JsonObject): Shape {
  const fields = new Map<string, FieldType>()
  let dotted = false
  const walk = (value: JsonObject, prefix: string): void => {
    for (const [name, held] of Object.entries(value)) {
      if (fields.size >= PATHS_MAX) return
      dotted ||= name.includes('.')
      record(held, prefix === '' ? name : `${prefix}.${name}`)
    }
  }
  const record = (value: Json, path: string): void => {
    const type = fieldType(value)
    fields.set(path, type)
    if (type === 'object') walk(value as JsonObject, path)
    if (type === 'array') for (const element of value as readonly Json[]) record(element, `${path}[]`)
  }
  walk(payload, '')
  return { fields, dotted }
}
