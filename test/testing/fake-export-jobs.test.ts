import { describe, expect, test } from 'vitest'
import { exports, MINUTE, rows, S } from './fake-exports.js'

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
