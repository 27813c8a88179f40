import type { parseArgs } from 'node:util'
import type { Config } from './config.js'
import type { Screen } from './screen.js'

/** How a command ends. docs/cli.md has the table; `--help` of each command names those that it can end with. */
export const EXITS = {
  0: 'it ended as asked',
  1: 'it found problems, or a run stopped or failed; what is wrong is said',
  2: 'a mistake on the command line',
  3: 'all ended, but rows were rejected, and --fail-on-rejected was given',
  130: 'it was interrupted (Ctrl-C, SIGINT)',
  143: 'it was told to end (SIGTERM)',
} as const
export type Exit = keyof typeof EXITS

/** An option of a command: as `parseArgs` of node:util takes it, and how it is told of. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly default?: string | string[] | boolean
  /** What stands for its value: `FILE`. */
  readonly value?: string
  readonly says: string
}
export type Options = Readonly<Record<string, Option>>

type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>

/** What was written behind the command's name. */
export interface Given<O extends Options = Options> {
  /** As they were written. */
  readonly args: readonly string[]
  readonly values: Parsed<O>['values']
  readonly positionals: readonly string[]
}

/** What a command has around it; a test hands in its own. */
export interface Context {
  /** A line of what was asked for: standard output. */
  readonly say: (line: string) => void
  /** Beside that: standard error. */
  readonly screen: Screen
  /** Where it was called. */
  readonly folder: string
  /** Aborted by the first SIGINT or SIGTERM, which is its reason. Whoever reads it ends with grace; else the signal ends the process at once. */
  readonly signal: () => AbortSignal
  /** The config that `--config` names, or the one in the folder. Throws CONFIG_MISSING, CONFIG_INVALID, CONFIG_FAILED, PEER_MISSING. */
  readonly config: (file: string | undefined) => Promise<Config>
  /** Of package.json: the Node and the peers that this version works with. */
  readonly manifest: Manifest
}

export interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly peerDependencies: Readonly<Record<string, string>>
}

export interface Command {
  readonly name: string
  /** One line in the list of commands. */
  readonly summary: string
  /** Ways to call it, without `lakeloop` and its own name. */
  readonly usage: readonly string[]
  /** What is not plain from the options. */
  readonly about?: string
  readonly options: Options
  readonly examples: readonly (readonly [line: string, what: string])[]
  readonly exits: readonly Exit[]
  readonly run: (given: Given, context: Context) => Promise<Exit>
}

/** A command whose `run` knows the types of its options. */
export function command<O extends Options>(
  own: Omit<Command, 'options' | 'run'> & {
    readonly options: O
    readonly run: (given: Given<O>, context: Context) => Promise<Exit>
  },
): Command {
  return own as unknown as Command
}

export const JSON_OPTION = { type: 'boolean', says: 'for machines: one JSON object, or one on each line' } as const

/** What every command has that needs the config. */
export const CONFIG_OPTIONS = {
  config: {
    type: 'string',
    value: 'FILE',
    says: 'the config; by itself lakeloop.config.ts, .js or .mjs in this folder',
  },
  json: JSON_OPTION,
} as const satisfies Options

export const SYNC_OPTION = {
  type: 'string',
  value: 'NAME',
  says: 'which sync of the config; not needed where there is one',
} as const

/** The exit of a process that a signal ended. */
export const exitOf = (signal: unknown): Exit => (signal === 'SIGTERM' ? 143 : 130)
