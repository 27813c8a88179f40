import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { causeOf } from '../../src/errors.js'
import type { Clock } from '../../src/transport/clock.js'
import { HttpClient } from '../../src/transport/http-client.js'
import { Secret } from '../../src/transport/secret.js'
import { failure } from '../failure.js'

const baseUrl = 'https://api.example.com'
const request = {
  endpoint: 'users/bulkUpdate',
  method: 'POST',
  path: '/api/x?email=ann@example.com',
  headers: { 'api-key': 'key-canary' },
  body: Buffer.from('{"email":"ann@example.com"}'),
} as const

/** A deadline that rings when told. */
function bell(): Clock & { ring(): void } {
  let ring = (): void => {}
  return {
    now: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        ring = resolve
        signal.addEventListener('abort', () => reject(new Error('stopped')))
      }),
    ring: () => ring(),
  }
}

const client = (answer: () => Promise<Response> | Response, more = {}) =>
  new HttpClient({ baseUrl, fetch: async () => answer(), ...more })

const never = new AbortController().signal

describe('HttpClient', () => {
  test('sends what it was given and reads the answer whole', async () => {
    let seen: Request | undefined
    let body = ''
    const http = new HttpClient({
      baseUrl: `${baseUrl}/`,
      fetch: async (input) => {
        seen = input as Request
        body = await seen.text()
        return new Response('{"a":1}', { status: 201, headers: { 'retry-after': '3' } })
      },
    })
    expect(await http.send(request, never)).toEqual({ status: 201, afterMs: 3_000, json: { a: 1 } })
    expect(seen?.url).toBe('https://api.example.com/api/x?email=ann@example.com')
    expect(seen?.redirect).toBe('manual')
    expect(body).toBe('{"email":"ann@example.com"}')
  })

  test('never asks twice', async () => {
    let times = 0
    const http = client(() => {
      times += 1
      return new Response('{}', { status: 503 })
    })
    expect((await http.send(request, never)).status).toBe(503)
    expect(times).toBe(1)
  })

  test('one deadline covers a body that stalls behind its headers [I10]', async () => {
    const clock = bell()
    const stalled = new ReadableStream({ pull: () => new Promise(() => {}) })
    const sent = failure(client(() => new Response(stalled), { clock }).send(request, never))
    await new Promise(setImmediate)
    clock.ring()
    expect((await sent).code).toBe('DESTINATION_ANSWER_UNCLEAR')
  })

  test('and a fetch that never answers and does not listen', async () => {
    const clock = bell()
    const sent = failure(client(() => new Promise<Response>(() => {}), { clock }).send(request, never))
    await new Promise(setImmediate)
    clock.ring()
    expect((await sent).facts).toMatchObject({ problem: 'nothing whole within 30000 ms' })
  })

  test('a status that has spoken stands, whatever becomes of its body', async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) })
    expect(await client(() => new Response(broken, { status: 401 })).send(request, never)).toEqual({
      status: 401,
      json: undefined,
    })
  })

  test('of a page that is no JSON no more is kept than tells what it is', async () => {
    const page = client(() => new Response('x'.repeat(10_000), { status: 404 }))
    expect((await page.send(request, never)).text).toBe('x'.repeat(200))
  })

  test.each([400, 409])(
    'a %i that breaks off is no refusal: what it says of the rows is missing [I10]',
    async (status) => {
      const broken = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) })
      const sent = client(() => new Response(broken, { status })).send(request, never)
      expect((await failure(sent)).code).toBe('DESTINATION_ANSWER_UNCLEAR')
      const whole = client(() => new Response('No user with that id exists!', { status }))
      expect(await whole.send(request, never)).toEqual({
        status,
        json: undefined,
        text: 'No user with that id exists!',
      })
    },
  )

  test('an answer that breaks off is unclear [I10]', async () => {
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"successCount":'))
        controller.error(new TypeError('terminated'))
      },
    })
    expect((await failure(client(() => new Response(broken)).send(request, never))).code).toBe(
      'DESTINATION_ANSWER_UNCLEAR',
    )
  })

  test('an answer has a largest size, and reading stops there [I12]', async () => {
    let pulled = 0
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1_000))
      },
    })
    const error = await failure(client(() => new Response(endless), { answerBytesMax: 10_000 }).send(request, never))
    expect(error.facts).toMatchObject({ problem: 'more than 10000 bytes' })
    expect(pulled).toBeLessThan(20)
  })

  test.each([
    ['', 'nothing: the body is empty'],
    ['<html>', 'something that is no JSON'],
    ['{"a":', 'something that is no JSON'],
  ])('a 2xx of %j is unclear [I10]', async (body, problem) => {
    expect((await failure(client(() => new Response(body)).send(request, never))).facts).toMatchObject({ problem })
  })

  test.each([301, 302, 303, 307, 308])('%i is never followed', async (status) => {
    const error = await failure(
      client(() => new Response(null, { status, headers: { location: 'https://evil.example' } })).send(request, never),
    )
    expect(error).toMatchObject({ code: 'DESTINATION_REDIRECTED', remedy: 'halt' })
  })

  test('an abort is an abort, before and while', async () => {
    const stop = new AbortController()
    const sent = failure(client(() => new Promise<Response>(() => {})).send(request, stop.signal))
    stop.abort()
    expect((await sent).code).toBe('ABORTED')
    expect((await failure(client(() => new Response('{}')).send(request, stop.signal))).code).toBe('ABORTED')
  })

  test('failures of the connection are named from a list, anything else is not [I7]', async () => {
    const coded = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) })
    for (const [thrown, problem] of [
      [coded('ECONNRESET'), 'ECONNRESET'],
      [coded('ann@example.com'), 'network error'],
      ['text', 'network error'],
    ] as const) {
      const error = await failure(client(() => Promise.reject(thrown)).send(request, never))
      expect(error).toMatchObject({ code: 'DESTINATION_UNREACHABLE', facts: { problem } })
    }
  })

  test('no error shows the key, the query, the body or the answer [I7]', async () => {
    const answers: (() => Promise<Response> | Response)[] = [
      () => new Response('key-canary ann@example.com'),
      () => new Response(null, { status: 302, headers: { location: 'https://x.example/?ann@example.com' } }),
      () => Promise.reject(new TypeError('failed for ann@example.com with key-canary')),
    ]
    for (const answer of answers) {
      const error = await failure(client(answer).send(request, never))
      const shown =
        inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + error.stack + error.message
      expect(shown).not.toMatch(/ann@|canary/)
      if (error.code !== 'DESTINATION_REDIRECTED') expect(causeOf(error)).toBeDefined()
    }
  })

  test.each([
    'http://api.example.com',
    'ftp://x',
    'nonsense',
    'https://user:pw@api.example.com',
    'https://api.example.com/?a=1',
    'https://api.example.com/#a',
    'http://localhost.evil.example',
  ])('the base URL %s is refused', (url) => {
    expect(() => new HttpClient({ baseUrl: url })).toThrow(/OPTION_INVALID/)
  })

  test.each(['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:1', 'https://api.eu.iterable.com'])(
    'the base URL %s is taken',
    (url) => {
      expect(new HttpClient({ baseUrl: url }).baseUrl).toBe(url)
    },
  )
})

