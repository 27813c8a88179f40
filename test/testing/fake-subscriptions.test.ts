import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

/** A project with two lists, and short ways to its subscriptions. */
function club(options: Partial<FakeIterableOptions> = {}) {
  const made = project({ lists: ['one', 'two', { name: 'rule', type: 'Dynamic' }], ...options })
  const update = (more: object) => made.post('users/updateSubscriptions', { email: A, ...more })
  const bulk = (rows: object[]) => made.post('users/bulkUpdateSubscriptions', { updateSubscriptionsRequests: rows })
  const put = (path: string, users: object) => made.call('PUT', `subscriptions/${path}`, users)
  const fields = () => made.ledger.user(A)?.dataFields
  return { ...made, update, bulkSubscriptions: bulk, put, fields }
}

describe('users/updateSubscriptions', () => {
  test('[source SW] every array that is sent replaces the stored one, null and absent leave it', async () => {
    const { update, fields, ledger } = club()
    await update({ emailListIds: [1_001], unsubscribedChannelIds: [7], unsubscribedMessageTypeIds: [1, 2] })
    await update({ emailListIds: [1_002], unsubscribedChannelIds: null, unsubscribedMessageTypeIds: [] })
    expect(fields()).toEqual({ unsubscribedChannelIds: [7], unsubscribedMessageTypeIds: [] })
    expect([ledger.members('one'), ledger.members('two')]).toEqual([[], [A]])
    await update({})
    expect(ledger.members('two')).toEqual([A])
    expect(ledger.entries.map(({ kind, seqOfAddress }) => [kind, seqOfAddress])).toEqual([
      ['subscriptions', 1],
      ['subscriptions', 2],
      ['subscriptions', 3],
    ])
  })

  test('[source HC-29156459027348] makes who is unknown; an unknown userId alone fails in an email project', async () => {
    const { update, post, ledger } = club()
    await update({})
    expect(ledger.users()).toHaveLength(1)
    const answer = await post('users/updateSubscriptions', { userId: 'u' })
    expect(answer).toMatchObject({ status: 400, json: { code: 'UnknownUserIdError' } })
  })

  test('[source SW] subscribedMessageTypeIds is an error unless opt-in is switched on', async () => {
    const off = club()
    expect((await off.update({ subscribedMessageTypeIds: [1] })).status).toBe(400)
    expect(off.ledger.users()).toEqual([])
    const on = club({ features: { optIn: true } })
    expect((await on.update({ subscribedMessageTypeIds: [1] })).status).toBe(200)
    expect(on.fields()).toEqual({ subscribedMessageTypeIds: [1] })
  })

  test('[source SW] arrays hold numbers', async () => {
    const { update } = club()
    const { status, json } = await update({ emailListIds: ['1001'], unsubscribedChannelIds: 7 })
    expect([status, Object.keys(json.params)]).toEqual([400, ['obj.emailListIds', 'obj.unsubscribedChannelIds']])
  })

  test('[source VCR] nobody is BadParams; [source AE] forgotten people are refused', async () => {
    const { post, update } = club({ forgotten: [A] })
    expect((await post('users/updateSubscriptions', {})).json.code).toBe('BadParams')
    expect((await update({})).json.code).toBe('ForgottenUserError')
  })
})

describe('users/bulkUpdateSubscriptions', () => {
  test('[source SW, GO] malformed ids in invalid*, what failed inside in valid*Failures', async () => {
    const { fake, bulkSubscriptions, ledger } = club()
    fake.faults.refuse([B])
    const rows = [
      { email: A, emailListIds: [1_001] },
      { email: 'none' },
      { email: B },
      { userId: 'ü' },
      { userId: 'u' },
    ]
    expect((await bulkSubscriptions(rows)).json).toEqual({
      successCount: 1,
      failCount: 4,
      invalidEmails: ['none'],
      invalidUserIds: ['ü'],
      validEmailFailures: [B],
      validUserIdFailures: ['u'],
    })
    expect(ledger.members('one')).toEqual([A])
  })

  test('[unsure] bulkShape: in 2017 [source VCR] there were no lists of userIds', async () => {
    const { bulkSubscriptions } = club({ unsure: { bulkShape: '2022' } })
    const { json } = await bulkSubscriptions([{ userId: 'u' }])
    expect(json).toEqual({ successCount: 0, failCount: 1, invalidEmails: [], validEmailFailures: [] })
  })

  test('[source VCR] a row without identifiers refuses all; nobody at all is zeros', async () => {
    const { bulkSubscriptions, ledger } = club()
    expect((await bulkSubscriptions([{ email: A }, {}])).status).toBe(400)
    expect(ledger.users()).toEqual([])
    expect((await bulkSubscriptions([])).json).toMatchObject({ successCount: 0, failCount: 0 })
  })
})

