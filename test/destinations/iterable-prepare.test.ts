import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../src/destinations/destination.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { JsonObject } from '../../src/model/value.js'
import { delivered, event, instantClock, member, profile, signal, stubbed } from './iterable-stub.js'

const known = {
  plan: 'string',
  score: 'double',
  visits: 'long',
  seen: 'date',
  vip: 'boolean',
  home: 'object',
  'home.zip': 'string',
}

async function refusals(actions: readonly Action[], options = {}) {
  const { refused } = await delivered(stubbed({ fields: known, ...options }), actions)
  return refused.map(({ action, reason }) => ({ action, code: reason.code, ...reason.facts }))
}

const bytesOf = async (delivery: Delivery, actions: readonly Action[]): Promise<readonly string[]> =>
  (await delivery.prepare(actionBlock(actions))).requests.map(({ body }) => Buffer.from(body).toString())

describe('profiles', () => {
  test('the send payload of the design is on the wire as it was given', async () => {
    const stub = stubbed({ createNewFields: true })
    const dataFields = {
      churn_risk_score: 0.82,
      account_tier: 'enterprise',
      last_active_date: '2026-03-15T00:00:00.000Z',
    }
    await delivered(stub, [{ kind: 'profile', identifiers: { email: 'a@example.com', userId: 'u-1' }, dataFields }])
    expect(stub.sent('users/bulkUpdate')[0]?.text).toBe(
      '{"createNewFields":true,"users":[{"email":"a@example.com","userId":"u-1","preferUserId":false,"mergeNestedObjects":true,' +
        '"dataFields":{"churn_risk_score":0.82,"account_tier":"enterprise","last_active_date":"2026-03-15T00:00:00.000Z"}}]}',
    )
  })

  test('in a hybrid project the userId does not go along with an email: there it would change who the person is', async () => {
    const stub = stubbed({ fields: known, projectType: 'hybrid', addressBy: 'email' })
    await delivered(stub, [profile('ada@example.com', {}, { userId: 'u-1' })])
    expect(Object.keys(stub.sent('users/bulkUpdate')[0]?.json.users[0] ?? {})).not.toContain('userId')
  })

  test('sendUserId false leaves the userId out', async () => {
    const stub = stubbed({ fields: known, sendUserId: false })
    await delivered(stub, [profile('a@example.com', {}, { userId: 'u-1' })])
    expect(stub.sent('users/bulkUpdate')[0]?.json.users[0]).not.toHaveProperty('userId')
  })

  test('a userId project names people by userId alone', async () => {
    const stub = stubbed({ fields: known, projectType: 'userId' })
    await delivered(stub, [profile('a@example.com', {}, { userId: 'U-1' })])
    expect(stub.sent('users/bulkUpdate')[0]?.json.users).toEqual([
      { userId: 'U-1', preferUserId: false, mergeNestedObjects: true, dataFields: {} },
    ])
  })

  test('the address that identity gave goes before the identifiers', async () => {
    const stub = stubbed({ fields: known })
    await delivered(stub, [profile('old@example.com')], [{ address: 'New@Example.com' }])
    expect(stub.sent('users/bulkUpdate')[0]?.json.users[0]?.email).toBe('new@example.com')
  })

  test('writes of one address are one row, the last of each field wins, and every action has its outcome', async () => {
    const stub = stubbed({ fields: { ...known, a: 'string', b: 'string', c: 'double' } })
    const { outcomes, requests } = await delivered(stub, [
      profile('a@example.com', { a: '1', b: '1', c: 1 }),
      profile('b@example.com', { a: 'x' }),
      profile('A@example.com ', { b: '2', c: 2 }, { userId: 'u-1' }),
    ])
    expect(stub.sent('users/bulkUpdate')[0]?.text).toContain('"dataFields":{"a":"1","b":"2","c":2.0}')
    expect(stub.sent('users/bulkUpdate')[0]?.json.users.map((user) => user.email)).toEqual([
      'a@example.com',
      'b@example.com',
    ])
    expect(requests[0]?.actions).toEqual([0, 2, 1])
    expect(outcomes[0]).toHaveLength(3)
  })

  test('an object after a null is not folded into it, since a merge would bring back what the null removed', async () => {
    const stub = stubbed({ fields: known })
    await delivered(stub, [profile('a@example.com', { home: null }), profile('a@example.com', { home: { zip: '1' } })])
    expect(stub.sent('users/bulkUpdate').map((one) => one.json.users[0]?.dataFields)).toEqual([
      { home: null },
      { home: { zip: '1' } },
    ])
  })

  test('whole numbers of a double field get a decimal point, those of an integer field do not', async () => {
    const stub = stubbed({ fields: known, createNewFields: true })
    await delivered(stub, [profile('a@example.com', { score: 1, visits: 1, fresh: -3, deep: { list: [1, 2.5] } })])
    expect(stub.sent('users/bulkUpdate')[0]?.text).toContain(
      '{"score":1.0,"visits":1,"fresh":-3.0,"deep":{"list":[1.0,2.5]}}',
    )
  })

  test('requests are filled to sizeMax rows and to bytesMax bytes', async () => {
    const many = Array.from({ length: 25 }, (_, index) => profile(`u${index}@example.com`, { plan: 'x'.repeat(900) }))
    const byRows = stubbed({ fields: known, sizeMax: 10 })
    const { requests } = await delivered(byRows, many)
    expect(requests.map((request) => request.actions.length)).toEqual([10, 10, 5])
    const byBytes = stubbed({ fields: known, bytesMax: 10_000 })
    const filled = (await delivered(byBytes, many)).requests
    expect(filled.every((request) => request.body.length <= 10_000)).toBe(true)
    expect(filled.length).toBe(3)
  })
})

