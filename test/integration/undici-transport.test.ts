import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { IterableDestination } from 'lakeloop'
import { FakeIterable } from 'lakeloop/testing'
import { afterEach, expect, test } from 'vitest'
import { actionBlock } from '../../src/model/action-block.js'
import { UndiciExchange } from '../../src/transport/undici-exchange.js'

const signal = new AbortController().signal
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

test('a destination sends its purchases through undici', async () => {
  const fake = new FakeIterable({ projectType: 'email' })
  const { url, close } = await fake.listen()
  const options = {
    project: 'undici',
    apiKey: 'fake-key',
    dataCenter: 'us',
    projectType: 'email',
    baseUrl: url,
  } as const
  const destination = new IterableDestination({ ...options, transport: 'undici' })
  closing.push(close, () => destination.close())
  const delivery = await destination.open(signal)
  const items = [{ id: '1', name: 'Shoe', price: 5, quantity: 1 }]
  const purchase = { kind: 'purchase', identifiers: { email: 'a@example.com' }, items, total: 5 } as const
  const { requests, refused } = await delivery.prepare(actionBlock([purchase]))
  expect([requests.length, refused]).toEqual([1, []])
  for (const request of requests) expect(await delivery.apply(request, signal)).toEqual([{ status: 'accepted' }])
})

test('is not combined with a fetch that is handed in', () => {
  const options = { project: 'p', apiKey: 'key', dataCenter: 'us', projectType: 'email', transport: 'undici' } as const
  expect(() => new IterableDestination({ ...options, fetch })).toThrow(/transport/)
})

test('close() ends its sockets, and never more than 32 are open', async () => {
  let open = 0
  let most = 0
  const server = createServer((_, response) => setTimeout(() => response.end('{}'), 5))
  server.on('connection', (socket) => {
    open += 1
    most = Math.max(most, open)
    socket.on('close', () => {
      open -= 1
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const exchange = new UndiciExchange()
  const answers = Array.from({ length: 100 }, async () => {
    const { body } = await exchange.send(url, { method: 'GET', headers: {}, signal })
    const reader = body?.getReader()
    while ((await reader?.read())?.done === false);
  })
  await Promise.all(answers)
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(32)
  await exchange.close()
  await exchange.close()
  await expect.poll(() => open).toBe(0)
})
