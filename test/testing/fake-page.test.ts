import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

/** A project, and ways to what lies outside of `/api/`, without a key. */
function steered(options: Partial<FakeIterableOptions> = {}) {
  const made = project({ lists: ['churn'], ...options })
  const ask = async (how: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [method = '', path = ''] = how.split(' ')
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await made.fake.handle({ method, path, headers, body: new TextEncoder().encode(text) })
    return {
      ...answer,
      json: answer.headers['content-type'] === 'application/json' ? JSON.parse(answer.body) : undefined,
    }
  }
  return { ...made, ask }
}

/** The text of each row's cells. */
const cells = (html: string) =>
  [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) => cell),
  )

describe('the page at /', () => {
  test('shows profiles, lists, requests and the last failures', async () => {
    const { ask, bulk, post, get } = steered({ now: () => Date.UTC(2026, 10, 20, 12, 34, 56) })
    await bulk([{ ...user(A, { score: 0.5 }), userId: 'u-1' }, user('none')])
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    await get('nothing')
    const { status, headers, body } = await ask('GET /')
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(cells(body)).toContainEqual([A, 'u-1', 'churn', '0', '{&quot;score&quot;:0.5}'])
    expect(cells(body)).toContainEqual(['1001', 'churn', 'Standard', '1'])
    expect(cells(body)).toContainEqual(['12:34:56', '404', 'GET /api/nothing', expect.any(String)])
    expect(cells(body)).toContainEqual(['12:34:56', '200', 'POST /api/users/bulkUpdate', expect.any(String)]) // a row failed in it
    expect(body).toContain('<b>3</b>requests')
    expect(body).toContain('at most 3 in one')
  })

  test('escapes everything that somebody may have sent', async () => {
    const evil = '<script>alert("x")</script>&\''
    const { ask, post, bulk, fake } = steered({ lists: [evil, { name: 'b', type: evil }] })
    await bulk([user(`"<b>"@example.com`), user(A, { [evil]: evil })])
    await post('users/update', { email: evil })
    await fake.handle({ method: evil, path: `/api/${evil}?${evil}`, headers: {}, body: new Uint8Array() })
    const { body } = await ask(`GET /?q=${encodeURIComponent('"><script>alert(1)</script>')}`)
    const shown = await ask('GET /')
    for (const html of [body, shown.body]) {
      expect(html.match(/<script/g)).toHaveLength(1) // its own
      expect(html).not.toContain('alert("x")')
      expect(html).not.toContain('<script>alert')
    }
    expect(shown.body).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;')
  })

  test('loads nothing from elsewhere, and says so to the browser', async () => {
    const { headers, body } = await steered().ask('GET /')
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*script-src 'sha256-[^']+';/)
    expect(body).not.toMatch(/\b(src|href|url\()\s*=?\s*["']?(https?:)?\/\//)
    expect(body).toContain('<meta name="viewport" content="width=device-width,initial-scale=1">')
  })

  test('shows the newest fifty, and finds an address', async () => {
    const { ask, bulk } = steered()
    await bulk(Array.from({ length: 60 }, (_, at) => user(`p${at}@example.com`)))
    const { body } = await ask('GET /')
    expect(body).toContain('the newest 50 of 60')
    expect(body).toContain('p59@example.com')
    expect(body).not.toContain('p9@example.com')
    expect((await ask('GET /?q=P9@')).body).toContain('p9@example.com')
  })

  test('finds somebody by either identifier, before all else on the page, and says so if there is nobody', async () => {
    const { ask, bulk } = steered({ projectType: 'userId' })
    await bulk([{ userId: 'U-1', email: A }, { userId: 'v' }])
    for (const q of ['u-1', A]) {
      const { body } = await ask(`GET /?q=${q}`)
      expect(cells(body).flat().includes('v')).toBe(false)
      expect(
        cells(body)
          .find((row) => row.length > 0)
          ?.slice(0, 2),
      ).toEqual(['U-1', A])
    }
    expect((await ask('GET /?q=%3Cnobody%3E')).body).toContain('Nobody here with &lt;nobody&gt;')
  })

  test('a profile of a million characters is cut, and shown with more of it where it is found alone', async () => {
    const { ask, bulk } = steered()
    const fields = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, 'x'.repeat(30_000)]))
    await bulk([user(A, fields), user(B)])
    expect((await ask('GET /')).body.length).toBeLessThan(20_000)
    const alone = (await ask(`GET /?q=${A}`)).body.length
    expect([alone > 50_000, alone < 150_000]).toEqual([true, true])
  })

  test('asks for no picture of its own as if it were a path of Iterable', async () => {
    const { ask, fake } = steered()
    expect((await ask('GET /favicon.ico')).status).toBe(404)
    expect([fake.ledger.requests().total, fake.activity.failures()]).toEqual([0, []])
  })
})

