import type { RunReport } from '../model/report.js'
import type { SyncEvents } from '../sync/events.js'

/** The part of pino that is used; facts first, then a text that is always the same for one kind of line. */
export interface Logger {
  debug(facts: object, text: string): void
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

/** A line for each event: what happens per page or request at `debug`, what a person may want to know above it. */
export function logLines(logger: Logger, sync: string): Partial<SyncEvents> {
  return {
    start: ({ runId, resumed }) => logger.info({ sync, runId, resumed }, 'run started'),
    page: ({ rows, actions }) => logger.debug({ sync, rows, actions }, 'page read'),
    batch: (event) => logger.debug({ sync, ...event }, 'request settled'),
    progress: ({ rows, total, etaMs }) => logger.debug({ sync, rows, total, etaMs }, 'progress'),
    reject: ({ reason, actions }) => logger.warn({ sync, code: reason.code, actions }, 'actions rejected'),
    throttle: ({ endpoint, waitMs }) => logger.info({ sync, endpoint, waitMs }, 'asked to slow down'),
    list: (counts) => logger.info({ sync, ...counts }, 'list done'),
    drift({ changes }) {
      // Who committed a change is an employee, and belongs into no log.
      const told = changes.map(({ kind, column, breaks, decision }) => ({ kind, column, breaks, decision }))
      const level = changes.every(({ decision }) => decision === 'report') ? 'info' : 'warn'
      logger[level]({ sync, changes: told }, 'schema changed')
    },
    // The text is the author's own and may hold anything: who wants it listens to `log`.
    log: ({ level, text }) =>
      logger.debug({ sync, level, characters: text.length }, 'the transform wrote to its console'),
    listenerError: ({ facts }) => logger.error({ sync, event: facts.event }, 'a listener threw'),
    end: ({ report }) => logger[levelOf(report)]({ sync, ...ended(report) }, 'run ended'),
  }
}

function levelOf({ status }: RunReport): keyof Logger {
  if (status === 'failed') return 'error'
  return status === 'complete' ? 'info' : 'warn'
}

/** A report without facts and texts that are long. */
function ended(report: RunReport): object {
  const { runId, status, reads, durationMs, rows, requests, error } = report
  const reasons = report.reasons.map(({ status, reason, rows }) => ({ status, code: reason.code, rows }))
  const { unusable } = report
  return {
    runId,
    status,
    reads,
    durationMs,
    rows,
    requests,
    reasons,
    unusable,
    ...(error === undefined ? {} : { error }),
  }
}
