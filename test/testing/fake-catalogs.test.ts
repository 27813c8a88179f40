import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { project } from './fake-project.js'

/** A project with the catalog `tea`, and short ways to its items. */
function tea(options: Partial<FakeIterableOptions> = {}) {
  const made = project({ catalogs: ['tea'], ...options })
  const upload = (documents: object, replaceUploadedFieldsOnly = false) =>
    made.post('catalogs/tea/items', { documents, replaceUploadedFieldsOnly })
  const put = (id: string, value: object) => made.call('PUT', `catalogs/tea/items/${id}`, { value })
  const patch = (id: string, update: object) => made.call('PATCH', `catalogs/tea/items/${id}`, { update })
  const map = (fieldName: string, fieldType: string, more: object = {}) =>
    made.call('PUT', 'catalogs/tea/fieldMappings', { mappingsUpdates: [{ fieldName, fieldType, ...more }] })
  const read = async (id: string) => (await made.get(`catalogs/tea/items/${id}`)).json.params?.value
  return { ...made, upload, put, patch, map, read }
}

describe('catalogs', () => {
  test('[source SW] names are letters, digits and dashes, at most 255, unique whatever their case', async () => {
    const { post } = tea()
    for (const name of ['a_b', 'a.b', 'x'.repeat(256), '%C3%A4']) {
      expect(await post(`catalogs/${name}`, {})).toMatchObject({ status: 400, json: { code: 'BadParams' } })
    }
    expect((await post(`catalogs/${'x'.repeat(255)}`, {})).status).toBe(201)
    expect((await post('catalogs/TEA', {})).status).toBe(400)
  })

  test('[source SW, AC] are listed by pages of ten, wrapped in params', async () => {
    const { get } = project({ catalogs: Array.from({ length: 12 }, (_, at) => `c-${at}`) })
    const { params } = (await get('catalogs')).json
    expect(params.catalogNames).toHaveLength(10)
    expect(params).toMatchObject({ totalCatalogsCount: 12, nextPageUrl: '/api/catalogs?page=2&pageSize=10' })
    const next = (await get('catalogs?page=2')).json.params
    expect(next).toEqual({
      catalogNames: [{ name: 'c-10' }, { name: 'c-11' }],
      totalCatalogsCount: 12,
      previousPageUrl: '/api/catalogs?page=1&pageSize=10',
    })
  })

  test('[source VCR] go with their items', async () => {
    const { call, post, put, read } = tea()
    await put('1', { a: 1 })
    await call('DELETE', 'catalogs/tea')
    expect((await put('1', { a: 1 })).json.code).toBe('error.catalogs.notFound')
    await post('catalogs/tea', {})
    expect(await read('1')).toBeUndefined()
  })

  test('[derived] an account without the add-on gets 404', async () => {
    const { get, put } = tea({ features: { catalogs: false } })
    expect(await get('catalogs')).toMatchObject({ status: 404, json: { code: 'NotFound' } })
    expect((await put('1', {})).status).toBe(404)
  })

  test('[unsure] catalogErrors: an envelope of its own for all calls, or as in 2019', async () => {
    const ask = async (catalogErrors: 'today' | '2019') => {
      const { call, get, post } = project({ unsure: { catalogErrors } })
      const answers = [
        await post('catalogs/x/items', { documents: {}, replaceUploadedFieldsOnly: false }),
        await call('PUT', 'catalogs/x/items/1', { value: {} }),
        await call('PATCH', 'catalogs/x/items/1', { update: {} }),
        await get('catalogs/x/items/1'),
        await get('catalogs/x/fieldMappings'),
      ]
      return answers.map(({ status, json }) => [status, json.code])
    }
    expect(await ask('today')).toEqual(Array(5).fill([404, 'error.catalogs.notFound']))
    expect(await ask('2019')).toEqual([
      [404, 'NotFound'],
      [400, 'BadParams'],
      [400, 'BadParams'],
      [404, 'NotFound'],
      [500, 'GenericError'],
    ])
  })
})

