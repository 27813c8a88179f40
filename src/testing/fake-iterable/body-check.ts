import type { Json, JsonObject } from '../../model/value.js'
import { envelope, Refused } from './answer.js'
import { isSpelledDouble, parseSpelled } from './spelled.js'

/** What a field of a body must be. A trailing `?` allows it to be absent or null. */
export type Rule =
  | 'string'
  | 'number'
  | 'long'
  | 'boolean'
  | 'object'
  | `${'string' | 'number' | 'long' | 'boolean' | 'object'}?`
export type Rules = Readonly<Record<string, Rule>>

const SAYS: Readonly<Record<string, string>> = {
  string: 'String value expected',
  number: 'Number value expected',
  long: 'Number value expected',
  boolean: 'Boolean value expected',
  object: 'Object value expected',
}

/**
 * The body as JSON, with every field that the API types of that type. One field that is not refuses the whole request,
 * valid rows included. Source: RT dataDelivery/network.ts (new form of `BadJsonBody`, params by path), VCR (the effect).
 */
export class BodyCheck {
  readonly #endpoint: string
  readonly #wrong: Record<string, string> = {}
  readonly body: JsonObject

  constructor(endpoint: string, bytes: Uint8Array) {
    this.#endpoint = endpoint
    let body: unknown
    try {
      body = parseSpelled(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch {
      throw new Refused(envelope(400, 'BadJsonBody', `[${endpoint}] Invalid JSON body`, {}))
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new Refused(
        envelope(400, 'BadJsonBody', `[${endpoint}] Invalid JSON body`, { obj: 'Object value expected' }),
      )
    }
    this.body = body as JsonObject
  }

  fields(object: JsonObject, rules: Rules, path = 'obj'): void {
    for (const [name, rule] of Object.entries(rules)) {
      const kind = rule.replace('?', '')
      const value = object[name]
      if (value === undefined || value === null) {
        if (!rule.endsWith('?')) this.#wrong[`${path}.${name}`] = 'Required field missing'
      } else if (!is(value, kind)) {
        this.#wrong[`${path}.${name}`] = SAYS[kind] ?? ''
      }
    }
  }

  /** The objects of an array field, each checked. */
  rows(name: string, rules: Rules): readonly JsonObject[] {
    const rows = this.body[name]
    if (!Array.isArray(rows)) {
      this.#wrong[`obj.${name}`] = 'Array value expected'
      return []
    }
    const held = rows as readonly Json[]
    held.forEach((row, at) => {
      if (is(row, 'object')) this.fields(row as JsonObject, rules, `obj.${name}[${at}]`)
      else this.#wrong[`obj.${name}[${at}]`] = 'Object value expected'
    })
    return held.filter((row) => is(row, 'object')) as readonly JsonObject[]
  }

  /** Throws if anything was wrong. */
  end(): void {
    if (Object.keys(this.#wrong).length === 0) return
    throw new Refused(envelope(400, 'BadJsonBody', `[${this.#endpoint}] Invalid JSON body`, this.#wrong))
  }
}

function is(value: Json, kind: string): boolean {
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (kind === 'long') return typeof value === 'number' && Number.isInteger(value)
  if (kind === 'number') return typeof value === 'number' || isSpelledDouble(value)
  return typeof value === kind && !isSpelledDouble(value)
}