describe('control over HTTP', () => {
  test('the ledger, whole, of one address, or after an entry', async () => {
    const { ask, bulk } = steered()
    await bulk([user(A), user(B)])
    await bulk([user(A)])
    const seqs = async (query: string) =>
      (await ask(`GET /fake/ledger${query}`)).json.entries.map(({ seq }: { seq: number }) => seq)
    expect(await seqs('')).toEqual([1, 2, 3])
    expect(await seqs(`?address=${A}`)).toEqual([1, 3])
    expect(await seqs('?after=1&limit=1')).toEqual([2])
    expect((await ask('GET /fake/ledger')).json.requests.byEndpoint).toEqual({ 'users/bulkUpdate': 2 })
  })

  test('faults by script, by number, by rule and by seed', async () => {
    const { ask, bulk, get } = steered()
    await ask('POST /fake/faults', { next: 'server error', endpoint: 'lists' })
    await ask('POST /fake/faults', { at: 2, fault: { kind: 'throttle with Retry-After', retryAfterS: 9 } })
    await ask('POST /fake/faults', { refuse: [A], list: 'conflictEmails' })
    expect((await get('lists')).status).toBe(500)
    expect((await get('lists')).headers['retry-after']).toBe('9')
    await ask('POST /fake/faults', { next: { kind: 'server error', status: 504, code: 'X' } })
    expect(await get('channels')).toMatchObject({ status: 504, json: { code: 'X' } })
    expect((await bulk([user(A)])).json.failedUpdates.conflictEmails).toEqual([A])
    expect((await ask('GET /fake/faults')).json.hits).toEqual({
      'server error': 2,
      'throttle with Retry-After': 1,
      'failed rows': 1,
    })
    await ask('DELETE /fake/faults')
    await ask('POST /fake/faults', { seed: 1, rate: 1, kinds: ['unavailable'] })
    expect((await get('lists')).status).toBe(503)
    expect((await ask('POST /fake/faults', { seed: 1, rate: 1 })).status).toBe(200)
  })

  test.each([
    { next: 'server eror' },
    { next: 'server error', endpoint: 'list' },
    { next: { kind: 'failed rows', list: 'x' } },
    { at: 0, fault: 'throttle' },
    { seed: 1, rate: 2 },
    { reset: true },
    '{',
  ])('%j is refused, and steers nothing', async (body) => {
    const { ask, get } = steered()
    expect(await ask('POST /fake/faults', body)).toMatchObject({ status: 400, json: { problem: expect.any(String) } })
    expect((await get('lists')).status).toBe(200)
  })

  test.each([
    [{ next: 'server eror' }, /^next\.kind: .*"server error"/],
    [{ next: 'throttle', rate: 1 }, /rate/],
    [{ nxt: 'throttle' }, /^next, at, refuse or seed is wanted$/],
    [undefined, /^next, at, refuse or seed is wanted$/],
    [{ next: { kind: 'throttle with Retry-After', retryAfterS: -5 } }, /^next\.retryAfterS: /],
    [{ seed: 1 }, /^rate: /],
  ])('%j: what is wrong is said in a line', async (body, said) => {
    const { problem } = (await steered().ask('POST /fake/faults', body)).json
    expect(problem).toMatch(said)
    expect([problem.includes('\n'), problem.length < 500]).toEqual([false, true])
  })

  test('which faults and endpoints there are', async () => {
    const { kinds, endpoints } = (await steered().ask('GET /fake/faults')).json
    expect([kinds, endpoints]).toEqual([expect.arrayContaining(['throttle']), expect.arrayContaining(['lists/create'])])
  })

  test.each(['after=x', 'limit=-3', 'limit=1.5', 'after='])(
    'a ledger with %s is refused, and not empty',
    async (query) => {
      const { ask, bulk } = steered()
      await bulk([user(A)])
      expect(await ask(`GET /fake/ledger?${query}`)).toMatchObject({
        status: 400,
        json: { problem: expect.any(String) },
      })
    },
  )

  test('what happened, and a reset', async () => {
    const { ask, bulk, get, fake } = steered()
    await ask('POST /fake/happened', { dataType: 'emailOpen', fields: { email: A } })
    expect((await get('export/data.json?dataTypeName=emailOpen&range=All')).body).toContain(A)
    expect((await ask('POST /fake/happened', { dataType: 'nothing', fields: {} })).status).toBe(400)
    await bulk([user(A)])
    await ask('POST /fake/reset')
    expect([fake.ledger.users(), fake.ledger.happenings, fake.activity.failures()]).toEqual([[], [], []])
  })

  test('is no request of Iterable: no key, no rate, no fault, not counted', async () => {
    const { fake, ask, get } = steered({ rates: { lists: { count: 1, perMs: 1_000 } }, now: () => 0 })
    fake.faults.next(undefined, 'server error')
    for (const how of ['GET /', 'GET /fake/ledger', 'GET /fake/activity']) expect((await ask(how)).status).toBe(200)
    expect(fake.ledger.requests().total).toBe(0)
    expect((await get('lists')).status).toBe(500)
    expect((await ask('GET /fake/activity')).json.perSecond.at(-1)).toBe(1)
  })

  test('does not listen to a page of another site, and knows no other path', async () => {
    const { ask } = steered()
    const host = '127.0.0.1:4010'
    const from = (origin: string) => ask('POST /fake/reset', undefined, { host, origin })
    expect((await from('http://127.0.0.1:4010')).status).toBe(200)
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:4011'])
      expect((await from(origin)).status).toBe(403)
    expect((await ask('GET /fake/nothing')).status).toBe(404)
    expect((await ask('PUT /fake/reset')).status).toBe(404)
  })
})

