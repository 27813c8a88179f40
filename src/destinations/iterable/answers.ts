import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { HttpAnswer } from '../../transport/http-client.js'
import { accuse } from '../suspects.js'
import { parsed } from './payload.js'
import type { WireRequest, WireRow } from './wire.js'

/** Codes that an error may name. Source: Iterable api-docs.json, `IterableApiResponse.code`. */
const CODES = new Set(
  'Success BadJsonBody BadParams BatchTooLarge EmailAlreadyExists ForgottenUserError InvalidEmailAddressError InvalidJwtPayload InvalidUserIdError JwtUserIdentifiersMismatched QueueEmailError RequestFieldsTypesMismatched UniqueFieldsLimitExceeded UnknownEmailError UnknownUserIdError UserIdAlreadyExists BadApiKey BadAuthorizationHeader Unauthorized Forbidden ForbiddenParamsError NotFound ExternalKeyConflict RateLimitExceeded DatabaseError GenericError'.split(
    ' ',
  ),
)
/** Catalogs have codes of their own: `error.catalogs.notFound`. Source: rudder-transformer network mocks. */
const CATALOG_CODE = /^error(?:\.[A-Za-z]{1,40}){1,4}$/
/** Faults of the vendor's own, whatever the status. */
const OWN_FAULTS = new Set(['QueueEmailError', 'DatabaseError', 'GenericError'])

/** The code of an answer if it is a listed one. */
export function codeOf(json: Json | undefined): string | undefined {
  const code = (json as JsonObject | null | undefined)?.code
  return typeof code === 'string' && (CODES.has(code) || CATALOG_CODE.test(code)) ? code : undefined
}

/** True for the 400 that a list gives which does not exist, or was made a moment ago. It may carry the code Success. */
export function isListUnknown({ status, json }: HttpAnswer): boolean {
  const { msg } = (json ?? {}) as JsonObject
  return status === 400 && typeof msg === 'string' && /invalidListId|invalid email list id/i.test(msg)
}

/**
 * The body of an answer that took the request; else what the engine is to do, by status first, then code.
 *
 * Throws  REQUEST_TOO_LARGE, REQUEST_REFUSED (with suspects where the answer points at rows), DESTINATION_ANSWER_UNCLEAR,
 *         DESTINATION_REFUSED. `facts.problem` holds the vendor's code and names of our own; never the vendor's text,
 *         which may quote the body and the key (recorded in 2022).
 */
export function taken(request: WireRequest, answer: HttpAnswer): JsonObject {
  const { endpoint } = request
  const { status, json } = answer
  const code = codeOf(json)
  const unclear = (problem: string) => new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem, status })
  if (status === 413 || (status < 500 && code === 'BatchTooLarge')) {
    throw new LakeloopError('REQUEST_TOO_LARGE', {
      endpoint,
      rows: request.wire.rows.length,
      bytes: request.body.length,
    })
  }
  if (status >= 200 && status < 300) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw unclear('something that is no object')
    const { code: said } = json as JsonObject
    if (said === undefined || said === null || said === 'Success') return json as JsonObject
    if (code === undefined || OWN_FAULTS.has(code))
      throw unclear(`${status} with ${code ?? 'a code that is not listed'}`)
    throw refusedWhole(request, answer, code)
  }
  // block/iterable-go has seen this one under 500.
  if (code === 'RequestFieldsTypesMismatched') throw refusedWhole(request, answer, code)
  if (status === 408 || status >= 500 || (code !== undefined && OWN_FAULTS.has(code))) {
    throw unclear(code === undefined ? `${status}` : `${status} ${code}`)
  }
  if (status === 400 || status === 409) throw refusedWhole(request, answer, code)
  throw new LakeloopError('DESTINATION_REFUSED', {
    endpoint,
    problem: code === undefined ? `${status}` : `${status} ${code}`,
  })
}

