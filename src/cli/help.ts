import { type Command, EXITS, type Option } from './command.js'

const WIDTH = 100

/** The list of commands. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2
  return [
    'lakeloop COMMAND [options]           closes the loop between Databricks and Iterable',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    '',
    'lakeloop COMMAND --help, -h          all about a command: options, examples, exit codes',
    'lakeloop --version, -v               the version of the package',
    '',
    'Syncs are those of lakeloop.config.ts, .js or .mjs in this folder. Secrets come from the environment that its code',
    'reads, never from the command line. NO_COLOR turns colours off. docs/cli.md has a config to begin with.',
  ].join('\n')
}

export function helpOf({ name, summary, usage, about, options, examples, exits }: Command): string {
  const rows = Object.entries(options).map(([option, one]) => [written(option, one), saying(one)] as const)
  return [
    ...usage.map((line) => `lakeloop ${name} ${line}`.trimEnd()),
    '',
    `  ${summary}`,
    ...(about === undefined ? [] : ['', ...wrapped(about, WIDTH).map((line) => `  ${line}`)]),
    '',
    'Options',
    ...table([...rows, ['--help, -h', 'this']]),
    ...(examples.length === 0
      ? []
      : ['', 'Examples', ...table(examples.map(([line, what]) => [`lakeloop ${line}`, what]))]),
    '',
    'Exit codes',
    ...table(exits.map((exit) => [String(exit), EXITS[exit]])),
  ].join('\n')
}

const written = (name: string, { value }: Option): string => (value === undefined ? `--${name}` : `--${name} ${value}`)

function saying({ says, default: byItself, multiple }: Option): string {
  const shown = typeof byItself === 'string' && byItself !== '' ? ` (${byItself})` : ''
  return `${says}${shown}${multiple === true ? '; may be said again' : ''}`
}

function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(40, Math.max(...rows.map(([left]) => left.length)) + 2)
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrapped(right, Math.max(40, WIDTH - width))
    const head =
      left.length + 2 > width ? [`  ${left}`, `  ${' '.repeat(width)}${first}`] : [`  ${left.padEnd(width)}${first}`]
    return [...head, ...more.map((line) => `  ${' '.repeat(width)}${line}`)]
  })
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
