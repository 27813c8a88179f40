import type { Sync, WatchReport } from '../index.js'
import { CONFIG_OPTIONS, type Context, command } from './command.js'
import { chosen } from './config.js'
import { reportLines, rowsText, runLine, spoken } from './report-text.js'
import { jsonLine, oneLine, StatusLine } from './screen.js'
import { durationOf } from './usage.js'

const WEEK_MS = 604_800_000
const HOUR_MS = 3_600_000
/** How often a terminal is shown how far behind the syncs are. */
const LOOK_MS = 1_000

export const watchCommand = command({
  name: 'watch',
  summary: 'runs syncs again and again until it is told to end',
  usage: ['[SYNC ...] [options]'],
  about:
    'All syncs of the config, or those named, beside one another. A run that does not complete is tried again, later each time; one that needs a person ends the watch of its sync, and the others go on. The first Ctrl-C or SIGTERM ends with grace and with 0: that is how a watch ends.',
  options: {
    ...CONFIG_OPTIONS,
    every: { type: 'string', value: 'TIME', default: '5m', says: 'how often each is run' },
    grace: { type: 'string', value: 'TIME', default: '30s', says: 'how long what is under way may take after Ctrl-C' },
    'lag-max': { type: 'string', value: 'TIME', says: 'say so where a sync is behind by more, 1s at least' },
  },
  examples: [
    ['watch --every 1m', 'every sync, each minute'],
    ['watch churn-scores --every 30s --lag-max 5m --json', 'one, with its reports for machines'],
  ],
  exits: [0, 1, 2],
  async run({ values, positionals }, context) {
    const options = {
      everyMs: durationOf('every', values.every, { min: 100, max: WEEK_MS }),
      graceMs: durationOf('grace', values.grace, { max: HOUR_MS }),
      signal: context.signal(),
      ...(values['lag-max'] !== undefined && {
        lagMaxMs: durationOf('lag-max', values['lag-max'], { min: 1_000, max: WEEK_MS }),
      }),
    }
    const syncs = chosen(await context.config(values.config), positionals)
    const reports = await watched(syncs, options, context, values.json === true)
    return reports.every(({ status }) => status === 'ended' || status === 'cancelled') ? 0 : 1
  },
})

type Options = Omit<Parameters<Sync['watch']>[0] & { readonly everyMs: number; readonly feed?: undefined }, 'onReport'>

async function watched(
  syncs: readonly Sync[],
  options: Options,
  { say, screen }: Pick<Context, 'say' | 'screen'>,
  json: boolean,
): Promise<readonly WatchReport[]> {
  const line = new StatusLine(screen)
  const behind = new Map<string, () => number>()
  const watches = syncs.map((sync) => {
    const lagging = ({ ms }: { readonly ms: number }): void => line.tell(`${sync.name} is ${spoken(ms)} behind`)
    sync.on('lag', lagging)
    const onReport: Parameters<Sync['watch']>[0]['onReport'] = (report) => {
      line.clear()
      if (json) say(jsonLine(report))
      else if (report.status === 'complete' || report.status === 'cancelled') say(runLine(report, screen.colours))
      else for (const one of reportLines(report, screen.colours)) say(one)
    }
    const watch = sync.watch({ ...options, onReport })
    behind.set(sync.name, () => watch.lag().ms)
    return watch.done.finally(() => {
      sync.off('lag', lagging)
      behind.delete(sync.name)
    })
  })
  const looking = screen.live && !json ? setInterval(() => line.draw(lagText(behind)), LOOK_MS) : undefined
  const reports = await Promise.all(watches).finally(() => {
    clearInterval(looking)
    line.clear()
  })
  for (const report of reports) say(json ? jsonLine(report) : endText(report))
  return reports
}

const lagText = (behind: ReadonlyMap<string, () => number>): string =>
  [...behind].map(([sync, ms]) => `${sync} ${spoken(ms())} behind`).join('  ')

function endText({ sync, status, runs, failures, rows, error }: WatchReport): string {
  const failed = failures === 0 ? '' : `, ${failures} not complete`
  return oneLine(
    `${sync}: watch ${status} after ${runs} runs${failed}; ${rowsText(rows)}${error === undefined ? '' : `; ${error.message}`}`,
  )
}
