import { envelope, type FakeAnswer, type FakeRequest, json, Refused, text } from './answer.js'
import { eventsOf, trackBulk, trackOne } from './events.js'
import { afterwards, type Fault, Faults, instead } from './faults.js'
import { openDoor } from './http-door.js'
import type { Ledger } from './ledger.js'
import { changeMembers, createList, getLists, listSize, listUsers } from './lists.js'
import { mswDoor } from './msw-door.js'
import type { FakeIterableOptions } from './options.js'
import { FAILURE_LISTS, type FailureList, Project } from './project.js'
import { PUBLISHED, RateLimiter } from './rates.js'
import { bulkUpdate, forget, getFields, getUser, getUserById, update, updateEmail } from './users.js'

/** Source: SW (4 MB for bulkUpdate); the others are taken to be the same (unsure). */
const BODY_MAX = 4_000_000

type Handler = (request: FakeRequest, parts: readonly string[], failing: ReadonlyMap<string, FailureList>) => FakeAnswer

/**
 * A strict fake of Iterable's API: types, identifiers, limits, rates, failure lists and error bodies as the sources say
 * (each rule names its own), and faults on demand. It shares no code with the destination, so that one checks the other.
 *
 * One core, two doors: `listen` (a real HTTP server, on which faults act on the socket) and `mswHandlers`.
 */
export class FakeIterable {
  readonly faults = new Faults()
  readonly #project: Project
  readonly #limiter: RateLimiter
  readonly #routes: readonly (readonly [method: string, path: RegExp, endpoint: string, handler: Handler])[]
  #apiKey: string | undefined

  constructor(options: FakeIterableOptions) {
    this.#project = new Project(options)
    this.#apiKey = options.apiKey ?? 'fake-key'
    const { rates = 'published' } = options
    const limits = rates === 'off' ? {} : rates === 'published' ? PUBLISHED : { ...PUBLISHED, ...rates }
    this.#limiter = new RateLimiter(limits, this.#project.now)
    this.#routes = routes(this.#project)
  }

  /** What was applied, in order, and what is stored. */
  get ledger(): Ledger {
    return this.#project.ledger
  }

  /** From now on every key is refused with 401. */
  revoke(): void {
    this.#apiKey = undefined
  }

  /** The core: what one request gets. Faults have their say before and after. */
  handle(request: FakeRequest): FakeAnswer {
    const [path = ''] = request.path.split('?')
    const route = this.#routes.find(([method, form]) => method === request.method && form.test(path))
    if (route === undefined) return text(404, '<html><head><title>Action not found</title></head></html>', 'text/html') // VCR 2017
    const [, form, endpoint, handler] = route
    const fault = this.faults.take(endpoint)
    const lost = fault === undefined ? undefined : instead(fault, endpoint)
    const answer =
      lost ?? this.#answer(request, endpoint, () => handler(request, form.exec(path)?.slice(1) ?? [], failingOf(fault)))
    const ended = fault === undefined || answer.status !== 200 ? answer : afterwards(fault, answer)
    this.ledger.answered(endpoint, ended.how === 'answer' ? ended.status : ended.how)
    return ended
  }

  #answer(request: FakeRequest, endpoint: string, work: () => FakeAnswer): FakeAnswer {
    const key = request.headers['api-key'] ?? request.headers.api_key
    if (this.#apiKey === undefined || key !== this.#apiKey) {
      const params = { ip: '192.0.2.1', endpoint: `/api/${endpoint}` }
      return envelope(401, 'BadApiKey', 'Invalid API key', params) // RT dataDelivery/network.ts
    }
    if (!this.#limiter.admits(endpoint)) {
      const msg = `Exceeded rate limit for endpoint: /api/${endpoint}, project: 1`
      return envelope(429, 'RateLimitExceeded', msg, {}) // VCR Iterable_JsonExporter: no Retry-After
    }
    if (request.body.byteLength > BODY_MAX) {
      return this.#project.unsure.tooLarge === '413'
        ? text(413, 'Payload Too Large')
        : envelope(400, 'BatchTooLarge', 'The batch is too large')
    }
    try {
      return work()
    } catch (error) {
      if (error instanceof Refused) return error.answer
      throw error
    }
  }

  /** A real server on 127.0.0.1. `close` ends its sockets too. */
  listen(options: { readonly port?: number } = {}): Promise<{ readonly url: string; close(): Promise<void> }> {
    return openDoor((request) => this.handle(request), options.port ?? 0)
  }

  /** Handlers for `setupServer(...handlers)` of msw, which must be installed. Throws PEER_MISSING. */
  mswHandlers(baseUrl: string): Promise<readonly unknown[]> {
    return mswDoor((request) => this.handle(request), baseUrl)
  }
}

