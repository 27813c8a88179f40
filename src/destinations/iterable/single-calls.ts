import type { Outcome } from '../../model/outcome.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import { codeOf, taken } from './answers.js'
import { type Asking, byEmail, lookedUp } from './look-up.js'
import { parsed } from './payload.js'
import type { WireRequest } from './wire.js'

/** Options of {@link callSingle}. */
export interface CallOptions extends Asking {
  /** True if a former attempt may have been applied: then it is looked up before it is repeated (I2). */
  readonly again: boolean
}

/** What a refusal says of the person. Source: Iterable api-docs.json `IterableApiResponse.code`. */
const ABOUT_PERSON: Readonly<Record<string, string>> = {
  ForgottenUserError: 'USER_FORGOTTEN',
  InvalidEmailAddressError: 'EMAIL_INVALID',
  InvalidUserIdError: 'USER_ID_INVALID',
  UnknownEmailError: 'USER_UNKNOWN',
  UnknownUserIdError: 'USER_UNKNOWN',
}

/**
 * A purchase, a cart, a deletion: one call about one person, once.
 *
 * Repeat  of a purchase and a cart a former attempt is looked up, and what is there already was wanted. The id of a
 *         purchase makes a repeat overwrite it all the same; what it sets off in journeys it would set off twice.
 * Throws  what `apply` may throw.
 */
export async function callSingle(request: WireRequest, options: CallOptions): Promise<Outcome> {
  const { client, signal, again } = options
  const { endpoint, body, wire } = request
  if (again && (await isThere(request, options))) return { status: 'accepted' }
  const sent = endpoint === 'users/delete' ? undefined : body
  const answer = await client.call(endpoint, signal, sent, wire.frame.path)
  const { status, json } = answer
  if (status === 400 || status === 404 || status === 409) {
    const code = codeOf(json)
    if (endpoint === 'users/delete' && isNobody(status, code, json)) return { status: 'accepted' }
    const about = code === undefined ? undefined : ABOUT_PERSON[code]
    if (about !== undefined) return { status: 'rejected', reason: { code: about, facts: {} } }
  }
  taken(request, answer)
  return { status: 'accepted' }
}

/** Who is not there needs not be deleted. Source: recorded 2017, and in rudder-transformer: 400 `BadParams` with such a text. */
function isNobody(status: number, code: string | undefined, json: Json | undefined): boolean {
  const { msg } = (json ?? {}) as JsonObject
  const says = typeof msg === 'string' && /does not exist|no users? with/i.test(msg)
  return status === 404 || (code === 'BadParams' && says) || (code?.startsWith('Unknown') ?? false)
}

const LOOKED_UP: ReadonlyMap<Endpoint, (request: WireRequest, options: CallOptions) => Promise<boolean>> = new Map([
  ['commerce/trackPurchase', purchaseIsThere],
  ['commerce/updateCart', cartIsThere],
])

const isThere = async (request: WireRequest, options: CallOptions): Promise<boolean> =>
  (await LOOKED_UP.get(request.endpoint)?.(request, options)) ?? false

/** Events of a person that one answer has at most. Source: Iterable api-docs.json, events/{email}. */
const EVENTS_MAX = 200

/** Which field of an event holds the id of a purchase is not documented: any that is equal to it does. */
async function purchaseIsThere(request: WireRequest, options: CallOptions): Promise<boolean> {
  const { id } = parsed(request.body)
  const [row] = request.wire.rows
  const path =
    row?.email === undefined
      ? `/byUserId/${encodeURIComponent(row?.userId ?? '')}`
      : `/${encodeURIComponent(row.email)}`
  const events = (await lookedUp('events/get', `${path}?limit=${EVENTS_MAX}`, options))?.events
  return (
    Array.isArray(events) &&
    (events as readonly Json[]).some((event) => isPurchase(event) && holds(event, id as string))
  )
}

const isPurchase = (event: Json): boolean =>
  String((event as JsonObject | null)?.eventType).toLowerCase() === 'purchase'

function holds(value: Json, wanted: string): boolean {
  if (typeof value !== 'object' || value === null) return value === wanted
  return Object.values(value as JsonObject).some((inner) => holds(inner, wanted))
}

/** The cart is a field of the profile. */
async function cartIsThere(request: WireRequest, options: CallOptions): Promise<boolean> {
  const [row] = request.wire.rows
  const answer =
    row?.email === undefined
      ? await lookedUp('users/getById', `/${encodeURIComponent(row?.userId ?? '')}`, options)
      : await byEmail(row.email, options)
  const user = (answer as { readonly user?: { readonly dataFields?: JsonObject } } | undefined)?.user
  const said = (items: Json | undefined): string =>
    JSON.stringify(
      Array.isArray(items)
        ? (items as readonly JsonObject[]).map(({ id, name, price, quantity }) => [id, name, price, quantity])
        : (items ?? null),
    )
  return said(user?.dataFields?.shoppingCartItems) === said(parsed(request.body).items)
}
