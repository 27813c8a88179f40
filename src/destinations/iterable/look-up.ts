import { LakeloopError } from '../../errors.js'
import type { JsonObject } from '../../model/value.js'
import type { HttpAnswer } from '../../transport/http-client.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { codeOf } from './answers.js'

/** Who asks. */
export interface Asking {
  readonly client: IterableClient
  readonly signal: AbortSignal
}

/**
 * What a read of one person answers; `undefined`: there is nobody of this name.
 *
 * @param rest  of the path, with the query
 * Throws  DESTINATION_ANSWER_UNCLEAR for any other answer, a 400 about something else too, and for a 200 that says of itself
 *         that it failed: it is not the answer that there is nobody (I10).
 */
export async function lookedUp(
  endpoint: Endpoint,
  rest: string,
  { client, signal }: Asking,
): Promise<JsonObject | undefined> {
  const answer = await client.call(endpoint, signal, undefined, rest)
  const { status, json } = answer
  if (isNobody(answer)) return undefined
  const isObject = typeof json === 'object' && json !== null
  const { code = 'Success' } = (isObject ? json : {}) as JsonObject
  if (status === 200 && isObject && code === 'Success') return json as JsonObject
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status}` })
}

/** Under an identifier that is unknown, was forgotten or is none there is nobody. Source: Iterable api-docs.json, the codes. */
const NOBODY_CODES = new Set(
  'UnknownEmailError UnknownUserIdError ForgottenUserError InvalidEmailAddressError InvalidUserIdError'.split(' '),
)
/** Source: recorded 2017 as text and under `BadParams`; block/iterable-go `noUserWithIdExists`; rudder-transformer. */
const NOBODY = /noUserWithIdExists|no user with that id exists|user does not exist|no users? with userId .* exists?/i

/** True for the ways to say it that are known. Of other codes the text proves nothing: it may quote the request. */
function isNobody({ status, json, text }: HttpAnswer): boolean {
  if (status !== 400 && status !== 409) return false
  const code = codeOf(json)
  if (code !== undefined && NOBODY_CODES.has(code)) return true
  if (status === 409 || (json !== undefined && code !== 'BadParams' && code !== 'Success')) return false
  const { msg } = (json ?? {}) as JsonObject
  return NOBODY.test(typeof msg === 'string' ? msg : (text ?? ''))
}

/** A profile by its email; `{}` where there is none. Source: Iterable api-docs.json, users/getByEmail. */
export const byEmail = (email: string, asking: Asking): Promise<JsonObject | undefined> =>
  lookedUp('users/getByEmail', `?email=${encodeURIComponent(email)}`, asking)
