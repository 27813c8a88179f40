import { LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'

/**
 * A value as every backend keeps and compares it.
 *
 * Throws  OPTION_INVALID for what JSON has no text for: `undefined`, a function.
 */
export function jsonText(value: Json): string {
  const text: string | undefined = JSON.stringify(value)
  if (text !== undefined) return text
  throw new LakeloopError('OPTION_INVALID', { part: 'Store', option: 'value', problem: 'is no JSON value' })
}

/** What a `check` op compares: the text, or `undefined` for a key that must be absent. */
export function checkText(is: Json | undefined): string | undefined {
  return is === undefined ? undefined : jsonText(is)
}
