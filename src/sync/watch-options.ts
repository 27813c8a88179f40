import * as z from 'zod'
import { type ErrorCode, LakeloopError } from '../errors.js'
import type { RunReport } from '../model/report.js'
import { invalid } from './options.js'

interface WatchBase {
  /** Aborted: as `stop()`. */
  readonly signal?: AbortSignal
  /** How long what is on its way may take after the end was asked for, in ms. Default 30,000. */
  readonly graceMs?: number
  /** Told of each run and each drain, however it ended. What it throws becomes a `listenerError`. */
  readonly onReport?: (report: RunReport) => void | Promise<void>
  /** The event `lag` tells when the watch is behind by more, in ms, 1,000 to 604,800,000. Looked at four times as often. Default: never. */
  readonly lagMaxMs?: number
  /** Least time between the beginnings of two drains, in ms, 0 to 3,600,000. Default 1,000: what is pushed meanwhile goes together. */
  readonly restMs?: number
  /** Codes that would end the watch and shall not, since somebody looks at its reports. Default none. */
  readonly goOnAfter?: readonly ErrorCode[]
}

/** By the clock, or by a feed. */
export type WatchOptions = WatchBase &
  (
    | {
        /** A run is due each time that this has passed since the watch began, in ms, 100 to 604,800,000 (a week). */
        readonly everyMs: number
        readonly feed?: undefined
      }
    | {
        /** Arrays of rows, which are pushed and drained; `undefined` asks for a run over the source. */
        readonly feed: AsyncIterable<unknown>
        readonly everyMs?: undefined
      }
  )

const LONGEST_MS = 604_800_000
const OPTIONS = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  graceMs: z.number().min(0).max(3_600_000).optional(),
  onReport: z.custom((value) => typeof value === 'function', { error: 'is no function' }).optional(),
  lagMaxMs: z.number().min(1_000).max(LONGEST_MS).optional(),
  restMs: z.number().min(0).max(3_600_000).optional(),
  goOnAfter: z.array(z.string()).optional(),
  everyMs: z.number().min(100).max(LONGEST_MS).optional(),
  feed: z
    .custom((value) => typeof (value as AsyncIterable<unknown> | null)?.[Symbol.asyncIterator] === 'function', {
      error: 'is no async iterable',
    })
    .optional(),
})

/** Throws OPTION_INVALID that names the option. */
export function checkWatchOptions(options: WatchOptions): void {
  const checked = OPTIONS.safeParse(options)
  if (!checked.success) throw invalid('Sync.watch', checked.error, OPTIONS)
  if ((options.everyMs === undefined) === (options.feed === undefined)) {
    const problem = 'is not there, or there beside feed: one of the two says when to run'
    throw new LakeloopError('OPTION_INVALID', { part: 'Sync.watch', option: 'everyMs', problem })
  }
}
