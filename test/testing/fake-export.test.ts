import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

const NOW = Date.UTC(2026, 10, 20, 12)
const S = NOW / 1_000
const MINUTE = 60_000

/** A project at noon of 20 November 2026, with a clock that can be moved, and short ways to its exports. */
function exports(options: Partial<FakeIterableOptions> = {}) {
  const clock = { ms: NOW }
  const made = project({ now: () => clock.ms, ...options })
  const lines = async (query: string) => rows((await made.get(`export/data.json?${query}`)).body)
  const start = (more: object = {}) =>
    made.post('export/start', { dataTypeName: 'emailOpen', outputFormat: 'application/x-json-stream', ...more })
  const files = async (id: number, more = '') => (await made.get(`export/${id}/files${more}`)).json
  const open = (createdAt: number, fields: object = {}, lateMs = 0) =>
    made.fake.happened({ dataType: 'emailOpen', createdAt, lateMs, fields: { email: A, ...fields } as never })
  const download = (url: string, headers: Record<string, string> = {}) => {
    const { pathname, search } = new URL(url)
    return made.fake.handle({ method: 'GET', path: pathname + search, headers, body: new Uint8Array() })
  }
  return { ...made, clock, lines, start, files, open, download }
}
const rows = (body: string) =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

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

describe('export jobs', () => {
  test('[source SW, EST] files come ten at a time, the rest after the last name', async () => {
    const { open, start, files, download } = exports({ exportRowsPerFile: 1 })
    for (let at = 0; at < 12; at += 1) open(S + at, { n: at })
    const { json } = await start()
    const first = await files(json.jobId)
    expect(first).toMatchObject({ jobId: json.jobId, jobState: 'completed', exportTruncated: false })
    expect(first.files).toHaveLength(10)
    const second = await files(json.jobId, `?startAfter=${first.files[9].file}`)
    expect(second.files).toHaveLength(2)
    const all = [...first.files, ...second.files] as { url: string }[]
    const bodies = await Promise.all(all.map(({ url }) => download(url)))
    expect(
      bodies
        .flatMap(({ body }) => rows(body))
        .map(({ n }) => n)
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('[source SW, EST] an address of a file expires after 30 minutes, and the page gives a fresh one', async () => {
    const { open, start, files, download, clock } = exports()
    open(S)
    const { jobId } = (await start()).json
    const { url } = (await files(jobId)).files[0]
    clock.ms += 30 * MINUTE - 1
    expect((await download(url)).status).toBe(200)
    clock.ms += 1
    const expired = await download(url)
    expect([expired.status, expired.body]).toEqual([403, expect.stringContaining('Request has expired')])
    expect((await download((await files(jobId)).files[0].url)).status).toBe(200)
  })

  test('[source SW; refusing a key: invented] a file is read without a key', async () => {
    const { open, start, files, download } = exports()
    open(S)
    const { url } = (await files((await start()).json.jobId)).files[0]
    expect((await download(url, { 'api-key': 'fake-key' })).status).toBe(400)
    expect((await download(url.replace('file-000000', 'other'))).status).toBe(404)
  })

  test('[source AC, EST] states are in lower case; files come while it runs', async () => {
    const { open, start, files, clock } = exports({ exportTakesMs: 4_000, exportRowsPerFile: 1 })
    for (let at = 0; at < 4; at += 1) open(S + at)
    const { jobId } = (await start()).json
    const seen = async () => {
      const { jobState, files: listed } = await files(jobId)
      return [jobState, listed.length]
    }
    expect(await seen()).toEqual(['enqueued', 0])
    clock.ms += 3_000 // begins after 1,000
    expect(await seen()).toEqual(['running', 2])
    clock.ms += 2_000
    expect(await seen()).toEqual(['completed', 4])
  })

  test('[source SW] four run at once, the fifth waits for the first', async () => {
    const { start, files, clock } = exports({ exportTakesMs: 4_000 })
    const ids: number[] = []
    for (let made = 0; made < 5; made += 1) ids.push((await start()).json.jobId)
    const states = async () => Promise.all(ids.map(async (id) => (await files(id)).jobState))
    clock.ms += 1_000
    expect(await states()).toEqual(['running', 'running', 'running', 'running', 'enqueued'])
    clock.ms += 4_000
    expect(await states()).toEqual(['completed', 'completed', 'completed', 'completed', 'running'])
  })

  test('[source SW] a job that runs may go back to the queue, and [source EST] fail', async () => {
    const { fake, open, start, files, clock } = exports({ exportTakesMs: 4_000 })
    open(S)
    const { jobId } = (await start()).json
    clock.ms += 3_000
    fake.exports.requeue(jobId)
    expect((await files(jobId)).jobState).toBe('enqueued')
    clock.ms += 3_000
    expect((await files(jobId)).jobState).toBe('completed')
    const other = (await start()).json.jobId
    fake.exports.fail(other)
    expect((await files(other)).jobState).toBe('failed')
  })

  test('[source SW] DELETE cancels: cancelling, then cancelled; what is completed stays so', async () => {
    const { call, start, files, clock } = exports({ exportTakesMs: 4_000 })
    const { jobId } = (await start()).json
    expect((await call('DELETE', `export/${jobId}`)).json.code).toBe('Success')
    expect((await files(jobId)).jobState).toBe('cancelling')
    clock.ms += 1_000
    expect((await files(jobId)).jobState).toBe('cancelled')
    const done = (await start()).json.jobId
    clock.ms += 60_000
    await call('DELETE', `export/${done}`)
    expect((await files(done)).jobState).toBe('completed')
  })

  test('[source SW] jobs are listed, by state if wanted', async () => {
    const { get, open, start, clock } = exports({ exportTakesMs: 4_000 })
    open(S)
    await start()
    clock.ms += 60_000
    await start({ dataTypeName: 'user' })
    const { jobs } = (await get('export/jobs')).json
    expect(jobs).toMatchObject([
      { id: 1, dataTypeName: 'emailOpen', jobState: 'completed', endTime: '2026-11-20 12:00:05 +00:00' },
      { id: 2, dataTypeName: 'user', jobState: 'enqueued', scheduledStartTime: '2026-11-20 12:01:00 +00:00' },
    ])
    expect(jobs[0].bytesExported).toBeGreaterThan(0)
    expect((await get('export/jobs?jobState=enqueued')).json.jobs).toHaveLength(1)
  })

  test('[source SW] over a size it is truncated, and says so', async () => {
    const { open, start, files } = exports({ exportRowsMax: 1 })
    open(S)
    expect((await files((await start()).json.jobId)).exportTruncated).toBe(false)
    open(S + 1)
    expect((await files((await start()).json.jobId)).exportTruncated).toBe(true)
  })

  test('[source SW] csv with its delimiter; [invented words] another format or job is refused', async () => {
    const { open, start, files, download, get, call } = exports()
    open(S, { n: 1 })
    const { jobId } = (await start({ outputFormat: 'text/csv', delimiter: ';', onlyFields: 'n' })).json
    const [{ file, url }] = (await files(jobId)).files
    expect(file).toMatch(/\.csv$/)
    expect((await download(url)).body).toBe('createdAt;n\n"2026-11-20 12:00:00 +00:00";1\n')
    expect((await start({ outputFormat: 'json' })).status).toBe(400)
    expect((await get('export/99/files')).status).toBe(400)
    expect((await call('DELETE', 'export/99')).status).toBe(400)
  })

  test('[source SW] one start and one page of files a second', async () => {
    const { start, get } = exports({ rates: 'published' })
    expect([(await start()).status, (await start()).status]).toEqual([200, 429])
    expect([(await get('export/1/files')).status, (await get('export/1/files')).status]).toEqual([200, 429])
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
