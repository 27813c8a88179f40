import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { CHECK_OPTIONS } from '../../src/cli/check-command.js'
import { USAGE } from '../../src/cli/usage.js'

const ROOT = join(import.meta.dirname, '../..')

function lakeloop(...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], { cwd: ROOT })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('no pipes')
  return { child, stdout, stderr }
}

test('lakeloop fake-iterable runs until it is told to end, and ends with 0', async () => {
  const { child, stdout } = lakeloop('fake-iterable', '--port', '0')
  const [said] = await once(stdout, 'data')
  const [, url = ''] = /Fake Iterable: (\S+)/.exec(String(said)) ?? []
  expect((await fetch(url)).status).toBe(200)
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(0)
})

test.each([[[]], [['nothing']], [['fake-iterable', '--port', 'x']]])(
  'lakeloop %j is a mistake: usage, and 2',
  async (args) => {
    const { child, stderr } = lakeloop(...args)
    const [said, [code]] = await Promise.all([text(stderr), once(child, 'exit')])
    expect([code, said]).toEqual([2, expect.stringContaining('lakeloop fake-iterable [options]')])
  },
)

test.each([[['--help']], [['-h']], [['help']], [['fake-iterable', '-h']], [['check', '--help']]])(
  'lakeloop %j says what there is, and ends with 0',
  async (args) => {
    const { child, stdout } = lakeloop(...args)
    const [said, [code]] = await Promise.all([text(stdout), once(child, 'exit')])
    expect([code, said]).toEqual([0, expect.stringContaining('--project-type')])
  },
)

test.each([[['--version']], [['-v']]])('lakeloop %j says the version of the package, and ends with 0', async (args) => {
  const { child, stdout } = lakeloop(...args)
  const [said, [code]] = await Promise.all([text(stdout), once(child, 'exit')])
  expect([code, said]).toEqual([0, `${manifest.version}\n`])
})

test('what is said of check names all of its options', () => {
  expect(
    Object.keys(CHECK_OPTIONS).filter((name) => !USAGE.split('lakeloop fake-iterable')[0]?.includes(`--${name}`)),
  ).toEqual([])
})
