import { describe, expect, test } from 'vitest'
import { FakeIterable, type FakeIterableOptions } from '../../src/testing/index.js'
import bodies from '../golden/iterable/recorded.json' with { type: 'json' }

/**
 * Each test's name says how sure the fact is (`source`, `unsure`, `invented`) and where it is from: SW Iterable's Swagger
 * (July 2026), GR grouparoo's recordings (2021), VCR mtchavez' cassettes (2017 to 2022), GO block/iterable-go, RT
 * rudder-transformer, AC the official client's tests, HC-n help articles.
 */
function project(options: Partial<FakeIterableOptions> = {}) {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', ...options })
  const call = (method: string, path: string, body?: unknown, key = 'fake-key') => {
    const bytes = typeof body === 'string' ? body : JSON.stringify(body ?? '')
    const answer = fake.handle({
      method,
      path: `/api/${path}`,
      headers: { 'api-key': key },
      body: body === undefined ? new Uint8Array() : new TextEncoder().encode(bytes),
    })
    return { ...answer, json: parsed(answer.body) }
  }
  const bulk = (users: unknown[], more: object = {}) =>
    call('POST', 'users/bulkUpdate', { users, createNewFields: true, ...more })
  return { fake, call, bulk }
}
/** The body as JSON, `undefined` for anything else. */
function parsed(body: string) {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
const user = (email: string, dataFields: object = {}) => ({ email, dataFields })

describe('keys, bodies, limits', () => {
  test('[source RT] another key is 401 with the address of the caller and the endpoint', () => {
    const { call } = project()
    expect(call('GET', 'lists', undefined, 'wrong')).toMatchObject({ status: 401, json: bodies.badApiKey.body })
  })

  test('[source VCR] an unknown path is a page of HTML', () => {
    expect(project().call('GET', 'nothing/here')).toMatchObject({
      status: 404,
      body: expect.stringContaining('Action not found'),
    })
  })

  test('[source RT] one field of a wrong type refuses the whole request and names its path', () => {
    const { call, fake } = project()
    const events = [
      { email: 'a@example.com', eventName: 'x' },
      { email: 'a@example.com', eventName: 'x', createdAt: '1700000000' },
    ]
    const answer = call('POST', 'events/trackBulk', { events })
    expect(answer).toMatchObject({ status: 400, json: bodies.badJsonBody.body })
    expect(fake.ledger.entries).toEqual([])
  })

  test('[source SW] more than 4 MB is refused; [unsure] as 413 or as BatchTooLarge', () => {
    const large = `{"users":[{"email":"a@example.com","dataFields":{"a":"${'x'.repeat(4_000_000)}"}}]}`
    expect(project().call('POST', 'users/bulkUpdate', large).status).toBe(413)
    const other = project({ unsure: { tooLarge: 'BatchTooLarge' } }).call('POST', 'users/bulkUpdate', large)
    expect(other).toMatchObject({ status: 400, json: { code: 'BatchTooLarge' } })
  })

  test('[source SW] the sixth bulk update within a second is 429, [source VCR] without Retry-After', () => {
    let now = 0
    const { bulk } = project({ rates: 'published', now: () => now })
    const statuses = Array.from({ length: 6 }, () => bulk([user('a@example.com')]).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    now = 2_001
    expect(bulk([user('a@example.com')]).status).toBe(200)
    const throttled = project({ rates: { 'users/bulkUpdate': { count: 0, perMs: 1_000 } } }).bulk([
      user('a@example.com'),
    ])
    expect(throttled.json.code).toBe('RateLimitExceeded')
    expect(throttled.headers['retry-after']).toBeUndefined()
  })
})

describe('users/bulkUpdate', () => {
  test('[source HC-209082806] addresses are stored in lower case, and failure lists echo them so', () => {
    const { bulk, fake } = project({ forgotten: ['gone@example.com'] })
    const { json } = bulk([user('Ada@Example.com', { a: 1 }), user('none'), user('GONE@example.com')])
    expect(json).toMatchObject({
      successCount: 1,
      failCount: 2,
      invalidEmails: ['none'],
      failedUpdates: { invalidEmails: ['none'], forgottenEmails: ['gone@example.com'] },
    })
    expect(fake.ledger.user('ada@example.com')).toEqual({ email: 'ada@example.com', dataFields: { a: 1 } })
  })

  test('[source VCR] a row without identifiers refuses all', () => {
    expect(project().bulk([user('a@example.com'), { dataFields: {} }])).toMatchObject({
      status: 400,
      json: { code: 'BadParams', msg: 'Either email or userId must be set' },
    })
  })

  test('[source VCR] no users is an InvalidEmailAddressError', () => {
    expect(project().bulk([])).toMatchObject({ status: 400, json: bodies.noUsers.body })
  })

  test('[source GR] one value of another type refuses the whole request, in the recorded words', () => {
    const { bulk, fake } = project({ fields: { signupDate: 'date' } })
    const answer = bulk([user('a@example.com', { x: 1 }), user('b@example.com', { signupDate: 'GGG' })])
    expect(answer.status).toBe(400)
    expect(answer.json.code).toBe(bodies.typeMismatch.body.code)
    expect(answer.json.params).toEqual(bodies.typeMismatch.body.params)
    expect(fake.ledger.users()).toEqual([])
  })

  test.each([
    ['2026-01-31', 'date'],
    ['2026-01-31T10:00:00.000Z', 'date'],
    ['2026-01-31T10:00:00Z', 'string'],
    ['text', 'string'],
    [true, 'boolean'],
    [{ a: 1 }, 'object'],
    [[1], 'long'],
  ])('[source HC-208183076, GR] a first value %j makes a field of type %s', (value, type) => {
    const { bulk, call } = project()
    bulk([user('a@example.com', { field: value })])
    expect(call('GET', 'users/getFields').json.fields.field).toBe(type)
  })

  test('[invented] a number is typed by its spelling: 1 is long, 1.0 is double', () => {
    const { call } = project()
    const body =
      '{"users":[{"email":"a@example.com","dataFields":{"whole":1,"point":1.0,"half":0.5}}],"createNewFields":true}'
    expect(call('POST', 'users/bulkUpdate', body).status).toBe(200)
    expect(call('GET', 'users/getFields').json.fields).toEqual({ whole: 'long', point: 'double', half: 'double' })
    expect(call('GET', 'users/a%40example.com').json.user.dataFields).toEqual({ whole: 1, point: 1, half: 0.5 })
  })

  test('[unsure] coercions answer both ways', () => {
    const fields = { d: 'double', l: 'long', s: 'string' } as const
    const send = (unsure: FakeIterableOptions['unsure'], dataFields: object) =>
      project({ fields, ...(unsure ? { unsure } : {}) }).bulk([user('a@example.com', dataFields)]).status
    expect(send(undefined, { d: 1 })).toBe(200)
    expect(send({ longIntoDouble: false }, { d: 1 })).toBe(400)
    expect(send(undefined, { l: 1.5 })).toBe(400)
    expect(send({ doubleIntoLong: true }, { l: 1.5 })).toBe(200)
    expect(send(undefined, { s: 5 })).toBe(400)
    expect(send({ anythingIntoString: true }, { s: 5 })).toBe(200)
  })

  test('[source GR] null removes a field; nested objects replace, or merge at every depth', () => {
    const { bulk, fake } = project()
    bulk([user('a@example.com', { top: 1, deep: { a: 1, b: { c: 1, d: 2 } } })])
    bulk([{ ...user('a@example.com', { top: null, deep: { b: { c: null } } }), mergeNestedObjects: true }])
    expect(fake.ledger.user('a@example.com')?.dataFields).toEqual({ deep: { a: 1, b: { d: 2 } } })
    bulk([user('a@example.com', { deep: { x: 1 } })])
    expect(fake.ledger.user('a@example.com')?.dataFields).toEqual({ deep: { x: 1 } })
  })

  test('[source SW] unknown fields are created and named, or left out and named', () => {
    const { bulk, fake } = project({ fields: { known: 'long' } })
    expect(bulk([user('a@example.com', { fresh: 1 })]).json.createdFields).toEqual(['fresh'])
    const left = bulk([user('b@example.com', { known: 1, other: 1 })], { createNewFields: false })
    expect(left.json).toMatchObject({ successCount: 1, filteredOutFields: ['other'] })
    expect(fake.ledger.user('b@example.com')?.dataFields).toEqual({ known: 1 })
  })

  test('[source SW, HC-26678893969812] a project has room for 1,000 fields', () => {
    const { bulk } = project({ fieldsMax: 2 })
    const answer = bulk([user('a@example.com', { a: 1, b: 1, c: 1 })])
    expect(answer).toMatchObject({ status: 400, json: { code: 'UniqueFieldsLimitExceeded' } })
  })
})

describe('projects by userId', () => {
  test('[source SW] userIds are case-sensitive, 1 to 52 printable ASCII characters', () => {
    const { bulk, fake } = project({ projectType: 'userId' })
    const { json } = bulk([
      { userId: 'Ab' },
      { userId: 'ab' },
      { userId: 'x'.repeat(53) },
      { userId: 'end ' },
      { userId: 'ü' },
    ])
    expect(json).toMatchObject({ successCount: 2, failCount: 3 })
    expect(json.failedUpdates.invalidUserIds).toHaveLength(3)
    expect(fake.ledger.users().map(({ userId }) => userId)).toEqual(['Ab', 'ab'])
  })
})

describe('events', () => {
  test('[source HC-29156459027348] trackBulk creates nobody: an unknown user is in notFoundEmails', () => {
    const { call, bulk, fake } = project()
    bulk([user('a@example.com')])
    const events = [
      { email: 'a@example.com', eventName: 'scored', id: 'e-1', createdAt: 1_700_000_000 },
      { email: 'b@example.com', eventName: 'scored' },
    ]
    const { json } = call('POST', 'events/trackBulk', { events })
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { notFoundEmails: ['b@example.com'] } })
    expect(fake.ledger.users()).toHaveLength(1)
  })

  test('[source HC-206430615] the same id is the same event', () => {
    const { call, bulk, fake } = project()
    bulk([user('a@example.com')])
    const event = { email: 'a@example.com', eventName: 'scored', id: 'e-1', createdAt: 1 }
    call('POST', 'events/trackBulk', { events: [event, { ...event, dataFields: { n: 2 } }] })
    expect(fake.ledger.events()).toEqual([
      { id: 'e-1', address: 'a@example.com', eventName: 'scored', createdAt: 1, dataFields: { n: 2 } },
    ])
  })

  test('[source HC-206430615, unsure what it gets] an id with other characters is refused', () => {
    const events = [{ email: 'a@example.com', eventName: 'x', id: 'a_b' }]
    expect(project().call('POST', 'events/trackBulk', { events }).status).toBe(400)
  })

  test('[unsure] createdAt in milliseconds is refused, or taken', () => {
    const send = (createdAtMs: 'refused' | 'accepted') => {
      const { call, bulk } = project({ unsure: { createdAtMs } })
      bulk([user('a@example.com')])
      return call('POST', 'events/trackBulk', {
        events: [{ email: 'a@example.com', eventName: 'x', createdAt: 1.7e12 }],
      }).status
    }
    expect([send('refused'), send('accepted')]).toEqual([400, 200])
  })

  test('[source GO] a disallowed name is named in bulk, and 200 with a message alone', () => {
    const { call, bulk } = project({ disallowedEvents: ['off'] })
    bulk([user('a@example.com')])
    const event = { email: 'a@example.com', eventName: 'off' }
    expect(call('POST', 'events/trackBulk', { events: [event] }).json.disallowedEventNames).toEqual(['off'])
    expect(call('POST', 'events/track', event)).toMatchObject({
      status: 200,
      json: { msg: /is disallowed from tracking/ },
    })
  })
})