describe('items', () => {
  test('[source SW] a bulk upload replaces whole items, unless only the fields that are sent', async () => {
    const { upload, read, ledger } = tea()
    await upload({ 1: { a: 1, b: 1 }, 2: { a: 1 } })
    await upload({ 1: { a: 2 } }, true)
    expect([await read('1'), await read('2')]).toEqual([{ a: 2, b: 1 }, { a: 1 }])
    await upload({ 1: { c: 3 } })
    expect(await read('1')).toEqual({ c: 3 })
    expect(ledger.entries.map(({ kind, address, seqOfAddress }) => [kind, address, seqOfAddress])).toEqual([
      ['item', 'tea/1', 1],
      ['item', 'tea/2', 1],
      ['item', 'tea/1', 2],
      ['item', 'tea/1', 3],
    ])
  })

  test('[source SW] documents and replaceUploadedFieldsOnly are both required', async () => {
    const { params } = (await tea().post('catalogs/tea/items', {})).json
    expect(Object.keys(params)).toEqual(['obj.documents', 'obj.replaceUploadedFieldsOnly'])
  })

  test('[unsure] catalogBulkStatus: 202 [source VCR, SW], or 200 [source RT]', async () => {
    expect((await tea().upload({})).status).toBe(202)
    expect((await tea({ unsure: { catalogBulkStatus: 200 } }).upload({})).status).toBe(200)
  })

  test('[source VCR] PUT replaces, PATCH changes some fields, and both make what is not there', async () => {
    const { put, patch, read } = tea()
    await patch('1', { a: 1 })
    await patch('1', { b: 2 })
    expect(await read('1')).toEqual({ a: 1, b: 2 })
    await put('1', { c: 3 })
    expect(await read('1')).toEqual({ c: 3 })
  })

  test('[source VCR] DELETE takes one or many away, and says success for those that are not there', async () => {
    const { upload, call, ledger } = tea()
    await upload({ 1: {}, 2: {}, 3: {} })
    expect((await call('DELETE', 'catalogs/tea/items/1')).status).toBe(202)
    expect((await call('DELETE', 'catalogs/tea/items', { itemIds: ['2', 'x'] })).status).toBe(202)
    expect([...(ledger.catalogs.get('tea')?.items.keys() ?? [])]).toEqual(['3'])
    expect(ledger.entries.filter(({ kind }) => kind === 'itemRemoved')).toHaveLength(2)
  })

  test('[source HC-360033215072] ids are case-sensitive; letters, digits and dashes, at most 255', async () => {
    const { put, ledger } = tea()
    await put('a', { n: 1 })
    await put('A', { n: 2 })
    expect(ledger.catalogs.get('tea')?.items.size).toBe(2)
    for (const id of ['a_b', 'x'.repeat(256), '%20']) expect((await put(id, {})).status).toBe(400)
  })

  test('[source SW; unsure what it gets] 1,000 items a request, 30 KB an item, 350 fields a catalog, no periods', async () => {
    const { upload, put } = tea()
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`i${at}`, { n: 1 }]))
    expect((await upload(many(1_000))).status).toBe(202)
    expect((await upload(many(1_001))).json.code).toBe('BatchTooLarge')
    const sized = (bytes: number) => ({ n: 'x'.repeat(bytes - '{"n":""}'.length) })
    expect((await put('1', sized(30_000))).status).toBe(202)
    expect((await put('1', sized(30_001))).status).toBe(400)
    expect((await put('1', { 'a.b': 1 })).status).toBe(400)
    expect((await put('1', { a: [{ 'b.c': 1 }] })).status).toBe(400)
    const wide = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, 1]))
    expect((await put('1', wide(349))).status).toBe(202) // and n of the others
    expect((await put('2', { other: 1 })).json.code).toBe('UniqueFieldsLimitExceeded')
  })

  test('one item that is refused refuses the whole upload', async () => {
    const { upload, ledger } = tea()
    expect((await upload({ 1: {}, a_b: {} })).status).toBe(400)
    expect(ledger.entries).toEqual([])
  })

  test('[source SW] are accepted and done later: reads show them after a while', async () => {
    let now = 0
    const { put, read } = tea({ visibleAfterMs: 1_000, now: () => now })
    await put('1', { a: 1 })
    now = 500
    await put('1', { a: 2 })
    expect(await read('1')).toBeUndefined()
    now = 1_000
    expect(await read('1')).toEqual({ a: 1 })
    now = 1_500
    expect(await read('1')).toEqual({ a: 2 })
  })

  test('[source SW] are listed by pages, ordered by a field, descending unless told', async () => {
    const { upload, get } = tea()
    await upload(Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`i-${at}`, { n: at }])))
    const numbers = async (query: string) =>
      (await get(`catalogs/tea/items?${query}`)).json.params.catalogItemsWithProperties.map(
        ({ value }: { value: { n: number } }) => value.n,
      )
    expect(await numbers('orderBy=n&pageSize=3')).toEqual([11, 10, 9])
    expect(await numbers('orderBy=n&sortAscending=true&pageSize=3&page=2')).toEqual([3, 4, 5])
    expect((await numbers('orderBy=n')).length).toBe(10)
    expect((await get('catalogs/tea/items')).json.params.totalItemsCount).toBe(12)
  })
})

