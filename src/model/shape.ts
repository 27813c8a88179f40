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
  readonly #known = new Map<string, number>()

  /** The number of the payload's shape, in order of first appearance. */
  number(payload: JsonObject): number {
    const signature = sign(payload)
    const known = this.#known.get(signature)
    if (known !== undefined) return known
    this.#known.set(signature, this.shapes.length)
    return this.shapes.push(shapeOf(payload)) - 1
  }
}

function sign(payload: JsonObject): string {
  let text = ''
  for (const name of Object.keys(payload)) {
    const value = payload[name] as Json
    const type = fieldType(value)
    text += `${JSON.stringify(name)}${type}`
    if (type === 'object') text += `{${sign(value as JsonObject)}}`
    if (type === 'array') text += `[${[...new Set((value as readonly Json[]).map(signElement))].join('|')}]`
  }
  return text
}

const signElement = (value: Json): string =>
  fieldType(value) === 'object' ? `{${sign(value as JsonObject)}}` : fieldType(value)

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
