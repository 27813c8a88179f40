import { describe, expect, test } from 'vitest'
import { suspectsOf } from '../../src/destinations/suspects.js'
import { isLakeloopError, type LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import { type Answer, answer, bulk, event, member, profile, signal, stubbed } from './iterable-stub.js'

const fields = { plan: 'string', score: 'double', userId: 'string', source: 'long', 'utm:source': 'long' }
const emails = ['a@example.com', 'B@example.com', 'c@example.com', 'd@example.com']
const profiles = emails.map((email) => profile(email))

/** Applies the first request of the actions to one answer. */
async function applied(given: Answer, actions: readonly Action[], path = 'users/bulkUpdate', options = {}) {
  const stub = stubbed({ fields, knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }], ...options })
  const delivery = await stub.destination.open(signal)
  const { requests } = await delivery.prepare(actionBlock(actions))
  const [request] = requests
  if (request === undefined) throw new Error('nothing was prepared')
  stub.scripted(path, given)
  return { outcomes: await delivery.apply(request, signal), delivery, request, stub }
}

async function thrown(given: Answer, actions: readonly Action[] = profiles, path?: string): Promise<LakeloopError> {
  try {
    await applied(given, actions, path)
  } catch (error) {
    if (isLakeloopError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.code : outcome.status))

describe('failure lists', () => {
  test.each([
    ['invalidEmails', 'EMAIL_INVALID'],
    ['notFoundEmails', 'USER_UNKNOWN'],
    ['invalidDataEmails', 'DATA_INVALID'],
    ['conflictEmails', 'USER_CONFLICT'],
    ['forgottenEmails', 'USER_FORGOTTEN'],
  ])('%s are mapped back whatever their case', async (list, code) => {
    const { outcomes } = await applied(bulk(3, 1, { failedUpdates: { [list]: ['b@EXAMPLE.com'] } }), profiles)
    expect(codes(outcomes)).toEqual(['accepted', code, 'accepted', 'accepted'])
  })

  test('userIds are compared as they stand', async () => {
    const actions = ['u', 'U'].map((userId): Action => ({ kind: 'profile', identifiers: { userId } }))
    const given = bulk(1, 1, { failedUpdates: { conflictUserIds: ['U'] } })
    const { outcomes } = await applied(given, actions, 'users/bulkUpdate', { projectType: 'userId' })
    expect(codes(outcomes)).toEqual(['accepted', 'USER_CONFLICT'])
  })

  test('a conflict names the identifier that is taken, and it may stand inside the data', async () => {
    const actions: Action[] = ['u1', 'u2'].map((userId, index) => ({
      kind: 'profile',
      identifiers: { userId },
      dataFields: { email: emails[index] ?? '' },
    }))
    const given = bulk(1, 1, { failedUpdates: { conflictEmails: ['b@example.com'] } })
    const { outcomes } = await applied(given, actions, 'users/bulkUpdate', { projectType: 'userId' })
    expect(codes(outcomes)).toEqual(['accepted', 'USER_CONFLICT'])
  })

  test('the deprecated lists of an older answer count too, and mean what the endpoint says', async () => {
    const old = await applied(bulk(3, 1, { invalidEmails: ['a@example.com'], failedUpdates: undefined }), profiles)
    expect(codes(old.outcomes)[0]).toBe('EMAIL_INVALID')
    const user: Action = { kind: 'event', identifiers: { userId: 'u1' }, eventName: 'e' }
    const given = bulk(0, 1, { invalidUserIds: ['u1'] })
    const events = await applied(given, [user], 'events/trackBulk', { projectType: 'userId' })
    expect(codes(events.outcomes)).toEqual(['USER_UNKNOWN'])
  })

  test('a row in a list and in its deprecated twin is one failure', async () => {
    const lists = { invalidEmails: ['a@example.com'], failedUpdates: { invalidEmails: ['a@example.com'] } }
    expect(codes((await applied(bulk(3, 1, lists), profiles)).outcomes)).toEqual([
      'EMAIL_INVALID',
      'accepted',
      'accepted',
      'accepted',
    ])
  })

  test('users without any change are accepted', async () => {
    const { outcomes } = await applied(bulk(3, 0, { noOpEmails: ['a@example.com'] }), profiles)
    expect(new Set(codes(outcomes))).toEqual(new Set(['accepted']))
  })

  test('the reason of an address goes to every action folded into its row', async () => {
    const actions = [profile('a@example.com'), profile('b@example.com'), profile('a@example.com')]
    const { outcomes, request } = await applied(
      bulk(1, 1, { failedUpdates: { forgottenEmails: ['a@example.com'] } }),
      actions,
    )
    expect(request.actions).toEqual([0, 2, 1])
    expect(codes(outcomes)).toEqual(['USER_FORGOTTEN', 'USER_FORGOTTEN', 'accepted'])
  })

  test('a reason that may be that of one folded write alone has the row taken apart', async () => {
    const actions = [profile('a@example.com'), profile('b@example.com'), profile('a@example.com')]
    const error = await thrown(bulk(1, 1, { failedUpdates: { invalidDataEmails: ['a@example.com'] } }), actions)
    expect(error.code).toBe('REQUEST_REFUSED')
    expect(suspectsOf(error)).toEqual([0, 2])
  })

  test('who is unknown is off the list already', async () => {
    const given = bulk(0, 1, { failedUpdates: { notFoundEmails: ['a@example.com'] } })
    const off = await applied(given, [member('a@example.com', 7, false)], 'lists/unsubscribe')
    expect(codes(off.outcomes)).toEqual(['accepted'])
    const on = await applied(
      bulk(0, 1, { failedUpdates: { notFoundEmails: ['a@example.com'] } }),
      [member('a@example.com', 7)],
      'lists/subscribe',
    )
    expect(codes(on.outcomes)).toEqual(['USER_UNKNOWN'])
  })
})

describe('events', () => {
  const events = [event('a@example.com', 'bought'), event('a@example.com', 'left'), event('b@example.com', 'left')]

  test.each([0, 2])('a name that is not allowed is rejected, counted as %i failures', async (failCount) => {
    const { outcomes } = await applied(
      bulk(3 - failCount, failCount, { disallowedEventNames: ['left'] }),
      events,
      'events/trackBulk',
    )
    expect(outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.facts : outcome.status))).toEqual([
      'accepted',
      { eventName: 'left' },
      { eventName: 'left' },
    ])
  })

  test('a failure without a name is not taken for an event that is not allowed and not counted', async () => {
    const error = await thrown(bulk(0, 1, { disallowedEventNames: ['left'] }), events, 'events/trackBulk')
    expect(error).toMatchObject({ code: 'REQUEST_REFUSED' })
  })

  test('one failure of an address with two events is looked for, event by event', async () => {
    const given = () => bulk(2, 1, { failedUpdates: { notFoundEmails: ['a@example.com'] } })
    const error = await thrown(given(), events, 'events/trackBulk')
    expect(suspectsOf(error)).toEqual([0, 1])
    const stub = stubbed()
    const delivery = await stub.destination.open(signal)
    const [whole] = (await delivery.prepare(actionBlock(events))).requests
    const parts = delivery.split(whole as never, { kind: 'suspects', actions: suspectsOf(error) })
    expect(parts.map((part) => part.actions)).toEqual([[2], [0], [1]])
  })

  test('as many failures as events of the address need no second look', async () => {
    const { outcomes } = await applied(
      bulk(1, 2, { failedUpdates: { notFoundEmails: ['a@example.com'] } }),
      events,
      'events/trackBulk',
    )
    expect(codes(outcomes)).toEqual(['USER_UNKNOWN', 'USER_UNKNOWN', 'accepted'])
  })
})