describe('field mappings', () => {
  test('[source SW] a field is undefined until it is mapped, and then its type cannot change', async () => {
    const { put, map, get } = tea()
    await put('1', { a: 1, o: { b: 'x' } })
    const read = async () => (await get('catalogs/tea/fieldMappings')).json.params
    expect(await read()).toEqual({ definedMappings: {}, undefinedFields: ['a', 'o', 'o.b'] })
    expect((await map('a', 'long')).status).toBe(200)
    expect((await map('a', 'long')).status).toBe(200)
    expect((await map('a', 'string')).status).toBe(400)
    await map('o', 'object', { children: [{ fieldName: 'b', fieldType: 'string' }] })
    expect(await read()).toEqual({
      definedMappings: { a: 'long', o: 'object', 'o.b': 'string' },
      undefinedFields: [],
    })
    expect((await map('c', 'number')).status).toBe(400)
  })

  test('[source VCR] a body that is wrong gets text, in which the body stands', async () => {
    const { status, headers, body } = await tea().call('PUT', 'catalogs/tea/fieldMappings', {
      mappingsUpdates: [{ something: 'wicked' }],
    })
    expect([status, headers['content-type']]).toEqual([400, 'text/plain; charset=utf-8'])
    expect(body).toBe(
      'Json error: {"obj.mappingsUpdates[0].fieldName":[{"msg":["error.path.missing"],"args":[]}],' +
        '"obj.mappingsUpdates[0].fieldType":[{"msg":["error.path.missing"],"args":[]}]}\n' +
        ' {"mappingsUpdates":[{"something":"wicked"}]}',
    )
  })

  test('[unsure] catalogMismatch: a value that contradicts its mapping is refused, or accepted', async () => {
    for (const catalogMismatch of ['refused', 'accepted'] as const) {
      const { put, map } = tea({ unsure: { catalogMismatch } })
      await map('n', 'long')
      expect((await put('1', { n: 'text' })).status).toBe(catalogMismatch === 'refused' ? 400 : 202)
      expect((await put('2', { n: 1 })).status).toBe(202)
    }
  })
})

test('[source SW] POST items 100 a second, PUT of an item 1,000', async () => {
  const { upload, put } = tea({ rates: 'published', now: () => 0 })
  for (let sent = 0; sent < 100; sent += 1) expect((await upload({})).status).toBe(202)
  expect((await upload({})).status).toBe(429)
  for (let sent = 0; sent < 101; sent += 1) expect((await put('1', {})).status).toBe(202)
})
