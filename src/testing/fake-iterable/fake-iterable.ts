import { setTimeout as sleep } from 'node:timers/promises'
import { LakeloopError } from '../../errors.js'
import { download } from './export/files.js'
import type { Exports } from './export/jobs.js'
import { type Fault, Faults } from './faults.js'
import { Keys } from './keys.js'
import type { Ledger } from './ledger.js'
import { checkOptions, type FakeIterableOptions } from './options.js'
import { Activity } from './page/activity.js'
import { control } from './page/control.js'
import { type HappeningGiven, Project } from './project.js'
import type { Call, Route } from './route.js'
import { ENDPOINTS, ROUTES } from './routes.js'
import { envelope, type FakeAnswer, type FakeRequest, json, Refused, text } from './wire/answer.js'
import { afterwards, instead } from './wire/fault-answers.js'
import { openDoor } from './wire/http-door.js'
import { mswDoor } from './wire/msw-door.js'
import { PUBLISHED, RateLimiter } from './wire/rates.js'

/** Source: SW (4 MB for bulkUpdate); the others are taken to be the same (unsure). */
const BODY_MAX = 4_000_000

/** Source: VCR 2017. */
const NOT_FOUND = text(404, '<html><head><title>Action not found</title></head></html>', 'text/html')

/**
 * A strict fake of Iterable's API: types, identifiers, limits, rates, failure lists and error bodies as the sources say
 * (each rule names its own), and faults on demand. It shares no code with the destination, so that one checks the other.
 *
 * One core, two doors: `listen` (a real HTTP server, on which faults act on the socket) and `mswHandlers`.
 * Throws  OPTION_INVALID at construction.
 */
export class FakeIterable {
  readonly #options: FakeIterableOptions
  #faults = new Faults()
  #project: Project
  #limiter: RateLimiter
  #keys: Keys
  #activity: Activity

  constructor(options: FakeIterableOptions) {
    checkOptions(options)
    checkRates(options)
    this.#options = options
    this.#project = new Project(options)
    this.#limiter = this.#freshLimiter()
    this.#keys = new Keys(options, this.#project.unsure)
    this.#activity = new Activity(this.#project.now)
  }

  /** What was applied, in order, and what is stored. */
  get ledger(): Ledger {
    this.#project.catchUp()
    return this.#project.ledger
  }

  /** What shall go wrong, and how often it did. */
  get faults(): Faults {
    return this.#faults
  }

  /** What was asked of late. */
  get activity(): Activity {
    return this.#activity
  }

  get projectType(): string {
    return this.#options.projectType
  }

  /** Something that Iterable did or saw (a send, an open, a bounce), for exports to show. Throws TypeError for an unknown data type. */
  happened(happening: HappeningGiven): void {
    this.#project.happened(happening)
  }

  /** The export jobs: to be looked at, failed and put back into the queue. */
  get exports(): Exports {
    return this.#project.exports
  }

  /** From now on every key is refused with 401. */
  revoke(): void {
    this.#keys.revoke()
  }

  /** As it was made: nobody in it, a new ledger and new faults. What listens goes on listening. */
  reset(): void {
    this.#project = new Project(this.#options)
    this.#limiter = this.#freshLimiter()
    this.#keys = new Keys(this.#options, this.#project.unsure)
    this.#activity = new Activity(this.#project.now)
    this.#faults = new Faults()
  }

  /**
   * The core: what one request gets. The work is done at once, whole and alone; the answer comes after `latencyMs`.
   *
   * Order  of what is looked at: path, key, rate, fault, size, body.
   */
  async handle(request: FakeRequest, signal?: AbortSignal): Promise<FakeAnswer> {
    const aside = control(this, request)
    if (aside !== undefined) return aside
    const answer = this.#handle(request)
    this.#activity.saw(request, answer)
    const { latencyMs = 0 } = this.#options
    if (latencyMs > 0) await sleep(latencyMs, undefined, signal === undefined ? {} : { signal })
    return answer
  }

