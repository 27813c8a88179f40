import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { exportTime, timeIn } from '../../src/collect/export-time.js'
import { IterableExport } from '../../src/collect/index.js'
import { DAY, HOUR, kept, NOW, pagesOf, rowsOf, stage } from './export-stage.js'

const MINUTE = HOUR / 60
const urls = (pages: Parameters<typeof rowsOf>[0]) => rowsOf(pages).map(({ raw }) => JSON.parse(raw as string).url)

describe('what is asked for', () => {
  test('spans of time one after the other, each to the second where the last one ended, up to an hour before now', async () => {
    const { source, asked, open } = stage()
    open(NOW - 3 * DAY)
    await pagesOf(source)
    const ends = asked.map((query) => [query.get('startDateTime'), query.get('endDateTime')])
    expect(ends[0]).toEqual(['2026-11-10 00:00:00 +00:00', '2026-11-11 00:00:00 +00:00'])
    for (const [nth, [from]] of ends.slice(1).entries()) expect(from).toBe(ends[nth]?.[1])
    expect(ends.at(-1)?.[1]).toBe('2026-11-20 11:00:00 +00:00')
    expect(new Set(asked.map((query) => query.get('dataTypeName')))).toEqual(new Set(['emailOpen']))
  })

  test('longer spans where little comes, at 0.8 of four a minute', async () => {
    const { source, asked, clock } = stage()
    await pagesOf(source)
    expect(asked).toHaveLength(4) // 1, 2, 4 and the rest of ten and a half days
    expect(Math.min(...clock.slept)).toBeGreaterThan(60_000 / (4 * 0.8) - 100)
  })

  test('nothing where all up to the end was read', async () => {
    const { source, asked, open } = stage()
    open(NOW - DAY)
    const [page] = await pagesOf(source)
    asked.length = 0
    expect(await pagesOf(source, { after: kept(page?.cursor) })).toEqual([])
    expect(asked).toEqual([])
  })

  test('not again what was empty behind the last row', async () => {
    const { source, asked, open, time } = stage()
    open(NOW - 9 * DAY)
    const pages = await pagesOf(source)
    expect(pages.map(({ cursor }) => cursor)).toEqual([{ until: '2026-11-20T11:00:00.000Z', page: 0 }])
    time.ms += DAY
    asked.length = 0
    await pagesOf(source, { after: kept(pages.at(-1)?.cursor) })
    expect(asked.map((query) => query.get('startDateTime'))).toEqual(['2026-11-20 11:00:00 +00:00'])
  })

  test('where there is nothing at all one empty page moves the cursor', async () => {
    const [page, ...others] = await pagesOf(stage().source)
    expect([page?.rows.length, page?.cursor, others]).toEqual([0, { until: '2026-11-20T11:00:00.000Z', page: 0 }, []])
  })

  test('the head is where a read would end', async () => {
    const { source, open } = stage()
    open(NOW - 3 * DAY)
    const head = await source.head({ signal: AbortSignal.timeout(1_000) })
    expect(await pagesOf(source, { after: kept(head) })).toEqual([])
    expect(head).toEqual((await pagesOf(source)).at(-1)?.cursor)
  })
})

describe('what is late', () => {
  test('an open that is shown six minutes late is read, since a read ends an hour before now', async () => {
    const { source, open, time } = stage()
    open(NOW - MINUTE, { url: 'late' }, 6 * MINUTE)
    const first = await pagesOf(source)
    time.ms += 2 * HOUR
    expect([...urls(first), ...urls(await pagesOf(source, { after: kept(first.at(-1)?.cursor) }))]).toEqual(['late'])
  })

  test('with lagMs: 0 it is passed by, as the docs say', async () => {
    const { source, open, time } = stage({ export: { lagMs: 0 } })
    open(NOW - MINUTE, { url: 'late' }, 6 * MINUTE)
    const first = await pagesOf(source)
    time.ms += 2 * HOUR
    expect([...urls(first), ...urls(await pagesOf(source, { after: kept(first.at(-1)?.cursor) }))]).toEqual([])
  })
})

