import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

const LIST = 1_001

/** A project with the list `churn`, and short ways in and out. */
function churn(options: Partial<FakeIterableOptions> = {}) {
  const made = project({ lists: ['churn'], ...options })
  const subscribe = (subscribers: object[], more: object = {}) =>
    made.post('lists/subscribe', { listId: LIST, subscribers, ...more })
  const unsubscribe = (subscribers: object[], more: object = {}) =>
    made.post('lists/unsubscribe', { listId: LIST, subscribers, ...more })
  return { ...made, subscribe, unsubscribe }
}

describe('lists', () => {
  test('[source SW, GR] are made static, names need not be unique, newest first, times in ms', async () => {
    const { post, get } = project({ now: () => 5_000, lists: [{ name: 'rule', type: 'Dynamic' }] })
    const made = [await post('lists', { name: 'churn' }), await post('lists', { name: 'churn', description: 'x' })]
    expect(made.map(({ status, json }) => [status, json])).toEqual([
      [200, { listId: 1_002 }],
      [200, { listId: 1_003 }],
    ])
    expect((await get('lists')).json).toEqual({
      lists: [
        { id: 1_003, name: 'churn', description: 'x', listType: 'Standard', createdAt: 5_000 },
        { id: 1_002, name: 'churn', listType: 'Standard', createdAt: 5_000 },
        { id: 1_001, name: 'rule', listType: 'Dynamic', createdAt: 5_000 },
      ],
    })
  })

  test('[source AC] one that was just made answers invalidListId for a while', async () => {
    let now = 0
    const { post, subscribe } = churn({ lists: [], newListBlindMs: 5_000, now: () => now })
    await post('lists', { name: 'churn' })
    now = 4_999
    expect(await subscribe([])).toMatchObject({ status: 400, json: { code: 'Success' } })
    now = 5_000
    expect((await subscribe([])).status).toBe(200)
  })

  test('[source VCR] one that was deleted is gone, and its number does not come back', async () => {
    const { call, get, post, subscribe } = churn()
    await call('DELETE', `lists/${LIST}`)
    expect((await get('lists')).json.lists).toEqual([])
    expect((await subscribe([])).status).toBe(400)
    expect((await post('lists', { name: 'next' })).json.listId).toBe(LIST + 1)
  })
})

