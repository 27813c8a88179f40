import { parseArgs } from 'node:util'
import { nearest } from '../model/nearest.js'
import type { Command, Context, Exit, Given } from './command.js'
import { COMMANDS } from './commands.js'
import { helpOf, overview } from './help.js'
import { orUsage, UsageError } from './usage.js'

/** A mistake in the call of a command that is there: its help is of use. */
export class CallError extends UsageError {
  readonly command: Command

  constructor(command: Command, message: string) {
    super(message)
    this.command = command
  }
}

const HELP = new Set(['--help', '-h'])

/** Does what the command line says. Throws UsageError, and what the command throws. */
export async function dispatch([name, ...args]: readonly string[], context: Context): Promise<Exit> {
  if (name === undefined) throw new UsageError('a command is wanted')
  if (name === '--version' || name === '-v') {
    context.say(context.manifest.version)
    return 0
  }
  if (HELP.has(name) || name === 'help') {
    const [about] = args.filter((one) => !HELP.has(one))
    context.say(about === undefined ? overview(COMMANDS) : helpOf(found(about)))
    return 0
  }
  const command = found(name)
  const behind = args.indexOf('--')
  if (args.slice(0, behind < 0 ? args.length : behind).some((one) => HELP.has(one))) {
    context.say(helpOf(command))
    return 0
  }
  try {
    return await command.run(given(command, args), context)
  } catch (error) {
    throw error instanceof UsageError ? new CallError(command, error.message) : error
  }
}

function found(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return command
  throw new UsageError(
    `there is no command ${name}${hint(
      name,
      COMMANDS.map((one) => one.name),
    )}`,
  )
}

const hint = (name: string, names: readonly string[], prefix = ''): string => {
  const close = nearest(name, names)
  return close === undefined ? '' : `: perhaps ${prefix}${close}`
}

function given(command: Command, args: readonly string[]): Given {
  const options = { ...command.options, help: { type: 'boolean' as const } }
  const { tokens } = orUsage(() =>
    parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true }),
  )
  for (const token of tokens) {
    if (token.kind !== 'option' || token.name in options) continue
    const written = token.rawName
    throw new UsageError(`${command.name} has no option ${written}${hint(token.name, Object.keys(options), '--')}`)
  }
  const { values, positionals } = orUsage(() => parseArgs({ args: [...args], options, allowPositionals: true }))
  return { args, values, positionals }
}