describe('what does not come whole', () => {
  const opens = Array.from({ length: 40 }, (_, n) => `u-${n}`)
  const filled = (options: Parameters<typeof stage>[0] = {}) => {
    const staged = stage(options)
    for (const [n, url] of opens.entries()) staged.open(NOW - DAY + n * MINUTE, { url })
    return staged
  }

  test('a span of more bytes than may be held is asked for in halves, and every row comes once', async () => {
    const staged = stage({ export: { bytesMax: 1_000_000 } })
    const ip = 'x'.repeat(100_000)
    for (const [n, url] of opens.entries()) staged.open(NOW - DAY + n * MINUTE, { url, ip })
    expect(urls(await pagesOf(staged.source)).sort()).toEqual([...opens].sort())
    expect(staged.asked.length).toBeGreaterThan(4)
  })

  test('a single second with more is SOURCE_FAILED, with the option that helps', async () => {
    const { source, open } = stage({ export: { bytesMax: 1_000_000 } })
    for (const url of ['1', '2']) open(NOW - DAY, { url, ip: 'x'.repeat(600_000) })
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'SOURCE_FAILED', message: /raise bytesMax/ })
  })

  test.each(['server error', 'HTML 502', 'throttle', 'reset before apply', 'reset after apply', 'HTML 200'] as const)(
    '%s, and then an answer: every row once',
    async (fault) => {
      const { source, fake, clock } = filled()
      fake.faults.next('export/data.json', fault).next('export/data.json', fault)
      expect(urls(await pagesOf(source)).sort()).toEqual([...opens].sort())
      expect(fake.faults.hits).toEqual({ [fault]: 2 })
      expect(clock.slept.length).toBeGreaterThan(0)
    },
  )

  test.each(['{"msg":"upstream timed out"', 'upstream timed out }', '<html></html>'])(
    'an answer that ends in %o is no end: nothing of it is handed out, and half of the span is asked for',
    async (error) => {
      let answers = 0
      const line = JSON.stringify({ createdAt: '2026-11-12 00:00:00 +00:00', email: 'b@example.com', url: 'half' })
      const { source, asked } = filled({
        instead: () => (++answers === 1 ? new Response(`${line}\n${error}`) : undefined),
      })
      expect(urls(await pagesOf(source))).not.toContain('half')
      const spans = asked.slice(0, 2).map((query) => [query.get('startDateTime'), query.get('endDateTime')])
      expect(spans).toEqual([
        ['2026-11-10 00:00:00 +00:00', '2026-11-11 00:00:00 +00:00'],
        ['2026-11-10 00:00:00 +00:00', '2026-11-10 12:00:00 +00:00'],
      ])
    },
  )

  test('an empty 200 is an empty span: Iterable answers so where nothing happened', async () => {
    expect(rowsOf(await pagesOf(stage({ instead: () => new Response('') }).source))).toEqual([])
  })

  test('six times no answer is SOURCE_UNREACHABLE', async () => {
    const { source, asked } = stage({ instead: () => new Response('down', { status: 503 }) })
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', message: /: 503/ })
    expect(asked).toHaveLength(6)
  })

  test('refused for now thirty times, for the sake of other tools, and not for ever', async () => {
    const { source, asked } = stage({ instead: () => new Response('{}', { status: 429 }) })
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', message: /429/ })
    expect(asked).toHaveLength(30)
  })

  test('a read that is cut off begins its span again, and loses no row', async () => {
    const { source } = filled()
    const before = []
    for await (const page of source.read({ pageSize: 7, signal: AbortSignal.timeout(30_000) })) {
      before.push(page)
      if (before.length === 3) break
    }
    const rest = await pagesOf(source, { after: kept(before.at(-1)?.cursor), pageSize: 7 })
    expect(urls(rest).sort()).toEqual([...opens].sort())
  })
})

