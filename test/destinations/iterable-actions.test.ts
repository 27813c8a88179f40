import { describe, expect, test } from 'vitest'
import type { IterableDestinationOptions } from '../../src/destinations/iterable/iterable-destination.js'
import type { Action } from '../../src/model/action.js'
import { type ActionOrigin, actionBlock } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import { deliver } from '../../src/sync/deliver.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { type Answer, answer, delivered, member, profile, signal, stubbed } from './iterable-stub.js'

const ada = { email: 'ada@example.com' }
const ITEM = { id: 'sku-1', name: 'Shoe', price: 49.5, quantity: 2 }
const purchase = (more: object = {}): Action =>
  ({ kind: 'purchase', identifiers: ada, total: 99, items: [ITEM], ...more }) as Action
const cart = (items: readonly object[] = [ITEM]): Action => ({ kind: 'cart', identifiers: ada, items }) as Action
const item = (more: object = {}): Action =>
  ({
    kind: 'catalogItem',
    identifiers: {},
    catalog: 'shoes',
    item: 'sku-1',
    dataFields: { price: 49.5 },
    ...more,
  }) as Action
const wants = (more: object): Action => ({ kind: 'subscription', identifiers: ada, ...more }) as Action
const leaves = (kind: 'forget' | 'delete', identifiers: Record<string, string> = ada): Action => ({ kind, identifiers })

async function sent(actions: readonly Action[], options: object = {}, origins: readonly ActionOrigin[] = []) {
  const stub = stubbed({ createNewFields: true, ...options })
  const { refused, requests, outcomes } = await delivered(stub, actions, origins)
  const seen = stub.seen.filter(({ path }) => path !== 'users/getFields' && path !== 'lists')
  return { stub, refused, requests, outcomes: outcomes.flat(), seen }
}

const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.code : outcome.status))

/** Prepares one action and applies it to one answer. */
async function applied(
  given: Answer,
  action: Action,
  { again = false, ...options }: Partial<IterableDestinationOptions> & { again?: boolean } = {},
) {
  const stub = stubbed({ createNewFields: true, ...options })
  const delivery = await stub.destination.open(signal)
  const [request] = (await delivery.prepare(actionBlock([action]))).requests
  if (request === undefined) throw new Error('nothing was prepared')
  const path = stub.seen.length
  const first = {
    'users/delete': 'users/ada%40example.com',
    'catalogs/items': 'catalogs/shoes/items',
    'catalogs/removeItems': 'catalogs/shoes/items',
  }
  stub.scripted((first as Record<string, string>)[request.endpoint] ?? request.endpoint, given)
  const outcomes = await delivery.apply(request, signal, again)
  return {
    outcomes,
    stub,
    delivery,
    request,
    calls: stub.seen.slice(path).map(({ method, path: at }) => `${method} ${at}`),
  }
}

const refusedAs =
  (status: number, code: string, msg = '') =>
  () =>
    answer({ msg, code, params: null }, status)

