import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

/** The type that a first value gives its field. */
async function typeOf(value: unknown, name = 'field') {
  const { bulk, get } = project()
  await bulk([user(A, { [name]: value })])
  return (await get('users/getFields')).json.fields
}

describe('the first value decides', () => {
  test.each([
    ['2026-01-31', 'date'],
    ['2026-01-31 10:00:00', 'date'],
    ['2026-01-31 10:00:00 -04:00', 'date'],
    ['2026-01-31T10:00:00.000-04:00', 'date'],
    ['2026-01-31T10:00:00.000Z', 'date'],
    ['2026-01-31T10:00:00Z', 'string'],
    ['2026-01-31T10:00:00.039', 'string'],
    ['2026-01-31T10:00:00.039 00:00', 'string'],
    ['2026-01-31 10:00:00.039', 'string'],
    ['2026-01-31 10:00:00.039Z', 'string'],
    ['2026/01/31', 'string'],
    ['text', 'string'],
    ['', 'string'],
    [true, 'boolean'],
    [1, 'long'],
    [0.5, 'double'],
    [{ a: 1 }, 'object'],
    [[1], 'long'],
  ])('[source HC-208183076, GO, GR] %j makes a field of type %s', async (value, type) => {
    expect((await typeOf(value)).field).toBe(type)
  })

  test.each(['2026-02-30', '2026-13-01', '2026-01-31 25:00:00'])(
    '[invented] %s is on no calendar, and so text',
    async (value) => expect((await typeOf(value)).field).toBe('string'),
  )

  test.each([null, [], {}])('[source GR] %j gives no type but that of an object', async (value) => {
    expect((await typeOf(value)).field).toBe(JSON.stringify(value) === '{}' ? 'object' : undefined)
  })

  test('[source GR] nested fields stand beside their parents by dotted path; arrays have no mark', async () => {
    const fields = await typeOf({ number: 1, items: [{ sku: 'x' }, { n: 0.5 }] }, 'home')
    expect(fields).toMatchObject({
      home: 'object',
      'home.number': 'long',
      'home.items': 'object',
      'home.items.sku': 'string',
      'home.items.n': 'double',
    })
  })

  test('[source GO] a place is one by its name and both its degrees', async () => {
    const place = { lat: 52.5, lon: 13 }
    expect((await typeOf(place, 'home_geo_location')).home_geo_location).toBe('geo_location')
    expect((await typeOf(place, 'home')).home).toBe('object')
    expect((await typeOf({ lat: 52.5 }, 'home_geo_location')).home_geo_location).toBe('object')
  })

  test('[invented] a number is typed by its spelling: 1 is long, 1.0 is double', async () => {
    const { call, get } = project()
    const body = `{"users":[{"email":"${A}","dataFields":{"whole":1,"point":1.0,"power":1e2,"text":"1.0"}}]}`
    expect((await call('POST', 'users/bulkUpdate', body)).status).toBe(200)
    expect((await get('users/getFields')).json.fields).toMatchObject({
      whole: 'long',
      point: 'double',
      power: 'double',
    })
    const { dataFields } = (await get(`users/${A}`)).json.user
    expect(dataFields).toMatchObject({ whole: 1, point: 1, power: 100, text: '1.0' })
  })

  test('[source HC-217744303, GR] a project has the managed fields from the start', async () => {
    const { fields } = (await project({ fields: { score: 'double' } }).get('users/getFields')).json
    expect(fields).toMatchObject({ email: 'string', emailListIds: 'long', signupDate: 'date', score: 'double' })
  })

  test('[source SW] a row that fails makes no field', async () => {
    const { bulk, get } = project()
    expect((await bulk([user('none', { fresh: 1 })])).json.createdFields).toEqual([])
    expect((await get('users/getFields')).json.fields).not.toHaveProperty('fresh')
  })
})

