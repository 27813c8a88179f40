import { LakeloopError } from '../../errors.js'
import type { JsonObject } from '../../model/value.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'

/** Who asks. */
export interface Asking {
  readonly client: IterableClient
  readonly signal: AbortSignal
}

/**
 * What a read of one person answers; `undefined`: there is nobody of this name.
 *
 * @param rest  of the path, with the query
 * Throws  DESTINATION_ANSWER_UNCLEAR for any other answer, and for a 200 that says of itself that it failed: it is not the
 *         answer that there is nobody (I10).
 */
export async function lookedUp(
  endpoint: Endpoint,
  rest: string,
  { client, signal }: Asking,
): Promise<JsonObject | undefined> {
  const { status, json } = await client.call(endpoint, signal, undefined, rest)
  if (status === 400 || status === 404) return undefined
  const isObject = typeof json === 'object' && json !== null
  const { code = 'Success' } = (isObject ? json : {}) as JsonObject
  if (status === 200 && isObject && code === 'Success') return json as JsonObject
  throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status}` })
}

/** A profile by its email; `{}` where there is none. Source: Iterable api-docs.json, users/getByEmail. */
export const byEmail = (email: string, asking: Asking): Promise<JsonObject | undefined> =>
  lookedUp('users/getByEmail', `?email=${encodeURIComponent(email)}`, asking)
