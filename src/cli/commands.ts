import { browseCommand } from './browse-command.js'
import { checkEntry } from './check-command.js'
import type { Command } from './command.js'
import { deadLettersCommand } from './dead-letters-command.js'
import { doctorCommand } from './doctor-command.js'
import { explainCommand } from './explain-command.js'
import { fakeEntry } from './fake-command.js'
import { historyCommand } from './history-command.js'
import { planCommand } from './plan-command.js'
import { replayCommand } from './replay-command.js'
import { reportCommand } from './report-command.js'
import { runCommand } from './run-command.js'
import { typesCommand } from './types-command.js'
import { watchCommand } from './watch-command.js'

/** In the order in which somebody meets them. */
export const COMMANDS: readonly Command[] = [
  doctorCommand,
  browseCommand,
  typesCommand,
  checkEntry,
  planCommand,
  runCommand,
  watchCommand,
  historyCommand,
  reportCommand,
  deadLettersCommand,
  replayCommand,
  explainCommand,
  fakeEntry,
]
