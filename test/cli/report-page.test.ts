import fc from 'fast-check'
import { expect, test } from 'vitest'
import { niceTop } from '../../src/cli/report/chart.js'
import { html } from '../../src/cli/report/html.js'
import { paceOf } from '../../src/cli/report/pace.js'
import { reportPage } from '../../src/cli/report/page.js'
import type { RunReport } from '../../src/index.js'
import { reportOf } from './sample-reports.js'

const page = (...runs: readonly RunReport[]) => reportPage([{ sync: 'churn', runs }], '2026-11-30T12:00:00.000Z')

test('html`` escapes what is put in, and nothing twice', () => {
  expect(html`<p title="${`"'<&>`}">${html`<b>${'a<b'}</b>`}${['<i>', html`<i>`]}${undefined}${3}</p>`.text).toBe(
    '<p title="&quot;&#39;&lt;&amp;&gt;"><b>a&lt;b</b>&lt;i&gt;<i>3</p>',
  )
})

test('whatever the names are, the page has the elements that it has for plain ones', () => {
  const shape = (text: string) => [...text.matchAll(/<[^>]*>/g)].map(([tag]) => /^<\/?[a-z0-9!]+/i.exec(tag)?.[0])
  const plain = shape(page(reportOf({ name: 'plain' })))
  const hostile = fc.string({
    unit: fc.oneof(fc.constantFrom('<', '>', '"', "'", '&', '</td>', '<script>', ']]>', '-->'), fc.string()),
    minLength: 1,
  })
  fc.assert(
    fc.property(hostile, (name) => {
      expect(shape(page(reportOf({ name })))).toEqual(plain)
    }),
  )
})

test('the page asks nobody for anything: no script, no address, no file', () => {
  const text = page(reportOf({ name: 'a' }))
  expect(text).not.toMatch(/<script|<link|<img|<iframe|<object|<form|@import|url\(|https?:|src=|href=/i)
  expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
})

test('a chart has a table of the same numbers, newest first', () => {
  const first = reportOf({ name: 'a', startedAt: '2026-11-28T10:00:00.000Z', rejected: 41 })
  const second = reportOf({ name: 'a', startedAt: '2026-11-29T10:00:00.000Z', rejected: 0 })
  const text = page(first, second)
  const [, table = ''] = /aria-label="Outcomes of each run, table">([\s\S]*?)<\/table>/.exec(text) ?? []
  const rows = [...table.matchAll(/<tr><th scope="row">([^<]*)<\/th>(.*?)<\/tr>/g)].map(([, head, cells]) => [
    head,
    (cells ?? '')
      .replace(/<[^>]+>/g, ' ')
      .trim()
      .split(/ +/),
  ])
  expect(rows).toEqual([
    ['2026-11-29 10:00', ['9,000', '959', '0', 'complete']],
    ['2026-11-28 10:00', ['9,000', '959', '41', 'complete']],
  ])
  expect(text).toContain('<title>2026-11-28 10:00: 41 rejected</title>')
})

test('the page does not name who changed a table, which is often an address [I7]', () => {
  expect(page(reportOf({ name: 'a', user: 'employee@example.com' }))).not.toContain('employee@example.com')
})

test('a sync without runs is said to have none', () => {
  expect(page()).toContain('No run yet.')
})

test('niceTop() is the least round number that holds the bars', () => {
  expect([0, 1, 3, 5, 5.1, 40, 41_000].map(niceTop)).toEqual([1, 1, 3, 6, 6, 40, 60_000])
})

test('paceOf() spreads the actions of requests over whole seconds, at most sixty stretches, and loses none', async () => {
  const batches = fc.array(
    fc.record({ ms: fc.integer({ min: 0, max: 600_000 }), actions: fc.integer({ min: 0, max: 1_000 }) }),
    { minLength: 1 },
  )
  const from = Date.UTC(2026, 10, 29, 23, 59)
  async function* entries(list: readonly { ms: number; actions: number }[]) {
    for (const { ms, actions } of list) yield { at: new Date(from + ms).toISOString(), actions }
  }
  await fc.assert(
    fc.asyncProperty(batches, async (list) => {
      const { columns = [], perSecond = [], seconds = 0 } = (await paceOf(entries(list))) ?? {}
      expect(columns.length).toBeLessThanOrEqual(60)
      const told = perSecond.reduce((sum, value) => sum + value * seconds, 0)
      const sum = list.reduce((all, { actions }) => all + actions, 0)
      expect(Math.abs(told - sum)).toBeLessThanOrEqual((columns.length * seconds) / 2) // each is rounded
    }),
  )
  expect(await paceOf(entries([]))).toBeUndefined()
  expect(
    await paceOf(
      entries([
        { ms: 1_500, actions: 3 },
        { ms: 0, actions: 7 },
      ]),
    ),
  ).toEqual({
    columns: ['23:59:00', '23:59:01'],
    perSecond: [7, 3],
    seconds: 1,
  })
})
