import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Exchange } from '../../src/transport/exchange.js'
import { HttpClient, type HttpRequest } from '../../src/transport/http-client.js'
import { UndiciExchange } from '../../src/transport/undici-exchange.js'

// What each transport makes of a server that misbehaves on a real socket: ky on the platform's own fetch, and undici.

const bomb = gzipSync(Buffer.alloc(50_000_000, ' '))
let received = 0
const bodies: string[] = []
const headers: (string | undefined)[] = []
let answer: (response: ServerResponse) => void = () => {}
const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    received += 1
    bodies.push(Buffer.concat(parts).toString())
    headers.push(request.headers['content-length'], request.headers['api-key'] as string)
    answer(response)
  })
})
let baseUrl = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const request: HttpRequest = {
  endpoint: 'users/bulkUpdate',
  method: 'POST',
  path: '/api/users/bulkUpdate',
  headers: { 'api-key': 'key', 'content-type': 'application/json' },
  body: Buffer.from('{"users":["ü"]}'),
}
const never = new AbortController().signal
const TOO_MUCH = 'more than 8388608 bytes'
const undici = new UndiciExchange()
afterAll(() => undici.close())

describe.each<[string, Exchange | undefined]>([
  ['fetch', undefined],
  ['undici', (url, sent) => undici.send(url, sent)],
])('through %s', (_, exchange) => {
  const send = (more = {}) => new HttpClient({ baseUrl, exchange, ...more }).send(request, never)

  test('the bytes arrive as they were prepared, with their length', async () => {
    answer = (response) => response.end('{"successCount":1}')
    expect(await send()).toEqual({ status: 200, json: { successCount: 1 }, dateMs: expect.any(Number) })
    expect(bodies.at(-1)).toBe('{"users":["ü"]}')
    expect(headers.slice(-2)).toEqual(['16', 'key'])
  })

  test.each<[string, (response: ServerResponse) => void, object]>([
    ['a reset', (response) => response.socket?.resetAndDestroy(), { code: 'DESTINATION_UNREACHABLE' }],
    [
      'a closed connection',
      (response) => response.socket?.destroy(),
      { code: 'DESTINATION_UNREACHABLE', facts: { problem: 'UND_ERR_SOCKET' } },
    ],
    ['no answer', () => {}, { code: 'DESTINATION_ANSWER_UNCLEAR' }],
    [
      'headers and a stalled body',
      (response) => response.writeHead(200).write('{"success'),
      { code: 'DESTINATION_ANSWER_UNCLEAR' },
    ],
    [
      'a body shorter than its length',
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"successCount":1}')
        setImmediate(() => response.socket?.destroy())
      },
      { code: 'DESTINATION_ANSWER_UNCLEAR' },
    ],
    [
      'a small answer that unpacks to 50 MB',
      (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      },
      // undici unpacks nothing, and so asks for nothing packed.
      { code: 'DESTINATION_ANSWER_UNCLEAR', facts: { problem: exchange ? 'something that is no JSON' : TOO_MUCH } },
    ],
    [
      'a redirect to elsewhere',
      (response) => response.writeHead(307, { location: `${baseUrl}/elsewhere` }).end(),
      { code: 'DESTINATION_REDIRECTED' },
    ],
    ['200 without a body', (response) => response.end(), { code: 'DESTINATION_ANSWER_UNCLEAR' }],
  ])('%s is asked once and named', async (_, misbehave, error) => {
    answer = misbehave
    const before = received
    await expect(send({ timeoutMs: 1_000 })).rejects.toMatchObject(error)
    expect(received - before).toBe(1)
  })

  test('a server that is not there', async () => {
    await expect(
      new HttpClient({ baseUrl: 'http://127.0.0.1:1', exchange }).send(request, never),
    ).rejects.toMatchObject({
      code: 'DESTINATION_UNREACHABLE',
    })
  })
})