describe('purchases and carts', () => {
  test('are one call each, and name a user without writing any of its fields', async () => {
    const { seen, outcomes, requests } = await sent([
      purchase({ dataFields: { coupon: 'c' }, createdAt: 1_700_000_000 }),
      cart(),
    ])
    expect(codes(outcomes)).toEqual(['accepted', 'accepted'])
    expect(seen.map(({ method, path, json }) => [method, path, json])).toEqual([
      [
        'POST',
        'commerce/trackPurchase',
        {
          id: expect.stringMatching(/^[0-9a-f]{32}$/),
          user: { ...ada, preferUserId: false },
          items: [ITEM],
          total: 99,
          createdAt: 1_700_000_000,
          dataFields: { coupon: 'c' },
        },
      ],
      ['POST', 'commerce/updateCart', { user: { ...ada, preferUserId: false }, items: [ITEM] }],
    ])
    expect(requests.map(({ intent }) => intent)).toEqual([true, true])
  })

  test('a purchase has the id of its row and time, which no event of them has', async () => {
    const origins = [
      { key: '["r",1]', changedAt: '2026-01-01T00:00:00Z' },
      { key: '["r",1]', changedAt: '2026-01-01T00:00:00Z' },
    ]
    const bought: Action = { kind: 'event', identifiers: ada, eventName: 'purchase' }
    const once = await sent([purchase(), bought], {}, origins)
    const again = await sent([purchase(), bought], {}, origins)
    const idsOf = ({ seen }: typeof once) =>
      seen.flatMap(({ json }) => json.events?.map(({ id }) => id) ?? [(json as never as { id: string }).id])
    expect(new Set(idsOf(once)).size).toBe(2)
    expect(idsOf(again)).toEqual(idsOf(once))
  })

  test('keep their order: a purchase empties the cart', async () => {
    const { seen } = await sent([cart(), purchase(), cart([])])
    expect(seen.map(({ path }) => path)).toEqual([
      'commerce/updateCart',
      'commerce/trackPurchase',
      'commerce/updateCart',
    ])
  })

  test.each([
    [purchase({ total: '9' }), 'has a total that is no number'],
    [purchase({ items: {} }), 'has items that are no array'],
    [purchase({ items: [ITEM, { ...ITEM, quantity: 1.5 }] }), 'has items[1].quantity that is not a whole number'],
    [purchase({ items: [{ id: 'a', name: 'b', price: 1 }] }), 'has items[0] without quantity'],
    [
      purchase({ items: [{ ...ITEM, secret: 1 }] }),
      'has items[0] with a field that no item has: put it under its dataFields',
    ],
    [purchase({ campaignId: 1.5 }), 'has a campaignId or templateId that is no whole number'],
    [purchase({ coupon: 'c' }), 'has a field that it cannot carry: put it under dataFields'],
    [cart([{ ...ITEM, categories: 'a' }]), 'has items[0].categories that is not an array of texts'],
  ])('%j is refused on our side, and no value is told', async (action, problem) => {
    const { refused, seen } = await sent([action])
    expect(refused.map(({ reason }) => [reason.code, reason.facts.problem])).toEqual([['ACTION_INVALID', problem]])
    expect(seen).toEqual([])
  })

  test.each([
    [purchase({ id: 'a_b' }), 'EVENT_ID_INVALID'],
    [purchase({ createdAt: Date.now() }), 'CREATED_AT_INVALID'],
    [{ ...purchase(), identifiers: { email: 'none' } } as Action, 'EMAIL_INVALID'],
  ])('%j is %s', async (action, code) => {
    expect((await sent([action])).refused.map(({ reason }) => reason.code)).toEqual([code])
  })

  test.each([
    [refusedAs(400, 'ForgottenUserError'), 'USER_FORGOTTEN'],
    [refusedAs(409, 'ForgottenUserError'), 'USER_FORGOTTEN'],
    [refusedAs(400, 'InvalidEmailAddressError'), 'EMAIL_INVALID'],
    [refusedAs(400, 'UnknownEmailError'), 'USER_UNKNOWN'],
  ])('a refusal that is about the person is its outcome (%#)', async (given, code) => {
    expect(codes((await applied(given, purchase())).outcomes)).toEqual([code])
  })

  test('another refusal is of the request, for the engine', async () => {
    await expect(applied(refusedAs(400, 'BadParams'), purchase())).rejects.toMatchObject({ code: 'REQUEST_REFUSED' })
    await expect(applied(refusedAs(500, 'GenericError'), purchase())).rejects.toMatchObject({
      code: 'DESTINATION_ANSWER_UNCLEAR',
    })
  })

  test('one that may have arrived is looked for before it is sent again [I2]', async () => {
    const id = 'abc-1'
    const events = (found: string) => answer({ events: [{ eventType: 'purchase', createdAt: 'x', id: found }] })
    for (const [found, calls] of [
      [id, 1],
      ['another', 2],
    ] as const) {
      const stub = stubbed({ createNewFields: true })
      const delivery = await stub.destination.open(signal)
      const [request] = (await delivery.prepare(actionBlock([purchase({ id })]))).requests
      const from = stub.seen.length
      stub.scripted('events/ada%40example.com', events(found))
      expect(await delivery.apply(request as never, signal, true)).toEqual([{ status: 'accepted' }])
      expect(stub.seen.slice(from)).toHaveLength(calls)
    }
  })

  test('an event of another kind with the same id is no purchase', async () => {
    const stub = stubbed({ createNewFields: true })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([purchase({ id: 'abc-1' })]))).requests
    stub.scripted('events/ada%40example.com', answer({ events: [{ eventType: 'customEvent', id: 'abc-1' }] }))
    await delivery.apply(request as never, signal, true)
    expect(stub.sent('commerce/trackPurchase')).toHaveLength(1)
  })

  test.each([
    [[ITEM], 0],
    [[{ ...ITEM, quantity: 3 }], 1],
    [undefined, 1],
  ])('a cart that is there already is not sent again (%j)', async (shoppingCartItems, calls) => {
    const stub = stubbed({ createNewFields: true })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([cart()]))).requests
    stub.scripted('users/getByEmail', answer({ user: { email: ada.email, dataFields: { shoppingCartItems } } }))
    expect(await delivery.apply(request as never, signal, true)).toEqual([{ status: 'accepted' }])
    expect(stub.sent('commerce/updateCart')).toHaveLength(calls)
  })
})

