import { expect, test } from 'vitest'
import { A, golden, goldenNames, named, project, user } from './fake-project.js'

/** What was recorded in part only, or in a shape that has grown since. */
const PARTLY = new Set([
  'invalid-list-id',
  'no-users',
  'purchase-total-text',
  'subscribe-invalid',
  'update-email-unknown',
])

const ITEM = { id: 'i-1', name: 'Sample Item', price: 100, quantity: 1 }

const X = 'example-catalog'
/** A project with the catalog of the recordings. */
const catalog = () => project({ catalogs: [X], now: () => 1_559_355_947_000 })
const in2019 = () => project({ unsure: { catalogErrors: '2019' } })

const subscriptionsOf2017 = (email: string) =>
  project({ unsure: { bulkShape: '2022' } }).post('users/bulkUpdateSubscriptions', {
    updateSubscriptionsRequests: [{ email }],
  })

/** The lines in the order of the recording; which order is nobody's promise. */
async function exportOf2017(recorded: string) {
  const { fake, get } = project()
  const [head, ...lines] = recorded.trim().split('\n')
  for (const line of lines) {
    const [, at = '', campaignId] = /^"(.*)",(\d+)$/.exec(line) ?? []
    const createdAt = Date.parse(at.replace(' +00:00', 'Z').replace(' ', 'T')) / 1_000
    fake.happened({ dataType: 'emailSend', createdAt, fields: { email: A, campaignId: Number(campaignId) } })
  }
  const { status, body } = await get('export/data.csv?dataTypeName=emailSend&range=All&onlyFields=campaignId')
  const [first, ...read] = body.trim().split('\n')
  const sorted = lines.filter((line) => read.includes(line))
  return { status, json: `${[first === head ? head : first, ...sorted].join('\n')}\n` }
}

