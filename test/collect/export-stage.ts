import { IterableExport, type IterableExportOptions } from '../../src/collect/index.js'
import type { Page, ReadOptions } from '../../src/sources/source.js'
import { FakeIterable, type FakeIterableOptions } from '../../src/testing/index.js'
import { ManualClock } from '../vendors/manual-clock.js'

export const NOW = Date.UTC(2026, 10, 20, 12)
export const HOUR = 3_600_000
export const DAY = 24 * HOUR
const TIMEOUT_MS = 300_000

interface Staged {
  readonly fake?: Partial<FakeIterableOptions>
  readonly export?: Partial<IterableExportOptions>
  /** Stands before the fake: what it gives is the answer. */
  readonly instead?: (url: URL) => Response | undefined
}

/** A fake at noon of 20 November 2026, an export of it from the 10th on, and what was asked for. */
export function stage({ fake: fakeOptions = {}, export: exportOptions = {}, instead }: Staged = {}) {
  const time = { ms: NOW }
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', now: () => time.ms, ...fakeOptions })
  const clock = new ManualClock(TIMEOUT_MS)
  const asked: URLSearchParams[] = []
  const fetch: typeof globalThis.fetch = async (given) => {
    const request = given as Request
    const url = new URL(request.url)
    asked.push(url.searchParams)
    const other = instead?.(url)
    if (other !== undefined) return other
    const headers = Object.fromEntries(request.headers)
    const answer = await fake.handle({
      method: request.method,
      path: url.pathname + url.search,
      headers,
      body: new Uint8Array(),
    })
    if (answer.how === 'reset') throw new TypeError('fetch failed')
    if (answer.how !== 'answer') throw new Error(`${answer.how} is not staged`)
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  }
  const source = new IterableExport({
    project: 'shop',
    apiKey: 'fake-key',
    dataCenter: 'us',
    dataType: 'emailOpen',
    from: '2026-11-10T00:00:00Z',
    timeoutMs: TIMEOUT_MS,
    now: () => time.ms,
    fetch,
    clock,
    ...exportOptions,
  })
  /** @param ms  when it happened */
  const open = (ms: number, fields: Record<string, string | number> = {}, lateMs = 0): void =>
    fake.happened({
      dataType: 'emailOpen',
      createdAt: ms / 1_000,
      lateMs,
      fields: { email: 'a@example.com', ...fields },
    })
  return { fake, source, clock, time, asked, open }
}

export async function pagesOf(source: IterableExport, options: Partial<ReadOptions> = {}): Promise<Page[]> {
  const pages: Page[] = []
  for await (const page of source.read({ signal: AbortSignal.timeout(30_000), ...options })) pages.push(page)
  return pages
}

export const rowsOf = (pages: readonly Page[]) =>
  pages.flatMap(({ rows }) => Array.from({ length: rows.length }, (_, at) => rows.at(at)))

/** As it comes out of a store. */
export const kept = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value
