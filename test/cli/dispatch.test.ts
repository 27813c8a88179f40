import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { type Command, type Context, EXITS } from '../../src/cli/command.js'
import { COMMANDS } from '../../src/cli/commands.js'
import { dispatch } from '../../src/cli/dispatch.js'
import { UsageError } from '../../src/cli/usage.js'

/** What is said to a person, with a config that must not be asked for. */
async function said(...args: string[]): Promise<string> {
  const lines: string[] = []
  const context: Context = {
    say: (line) => lines.push(line),
    screen: { live: false, colours: false, columns: () => 80, write: () => undefined },
    folder: '/nowhere',
    signal: () => new AbortController().signal,
    config: () => Promise.reject(new Error('the config was asked for')),
    manifest,
  }
  expect(await dispatch(args, context)).toBe(0)
  return lines.join('\n')
}

const mistake = (...args: string[]) =>
  said(...args).then(
    () => 'none',
    (error: unknown) => (error instanceof UsageError ? error.message : error),
  )

describe.each(COMMANDS.map((command) => [command.name, command] as const))('lakeloop %s --help', (name, command) => {
  test('is complete: usage, each option, examples, exit codes', async () => {
    const text = await said(name, '--help')
    for (const line of command.usage) expect(text).toContain(`lakeloop ${name} ${line}`)
    const plain = text.replace(/\s+/g, ' ')
    for (const [option, { says, value }] of Object.entries(command.options)) {
      expect(plain).toContain(`--${option}${value === undefined ? '' : ` ${value}`} ${says}`)
    }
    expect(command.examples.length).toBeGreaterThan(0)
    for (const [line] of command.examples) {
      expect(text).toContain(`lakeloop ${line}`)
      expect(line.split(' ')[0]).toBe(name)
    }
    for (const exit of command.exits) expect(text).toMatch(new RegExp(`^ {2}${exit} `, 'm'))
    expect(text).not.toMatch(/undefined|\[object/)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(130)
  })

  test('is the same behind help, and by -h', async () => {
    expect(await said('help', name)).toBe(await said(name, '--help'))
    expect(await said(name, 'anything', '-h')).toBe(await said(name, '--help'))
  })

  test('names every option that an example has', () => {
    const written = command.examples.flatMap(([line]) => [...line.matchAll(/--([a-z-]+)/g)].map(([, option]) => option))
    expect(written.filter((option) => !((option as string) in command.options))).toEqual([])
  })

  test('speaks JSON', () => {
    expect(Object.keys(command.options)).toContain('json')
  })

  test('names the nearest option for a typo, before it asks for the config', async () => {
    const [option = 'json'] = Object.keys(command.options).filter((one) => one.length > 3)
    const typo = `--${option.slice(0, -2)}${option.at(-1)}${option.at(-2)}`
    expect(await mistake(name, typo)).toBe(`${name} has no option ${typo}: perhaps --${option}`)
  })
})

test('lakeloop --help lists every command with its summary', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const text = await said(...args)
    for (const { name, summary } of COMMANDS) expect(text).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'))
  }
})

test('a command that is not there is a mistake, and the nearest is named', async () => {
  expect(await mistake('histry')).toBe('there is no command histry: perhaps history')
  expect(await mistake('rnu')).toBe('there is no command rnu: perhaps run')
  expect(await mistake('xylophone')).toBe('there is no command xylophone')
  expect(await mistake('help', 'plam')).toBe('there is no command plam: perhaps plan')
  expect(await mistake()).toBe('a command is wanted')
})

test('what stands behind -- is no option', async () => {
  expect(await mistake('check', '--', '--help')).not.toContain('has no option')
})

test('no command takes a secret as an argument', () => {
  const secret = /key|token|secret|password|auth/
  const taken = COMMANDS.flatMap(({ name, options }: Command) =>
    Object.keys(options).map((option) => `${name} --${option}`),
  )
  // The key that the fake takes is made up, and dead letters are found by the key of their row.
  const known = ['fake-iterable --key', 'dead-letters --key', 'replay --key', 'history --key']
  expect(taken.filter((one) => secret.test(one) && !known.includes(one))).toEqual([])
})

test('docs/cli.md has every command and every exit code, and no others', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
  const firstOf = (row: RegExp) => [...page.matchAll(row)].map(([, cell]) => cell)
  expect(firstOf(/^\| `([a-z-]+)` \|/gm).sort()).toEqual(COMMANDS.map(({ name }) => name).sort())
  expect(firstOf(/^\| (\d+) \|/gm)).toEqual(Object.keys(EXITS))
})
