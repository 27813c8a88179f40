import ky from 'ky'
import { setupServer } from 'msw/node'
import { afterAll, expect, test } from 'vitest'
import { FakeIterable } from '../../src/testing/index.js'

const headers = { 'api-key': 'fake-key' }
const users = { users: [{ email: 'a@example.com', dataFields: {} }] }
const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing) await close()
})

async function server() {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off' })
  const { url, close } = await fake.listen()
  closing.push(close)
  const post = () => ky.post(`${url}/api/users/bulkUpdate`, { headers, json: users, retry: 0, timeout: 500 })
  return { fake, post }
}

test('over a real socket: an answer, and what was applied', async () => {
  const { fake, post } = await server()
  expect(await post().json()).toMatchObject({ successCount: 1 })
  expect(fake.ledger.user('a@example.com')).toBeDefined()
})

test.each(['reset before apply', 'reset after apply'] as const)('%s breaks the connection', async (kind) => {
  const { fake, post } = await server()
  fake.faults.next(undefined, kind)
  await expect(post()).rejects.toThrow('fetch failed')
  expect(fake.ledger.users()).toHaveLength(kind === 'reset after apply' ? 1 : 0)
})

test('no answer: the client waits until its own time is over', async () => {
  const { fake, post } = await server()
  fake.faults.next(undefined, 'no answer')
  await expect(post()).rejects.toThrow(/timed out/i)
})

test('a stalled body: the head comes, the rest does not', async () => {
  const { fake, post } = await server()
  fake.faults.next(undefined, 'stalled body')
  const answer = await post()
  expect(answer.status).toBe(200)
  const waited = await Promise.race([answer.text(), new Promise((resolve) => setTimeout(resolve, 100, 'stalled'))])
  expect(waited).toBe('stalled')
})

test('as handlers of msw: the same core without a port', async () => {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off' })
  const msw = setupServer(...((await fake.mswHandlers('https://api.iterable.com')) as Parameters<typeof setupServer>))
  msw.listen({ onUnhandledRequest: 'bypass' })
  try {
    const answer = await ky
      .post('https://api.iterable.com/api/users/bulkUpdate', { headers, json: users, retry: 0 })
      .json()
    expect(answer).toMatchObject({ successCount: 1 })
    expect(fake.ledger.users()).toHaveLength(1)
  } finally {
    msw.close()
  }
})
