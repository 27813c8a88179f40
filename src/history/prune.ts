import type { RunReport } from '../model/report.js'
import type { Op } from '../stores/store.js'
import { dropBatches } from './batches.js'
import { actionsIn, joined, type PageHead } from './block.js'
import { dropFold, type Fold, foldOf, foldsOp, readFold, readFolds, waitingPages } from './folds.js'
import { type Commit, isoOf, type Place, partKey } from './place.js'
import { readTail, tailOp } from './recorder.js'
import { runKey, runPages } from './runs.js'
import { SCHEMAS_MAX, seenKey, seenSchemas } from './schemas.js'

/** How long history is kept: each bound holds by itself. */
export interface Retention {
  readonly keepDays: number
  readonly runsMax: number
  readonly outcomesMax: number
}

/** What was taken away. */
export interface Pruned {
  readonly runs: number
  readonly outcomes: number
  readonly schemas: number
}

export interface PruneOptions extends Retention {
  /** In ms. */
  readonly now: number
  /** Outcomes that are younger than the bound by less than this stay with their fold, in ms; 0 for none. */
  readonly slackMs: number
}

const DAY_MS = 86_400_000
const OPS_PER_COMMIT = 1_000

/** How long after the last time a run sees to retention again, and how often at least, by runs. */
const EVERY_MS = 3_600_000
const EVERY_RUNS = 100
/** Of `keepDays`: how much longer an outcome may stay so that its fold is not written anew at every run. */
const SLACK = 1 / 30

/** What the end of a run does about retention: nothing, if that was seen to a short while ago. */
export async function pruneAtEnd(
  place: Place,
  commit: Commit,
  { turn, ...options }: Retention & { readonly now: number; readonly turn: number },
): Promise<void> {
  const { prunedAt } = await readTail(place)
  const since = options.now - prunedAt
  if (since >= 0 && since < EVERY_MS && turn % EVERY_RUNS !== 0) return
  await prune(place, commit, { ...options, slackMs: options.keepDays * DAY_MS * SLACK })
}

/**
 * Takes away what is older than the bounds, oldest first, in bounded commits.
 *
 * Repeat  what a crash left over goes at the next call.
 */
export async function prune(place: Place, commit: Commit, options: PruneOptions): Promise<Pruned> {
  const { gone, oldestAt } = await runsBeyond(place, options)
  // What was recorded before the oldest run that is kept is of runs that are not. They go last: what is left of theirs after
  // a crash is known by them.
  const before = Math.max(options.now - options.keepDays * DAY_MS, gone.length > 0 ? oldestAt : 0)
  const outcomes = await pruneOutcomes(place, commit, { ...options, before })
  const schemas = await pruneSchemas(place, commit, before)
  for (const run of gone) await dropRun(place, commit, run)
  await commit([tailOp(place, { ...(await readTail(place)), prunedAt: options.now })])
  return { runs: gone.length, outcomes, schemas }
}

type Run = Pick<RunReport, 'startedAt' | 'runId'>

/** Runs that a bound does not hold any more, oldest first, and when the oldest one began that stays. */
async function runsBeyond(
  place: Place,
  { now, keepDays, runsMax }: PruneOptions,
): Promise<{ readonly gone: readonly Run[]; readonly oldestAt: number }> {
  const cutoff = isoOf(Math.max(0, now - keepDays * DAY_MS))
  let count = 0
  for await (const page of runPages(place)) count += page.length
  const gone: Run[] = []
  for await (const page of runPages(place)) {
    for (const { startedAt, runId } of page) {
      if (count - gone.length <= runsMax && startedAt >= cutoff) return { gone, oldestAt: Date.parse(startedAt) }
      gone.push({ startedAt, runId })
    }
  }
  return { gone, oldestAt: now }
}

async function dropRun(place: Place, commit: Commit, run: Run): Promise<void> {
  for (;;) {
    const ops = await dropBatches(place, run.runId, OPS_PER_COMMIT)
    if (ops.length === 0) break
    await commit(ops)
  }
  await commit([{ op: 'delete', table: 'run', key: runKey(place.scope, run) }])
}

async function pruneOutcomes(
  place: Place,
  commit: Commit,
  { before, slackMs, outcomesMax }: PruneOptions & { readonly before: number },
): Promise<number> {
  const { scope } = place
  let gone = 0
  let folds = [...(await readFolds(place))]
  let spare = folds.reduce((sum, { actions }) => sum + actions, 0) - outcomesMax
  for (const fold of folds) {
    if (fold.to < before || spare > 0) {
      folds = folds.filter((one) => one !== fold)
      await dropTexts(place, commit, fold)
      await commit([...dropFold(scope, fold), foldsOp(scope, folds)])
      gone += fold.actions
      spare -= fold.actions
    } else if (fold.from < before - slackMs) {
      const block = joined([await readFold(place, fold)], { page: ({ at }) => at >= before, subject: () => true })
      const made = foldOf(scope, block, fold.level)
      folds = [...folds.filter((one) => one !== fold), made.fold]
      await dropTexts(place, commit, fold, ({ at }) => at < before)
      await commit([...dropFold(scope, fold), ...made.ops, foldsOp(scope, folds)])
      gone += fold.actions - made.fold.actions
    }
  }
  for await (const { key, block } of waitingPages(place)) {
    const [page] = block.head.pages
    if (page === undefined || page.at >= before) continue
    await commit([{ op: 'delete', table: 'outcome', key }, ...textOps(place, [page])])
    gone += actionsIn(block.head)
  }
  return gone
}

/** Texts go before the pages that they are of: where the rest of it fails, those are there still and it is done again. */
async function dropTexts(
  place: Place,
  commit: Commit,
  fold: Fold,
  isGone: (page: PageHead) => boolean = () => true,
): Promise<void> {
  const { head } = await readFold(place, fold)
  const ops = textOps(place, head.pages.filter(isGone))
  if (ops.length > 0) await commit(ops)
}

const textOps = ({ scope }: Place, pages: readonly PageHead[]): readonly Op[] =>
  pages
    .filter(({ plain }) => plain)
    .map(({ id }): Op => ({ op: 'delete', table: 'outcome', key: partKey(scope, 'text', id) }))

async function pruneSchemas(place: Place, commit: Commit, before: number): Promise<number> {
  const byLast = [...(await seenSchemas(place))].sort((a, b) => (a.last < b.last ? 1 : -1))
  const gone = byLast.filter(({ last }, nth) => nth >= SCHEMAS_MAX || Date.parse(last) < before)
  for (let from = 0; from < gone.length; from += OPS_PER_COMMIT) {
    const part = gone.slice(from, from + OPS_PER_COMMIT)
    await commit(part.map(({ digest }): Op => ({ op: 'delete', table: 'schema', key: seenKey(place.scope, digest) })))
  }
  return gone.length
}