describe('nothing is success or failure because it was not understood [I10]', () => {
  test.each([
    ['a failure that no list names', bulk(3, 1)],
    ['a failure of somebody else', bulk(3, 1, { failedUpdates: { invalidEmails: ['x@example.com'] } })],
    ['more failures than names', bulk(2, 2, { failedUpdates: { invalidEmails: ['a@example.com'] } })],
    ['names without a failure', bulk(4, 0, { failedUpdates: { invalidEmails: ['a@example.com'] } })],
    ['fewer rows than were sent', bulk(3, 0)],
    ['more rows than were sent', bulk(5, 0)],
    ['a field left out that nobody sent', bulk(4, 0, { filteredOutFields: ['ghost'] })],
  ])('%s: the request is sent again in parts', async (_, given) => {
    const error = await thrown(given)
    expect(error.code).toBe('REQUEST_REFUSED')
    expect(error.remedy).toBe('split')
  })

  test('fields that nobody knows are no reason to doubt an answer', async () => {
    const { outcomes } = await applied(bulk(1, 0, { newToday: ['x'], failedUpdates: { someEmails: [] } }), [
      profile('a@example.com'),
    ])
    expect(codes(outcomes)).toEqual(['accepted'])
  })

  test('a row alone that fails unnamed is rejected as such', async () => {
    const { outcomes } = await applied(bulk(0, 1), [profile('a@example.com')])
    expect(codes(outcomes)).toEqual(['ROW_FAILED_UNNAMED'])
  })

  test.each([
    ['no row counted', bulk(0, 0)],
    ['no counts', answer({ msg: '', code: 'Success' })],
    ['counts as text', answer({ successCount: '1', failCount: '0' })],
    ['a list', answer([])],
    ['a null', answer(null)],
  ])('a row alone: %s is unclear', async (_, given) => {
    expect((await thrown(given, [profile('a@example.com')])).code).toBe('DESTINATION_ANSWER_UNCLEAR')
  })

  test('a field that was left out is never silent', async () => {
    const actions = [profile('a@example.com', { plan: 'x' }), profile('b@example.com', { score: 1.5 })]
    const { outcomes } = await applied(bulk(2, 0, { filteredOutFields: ['score'] }), actions)
    expect(outcomes).toEqual([
      { status: 'accepted' },
      { status: 'rejected', reason: { code: 'FIELD_NOT_ALLOWED', facts: { field: 'score' } } },
    ])
    const none = await applied(bulk(1, 0, { filteredOutFields: ['fresh'] }), [
      profile('a@example.com', { fresh: null }),
    ])
    expect(codes(none.outcomes)).toEqual(['accepted']) // there was nothing to remove
    const alone = await applied(bulk(1, 0, { filteredOutFields: ['ghost'] }), [profile('a@example.com')])
    expect(codes(alone.outcomes)).toEqual(['FIELD_NOT_ALLOWED'])
  })
})

