import type { BatchEntry, OutcomeStatus, RunReport, Sync } from '../index.js'
import { CONFIG_OPTIONS, type Context, command } from './command.js'
import { chosen } from './config.js'
import { outcomeLine } from './outcomes-text.js'
import { count, reportLines, runLine, spoken } from './report-text.js'
import { jsonLine, oneLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

/** As many as a table of a screen or a page can show. */
export const RUNS_MAX = 10_000
const OUTCOMES_MAX = 100_000_000

export const LIMIT_OPTION = {
  type: 'string',
  value: 'N',
  default: '20',
  says: 'runs of each sync at most, the newest',
} as const

const STATUSES: readonly OutcomeStatus[] = ['accepted', 'unchanged', 'rejected', 'parked', 'superseded', 'filtered']

export const historyCommand = command({
  name: 'history',
  summary: 'tells of former runs, their requests, and what became of actions',
  usage: ['[SYNC ...] [options]', '[SYNC ...] --outcomes [options]'],
  about:
    'A run that is told as interrupted runs still, or its process died. Whose an outcome is, is said only where the sync keeps that (history: { outcomes: "plain" }); of one person, ask lakeloop explain.',
  options: {
    ...CONFIG_OPTIONS,
    limit: { ...LIMIT_OPTION, says: 'runs of each sync at most, the newest; of outcomes, how many' },
    run: { type: 'string', value: 'ID', says: 'one run: all that its report says' },
    batches: { type: 'boolean', says: 'of that run, its requests' },
    outcomes: { type: 'boolean', says: 'what became of actions, newest first' },
    reason: { type: 'string', value: 'CODE', says: 'only outcomes of this reason' },
    status: { type: 'string', value: 'STATUS', says: `only outcomes of this status: ${STATUSES.join(', ')}` },
  },
  examples: [
    ['history', 'the last runs, newest first'],
    ['history --run 0198c1', 'one of them; the beginning of its id is enough'],
    ['history --run 0198c1 --batches --json', 'its requests, one JSON object each'],
    ['history --outcomes --status rejected', 'the last rejections, with reasons'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, context) {
    const max = values.outcomes === true ? OUTCOMES_MAX : RUNS_MAX
    const limit = numberOf('limit', values.limit, { min: 1, max })
    if (values.batches === true && values.run === undefined) throw new UsageError('--batches are of one run: --run ID')
    const isFiltered = values.reason !== undefined || values.status !== undefined
    if (isFiltered && values.outcomes !== true) throw new UsageError('--reason and --status are of --outcomes')
    const syncs = chosen(await context.config(values.config), positionals)
    const told = { context, json: values.json === true, limit }
    const one = values.run === undefined ? undefined : await runOf(syncs, values.run)
    if (values.outcomes === true) {
      const status = statusOf(values.status)
      const asked = {
        ...(one !== undefined && { runId: one.report.runId }),
        ...(values.reason !== undefined && { reason: values.reason }),
        ...(status !== undefined && { status }),
        limit,
      }
      await tellOutcomes(one === undefined ? syncs : [one.sync], told, asked)
    } else if (one === undefined) await tellRuns(syncs, told)
    else if (values.batches === true) await tellBatches(one.sync, told, one.report.runId)
    else if (told.json) context.say(jsonLine(one.report))
    else for (const line of reportLines(one.report, context.screen.colours)) context.say(line)
    return 0
  },
})

interface Telling {
  readonly context: Pick<Context, 'say' | 'screen'>
  readonly json: boolean
  readonly limit: number
}

async function tellRuns(syncs: readonly Sync[], { context, json, limit }: Telling): Promise<void> {
  const runs: RunReport[] = []
  for (const sync of syncs) runs.push(...(await sync.history({ limit })))
  runs.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
  for (const run of runs) context.say(json ? jsonLine(run) : runLine(run, context.screen.colours))
  if (runs.length === 0 && !json) context.say('no run yet')
}

async function tellBatches(sync: Sync, { context, json }: Telling, runId: string): Promise<void> {
  for await (const batch of sync.batches({ runId })) {
    context.say(json ? jsonLine({ sync: sync.name, runId, ...batch }) : batchLine(batch))
  }
}

function batchLine({ at, endpoint, actions, accepted, rejected, bytes, ms }: BatchEntry): string {
  const ends = `${count(accepted)} accepted${rejected === 0 ? '' : `, ${count(rejected)} rejected`}`
  return `${at}  ${endpoint}  ${count(actions)} actions, ${ends}  ${count(bytes)} bytes  ${spoken(ms)}`
}

async function tellOutcomes(
  syncs: readonly Sync[],
  { context, json }: Telling,
  asked: Parameters<Sync['outcomes']>[0],
): Promise<void> {
  for (const sync of syncs) {
    for await (const entry of sync.outcomes(asked)) {
      context.say(json ? jsonLine({ sync: sync.name, ...entry }) : oneLine(outcomeLine(entry)))
    }
  }
}

function statusOf(given: string | undefined): OutcomeStatus | undefined {
  const status = STATUSES.find((one) => one === given)
  if (given !== undefined && status === undefined) throw new UsageError(`--status is one of ${STATUSES.join(', ')}`)
  return status
}

/** The run whose id begins so. Throws UsageError. */
async function runOf(syncs: readonly Sync[], id: string): Promise<{ readonly sync: Sync; readonly report: RunReport }> {
  const found: { readonly sync: Sync; readonly report: RunReport }[] = []
  for (const sync of syncs) {
    for (const report of await sync.history({ limit: RUNS_MAX })) {
      if (report.runId.startsWith(id)) found.push({ sync, report })
    }
  }
  const [run, ...others] = found
  if (run === undefined) throw new UsageError(`there is no run ${id}`)
  if (others.length > 0) throw new UsageError(`${found.length} runs begin with ${id}`)
  return run
}
