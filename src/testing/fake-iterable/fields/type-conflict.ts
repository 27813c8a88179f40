import { json, Refused } from '../wire/answer.js'
import type { Conflict } from './field-types.js'

const WORDS: Readonly<Record<string, readonly string[]>> = { string: ['string', 'keyword'] }

/** Whose fields they are: users', or those of one event name. */
export interface Scope {
  readonly type: string
  readonly category: string
  /** What stands before the field's name in the keys, if anything. */
  readonly prefix: string
}

/**
 * The refusal of a whole request, fields named and rows not.
 * Source: GR (`RequestFieldsTypesMismatched`, recorded July 2021, one field), GO (`scope:::field`, status 500).
 * The sentences of further fields and the words for other types than text are invented.
 */
export function typeConflict(status: 400 | 500, conflicts: readonly (readonly [Scope, Conflict])[]): Refused {
  const errors: Record<string, object> = {}
  const sentences: string[] = []
  for (const [{ type, category, prefix }, { field, expected, got, value }] of conflicts) {
    const key = `${prefix}${field}`
    if (key in errors) continue
    const incomingTypes = WORDS[got] ?? [got]
    errors[key] = { incomingTypes, expectedType: expected, _type: 'UnexpectedType', offendingValue: value, category }
    sentences.push(
      `Field '${field}' already exists for type '${type}' and has a data type of '${expected}' ` +
        `but possible types '${incomingTypes.join(', ')}' in the request.`,
    )
  }
  const head = 'Project 1: The request does not have the same data types as the data previously submitted.'
  const msg = [head, ...sentences].join(' ')
  const params = { validationErrors: errors }
  return new Refused(json(status, { msg, code: 'RequestFieldsTypesMismatched', params }))
}
