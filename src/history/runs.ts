import type { RunReport } from '../model/report.js'
import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import type { Place, Scope } from './place.js'

const PER_SCAN = 1_000

export const runKey = ({ project, sync }: Scope, { startedAt, runId }: Pick<RunReport, 'startedAt' | 'runId'>): Key => [
  project,
  sync,
  startedAt,
  runId,
]

/** The op that keeps a report in place of what is kept of the run so far. */
export const runOp = (scope: Scope, report: RunReport): Op => ({
  op: 'put',
  table: 'run',
  key: runKey(scope, report),
  value: report as unknown as Json,
})

/** Reports by page, oldest first. */
export async function* runPages({ store, scope }: Place): AsyncGenerator<readonly RunReport[]> {
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan('run', { prefix: [scope.project, scope.sync], after, limit: PER_SCAN })
    if (entries.length > 0) yield entries.map(({ value }) => value as unknown as RunReport)
    after = entries.at(-1)?.key
    if (entries.length < PER_SCAN) return
  }
}

/** Newest first. One that died is `interrupted`, with what was known when it began. */
export async function runsOf(place: Place, limit: number): Promise<readonly RunReport[]> {
  const newest: RunReport[] = []
  for await (const page of runPages(place)) {
    newest.push(...page)
    if (newest.length > limit) newest.splice(0, newest.length - limit)
  }
  return newest.reverse()
}