describe('who may', () => {
  test('a key that is refused is SOURCE_UNAUTHORIZED, and stands in no error', async () => {
    const { source } = stage({ export: { apiKey: 'a-wrong-key' } })
    const error = await pagesOf(source).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    expect(`${error}${JSON.stringify(error)}`).not.toContain('a-wrong-key')
  })

  test.each([
    ['a line that is no JSON', 200, '{"email":"canary@example.com" oops}', 'SOURCE_FAILED'],
    ['half of a line', 200, '{"email":"canary@example.com"', 'SOURCE_UNREACHABLE'],
    ['a refusal that quotes somebody', 400, '{"msg":"canary@example.com"}', 'OPTION_INVALID'],
    ['a failure that quotes somebody', 500, 'canary@example.com', 'SOURCE_UNREACHABLE'],
  ])('%s is told without them', async (_, status, body, code) => {
    const { source } = stage({ instead: () => new Response(body, { status }) })
    const error = await pagesOf(source).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code })
    expect(`${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}`).not.toContain('canary')
  })

  test('a data type that Iterable does not know is OPTION_INVALID', async () => {
    const { source } = stage({ export: { dataType: 'emailOpened' } })
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'OPTION_INVALID', message: /dataType/ })
  })

  test.each([
    ['apiKey', { apiKey: '' }, 'CREDENTIALS_MISSING'],
    ['dataCenter', { dataCenter: 'uk' }, 'OPTION_INVALID'],
    ['dataType', { dataType: 'email open' }, 'OPTION_INVALID'],
    ['from', { from: '2026-11-10' }, 'OPTION_INVALID'],
    ['from', { from: undefined }, 'OPTION_INVALID'],
    ['lagMs', { lagMs: -1 }, 'OPTION_INVALID'],
    ['bytesMax', { bytesMax: 10 }, 'OPTION_INVALID'],
    ['perMinute', { perMinute: 0 }, 'OPTION_INVALID'],
    ['lookback', { lookback: 1 }, 'OPTION_INVALID'],
  ])('%s: %o is %s', (option, given, code) => {
    const made = () => stage({ export: given as never })
    expect(made).toThrowError(expect.objectContaining({ code }) as Error)
    expect(made).toThrow(option)
  })

  test('it is used after close', async () => {
    const { source } = stage()
    await source.close()
    await source.close()
    await expect(source.describe()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('a row', () => {
  const rowOf = async (fields: Record<string, string | number>) => {
    const { source, open } = stage()
    open(NOW - DAY, fields)
    return rowsOf(await pagesOf(source))[0] as Record<string, string>
  }

  test('says who, when, and all that the line says', async () => {
    const row = await rowOf({ email: 'A@Example.com', userId: 'u-1', ip: '203.0.113.7', messageId: 'm' })
    const said = { dataType: 'emailOpen', at: '2026-11-19T12:00:00.000Z', email: 'A@Example.com', userId: 'u-1' }
    expect(row).toMatchObject({ ...said, itblUserId: null, person: '{"userId":"u-1","email":"a@example.com"}' })
    expect(JSON.parse(row.raw as string)).toMatchObject({ ip: '203.0.113.7', messageId: 'm' })
  })

  test('an address that Iterable made up is none', async () => {
    const row = await rowOf({ email: 'user123+147178873@placeholder.email', userId: 'user123' })
    expect([row.email, row.person]).toEqual([null, '{"userId":"user123"}'])
  })

  test('of nobody has no person', async () => {
    expect((await rowOf({ email: '' })).person).toBeNull()
  })

  test('of the same event has the same id, of another one another', async () => {
    const one = await rowOf({ messageId: 'm', ip: '203.0.113.7' })
    expect((await rowOf({ ip: '203.0.113.7', messageId: 'm', city: 'X' })).id).toBe(one.id)
    for (const other of [{ messageId: 'n' }, { url: 'x' }, { ip: '203.0.113.8' }, { userId: 'u-1' }])
      expect((await rowOf({ messageId: 'm', ip: '203.0.113.7', ...other })).id).not.toBe(one.id)
  })

  test.each([
    ['2026-11-20 10:15:04 +00:00', '2026-11-20T10:15:04.000Z'],
    ['2026-11-20 10:15:04 -08:00', '2026-11-20T18:15:04.000Z'],
    ['2026-11-20T10:15:04.250Z', '2026-11-20T10:15:04.250Z'],
    ['2026-11-20 10:15:04', null],
    ['2026-13-20 10:15:04 +00:00', null],
    ['yesterday', null],
    [1_795_000_000, null],
    [null, null],
  ])('time %o is %o', (given, time) => {
    expect(timeIn(given)).toBe(time)
  })

  test('a time that is asked for is read back as the same', () => {
    expect(timeIn(exportTime(NOW))).toBe(new Date(NOW).toISOString())
  })
})

test('two data types are two sources by name, and one can be named by hand', () => {
  const options = { project: 'p', apiKey: 'k', dataCenter: 'eu', from: '2026-01-01T00:00:00+02:00' } as const
  const names = [
    { ...options, dataType: 'user' },
    { ...options, dataType: 'emailOpen', name: 'opens' },
  ].map((one) => new IterableExport(one).name)
  expect(names).toEqual(['iterable-user', 'opens'])
})