describe('answers to the whole request', () => {
  const page = (status: number) => new Response('<html>', { status })
  test.each<[string, () => Answer, string]>([
    ['401', () => answer({ code: 'BadApiKey' }, 401), 'DESTINATION_UNAUTHORIZED'],
    ['401 with code Success', () => answer({ code: 'Success' }, 401), 'DESTINATION_UNAUTHORIZED'],
    ['403', () => answer({ code: 'Forbidden' }, 403), 'DESTINATION_UNAUTHORIZED'],
    ['404', () => page(404), 'DESTINATION_REFUSED'],
    ['405', () => page(405), 'DESTINATION_REFUSED'],
    ['408', () => page(408), 'DESTINATION_ANSWER_UNCLEAR'],
    ['500', () => answer({ code: 'GenericError' }, 500), 'DESTINATION_ANSWER_UNCLEAR'],
    ['502 as a page', () => page(502), 'DESTINATION_ANSWER_UNCLEAR'],
    ['400 as a page', () => page(400), 'REQUEST_REFUSED'],
    ['400 QueueEmailError', () => answer({ code: 'QueueEmailError' }, 400), 'DESTINATION_ANSWER_UNCLEAR'],
    ['400 BadParams', () => answer({ code: 'BadParams', params: null }, 400), 'REQUEST_REFUSED'],
    ['409 ForgottenUserError', () => answer({ code: 'ForgottenUserError' }, 409), 'REQUEST_REFUSED'],
    ['413', () => page(413), 'REQUEST_TOO_LARGE'],
    ['400 BatchTooLarge', () => answer({ code: 'BatchTooLarge' }, 400), 'REQUEST_TOO_LARGE'],
    ['200 BadParams', () => answer({ code: 'BadParams' }), 'REQUEST_REFUSED'],
    ['200 with an unlisted code', () => answer({ code: 'Perhaps' }), 'DESTINATION_ANSWER_UNCLEAR'],
    ['200 empty', () => new Response('', { status: 200 }), 'DESTINATION_ANSWER_UNCLEAR'],
    ['200 as a page', () => page(200), 'DESTINATION_ANSWER_UNCLEAR'],
    ['204', () => new Response(null, { status: 204 }), 'DESTINATION_ANSWER_UNCLEAR'],
    [
      '302',
      () => new Response(null, { status: 302, headers: { location: 'https://example.com' } }),
      'DESTINATION_REDIRECTED',
    ],
    [
      'a reset',
      () => new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }),
      'DESTINATION_UNREACHABLE',
    ],
  ])('%s', async (_, given, code) => {
    expect((await thrown(given())).code).toBe(code)
  })

  test.each([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '3600' }, 60_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ date: 'Wed, 21 Oct 2026 07:28:00 GMT', 'retry-after': 'Wed, 21 Oct 2026 07:28:05 GMT' }, 5_000],
  ])('429 with %j', async (headers, afterMs) => {
    const error = await thrown(answer({ code: 'RateLimitExceeded' }, 429, headers as Record<string, string>))
    expect(error.code).toBe('DESTINATION_THROTTLED')
    expect(error.facts.afterMs).toBe(afterMs)
  })

  const mismatch = (validationErrors: object, status = 400) =>
    answer({ msg: 'GGG a@example.com', code: 'RequestFieldsTypesMismatched', params: { validationErrors } }, status)

  test.each([400, 500])('a type conflict (%i) points at the rows that hold the value', async (status) => {
    const actions = [
      profile('a@example.com', { plan: 'x' }),
      profile('b@example.com', { plan: 'GGG' }),
      profile('c@example.com', { score: 1 }),
    ]
    const detail = {
      incomingTypes: ['string', 'keyword'],
      expectedType: 'date',
      offendingValue: 'GGG',
      category: 'user',
    }
    const error = await thrown(mismatch({ 'user:::plan': detail }, status), actions)
    expect(error.facts).toMatchObject({ field: 'plan', expected: 'date', got: 'string' })
    expect(suspectsOf(error)).toEqual([1])
    expect(error.message).not.toContain('GGG')
  })

  test.each(['utm:source', 'user:::utm:source'])(
    'a field with a colon in its name is known by its whole name: %s',
    async (key) => {
      const actions = [profile('a@example.com', { 'utm:source': 1 }), profile('b@example.com', { source: 1 })]
      const error = await thrown(mismatch({ [key]: { expectedType: 'date' } }), actions)
      expect([error.facts.field, suspectsOf(error)]).toEqual(['utm:source', [0]])
      const { outcomes } = await applied(bulk(2, 0, { filteredOutFields: [key] }), actions, 'users/bulkUpdate', {
        fields: { source: 'long', 'utm:source': 'long' },
      })
      expect(outcomes).toEqual([
        { status: 'rejected', reason: { code: 'FIELD_NOT_ALLOWED', facts: { field: 'utm:source' } } },
        { status: 'accepted' },
      ])
    },
  )

  test('without the value, who has the field is suspect', async () => {
    const actions = [profile('a@example.com', { plan: 'x' }), profile('c@example.com', { score: 1 })]
    expect(suspectsOf(await thrown(mismatch({ plan: { expectedType: 'date' } }), actions))).toEqual([0])
  })

  test('a field that nobody sent is not named, whatever the answer says', async () => {
    const error = await thrown(mismatch({ 'a@example.com': { expectedType: 'b@example.com' } }))
    expect(JSON.stringify(error)).not.toContain('example.com')
    expect(error.facts.field).toBeUndefined()
  })

  test('BadJsonBody points at rows by their place', async () => {
    const error = await thrown(
      answer({ code: 'BadJsonBody', params: { 'obj.users[2].email': 'String value expected' } }, 400),
    )
    expect(suspectsOf(error)).toEqual([2])
  })

  test('a list that is gone rejects its memberships; one that is still there is asked again [I10]', async () => {
    const known = { id: 7, name: 'vip', listType: 'Standard' }
    const stub = stubbed({ knownLists: [known] })
    const delivery = await stub.destination.open(signal)
    const [request] = (
      await delivery.prepare(actionBlock([member('a@example.com', 'vip'), member('b@example.com', 'vip')]))
    ).requests
    const unknown = () => answer({ msg: 'error.lists.invalidListId(7)', code: 'Success', params: { listId: 7 } }, 400)
    stub.scripted('lists/subscribe', unknown, unknown)
    await expect(delivery.apply(request as never, signal)).rejects.toMatchObject({ code: 'DESTINATION_ANSWER_UNCLEAR' })
    stub.scripted('GET lists', answer({ lists: [{ ...known, id: 8 }] }))
    expect(codes(await delivery.apply(request as never, signal))).toEqual(['LIST_UNKNOWN', 'LIST_UNKNOWN'])
  })

  test('a key from a function is asked for again once after 401', async () => {
    const keys = ['first', 'second']
    const stub = stubbed({ apiKey: () => keys.shift() ?? 'second' })
    stub.scripted('users/getFields', answer({ code: 'BadApiKey' }, 401))
    await stub.destination.open(signal)
    expect(stub.seen.map((one) => one.key)).toEqual(['first', 'second', 'second'])
    stub.scripted('users/getFields', answer({}, 401))
    await expect(stub.destination.open(signal)).rejects.toMatchObject({ code: 'DESTINATION_UNAUTHORIZED' })
    expect(stub.seen).toHaveLength(4)
  })
})

