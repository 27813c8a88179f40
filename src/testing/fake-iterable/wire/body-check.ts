import type { Json, JsonObject } from '../../../model/value.js'
import { envelope, type FakeRequest, Refused } from './answer.js'
import { isSpelledDouble, parseSpelled } from './spelled.js'

/** What a field of a body must be. A trailing `?` allows it to be absent or null. */
type Kind = 'string' | 'strings' | 'longs' | 'long' | 'number' | 'boolean' | 'object'
type Wrong = Kind | 'array' | 'missing'
export type Rules = Readonly<Record<string, Kind | `${Kind}?`>>

/** What is wrong, in the words of today (RT; only the one for numbers was recorded) and of 2022 (VCR; likewise text). */
const SAYS: Readonly<Record<Wrong, readonly [terse: string, of2022: string]>> = {
  string: ['String value expected', 'error.expected.jsstring'],
  longs: ['Array value expected', 'error.expected.jsarray'],
  strings: ['Array value expected', 'error.expected.jsarray'],
  number: ['Number value expected', 'error.expected.jsnumber'],
  long: ['Number value expected', 'error.expected.jsnumber'],
  boolean: ['Boolean value expected', 'error.expected.jsboolean'],
  object: ['Object value expected', 'error.expected.jsobject'],
  array: ['Array value expected', 'error.expected.jsarray'],
  missing: ['Required field missing', 'error.path.missing'],
}

/**
 * The body as JSON, with every field that the API types of that type. One field that is not refuses the whole request,
 * valid rows included. Source: RT dataDelivery/network.ts (new form of `BadJsonBody`, params by path), VCR (the effect,
 * and the form of November 2022, which gives the body and all headers away).
 */
export class BodyCheck {
  readonly #request: FakeRequest
  readonly #form: 'terse' | '2022'
  readonly #rowsMax: number
  readonly #wrong = new Map<string, Wrong>()
  readonly body: JsonObject

  constructor(request: FakeRequest, how: { readonly form: 'terse' | '2022'; readonly rowsMax: number }) {
    this.#request = request
    this.#form = how.form
    this.#rowsMax = how.rowsMax
    let body: unknown
    try {
      body = parseSpelled(new TextDecoder('utf-8', { fatal: true }).decode(request.body))
    } catch {
      throw this.#refused()
    }
    if (!is(body as Json, 'object')) {
      this.#wrong.set('obj', 'object')
      throw this.#refused()
    }
    this.body = body as JsonObject
  }

  fields(object: JsonObject, rules: Rules, path = 'obj'): void {
    for (const [name, rule] of Object.entries(rules)) {
      const kind = rule.replace('?', '') as Kind
      const value = object[name]
      const optional = rule.endsWith('?')
      if (value === undefined) {
        if (!optional) this.#wrong.set(`${path}.${name}`, 'missing')
      } else if (value === null ? !optional : !is(value, kind)) {
        this.#wrong.set(`${path}.${name}`, kind)
      }
    }
  }

  /** The rows of a bulk request, each checked. */
  rows(name: string, rules: Rules): readonly JsonObject[] {
    const rows = this.objects(name, rules)
    if (rows.length > this.#rowsMax) throw new Refused(envelope(400, 'BatchTooLarge', 'The batch is too large'))
    return rows
  }

  /** The objects of an array field, each checked. */
  objects(name: string, rules: Rules): readonly JsonObject[] {
    const rows = this.body[name]
    if (!Array.isArray(rows)) {
      this.#wrong.set(`obj.${name}`, rows === undefined ? 'missing' : 'array')
      return []
    }
    const held = rows as readonly Json[]
    held.forEach((row, at) => {
      if (is(row, 'object')) this.fields(row as JsonObject, rules, `obj.${name}[${at}]`)
      else this.#wrong.set(`obj.${name}[${at}]`, 'object')
    })
    return held as readonly JsonObject[]
  }

  /** One object of the body, checked; one that is no object stands as wrong already, and reads as empty. */
  object(name: string, rules: Rules): JsonObject {
    const value = this.body[name]
    if (value === undefined || !is(value, 'object')) return {}
    this.fields(value as JsonObject, rules, `obj.${name}`)
    return value as JsonObject
  }

  /** What was wrong in the words of 2019, for the one call that answers so. Source: VCR. */
  wrongAsText(): JsonObject | undefined {
    if (this.#wrong.size === 0) return undefined
    return Object.fromEntries([...this.#wrong].map(([at, kind]) => [at, [{ msg: [SAYS[kind][1]], args: [] }]]))
  }

  /** Throws if anything was wrong. */
  end(): void {
    if (this.#wrong.size > 0) throw this.#refused()
  }

  #refused(): Refused {
    const { path, headers, body } = this.#request
    const endpoint = path.split('?')[0]
    const params = [...this.#wrong].map(([at, kind]): [string, Json] => {
      const [terse, of2022] = SAYS[kind]
      return [at, this.#form === 'terse' ? terse : [{ msg: [of2022], args: [] }]]
    })
    const told = Object.entries(headers).map(([name, value]) => `(${name},${value})`)
    const msg =
      this.#form === 'terse'
        ? `[${endpoint}] Invalid JSON body`
        : `[${endpoint}] body: ${new TextDecoder().decode(body)}, hdrs: List(${told.join(', ')})`
    return new Refused(envelope(400, 'BadJsonBody', msg, Object.fromEntries(params)))
  }
}

function is(value: Json, kind: Kind): boolean {
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (kind === 'strings' || kind === 'longs') {
    const inside = kind === 'strings' ? 'string' : 'long'
    return Array.isArray(value) && value.every((one: Json) => is(one, inside))
  }
  if (kind === 'number') return typeof value === 'number' || isSpelledDouble(value)
  if (kind === 'long') return typeof value === 'number' && Number.isInteger(value)
  return typeof value === kind && !isSpelledDouble(value)
}
