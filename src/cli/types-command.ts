import { relative, resolve } from 'node:path'
import { CONFIG_OPTIONS, command } from './command.js'
import { chosenOne } from './config.js'
import { jsonLine } from './screen.js'
import { UsageError } from './usage.js'

export const typesCommand = command({
  name: 'types',
  summary: 'makes the row types that a transform is written against',
  usage: ['[SYNC] [options]'],
  about:
    'Asks the source for its columns, and reads no rows unless only reading tells. `lakeloop check` looks at a transform with them.',
  options: {
    ...CONFIG_OPTIONS,
    out: {
      type: 'string',
      value: 'FILE',
      says: 'where they are written: churn.row.d.ts, beside churn.transform.ts; by itself they are printed',
    },
  },
  examples: [['types churn-scores --out churn.row.d.ts', 'again after the table has changed']],
  exits: [0, 1, 2],
  async run({ values, positionals }, { config, say, folder }) {
    const sync = chosenOne(await config(values.config), oneOf(positionals), 'SYNC')
    const file = values.out === undefined ? undefined : resolve(folder, values.out)
    const text = await sync.types({ file })
    if (values.json === true) say(jsonLine({ sync: sync.name, file: values.out ?? null, text }))
    else if (file === undefined) say(text.trimEnd())
    else say(`${sync.name}: row types are in ${relative(folder, file)}`)
    return 0
  },
})

const oneOf = ([name, ...others]: readonly string[]): string | undefined => {
  if (others.length === 0) return name
  throw new UsageError('types are made for one sync')
}