describe('subscriptions', () => {
  test('go together, and a second word about one person comes after the first', async () => {
    const bob = { email: 'bob@example.com' }
    const { seen, outcomes } = await sent([
      wants({ unsubscribedChannelIds: [1, 2] }),
      { ...wants({ unsubscribedMessageTypeIds: [] }), identifiers: bob } as Action,
      wants({ unsubscribedChannelIds: [] }),
    ])
    expect(seen.map(({ path, json }) => [path, json])).toEqual([
      [
        'users/bulkUpdateSubscriptions',
        {
          updateSubscriptionsRequests: [
            { ...ada, unsubscribedChannelIds: [1, 2] },
            { ...bob, unsubscribedMessageTypeIds: [] },
          ],
        },
      ],
      ['users/bulkUpdateSubscriptions', { updateSubscriptionsRequests: [{ ...ada, unsubscribedChannelIds: [] }] }],
    ])
    expect(outcomes.every(({ status }) => status === 'accepted')).toBe(true)
  })

  test.each([
    [wants({}), /^changes nothing/],
    [wants({ unsubscribedChannelIds: 1 }), /^has unsubscribedChannelIds that is no array/],
    [wants({ unsubscribedChannelIds: ['1'] }), /^has unsubscribedChannelIds that is no array/],
    [wants({ emailListIds: [1] }), /^has a field besides/],
  ])('%j is refused', async (action, problem) => {
    const { refused } = await sent([action])
    expect(refused[0]?.reason).toMatchObject({
      code: 'ACTION_INVALID',
      facts: { problem: expect.stringMatching(problem) },
    })
  })

  const inside = () => answer({ successCount: 0, failCount: 1, invalidEmails: [], validEmailFailures: [ada.email] })

  test('one that failed inside Iterable is neither success nor failure [I10]', async () => {
    await expect(applied(inside, wants({ unsubscribedChannelIds: [1] }))).rejects.toMatchObject({
      code: 'DESTINATION_ANSWER_UNCLEAR',
    })
  })

  test('one that always fails inside Iterable does not stop every run: it is refused the third time', async () => {
    const stub = stubbed()
    stub.scripted('users/bulkUpdateSubscriptions', inside, inside, inside)
    const outcomes = await deliver(stub.destination, [wants({ unsubscribedChannelIds: [1] })], {
      clock: new VirtualClock(),
    })
    expect(outcomes).toEqual([
      { status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { problem: 'an internal failure, 3 times' } } },
    ])
    expect(stub.sent('users/bulkUpdateSubscriptions')).toHaveLength(3)
  })
})

