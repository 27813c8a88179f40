import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Plan, planJson, planText } from '../index.js'
import { CONFIG_OPTIONS, command, exitOf } from './command.js'
import { chosen } from './config.js'
import { MODE_OPTION, modeOf } from './run-command.js'
import { jsonLine, oneLine, StatusLine } from './screen.js'
import { numberOf, UsageError } from './usage.js'

/** As `rowsMax` of `Sync.plan`. */
const ROWS_MAX = 100_000

export const planCommand = command({
  name: 'plan',
  summary: 'says what a run would send, to the byte, and sends and writes nothing',
  usage: ['[SYNC ...] [options]'],
  about:
    'Reads the rows and asks the destination for its fields and lists. With --json, counts, sizes, digests and names: no address and no value.',
  options: {
    ...CONFIG_OPTIONS,
    mode: MODE_OPTION,
    out: { type: 'string', value: 'FILE', says: 'keep the plan of one sync, for `lakeloop run --plan FILE`' },
    payloads: {
      type: 'boolean',
      says: 'with the bodies of requests (in JSON), and which rows would be rejected or parked: values, addresses and keys',
    },
    rows: { type: 'string', value: 'N', default: '100', says: 'with --payloads: rows that are told one by one' },
    'fail-on-rejected': { type: 'boolean', says: 'end with 3 if rows would be rejected' },
  },
  examples: [
    ['plan', 'every sync of the config'],
    ['plan churn-scores --out plan.json', 'to be looked at, and then run'],
    ['plan --json --fail-on-rejected', 'in CI: one JSON object a sync'],
    ['plan churn-scores --payloads', 'which rows would not arrive, by their keys'],
  ],
  exits: [0, 1, 2, 3, 130, 143],
  async run({ values, positionals }, { config, say, screen, folder, signal }) {
    const ending = signal()
    const syncs = chosen(await config(values.config), positionals)
    if (values.out !== undefined && syncs.length !== 1)
      throw new UsageError('--out keeps the plan of one sync: name it')
    const payloads = values.payloads === true
    const asked = payloads ? { payloads, rowsMax: numberOf('rows', values.rows, { max: ROWS_MAX }) } : {}
    const how = { ...asked, ...modeOf(values.mode) }
    const line = new StatusLine(screen)
    const plans: Plan[] = []
    for (const sync of syncs) {
      if (ending.aborted) break
      if (values.json !== true) line.draw(`${sync.name}: planning`)
      const plan = await sync.plan({ signal: ending, ...how }).finally(() => line.clear())
      plans.push(plan)
      if (values.out !== undefined) await keep(resolve(folder, values.out), plan)
      if (values.json === true) say(jsonLine(JSON.parse(planJson(plan))))
      else for (const one of planText(plan).split('\n')) say(oneLine(one))
    }
    if (ending.aborted) return exitOf(ending.reason)
    if (plans.some(({ error }) => error !== undefined)) return 1
    return values['fail-on-rejected'] === true && plans.some(({ rows }) => rows.rejected > 0) ? 3 : 0
  },
})

/** For its owner alone: with payloads it holds addresses. */
async function keep(file: string, plan: Plan): Promise<void> {
  await writeFile(file, planJson(plan), { mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be written: ${error.code}`)
  })
}
