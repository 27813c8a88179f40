import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { FakeIterable } from 'lakeloop/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { SYSTEM_CLOCK } from '../../src/sync/clock.js'
import { deliver } from '../../src/sync/deliver.js'
import type { RetryLimits } from '../../src/sync/retry.js'
import { event, member, profile } from '../destinations/iterable-stub.js'
import { codes, SOON_MS, stand } from './iterable-stand.js'

// What can befall a request, row by row of the fault matrix, and what has to come of it. A fault that may have been applied
// and one that was not look the same from here: both must end in the same state.

const A = 'a@example.com'
const B = 'b@example.com'
const rows = [profile(A, { plan: 'new' }), profile(B, { plan: 'new' })]
const plans = (fake: FakeIterable) => [...fake.ledger.field('plan')].sort()
const BOTH_NEW = [
  [A, 'new'],
  [B, 'new'],
]

/** Sends, on a clock that says how long it was asked to wait. */
async function timed(destination: IterableDestination, actions: readonly Action[], limits: Partial<RetryLimits> = {}) {
  const waits: number[] = []
  const clock = { ...SYSTEM_CLOCK, random: () => 0.99, sleep: async (ms: number) => void waits.push(ms) }
  const sent = await deliver(destination, actions, { clock, limits }).catch((error: unknown) => error)
  return { sent, waits }
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A server in front of the fake that does to connections what the fake cannot. `false`: it has dealt with it. */
async function behind(meet: (request: IncomingMessage, response: ServerResponse) => boolean) {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off' })
  const server = createServer(async (request, response) => {
    if (!meet(request, response)) return
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method = 'GET', url = '/' } = request
    const headers = request.headers as Record<string, string>
    const answer = await fake.handle({ method, path: url, headers, body: Buffer.concat(chunks) })
    response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections())
  stops.push(close)
  const made = await stand({}, { baseUrl: `http://127.0.0.1:${port}` })
  return { ...made, fake }
}

describe('fault matrix: the destination on the fake [I2] [I10]', () => {
  test.each(['server error', 'unavailable', 'HTML 502', 'throttle'] as const)('%s: asked again', async (fault) => {
    const { fake, send } = await stand()
    fake.faults.next('users/bulkUpdate', fault).next('users/bulkUpdate', fault)
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBe(3)
    expect(plans(fake)).toEqual(BOTH_NEW)
  })

  test('413: the request is split, and never sent again in its size', async () => {
    const { fake, send } = await stand()
    fake.faults.next('users/bulkUpdate', 'too large').next('users/bulkUpdate', 'too large')
    const outcomes = await send(['a', 'b', 'c', 'd'].map((name) => profile(`${name}@example.com`)))
    expect(codes(outcomes)).toEqual(Array(4).fill('accepted'))
    expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBe(5) // four, two, one, one, and the other two
    expect(fake.ledger.users()).toHaveLength(4)
  })

  test('429 with Retry-After: 3600: waits a minute at most, and the run stops when that was often enough', async () => {
    const { fake, destination } = await stand()
    const hour = { kind: 'throttle with Retry-After', retryAfterS: 3_600 } as const
    for (let times = 0; times < 4; times += 1) fake.faults.next('users/bulkUpdate', hour)
    const { sent, waits } = await timed(destination, rows, { throttlesMax: 3 })
    expect(sent).toMatchObject({ code: 'RETRIES_SPENT', remedy: 'halt' })
    expect(waits).toEqual([60_000, 60_000])
    const again = await timed(destination, rows)
    expect([codes(again.sent as never), again.waits]).toEqual([['accepted', 'accepted'], [60_000]])
  })

  test.each(['reset after apply', 'reset before apply'] as const)(
    '%s: the same bytes again, events with the same ids',
    async (fault) => {
      const { fake, send } = await stand()
      await send(rows)
      fake.faults.next('events/trackBulk', fault)
      expect(codes(await send([event(A, 'seen'), event(B, 'seen')]))).toEqual(['accepted', 'accepted'])
      expect(fake.faults.hits[fault]).toBe(1)
      expect(fake.ledger.events()).toHaveLength(2)
    },
  )

  test('closed after apply: the same bytes again', async () => {
    let times = 0
    const { fake, send } = await behind(({ url = '' }, response) => {
      if (!url.endsWith('users/bulkUpdate') || times++ > 0) return true
      const end = response.end.bind(response)
      response.end = () => {
        response.socket?.end() // an orderly end, and no answer
        response.end = end
        return response
      }
      return true
    })
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect(plans(fake)).toEqual(BOTH_NEW)
    expect(fake.ledger.entries).toHaveLength(4) // both twice
  })

  test('cut off after apply: 200, and less of the body than its length says', async () => {
    let times = 0
    const { fake, send } = await behind(({ url = '' }, response) => {
      if (!url.endsWith('users/bulkUpdate') || times++ > 0) return true
      const end = response.end.bind(response)
      response.writeHead = ((status: number) =>
        Object.getPrototypeOf(response).writeHead.call(response, status, { 'content-length': 9_999 })) as never
      response.end = ((body: string) => {
        response.write(body.slice(0, 20), () => response.socket?.end())
        response.end = end
        return response
      }) as never
      return true
    })
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect([plans(fake), fake.ledger.entries.length]).toEqual([BOTH_NEW, 4]) // both twice
  })

  test('400 with failedUpdates: what it counts is not believed, and each row has its own outcome', async () => {
    let times = 0
    const { fake, send } = await behind(({ url = '' }, response) => {
      if (!url.endsWith('users/bulkUpdate') || times++ > 0) return true
      const json = { successCount: 1, failCount: 1, failedUpdates: { conflictEmails: [A] } }
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(json))
      return false
    })
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect(plans(fake)).toEqual(BOTH_NEW)
  })

  test.each(['truncated JSON', 'HTML 200', 'empty 200'] as const)(
    '%s: neither success nor failure, and when it goes on the run stops and the next one ends it',
    async (fault) => {
      const { fake, destination, send } = await stand()
      for (let times = 0; times < 6; times += 1) fake.faults.next('users/bulkUpdate', fault)
      const { sent, waits } = await timed(destination, rows)
      expect(sent).toMatchObject({ code: 'RETRIES_SPENT', facts: { attempts: 6, last: 'DESTINATION_ANSWER_UNCLEAR' } })
      expect(waits).toHaveLength(5)
      expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
      expect(plans(fake)).toEqual(BOTH_NEW)
    },
  )

  test.each(['no answer', 'stalled body'] as const)(
    '%s: one deadline over headers and body, then again',
    async (fault) => {
      const { fake, send } = await stand({}, { timeoutMs: SOON_MS })
      fake.faults.next('users/bulkUpdate', fault)
      expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
      expect(plans(fake)).toEqual(BOTH_NEW)
    },
  )

  test('DNS failure: a few times, then the run stops, and nothing was sent', async () => {
    let times = 0
    const fetch = async () => {
      times += 1
      throw new TypeError('fetch failed', { cause: { code: times % 2 ? 'ENOTFOUND' : 'EAI_AGAIN' } })
    }
    const { fake, destination } = await stand({}, { fetch })
    const { sent } = await timed(destination, rows)
    expect(sent).toMatchObject({ code: 'RETRIES_SPENT', facts: { attempts: 6, last: 'DESTINATION_UNREACHABLE' } })
    expect([times, fake.ledger.requests().total]).toEqual([6, 0])
  })

  test('stale keep-alive: the server drops connections that were idle; asked again on another', async () => {
    const used = new WeakSet<object>()
    let dropped = 0
    const { fake, send } = await behind(({ socket }) => {
      if (!used.has(socket)) {
        used.add(socket)
        return true
      }
      dropped += 1
      socket.destroy()
      return false
    })
    expect(codes(await send([...rows, event(A, 'seen'), member(B, 'vip')]))).toEqual(Array(4).fill('accepted'))
    expect(dropped).toBeGreaterThan(0)
    expect([plans(fake), fake.ledger.events().length, fake.ledger.members('vip')]).toEqual([BOTH_NEW, 1, [B]])
  })

  test('200 with failedUpdates: each row has its own outcome', async () => {
    const { fake, send } = await stand()
    fake.faults.refuse([A], { list: 'conflictEmails' })
    expect(codes(await send(rows))).toEqual(['USER_CONFLICT', 'accepted'])
    expect(plans(fake)).toEqual([[B, 'new']])
  })

  test('an email that only Iterable knows to be none: it names the row, and the others arrive', async () => {
    const { fake, send } = await stand()
    const unknown = profile('ada@example.invalid', { plan: 'new' })
    expect(codes(await send([rows[0] as Action, unknown, rows[1] as Action]))).toEqual([
      'accepted',
      'EMAIL_INVALID',
      'accepted',
    ])
    expect(plans(fake)).toEqual(BOTH_NEW)
  })

  test('identities that come back in another case and trimmed are those that were sent', async () => {
    const { fake, send } = await stand({ forgotten: [A] })
    expect(codes(await send([profile(' A@Example.com '), profile(B)]))).toEqual(['USER_FORGOTTEN', 'accepted'])
    expect(fake.ledger.users()).toHaveLength(1)
  })

  test('failCount that does not match: the request is taken apart until each part can be read', async () => {
    const { fake, send } = await stand()
    fake.faults.next('users/bulkUpdate', 'wrong counts')
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBe(3)
  })

  test('400 for the whole batch because of one row: that row is rejected, the others arrive', async () => {
    const { fake, send } = await stand()
    const actions = [
      profile(A, { fresh: 'text' }),
      profile(B, { fresh: 5 }),
      profile('c@example.com', { fresh: 'text' }),
    ]
    expect(codes(await send(actions))).toEqual(['accepted', 'FIELD_TYPE_CONFLICT', 'accepted'])
    expect(fake.ledger.users()).toHaveLength(2)
  })

  test.each(['unauthorized', 'redirect'] as const)(
    '%s in the middle: the run stops at once, nothing is lost',
    async (fault) => {
      const { fake, destination, send } = await stand({}, { sizeMax: 1 })
      fake.faults.next('users/bulkUpdate', { kind: 'failed rows' }).next('users/bulkUpdate', fault)
      const { sent } = await timed(destination, rows)
      expect(sent).toMatchObject({ remedy: 'halt' })
      expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBe(2)
      expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
      expect(plans(fake)).toEqual(BOTH_NEW)
    },
  )

  test('an answer that unpacks to more than it may: unclear, and read no further', async () => {
    const pad = '0'.repeat(64 * 1024 * 1024)
    const bomb = gzipSync(JSON.stringify({ successCount: 2, failCount: 0, pad }))
    let times = 0
    const { fake, send } = await behind(({ url = '' }, response) => {
      if (!url.endsWith('users/bulkUpdate') || times++ > 0) return true
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb)
      return false
    })
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    expect(plans(fake)).toEqual(BOTH_NEW)
  })

  test('a hook of the host that throws or rejects ends no run', async () => {
    const onEvent = () => Promise.reject(new Error('the host is broken')) as never
    const { send, ledger } = await stand({}, { onEvent })
    expect(codes(await send(rows))).toEqual(['accepted', 'accepted'])
    await new Promise(setImmediate) // an unhandled rejection would be told by now, and fail the test
    expect(ledger.users()).toHaveLength(2)
  })
})
