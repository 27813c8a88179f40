import { setImmediate } from 'node:timers/promises'

/** Work that may pause at each `yield`. What it comes to does not depend on whether it does. */
export type Steps<T> = Generator<void, T, void>

/** Rows per step: so many that the `yield` costs nothing beside them. */
const STEP = 64

/** True behind the last row of a step. */
export const isStep = (index: number): boolean => index % STEP === STEP - 1

/** A stall is 20 ms (design, section 16): behind this, a body of 3.5 MB and the collector must still fit in. */
const HELD_MS_MAX = 4

/** When work is to pause, and how: handed in, so that tests decide. */
export interface Turns {
  /** Milliseconds that never jump. */
  now(): number
  /** Ends when the host's loop has had its turn. */
  turn(): Promise<unknown>
}

export const loopTurns = (now: () => number): Turns => ({ now, turn: () => setImmediate() })

/** The result at once where the work is short; else a promise, and the host's loop turns every {@link HELD_MS_MAX}. */
export function inTurns<T>(work: Steps<T>, { now, turn }: Turns): T | Promise<T> {
  const step = (): IteratorResult<void, T> => {
    const until = now() + HELD_MS_MAX
    let next = work.next()
    while (next.done !== true && now() < until) next = work.next()
    return next
  }
  const first = step()
  if (first.done === true) return first.value
  return (async () => {
    for (;;) {
      await turn()
      const next = step()
      if (next.done === true) return next.value
    }
  })()
}

/** All of it without a pause. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const next = work.next()
    if (next.done === true) return next.value
  }
}