describe('lists that are made', () => {
  const start = async (knownLists: readonly object[] = []) => {
    const stub = stubbed({ lists: { create: true }, knownLists })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([member('a@example.com', 'fresh')]))).requests
    return { stub, delivery, request: request as never }
  }

  test('are looked up, made once, and their number is put into the body', async () => {
    const { stub, delivery, request } = await start()
    await Promise.all([delivery.apply(request, signal), delivery.apply(request, signal)])
    expect(stub.seen.filter((one) => one.path === 'lists').map((one) => one.method)).toEqual(['GET', 'GET', 'POST'])
    expect(stub.sent('lists/subscribe').map((one) => one.json.listId)).toEqual([900, 900])
  })

  test('are not made twice when the answer was lost [I2]', async () => {
    const { stub, delivery, request } = await start()
    stub.scripted('POST lists', new TypeError('fetch failed'))
    await expect(delivery.apply(request, signal)).rejects.toMatchObject({ code: 'DESTINATION_UNREACHABLE' })
    stub.scripted('GET lists', answer({ lists: [{ id: 31, name: 'fresh', listType: 'Standard' }] }))
    await delivery.apply(request, signal)
    expect(stub.sent('lists').filter((one) => one.method === 'POST')).toHaveLength(1)
    expect(stub.sent('lists/subscribe')[0]?.json.listId).toBe(31)
  })

  test('may not be everywhere at once: asked again, not rejected', async () => {
    const { stub, delivery, request } = await start()
    stub.scripted('lists/subscribe', answer({ msg: 'error.lists.invalidListId(900)', code: 'Success' }, 400))
    await expect(delivery.apply(request, signal)).rejects.toMatchObject({ remedy: 'retry' })
  })
})