function refusedWhole(request: WireRequest, { status, json }: HttpAnswer, code: string | undefined): LakeloopError {
  const { endpoint } = request
  const vendorCode = code ?? `status ${status}`
  const params = (((json ?? {}) as JsonObject).params ?? {}) as JsonObject
  const named = code === 'RequestFieldsTypesMismatched' ? mismatched(request, params) : byPath(request, params)
  const { field, expected, got, actions } = named
  const told = field === undefined ? {} : { field, expected: expected ?? 'of another type', got: got ?? 'this one' }
  const problem = field === undefined ? vendorCode : `${vendorCode}: field ${field} is ${told.expected}`
  return accuse(new LakeloopError('REQUEST_REFUSED', { endpoint, problem, vendorCode, status, ...told }), actions)
}

interface Accusation {
  readonly field?: string
  readonly expected?: string
  readonly got?: string
  readonly actions: readonly number[]
}

/** Names of fields may come with their scope: `user:::plan`. Source: block/iterable-go, tests of its parser. */
export const unscoped = (name: string): string =>
  name.slice(name.indexOf(SCOPE) < 0 ? 0 : name.indexOf(SCOPE) + SCOPE.length)

const SCOPE = ':::'
const TYPES = new Set('string date long double boolean object nested geo_location keyword'.split(' '))

/**
 * The answer names fields, types and values, but no row: suspect is who holds the value there, else who has the field.
 * Source: recorded body in grouparoo's fixtures; keys such as `scope:::field` in block/iterable-go.
 */
function mismatched(request: WireRequest, params: JsonObject): Accusation {
  const { block, rows } = request.wire
  const errors = Object.entries((params.validationErrors ?? {}) as JsonObject)
  const holders: number[] = []
  const owners: number[] = []
  let told: Omit<Accusation, 'actions'> = {}
  for (const [key, detail] of errors) {
    const field = unscoped(key)
    const { offendingValue, expectedType, incomingTypes } = (detail ?? {}) as JsonObject
    for (const index of rows.flatMap((row) => row.actions)) {
      if (!hasField(block.shape(index).fields.keys(), field)) continue
      owners.push(index)
      if (told.field === undefined)
        told = { field, ...typeSaid('expected', expectedType), ...typeSaid('got', incomingTypes) }
      if (offendingValue !== undefined && holds(parsed(block.payload(index)), field.split('.'), offendingValue)) {
        holders.push(index)
      }
    }
  }
  return { ...told, actions: unique(holders.length > 0 ? holders : owners) }
}

function typeSaid<Name extends string>(name: Name, given: Json | undefined): { [_ in Name]?: string } {
  const [type] = Array.isArray(given) ? (given as readonly Json[]) : [given]
  const listed = typeof type === 'string' && TYPES.has(type.toLowerCase())
  return (listed ? { [name]: type.toLowerCase() } : {}) as { [_ in Name]?: string }
}

function hasField(paths: Iterable<string>, field: string): boolean {
  for (const path of paths) if (path.replaceAll('[]', '') === field) return true
  return false
}

function holds(value: Json, path: readonly string[], wanted: Json): boolean {
  if (Array.isArray(value)) return (value as readonly Json[]).some((element) => holds(element, path, wanted))
  const [name, ...rest] = path
  if (name === undefined) return String(value) === String(wanted)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false
  return holds((value as JsonObject)[name] as Json, rest, wanted)
}

/** `BadJsonBody` names places such as `obj.events[1].createdAt`. Source: rudder-transformer network mocks. */
function byPath(request: WireRequest, params: JsonObject): Accusation {
  const rows = Object.keys(params).flatMap((path): WireRow[] => {
    const at = /(?:users|events|subscribers)\[(\d{1,6})\]/.exec(path)?.[1]
    const row = at === undefined ? undefined : request.wire.rows[Number(at)]
    return row === undefined ? [] : [row]
  })
  return { actions: unique(rows.flatMap((row) => row.actions)) }
}

const unique = (indexes: readonly number[]): readonly number[] => [...new Set(indexes)]