describe('refused before sending', () => {
  test('addresses', async () => {
    expect(
      await refusals([
        profile('none'),
        profile('a@b'),
        profile('a b@example.com'),
        profile('<a@example.com>'),
        { kind: 'profile', identifiers: {} },
        { kind: 'profile', identifiers: { customer_id: 'c-1' } },
        profile('ok@example.com', {}, { userId: 'ends with space ' }),
        profile('ok@example.com', {}, { userId: 'x'.repeat(53) }),
      ]),
    ).toMatchObject([
      { action: 0, code: 'EMAIL_INVALID' },
      { action: 1, code: 'EMAIL_INVALID' },
      { action: 2, code: 'EMAIL_INVALID' },
      { action: 3, code: 'EMAIL_INVALID' },
      { action: 4, code: 'IDENTIFIER_MISSING' },
      { action: 5, code: 'ADDRESS_UNKNOWN', target: 'email' },
      { action: 6, code: 'USER_ID_INVALID' },
      { action: 7, code: 'USER_ID_INVALID' },
    ])
  })

  test.each([
    [{ visits: 1.5 }, { code: 'FIELD_TYPE_CONFLICT', field: 'visits', expected: 'long', got: 'double' }],
    [{ seen: 'soon' }, { code: 'FIELD_TYPE_CONFLICT', field: 'seen', expected: 'date', got: 'string' }],
    [
      { seen: '2024-11-25T13:37:19Z' },
      { code: 'FIELD_TYPE_CONFLICT', field: 'seen', got: 'text that is almost a date' },
    ],
    [{ vip: 'yes' }, { code: 'FIELD_TYPE_CONFLICT', field: 'vip', expected: 'boolean', got: 'string' }],
    [{ plan: 3 }, { code: 'FIELD_TYPE_CONFLICT', field: 'plan', expected: 'string', got: 'long' }],
    [{ home: 'here' }, { code: 'FIELD_TYPE_CONFLICT', field: 'home', expected: 'object', got: 'string' }],
    [{ home: { zip: 4 } }, { code: 'FIELD_TYPE_CONFLICT', field: 'home.zip', expected: 'string', got: 'long' }],
    [{ fresh: 'x' }, { code: 'FIELD_NOT_ALLOWED', field: 'fresh' }],
    [{ home: { street: 'x' } }, { code: 'FIELD_NOT_ALLOWED', field: 'home.street' }],
    [{ 'a.b': 'x' }, { code: 'FIELD_NAME_INVALID', field: 'a.b' }],
  ])('%j', async (dataFields, reason) => {
    expect(await refusals([profile('a@example.com', dataFields)])).toMatchObject([reason])
  })

  test.each([
    [{ fresh: '2024-11-25T13:37:19Z' }, {}, 'FIELD_DATE_NEAR_MISS'],
    [{ fresh: '2024-11-25T13:37:19Z' }, { nearDates: 'allow' }, undefined],
    [{ fresh: 1 }, { newNumbers: 'reject' }, 'FIELD_NUMBER_AMBIGUOUS'],
    [{ fresh: 1.5 }, { newNumbers: 'reject' }, undefined],
    [{ fresh: '2024-11-25' }, {}, undefined],
    [{ at_geo_location: { lat: 1, lon: 2.5 } }, {}, undefined],
    [{ at_geo_location: { lat: 1 } }, {}, 'FIELD_TYPE_CONFLICT'],
    [{ at_geo_location: { lat: '1', lon: '2' } }, {}, 'FIELD_TYPE_CONFLICT'],
    [{ at_geo_location: '1,2' }, {}, 'FIELD_TYPE_CONFLICT'],
    [{ at_geo_location: null }, {}, undefined],
  ])('new field %j with %j', async (dataFields, options, code) => {
    const found = await refusals([profile('a@example.com', dataFields)], { createNewFields: true, ...options })
    expect(found[0]?.code).toBe(code)
  })

  test.each([
    [{ fresh: null }],
    [{ visits: null }],
    [{ plan: '2024-11-25T13:37:19Z' }],
    [{ score: 2 }],
    [{ seen: '2024-11-25' }],
    [{ email: 'x@example.com' }],
  ])('but not %j', async (dataFields) => {
    expect(await refusals([profile('a@example.com', dataFields as JsonObject)])).toEqual([])
  })

  test('kinds that have no endpoint here, and rows larger than a request', async () => {
    expect(
      await refusals(
        [
          { kind: 'nothing', identifiers: { email: 'a@example.com' } } as never,
          profile('a@example.com', { plan: 'x'.repeat(20_000) }),
        ],
        { bytesMax: 10_000 },
      ),
    ).toMatchObject([{ code: 'ACTION_UNSUPPORTED', kind: 'nothing' }, { code: 'ROW_TOO_LARGE' }])
  })

  test('lists', async () => {
    const knownLists = [
      { id: 1, name: 'twice' },
      { id: 2, name: 'twice' },
      { id: 3, name: 'rule', listType: 'Dynamic' },
      { id: 4, name: 'good', listType: 'Standard' },
    ]
    expect(
      await refusals(
        ['none', 'twice', 'rule', 3, 99, 'good', 4, 1].map((list) => member('a@example.com', list)),
        { knownLists },
      ),
    ).toMatchObject([
      { action: 0, code: 'LIST_UNKNOWN', list: 'none' },
      { action: 1, code: 'LIST_AMBIGUOUS', count: 2 },
      { action: 2, code: 'LIST_DYNAMIC', type: 'Dynamic' },
      { action: 3, code: 'LIST_DYNAMIC' },
      { action: 4, code: 'LIST_UNKNOWN', list: 99 },
    ])
  })
})

