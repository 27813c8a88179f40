import { expect, test } from 'vitest'
import { fakeCommand } from '../../src/cli/fake-command.js'
import { UsageError } from '../../src/cli/usage.js'

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

test('--seed lets no request wait for ever', async () => {
  const { url, close } = await fakeCommand(['--port', '0', '--seed', '3', '--fault-rate', '1'], () => undefined)
  const wait = async () => {
    const answer = await fetch(`${url}/api/channels`, { headers: { 'api-key': 'fake-key' }, redirect: 'manual' })
    await answer.text()
  }
  for (let sent = 0; sent < 150; sent += 1) await wait().catch(() => undefined)
  const { hits } = (await (await fetch(`${url}/fake/faults`)).json()) as { hits: object }
  await close()
  expect(Object.keys(hits).length).toBeGreaterThan(10)
  expect(hits).not.toHaveProperty('stalled body')
  expect(hits).not.toHaveProperty('no answer')
})

test.each([
  ['--port', '65536'],
  ['--port', 'x'],
  ['--project-type', 'mail'],
  ['--fault-rate', '2'],
  ['--seed', '-1'],
  ['--key', ''],
  ['--unknown', 'x'],
  ['--port', '1.5'],
  ['--seed', '1.5'],
  ['--seed', ''],
  ['--fault-rate', '0.5'], // without --seed there would be no fault
])('%s %s is a mistake', async (...args) => {
  await expect(fakeCommand(args, () => undefined)).rejects.toThrow(UsageError)
  await expect(fakeCommand(args, () => undefined)).rejects.toThrow(args[0]) // it is named
})

test('a port that is taken is named, with what to do', async () => {
  const { url, close } = await fakeCommand(['--port', '0'], () => undefined)
  const { port } = new URL(url)
  try {
    await expect(fakeCommand(['--port', port], () => undefined)).rejects.toThrow(
      `port ${port} is taken; --port 0 finds one that is free`,
    )
  } finally {
    await close()
  }
})
