import { describe, expect, test } from 'vitest'
import { exports, MINUTE, NOW, rows, S } from './fake-exports.js'
import { A, B, user } from './fake-project.js'

describe('export/data.json and data.csv', () => {
  test('[source SW] the start is in it and the end is not; without an offset it is UTC', async () => {
    const { open, lines } = exports()
    for (const at of [0, 1, 2, 3]) open(S + at, { n: at })
    const asked = 'dataTypeName=emailOpen&startDateTime=2026-11-20 12:00:01&endDateTime=2026-11-20 13:00:03 %2B01:00'
    expect((await lines(asked)).map(({ n }) => n).sort()).toEqual([1, 2])
  })

  test('[source SW] named ranges are of UTC days', async () => {
    const { open, lines } = exports()
    const midnight = Date.UTC(2026, 10, 20) / 1_000
    const moments = { today: midnight, yesterday: midnight - 1, before: midnight - 86_401 }
    for (const [name, at] of Object.entries(moments)) open(at, { name })
    const of = async (range: string) =>
      (await lines(`dataTypeName=emailOpen&range=${range}`)).map(({ name }) => name).sort()
    expect(await of('Today')).toEqual(['today'])
    expect(await of('Yesterday')).toEqual(['yesterday'])
    expect(await of('BeforeToday')).toEqual(['before', 'yesterday'])
    expect(await of('All')).toEqual(['before', 'today', 'yesterday'])
  })

  test.each(['', 'dataTypeName=nothing&range=All', 'dataTypeName=user', 'dataTypeName=user&range=Never'])(
    '[invented words] %j is not enough',
    async (query) => {
      expect(await exports().get(`export/data.json?${query}`)).toMatchObject({
        status: 400,
        json: { code: 'BadParams' },
      })
    },
  )

  test('[source VCR] rows are not sorted by time', async () => {
    const { open, lines } = exports()
    for (const at of [0, 1, 2, 3]) open(S + at)
    const times = (await lines('dataTypeName=emailOpen&range=All')).map(({ createdAt }) => createdAt)
    expect(times).toHaveLength(4)
    expect(times).not.toEqual([...times].sort())
    expect(times).not.toEqual([...times].sort().reverse())
  })

  test('[source AB] what is late is missing until it is indexed, and has its own time then', async () => {
    const { open, lines, clock } = exports()
    open(S, { n: 'late' }, 6 * MINUTE)
    open(S + 1, { n: 'soon' })
    clock.ms = NOW + 5 * MINUTE
    const all = 'dataTypeName=emailOpen&range=All'
    expect((await lines(all)).map(({ n }) => n)).toEqual(['soon'])
    clock.ms = NOW + 6 * MINUTE
    expect((await lines(all)).find(({ n }) => n === 'late').createdAt).toBe('2026-11-20 12:00:00 +00:00')
  })

  test('[source AB-72418] custom events are flat, and purchases are there too', async () => {
    const { bulk, track, post, lines } = exports()
    await bulk([user(A)])
    await track([{ email: A, eventName: 'scored', id: 'e-1', createdAt: S, dataFields: { n: 1 } }])
    await post('commerce/trackPurchase', { user: { email: A }, items: [], total: 5, id: 'p-1', createdAt: S })
    const createdAt = '2026-11-20 12:00:00 +00:00'
    expect(await lines('dataTypeName=customEvent&range=All')).toEqual([
      { createdAt, email: A, eventName: 'scored', n: 1 },
    ])
    expect(await lines('dataTypeName=purchase&range=All')).toMatchObject([{ createdAt, email: A, total: 5 }])
  })

  test('[unsure] exportEventId: rows of custom events carry the id, or not', async () => {
    const { bulk, track, lines } = exports({ unsure: { exportEventId: true } })
    await bulk([user(A)])
    await track([{ email: A, eventName: 'scored', id: 'e-1' }])
    expect(await lines('dataTypeName=customEvent&range=All')).toMatchObject([{ id: 'e-1' }])
  })

  test('[source SW] users go by profileUpdatedAt; [unsure] exportUserKeys: nested, or dotted [source AB]', async () => {
    const ask = async (exportUserKeys: 'nested' | 'dotted') => {
      const { bulk, lines, clock } = exports({ unsure: { exportUserKeys } })
      await bulk([user(A, { o: { x: 1 } }), user(B)])
      clock.ms = NOW + 1_000
      await bulk([user(A, { n: 2 })])
      const asked = 'dataTypeName=user&startDateTime=2026-11-20 12:00:01&endDateTime=2026-11-20 12:00:02'
      return lines(asked)
    }
    const times = { profileUpdatedAt: '2026-11-20 12:00:01 +00:00', signupDate: '2026-11-20 12:00:00 +00:00' }
    const nested = { email: A, o: { x: 1 }, n: 2, itblInternal: { emailDomain: 'example.com' } }
    expect(await ask('nested')).toEqual([{ ...times, ...nested }])
    const flat = { email: A, 'o.x': 1, n: 2, 'itblInternal.emailDomain': 'example.com' }
    expect(await ask('dotted')).toEqual([{ ...times, ...flat }])
  })

  test('[source EST] itblUserId names people outside email projects', async () => {
    const { bulk, lines } = exports({ projectType: 'userId' })
    await bulk([{ userId: 'u' }])
    const [row] = await lines('dataTypeName=user&range=All')
    expect(row).toMatchObject({ userId: 'u', itblUserId: expect.any(String) })
  })

  test('[source SW] of one campaign, with some fields only, or without some', async () => {
    const { open, lines } = exports()
    open(S, { campaignId: 7, url: 'x', ip: 'y' })
    open(S, { campaignId: 8 })
    const of = 'dataTypeName=emailOpen&range=All&campaignId=7'
    const createdAt = '2026-11-20 12:00:00 +00:00'
    expect(await lines(`${of}&onlyFields=url,campaignId`)).toEqual([{ createdAt, campaignId: 7, url: 'x' }])
    expect(await lines(`${of}&omitFields=email, ip`)).toEqual([{ createdAt, campaignId: 7, url: 'x' }])
  })

  test('[source VCR] csv: createdAt first whatever is wanted, text in quotes, as a file', async () => {
    const { open, get } = exports()
    open(S - 86_400, { campaignId: 7 })
    const { status, headers, body } = await get(
      'export/data.csv?dataTypeName=emailOpen&range=All&onlyFields=campaignId',
    )
    expect([status, headers['content-type']]).toEqual([200, 'text/csv'])
    expect(headers['content-disposition']).toContain('attachment; filename=')
    expect(body).toBe('createdAt,campaignId\n"2026-11-19 12:00:00 +00:00",7\n')
    open(S, { text: 'a "b"; c', o: { x: 1 } })
    const other = await get('export/data.csv?dataTypeName=emailOpen&range=Today&delimiter=;&omitFields=campaignId')
    expect(other.body).toBe(`createdAt;email;text;o\n"2026-11-20 12:00:00 +00:00";"${A}";"a ""b""; c";"{""x"":1}"\n`)
  })

  test('[unsure] exportLines: clean, or with a blank line and without the last end [source TAP, EST]', async () => {
    for (const [exportLines, is] of [
      ['clean', /^[^\n]+\n[^\n]+\n$/],
      ['odd', /^[^\n]+\n\n[^\n]+$/],
    ] as const) {
      const { open, get } = exports({ unsure: { exportLines } })
      open(S)
      open(S + 1)
      const { headers, body } = await get('export/data.json?dataTypeName=emailOpen&range=All')
      expect(headers['content-type']).toBe('application/x-json-stream')
      expect(body).toMatch(is)
    }
  })

  test('[unsure] dataTypeCase: emailUnSubscribe as SW spells it, or as others do', async () => {
    const ask = async (dataTypeCase: 'exact' | 'any') => {
      const { fake, get } = exports({ unsure: { dataTypeCase } })
      fake.happened({ dataType: 'emailUnSubscribe', fields: { email: A } })
      const { status, body } = await get('export/data.json?dataTypeName=emailUnsubscribe&range=All')
      return [status, body.includes(A)]
    }
    expect(await ask('exact')).toEqual([400, false])
    expect(await ask('any')).toEqual([200, true])
  })

  test('[source SW] four a minute each', async () => {
    const { get } = exports({ rates: 'published' })
    for (const kind of ['json', 'csv']) {
      const ask = async () => (await get(`export/data.${kind}?dataTypeName=user&range=All`)).status
      for (let sent = 0; sent < 4; sent += 1) expect(await ask()).toBe(200)
      expect(await ask()).toBe(429)
    }
  })

  test('a data type that no export has is a mistake of the test', () => {
    expect(() => exports().fake.happened({ dataType: 'emailOpened', fields: {} })).toThrow(TypeError)
  })
})

test('[source SW, AB] export/userEvents: one person, with the time of indexing; custom events if wanted', async () => {
  const { fake, bulk, track, get } = exports()
  await bulk([user(A), user(B)])
  await track([A, B].map((email) => ({ email, eventName: 'scored', createdAt: S })))
  fake.happened({ dataType: 'emailOpen', createdAt: S - 600, lateMs: 5 * MINUTE, fields: { email: A } })
  const read = async (query: string) => rows((await get(`export/userEvents?${query}`)).body)
  const documentCreatedAt = '2026-11-20 11:55:00 +00:00'
  expect(await read(`email=${A}`)).toEqual([
    {
      _type: 'emailOpen',
      createdAt: '2026-11-20 11:50:00 +00:00',
      email: A,
      itblInternal: { documentCreatedAt, documentUpdatedAt: documentCreatedAt },
    },
  ])
  const all = await read(`email=${A}&includeCustomEvents=true`)
  expect(all.map(({ _type, email }) => [_type, email])).toEqual([
    ['emailOpen', A],
    ['customEvent', A],
  ])
  expect((await get('export/userEvents')).status).toBe(400)
})
