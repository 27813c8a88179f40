import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Clock } from './clock.js'
import { isClosed } from './ending.js'
import type { Inbox, Incoming } from './inbox.js'
import { incomingRows, PUSH_ROWS_MAX } from './push.js'
import { againMs } from './turn.js'

/** Share of the inbox's bounds up to which a feed is asked for more. */
const MARK = 0.5

export interface Feeding {
  readonly inbox: Inbox
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The feed gave no rows, and wants the source to be read. */
  readonly onWake: () => void
  /** Resolves when a run has ended, or the signal is aborted. */
  readonly drained: () => Promise<void>
}

/**
 * Takes what a feed gives until it ends: arrays of rows are pushed, `undefined` wakes the watch.
 *
 * Order    the next item is asked for once the rows of the last one are durable, and not while the inbox is above its mark.
 * Repeat   a feed that is told to end (`return`) may have its last item in the inbox, in whole or in part, or not.
 * Throws   FEED_FAILED, PUSH_INVALID, STORE_CLOSED. What else the store throws is tried again, later each time.
 */
export async function takeFeed(feed: AsyncIterable<unknown>, feeding: Feeding): Promise<void> {
  const { inbox, signal } = feeding
  const iterator = feed[Symbol.asyncIterator]()
  let ended = false
  try {
    while (await hasRoom(feeding)) {
      const next = await unlessAborted(nextOf(iterator), signal)
      if (next === undefined) return
      ended = next.done === true
      if (ended) return
      if (next.value === undefined) feeding.onWake()
      else if (Array.isArray(next.value)) await pushAll(incomingRows(inbox, next.value), feeding)
      else throw new LakeloopError('FEED_FAILED', { problem: 'gave neither an array of rows nor undefined' })
      await setImmediate() // a feed that never waits would never let the host's loop turn
    }
  } finally {
    // Not awaited: a feed that hangs in `next()` would hang here as well.
    if (!ended) void (async () => await iterator.return?.())().catch(() => undefined)
  }
}

async function pushAll(rows: readonly Incoming[], feeding: Feeding): Promise<void> {
  const { inbox, signal, drained } = feeding
  for (let at = 0; at < rows.length && !signal.aborted; ) {
    const part = firstPart(rows, at, inbox)
    const id = `feed ${randomUUID()}` // what the store has no answer for is pushed again, and kept once
    const push = async () => {
      try {
        await inbox.append(part, id)
        return true
      } catch (error) {
        if (!isLakeloopError(error, 'INBOX_FULL')) throw error
        await drained()
        return false
      }
    }
    for (let done = false; !done && !signal.aborted; ) done = (await untilHeard(push, feeding)) === true
    at += part.length
  }
}

/** Asks the store until it answers; `undefined` when the signal was aborted meanwhile. */
async function untilHeard<T>(ask: () => Promise<T>, { clock, signal }: Feeding): Promise<T | undefined> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await ask()
    } catch (error) {
      if (isLakeloopError(error) && isClosed(error.code)) throw error
      await clock.sleep(againMs(failures), signal)
    }
  }
  return undefined
}

/** As many rows as one push takes; one at least. */
function firstPart(rows: readonly Incoming[], from: number, { rowsMax, bytesMax }: Inbox): readonly Incoming[] {
  const end = Math.min(rows.length, from + PUSH_ROWS_MAX, from + rowsMax)
  let at = from
  for (let bytes = 0; at < end; at += 1) {
    bytes += rows[at]?.bytes ?? 0
    if (bytes > bytesMax) break
  }
  return rows.slice(from, Math.max(at, from + 1))
}

/** Waits until the inbox is below its mark; false when the signal was aborted meanwhile. */
async function hasRoom(feeding: Feeding): Promise<boolean> {
  const { inbox, signal, drained } = feeding
  for (;;) {
    const waiting = await untilHeard(() => inbox.waiting(), feeding)
    if (waiting === undefined || signal.aborted) return false
    if (waiting.rows <= inbox.rowsMax * MARK && waiting.bytes <= inbox.bytesMax * MARK) return true
    await drained()
  }
}

async function nextOf(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
  try {
    return await iterator.next()
  } catch (error) {
    const name = error instanceof Error ? error.name : typeof error
    throw new LakeloopError('FEED_FAILED', { problem: `threw ${name}` }, error)
  }
}

/** `undefined` as soon as the signal is aborted, whatever becomes of the promise. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
