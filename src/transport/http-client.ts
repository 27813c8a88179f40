import { type ErrorFacts, isLakeloopError, LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import { type Clock, orAborted, systemClock } from './clock.js'
import type { Exchange, Exchanged } from './exchange.js'

export type Fetch = typeof globalThis.fetch

/** Options of {@link HttpClient}. */
export interface HttpClientOptions {
  /** `https`, or `http` to this machine itself. Without credentials, query or fragment. */
  readonly baseUrl: string
  /** One deadline over headers and body, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Bytes of an answer after decompression. Default 8 MiB. */
  readonly answerBytesMax?: number | undefined
  readonly fetch?: Fetch | undefined
  /** Instead of ky and a fetch. */
  readonly exchange?: Exchange | undefined
  readonly clock?: Clock | undefined
}

export interface HttpRequest {
  /** What errors call it. Never holds an address or a query. */
  readonly endpoint: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Under the base URL, with its query. Never appears in an error. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
}

export interface HttpAnswer {
  readonly status: number
  /** From `Retry-After`, in either of its forms; not capped. */
  readonly afterMs?: number
  /** The server's clock, from `Date`, in ms since 1970. */
  readonly dateMs?: number
  /** The body. Always there for a 2xx; `undefined` for another status whose body is no JSON. */
  readonly json: Json | undefined
  /** The first characters of a body that is no JSON, where the status is no 2xx. May quote the request: never in an error. */
  readonly text?: string
}

/** An answer that is read as it comes. */
export interface HttpStream extends Omit<HttpAnswer, 'json' | 'text'> {
  readonly parts: AsyncIterable<Uint8Array>
}

/** Failures of the connection that may be named in an error. Whatever else a fetch reports is `network error`. */
const NAMED = new Set(
  'ECONNRESET ECONNREFUSED ECONNABORTED EPIPE ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE ERR_TLS_CERT_ALTNAME_INVALID UND_ERR_SOCKET UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT'.split(
    ' ',
  ),
)

const BROKE_OFF = 'something that broke off'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Sends one request, once, and reads its answer whole.
 *
 * Repeat  never: retrying, splitting and waiting are the engine's.
 * Throws  DESTINATION_UNREACHABLE if nothing came back; DESTINATION_ANSWER_UNCLEAR if a 2xx came back late, broken,
 *         empty, too large or as no JSON, or a 400 or 409 broken (I10); DESTINATION_REDIRECTED; ABORTED when `signal` was.
 * Upholds I7: errors are made of an allow-list, what was caught is behind `causeOf`. I10. I12.
 * Source  ky 1.14 on Node 20: its timeout ends at the headers, an empty 200 is "", a 307 carries the key elsewhere.
 */
export class HttpClient {
  readonly baseUrl: string
  readonly #timeoutMs: number
  readonly #answerBytesMax: number
  readonly #clock: Clock
  readonly #fetch: Fetch | undefined
  #way: Promise<Exchange> | undefined

  constructor(options: HttpClientOptions) {
    this.baseUrl = checkedBase(options.baseUrl)
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#answerBytesMax = options.answerBytesMax ?? 8 * 1024 * 1024
    this.#clock = options.clock ?? systemClock
    this.#fetch = options.fetch
    if (options.exchange !== undefined) this.#way = Promise.resolve(options.exchange)
  }

  /** Loaded at the first request: a host that only imports us does not pay for it. */
  #client(): Promise<Exchange> {
    this.#way ??= import('ky').then(({ default: ky }): Exchange => {
      const client = ky.create({
        retry: 0,
        timeout: false,
        throwHttpErrors: false,
        redirect: 'manual',
        ...(this.#fetch === undefined ? {} : { fetch: this.#fetch }),
      })
      return (url, { body, ...sent }) =>
        client(url, { ...sent, ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }) })
    })
    return this.#way
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    if (signal.aborted) throw new LakeloopError('ABORTED')
    return await this.#awaited(request, signal, (either) => this.#exchange(request, either))
  }

  /**
   * Sends one request, once, and gives its answer as it comes: for bodies without a bound.
   *
   * Throws  as `send`; from the body, DESTINATION_ANSWER_UNCLEAR where it breaks off, or nothing comes for `timeoutMs`.
   */
  async stream(request: HttpRequest, signal: AbortSignal): Promise<HttpStream> {
    if (signal.aborted) throw new LakeloopError('ABORTED')
    const response = await this.#awaited(request, signal, (either) => this.#fetched(request, either))
    this.#assertHere(request, response)
    const afterMs = retryAfter(response.headers)
    return {
      status: response.status,
      ...(afterMs === undefined ? {} : { afterMs }),
      parts: this.#parts(request, response, signal),
    }
  }

  async *#parts(request: HttpRequest, response: Exchanged, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    try {
      for (;;) {
        const next = await this.#awaited(request, signal, (either) =>
          orAborted(reader.read(), either).catch((cause: unknown) => {
            throw unclear(request, 'something that broke off', cause)
          }),
        )
        if (next.done) return
        yield next.value
      }
    } finally {
      reader.cancel().catch(() => {})
    }
  }

  /** One step of an exchange, within the deadline. */
  async #awaited<T>(request: HttpRequest, signal: AbortSignal, step: (either: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController()
    const done = new AbortController()
    this.#clock.sleep(this.#timeoutMs, done.signal).then(
      () => late.abort(),
      () => {},
    )
    try {
      return await step(AbortSignal.any([signal, late.signal]))
    } catch (error) {
      if (signal.aborted) throw new LakeloopError('ABORTED', {}, error)
      if (late.signal.aborted)
        throw unclear(request, `nothing whole within ${this.#timeoutMs} ms`, error, { late: true })
      throw error
    } finally {
      done.abort()
    }
  }

  #assertHere(request: HttpRequest, response: Exchanged): void {
    const { status } = response
    if (status !== 0 && !response.redirected && (status < 300 || status >= 400)) return
    discard(response)
    throw new LakeloopError('DESTINATION_REDIRECTED', { endpoint: request.endpoint, status })
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const response = await this.#fetched(request, signal)
    this.#assertHere(request, response)
    const { status } = response
    const afterMs = retryAfter(response.headers)
    const dateMs = Date.parse(response.headers.get('date') ?? '')
    const rest = { ...(afterMs === undefined ? {} : { afterMs }), ...(Number.isNaN(dateMs) ? {} : { dateMs }) }
    if (status >= 200 && status < 300) return { status, ...rest, json: await this.#body(request, response, signal) }
    try {
      return { status, ...rest, ...said(await this.#read(request, response, signal)) }
    } catch (error) {
      // These two say in the body what was refused, and whether for now: half of it is no answer.
      if ((status === 400 || status === 409) && isLakeloopError(error) && error.facts.problem === BROKE_OFF) throw error
      return { status, ...rest, json: undefined } // the status alone has said it
    }
  }

  async #fetched(request: HttpRequest, signal: AbortSignal): Promise<Exchanged> {
    const body = request.body === undefined ? {} : { body: request.body }
    const { method, headers } = request
    const exchange = await this.#client()
    try {
      return await orAborted(exchange(this.baseUrl + request.path, { method, headers, signal, ...body }), signal)
    } catch (cause) {
      if (isLakeloopError(cause, 'PEER_MISSING')) throw cause
      throw new LakeloopError('DESTINATION_UNREACHABLE', { endpoint: request.endpoint, problem: named(cause) }, cause)
    }
  }

  async #body(request: HttpRequest, response: Exchanged, signal: AbortSignal): Promise<Json> {
    const bytes = await this.#read(request, response, signal)
    if (bytes.length === 0) throw unclear(request, 'nothing: the body is empty')
    try {
      return JSON.parse(bytes.toString('utf8')) as Json
    } catch (cause) {
      throw unclear(request, 'something that is no JSON', cause)
    }
  }

  async #read(request: HttpRequest, response: Exchanged, signal: AbortSignal): Promise<Buffer> {
    const reader = response.body?.getReader()
    if (reader === undefined) return Buffer.alloc(0)
    const parts: Uint8Array[] = []
    let size = 0
    try {
      for (;;) {
        const next = await orAborted(reader.read(), signal)
        if (next.done) return Buffer.concat(parts, size)
        size += next.value.length
        if (size > this.#answerBytesMax) break
        parts.push(next.value)
      }
    } catch (cause) {
      reader.cancel().catch(() => {})
      throw unclear(request, BROKE_OFF, cause)
    }
    reader.cancel().catch(() => {})
    throw unclear(request, `more than ${this.#answerBytesMax} bytes`)
  }
}

