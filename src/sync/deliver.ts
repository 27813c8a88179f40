import type { Destination } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { Action, ActionBlock } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { JsonObject } from '../model/value.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { Dispatcher, type Settled } from './dispatch.js'
import { openRetrying, RETRY_LIMITS, type RetryLimits } from './retry.js'

export interface DeliverOptions {
  readonly signal?: AbortSignal
  /** Requests on their way at once: 1 to 64, default 4. */
  readonly concurrency?: number
  readonly limits?: Partial<RetryLimits>
  readonly clock?: Clock
}

/**
 * Sends actions to any destination, without a sync around it: nothing is read, resolved or remembered.
 *
 * Shape   one outcome per action, in order. Actions are addressed by their own identifiers.
 * Repeat  what was accepted before an error is harmless to send again (I2).
 * Throws  RETRIES_SPENT, SPLITS_SPENT, DESTINATION_UNAUTHORIZED, ABORTED; then some actions may have been accepted.
 */
export async function deliver(
  destination: Destination,
  actions: ActionBlock | readonly Action[],
  options: DeliverOptions = {},
): Promise<readonly Outcome[]> {
  const block = Array.isArray(actions) ? actionBlock(actions) : (actions as ActionBlock)
  if (typeof block?.length !== 'number') throw invalid('actions', 'is no list of actions')
  if (typeof destination?.open !== 'function') throw invalid('destination', 'has no open')
  const signal = options.signal ?? new AbortController().signal
  const clock = options.clock ?? SYSTEM_CLOCK
  const limits = { ...RETRY_LIMITS, ...options.limits }
  const delivery = await openRetrying(destination, { clock, limits, signal })
  try {
    const dispatcher = new Dispatcher({
      delivery,
      clock,
      limits,
      signal,
      concurrency: options.concurrency ?? 4,
      about: aboutBy(destination.addressedBy),
    })
    const outcomes = new Array<Outcome | undefined>(block.length)
    const onSettled = async (settled: Settled): Promise<void> => {
      for (const [action, outcome] of settled.outcomes) outcomes[action] = outcome
    }
    await dispatcher.send(block, { onSettled })
    if (outcomes.includes(undefined)) {
      const answered = outcomes.filter((outcome) => outcome !== undefined).length
      throw new LakeloopError('DESTINATION_MISCOUNTED', { endpoint: destination.name, answered, sent: block.length })
    }
    return outcomes as Outcome[]
  } finally {
    await delivery.close()
  }
}

/** What is about one person must keep its order, in whatever spelling they are named; who is told apart too seldom only waits. */
const aboutBy =
  (addressedBy: string) =>
  (block: ActionBlock, action: number): readonly string[] => {
    const address = block.address(action) ?? block.identifiers(action)[addressedBy] ?? ''
    const kind = block.kind(action)
    if (kind !== 'addressChange' && kind !== 'catalogItem') return [plain(address)]
    const { from, to, catalog, item }: JsonObject = block.detail(action)
    if (kind === 'catalogItem') return [`${String(catalog).toLowerCase()} ${String(item)}`]
    return [address, String(from), String(to)].map(plain)
  }

/** Nearly every address is as it would be sent, and costs a look. */
const PLAIN = /^[\x21-\x40\x5b-\x7e]*[\x21-\x2d\x2f-\x40\x5b-\x7e]$/

const plain = (raw: string): string =>
  PLAIN.test(raw)
    ? raw
    : raw
        .normalize('NFKC')
        .toLowerCase()
        .replace(/[^\x21-\x7e]|\.$/g, '')

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'deliver', option, problem })