describe('a value of another type', () => {
  test('[source GR, GO] refuses the whole request; [invented] the words beyond the first field', async () => {
    const { bulk, ledger, get } = project({ fields: { d: 'date', l: 'long', 'o.b': 'boolean' } })
    const rows = [user(A, { fresh: 1 }), user(B, { d: 'GGG', l: 0.5, o: { b: 1 } }), user(B, { d: 'HHH' })]
    const { status, json } = await bulk(rows)
    expect([status, json.code]).toEqual([400, 'RequestFieldsTypesMismatched'])
    expect(json.params.validationErrors).toEqual({
      d: conflict('date', ['string', 'keyword'], 'GGG'),
      l: conflict('long', ['double'], 0.5),
      'o.b': conflict('boolean', ['long'], 1),
    })
    expect(json.msg.match(/Field '/g)).toHaveLength(3)
    expect(ledger.users()).toEqual([])
    expect((await get('users/getFields')).json.fields).not.toHaveProperty('fresh')
  })
  const conflict = (expectedType: string, incomingTypes: string[], offendingValue: unknown) => {
    return { incomingTypes, expectedType, _type: 'UnexpectedType', offendingValue, category: 'user' }
  }

  test('[source HC-208183076] within one request too; each element of an array counts', async () => {
    expect((await project().bulk([user(A, { x: 1 }), user(B, { x: 'text' })])).status).toBe(400)
    expect((await project().bulk([user(A, { x: [1, 'text'] })])).status).toBe(400)
    expect((await project().bulk([user(A, { x: 1 }), user(B, { x: null })])).status).toBe(200)
  })

  test('[source HC-208183076] a nested field takes objects, which only Iterable itself can make', async () => {
    const { bulk, get } = project({ fields: { cars: 'nested', 'cars.id': 'long' } })
    expect(
      (await bulk([user(A, { cars: [{ id: 1 }, { id: 2, by: 'x' }] }), user(B, { cars: { id: 1 } })])).status,
    ).toBe(200)
    expect((await get('users/getFields')).json.fields).toMatchObject({ cars: 'nested', 'cars.by': 'string' })
    for (const cars of ['x', [1], [{ id: 'x' }]]) expect((await bulk([user(A, { cars })])).status).toBe(400)
  })

  test('[source HC-208183076] a date may go into text, and text not into a date', async () => {
    const { bulk } = project({ fields: { s: 'string', d: 'date' } })
    expect((await bulk([user(A, { s: '2026-01-31' })])).status).toBe(200)
    expect((await bulk([user(A, { d: 'text' })])).status).toBe(400)
  })

  test.each([
    ['longIntoDouble', true, { d: 1 }],
    ['doubleIntoLong', false, { l: 1.5 }],
    ['anythingIntoString', false, { s: 5 }],
    ['anythingIntoString', false, { s: true }],
    ['textIntoNumber', false, { l: '5' }],
    ['textIntoNumber', false, { d: '-0.5' }],
    ['emptyIntoDate', false, { when: '' }],
    ['emptyIntoNumber', false, { l: '' }],
    ['textIntoBoolean', false, { b: 'true' }],
  ] as const)('[unsure] %s: %s, or the other way round: %j', async (name, taken, dataFields) => {
    const fields = { d: 'double', l: 'long', s: 'string', when: 'date', b: 'boolean' } as const
    const send = async (unsure: FakeIterableOptions['unsure'] = {}) =>
      (await project({ fields, unsure }).bulk([user(A, dataFields)])).status
    expect(await send()).toBe(taken ? 200 : 400)
    expect(await send({ [name]: !taken })).toBe(taken ? 400 : 200)
  })

  test('[unsure] coercions go no further than they say', async () => {
    const unsure = { anythingIntoString: true, textIntoNumber: true, emptyIntoDate: true, textIntoBoolean: true }
    const { bulk } = project({ fields: { l: 'long', s: 'string', when: 'date', b: 'boolean' }, unsure })
    for (const dataFields of [{ l: 'five' }, { l: '' }, { s: { a: 1 } }, { when: 'text' }, { b: '5' }]) {
      expect((await bulk([user(A, dataFields)])).status).toBe(400)
    }
  })

  test('[unsure] typeConflictStatus: 400, or 500 [source GO]; scopedFieldNames: by itself, or user:::field', async () => {
    const refused = async (unsure: FakeIterableOptions['unsure'] = {}) => {
      const { status, json } = await project({ fields: { l: 'long' }, unsure }).bulk([user(A, { l: 'x' })])
      return [status, json.code, ...Object.keys(json.params.validationErrors)]
    }
    expect(await refused()).toEqual([400, 'RequestFieldsTypesMismatched', 'l'])
    expect(await refused({ typeConflictStatus: 500 })).toEqual([500, 'RequestFieldsTypesMismatched', 'l'])
    expect(await refused({ scopedFieldNames: true })).toEqual([400, 'RequestFieldsTypesMismatched', 'user:::l'])
  })
})

test('[source HC-217744303, TAP] names of fields are case-sensitive and may hold spaces', async () => {
  const { bulk, get } = project()
  await bulk([user(A, { Industry: 'x', industry: 1, 'last seen': true })])
  expect((await get('users/getFields')).json.fields).toMatchObject({
    Industry: 'string',
    industry: 'long',
    'last seen': 'boolean',
  })
})

test('[unsure] dotInName: refused at any depth, or a field with a dot', async () => {
  const send = async (dotInName: 'refused' | 'accepted', dataFields: object) => {
    const { bulk, track, post, get } = project({ unsure: { dotInName } })
    const { status } = await bulk([user(A, dataFields)])
    await bulk([user(A)])
    const event = (await track([{ email: A, eventName: 'x', dataFields }])).status
    const bought = { user: { email: A }, items: [], total: 1, dataFields }
    const purchase = (await post('commerce/trackPurchase', bought)).status
    return [status, event, purchase, (await get('users/getFields')).json.fields['a.b']]
  }
  expect(await send('refused', { 'a.b': 1 })).toEqual([400, 400, 400, undefined])
  expect(await send('refused', { list: [{ 'a.b': 1 }] })).toEqual([400, 400, 400, undefined])
  expect(await send('accepted', { 'a.b': 1 })).toEqual([200, 200, 200, 'long'])
})

describe('new fields', () => {
  test('[source SW] are created and named, or left out and named', async () => {
    const { bulk, ledger } = project({ fields: { known: 'long', deep: 'object', 'deep.known': 'long' } })
    expect((await bulk([user(A, { fresh: 1 })])).json.createdFields).toEqual(['fresh'])
    const row = user(B, { known: 1, other: 1, deep: { known: 1, other: [1] } })
    const { json } = await bulk([row], { createNewFields: false })
    expect(json).toMatchObject({ successCount: 1, createdFields: [], filteredOutFields: ['other', 'deep.other'] })
    expect(ledger.user(B)?.dataFields).toEqual({ known: 1, deep: { known: 1 } })
  })

  test('[source SW] the project says for requests that do not', async () => {
    const { bulk, ledger } = project({ createNewFields: false })
    expect((await bulk([user(A, { a: 1 })])).json.filteredOutFields).toEqual(['a'])
    expect((await bulk([user(A, { b: 1 })], { createNewFields: true })).json.createdFields).toEqual(['b'])
    expect(ledger.user(A)?.dataFields).toEqual({ b: 1 })
  })

  test('[source SW, HC-26678893969812] a project has room for so many, managed ones not counted', async () => {
    const { bulk, post } = project({ fieldsMax: 2 })
    expect((await bulk([user(A, { a: 1, b: 1 })])).status).toBe(200)
    const refused = { status: 400, json: { code: 'UniqueFieldsLimitExceeded' } }
    expect(await bulk([user(A, { a: 2, c: 1 })])).toMatchObject(refused)
    expect(await post('users/update', user(A, { c: 1 }))).toMatchObject(refused)
    expect((await bulk([user(A, { a: 2, phoneNumber: '+491701234567' })])).status).toBe(200)
    expect((await project().bulk([user(A, wide(1_000))])).status).toBe(200)
    expect((await project().bulk([user(A, wide(1_001))])).status).toBe(400)
  })
  const wide = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, 1]))
})
