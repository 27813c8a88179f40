import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reportPage } from '../../src/cli/report/page.js'
import { reportOf } from '../cli/sample-reports.js'
import { domOf } from './chromium.js'
import { Desk, ROWS } from './desk.js'

// Left out where there is no Chromium: see test/vitest.config.ts.

const HOSTILE = `"><script>document.title='script'</script><img src=/asked onerror="document.title='picture'">`
const stops: (() => Promise<void>)[] = []
let desk: Desk
beforeEach(async () => {
  desk = await Desk.open()
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await desk.close()
})

/** The page behind a server that writes down what is asked of it, and what is beside the page. */
async function served(page: string, other = '') {
  const asked: string[] = []
  const server = createServer(({ url = '/' }, response) => {
    asked.push(url)
    response.setHeader('content-type', 'text/html').end(url === '/other' ? other : page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()))
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const hostilePage = () =>
  reportPage(
    [
      {
        sync: HOSTILE,
        runs: [28, 29].map((day) =>
          reportOf({ name: HOSTILE, startedAt: `2026-11-${day}T10:00:00.000Z`, status: 'failed' }),
        ),
      },
    ],
    '2026-11-30T12:00:00.000Z',
  )

test('the report in a browser asks for nothing else, and what rows and tables are called stays text', async () => {
  const { asked, url } = await served(hostilePage())
  const dom = await domOf(url)
  expect(asked.filter((one) => one !== '/favicon.ico')).toEqual(['/'])
  expect([dom.includes('<script'), dom.includes('<img')]).toEqual([false, false])
  expect(dom).toContain('<title>lakeloop: "&gt;&lt;script&gt;')
})

test.each([320, 1_280])(
  'the report in a browser is not wider than its window of %d, and its bars have their room',
  async (width) => {
    const measured = `<body><iframe src="/" style="width: ${width}px; border: 0" onload="
    const page = this.contentDocument.documentElement
    document.body.dataset.beyond = page.scrollWidth - page.clientWidth
    const plots = [...this.contentDocument.querySelectorAll('.plot svg')].map((svg) => svg.getBoundingClientRect())
    document.body.dataset.narrow = plots.filter(({ width, height }) => width < 150 || height < 100).length
    document.body.dataset.plots = plots.length
    const bars = [...this.contentDocument.querySelectorAll('.plot rect')].map((bar) => getComputedStyle(bar).fill)
    document.body.dataset.black = bars.filter((fill) => fill === 'rgb(0, 0, 0)').length
    document.body.dataset.bars = bars.length
  "></iframe></body>`
    const dom = await domOf(`${(await served(hostilePage(), measured)).url}/other`)
    const told = Object.fromEntries(
      [...dom.matchAll(/data-(\w+)="(-?\d+)"/g)].map(([, name, value]) => [name, Number(value)]),
    )
    expect(told).toMatchObject({ beyond: 0, narrow: 0, plots: 3, black: 0 })
    expect(told.bars).toBeGreaterThan(8)
  },
)

test('lakeloop report writes a page of what was run, opened as a file, without a value or an address [I7]', async () => {
  desk.sync('churn', {
    rows: [...ROWS, { id: '', email: 'canary@example', score: 1 }],
    options: { rejectedShareMax: 1 },
  })
  await desk.run('run')
  await desk.run('run')
  const { exit, said } = await desk.run('report', '--out', 'runs.html')
  expect([exit, said]).toEqual([0, ['runs.html: runs 2, syncs 1']])
  const file = join(desk.folder, 'runs.html')
  const dom = await domOf(pathToFileURL(file).href)
  expect(dom).toContain('<title>lakeloop: churn</title>')
  expect(dom).toContain('Changes of the list news')
  expect(dom).toContain('Throughput within the newest run')
  expect(readFileSync(file, 'utf8')).not.toMatch(/\w@|C-1|canary/)
  writeFileSync(file, '') // and it is written over
  expect((await desk.json('report', 'churn', '--out', 'runs.html')).told).toMatchObject([{ runs: 2, syncs: ['churn'] }])
  await expect(desk.run('report', '--out', 'none/runs.html')).rejects.toThrow(
    'none/runs.html cannot be written: ENOENT',
  )
})
