import type { OutcomeStatus } from './outcome.js'
import type { UnusableCounts } from './unusable.js'
import type { Reason } from './value.js'

/**
 * How a run ended. `stopped`: refused to go on, nothing lost; `failed`: something broke on the way. Both can be run again.
 * `interrupted` is in the history alone: the run has not ended, or its process died.
 */
export type RunStatus = 'complete' | 'stopped' | 'cancelled' | 'failed' | 'interrupted'

/** What a run read: its source, or only what the store kept of former ones, by which the source's cursor does not move. */
export type Reads = 'source' | 'deadLetters' | 'inbox'

/**
 * How many rows ended in each way. `read` is counted by the source alone, the others where they arise:
 * read = sum of the outcomes + unsettled, or the run fails; a complete run has no unsettled rows.
 */
export type RowCounts = Readonly<Record<OutcomeStatus, number>> & {
  readonly read: number
  /** Read, and without an outcome when the run ended: they are read again, the cursor stands before them. */
  readonly unsettled: number
}

/** What became of one list. `add` and `remove` were accepted; `held` removals the guard kept back; `rejected` addresses. */
export interface ListCounts {
  readonly list: string
  readonly add: number
  readonly remove: number
  readonly keep: number
  readonly held: number
  readonly rejected: number
}

/** How many rows share one reason. */
export interface ReasonCount {
  readonly status: OutcomeStatus
  readonly reason: Reason
  readonly rows: number
}

/** How many dead letters of one reason (its code) went because they were too old. */
export interface ExpiredCount {
  readonly reason: string
  readonly letters: number
}

/** One change between the schema of the last run and this one. */
export interface DriftChange {
  readonly kind: 'added' | 'dropped' | 'renamed' | 'typeWidened' | 'typeChanged' | 'nestedChanged' | 'nullability'
  readonly column: string
  /** `renamed`: the new name. `dropped`: columns that may be its new name. */
  readonly candidates?: readonly string[]
  readonly before?: string
  /** `dropped`, `renamed`: the type of another column that has the name now. */
  readonly after?: string
  /** True if the transform reads the column. */
  readonly breaks: boolean
  /** What the sync did about it: see `drift` of its options. */
  readonly decision: 'report' | 'stop' | 'park'
  /** What made it, where the source keeps a history. */
  readonly commit?: SchemaCommit
}

/** An entry of a table's history that changed its columns. */
export interface SchemaCommit {
  readonly version: number
  /** ISO 8601, in UTC. */
  readonly at: string
  /** Who committed, as the history names them: often an address of an employee, and never one of a row. */
  readonly user?: string
}

/** What a run's outcomes came of, besides its rows. */
export interface Versions {
  /** Names the transform's program; `null` where the run ended before it was read. */
  readonly transform: string | null
  /** The hash of identity's rules. */
  readonly rules: string
}

/** What happened in one run. Holds names, counts and codes only (I7). */
export interface RunReport {
  readonly sync: string
  readonly runId: string
  readonly reads: Reads
  readonly status: RunStatus
  readonly startedAt: string
  readonly durationMs: number
  readonly rows: RowCounts
  readonly lists: readonly ListCounts[]
  readonly reasons: readonly ReasonCount[]
  /**
   * Identifiers of the rows' actions that join nobody, by namespace and reason (`undeclared`, `blocked`, `invalid` and the like), also
   * where the action went out by another one: a misspelt namespace shows here.
   */
  readonly unusable: UnusableCounts
  readonly drift: readonly DriftChange[]
  /** Digest of the schema whose rows were read, or that was described; `null` where none was seen. `sync.schemas()` has its columns. */
  readonly schema: string | null
  readonly versions: Versions
  /** Open conflicts of identity: identifiers that two people claim. */
  readonly conflicts: number
  /** Actions parked in earlier runs that found their address now and were accepted. */
  readonly unparked: number
  /**
   * Actions parked in earlier runs that were dropped: the destination has accepted newer values for their fields since, their
   * row has left the audience, or their person was forgotten.
   */
  readonly overtaken: number
  /** People whose address moved and was changed at the destination. */
  readonly retargeted: number
  /** Dead letters that went at the end of the run because they were too old: see `deadLetters` of the options. */
  readonly expired: readonly ExpiredCount[]
  /** Requests sent, by endpoint, repeats included. */
  readonly requests: Readonly<Record<string, number>>
  /** Why it did not complete. */
  readonly error?: { readonly code: string; readonly message: string }
}