test('activity: counts per second for a minute, and keeps the last fifty failures without queries', async () => {
  let now = 0
  const { fake, get } = project({ now: () => now })
  await get('lists')
  now = 59_999
  await get('lists')
  expect(fake.activity.perSecond()).toHaveLength(60)
  expect([fake.activity.perSecond()[0], fake.activity.perSecond()[59]]).toEqual([1, 1])
  now = 60_000
  await get('lists?api_key=secret')
  expect(fake.activity.perSecond().reduce((sum, one) => sum + one)).toBe(2)
  for (let sent = 0; sent < 51; sent += 1) await get(`nothing/${sent}?api_key=secret`)
  expect(fake.activity.failures()).toHaveLength(50)
  expect(fake.activity.failures()[0]).toMatchObject({ what: '404', path: '/api/nothing/50' })
})

test('activity: a fault is a failure under its name, and so is what a 200 does not do', async () => {
  const { fake, get, bulk, track, post } = project({ disallowedEvents: ['off'] })
  await bulk([user(A)])
  const failed: string[] = []
  const seen = async (ask: () => Promise<unknown>) => {
    const before = fake.activity.failures().length
    await ask()
    failed.push(fake.activity.failures().length === before ? 'none' : (fake.activity.failures()[0]?.what ?? ''))
  }
  for (const kind of [
    'throttle',
    'redirect',
    'empty 200',
    'HTML 200',
    'failure in 200',
    'reset after apply',
  ] as const) {
    fake.faults.next('lists', kind)
    await seen(() => get('lists'))
  }
  await seen(() => get('lists'))
  await seen(() => track([{ email: A, eventName: 'off' }]))
  await seen(() => post('events/track', { email: A, eventName: 'off' }))
  expect(failed).toEqual([
    '429 (throttle)',
    '307 (redirect)',
    '200 (empty 200)',
    '200 (HTML 200)',
    '200 (failure in 200)',
    'reset (reset after apply)',
    'none',
    '200',
    '200',
  ])
})
