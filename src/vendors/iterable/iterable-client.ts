import { LakeloopError } from '../../errors.js'
import type { Clock } from '../../transport/clock.js'
import { type Fetch, type HttpAnswer, HttpClient, type HttpRequest } from '../../transport/http-client.js'
import type { Secret } from '../../transport/secret.js'
import { type Endpoint, PUBLISHED_RATES } from './endpoints.js'
import { HOLD_MS_MAX, pacerOf, type Slot } from './pacer.js'

/** Where an endpoint answers, and how. */
const CALLS: Readonly<Record<Endpoint, { readonly method: HttpRequest['method']; readonly path: string }>> = {
  'users/bulkUpdate': { method: 'POST', path: '/api/users/bulkUpdate' },
  'users/updateEmail': { method: 'POST', path: '/api/users/updateEmail' },
  'users/getFields': { method: 'GET', path: '/api/users/getFields' },
  'users/getByEmail': { method: 'GET', path: '/api/users/getByEmail' },
  'events/trackBulk': { method: 'POST', path: '/api/events/trackBulk' },
  'lists/get': { method: 'GET', path: '/api/lists' },
  'lists/create': { method: 'POST', path: '/api/lists' },
  'lists/subscribe': { method: 'POST', path: '/api/lists/subscribe' },
  'lists/unsubscribe': { method: 'POST', path: '/api/lists/unsubscribe' },
  'users/bulkUpdateSubscriptions': { method: 'POST', path: '/api/users/bulkUpdateSubscriptions' },
  'users/getById': { method: 'GET', path: '/api/users/byUserId' },
  'users/delete': { method: 'DELETE', path: '/api/users' },
  'users/forget': { method: 'POST', path: '/api/users/forget' },
  'events/get': { method: 'GET', path: '/api/events' },
  'commerce/trackPurchase': { method: 'POST', path: '/api/commerce/trackPurchase' },
  'commerce/updateCart': { method: 'POST', path: '/api/commerce/updateCart' },
  'catalogs/create': { method: 'POST', path: '/api/catalogs' },
  'catalogs/items': { method: 'POST', path: '/api/catalogs' },
  'catalogs/removeItems': { method: 'DELETE', path: '/api/catalogs' },
  'catalogs/getMappings': { method: 'GET', path: '/api/catalogs' },
  'catalogs/putMappings': { method: 'PUT', path: '/api/catalogs' },
}

export interface IterableClientOptions {
  readonly baseUrl: string
  readonly project: string
  readonly apiKey: Secret
  /** Share of the published rates to use, so that the customer's other tools have head-room. Above 0, at most 1. */
  readonly share: number
  /** Requests per second, instead of the published ones. */
  readonly rates: Readonly<Partial<Record<Endpoint, number>>>
  readonly timeoutMs: number
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
}

/**
 * Calls Iterable once: waits for a slot, sends, reads.
 *
 * Throws  what {@link HttpClient} throws; DESTINATION_UNAUTHORIZED for 401 and 403, after a function that gives the key
 *         was asked for another one once; DESTINATION_THROTTLED with `afterMs` (at most 60,000) for 429.
 *         Other statuses are answers.
 */
export class IterableClient {
  readonly #options: IterableClientOptions
  readonly #http: HttpClient

  constructor(options: IterableClientOptions) {
    this.#options = options
    this.#http = new HttpClient(options)
  }

  /** @param rest  of the path, with the query: appended as it is, so already encoded. */
  async call(endpoint: Endpoint, signal: AbortSignal, body?: Uint8Array, rest = ''): Promise<HttpAnswer> {
    const { apiKey } = this.#options
    const key = await apiKey.reveal()
    let answer = await this.#once(endpoint, key, signal, body, rest)
    if (answer.status === 401 && (await apiKey.renew(key))) {
      answer = await this.#once(endpoint, await apiKey.reveal(), signal, body, rest)
    }
    const { status } = answer
    if (status === 401 || status === 403) throw new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint, status })
    if (status === 429) {
      const { afterMs } = answer
      const facts = afterMs === undefined ? { endpoint } : { endpoint, afterMs: Math.min(afterMs, HOLD_MS_MAX) }
      throw new LakeloopError('DESTINATION_THROTTLED', facts)
    }
    return answer
  }

  async #once(
    endpoint: Endpoint,
    key: string,
    signal: AbortSignal,
    body: Uint8Array | undefined,
    rest: string,
  ): Promise<HttpAnswer> {
    const { method, path } = CALLS[endpoint]
    const headers = { 'api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const slot = await this.#slot(endpoint, signal)
    const answer = await this.#http.send({ endpoint, method, path: path + rest, headers, body }, signal)
    if (answer.status === 429) slot.throttled(answer.afterMs)
    else slot.answered()
    return answer
  }

  #slot(endpoint: Endpoint, signal: AbortSignal): Promise<Slot> {
    const { project, share, rates, clock } = this.#options
    const pacer = pacerOf({ baseUrl: this.#http.baseUrl, project, endpoint }, clock)
    return pacer.slot((rates[endpoint] ?? PUBLISHED_RATES[endpoint]) * share, signal)
  }
}
