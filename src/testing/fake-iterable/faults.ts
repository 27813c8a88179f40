import { envelope, type FakeAnswer, json, text } from './answer.js'

/** What can go wrong with a request. `applied` faults do the work first and then lose the answer. */
export const FAULTS = [
  'throttle',
  'throttle with Retry-After',
  'server error',
  'unavailable',
  'unauthorized',
  'redirect',
  'reset before apply',
  'reset after apply',
  'stalled body',
  'no answer',
  'empty 200',
  'truncated JSON',
  'HTML 200',
  'HTML 502',
  'failed rows',
  'wrong counts',
] as const
export type FaultKind = (typeof FAULTS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** `failed rows`: the addresses to name, and the list to name them in. */
  readonly addresses?: readonly string[]
  readonly list?: string
  /** `throttle with Retry-After`: seconds. Default 1. */
  readonly retryAfterS?: number
}

/** Faults by script and by seed. A scripted fault goes to the next request of its endpoint; a seeded one to any. */
export class Faults {
  readonly #script: { readonly endpoint: string | undefined; readonly fault: Fault }[] = []
  #seeded: { state: number; readonly rate: number; readonly kinds: readonly FaultKind[] } | undefined
  readonly #hits = new Map<FaultKind, number>()

  /** The next request to `endpoint` (e.g. `users/bulkUpdate`; `undefined` is any) meets this. Called again, the one after it. */
  next(endpoint: string | undefined, fault: Fault | FaultKind): this {
    this.#script.push({ endpoint, fault: typeof fault === 'string' ? { kind: fault } : fault })
    return this
  }

  /** From now on, each request meets a fault with probability `rate`: the same seed, the same faults. */
  seeded(seed: number, options: { readonly rate: number; readonly kinds: readonly FaultKind[] }): this {
    this.#seeded = { state: (seed >>> 0) + 1, ...options }
    return this
  }

  /** No fault any more. */
  clear(): void {
    this.#script.length = 0
    this.#seeded = undefined
  }

  /** How often each kind was met. */
  get hits(): Readonly<Partial<Record<FaultKind, number>>> {
    return Object.fromEntries(this.#hits)
  }

  /** For the core: the fault of this request, if any. */
  take(endpoint: string): Fault | undefined {
    const at = this.#script.findIndex((one) => one.endpoint === undefined || one.endpoint === endpoint)
    const fault = at >= 0 ? this.#script.splice(at, 1)[0]?.fault : this.#drawn()
    if (fault !== undefined) this.#hits.set(fault.kind, (this.#hits.get(fault.kind) ?? 0) + 1)
    return fault
  }

  #drawn(): Fault | undefined {
    const seeded = this.#seeded
    if (seeded === undefined || this.#random(seeded) >= seeded.rate) return undefined
    const kind = seeded.kinds[Math.floor(this.#random(seeded) * seeded.kinds.length)]
    return kind === undefined ? undefined : { kind }
  }

  /** mulberry32. */
  #random(seeded: { state: number }): number {
    seeded.state = (seeded.state + 0x6d2b79f5) >>> 0
    let t = Math.imul(seeded.state ^ (seeded.state >>> 15), 1 | seeded.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const THROTTLED = 'Exceeded rate limit of 5.0 per second for endpoint'

/** Faults that answer without doing the work. */
export function instead(fault: Fault, endpoint: string): FakeAnswer | undefined {
  const lost = (how: FakeAnswer['how']): FakeAnswer => ({ status: 200, headers: {}, body: '', how })
  switch (fault.kind) {
    case 'throttle':
      return envelope(429, 'RateLimitExceeded', `${THROTTLED}: /api/${endpoint}, project: 1`, {})
    case 'throttle with Retry-After':
      return json(
        429,
        { msg: THROTTLED, code: 'RateLimitExceeded', params: {} },
        { 'retry-after': String(fault.retryAfterS ?? 1) },
      )
    case 'server error':
      return envelope(500, 'GenericError', 'An error occurred. Please try again later.')
    case 'unavailable':
      return text(503, 'Service Unavailable')
    case 'unauthorized':
      return envelope(401, 'BadApiKey', 'Invalid API key', { ip: '192.0.2.1', endpoint: `/api/${endpoint}` })
    case 'redirect':
      return { status: 307, headers: { location: 'https://elsewhere.example.com/' }, body: '', how: 'answer' }
    case 'HTML 502':
      return text(502, '<html><body>502 Bad Gateway</body></html>', 'text/html')
    case 'reset before apply':
      return lost('reset')
    case 'no answer':
      return lost('silence')
    default:
      return undefined
  }
}

/** Faults that lose or spoil the answer of work that was done. */
export function afterwards(fault: Fault, answer: FakeAnswer): FakeAnswer {
  switch (fault.kind) {
    case 'reset after apply':
      return { ...answer, how: 'reset' }
    case 'stalled body':
      return { ...answer, how: 'stall' }
    case 'empty 200':
      return { ...answer, body: '' }
    case 'truncated JSON':
      return { ...answer, body: answer.body.slice(0, answer.body.length >> 1) }
    case 'HTML 200':
      return text(200, '<html><body>Welcome</body></html>', 'text/html')
    case 'wrong counts': {
      const { successCount = 0, failCount = 0, ...rest } = JSON.parse(answer.body) as Record<string, number>
      return { ...answer, body: JSON.stringify({ ...rest, successCount: successCount - 1, failCount: failCount + 1 }) }
    }
    default:
      return answer
  }
}
