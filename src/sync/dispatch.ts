import { setImmediate } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Delivery, PreparedRequest } from '../destinations/destination.js'
import { suspectsOf } from '../destinations/suspects.js'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { ActionBlock } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Clock } from './clock.js'
import { hit } from './failpoint.js'
import { RetryBudget, type RetryLimits, retrying } from './retry.js'

/** What one request came to, told as soon as it is known, so that it can be remembered at once. */
export interface Settled {
  readonly endpoint: string
  /** Index into the block and what became of that action. */
  readonly outcomes: readonly (readonly [action: number, outcome: Outcome])[]
  readonly bytes: number
  /** Requests that it took, those before it was split included. */
  readonly attempts: number
  /** From the first of them to the answer. */
  readonly ms: number
}

/** What a caller does about the requests of one block. */
export interface Sent {
  readonly onSettled: (settled: Settled) => Promise<void>
  /** Writes down that these actions are about to be sent, for requests with `intent`; before each first attempt. */
  readonly onIntent?: ((actions: readonly number[]) => Promise<void>) | undefined
  /** True if a run that died may have sent this action. */
  readonly maybeSent?: ((action: number) => boolean) | undefined
  /** What has become of all of these meanwhile, so that nothing needs to be asked; asked when whatever goes before is settled. */
  readonly known?: ((actions: readonly number[]) => Promise<readonly Outcome[] | undefined>) | undefined
}

export interface DispatchOptions {
  readonly delivery: Delivery
  readonly clock: Clock
  readonly limits: RetryLimits
  /** Aborted: nothing new is sent, and a request that is on its way is given up as unknown. */
  readonly signal: AbortSignal
  /** Requests on their way at once. */
  readonly concurrency: number
  /** Whom an action is about, where the block does not say it: what keeps requests in their order. */
  readonly about?: ((block: ActionBlock, action: number) => readonly string[]) | undefined
  readonly onRequest?: (endpoint: string) => void
  readonly onThrottle?: (endpoint: string, waitMs: number) => void
}

/**
 * Sends requests until each of their actions has an outcome: the one place where anything is asked again.
 *
 * Order   a request that shares an address with an earlier one starts after that one is settled, bisection included, and
 *         does not start if that one never was: the next run would send the older one after the newer (I6).
 * Repeat  an unclear answer is neither success nor failure: the same bytes are sent again (I10).
 */
export class Dispatcher {
  readonly #options: DispatchOptions
  readonly #queue: PQueue
  readonly #budget = new RetryBudget()
  /** By address: the request that holds it, the last of those that do. */
  readonly #holders = new Map<string, { end: Promise<void> }>()
  #splits = 0
  /** All blocks that were given before are in line. */
  #lining: Promise<unknown> = Promise.resolve()
  #turns: Promise<unknown> = Promise.resolve()

  constructor(options: DispatchOptions) {
    this.#options = options
    this.#queue = new PQueue({ concurrency: options.concurrency })
  }

  /**
   * Prepares a block, sends it, and tells of every settled request.
   *
   * Order   of the calls: what a later one sends to an address comes later.
   * Shape   returns when nothing of the block is on its way any more. Actions that were not told of are unsettled, and
   *         then the first error is thrown. Behind a block that cannot be prepared nothing is sent (I6).
   */
  async send(block: ActionBlock, by: Sent): Promise<void> {
    const lined = this.#lining.then(() => this.#inLine(block, by))
    this.#lining = lined
    const failed = (await Promise.allSettled(await lined)).find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** The ends of its requests, each in line behind what shares an address with it. */
  async #inLine(block: ActionBlock, by: Sent): Promise<readonly Promise<void>[]> {
    const { requests, refused } = await this.#options.delivery.prepare(block)
    FAILPOINT: hit('after-prepare')
    const ends: Promise<void>[] = []
    for (const request of requests) {
      const end = this.#inOrder(block, request, by)
      end.catch(() => undefined) // told to the caller once all are in line
      ends.push(end)
      if (isLarge(request)) await setImmediate()
    }
    const outcomes = refused.map(({ action, reason }) => [action, { status: 'rejected', reason } as Outcome] as const)
    if (refused.length > 0) ends.push(by.onSettled({ endpoint: '', outcomes, bytes: 0, attempts: 0, ms: 0 }))
    return ends
  }

