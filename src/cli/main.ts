#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { checkCommand } from './check-command.js'
import { fakeCommand } from './fake-command.js'
import { USAGE, UsageError } from './usage.js'

const say = (line: string): void => console.log(line)

/** Of the package that holds this command: it was started by a path in it, or by a link to one. */
function version(): string {
  const [, started = ''] = process.argv
  const manifest = createRequire(realpathSync(started))('../../package.json') as { readonly version: string }
  return manifest.version
}

/** Exit codes: 0 ended as asked, 1 it found problems or could not start, 2 a mistake on the command line. */
async function main([command, ...args]: readonly string[]): Promise<void> {
  const wantsHelp = [command, ...args].some((one) => one === '--help' || one === '-h') || command === 'help'
  if (wantsHelp) {
    say(USAGE)
    return
  }
  if (command === '--version' || command === '-v') {
    say(version())
    return
  }
  if (command === 'check') {
    process.exitCode = (await checkCommand(args, say)) ? 0 : 1
    return
  }
  if (command !== 'fake-iterable')
    throw new UsageError(command ? `there is no command ${command}` : 'a command is wanted')
  const { close } = await fakeCommand(args, say)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(error instanceof Error ? `lakeloop: ${error.message}` : error)
  if (isUsage) console.error(`\n${USAGE}`)
  process.exitCode = isUsage ? 2 : 1
})