describe('events', () => {
  test('ids are made of the event, so that a repeat overwrites it [I2]', async () => {
    const stub = stubbed()
    const one = event('a@example.com', 'renewed', { createdAt: 1_700_000_000 })
    await delivered(stub, [one], [{ key: 'k1' }])
    await delivered(
      stub,
      [event('b@example.com', 'other'), { ...one, dataFields: { late: true } } as Action],
      [{ key: 'k2' }, { key: 'k1' }],
    )
    const [first = [], second = []] = stub.sent('events/trackBulk').map((seen) => seen.json.events)
    expect(first[0]?.id).toMatch(/^[0-9a-f]{32}$/)
    expect(second[1]?.id).toBe(first[0]?.id)
    expect(second[0]?.id).not.toBe(first[0]?.id)
    expect(first[0]).toEqual({
      email: 'a@example.com',
      eventName: 'renewed',
      id: first[0]?.id,
      createdAt: 1_700_000_000,
      createNewFields: false,
      dataFields: {},
    })
  })

  test('two different events of one key, name and time are not made one', async () => {
    const stub = stubbed()
    const of = (item: string) => event('a@example.com', 'bought', { createdAt: 5, dataFields: { item } })
    await delivered(stub, [of('x'), of('y'), of('x')], [{ key: 'k' }, { key: 'k' }, { key: 'k' }])
    const ids: readonly string[] = stub.sent('events/trackBulk')[0]?.json.events.map((one) => one.id) ?? []
    expect(ids[0]).toBe(ids[2])
    expect(ids[0]).not.toBe(ids[1])
  })

  test.each([
    [{ createdAt: 1_700_000_000_000 }, 'CREATED_AT_INVALID'],
    [{ createdAt: 1.5 }, 'CREATED_AT_INVALID'],
    [{ createdAt: '1' }, 'CREATED_AT_INVALID'],
    [{ id: 'a_b' }, 'EVENT_ID_INVALID'],
    [{ id: '' }, 'EVENT_ID_INVALID'],
    [{ eventName: '' }, 'ACTION_INVALID'],
  ])('%j is refused', async (more, code) => {
    expect((await refusals([event('a@example.com', 'e', more)]))[0]?.code).toBe(code)
  })
})

