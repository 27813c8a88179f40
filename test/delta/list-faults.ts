/** Numbers below `n` that a seed decides (mulberry32). */
export type Dice = (n: number) => number

export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** What a history may meet; a test counts how often each was met. */
export const FAULTS = [
  'snapshot incomplete',
  'snapshot failed',
  'snapshot empty',
  'claimant undecided',
  'row rejected',
  'address shared',
  'list of two syncs',
  'page again',
  'pass resumed',
  'email changed, moved there',
  'email changed, not moved there',
  'died while noting',
  'died while planning',
  'died while intending',
  'died between intent and call',
  'died between call and settling',
  'died while settling',
  'died while comparing',
  'compared',
  'member not shown yet',
  'changed by others',
  'answer lost, not applied',
  'answer lost, applied',
  'call threw',
  'row refused',
  'removal refused',
  'row without an outcome',
  'left half-way',
  'guard held',
] as const
export type FaultName = (typeof FAULTS)[number]