describe('lists', () => {
  test('[source SW, GR] made, joined, left; a non-member leaves with success', () => {
    const { call, fake } = project()
    const { listId } = call('POST', 'lists', { name: 'churn' }).json
    const subscribers = [{ email: 'A@example.com' }, { email: 'none' }]
    expect(call('POST', 'lists/subscribe', { listId, subscribers }).json).toMatchObject({
      successCount: 1,
      failCount: 1,
    })
    expect(fake.ledger.members('churn')).toEqual(['a@example.com'])
    expect(fake.ledger.user('a@example.com')).toBeDefined()
    expect(call('GET', `lists/getUsers?listId=${listId}`).body).toBe('a@example.com\n')
    expect(call('GET', `lists/${listId}/size`).body).toBe('1')
    const leave = {
      listId,
      subscribers: [{ email: 'a@example.com' }, { email: 'b@example.com' }],
      channelUnsubscribe: false,
    }
    expect(call('POST', 'lists/unsubscribe', leave).json).toMatchObject({ successCount: 2 })
    expect(fake.ledger.members('churn')).toEqual([])
  })

  test('[source AC] an unknown list is 400 with code Success', () => {
    const answer = project().call('POST', 'lists/subscribe', { listId: 999_999_999, subscribers: [] })
    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject(bodies.invalidListId.body)
  })

  test('[source AC] a list that was just made answers invalidListId for a while', () => {
    let now = 0
    const { call } = project({ newListBlindMs: 5_000, now: () => now })
    const { listId } = call('POST', 'lists', { name: 'churn' }).json
    expect(call('POST', 'lists/subscribe', { listId, subscribers: [] }).status).toBe(400)
    now = 5_000
    expect(call('POST', 'lists/subscribe', { listId, subscribers: [] }).status).toBe(200)
  })

  test('[source VCR, no effect: unsure] a dynamic list says success and keeps its rule', () => {
    const { call, fake } = project({ lists: [{ name: 'rule', type: 'Dynamic' }] })
    const [{ id }] = call('GET', 'lists').json.lists
    expect(call('POST', 'lists/subscribe', { listId: id, subscribers: [{ email: 'a@example.com' }] }).status).toBe(200)
    expect(fake.ledger.members('rule')).toEqual([])
  })
})