describe('lists and order', () => {
  test('one request per list and direction, with what must always be said', async () => {
    const stub = stubbed({ knownLists: [{ id: 7, name: 'vip' }] })
    await delivered(stub, [
      member('a@example.com', 'vip'),
      member('b@example.com', 7),
      member('c@example.com', 7, false),
      member('a@example.com', 7),
    ])
    expect(stub.sent('lists/subscribe').map((one) => one.json)).toEqual([
      {
        listId: 7,
        updateExistingUsersOnly: false,
        subscribers: [
          { email: 'a@example.com', preferUserId: false },
          { email: 'b@example.com', preferUserId: false },
        ],
      },
    ])
    expect(stub.sent('lists/unsubscribe').map((one) => one.json)).toEqual([
      { listId: 7, channelUnsubscribe: false, subscribers: [{ email: 'c@example.com' }] },
    ])
  })

  test('who leaves and joins again does so in that order [I6]', async () => {
    const stub = stubbed({ knownLists: [{ id: 7, name: 'vip' }] })
    const { requests } = await delivered(stub, [
      member('a@example.com', 7),
      member('a@example.com', 7, false),
      member('a@example.com', 7),
    ])
    expect(requests.map((request) => request.endpoint)).toEqual([
      'lists/subscribe',
      'lists/unsubscribe',
      'lists/subscribe',
    ])
  })

  test('a change of email stands between the writes before and behind it [I6]', async () => {
    const stub = stubbed({ fields: known })
    const change: Action = { kind: 'addressChange', identifiers: {}, from: 'A@example.com', to: 'b@example.com' }
    const { requests } = await delivered(stub, [profile('a@example.com'), change, profile('b@example.com')])
    expect(requests.map((request) => request.endpoint)).toEqual([
      'users/bulkUpdate',
      'users/updateEmail',
      'users/bulkUpdate',
    ])
    expect(stub.sent('users/updateEmail')[0]?.json).toEqual({
      currentEmail: 'a@example.com',
      newEmail: 'b@example.com',
    })
  })

  describe('a change of email in a hybrid project', () => {
    const change: Action = { kind: 'addressChange', identifiers: {}, from: 'A@example.com', to: ' b@Example.com' }
    const by = (addressBy: 'email' | 'userId', more: object = {}) =>
      stubbed({ fields: known, projectType: 'hybrid', addressBy, ...more })
    const prepared = async (stub: ReturnType<typeof stubbed>, actions: readonly Action[]) =>
      (await stub.destination.open(signal)).prepare(actionBlock(actions))

    test.each([
      [{}, '{"createNewFields":false,', '"mergeNestedObjects":true'],
      [{ createNewFields: true, mergeNestedObjects: false }, '{"createNewFields":true,', '"mergeNestedObjects":false'],
    ])(
      'that is addressed by email is a row of its own in users/bulkUpdate, and an intent [I2] (%j)',
      async (more, head, merge) => {
        const { requests } = await prepared(by('email', more), [change])
        expect(requests.map(({ endpoint, actions, intent }) => ({ endpoint, actions, intent }))).toEqual([
          { endpoint: 'users/bulkUpdate', actions: [0], intent: true },
        ])
        expect(Buffer.from(requests[0]?.body ?? []).toString()).toBe(
          `${head}"users":[{"email":"a@example.com","preferUserId":false,${merge},"dataFields":{"email":"b@example.com"}}]}`,
        )
      },
    )

    test('stands alone between the writes before and behind it, which are no intents [I6]', async () => {
      const next: Action = { kind: 'addressChange', identifiers: {}, from: 'b@example.com', to: 'c@example.com' }
      const actions = [profile('a@example.com'), change, next, profile('c@example.com'), profile('d@example.com')]
      const { requests } = await prepared(by('email'), actions)
      expect(requests.map((request) => [request.actions, request.intent ?? false])).toEqual([
        [[0], false],
        [[1], true],
        [[2], true],
        [[3, 4], false],
      ])
    })

    test.each([
      [{ from: 'none', to: 'b@example.com' }, 'EMAIL_INVALID'],
      [{ from: 'a@example.com', to: 'b@example' }, 'EMAIL_INVALID'],
      [{ from: 'a@example.com', to: 'A@example.com ' }, 'ACTION_INVALID'],
    ])('%j is refused on our side as %s', async (more, code) => {
      const { requests, refused } = await prepared(by('email'), [{ ...change, ...more }])
      expect([requests.length, refused.map(({ reason }) => reason.code)]).toEqual([0, [code]])
    })

    test.each([
      ['hybrid', by('userId')],
      ['userId', stubbed({ projectType: 'userId' })],
    ])('where userIds address (%s) is not supported: there an email is a field', async (_, stub) => {
      const { requests, refused } = await prepared(stub, [change])
      expect([requests.length, refused.map(({ reason }) => reason.code)]).toEqual([0, ['ACTION_UNSUPPORTED']])
    })
  })

  test('the same actions give the same bytes [I9]', async () => {
    const delivery = await stubbed({ fields: known }).destination.open(signal)
    const actions = [profile('a@example.com'), event('a@example.com', 'e'), profile('a@example.com', { plan: 'b' })]
    expect(await bytesOf(delivery, actions)).toEqual(await bytesOf(delivery, actions))
  })

  test('the host’s loop turns while a large block is prepared, and the requests are the same [I9]', async () => {
    const actions = Array.from({ length: 300 }, (_, n): Action[] => [
      profile(`p${n % 250}@example.com`, { plan: 'b', n }),
      event(`p${n}@example.com`, 'seen', { n }),
      member(`p${n}@example.com`, 7, n % 3 > 0),
    ]).flat()
    const slow = { ...instantClock(), now: () => (slow.at += 10) }
    const options = { fields: known, createNewFields: true, knownLists: [{ id: 7, name: 'vip' }], sizeMax: 40 }
    const still = await stubbed(options).destination.open(signal)
    const turning = await stubbed({ ...options, clock: slow }).destination.open(signal)
    expect(still.prepare(actionBlock(actions))).not.toBeInstanceOf(Promise)
    let turns = 0
    const counted = (): void => {
      turns += 1
      next = setImmediate(counted)
    }
    let next = setImmediate(counted)
    const prepared = turning.prepare(actionBlock(actions))
    expect(prepared).toBeInstanceOf(Promise)
    const { refused } = await prepared
    clearImmediate(next)
    expect(turns).toBeGreaterThan(30) // a step of rows each, and a body each
    expect(refused).toEqual([])
    expect(await bytesOf(turning, actions)).toEqual(await bytesOf(still, actions))
  })
})
