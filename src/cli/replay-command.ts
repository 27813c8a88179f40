import { CONFIG_OPTIONS, command, SYNC_OPTION } from './command.js'
import { chosenOne } from './config.js'
import { LETTER_OPTIONS, selectionOf } from './letter-options.js'
import { exitOfReports, RUNNING_OPTIONS, runningOf, shown } from './run-command.js'

export const replayCommand = command({
  name: 'replay',
  summary: 'tries dead letters again: a run that reads them and not the source',
  usage: ['ID ... [options]', '--reason CODE | --run ID | --key KEY | --all [options]'],
  about:
    'Each ends in an outcome: what is refused again stays a dead letter, and nothing that was accepted since is overwritten. Ctrl-C as for lakeloop run.',
  options: {
    ...CONFIG_OPTIONS,
    sync: SYNC_OPTION,
    ...LETTER_OPTIONS,
    all: { type: 'boolean', says: 'all of them' },
    ...RUNNING_OPTIONS,
  },
  examples: [
    ['replay --all', 'everything that was refused'],
    ['replay --reason FIELD_UNKNOWN --fail-on-rejected', 'after the field was made'],
  ],
  exits: [0, 1, 2, 3, 130, 143],
  async run({ values, positionals }, context) {
    const deadLetters = selectionOf(values, positionals)
    const signal = context.signal()
    const running = runningOf(values, signal)
    const sync = chosenOne(await context.config(values.config), values.sync)
    const report = await shown(sync, context, values.json === true, () => sync.replay({ deadLetters, ...running }))
    return exitOfReports([report], signal, values['fail-on-rejected'] === true)
  },
})