/** Bytes of a {@link HttpAnswer.text} at most. */
const TEXT_MAX = 200

function said(bytes: Buffer): Pick<HttpAnswer, 'json' | 'text'> {
  try {
    return { json: JSON.parse(bytes.toString('utf8')) as Json }
  } catch {
    return { json: undefined, text: bytes.toString('utf8', 0, TEXT_MAX) }
  }
}

function checkedBase(given: string): string {
  const refuse = (problem: string): never => {
    throw new LakeloopError('OPTION_INVALID', { part: 'transport', option: 'baseUrl', problem })
  }
  let url: URL
  try {
    url = new URL(given)
  } catch {
    return refuse('is no URL')
  }
  const plain = url.protocol === 'http:' && LOOPBACK.has(url.hostname)
  if (url.protocol !== 'https:' && !plain) refuse('must be https, or http to this machine itself')
  if (url.username !== '' || url.password !== '') refuse('must not hold a credential')
  if (url.search !== '' || url.hash !== '') refuse('must not hold a query or a fragment')
  return url.href.replace(/\/+$/, '')
}

/** The first name of a known failure along the causes; a fetch wraps what happened once or twice. */
function named(error: unknown): string {
  let at: unknown = error
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth += 1) {
    const { code, cause } = at as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && NAMED.has(code)) return code
    at = cause
  }
  return 'network error'
}

/** A point in time is read against the server's own clock, the `Date` header: ours may be wrong. */
function retryAfter(headers: Exchanged['headers']): number | undefined {
  const given = headers.get('retry-after')
  if (given === null) return undefined
  if (/^\d{1,9}$/.test(given.trim())) return Number(given) * 1000
  const waitMs = Date.parse(given) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}

function discard(response: Exchanged): void {
  response.body?.cancel().catch(() => {})
}

function unclear(request: HttpRequest, problem: string, cause?: unknown, more: ErrorFacts = {}): LakeloopError {
  return new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: request.endpoint, problem, ...more }, cause)
}