  #handle(request: FakeRequest): FakeAnswer {
    this.#project.catchUp()
    const file = download(this.#project, request)
    if (file !== undefined) return this.#counted('export-files', file)
    const [path = ''] = request.path.split('?')
    const below = path.startsWith('/api/') ? path.slice('/api/'.length) : undefined
    const ways = ROUTES.filter(({ method }) => below !== undefined && method === request.method)
    const route = ways.find((one) => one.match(below ?? '') !== undefined)
    const answer = route === undefined ? NOT_FOUND : this.#answer(request, route, route.match(below ?? '') ?? [])
    return this.#counted(route?.endpoint ?? 'unknown', answer)
  }

  #counted(endpoint: string, answer: FakeAnswer): FakeAnswer {
    this.ledger.answered(endpoint, answer.how === 'answer' ? answer.status : answer.how)
    return answer
  }

  #answer(request: FakeRequest, route: Route, parts: readonly string[]): FakeAnswer {
    const { endpoint } = route
    const refused = this.#keys.refusal(request, route) ?? this.#overRate(endpoint)
    if (refused !== undefined) return refused
    const fault = this.#faults.take(endpoint)
    const lost = fault && instead(fault, endpoint)
    if (fault !== undefined && lost !== undefined) {
      this.#faults.hit(fault.kind)
      return { ...lost, fault: fault.kind }
    }
    const answer = this.#worked({ request, parts }, route, fault)
    const spoilt = fault && afterwards(fault, answer)
    if (fault === undefined || spoilt === undefined) return answer
    this.#faults.hit(fault.kind)
    return { ...spoilt, fault: fault.kind }
  }

  #worked(asked: Pick<Call, 'request' | 'parts'>, { endpoint, answer }: Route, fault: Fault | undefined): FakeAnswer {
    if (asked.request.body.byteLength > BODY_MAX) {
      return this.#project.unsure.tooLarge === '413'
        ? text(413, 'Payload Too Large')
        : envelope(400, 'BatchTooLarge', 'The batch is too large')
    }
    try {
      return this.#grown(answer({ ...asked, project: this.#project, failing: this.#faults.failing(endpoint, fault) }))
    } catch (error) {
      if (error instanceof Refused) return error.answer
      throw error
    }
  }

  /** With a field that came later, where answers may have one. Source: AE conventions. */
  #grown(answer: FakeAnswer): FakeAnswer {
    if (!this.#project.unsure.moreFields || answer.headers['content-type'] !== 'application/json') return answer
    return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), addedLater: { as: ['of', 1] } }) }
  }

  /** Source: VCR `Iterable_JsonExporter` (429 without Retry-After). */
  #overRate(endpoint: string): FakeAnswer | undefined {
    const broken = this.#limiter.broken(endpoint)
    if (broken === undefined) return undefined
    const msg = `Exceeded rate limit of ${broken.words} for endpoint: /api/${endpoint}, project: 1`
    const when = this.#project.unsure.retryAfter ? { 'retry-after': String(broken.retryAfterS) } : {}
    return json(429, { msg, code: 'RateLimitExceeded', params: {} }, when)
  }

  #freshLimiter(): RateLimiter {
    const { rates = 'published', now = () => Date.now() } = this.#options
    const limits = rates === 'off' ? {} : rates === 'published' ? PUBLISHED : { ...PUBLISHED, ...rates }
    return new RateLimiter(limits, now, this.#project.unsure.limiter)
  }

  /** A real server on 127.0.0.1, on a free port unless one is given. `close` ends its sockets and what it still waits for. */
  listen(options: { readonly port?: number } = {}): Promise<{ readonly url: string; close(): Promise<void> }> {
    return openDoor((request, signal) => this.handle(request, signal), options.port ?? 0)
  }

  /** Handlers for `setupServer(...handlers)` of msw, which must be installed. Throws PEER_MISSING. */
  mswHandlers(baseUrl: string): Promise<readonly unknown[]> {
    return mswDoor((request) => this.handle(request), baseUrl)
  }
}

/** Throws OPTION_INVALID: a name that is misspelt must not be a limit that nothing meets. */
function checkRates({ rates }: FakeIterableOptions): void {
  if (typeof rates !== 'object') return
  const wrong = Object.keys(rates).find((name) => !ENDPOINTS.has(name))
  if (wrong === undefined) return
  const problem = 'is no endpoint of the fake'
  throw new LakeloopError('OPTION_INVALID', { part: 'FakeIterable', option: `rates.${wrong}`, problem })
}
