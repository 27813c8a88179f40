import { writeFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { CONFIG_OPTIONS, command } from './command.js'
import { chosen } from './config.js'
import { LIMIT_OPTION, RUNS_MAX } from './history-command.js'
import { paceOf } from './report/pace.js'
import { reportPage } from './report/page.js'
import type { Story } from './report/sections.js'
import { jsonLine, oneLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

export const reportCommand = command({
  name: 'report',
  summary: 'writes one HTML page of the last runs: throughput, outcomes, rejections, lists, schema',
  usage: ['[SYNC ...] [options]'],
  about: 'The page needs nothing else, asks nobody for anything, and holds counts, names and codes only.',
  options: {
    ...CONFIG_OPTIONS,
    limit: { ...LIMIT_OPTION, default: '50' },
    out: { type: 'string', value: 'FILE', default: 'lakeloop-report.html', says: 'where it is written' },
  },
  examples: [['report --out runs.html', 'of every sync']],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say, folder }) {
    const limit = numberOf('limit', values.limit, { min: 1, max: RUNS_MAX })
    const file = resolve(folder, values.out)
    const stories: Story[] = []
    for (const sync of chosen(await config(values.config), positionals)) {
      const runs = await sync.history({ limit })
      const sent = runs.find(({ requests }) => Object.keys(requests).length > 0)
      const pace = sent && (await paceOf(sync.batches({ runId: sent.runId })))
      stories.push({ sync: sync.name, runs: [...runs].reverse(), pace })
    }
    const madeAt = new Date().toISOString()
    await writeFile(file, reportPage(stories, madeAt)).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`${values.out} cannot be written: ${error.code}`)
    })
    const runs = stories.reduce((sum, story) => sum + story.runs.length, 0)
    if (values.json === true) say(jsonLine({ file, syncs: stories.map(({ sync }) => sync), runs, madeAt }))
    else say(oneLine(`${relative(folder, file)}: runs ${runs}, syncs ${stories.length}`))
    return 0
  },
})
