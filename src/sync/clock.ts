import { setMaxListeners } from 'node:events'

/** Time and chance, handed in so that the same rows, store and clock give the same requests (I9). */
export interface Clock {
  /** Milliseconds since 1970. Data only: it may jump. */
  now(): number
  /** Milliseconds since any moment; never goes back. For durations. */
  elapsed(): number
  /** Ends after `ms`, or at once when the signal is aborted. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** [0, 1): jitter and run ids. */
  random(): number
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted || ms <= 0) return resolve()
      setMaxListeners(0, signal) // who waits is no leak, and Node would print that it is one
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end)
    }),
}
