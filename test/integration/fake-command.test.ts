import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

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

test.each([
  [[], 'lakeloop COMMAND [options]'],
  [['nothing'], 'there is no command nothing'],
  [['fake-iterable', '--port', 'x'], 'lakeloop fake-iterable [options]'],
] as const)('lakeloop %j is a mistake: what is wrong, how it is called, and 2', async (args, part) => {
  const { child, stderr } = lakeloop(...args)
  const [said, [code]] = await Promise.all([text(stderr), once(child, 'exit')])
  expect([code, said]).toEqual([2, expect.stringContaining(part)])
})

test.each([['--version'], ['-v']])('lakeloop %s says the version of the package, and ends with 0', async (arg) => {
  const { child, stdout } = lakeloop(arg)
  const [said, [code]] = await Promise.all([text(stdout), once(child, 'exit')])
  expect([code, said]).toEqual([0, `${manifest.version}\n`])
})
