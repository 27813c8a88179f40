#!/usr/bin/env node
import { fakeCommand, USAGE, UsageError } from './fake-command.js'

/** Exit codes: 0 ended as asked, 1 it could not start, 2 a mistake on the command line. */
async function main([command, ...args]: readonly string[]): Promise<void> {
  const wantsHelp = [command, ...args].some((one) => one === '--help' || one === '-h') || command === 'help'
  if (wantsHelp) {
    console.log(USAGE)
    return
  }
  if (command !== 'fake-iterable')
    throw new UsageError(command ? `there is no command ${command}` : 'a command is wanted')
  const { close } = await fakeCommand(args, (line) => console.log(line))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(error instanceof Error ? `lakeloop: ${error.message}` : error)
  if (isUsage) console.error(`\n${USAGE}`)
  process.exitCode = isUsage ? 2 : 1
})
