import { setImmediate as turn } from 'node:timers/promises'
import ky from 'ky'
import { setupServer } from 'msw/node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeIterable, type FakeIterableOptions } from '../../src/testing/index.js'

const headers = { 'api-key': 'fake-key' }
const users = { users: [{ email: 'a@example.com', dataFields: {} }] }
const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing) await close()
})

async function server(options: Partial<FakeIterableOptions> = {}) {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', ...options })
  const { url, close } = await fake.listen()
  closing.push(close)
  const post = () => ky.post(`${url}/api/users/bulkUpdate`, { headers, json: users, retry: 0, timeout: 500 })
  return { fake, post, close }
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

/** What comes within a moment, if anything. */
const soon = <T>(coming: Promise<T>): Promise<T | 'nothing'> =>
  Promise.race([coming, new Promise<'nothing'>((resolve) => setTimeout(resolve, 100, 'nothing'))])

test('a stalled body: the head comes, the rest does not', async () => {
  const { fake, post } = await server()
  fake.faults.next(undefined, 'stalled body')
  const answer = await post()
  expect(answer.status).toBe(200)
  expect(await soon(answer.text())).toBe('nothing')
})

test('close() ends what still waits for its answer', async () => {
  const { fake, post, close } = await server({ latencyMs: 60_000 })
  const waiting = post().catch((error: Error) => error)
  while (fake.ledger.users().length === 0) await turn()
  await close()
  expect(await waiting).toMatchObject({ message: expect.stringContaining('fetch failed') })
})

test('reset() leaves the door open', async () => {
  const { fake, post } = await server()
  await post()
  fake.reset()
  expect(fake.ledger.users()).toEqual([])
  await post()
  expect(fake.ledger.users()).toHaveLength(1)
})

describe('as handlers of msw', () => {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off' })
  const get = (host: string) => ky.get(`https://${host}/api/lists`, { headers, retry: 0 })
  let msw: ReturnType<typeof setupServer>
  beforeAll(async () => {
    const us = await fake.mswHandlers('https://api.iterable.com')
    const eu = await fake.mswHandlers('https://api.eu.iterable.com')
    msw = setupServer(...([...us, ...eu] as Parameters<typeof setupServer>))
    msw.listen({ onUnhandledRequest: 'bypass' })
  })
  afterAll(() => msw.close())
  beforeEach(() => fake.reset())

  test('the same core without a port', async () => {
    const asked = ky.post('https://api.iterable.com/api/users/bulkUpdate', { headers, json: users, retry: 0 })
    expect(await asked.json()).toMatchObject({ successCount: 1 })
    expect(fake.ledger.users()).toHaveLength(1)
  })

  test('the host is looked at', async () => {
    await expect(get('api.eu.iterable.com')).rejects.toMatchObject({ response: { status: 401 } })
  })

  test('what breaks, stalls or is silent does so here too', async () => {
    const host = 'api.iterable.com'
    fake.faults.next('lists', 'reset before apply').next('lists', 'stalled body').next('lists', 'no answer')
    await expect(get(host)).rejects.toThrow(/fetch/)
    const stalled = await get(host)
    expect(stalled.status).toBe(200)
    expect(await soon(stalled.text())).toBe('nothing')
    expect(await soon(get(host))).toBe('nothing')
    expect(await get(host).json()).toEqual({ lists: [] })
  })
})
