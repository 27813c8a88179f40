import type { Retention } from './prune.js'
import type { Outcomes } from './recorder.js'

/** What is kept of runs and outcomes. What is older than a bound goes at the end of a run, or with `sync.prune()`. */
export interface HistoryOptions {
  /**
   * `hashed` (default): who an outcome is of is kept as a keyed hash, by which it is found again. `plain`: the row's key
   * and the address are kept too. `off`: runs and requests are kept, and no outcomes.
   */
  readonly outcomes?: Outcomes
  /** Days that runs, outcomes and schemas are kept, up to 36,500. Default 90. */
  readonly keepDays?: number
  /** Runs that are kept, with their requests and outcomes, up to 100,000. Default 10,000. */
  readonly runsMax?: number
  /** Outcomes that are kept, about, up to 1,000,000,000. Default 20,000,000: 0.5 to 1.5 GB. */
  readonly outcomesMax?: number
}

export const outcomesIn = ({ outcomes = 'hashed' }: HistoryOptions = {}): Outcomes => outcomes

export const retentionIn = ({
  keepDays = 90,
  runsMax = 10_000,
  outcomesMax = 20_000_000,
}: HistoryOptions = {}): Retention => ({ keepDays, runsMax, outcomesMax })
