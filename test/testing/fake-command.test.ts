import { expect, test } from 'vitest'
import { fakeCommand, UsageError } from '../../src/cli/fake-command.js'

test('lakeloop fake-iterable prints its address, takes its key and shows its page', async () => {
  const said: string[] = []
  const args = ['--port', '0', '--project-type', 'userId', '--key', 'mine', '--list', 'one', '--list', 'two']
  const { url, close } = await fakeCommand(args, (line) => said.push(line))
  try {
    expect(said[0]).toBe(`Fake Iterable: ${url}`)
    const { lists } = (await (await fetch(`${url}/api/lists`, { headers: { 'api-key': 'mine' } })).json()) as never
    expect(lists).toMatchObject([{ name: 'two' }, { name: 'one' }])
    expect((await fetch(`${url}/api/lists`)).status).toBe(401)
    const page = await fetch(url)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('project by userId')])
  } finally {
    await close()
  }
})

test('--seed draws faults, the same again', async () => {
  const drawn = async (seed: string) => {
    const { url, close } = await fakeCommand(['--port', '0', '--seed', seed, '--fault-rate', '1'], () => undefined)
    const what: unknown[] = []
    for (let sent = 0; sent < 5; sent += 1) {
      const asked = fetch(`${url}/api/channels`, { headers: { 'api-key': 'fake-key' }, redirect: 'manual' })
      what.push(
        await asked.then(
          ({ status }) => status,
          () => 'reset',
        ),
      )
    }
    const { hits } = (await (await fetch(`${url}/fake/faults`)).json()) as { hits: object }
    await close()
    return [what, hits]
  }
  const once = await drawn('7')
  expect(await drawn('7')).toEqual(once)
  expect(await drawn('8')).not.toEqual(once)
})

test.each([
  ['--port', '65536'],
  ['--port', 'x'],
  ['--project-type', 'mail'],
  ['--fault-rate', '2'],
  ['--seed', '-1'],
  ['--key', ''],
  ['--unknown', 'x'],
])('%s %s is a mistake', async (...args) => {
  await expect(fakeCommand(args, () => undefined)).rejects.toThrow(UsageError)
})
