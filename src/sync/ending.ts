import { randomUUID } from 'node:crypto'
import { type ErrorCode, isLakeloopError, LakeloopError } from '../errors.js'
import type { Reads, RunReport, RunStatus } from '../model/report.js'
import type { Clock } from './clock.js'
import { Tally } from './tally.js'

/** Reasons to stop that nothing broke for: the report says `stopped`, everything else that ends a run `failed`. */
const STOPS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SCHEMA_BREAKS_TRANSFORM',
  'SCHEMA_CHANGED',
  'SOURCE_GUARDED',
  'SOURCE_GUARDS_UNSEEN',
  'LEASE_HELD',
  'LEASE_LOST',
  'CIRCUIT_OPEN',
  'LIST_GUARD',
  'LIST_GUARD_DAY',
  'LIST_OWNED',
  'PLAN_STALE',
  'FIELD_OWNED',
  'IDENTITY_RULES_CHANGED',
])

/** What nothing that is done later can mend: the host has closed it. */
export const isClosed = (code: string | undefined): boolean => code === 'CLOSED' || code === 'STORE_CLOSED'

/** The report of a run that was refused before it began: nothing was read. */
export function refusedReport(
  { sync, reads, rules }: { readonly sync: string; readonly reads: Reads; readonly rules: string },
  error: LakeloopError,
  clock: Clock,
): RunReport {
  return {
    sync,
    runId: randomUUID(),
    reads,
    status: statusOf(error),
    startedAt: new Date(clock.now()).toISOString(),
    durationMs: 0,
    rows: new Tally().counts,
    lists: [],
    reasons: [],
    unusable: {},
    drift: [],
    schema: null,
    versions: { transform: null, rules },
    conflicts: 0,
    unparked: 0,
    overtaken: 0,
    retargeted: 0,
    expired: [],
    requests: {},
    error: { code: error.code, message: error.message },
  }
}

export function statusOf(error: LakeloopError | undefined): RunStatus {
  if (error === undefined) return 'complete'
  if (error.code === 'ABORTED') return 'cancelled'
  return STOPS.has(error.code) ? 'stopped' : 'failed'
}

/** Whatever was thrown, as an error that may be printed: what we do not know stays behind `causeOf`. */
export function asLakeloopError(thrown: unknown): LakeloopError {
  if (isLakeloopError(thrown)) return thrown
  return new LakeloopError('RUN_FAILED', { name: thrown instanceof Error ? thrown.name : typeof thrown }, thrown)
}
