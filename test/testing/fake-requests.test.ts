import { describe, expect, test } from 'vitest'
import { A, project, user } from './fake-project.js'

/*
 * Each name says how sure the fact is (`source`, `unsure`, `invented`) and where it is from: SW Iterable's Swagger
 * (July 2026), GR grouparoo's recordings (2021), VCR mtchavez' cassettes (2017 to 2022), GO block/iterable-go, RT
 * rudder-transformer, SEG Segment's actions, AB and AE second-hand readers, AC the official client's tests, HC-n help articles. What has no mark is no
 * fact about Iterable but a promise of the fake.
 */
describe('keys', () => {
  test.each(['api-key', 'api_key'])('[source SW, RT] the header %s carries the key', async (name) => {
    const { call } = project({ apiKey: 'mine' })
    expect(await call('GET', 'lists', undefined, { [name]: 'mine' })).toMatchObject({ status: 200 })
    expect(await call('GET', 'lists', undefined, { [name]: 'other' })).toMatchObject({ status: 401 })
    expect(await call('GET', 'lists', undefined, {})).toMatchObject({ status: 401 })
  })

  test('[source HC-360043464871] a key is not known in the other data center', async () => {
    const ask = async (dataCenter: 'us' | 'eu', host: string) =>
      (await project({ dataCenter }).call('GET', 'lists', undefined, { 'api-key': 'fake-key', host })).status
    expect(await ask('us', 'api.iterable.com')).toBe(200)
    expect(await ask('us', 'api.eu.iterable.com')).toBe(401)
    expect(await ask('eu', 'api.eu.iterable.com')).toBe(200)
    expect(await ask('eu', 'api.iterable.com')).toBe(401)
    expect(await ask('eu', '127.0.0.1:4000')).toBe(200)
  })

  test('revoke(): from then on every key is refused', async () => {
    const { fake, get } = project()
    fake.revoke()
    expect(await get('lists')).toMatchObject({ status: 401, json: { code: 'BadApiKey' } })
  })
})

describe('paths', () => {
  test.each([
    ['GET', 'nothing/here'],
    ['POST', 'users/getFields'],
    ['PUT', 'lists'],
    ['GET', 'users/%E0%A4%A'],
  ])('[source VCR] %s %s is no path: a page of HTML', async (method, path) => {
    const answer = await project().call(method, path)
    expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'text/html' } })
    expect(answer.body).toContain('Action not found')
  })

  test('[source SEG] channels answers, as others use it to try a key', async () => {
    expect(await project().get('channels')).toMatchObject({ status: 200, json: { channels: [] } })
  })
})

test('[source GR, VCR] answers are JSON and carry no id of the request', async () => {
  const { headers } = await project().get('lists')
  expect(headers).toEqual({ 'content-type': 'application/json' })
})

test('[source AE; unsure when] moreFields: an answer may have a field that nobody knows, or not', async () => {
  const ask = async (moreFields: boolean) => {
    const { bulk, get } = project({ unsure: { moreFields }, lists: ['churn'] })
    await bulk([user(A)])
    const answers = [await bulk([user(A)]), await get('users/getFields'), await get(`users/${A}`), await get('lists')]
    const text = (await get('lists/getUsers?listId=1001')).body
    return [...answers.map(({ json }) => Object.keys(json).includes('addedLater')), text]
  }
  expect(await ask(false)).toEqual([false, false, false, false, ''])
  expect(await ask(true)).toEqual([true, true, true, true, ''])
})

