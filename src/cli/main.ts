#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isLakeloopError } from '../errors.js'
import { type Context, type Exit, exitOf, type Manifest } from './command.js'
import { COMMANDS } from './commands.js'
import { type Config, closeConfig, loadConfig } from './config.js'
import { CallError, dispatch } from './dispatch.js'
import { helpOf, overview } from './help.js'
import { jsonLine, oneLine, screenOf } from './screen.js'
import { UsageError } from './usage.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** How long what is still open may keep the process after all is done and closed. */
const LINGER_MS = 2_000

/** Of the package that holds this command: it was started by a path in it, or by a link to one. */
function manifest(): Manifest {
  const [, started = ''] = process.argv
  return createRequire(realpathSync(started))('../../package.json') as Manifest
}

/** How a command ends that was cut off by the first signal. */
let ended: Exit = 1

/** The first signal asks to end, the second one ends. */
function interruptible(tell: (line: string) => void): AbortSignal {
  const ending = new AbortController()
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(exitOf(signal))
      tell('ending: what is under way may finish; the same again ends at once')
      ended = exitOf(signal)
      ending.abort(signal)
    })
  }
  return ending.signal
}

function contextOf(open: Set<Config>): Context {
  const screen = screenOf(process.stderr, process.env)
  let signal: AbortSignal | undefined
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    screen,
    folder: process.cwd(),
    signal: () => {
      signal ??= interruptible((line) => screen.write(`${screen.live ? '\r\u001b[K' : ''}lakeloop: ${line}\n`))
      return signal
    },
    config: async (file) => {
      const config = await loadConfig(process.cwd(), file)
      open.add(config)
      return config
    },
    get manifest() {
      return manifest()
    },
  }
}

/** On standard error: what is wrong in one line, and after a mistake how it is called. */
function complain(error: unknown, args: readonly string[]): void {
  const isUsage = error instanceof UsageError
  const code = isLakeloopError(error) ? error.code : isUsage ? 'USAGE' : 'FAILED'
  const message = error instanceof Error ? error.message : String(error)
  if (args.includes('--json')) console.log(jsonLine({ error: { code, message } }))
  else console.error(`lakeloop: ${oneLine(message)}`)
  if (error instanceof CallError) console.error(`\n${helpOf(error.command)}`)
  else if (isUsage) console.error(`\n${overview(COMMANDS)}`)
}

async function main(args: readonly string[]): Promise<void> {
  const open = new Set<Config>()
  try {
    process.exitCode = await dispatch(args, contextOf(open))
  } catch (error) {
    complain(error, args)
    process.exitCode = error instanceof UsageError ? 2 : isLakeloopError(error, 'ABORTED') ? ended : 1
  }
  await Promise.all([...open].map(closeConfig))
  // A pool or a socket of the config's own would hold the process for ever. Its output has gone by then.
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

// Whoever reads our output may stop (`| head`): then there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
void main(process.argv.slice(2))
