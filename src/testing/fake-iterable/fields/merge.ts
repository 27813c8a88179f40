import type { Json, JsonObject } from '../../../model/value.js'

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What a profile holds after an update. `null` removes a field; a nested object replaces the stored one, unless nested
 * objects are merged: then siblings survive at every depth. Source: GR (recorded at two depths), SW. Whether one that
 * replaces keeps the nulls inside it is unsure.
 */
export function merged(stored: JsonObject, incoming: JsonObject, nested: boolean, keepsNulls = false): JsonObject {
  const result = new Map(Object.entries(stored))
  for (const [name, value] of Object.entries(incoming)) {
    const before = result.get(name)
    if (value === null) result.delete(name)
    else if (nested && isObject(value) && isObject(before)) result.set(name, merged(before, value, true))
    else result.set(name, isObject(value) && (nested || !keepsNulls) ? merged({}, value, nested) : value)
  }
  return Object.fromEntries(result)
}

/** The same without some dotted paths; an object goes with its path, and elements of arrays are looked into. */
export function without(value: JsonObject, paths: ReadonlySet<string>, prefix = ''): JsonObject {
  if (paths.size === 0) return value
  const kept = Object.entries(value).filter(([name]) => !paths.has(prefix + name))
  return Object.fromEntries(kept.map(([name, held]) => [name, inside(held, paths, `${prefix}${name}.`)]))
}

function inside(value: Json, paths: ReadonlySet<string>, prefix: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((element) => inside(element, paths, prefix))
  return isObject(value) ? without(value, paths, prefix) : value
}
