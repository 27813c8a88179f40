import type { Json, JsonObject } from '../../model/value.js'

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What a profile holds after an update. `null` removes a field; a nested object replaces the stored one, unless nested
 * objects are merged: then siblings survive at every depth. Source: GR (recorded at two depths), SW.
 */
export function merged(stored: JsonObject, incoming: JsonObject, nested: boolean): JsonObject {
  const result: Record<string, Json> = { ...stored }
  for (const [name, value] of Object.entries(incoming)) {
    const before = result[name]
    if (value === null) delete result[name]
    else if (nested && isObject(value) && isObject(before)) result[name] = merged(before, value, true)
    else result[name] = isObject(value) ? merged({}, value, nested) : value
  }
  return result
}