describe('subscription groups', () => {
  test('[source SW] PUT subscribes or unsubscribes many to a list, by email and userId', async () => {
    const { put, bulk, ledger } = club()
    await bulk([{ email: B, userId: 'u' }])
    const joined = await put('emailList/1001?action=subscribe', { users: [A, 'none'], usersByUserId: ['u', 'x'] })
    expect(joined.status).toBe(202)
    expect(ledger.members('one')).toEqual([A, B])
    expect((await put('emailList/1001?action=unsubscribe', { users: [A] })).status).toBe(202)
    expect(ledger.members('one')).toEqual([B])
  })

  test('[source SW] PATCH subscribes one and DELETE unsubscribes, and both make who is unknown', async () => {
    const { call, fields, ledger } = club()
    expect((await call('DELETE', `subscriptions/messageType/5/user/${A}`)).status).toBe(202)
    await call('DELETE', `subscriptions/messageChannel/7/user/${A}`)
    expect(fields()).toEqual({ unsubscribedMessageTypeIds: [5], unsubscribedChannelIds: [7] })
    expect((await call('PATCH', `subscriptions/messageType/5/user/${A}`)).status).toBe(202)
    expect(fields()).toEqual({ unsubscribedMessageTypeIds: [], unsubscribedChannelIds: [7] })
    await call('PATCH', 'subscriptions/emailList/1001/user/b%40example.com')
    expect(ledger.members('one')).toEqual([B])
    expect(ledger.entries.map(({ kind }) => kind)).toEqual(['unsubscribe', 'unsubscribe', 'subscribe', 'subscribe'])
  })

  test('[source SW] by userId', async () => {
    const { call, ledger } = club({ projectType: 'userId', features: { optIn: true } })
    await call('PATCH', 'subscriptions/messageType/5/byUserId/u')
    expect(ledger.user('u')?.dataFields).toEqual({ unsubscribedMessageTypeIds: [], subscribedMessageTypeIds: [5] })
    await call('DELETE', 'subscriptions/messageType/5/byUserId/u')
    expect(ledger.user('u')?.dataFields).toEqual({ unsubscribedMessageTypeIds: [5], subscribedMessageTypeIds: [] })
  })

  test('[source SW] 404 where Iterable has not switched it on', async () => {
    const { put, call } = club({ features: { subscriptionGroups: false } })
    expect((await put('emailList/1001?action=subscribe', { users: [A] })).status).toBe(404)
    expect(await call('PATCH', `subscriptions/messageType/5/user/${A}`)).toMatchObject({ json: { code: 'NotFound' } })
  })

  test('[invented] another group, action, list or address is refused', async () => {
    const { put, call, ledger } = club()
    expect((await put('list/1001?action=subscribe', {})).status).toBe(400)
    expect((await put('emailList/1001', {})).status).toBe(400)
    expect((await put('emailList/9?action=subscribe', {})).json.msg).toBe('error.lists.invalidListId(9)')
    expect((await call('PATCH', 'subscriptions/emailList/1001/user/none')).json.code).toBe('InvalidEmailAddressError')
    expect(ledger.entries).toEqual([])
  })

  test('[source VCR, no effect: unsure] a dynamic list keeps its rule', async () => {
    const { put, ledger } = club()
    expect((await put('emailList/1003?action=subscribe', { users: [A] })).status).toBe(202)
    expect(ledger.members('rule')).toEqual([])
  })
})

test('[source GR] a subscribe materialises the empty subscription arrays of a profile', async () => {
  const { post, bulk, get } = club()
  await bulk([user(B)])
  await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
  const read = async (email: string) => (await get(`users/${email}`)).json.user.dataFields
  expect(await read(A)).toMatchObject({
    emailListIds: [1_001],
    subscribedMessageTypeIds: [],
    unsubscribedChannelIds: [],
    unsubscribedMessageTypeIds: [],
  })
  expect(await read(B)).not.toHaveProperty('unsubscribedChannelIds')
})
