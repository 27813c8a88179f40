import type { Escape, Escapes } from './programs/escape.js'
import { LOGS } from './programs/logs.js'
import { SPACE } from './programs/memory.js'
import { REACH } from './programs/reach.js'
import { RESULTS } from './programs/results.js'
import { SPOIL } from './programs/spoil.js'
import { THROWS } from './programs/throws.js'
import { TIME } from './programs/time.js'

export const all = ({ reference, own }: Escapes): readonly Escape[] => [...reference, ...own]

/** Programs that go wrong by themselves: one process outlives them all. */
export const SURVIVED: Readonly<Record<string, Escapes>> = {
  'ways out': REACH,
  'what is shared': SPOIL,
  results: RESULTS,
  'throws and stacks': THROWS,
  'the console': LOGS,
}

/** Programs over which the process ends. */
export const KILLS: Readonly<Record<string, Escapes>> = { time: TIME, memory: SPACE }