describe('Secret', () => {
  const at = { part: 'IterableDestination', option: 'apiKey' }

  test('nothing that shows it shows its value [I7]', async () => {
    const secret = new Secret('key-canary', at)
    expect(
      `${inspect({ secret }, { showHidden: true, depth: 9 }) + JSON.stringify({ secret }) + String(secret)}${secret}`,
    ).not.toContain('canary')
    expect(await secret.reveal()).toBe('key-canary')
  })

  test.each([undefined, '', null])('%j is missing', (source) => {
    expect(() => new Secret(source as never, at)).toThrow(
      /CREDENTIALS_MISSING: IterableDestination has no credential for apiKey/,
    )
  })

  test.each(['with space', 'line\nbreak', 'ü'])('%j cannot be a header, and the error does not show it', (source) => {
    expect(() => new Secret(source, at)).toThrow(/OPTION_INVALID/)
    expect(() => new Secret(source, at)).not.toThrow(source)
  })

  test('a function is asked once, and again after a refusal', async () => {
    const given = ['one', 'two', 'two']
    const secret = new Secret(() => given.shift() ?? 'none', at)
    expect([await secret.reveal(), await secret.reveal()]).toEqual(['one', 'one'])
    expect([await secret.renew('one'), await secret.reveal(), await secret.renew('two')]).toEqual([true, 'two', false])
  })

  test.each([
    () => '',
    () => undefined as never,
    () => {
      throw new Error('vault says key-canary')
    },
  ])('a function that gives none (%#)', async (source) => {
    const error = await failure(new Secret(source, at).reveal())
    expect(error.code).toBe('CREDENTIALS_MISSING')
    expect(inspect(error)).not.toContain('canary')
  })
})
