import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeIterable } from 'lakeloop/testing'
import { afterEach, expect, test } from 'vitest'
import { domOf } from './chromium.js'

// Left out where there is no Chromium: see test/vitest.config.ts.

const HOSTILE = `"><script>document.title='script'</script><img src=x onerror="document.title='picture'">`
/** As the name of a field: with a dot it would be refused. */
const HOSTILE_NAME = HOSTILE.replaceAll('.', '')
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function write(fake: FakeIterable, email: string, dataFields: object) {
  const headers = { 'api-key': 'fake-key' }
  const body = new TextEncoder().encode(JSON.stringify({ users: [{ email, dataFields }] }))
  await fake.handle({ method: 'POST', path: '/api/users/bulkUpdate', headers, body })
}

/** The fake behind a server that says how often its page was asked for, and may refuse. */
async function served(fake: FakeIterable, onPage: (asked: number) => Promise<boolean>, other = '') {
  let asked = 0
  const server = createServer(async ({ method = 'GET', url = '/', headers }, response) => {
    if (url === '/other') return response.setHeader('content-type', 'text/html').end(other)
    if (url === '/' && !(await onPage(++asked))) return response.destroy()
    const given = { method, path: url, headers: headers as Record<string, string>, body: new Uint8Array() }
    const answer = await fake.handle(given)
    return response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const project = () => new FakeIterable({ projectType: 'email', rates: 'off', lists: [HOSTILE, 'news'] })

test('the page in a browser is fresh by itself, and what people have sent stays text', async () => {
  const fake = project()
  await write(fake, 'first@example.com', { [HOSTILE_NAME]: HOSTILE })
  const onPage = async (asked: number) => {
    if (asked === 2) await write(fake, 'later@example.com', {})
    return true
  }
  const dom = await domOf(await served(fake, onPage))
  expect(dom).toContain('first@example.com')
  expect(dom).toContain('later@example.com') // which the page that came first did not have
  expect(dom).toContain('<title>Fake Iterable</title>')
  expect([dom.match(/<script/g)?.length, dom.includes('<img')]).toEqual([1, false])
  expect(dom).toContain('<body class="">')
})

test('the page in a browser says when the fake is gone, and keeps what was last seen', async () => {
  const fake = project()
  await write(fake, 'first@example.com', {})
  const dom = await domOf(await served(fake, async (asked) => asked < 3))
  expect(dom).toContain('<body class="gone">')
  expect(dom).toContain('first@example.com')
})

test.each([320, 1_280])('the page in a browser is not wider than its window of %d', async (width) => {
  const fake = project()
  await write(fake, `${'a'.repeat(60)}@${'b'.repeat(60)}.example.com`, { [HOSTILE_NAME]: 'x'.repeat(3_000), n: 1 })
  await fake.handle({ method: 'GET', path: `/${'p'.repeat(500)}`, headers: {}, body: new Uint8Array() })
  const measured = `<body><iframe src="/" style="width: ${width}px; border: 0" onload="
    const { scrollWidth, clientWidth } = this.contentDocument.documentElement
    document.body.dataset.beyond = scrollWidth - clientWidth
  "></iframe></body>`
  const dom = await domOf(`${await served(fake, async () => true, measured)}/other`)
  expect(/data-beyond="(-?\d+)"/.exec(dom)?.[1]).toBe('0')
})
