import type { RowCounts } from '../model/report.js'
import type { Page } from '../sources/source.js'
import type { Clock } from './clock.js'
import type { ProgressEvent } from './events.js'

/** How far a run has come through its source, and when it will be through at this rate. */
export class Progress {
  readonly #clock: Clock
  #since: number | undefined
  #total: number | undefined
  #rows = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The source is asked for its first page. */
  begin(): void {
    this.#since = this.#clock.elapsed()
  }

  read({ rowsTotal }: Page): void {
    this.#total = rowsTotal
  }

  /** All rows of a page of the source have their outcome. */
  finished(rows: number): void {
    this.#rows += rows
  }

  event(rows: RowCounts): ProgressEvent {
    const [total, done] = [this.#total, this.#rows]
    if (total === undefined) return { rows }
    const ms = this.#clock.elapsed() - (this.#since ?? 0)
    if (done === 0 || ms <= 0) return { rows, total }
    return { rows, total, etaMs: Math.round((Math.max(0, total - done) * ms) / done) }
  }
}