describe('bodies', () => {
  test('[source RT] one field of a wrong type refuses the whole request, valid rows included', async () => {
    const { bulk, ledger } = project()
    const { status, json } = await bulk([user(A), { email: 5, dataFields: [], preferUserId: 'yes' }, 'x'])
    expect(status).toBe(400)
    expect(json).toEqual({
      msg: '[/api/users/bulkUpdate] Invalid JSON body',
      code: 'BadJsonBody',
      params: {
        'obj.users[1].email': 'String value expected',
        'obj.users[1].dataFields': 'Object value expected',
        'obj.users[1].preferUserId': 'Boolean value expected',
        'obj.users[2]': 'Object value expected',
      },
    })
    expect(ledger.entries).toEqual([])
  })

  test('[source RT, VCR] what is missing or no array is named too', async () => {
    const { post } = project()
    expect((await post('users/bulkUpdate', { users: {} })).json.params).toEqual({ 'obj.users': 'Array value expected' })
    expect((await post('users/bulkUpdate', {})).json.params).toEqual({ 'obj.users': 'Required field missing' })
    expect((await post('lists', { name: null })).json.params).toEqual({ 'obj.name': 'String value expected' })
    expect((await post('lists/subscribe', { listId: 1.5, subscribers: [] })).json.params).toEqual({
      'obj.listId': 'Number value expected',
    })
  })

  test.each([
    ['', {}],
    ['{"users":[}', {}],
    ['"text"', { obj: 'Object value expected' }],
    ['[]', { obj: 'Object value expected' }],
    ['null', { obj: 'Object value expected' }],
  ])('[source RT; invented which path] %j is no body', async (body, params) => {
    const { status, json } = await project().call('POST', 'users/bulkUpdate', body)
    expect([status, json.code, json.params]).toEqual([400, 'BadJsonBody', params])
  })

  test('[invented] bytes that are no UTF-8 are no body', async () => {
    const body = Buffer.from(JSON.stringify({ users: [user(A, { name: 'M\u00fcller' })] }), 'latin1')
    const headers = { 'api-key': 'fake-key' }
    const answer = await project().fake.handle({ method: 'POST', path: '/api/users/bulkUpdate', headers, body })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'BadJsonBody'])
  })

  test('[unsure] badJsonBody: the form of 2022 repeats the body and the key, the terse one does not', async () => {
    const body = { users: [{ email: 'secret@example.com', userId: 5 }] }
    const said = async (badJsonBody: 'terse' | '2022') =>
      (await project({ unsure: { badJsonBody } }).post('users/bulkUpdate', body)).json
    const old = await said('2022')
    expect(old.msg).toContain('secret@example.com')
    expect(old.msg).toContain('fake-key')
    expect(old.params['obj.users[0].userId']).toEqual([{ msg: ['error.expected.jsstring'], args: [] }])
    expect(JSON.stringify(await said('terse'))).not.toMatch(/secret|fake-key/)
  })

  test('[unsure] tooLarge: more than 4 MB [source SW] is refused as 413 or as BatchTooLarge', async () => {
    const sized = (bytes: number) => {
      const frame = JSON.stringify({ users: [user(A)] }).length
      return JSON.stringify({ users: [user(A)] }) + ' '.repeat(bytes - frame)
    }
    const send = (bytes: number, tooLarge: '413' | 'BatchTooLarge' = '413') => {
      const { call } = project({ unsure: { tooLarge } })
      return call('POST', 'users/bulkUpdate', sized(bytes))
    }
    expect(await send(4_000_000)).toMatchObject({ status: 200 })
    expect(await send(4_000_001)).toMatchObject({ status: 413 })
    expect(await send(4_000_001, 'BatchTooLarge')).toMatchObject({ status: 400, json: { code: 'BatchTooLarge' } })
  })
})

describe('rates', () => {
  test('[source SW] five bulk updates a second, in a sliding window', async () => {
    let now = 0
    const { bulk, ledger } = project({ rates: 'published', now: () => now })
    const send = async () => (await bulk([user(A)])).status
    for (const at of [0, 0, 0, 500, 500]) {
      now = at
      expect(await send()).toBe(200)
    }
    now = 999
    expect(await send()).toBe(429)
    expect(ledger.entries).toHaveLength(5)
    now = 1_000 // the three of 0 have left the window; two of 500 and the refused one are in it
    expect([await send(), await send(), await send()]).toEqual([200, 200, 429])
  })

  test('[unsure] limiter: nothing beyond the limit in any window, or a bucket that leaks evenly', async () => {
    const send = async (limiter: 'window' | 'bucket') => {
      let now = 0
      const { bulk } = project({ rates: 'published', unsure: { limiter }, now: () => now })
      const statuses: number[] = []
      for (const at of [0, 0, 0, 0, 0, 0, 199, 200, 200, 400, 1_400, 1_400]) {
        now = at
        statuses.push((await bulk([user(A)])).status)
      }
      return statuses.map((status) => status === 200)
    }
    const [yes, no] = [true, false]
    expect(await send('window')).toEqual([yes, yes, yes, yes, yes, no, no, no, no, no, yes, yes])
    expect(await send('bucket')).toEqual([yes, yes, yes, yes, yes, no, no, yes, no, yes, yes, yes])
  })

  test.each([
    ['users/getFields', 3],
    ['lists/getUsers?listId=1', 5],
    ['lists', 100],
  ])('[source SW] GET %s: %d in its window', async (path, count) => {
    const { get } = project({ rates: 'published', now: () => 0 })
    for (let asked = 0; asked < count; asked += 1) expect((await get(path)).status).not.toBe(429)
    expect((await get(path)).status).toBe(429)
    expect((await get('channels')).status).toBe(200) // each endpoint has a window of its own (derived)
  })

  test('limits of its own stand over the published ones', async () => {
    const { get } = project({ rates: { lists: { count: 1, perMs: 250 } }, now: () => 0 })
    await get('lists')
    expect((await get('lists')).json.msg).toContain('1.0 per 250 ms')
    for (let asked = 0; asked < 3; asked += 1) await get('users/getFields')
    expect((await get('users/getFields')).status).toBe(429)
  })

  test('[unsure] retryAfter: a 429 says when to come back, or not [source VCR]', async () => {
    const refused = (unsure: object) => project({ rates: { lists: { count: 0, perMs: 2_500 } }, unsure }).get('lists')
    expect((await refused({})).headers).not.toHaveProperty('retry-after')
    expect((await refused({ retryAfter: true })).headers).toMatchObject({ 'retry-after': '3' })
  })
})