/** The request that gets each recorded answer. */
const ASKED: Readonly<Record<string, () => Promise<{ readonly status: number; readonly json: unknown }>>> = {
  'bad-api-key': () => project().call('GET', 'lists', undefined, { 'api-key': 'wrong' }),
  'bad-api-key-old': () =>
    project({ unsure: { badKeyCode: 'Success' } }).call('DELETE', 'users/byUserId/rudder3', undefined, {}),
  'bad-json-body-2022': async () => {
    const events = ['user@example.com', 'bad@'].map((email) => ({ email, eventName: null }))
    const { status, json } = await project({ unsure: { badJsonBody: '2022' } }).track(events)
    return { status, json: { ...json, msg: json.msg.replace(/\(api-key,fake-key\)\)$/, '') } }
  },
  'bad-json-body': () =>
    project().track([
      { email: A, eventName: 'x' },
      { email: A, eventName: 'x', createdAt: '1700000000' },
    ]),
  'bulk-subscriptions': () => subscriptionsOf2017(A),
  'bulk-subscriptions-invalid': () => subscriptionsOf2017('foo@'),
  'bulk-shape': () => project().bulk([user(A)]),
  'cart-of-nobody': () => project().post('commerce/updateCart', { items: [], user: {} }),
  'cart-updated': () => project().post('commerce/updateCart', { items: [ITEM], user: { userId: '1', email: A } }),
  'catalog-created': async () => {
    const { status, json } = await project().post(`catalogs/${X}`, {})
    return { status, json: { ...json, params: { ...json.params, id: 1_184 } } }
  },
  'catalog-deleted': () => project().call('DELETE', `catalogs/${X}`),
  'catalog-duplicate': () => catalog().post(`catalogs/${X}`, {}),
  'catalog-item': async () => {
    const { call, get } = catalog()
    await call('PATCH', `catalogs/${X}/items/123`, { update: { foo: 'bar' } })
    return get(`catalogs/${X}/items/123`)
  },
  'catalog-item-deleted': () => project().call('DELETE', `catalogs/${X}/items/123`),
  'catalog-item-unknown': () => catalog().get(`catalogs/${X}/items/123`),
  'catalog-item-written': () => catalog().call('PUT', `catalogs/${X}/items/123`, { value: { lemon: 'wedge' } }),
  'catalog-items-deleted': () => project().call('DELETE', `catalogs/${X}/items`, { itemIds: ['123'] }),
  'catalog-mapped': () =>
    catalog().call('PUT', `catalogs/${X}/fieldMappings`, {
      mappingsUpdates: [{ fieldName: 'a', fieldType: 'string' }],
    }),
  'catalog-mappings': () => catalog().get(`catalogs/${X}/fieldMappings`),
  'catalog-unknown': () => project().post(`catalogs/${X}/items`, { documents: {}, replaceUploadedFieldsOnly: true }),
  'catalog-unknown-2019': () => in2019().get(`catalogs/${X}/items?page=1&pageSize=10&sortAscending=false`),
  'catalog-unknown-item-2019': () => in2019().call('PUT', `catalogs/${X}/items/123`, { value: { lemon: 'wedge' } }),
  'catalog-unknown-mappings-2019': () => in2019().get(`catalogs/${X}/fieldMappings`),
  'catalog-uploaded': () => catalog().post(`catalogs/${X}/items`, { documents: {}, replaceUploadedFieldsOnly: true }),
  'empty-email': () => project().post('users/update', { email: '' }),
  'event-tracked': async () => {
    const { bulk, post } = project()
    await bulk([user(A)])
    return post('events/track', { email: A, eventName: 'scored', id: 'e-1' })
  },
  'export-csv': () => exportOf2017(golden('export-csv').body),
  'insufficient-privileges': async () => {
    const { call } = project({ keys: { af831922: 'mobile' } })
    const { status, json } = await call('POST', 'users/bulkUpdate', {}, { 'api-key': 'af831922' })
    const params = { ...json.params, endpoint: '/api/users/registerDeviceToken', apiKeyType: 'ServerSide' }
    return { status, json: { ...json, params } }
  },
  'invalid-email': () => project().post('users/forget', { email: 'foo@' }),
  'invalid-list-id': () => project().post('lists/subscribe', { listId: 999_999_999, subscribers: [] }),
  'list-deleted': () => project({ lists: ['churn'] }).call('DELETE', 'lists/1001'),
  'list-unknown-delete': () => project().call('DELETE', 'lists/42'),
  'list-unknown-users': () => project().get('lists/getUsers?listId=42'),
  'no-events': () => project({ unsure: { bulkShape: '2022' } }).track([]),
  'no-users': () => project().bulk([]),
  'purchase-total-text': () =>
    project().post('commerce/trackPurchase', { total: '', items: [], user: { userId: '1', email: A } }),
  'purchase-tracked': () =>
    project().post('commerce/trackPurchase', { total: 100, items: [ITEM], user: { userId: '1', email: A } }),
  'rate-limited': async () => {
    const { get } = project({ rates: { lists: { count: 4, perMs: 60_000 } } })
    for (let asked = 0; asked < 4; asked += 1) await get('lists')
    const { status, json } = await get('lists')
    return { status, json: { ...json, msg: json.msg.replace('/api/lists', '/api/export/data.json') } }
  },
  'subscribe-invalid': () =>
    project({ lists: ['churn'] }).post('lists/subscribe', { listId: 1_001, subscribers: [{ email: 'user@' }] }),
  'subscriptions-invalid-email': () => project().post('users/updateSubscriptions', { email: 'foo@' }),
  'subscriptions-updated': () => project().post('users/updateSubscriptions', { email: A }),
  'track-bulk-shape': async () => {
    const { bulk, track } = project()
    await bulk([user(A)])
    return track([{ email: A, eventName: 'scored' }])
  },
  'type-mismatch': () => project().bulk([user(A, { signupDate: 'GGG' })]),
  'update-email-invalid': () =>
    project().post('users/updateEmail', { currentEmail: 'sayan', currentUserId: 'u', newEmail: 'sayan@example.com' }),
  'update-email-unknown': () =>
    project().post('users/updateEmail', { currentEmail: 'x@example.com', newEmail: 'y@example.com' }),
  'user-delete-invalid': () => project().call('DELETE', 'users/foo@'),
  'user-deleted': () => project().call('DELETE', `users/${A}`),
  'user-id-deleted': async () => {
    const { bulk, call } = project()
    await bulk([{ email: A, userId: '1' }])
    return call('DELETE', 'users/byUserId/1')
  },
  'user-id-unknown-delete': () => project().call('DELETE', 'users/byUserId/42'),
  'user-id-unknown-delete-2017': () =>
    project({ unsure: { unknownUserId: '2017' } }).call('DELETE', 'users/byUserId/42'),
  'user-unknown': () => project().get('users/nobody%40example.com'),
  'user-updated': () => project().post('users/update', { email: A }),
}

test('every answer that was recorded is asked for', () => {
  expect(Object.keys(ASKED).sort()).toEqual([...goldenNames()].sort())
})

test('every answer says where it is from, and how sure that is', () => {
  const wrong = goldenNames().filter((name) => {
    const { source, mark, status } = golden(name)
    return !/^[A-Z]{2,}/.test(source) || !['source', 'unsure', 'invented'].includes(mark) || !(status >= 200)
  })
  expect(wrong).toEqual([])
})

const marked = goldenNames().map((name): [mark: string, source: string, name: string] => {
  const { mark, source } = golden(name)
  return [mark, /^[A-Z]+(-\d+)?/.exec(source)?.[0] ?? source, name]
})

test.each(marked)('[%s %s] %s, as it was recorded', async (_mark, _source, name) => {
  const { status, json } = (await ASKED[name]?.()) ?? {}
  const recorded = golden(name)
  expect(status).toBe(recorded.status)
  if (PARTLY.has(name)) expect(named(json)).toMatchObject(named(recorded.body) as object)
  else expect(named(json)).toEqual(named(recorded.body))
})
