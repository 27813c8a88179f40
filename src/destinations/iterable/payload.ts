import type { Json, JsonObject } from '../../model/value.js'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** A payload as it is: for the few that must be looked into. */
export function parsed(payload: Uint8Array): JsonObject {
  return JSON.parse(decoder.decode(payload)) as JsonObject
}

/**
 * The payload with a decimal point in every whole number at one of `paths` (as in `Shape.fields`): Iterable types a
 * field by its first value, and `1` would make it an integer field for ever.
 *
 * Laws    parses to an equal object.
 */
export function withDecimalPoints(payload: Uint8Array, paths: ReadonlySet<string>): Uint8Array {
  return paths.size === 0 ? payload : encoder.encode(pointed(parsed(payload), '', paths))
}

function pointed(value: Json, path: string, paths: ReadonlySet<string>): string {
  if (typeof value === 'number') return paths.has(path) ? pointedNumber(value) : JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) {
    return `[${(value as readonly Json[]).map((element) => pointed(element, `${path}[]`, paths)).join(',')}]`
  }
  const members = Object.entries(value).map(
    ([name, held]) => `${JSON.stringify(name)}:${pointed(held, path === '' ? name : `${path}.${name}`, paths)}`,
  )
  return `{${members.join(',')}}`
}

function pointedNumber(value: number): string {
  const text = JSON.stringify(value)
  return Number.isInteger(value) ? text.replace(/^-?\d+(?=$|e)/, '$&.0') : text
}

/**
 * What `before` and then `after` would leave, as one payload; `undefined` where one payload cannot say it: an object
 * after a null must not be merged with what stood before the null.
 *
 * Laws    applying the fold equals applying `before`, then `after`, with nested objects merged or replaced as told.
 */
export function folded(before: Uint8Array, after: Uint8Array, mergeNested: boolean): Uint8Array | undefined {
  const whole = merged(parsed(before), parsed(after), mergeNested)
  return whole === undefined ? undefined : encoder.encode(JSON.stringify(whole))
}

function merged(before: JsonObject, after: JsonObject, mergeNested: boolean): JsonObject | undefined {
  const held = new Map(Object.entries(before))
  for (const [name, value] of Object.entries(after)) {
    const earlier = held.get(name)
    if (!mergeNested || earlier === undefined || !isObject(value)) held.set(name, value)
    else if (!isObject(earlier)) return undefined
    else {
      const both = merged(earlier, value, true)
      if (both === undefined) return undefined
      held.set(name, both)
    }
  }
  return Object.fromEntries(held)
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
