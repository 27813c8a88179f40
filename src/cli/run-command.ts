import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isLakeloopError, type Plan, type RunMode, type RunReport, type Sync } from '../index.js'
import { CONFIG_OPTIONS, type Context, command, type Exit, exitOf } from './command.js'
import { chosen } from './config.js'
import { showProgress } from './progress.js'
import { reportLines } from './report-text.js'
import { jsonLine } from './screen.js'
import { durationOf, UsageError } from './usage.js'

/** What a run of any kind can be told. */
export const RUNNING_OPTIONS = {
  grace: { type: 'string', value: 'TIME', default: '30s', says: 'how long what is under way may take after Ctrl-C' },
  wait: { type: 'boolean', says: 'while another process runs the sync: wait for it, and do not end with LEASE_HELD' },
  'fail-on-rejected': { type: 'boolean', says: 'end with 3 if rows were rejected' },
} as const

/** Of `run` and `plan`. */
export const MODE_OPTION = {
  type: 'string',
  value: 'full|resync',
  says: 'full: send all of it again; resync: read the source from its beginning, and send what differs',
} as const

const MODES: readonly RunMode[] = ['full', 'resync']

/** The mode by its name; nothing where none was said. */
export function modeOf(said: string | undefined): { readonly mode?: RunMode } {
  if (said === undefined) return {}
  const mode = MODES.find((one) => one === said)
  if (mode === undefined) throw new UsageError(`--mode is full or resync, and not ${said}`)
  return { mode }
}

/** One hour, as `graceMs` has it. */
const GRACE_MS_MAX = 3_600_000

export const runningOf = (
  values: { readonly grace: string; readonly wait?: boolean | undefined },
  signal: AbortSignal,
) => ({
  signal,
  graceMs: durationOf('grace', values.grace, { max: GRACE_MS_MAX }),
  whenHeld: values.wait === true ? ('wait' as const) : ('refuse' as const),
})

/** The exit of reports: the worst of them. */
export function exitOfReports(reports: readonly RunReport[], signal: AbortSignal, failOnRejected: boolean): Exit {
  if (signal.aborted && reports.some(({ status }) => status === 'cancelled')) return exitOf(signal.reason)
  if (reports.some(({ status }) => status !== 'complete')) return 1
  return failOnRejected && reports.some(({ rows }) => rows.rejected > 0) ? 3 : 0
}

/** Runs something of a sync with its progress shown, and says its report. */
export async function shown(
  sync: Sync,
  { say, screen }: Pick<Context, 'say' | 'screen'>,
  json: boolean,
  go: () => Promise<RunReport>,
): Promise<RunReport> {
  const end = json ? () => undefined : showProgress(sync, screen)
  const report = await go().finally(end)
  if (json) say(jsonLine(report))
  else for (const line of reportLines(report, screen.colours)) say(line)
  return report
}

export const runCommand = command({
  name: 'run',
  summary: 'runs syncs: reads, sends, and says what became of every row',
  usage: ['[SYNC ...] [options]'],
  about:
    'Without a name, every sync of the config, one after another in its order; one that fails does not keep the others from running. The first Ctrl-C or SIGTERM reads no further and lets what is under way finish; the second ends at once, and the next run goes on where it stood.',
  options: {
    ...CONFIG_OPTIONS,
    ...RUNNING_OPTIONS,
    mode: MODE_OPTION,
    plan: { type: 'string', value: 'FILE', says: 'send what this plan of `lakeloop plan --out FILE` holds, or refuse' },
  },
  examples: [
    ['run', 'every sync'],
    ['run churn-scores --fail-on-rejected', 'one, for a scheduler that should know of bad rows'],
    ['run churn-scores --mode resync', 'the source from its beginning; see docs/modes.md'],
    ['run churn-scores --plan plan.json', 'what was looked at before, and nothing else'],
  ],
  exits: [0, 1, 2, 3, 130, 143],
  async run({ values, positionals }, context) {
    const plan = values.plan === undefined ? undefined : await planIn(resolve(context.folder, values.plan), values.plan)
    const signal = context.signal()
    const running = { ...runningOf(values, signal), ...modeOf(values.mode) }
    const syncs = chosen(
      await context.config(values.config),
      plan && positionals.length === 0 ? [plan.sync] : positionals,
    )
    if (plan !== undefined && syncs.length !== 1) throw new UsageError('a plan is of one sync')
    const reports: RunReport[] = []
    for (const sync of syncs) {
      if (signal.aborted) break
      const go = () => sync.run({ ...running, ...(plan === undefined ? {} : { plan }) })
      reports.push(await shown(sync, context, values.json === true, go))
    }
    return exitOfReports(reports, signal, values['fail-on-rejected'] === true)
  },
})

async function planIn(file: string, written: string): Promise<Plan> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`the plan ${written} cannot be read`)
  })
  try {
    const plan = JSON.parse(text) as Partial<Plan> | null
    if (typeof plan?.sync === 'string' && typeof plan.pins === 'object' && Array.isArray(plan.requests))
      return plan as Plan
  } catch (error) {
    if (isLakeloopError(error)) throw error
  }
  throw new UsageError(`${written} holds no plan of lakeloop plan --out`)
}
