import { hostname } from 'node:os'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import { baseOf } from '../stores/sealed.js'
import type { Op, Store } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import { hit } from './failpoint.js'

/** Who runs a sync, and the how-manieth holder that is: the fence. Written once per run. */
interface Holder {
  readonly host: string
  readonly pid: number
  readonly fence: number
}

/** How long a lease holds without a sign of life, in ms; renewed at a third of it. */
const LEASE_MS = 60_000

/**
 * The right to run one sync. Every commit of a run carries `fence`, so that a holder that lost its lease in a pause
 * writes nothing any more. It cannot fence the destination: at most one window is sent twice.
 */
export class Lease {
  /** Check ops in front of every commit of this run, also of those that others make on its behalf. */
  readonly fence: readonly Op[]
  /** Grows with every holder. */
  readonly turn: number
  readonly #store: Store
  readonly #scope: Scope
  readonly #clock: Clock
  readonly #timer: NodeJS.Timeout

  private constructor(store: Store, scope: Scope, clock: Clock, holder: Holder) {
    this.#store = store
    this.#scope = scope
    this.#clock = clock
    this.turn = holder.fence
    this.fence = [{ op: 'check', table: 'lease', key: holderKey(scope), is: holder as unknown as Json }]
    // A renewal that fails changes nothing by itself: the next commit says what is wrong.
    this.#timer = setInterval(() => void this.#renew().catch(() => undefined), LEASE_MS / 3)
    this.#timer.unref()
  }

  /**
   * Takes the lease: a free one, one that ran out, or one whose process on this host is gone.
   *
   * Throws  LEASE_HELD with `afterMs`, the longest that the other holder can keep it without a sign of life.
   */
  static async take(store: Store, scope: Scope, clock: Clock): Promise<Lease> {
    const [found, until = 0] = await store.get('lease', [holderKey(scope), untilKey(scope)])
    const before = found as unknown as Holder | undefined
    const afterMs = Number(until) - clock.now()
    if (before !== undefined && afterMs > 0 && !isGone(before)) {
      throw new LakeloopError('LEASE_HELD', { sync: scope.sync, afterMs })
    }
    const holder = { host: hostname(), pid: process.pid, fence: (before?.fence ?? 0) + 1 }
    try {
      await store.commit([
        { op: 'check', table: 'lease', key: holderKey(scope), is: found },
        { op: 'put', table: 'lease', key: holderKey(scope), value: holder },
        { op: 'put', table: 'lease', key: untilKey(scope), value: clock.now() + LEASE_MS },
      ])
    } catch (error) {
      if (!isLakeloopError(error, 'STORE_CONFLICT')) throw error
      throw new LakeloopError('LEASE_HELD', { sync: scope.sync, afterMs: LEASE_MS }, error)
    }
    return new Lease(store, scope, clock, holder)
  }

  /** Of the newest holder so far; 0 before the first. */
  static async lastTurn(store: Store, scope: Scope): Promise<number> {
    const [found] = await store.get('lease', [holderKey(scope)])
    return (found as unknown as Holder | undefined)?.fence ?? 0
  }

  /** Commits with the fence in front. Throws LEASE_LOST, and then nothing was written. */
  async commit(ops: readonly Op[]): Promise<void> {
    try {
      FAILPOINT: hit('before-commit')
      await this.#store.commit([...this.fence, ...ops])
      FAILPOINT: hit('after-commit')
    } catch (error) {
      if (!isLakeloopError(error, 'STORE_CONFLICT') || error.facts.table !== 'lease') throw error
      throw new LakeloopError('LEASE_LOST', { sync: this.#scope.sync }, error)
    }
  }

  #renew(): Promise<void> {
    const value = this.#clock.now() + LEASE_MS
    return this.commit([{ op: 'put', table: 'lease', key: untilKey(this.#scope), value }])
  }

  /** Gives the lease back, unless it was lost. The fencing number stays, so that no later holder has the same. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.commit([{ op: 'put', table: 'lease', key: untilKey(this.#scope), value: 0 }]).catch(() => undefined)
  }
}

const holderKey = (scope: Scope): readonly string[] => [...checkpointKey(scope), 'holder']
const untilKey = (scope: Scope): readonly string[] => [...checkpointKey(scope), 'until']

/** True if the holder was a process of this host that does not run any more. */
function isGone(held: Holder): boolean {
  if (held.host !== hostname() || held.pid === process.pid) return false
  try {
    process.kill(held.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** What commits to a store can check: a lease is checked where it is kept. */
export const fenceIn = (store: Store, keeper: Store, fence: readonly Op[]): readonly Op[] =>
  baseOf(store) === baseOf(keeper) ? fence : []
