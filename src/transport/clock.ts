import { setMaxListeners } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'

/** Time as the transport and the pacer see it, so that tests can hand in their own. */
export interface Clock {
  /** Milliseconds that never jump; only differences mean something. */
  now(): number
  /**
   * Resolves after `ms`.
   *
   * Throws  ABORTED as soon as `signal` is aborted.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    quietly(signal)
    try {
      await after(ms, undefined, { signal })
    } catch (cause) {
      throw new LakeloopError('ABORTED', {}, cause)
    }
  },
}

/**
 * `work`, or an ABORTED as soon as `signal` is aborted, whichever comes first: for work that may not listen itself.
 *
 * Cost    work that lost the race goes on; its result and its error are dropped.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  quietly(signal)
  if (signal.aborted) throw new LakeloopError('ABORTED')
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new LakeloopError('ABORTED'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Of requests at once each listens to the host's signal. Node would print a warning from the eleventh on, and we print nothing. */
const quietly = (signal: AbortSignal): void => setMaxListeners(0, signal)
