import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import { DatabricksCatalog } from '../../src/index.js'
import { HttpClient } from '../../src/transport/http-client.js'
import { trustingFetch } from '../../src/transport/trusting-fetch.js'
import { CERTIFICATE, KEY } from '../fakes/warehouse/certificate.js'

const named = { part: 'P', option: 'customCaCert' }
const never = new AbortController().signal
let server: Server
let baseUrl = ''

beforeAll(async () => {
  server = createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
    if (request.url === '/away') return response.writeHead(302, { location: '/x' }).end()
    if (request.url === '/none') return response.writeHead(204).end()
    if (request.url === '/silent') return undefined
    if (request.url?.startsWith('/api/2.1/unity-catalog/catalogs'))
      return response.end('{"catalogs":[{"name":"main"}]}')
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, headers } = request
      const body = Buffer.concat(parts).toString()
      response.writeHead(201, { 'retry-after': '2' }).end(JSON.stringify({ method, body, key: headers.authorization }))
    })
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const client = (fetch = trustingFetch(CERTIFICATE, named)) => new HttpClient({ baseUrl, fetch })
const request = (path: string) =>
  ({ endpoint: 'e', method: 'POST', path, headers: { authorization: 'a' }, body: Buffer.from('b') }) as const
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => (isLakeloopError(error) ? `${error.code} ${error.facts.problem ?? ''}` : String(error)),
  )

describe('trustingFetch()', () => {
  test('trusts the certificate, which nobody else does', async () => {
    expect(await client().send(request('/'), never)).toEqual({
      status: 201,
      afterMs: 2_000,
      dateMs: expect.any(Number),
      json: { method: 'POST', body: 'b', key: 'a' },
    })
    expect(await codeOf(client(globalThis.fetch).send(request('/'), never))).toBe(
      'DESTINATION_UNREACHABLE DEPTH_ZERO_SELF_SIGNED_CERT',
    )
  })

  test('follows no redirect, and takes an answer without a body', async () => {
    expect(await codeOf(client().send(request('/away'), never))).toMatch('DESTINATION_REDIRECTED')
    expect(await codeOf(client().send(request('/none'), never))).toMatch('the body is empty')
  })

  test('ends when it is cancelled', async () => {
    const cancel = new AbortController()
    const silent = codeOf(client().send(request('/silent'), cancel.signal))
    const response = await new Promise<ServerResponse>((resolve) => server.once('request', (_, it) => resolve(it)))
    const closed = new Promise((resolve) => response.once('close', resolve))
    cancel.abort()
    expect(await silent).toMatch('ABORTED')
    await closed
  })

  test.each(['', 'nothing', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'refuses %j as a certificate at once',
    (text) => {
      expect(() => trustingFetch(text, named)).toThrow('P: option customCaCert is no certificate in PEM')
    },
  )
})

test('DatabricksCatalog takes customCaCert', async () => {
  const port = Number(new URL(baseUrl).port)
  const options = { host: 'localhost', port, auth: { token: 't' }, allowPrivateHost: true, customCaCert: CERTIFICATE }
  await using catalog = new DatabricksCatalog(options)
  const found = []
  for await (const { name } of catalog.list()) found.push(name)
  expect(found).toEqual(['main'])
})
