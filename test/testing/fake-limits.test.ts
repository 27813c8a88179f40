import { describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/testing/fake-iterable/routes.js'
import { PUBLISHED } from '../../src/testing/fake-iterable/wire/rates.js'
import { A, B, project, user } from './fake-project.js'

const [SECOND, MINUTE, DAY] = [1_000, 60_000, 86_400_000]

/** Requests and window of each endpoint that has a documented limit. Source: SW, HC-360029174171. */
const DOCUMENTED: Readonly<Record<string, readonly (readonly [count: number, perMs: number])[]>> = {
  'users/update': [[500, SECOND]],
  'users/bulkUpdate': [[5, SECOND]],
  'users/merge': [[50, SECOND]],
  'users/delete': [[100, SECOND]],
  'users/byUserId/delete': [[100, SECOND]],
  'users/get': [[100, SECOND]],
  'users/getByEmail': [[100, SECOND]],
  'users/byUserId': [[100, SECOND]],
  'users/forget': [
    [3, SECOND],
    [1_000, DAY],
  ],
  'users/unforget': [
    [3, SECOND],
    [1_000, DAY],
  ],
  'users/getFields': [[3, SECOND]],
  'users/forgotten': [[3, SECOND]],
  'users/forgottenUserIds': [[3, SECOND]],
  'events/track': [[2_000, SECOND]],
  'events/trackBulk': [[10, SECOND]],
  'events/get': [[100, SECOND]],
  'events/byUserId': [[100, SECOND]],
  lists: [[100, SECOND]],
  'lists/getUsers': [[5, MINUTE]],
  'lists/previewUsers': [[5, MINUTE]],
  'lists/size': [[5, MINUTE]],
  'catalogs/items/upload': [[100, SECOND]],
  'catalogs/item/replace': [[1_000, SECOND]],
  catalogs: [[100, SECOND]],
  'catalogs/items': [[100, SECOND]],
  'catalogs/item': [[100, SECOND]],
  'export/data.json': [[4, MINUTE]],
  'export/data.csv': [[4, MINUTE]],
  'export/start': [[1, SECOND]],
  'export/files': [[1, SECOND]],
  'export/cancel': [[1, SECOND]],
  channels: [[100, SECOND]],
}

describe('limits', () => {
  test('[source SW, HC-360029174171] every documented rate, and none for endpoints without one', () => {
    const rates = Object.entries(PUBLISHED).map(([endpoint, rate]) => {
      return [endpoint, [rate].flat().map(({ count, perMs }) => [count, perMs])]
    })
    expect(Object.fromEntries(rates)).toEqual(DOCUMENTED)
    const endpoints = new Set(ROUTES.map(({ endpoint }) => endpoint))
    expect(Object.keys(PUBLISHED).filter((endpoint) => !endpoints.has(endpoint))).toEqual([])
  })

  test('[source SW; unsure how many] more rows than a request may have are BatchTooLarge', async () => {
    const { bulk, track, post, ledger } = project({ batchRowsMax: 2, lists: ['churn'] })
    const rows = [1, 2, 3].map((at) => ({ email: `p${at}@example.com`, eventName: 'x' }))
    const refused = { status: 400, json: { code: 'BatchTooLarge' } }
    expect(await bulk(rows)).toMatchObject(refused)
    expect(await track(rows)).toMatchObject(refused)
    expect(await post('lists/subscribe', { listId: 1_001, subscribers: rows })).toMatchObject(refused)
    expect(ledger.entries).toEqual([])
    expect((await bulk(rows.slice(1))).json.successCount).toBe(2)
  })
})

describe('rows of a bulk request', () => {
  test('[unsure] typeConflictOf: a conflict refuses the request [source GR, GO], or its row only [source SW]', async () => {
    const { bulk, post, ledger } = project({
      fields: { n: 'long' },
      lists: ['churn'],
      unsure: { typeConflictOf: 'row' },
    })
    const rows = [user(A, { n: 1 }), user(B, { n: 'text' })]
    expect((await bulk(rows)).json).toMatchObject({ successCount: 1, failedUpdates: { invalidDataEmails: [B] } })
    const joined = await post('lists/subscribe', { listId: 1_001, subscribers: rows })
    expect(joined.json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { invalidDataEmails: [B] } })
    expect([ledger.users().length, ledger.members('churn')]).toEqual([1, [A]])
    expect((await post('users/update', user(B, { n: 'text' }))).json.code).toBe('RequestFieldsTypesMismatched')
    expect((await project({ fields: { n: 'long' } }).bulk(rows)).json.code).toBe('RequestFieldsTypesMismatched')
  })

  test('[unsure] unchanged: a row that changes nothing is done, or in noOp [source RT: the lists]', async () => {
    const ask = async (unchanged: 'success' | 'noOp') => {
      const { bulk } = project({ unsure: { unchanged } })
      await bulk([user(A, { n: 1 })])
      return (await bulk([user(A, { n: 1 }), user(B, { n: 1 })])).json
    }
    expect(await ask('success')).toMatchObject({ successCount: 2, failCount: 0, noOpEmails: [] })
    expect(await ask('noOp')).toMatchObject({ successCount: 1, failCount: 0, noOpEmails: [A] })
  })

  test('[source SW] preferUserId is ignored outside email projects', async () => {
    for (const projectType of ['userId', 'hybrid'] as const) {
      const { bulk, ledger } = project({ projectType })
      await bulk([
        { userId: 'u', preferUserId: true },
        { userId: 'v', preferUserId: false },
      ])
      expect(ledger.users()).toEqual([
        { userId: 'u', dataFields: {} },
        { userId: 'v', dataFields: {} },
      ])
    }
  })

  test('[unsure] an empty text is stored; [source GR] so is an empty array', async () => {
    const { bulk, ledger } = project()
    await bulk([user(A, { text: '', list: [] })])
    expect(ledger.user(A)?.dataFields).toEqual({ text: '', list: [] })
  })
})

test('[source HC-115002065083] discarded events are accepted and not stored', async () => {
  const { bulk, track, post, ledger } = project({ discardedEvents: ['seen'] })
  await bulk([user(A)])
  const seen = { email: A, eventName: 'seen', id: 'e-1' }
  expect((await track([seen, { email: A, eventName: 'kept' }])).json).toMatchObject({ successCount: 2, failCount: 0 })
  expect((await post('events/track', seen)).json.params).toEqual({ id: 'e-1' })
  expect(ledger.events().map(({ eventName }) => eventName)).toEqual(['kept'])
})

test('[source AE; invented words] a list that is in use cannot be deleted', async () => {
  const { call, ledger } = project({ lists: [{ name: 'churn', inUse: true }] })
  expect((await call('DELETE', 'lists/1001')).status).toBe(409)
  expect(ledger.lists).toHaveLength(1)
})