function failingOf(fault: Fault | undefined): ReadonlyMap<string, FailureList> {
  if (fault?.kind !== 'failed rows') return new Map()
  const list = FAILURE_LISTS.find((name) => name === fault.list) ?? 'invalidDataEmails'
  return new Map((fault.addresses ?? []).map((address) => [address, list]))
}

function routes(project: Project): readonly (readonly [string, RegExp, string, Handler])[] {
  const part = (parts: readonly string[]): string => decodeURIComponent(parts[0] ?? '')
  const query = ({ path }: FakeRequest): URLSearchParams => new URLSearchParams(path.split('?')[1] ?? '')
  return [
    ['GET', /^\/api\/users\/getFields$/, 'users/getFields', () => getFields(project)],
    [
      'GET',
      /^\/api\/users\/getByEmail$/,
      'users/getByEmail',
      (request) => getUser(project, query(request).get('email') ?? ''),
    ],
    ['GET', /^\/api\/users\/byUserId\/([^/]+)$/, 'users/byUserId', (_, parts) => getUserById(project, part(parts))],
    ['GET', /^\/api\/users\/([^/]+)$/, 'users/get', (_, parts) => getUser(project, part(parts))],
    ['POST', /^\/api\/users\/update$/, 'users/update', ({ body }) => update(project, body)],
    [
      'POST',
      /^\/api\/users\/bulkUpdate$/,
      'users/bulkUpdate',
      ({ body }, _, failing) => bulkUpdate(project, body, failing),
    ],
    ['POST', /^\/api\/users\/updateEmail$/, 'users/updateEmail', ({ body }) => updateEmail(project, body)],
    ['POST', /^\/api\/users\/forget$/, 'users/forget', ({ body }) => forget(project, body)],
    ['POST', /^\/api\/events\/track$/, 'events/track', ({ body }) => trackOne(project, body)],
    [
      'POST',
      /^\/api\/events\/trackBulk$/,
      'events/trackBulk',
      ({ body }, _, failing) => trackBulk(project, body, failing),
    ],
    ['GET', /^\/api\/events\/([^/]+)$/, 'events/get', (_, parts) => eventsOf(project, part(parts))],
    ['GET', /^\/api\/lists$/, 'lists', () => getLists(project)],
    ['POST', /^\/api\/lists$/, 'lists/create', ({ body }) => createList(project, body)],
    [
      'POST',
      /^\/api\/lists\/subscribe$/,
      'lists/subscribe',
      ({ body }, _, failing) => changeMembers(project, body, 'subscribe', failing),
    ],
    [
      'POST',
      /^\/api\/lists\/unsubscribe$/,
      'lists/unsubscribe',
      ({ body }, _, failing) => changeMembers(project, body, 'unsubscribe', failing),
    ],
    [
      'GET',
      /^\/api\/lists\/getUsers$/,
      'lists/getUsers',
      (request) => listUsers(project, Number(query(request).get('listId'))),
    ],
    ['GET', /^\/api\/lists\/(\d+)\/size$/, 'lists/size', (_, parts) => listSize(project, Number(parts[0]))],
    ['GET', /^\/api\/channels$/, 'channels', () => json(200, { channels: [] })],
  ]
}
