import { LakeloopError } from '../../errors.js'
import type { Clock } from '../../transport/clock.js'
import {
  type Fetch,
  type HttpAnswer,
  HttpClient,
  type HttpRequest,
  type HttpStream,
} from '../../transport/http-client.js'
import type { Secret } from '../../transport/secret.js'
import { UndiciExchange } from '../../transport/undici-exchange.js'
import { type Endpoint, PUBLISHED_RATES } from './endpoints.js'
import { HOLD_MS_MAX, pacerOf, type Slot, USED } from './pacer.js'

/** Where an endpoint answers, and how. */
const CALLS: Readonly<Record<Endpoint, { readonly method: HttpRequest['method']; readonly path: string }>> = {
  'users/bulkUpdate': { method: 'POST', path: '/api/users/bulkUpdate' },
  'users/updateEmail': { method: 'POST', path: '/api/users/updateEmail' },
  'users/getFields': { method: 'GET', path: '/api/users/getFields' },
  'users/getByEmail': { method: 'GET', path: '/api/users/getByEmail' },
  'events/trackBulk': { method: 'POST', path: '/api/events/trackBulk' },
  'lists/get': { method: 'GET', path: '/api/lists' },
  'lists/getUsers': { method: 'GET', path: '/api/lists/getUsers' },
  'lists/size': { method: 'GET', path: '/api/lists' },
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
  'export/data': { method: 'GET', path: '/api/export/data.json' },
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
  /** What carries requests. Default `fetch`. */
  readonly transport?: 'fetch' | 'undici' | undefined
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
  readonly #undici: UndiciExchange | undefined

  constructor(options: IterableClientOptions) {
    this.#options = options
    const undici = options.transport === 'undici' ? new UndiciExchange() : undefined
    this.#undici = undici
    this.#http = new HttpClient({ ...options, exchange: undici && ((url, sent) => undici.send(url, sent)) })
  }

  /** Ends the sockets that are its own. Idempotent. */
  async close(): Promise<void> {
    await this.#undici?.close()
  }

  /** @param rest  of the path, with the query: appended as it is, so already encoded. */
  async call(endpoint: Endpoint, signal: AbortSignal, body?: Uint8Array, rest = ''): Promise<HttpAnswer> {
    return await this.#asked(endpoint, signal, rest, (request) => this.#http.send(request, signal), body)
  }

  /** As `call`, for an answer of any length: it is read as it comes. */
  async stream(endpoint: Endpoint, signal: AbortSignal, rest = ''): Promise<HttpStream> {
    return await this.#asked(endpoint, signal, rest, (request) => this.#http.stream(request, signal))
  }

  /** Waits for a slot, sends, and judges the status. */
  async #asked<T extends Pick<HttpAnswer, 'status' | 'afterMs'>>(
    endpoint: Endpoint,
    signal: AbortSignal,
    rest: string,
    send: (request: HttpRequest) => Promise<T>,
    body?: Uint8Array,
  ): Promise<T> {
    const { apiKey } = this.#options
    const { method, path } = CALLS[endpoint]
    const once = async (key: string): Promise<T> => {
      const headers = { 'api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const slot = await this.#slot(endpoint, signal)
      const answer = await send({ endpoint, method, path: path + rest, headers, body })
      if (answer.status === 429) slot.throttled(answer.afterMs)
      else slot.answered()
      return answer
    }
    const key = await apiKey.reveal()
    let answer = await once(key)
    if (answer.status === 401 && (await apiKey.renew(key))) answer = await once(await apiKey.reveal())
    const { status, afterMs } = answer
    if (status === 401 || status === 403) throw new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint, status })
    if (status === 429) {
      const facts = afterMs === undefined ? { endpoint } : { endpoint, afterMs: Math.min(afterMs, HOLD_MS_MAX) }
      throw new LakeloopError('DESTINATION_THROTTLED', facts)
    }
    return answer
  }

  /** Starts of requests per second that slots are given out for while nothing is refused. */
  perSecond(endpoint: Endpoint): number {
    return this.#rate(endpoint) * USED
  }

  #rate(endpoint: Endpoint): number {
    const { rates, share } = this.#options
    return (rates[endpoint] ?? PUBLISHED_RATES[endpoint]) * share
  }

  #slot(endpoint: Endpoint, signal: AbortSignal): Promise<Slot> {
    const { project, clock } = this.#options
    const pacer = pacerOf({ baseUrl: this.#http.baseUrl, project, endpoint }, clock)
    return pacer.slot(this.#rate(endpoint), signal)
  }
}
