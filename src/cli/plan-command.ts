import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Plan, planText } from '../index.js'
import { CONFIG_OPTIONS, command, exitOf } from './command.js'
import { chosen } from './config.js'
import { jsonLine, oneLine, StatusLine } from './screen.js'
import { UsageError } from './usage.js'

export const planCommand = command({
  name: 'plan',
  summary: 'says what a run would send, to the byte, and sends and writes nothing',
  usage: ['[SYNC ...] [options]'],
  about:
    'Reads the rows and asks the destination for its fields and lists. With --json, counts, sizes, digests and names: no address and no value.',
  options: {
    ...CONFIG_OPTIONS,
    out: { type: 'string', value: 'FILE', says: 'keep the plan of one sync, for `lakeloop run --plan FILE`' },
    'fail-on-rejected': { type: 'boolean', says: 'end with 3 if rows would be rejected' },
  },
  examples: [
    ['plan', 'every sync of the config'],
    ['plan churn-scores --out plan.json', 'to be looked at, and then run'],
    ['plan --json --fail-on-rejected', 'in CI: one JSON object a sync'],
  ],
  exits: [0, 1, 2, 3, 130, 143],
  async run({ values, positionals }, { config, say, screen, folder, signal }) {
    const ending = signal()
    const syncs = chosen(await config(values.config), positionals)
    if (values.out !== undefined && syncs.length !== 1)
      throw new UsageError('--out keeps the plan of one sync: name it')
    const line = new StatusLine(screen)
    const plans: Plan[] = []
    for (const sync of syncs) {
      if (ending.aborted) break
      if (values.json !== true) line.draw(`${sync.name}: planning`)
      const plan = await sync.plan({ signal: ending }).finally(() => line.clear())
      plans.push(plan)
      if (values.out !== undefined)
        await writeFile(resolve(folder, values.out), `${JSON.stringify(plan, undefined, 2)}\n`)
      if (values.json === true) say(jsonLine(plan))
      else for (const one of planText(plan).split('\n')) say(oneLine(one))
    }
    if (ending.aborted) return exitOf(ending.reason)
    if (plans.some(({ error }) => error !== undefined)) return 1
    return values['fail-on-rejected'] === true && plans.some(({ rows }) => rows.rejected > 0) ? 3 : 0
  },
})