test('almost a date in a purchase is refused whatever createNewFields says: a purchase cannot say it, so the field may be made', async () => {
  const late = purchase({ dataFields: { at: '2024-11-25T13:37:19Z' } })
  const { refused } = await sent([late], { createNewFields: false })
  expect(refused).toEqual([{ action: 0, reason: { code: 'FIELD_DATE_NEAR_MISS', facts: { field: 'at' } } }])
  expect((await sent([late], { createNewFields: false, nearDates: 'allow' })).refused).toEqual([])
})

describe('catalog items', () => {
  test('go together by catalog, and say whether they replace', async () => {
    const { seen, outcomes } = await sent([
      item(),
      item({ item: 'sku-2' }),
      item({ catalog: 'hats' }),
      item({ item: 'sku-3', remove: true, dataFields: {} }),
    ])
    expect(seen.map(({ method, path, json }) => [method, path, json])).toEqual([
      [
        'POST',
        'catalogs/shoes/items',
        { replaceUploadedFieldsOnly: false, documents: { 'sku-1': { price: 49.5 }, 'sku-2': { price: 49.5 } } },
      ],
      ['POST', 'catalogs/hats/items', { replaceUploadedFieldsOnly: false, documents: { 'sku-1': { price: 49.5 } } }],
      ['DELETE', 'catalogs/shoes/items', { itemIds: ['sku-3'] }],
    ])
    expect(outcomes).toHaveLength(4)
  })

  test('of one item the last word counts where items are replaced, and each where they are changed', async () => {
    const twice = [item(), item({ dataFields: { stock: 1 } })]
    const replaced = await sent(twice)
    expect(replaced.seen.map(({ json }) => (json as never as { documents: object }).documents)).toEqual([
      { 'sku-1': { stock: 1 } },
    ])
    expect(codes(replaced.outcomes)).toEqual(['accepted', 'accepted'])
    const changed = await sent(twice, { catalogs: { mergeItems: true } })
    expect(changed.seen).toHaveLength(2)
    const back = await sent([item({ remove: true, dataFields: {} }), item()])
    expect(back.seen.map(({ method }) => method)).toEqual(['DELETE', 'POST'])
  })

  test.each([
    [item({ item: 'a b' }), 'ACTION_INVALID'],
    [item({ catalog: 'a/b' }), 'ACTION_INVALID'],
    [item({ remove: 'yes' }), 'ACTION_INVALID'],
    [item({ dataFields: { 'a.b': 1 } }), 'FIELD_NAME_INVALID'],
    [item({ dataFields: { text: 'x'.repeat(30_000) } }), 'ROW_TOO_LARGE'],
  ])('%# is refused on our side', async (action, code) => {
    expect((await sent([action])).refused.map(({ reason }) => reason.code)).toEqual([code])
  })

  test('a catalog that is not there is an outcome, or is made', async () => {
    const missing = () =>
      answer({ error: 'NotFound', message: 'Catalog not found: shoes', code: 'error.catalogs.notFound' }, 404)
    expect(codes((await applied(missing, item())).outcomes)).toEqual(['CATALOG_UNKNOWN'])
    const { outcomes, calls } = await applied(missing, item(), { catalogs: { create: true } })
    expect(codes(outcomes)).toEqual(['accepted'])
    expect(calls).toEqual(['POST catalogs/shoes/items', 'POST catalogs/shoes', 'POST catalogs/shoes/items'])
  })

  test('an account without catalogs refuses its items, and does not stop what else there is', async () => {
    const none = () => answer({ error: 'NotFound', message: 'Not found', code: 'error.notFound' }, 404)
    const stub = stubbed({ catalogs: { create: true }, fields: { plan: 'string' } })
    for (const path of ['catalogs/shoes/items', 'catalogs/shoes', 'catalogs/shoes/items']) stub.scripted(path, none())
    const outcomes = await deliver(stub.destination, [item(), profile('b@example.com')])
    expect(codes(outcomes)).toEqual(['CATALOG_UNKNOWN', 'accepted'])
  })

  test('types of fields are read when the run opens, and set before the first item; a dry run sets none', async () => {
    const stub = stubbed({ catalogs: { fields: { shoes: { price: 'double', made: 'date' } } } })
    stub.scripted(
      'GET catalogs/shoes/fieldMappings',
      answer({ params: { definedMappings: { price: 'double' }, undefinedFields: [] } }),
    )
    const { outcomes, refused } = await delivered(stub, [item(), item({ item: 'x', dataFields: { price: 'dear' } })])
    expect(refused.map(({ reason }) => reason.code)).toEqual(['FIELD_TYPE_CONFLICT'])
    expect(codes(outcomes.flat())).toEqual(['accepted'])
    expect(
      stub
        .sent('catalogs/shoes/fieldMappings')
        .map(({ method, json }) => [method, json])
        .at(-1),
    ).toEqual(['PUT', { mappingsUpdates: [{ fieldName: 'made', fieldType: 'date' }] }])
    const dry = stubbed({ catalogs: { fields: { shoes: { price: 'double' } } } })
    dry.scripted('GET catalogs/shoes/fieldMappings', answer({ definedMappings: {} }))
    const delivery = await dry.destination.open(signal)
    await delivery.prepare(actionBlock([item()]))
    expect(dry.seen.filter(({ method }) => method !== 'GET')).toEqual([])
  })

  test('a field that has another type already stops the run when it opens', async () => {
    const stub = stubbed({ catalogs: { fields: { shoes: { price: 'double' } } } })
    stub.scripted('GET catalogs/shoes/fieldMappings', answer({ definedMappings: { price: 'string' } }))
    await expect(stub.destination.open(signal)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      facts: { option: 'catalogs.fields.shoes.price' },
    })
  })
})

