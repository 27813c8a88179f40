import type { RunReport } from '../../src/index.js'

/** A run with something of each kind, whose names are all `name`. */
export function reportOf({
  name,
  startedAt = '2026-11-29T10:00:00.000Z',
  rejected = 41,
  user = 'someone',
  status = 'complete',
}: {
  readonly name: string
  readonly startedAt?: string
  readonly rejected?: number
  readonly user?: string
  readonly status?: RunReport['status']
}): RunReport {
  const error =
    status === 'complete' ? {} : { error: { code: 'DESTINATION_UNREACHABLE', message: `it stopped: ${name}` } }
  return {
    sync: name,
    runId: 'run-1',
    reads: 'source',
    status,
    startedAt,
    durationMs: 4_321,
    rows: {
      read: 9_959 + rejected,
      accepted: 9_000,
      unchanged: 959,
      rejected,
      parked: 0,
      superseded: 0,
      filtered: 0,
      unsettled: 0,
    },
    lists: [{ list: name, add: 120, remove: 30, keep: 4_000, held: 0, rejected: 1 }],
    reasons: [{ status: 'rejected', reason: { code: 'FIELD_OWNED', facts: { field: name } }, rows: rejected }],
    drift: [
      {
        kind: 'typeChanged',
        column: name,
        before: 'int',
        after: 'string',
        breaks: true,
        decision: 'stop',
        commit: { version: 3, at: startedAt, user },
      },
    ],
    schema: null,
    versions: { transform: 'v1', rules: 'r1' },
    unusable: {},
    expired: [],
    conflicts: 0,
    unparked: 0,
    overtaken: 0,
    retargeted: 0,
    requests: { 'users/bulkUpdate': 10 },
    ...error,
  }
}