describe('joining and leaving', () => {
  test('[source SW, GR] makes people; a non-member leaves with success', async () => {
    const { subscribe, unsubscribe, get, ledger } = churn()
    const joined = await subscribe([{ email: 'A@example.com' }, { email: 'none' }])
    expect(joined.json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { invalidEmails: ['none'] } })
    expect(ledger.members('churn')).toEqual([A])
    expect(ledger.user(A)).toEqual({ email: A, dataFields: {} })
    expect(await get(`lists/getUsers?listId=${LIST}`)).toMatchObject({
      body: `${A}\n`,
      headers: { 'content-type': 'text/plain' },
    })
    expect((await get(`lists/${LIST}/size`)).body).toBe('1')
    const left = await unsubscribe([{ email: A }, { email: B }, { email: 'none' }], { channelUnsubscribe: false })
    expect(left.json).toMatchObject({ successCount: 2, failCount: 1, failedUpdates: { invalidEmails: ['none'] } })
    expect(ledger.members('churn')).toEqual([])
  })

  test('[source SW] may carry fields, held to their types', async () => {
    const { subscribe, ledger } = churn({ fields: { n: 'long' } })
    expect((await subscribe([user(A, { n: 1, fresh: 'x' })])).json.createdFields).toEqual(['fresh'])
    expect(ledger.user(A)?.dataFields).toEqual({ n: 1, fresh: 'x' })
    expect(ledger.entries.map(({ kind }) => kind)).toEqual(['profile', 'subscribe'])
    expect((await subscribe([{ email: B }, user(A, { n: 'x' })])).json.code).toBe('RequestFieldsTypesMismatched')
    expect(ledger.members('churn')).toEqual([A])
  })

  test('[source VCR] a row without identifiers refuses all; nobody at all is zeros', async () => {
    const { subscribe, unsubscribe, ledger } = churn()
    for (const call of [subscribe, unsubscribe]) {
      expect(await call([{ email: A }, {}])).toMatchObject({ status: 400, json: { code: 'BadParams' } })
      expect((await call([])).json).toMatchObject({ successCount: 0, failCount: 0 })
    }
    expect(ledger.entries).toEqual([])
  })

  test('[source SW] updateExistingUsersOnly counts outside email projects only', async () => {
    const byEmail = churn()
    expect((await byEmail.subscribe([user(A)], { updateExistingUsersOnly: true })).json.successCount).toBe(1)
    const byId = churn({ projectType: 'userId' })
    await byId.bulk([{ userId: 'u' }])
    const { json } = await byId.subscribe([{ userId: 'u' }, { userId: 'v' }], { updateExistingUsersOnly: true })
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { notFoundUserIds: ['v'] } })
    expect(byId.ledger.members('churn')).toEqual(['u'])
  })

  test('[unsure] unsubscribeUnknown: somebody unknown leaves with success, or is not found', async () => {
    const lenient = churn()
    expect((await lenient.unsubscribe([{ email: B }])).json).toMatchObject({ successCount: 1, failCount: 0 })
    expect(lenient.ledger.users()).toEqual([])
    const strict = churn({ unsure: { unsubscribeUnknown: 'notFound' } })
    await strict.bulk([user(A)])
    const { json } = await strict.unsubscribe([{ email: A }, { email: B }])
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { notFoundEmails: [B] } })
  })

  test('[source SW] channelUnsubscribe is close to a global one: the ledger shows it', async () => {
    const { unsubscribe, ledger } = churn()
    await unsubscribe([{ email: A }])
    await unsubscribe([{ email: A }], { channelUnsubscribe: true })
    expect(ledger.entries.map(({ detail }) => detail)).toEqual([
      { listId: LIST, list: 'churn' },
      { listId: LIST, list: 'churn', channelUnsubscribe: true },
    ])
  })

  test('[source VCR: success; unsure] dynamicListJoins: such a list keeps its rule, or takes members', async () => {
    const joined = async (dynamicListJoins: boolean) => {
      const { subscribe, unsubscribe, bulk, ledger } = churn({
        lists: [{ name: 'rule', type: 'Dynamic' }],
        unsure: { dynamicListJoins },
      })
      expect((await subscribe([{ email: A }, { email: B }])).json.successCount).toBe(2)
      expect((await unsubscribe([{ email: A }])).json.successCount).toBe(1)
      await bulk([user('c@example.com', { emailListIds: [LIST] })])
      return ledger.members('rule')
    }
    expect(await joined(false)).toEqual([])
    expect(await joined(true)).toEqual([B, 'c@example.com'])
  })
})

test('[source SW] the size of a list is a number as text', async () => {
  const { subscribe, get } = churn()
  await subscribe([{ email: A }, { email: B }])
  const size = await get(`lists/${LIST}/size`)
  expect(size).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain' }, body: '2' })
})

test('[source EST] members come in no order that means anything', async () => {
  const { subscribe, get, ledger } = churn()
  const came = ['a@example.org', 'b@example.com', 'c@example.net', 'a@example.com'].map((email) => ({ email }))
  await subscribe(came)
  const read = (await get(`lists/getUsers?listId=${LIST}`)).body.trim().split('\n')
  expect([...read].sort()).toEqual([...ledger.members('churn')].sort())
  expect(read).not.toEqual(ledger.members('churn'))
  expect(read).not.toEqual([...read].sort())
})

test('[source SW, AC] a preview is some of them, 1,000 if nothing is said and 5,000 at most', async () => {
  const { subscribe, get } = churn()
  await subscribe(Array.from({ length: 1_002 }, (_, n) => ({ email: `p${n}@example.com` })))
  const lines = async (more: string) =>
    (await get(`lists/previewUsers?listId=${LIST}${more}`)).body.trim().split('\n').length
  expect([await lines(''), await lines('&size=3'), await lines('&size=5000')]).toEqual([1_000, 3, 1_002])
  for (const size of ['0', '5001', 'x']) {
    expect((await get(`lists/previewUsers?listId=${LIST}&size=${size}`)).json.code).toBe('BadParams')
  }
  expect((await get('lists/previewUsers?listId=7')).json.msg).toBe('Invalid email list id')
})

test('[source SW] a project with both identifiers names people by the one that is preferred', async () => {
  const { subscribe, get } = churn({ projectType: 'hybrid' })
  await subscribe([{ email: A, userId: 'u-1' }, { email: B }])
  const read = async (more: string) =>
    (await get(`lists/getUsers?listId=${LIST}${more}`)).body.trim().split('\n').sort()
  expect(await read('')).toEqual([A, B].sort())
  expect(await read('&preferUserId=true')).toEqual(['u-1', B].sort())
})
