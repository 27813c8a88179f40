import { LakeloopError } from '../../errors.js'
import { ENDPOINTS } from './routes.js'
import { FAILURE_LISTS, type Failing, type FailureList } from './users/bulk.js'

/** What can go wrong with a request. `reset after apply` and the spoilt answers do the work first and then lose the answer. */
export const FAULTS = [
  'throttle',
  'throttle with Retry-After',
  'server error',
  'unavailable',
  'too large',
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
  'failure in 200',
] as const
export type FaultKind = (typeof FAULTS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** `failed rows`: the addresses to name. */
  readonly addresses?: readonly string[]
  /** `failed rows`: the list of `failedUpdates` to name them in. Default `invalidDataEmails`, or `invalidDataUserIds` for what is no email. */
  readonly list?: string
  /** `server error`: what comes instead of 500 `GenericError`; a status from 400 to 599. */
  readonly status?: number
  readonly code?: string
  /** `throttle with Retry-After`: seconds. Default 1. */
  readonly retryAfterS?: number
}

interface Scripted {
  readonly endpoint: string | undefined
  readonly fault: Fault
}

interface Rule {
  readonly endpoint: string | undefined
  readonly matches: (address: string) => boolean
  readonly list: FailureList | undefined
}

/** Faults by script, by rule and by seed. Where several would hit one request: `at`, then `next`, then the seed. */
export class Faults {
  #script: Scripted[] = []
  #rules: Rule[] = []
  readonly #at = new Map<number, Fault>()
  #seeded: { state: number; readonly rate: number; readonly kinds: readonly FaultKind[] } | undefined
  readonly #hits = new Map<FaultKind, number>()
  #requests = 0

  /** The next request to `endpoint` (e.g. `users/bulkUpdate`; `undefined` is any) meets this. Called again, the one after it. Throws OPTION_INVALID. */
  next(endpoint: string | undefined, fault: Fault | FaultKind): this {
    this.#script.push({ endpoint: endpointNamed(endpoint), fault: whole(fault) })
    return this
  }

  /** The `n`th request from now meets this, whatever its endpoint; 1 is the next one. */
  at(n: number, fault: Fault | FaultKind): this {
    this.#at.set(this.#requests + n, whole(fault))
    return this
  }

  /** From now on, rows of these addresses fail, each in `list` (default as for `failed rows`), in every bulk request. */
  refuse(
    addresses: readonly string[] | ((address: string) => boolean),
    options: { readonly list?: string; readonly endpoint?: string } = {},
  ): this {
    const matches = typeof addresses === 'function' ? addresses : (address: string) => addresses.includes(address)
    this.#rules.push({ matches, list: listNamed(options.list), endpoint: endpointNamed(options.endpoint) })
    return this
  }

  /** From now on, each request meets a fault with probability `rate`: the same seed and requests, the same faults. */
  seeded(seed: number, options: { readonly rate: number; readonly kinds: readonly FaultKind[] }): this {
    if (!Number.isInteger(seed)) throw wrong('seed', 'is no whole number')
    if (!(options.rate >= 0 && options.rate <= 1)) throw wrong('rate', 'is from 0 to 1')
    options.kinds.forEach(kindNamed)
    this.#seeded = { state: (seed >>> 0) + 1, ...options }
    return this
  }

  /** No fault any more. `hits` stay. */
  clear(): void {
    this.#script = []
    this.#rules = []
    this.#at.clear()
    this.#seeded = undefined
  }

  /** How often each kind did something to a request; a fault that has no meaning for its request is spent without a hit. */
  get hits(): Readonly<Partial<Record<FaultKind, number>>> {
    return Object.fromEntries(this.#hits)
  }

  /** For the core: the fault of this request, if any. */
  take(endpoint: string): Fault | undefined {
    this.#requests += 1
    const planned = this.#at.get(this.#requests)
    this.#at.delete(this.#requests)
    if (planned !== undefined) return planned
    const at = this.#script.findIndex((one) => one.endpoint === undefined || one.endpoint === endpoint)
    return at >= 0 ? this.#script.splice(at, 1)[0]?.fault : this.#drawn()
  }

  /** For the core: which rows of this request fail. */
  failing(endpoint: string, fault: Fault | undefined): Failing {
    const rules = this.#rules.filter((rule) => rule.endpoint === undefined || rule.endpoint === endpoint)
    if (fault?.kind === 'failed rows') {
      const { addresses = [], list } = fault
      rules.unshift({ endpoint, matches: (address) => addresses.includes(address), list: listNamed(list) })
    }
    let met = false
    return (address) => {
      const rule = rules.find(({ matches }) => matches(address))
      if (rule === undefined) return undefined
      if (!met) this.hit('failed rows')
      met = true
      return rule.list ?? (address.includes('@') ? 'invalidDataEmails' : 'invalidDataUserIds')
    }
  }

  /** For the core: a fault did something. */
  hit(kind: FaultKind): void {
    this.#hits.set(kind, (this.#hits.get(kind) ?? 0) + 1)
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

function whole(fault: Fault | FaultKind): Fault {
  const given: Fault = typeof fault === 'string' ? { kind: fault } : fault
  kindNamed(given.kind)
  listNamed(given.list)
  const { status = 500 } = given
  if (!Number.isInteger(status) || status < 400 || status > 599) throw wrong('status', 'is from 400 to 599')
  return given
}

const wrong = (option: string, problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: 'FakeIterable.faults', option, problem })

/** A name that is misspelt must not be a fault that never comes. */
function kindNamed(kind: FaultKind): void {
  if (!FAULTS.includes(kind)) throw wrong('kind', 'is no fault of the fake')
}

/** As above. */
function endpointNamed(name: string | undefined): string | undefined {
  if (name === undefined || ENDPOINTS.has(name)) return name
  throw wrong('endpoint', 'is no endpoint of the fake')
}

/** A name that is misspelt must not become another list. */
function listNamed(name: string | undefined): FailureList | undefined {
  const list = FAILURE_LISTS.find((one) => one === name)
  if (list !== undefined || name === undefined) return list
  throw wrong('list', 'is no list of failedUpdates')
}
