/**
 * Moments of a run at which a test may kill the process. Each stands in the code as a labelled statement,
 * `FAILPOINT: hit('before-cursor')`, which the build leaves out (`dropLabels` in tsup.config.ts): a release has none of them.
 */
export type Failpoint =
  | 'before-lease'
  | 'after-lease'
  | 'after-prepare'
  | 'before-intent'
  | 'after-intent'
  | 'before-request'
  | 'after-answer'
  | 'before-commit'
  | 'after-commit'
  | 'before-cursor'
  | 'after-cursor'
  | 'before-dead-letter'
  | 'before-list-intent'
  | 'after-list-intent'
  | 'before-list-settled'
  | 'after-list-settled'
  | 'before-report'
  | 'after-report'
  | PointBesideRuns

/** Of pushes, drains, replays, what is parked, and erasures. */
export type PointBesideRuns =
  | 'before-push'
  | 'after-push'
  | 'after-inbox-read'
  | 'before-inbox-left'
  | 'after-inbox-left'
  | 'after-letters-learned'
  | 'before-held-settled'
  | 'after-held-settled'
  | 'before-held-claimed'
  | 'after-held-claimed'
  | 'before-erase-begun'
  | 'after-erase-begun'
  | 'before-graph-erased'
  | 'after-graph-erased'
  | 'before-other-erased'
  | 'after-table-erased'
  | 'before-sync-erased'
  | 'after-sync-erased'
  | 'after-erase-done'
  | 'before-forget-settled'
  | 'after-forget-settled'

let armed: ((point: Failpoint) => void) | undefined

/** From now on each point that is come by is told to this function. */
export function arm(told: (point: Failpoint) => void): void {
  armed = told
}

export function hit(point: Failpoint): void {
  armed?.(point)
}
