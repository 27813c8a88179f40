#!/usr/bin/env node
import { fakeCommand, USAGE, UsageError } from './fake-command.js'

/** Exit codes: 0 ended as asked, 1 it could not start, 2 a mistake on the command line. */
async function main([command, ...args]: readonly string[]): Promise<void> {
  if (command === '--help' || (command === 'fake-iterable' && args.includes('--help'))) {
    console.log(USAGE)
    return
  }
  if (command !== 'fake-iterable') throw new UsageError(`there is no command ${command ?? ''}`.trimEnd())
  const { close } = await fakeCommand(args, (line) => console.log(line))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(error instanceof Error ? `lakeloop: ${error.message}` : error)
  if (isUsage) console.error(`\n${USAGE}`)
  process.exitCode = isUsage ? 2 : 1
})