describe('users/updateEmail', () => {
  test('[source SW] moves the profile and its memberships; [source GR] an unknown user is BadParams', () => {
    const { call, bulk, fake } = project({ lists: ['churn'] })
    bulk([user('old@example.com', { a: 1 })])
    call('POST', 'lists/subscribe', { listId: 1_001, subscribers: [{ email: 'old@example.com' }] })
    const change = { currentEmail: 'old@example.com', newEmail: 'new@example.com' }
    expect(call('POST', 'users/updateEmail', change).json.code).toBe('Success')
    expect(fake.ledger.user('new@example.com')?.dataFields).toEqual({ a: 1 })
    expect(fake.ledger.members('churn')).toEqual(['new@example.com'])
    expect(call('GET', 'users/old%40example.com').json).toEqual({})
    expect(call('POST', 'users/updateEmail', change)).toMatchObject({ status: 400, json: { code: 'BadParams' } })
  })
})

describe('faults', () => {
  test.each([
    'throttle',
    'server error',
    'unavailable',
    'unauthorized',
    'redirect',
    'reset before apply',
    'no answer',
    'HTML 502',
  ] as const)('%s: nothing is applied', (kind) => {
    const { fake, bulk } = project()
    fake.faults.next('users/bulkUpdate', kind)
    bulk([user('a@example.com')])
    expect(fake.ledger.users()).toEqual([])
    expect(fake.faults.hits).toEqual({ [kind]: 1 })
  })

  test.each(['reset after apply', 'stalled body', 'empty 200', 'truncated JSON', 'HTML 200', 'wrong counts'] as const)(
    '%s: applied, and the answer is lost or spoilt',
    (kind) => {
      const { fake, bulk } = project()
      fake.faults.next(undefined, kind)
      const answer = bulk([user('a@example.com')])
      expect(fake.ledger.users()).toHaveLength(1)
      const whole = answer.how === 'answer' && answer.json?.failCount === 0
      expect(whole).toBe(false)
    },
  )

  test('failed rows are named in the list that the script says', () => {
    const { fake, bulk } = project()
    fake.faults.next('users/bulkUpdate', {
      kind: 'failed rows',
      addresses: ['b@example.com'],
      list: 'invalidDataEmails',
    })
    const { json } = bulk([user('a@example.com'), user('b@example.com')])
    expect(json).toMatchObject({
      successCount: 1,
      failCount: 1,
      failedUpdates: { invalidDataEmails: ['b@example.com'] },
    })
  })

  test('a seed gives the same faults again', () => {
    const drawn = (seed: number) => {
      const { fake, bulk } = project()
      fake.faults.seeded(seed, { rate: 0.5, kinds: ['server error', 'throttle'] })
      return Array.from({ length: 20 }, () => bulk([user('a@example.com')]).status).join()
    }
    expect(drawn(7)).toBe(drawn(7))
    expect(drawn(7)).not.toBe(drawn(8))
  })
})

test('the ledger counts in all and per address', () => {
  const { bulk, fake } = project()
  bulk([user('a@example.com'), user('b@example.com')])
  bulk([user('a@example.com')])
  expect(fake.ledger.entries.map(({ seq, seqOfAddress, address }) => [seq, seqOfAddress, address])).toEqual([
    [1, 1, 'a@example.com'],
    [2, 1, 'b@example.com'],
    [3, 2, 'a@example.com'],
  ])
  expect(fake.ledger.requests()).toMatchObject({ total: 2, byEndpoint: { 'users/bulkUpdate': 2 } })
})
