import type { Json, JsonObject } from '../../model/value.js'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** A payload as it is: for the few that must be looked into. */
export function parsed(payload: Uint8Array): JsonObject {
  return JSON.parse(decoder.decode(payload)) as JsonObject
}

/** Text that needs no escape, as nearly all names, keys and addresses do. */
const PLAIN = /^[\w .:@/+-]*$/

/** As `JSON.stringify` writes it, in a quarter of the time. */
export const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text))

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