  #inOrder(block: ActionBlock, request: PreparedRequest, by: Sent): Promise<void> {
    const { about = addressed } = this.#options
    const own = { end: Promise.resolve() }
    const addresses: string[] = []
    const before = new Set<Promise<void>>()
    const hold = (address: string): void => {
      const held = this.#holders.get(address)
      if (held === own) return
      if (held !== undefined) before.add(held.end)
      this.#holders.set(address, own)
      addresses.push(address)
    }
    for (const action of request.actions) for (const address of about(block, action)) hold(address)
    own.end = this.#queue.add(async () => {
      await Promise.all(before)
      if (isLarge(request)) await this.#turn()
      if (!(await isKnown(request, by))) await this.#settle(request, by)
    }) as Promise<void>
    return own.end.then(() => {
      for (const address of addresses) if (this.#holders.get(address) === own) this.#holders.delete(address)
    })
  }

  /** Turns of the host's loop of its own for each who asks: bodies that start, or are written out, in one turn would hold it together. */
  async #turn(): Promise<void> {
    this.#turns = this.#turns.then(async () => {
      for (let turn = 0; turn < TURNS_APART; turn += 1) await setImmediate()
    })
    await this.#turns
  }

  /**
   * @param before  requests that were made for what this one was split off
   * @param maybe   the same may have arrived already, as a part of a request whose answer was unclear
   */
  async #settle(request: PreparedRequest, by: Sent, before = 0, maybe = false): Promise<void> {
    const { onSettled } = by
    const { clock } = this.#options
    const since = clock.elapsed()
    const answered = await this.#ask(request, by, maybe)
    const took = { attempts: before + answered.attempts, ms: Math.round(clock.elapsed() - since) }
    if (answered.outcomes !== undefined) {
      const outcomes = request.actions.map((action, at) => [action, answered.outcomes[at] as Outcome] as const)
      return onSettled({ endpoint: request.endpoint, outcomes, bytes: request.body.byteLength, ...took })
    }
    const parts = this.#parts(request, answered.refusal)
    if (parts.length < 2) {
      const outcome: Outcome = { status: 'rejected', reason: reasonOf(answered.refusal) }
      const outcomes = request.actions.map((action) => [action, outcome] as const)
      return onSettled({ endpoint: request.endpoint, outcomes, bytes: 0, ...took })
    }
    this.#splits += parts.length
    const { splitsMax } = this.#options.limits
    if (this.#splits > splitsMax) {
      throw new LakeloopError('SPLITS_SPENT', { endpoint: request.endpoint, limit: splitsMax })
    }
    for (const [nth, part] of parts.entries()) {
      await this.#settle(part, by, nth === 0 ? took.attempts : 0, answered.maybe)
    }
  }

  #parts(request: PreparedRequest, refusal: LakeloopError): readonly PreparedRequest[] {
    const { delivery } = this.#options
    const named = suspectsOf(refusal).filter((action) => request.actions.includes(action))
    if (named.length > 0 && named.length < request.actions.length) {
      const parts = delivery.split(request, { kind: 'suspects', actions: named })
      if (parts.length > 1) return parts
    }
    return delivery.split(request, { kind: 'halves' })
  }

  /** Outcomes, or the refusal of the whole request that calls for splitting it. Throws what stops the run. */
  async #ask(request: PreparedRequest, { onIntent, maybeSent }: Sent, maybe: boolean): Promise<Answered> {
    const { delivery, signal, onRequest } = this.#options
    const { endpoint, actions, intent = false } = request
    // One that may have arrived makes all of its request so; the intents of the others are not there yet.
    const anew = maybe ? [] : actions.filter((action) => maybeSent?.(action) !== true)
    let again = intent && anew.length < actions.length
    let wasAgain = again
    FAILPOINT: if (intent) hit('before-intent')
    if (intent && anew.length > 0) await onIntent?.(anew)
    FAILPOINT: if (intent) hit('after-intent')
    let attempts = 0
    const attempt = async (): Promise<readonly Outcome[]> => {
      attempts += 1
      onRequest?.(endpoint)
      wasAgain = again
      again = intent
      FAILPOINT: hit('before-request')
      const outcomes = await delivery.apply(request, signal, wasAgain)
      FAILPOINT: hit('after-answer')
      if (outcomes.length !== request.actions.length) {
        const facts = { endpoint, answered: outcomes.length, sent: request.actions.length }
        throw new LakeloopError('DESTINATION_MISCOUNTED', facts)
      }
      return outcomes
    }
    try {
      const outcomes = await retrying(attempt, { ...this.#options, endpoint, budget: this.#budget })
      return { outcomes, attempts }
    } catch (error) {
      if (isLakeloopError(error) && error.remedy === 'split') {
        return { outcomes: undefined, refusal: error, attempts, maybe: wasAgain }
      }
      throw error
    }
  }
}

/** True where there was nothing to be asked: then its outcomes are told. */
export async function isKnown({ actions }: PreparedRequest, { known, onSettled }: Sent): Promise<boolean> {
  const outcomes = await known?.(actions)
  if (outcomes === undefined) return false
  const ended = actions.map((action, at) => [action, outcomes[at] as Outcome] as const)
  await onSettled({ endpoint: '', outcomes: ended, bytes: 0, attempts: 0, ms: 0 })
  return true
}

/** The platform's `fetch` copies a body twice before it is on its way: 3.5 MB take 5 to 10 ms. */
const LARGE_BYTES = 250_000
const TURNS_APART = 4

const isLarge = ({ body }: PreparedRequest): boolean => body.byteLength > LARGE_BYTES

function addressed(block: ActionBlock, action: number): readonly string[] {
  const address = block.address(action) ?? ''
  return block.kind(action) === 'addressChange' ? [address, String(block.detail(action).to)] : [address]
}

type Answered =
  | { readonly outcomes: readonly Outcome[]; readonly attempts: number }
  | {
      readonly outcomes: undefined
      readonly refusal: LakeloopError
      readonly attempts: number
      readonly maybe: boolean
    }

/** A request of one row that is refused whole: the refusal is the row's. */
function reasonOf(refusal: LakeloopError) {
  if (refusal.code === 'REQUEST_REFUSED') {
    const field = refusal.facts.field
    return typeof field === 'string'
      ? { code: 'FIELD_TYPE_CONFLICT', facts: refusal.facts }
      : { code: 'ROW_REFUSED', facts: refusal.facts }
  }
  return { code: 'ROW_TOO_LARGE', facts: refusal.facts }
}
