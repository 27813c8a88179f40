import type { RunReport } from '../index.js'
import { CONFIG_OPTIONS, command } from './command.js'
import { chosen } from './config.js'
import { reportLines, runLine } from './report-text.js'
import { jsonLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

/** As many as a table of a screen or a page can show. */
export const RUNS_MAX = 10_000

export const LIMIT_OPTION = {
  type: 'string',
  value: 'N',
  default: '20',
  says: 'runs of each sync at most, the newest',
} as const

export const historyCommand = command({
  name: 'history',
  summary: 'tells of former runs',
  usage: ['[SYNC ...] [options]'],
  options: {
    ...CONFIG_OPTIONS,
    limit: LIMIT_OPTION,
    run: { type: 'string', value: 'ID', says: 'all that the report of one run says' },
  },
  examples: [
    ['history', 'the last runs, newest first'],
    ['history --run 0198c1', 'one of them; the beginning of its id is enough'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say, screen }) {
    const limit = numberOf('limit', values.limit, { min: 1, max: RUNS_MAX })
    const loaded = await config(values.config)
    const runs: RunReport[] = []
    for (const sync of chosen(loaded, positionals)) {
      runs.push(...(await sync.history({ limit: values.run === undefined ? limit : RUNS_MAX })))
    }
    const asked = values.run === undefined ? runs : [oneOf(runs, values.run)]
    const newest = [...asked].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
    for (const report of newest) {
      if (values.json === true) say(jsonLine(report))
      else if (values.run === undefined) say(runLine(report, screen.colours))
      else for (const line of reportLines(report, screen.colours)) say(line)
    }
    if (newest.length === 0 && values.json !== true) say('no run yet')
    return 0
  },
})

/** The run whose id begins so. Throws UsageError. */
export function oneOf(runs: readonly RunReport[], id: string): RunReport {
  const [run, ...others] = runs.filter(({ runId }) => runId.startsWith(id))
  if (run === undefined) throw new UsageError(`there is no run ${id}`)
  if (others.length > 0) throw new UsageError(`${others.length + 1} runs begin with ${id}`)
  return run
}