describe('who is to be gone', () => {
  test('goes last, and what the block says of the forgotten afterwards is refused', async () => {
    const { seen, refused } = await sent(
      [leaves('forget'), profile('ada@example.com'), member('bob@example.com', 7), profile('bob@example.com')],
      {
        knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }],
      },
    )
    expect(seen.map(({ path }) => path)).toEqual(['users/bulkUpdate', 'lists/subscribe', 'users/forget'])
    expect(refused.map(({ action, reason }) => [action, reason.code])).toEqual([[1, 'USER_FORGOTTEN']])
  })

  test('a deleted profile may come again, behind its end', async () => {
    const { seen } = await sent([
      profile('ada@example.com'),
      leaves('delete'),
      profile('ada@example.com', { plan: 'new' }),
    ])
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST users/bulkUpdate',
      'DELETE users/ada%40example.com',
      'POST users/bulkUpdate',
    ])
  })

  test('by userId where that addresses', async () => {
    const { seen } = await sent([leaves('delete', { userId: 'a/b' }), leaves('forget', { userId: 'u' })], {
      projectType: 'userId',
    })
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'DELETE users/byUserId/a%2Fb',
      'POST users/forget',
    ])
  })

  test.each([
    [refusedAs(400, 'BadParams', 'User does not exist. Email:  UserId: x'), 'accepted'],
    [() => answer({}, 404), 'accepted'],
    [refusedAs(400, 'InvalidEmailAddressError'), 'EMAIL_INVALID'],
  ])('who is not there needs not be deleted (%#)', async (given, code) => {
    expect(codes((await applied(given, leaves('delete'))).outcomes)).toEqual([code])
  })

  test.each([400, 409])('who was forgotten before is forgotten (%i)', async (status) => {
    expect(codes((await applied(refusedAs(status, 'ForgottenUserError'), leaves('forget'))).outcomes)).toEqual([
      'accepted',
    ])
  })

  test('a thousand a day, over runs; the others wait and know until when', async () => {
    const hour = 493_812
    const stub = stubbed({ today: () => hour * 3_600_000 + 5 })
    const delivery = await stub.destination.open(signal, { forgets: { [hour - 2]: 999, [hour - 30]: 500 } })
    const people = ['a', 'b', 'c'].map((name) => leaves('forget', { email: `${name}@example.com` }))
    const outcomes = []
    for (const request of (await delivery.prepare(actionBlock(people))).requests)
      outcomes.push(...(await delivery.apply(request, signal)))
    expect(codes(outcomes)).toEqual(['accepted', 'FORGET_WAITING', 'FORGET_WAITING'])
    expect(stub.sent('users/forget')).toHaveLength(1)
    const after = new Date((hour - 1) * 3_600_000 + 86_400_000).toISOString()
    expect(outcomes[1]).toMatchObject({ status: 'parked', reason: { facts: { limit: 1_000, after } } })
    expect(await delivery.close()).toEqual({ forgets: { [hour - 2]: 999, [hour]: 1 } })
  })

  test('each is told of the hour in which there is a place for them, and not of the first one that gets free', async () => {
    const hour = 493_812
    const stub = stubbed({ today: () => hour * 3_600_000 + 5 })
    const delivery = await stub.destination.open(signal, { forgets: { [hour - 20]: 1, [hour - 1]: 998, [hour]: 1 } })
    const people = ['a', 'b', 'c'].map((name) => leaves('forget', { email: `${name}@example.com` }))
    const times: unknown[] = []
    for (const request of (await delivery.prepare(actionBlock(people))).requests)
      for (const outcome of await delivery.apply(request, signal))
        times.push('reason' in outcome && outcome.reason.facts.after)
    const day = (of: number) => new Date((of + 1) * 3_600_000 + 86_400_000).toISOString()
    expect(times).toEqual([day(hour - 20), day(hour - 1), day(hour - 1)])
  })

  test('how long it takes is told by the rate while there is room, and by the hour of a place where there is none', async () => {
    const hour = 493_812
    const now = hour * 3_600_000 + 5
    const { destination } = stubbed({ today: () => now, share: 0.5 })
    const freeAt = (of: number) => (of + 1) * 3_600_000 + 86_400_000 - now
    const forgets = { [hour - 30]: 900, [hour - 20]: 1, [hour]: 996 }
    expect(destination.forgetEtaMs(3, {})).toBe(2_000)
    expect(destination.forgetEtaMs(1_000)).toBe(Math.ceil(1_000_000 / 1.5))
    expect([3, 4, 5].map((waiting) => destination.forgetEtaMs(waiting, { forgets }))).toEqual([
      2_000,
      freeAt(hour - 20),
      freeAt(hour),
    ])
    expect(destination.forgetEtaMs(3 + 1_001, { forgets })).toBe(freeAt(hour - 20) + 86_400_000)
  })

  test('whom Iterable turns away is no place used up, and after three in a row nobody is asked about in that run', async () => {
    const stub = stubbed()
    stub.scripted('users/forget', ...Array.from({ length: 9 }, () => answer({}, 429)))
    const delivery = await stub.destination.open(signal)
    const people = ['a', 'b', 'c', 'd', 'e'].map((name) => leaves('forget', { email: `${name}@example.com` }))
    const outcomes = []
    for (const request of (await delivery.prepare(actionBlock(people))).requests)
      outcomes.push(...(await delivery.apply(request, signal)))
    expect(codes(outcomes)).toEqual(Array(5).fill('FORGET_WAITING'))
    expect(stub.sent('users/forget')).toHaveLength(3)
    expect(await delivery.close()).toEqual({})
  })

  test('a day that others have used up parks them too', async () => {
    const { outcomes } = await applied(() => answer({}, 429), leaves('forget'))
    expect(outcomes).toMatchObject([{ status: 'parked', reason: { code: 'FORGET_WAITING' } }])
  })
})