describe('a change of email [I2]', () => {
  const change: Action = { kind: 'addressChange', identifiers: {}, from: 'old@example.com', to: 'new@example.com' }
  const no = answer({ msg: 'Cannot change user', code: 'BadParams', params: null }, 400)
  const start = async (...there: string[]) => {
    const stub = stubbed()
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([change]))).requests
    const look = (seen: { json: unknown }) =>
      answer(there.includes((seen.json as { email: string }).email) ? { user: { email: 'x' } } : {})
    stub.scripted('users/getByEmail', look, look)
    return { stub, delivery, request: request as never }
  }

  test.each([
    [['new@example.com'], 'accepted'],
    [['old@example.com', 'new@example.com'], 'USER_CONFLICT'],
    [[], 'USER_UNKNOWN'],
  ])('refused while %j are there: %s', async (there, code) => {
    const { stub, delivery, request } = await start(...there)
    stub.scripted('users/updateEmail', no.clone())
    expect(codes(await delivery.apply(request, signal))).toEqual([code])
  })

  test('a look-up that failed with a 200 is not taken for the answer that there is nobody [I10]', async () => {
    const { stub, delivery, request } = await start()
    const failed = () => answer({ msg: 'An error occurred', code: 'GenericError', params: null })
    stub.scripted('GET users/getByEmail', failed)
    await expect(delivery.apply(request, signal, true)).rejects.toMatchObject({ code: 'DESTINATION_ANSWER_UNCLEAR' })
    expect(stub.sent('users/updateEmail')).toHaveLength(0)
  })

  test('refused for another reason: the refusal stands', async () => {
    const { stub, delivery, request } = await start('old@example.com')
    stub.scripted('users/updateEmail', no.clone())
    await expect(delivery.apply(request, signal)).rejects.toMatchObject({ code: 'REQUEST_REFUSED' })
  })

  test.each([
    [['new@example.com'], 1],
    [['old@example.com'], 2],
  ])('after a lost answer it is looked up before it is repeated, with %j there', async (there, calls) => {
    const { stub, delivery, request } = await start(...there)
    stub.scripted('users/updateEmail', new TypeError('fetch failed'))
    await expect(delivery.apply(request, signal)).rejects.toMatchObject({ remedy: 'retry' })
    expect(codes(await delivery.apply(request, signal, true))).toEqual(['accepted'])
    expect(stub.sent('users/updateEmail')).toHaveLength(calls)
  })
})

describe('split', () => {
  const start = async (actions: readonly Action[]) => {
    const stub = stubbed({ fields })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock(actions))).requests
    if (request === undefined) throw new Error('nothing was prepared')
    return { stub, delivery, request }
  }

  test('halves hold the same rows, and together everything in order', async () => {
    const { delivery, request } = await start(profiles)
    const halves = delivery.split(request, { kind: 'halves' })
    const rows = halves.map((half) => JSON.parse(Buffer.from(half.body).toString()).users.length)
    expect(halves.map((half) => half.actions)).toEqual([
      [0, 1],
      [2, 3],
    ])
    expect(rows).toEqual([2, 2])
    const quarters = halves.flatMap((half) => delivery.split(half, { kind: 'halves' }))
    expect(
      quarters.map(
        (part) =>
          Buffer.from(part.body)
            .toString()
            .match(/\w@example/)?.[0],
      ),
    ).toEqual(['a@example', 'b@example', 'c@example', 'd@example'])
    expect(delivery.split(quarters[0] as never, { kind: 'halves' })).toEqual([quarters[0]])
  })

  test('a folded row falls into its writes, in their order', async () => {
    const { delivery, request } = await start([
      profile('a@example.com', { plan: 'x' }),
      profile('a@example.com', { score: 2 }),
    ])
    const parts = delivery.split(request, { kind: 'suspects', actions: [0, 1] })
    expect(parts.map((part) => part.actions)).toEqual([[0], [1]])
    expect(
      parts.map(
        (part) =>
          Buffer.from(part.body)
            .toString()
            .match(/"dataFields":(.*)}]/)?.[1],
      ),
    ).toEqual(['{"plan":"x"}', '{"score":2.0}'])
  })

  test('everybody suspect is nobody suspect', async () => {
    const { delivery, request } = await start(profiles)
    expect(delivery.split(request, { kind: 'suspects', actions: [0, 1, 2, 3] })).toHaveLength(2)
  })
})
