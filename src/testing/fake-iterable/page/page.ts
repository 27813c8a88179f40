import { createHash } from 'node:crypto'
import type { Ledger } from '../ledger.js'
import type { FakeAnswer } from '../wire/answer.js'
import type { Activity } from './activity.js'
import { STYLE } from './style.js'

/** How many profiles the page shows. */
const PROFILES_MAX = 50

/** What the page is made of. */
export interface Shown {
  readonly projectType: string
  readonly ledger: Ledger
  readonly activity: Activity
  /** Only addresses that hold this. */
  readonly search: string
}

/** Everything that is shown goes through this: names and values are whatever somebody has sent. */
export const escaped = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

/** Keeps the page fresh, but not under the hands of somebody who types or selects. */
const SCRIPT = `
const fresh = async () => {
  if (document.activeElement.tagName === 'INPUT' || String(getSelection()) !== '') return
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
  document.querySelector('main').replaceWith(page.querySelector('main'))
}
setInterval(() => fresh().catch(() => {}), 1000)`
const hash = createHash('sha256').update(SCRIPT).digest('base64')

/** Nothing from elsewhere, and no script but the one above: also what slipped through unescaped could do nothing. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; connect-src 'self'; form-action 'self'; base-uri 'none'`,
}

const table = (head: readonly string[], rows: readonly (readonly unknown[])[], empty: string): string => {
  if (rows.length === 0) return `<p class="none">${escaped(empty)}</p>`
  const cells = (row: readonly unknown[], tag: string) =>
    row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')
  const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')
  return `<div class="wide"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body}</tbody></table></div>`
}

const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

/** A bar for each second. */
function bars(perSecond: readonly number[]): string {
  const most = Math.max(1, ...perSecond)
  const rects = perSecond.map((count, at) => {
    const height = Math.round((count / most) * 40)
    return `<rect x="${at * 5}" y="${40 - height}" width="4" height="${height}"/>`
  })
  const label = `requests in each of the last ${perSecond.length} seconds, at most ${most} in one`
  return `<svg viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label="${label}">${rects.join('')}</svg>`
}

function main({ projectType, ledger, activity, search }: Shown): string {
  const perSecond = activity.perSecond()
  const found = [...ledger.people].filter(
    ([address]) => address.includes(search.toLowerCase()) || address.includes(search),
  )
  const tracked = new Map<string, number>()
  for (const { address } of ledger.eventsById.values()) tracked.set(address, (tracked.get(address) ?? 0) + 1)
  const lists = ledger.lists.map(({ id, name, listType, members }) => [id, name, listType, members.size])
  const people = found
    .slice(-PROFILES_MAX)
    .reverse()
    .map(([address, { dataFields }]) => [address, tracked.get(address) ?? 0, dataFields])
  const failures = activity
    .failures()
    .map(({ at, method, path, what, said }) => [time(at), what, `${method} ${path}`, said])
  const facts: readonly (readonly [string, number])[] = [
    ['profiles', ledger.people.size],
    ['events', ledger.eventsById.size],
    ['purchases', ledger.purchases.length],
    ['lists', ledger.lists.length],
    ['catalogs', ledger.catalogs.size],
    ['requests', ledger.requests().total],
  ]
  const tiles = facts.map(([name, count]) => `<li><b>${count.toLocaleString('en')}</b>${name}</li>`).join('')
  const more = found.length > PROFILES_MAX ? `the newest ${PROFILES_MAX} of ${found.length.toLocaleString('en')}` : ''
  return `<main>
<ul class="facts">${tiles}</ul>
<section><h2>Requests per second <small>now ${perSecond.at(-2) ?? 0}, project by ${escaped(projectType)}</small></h2>${bars(perSecond)}</section>
<section><h2>Last failures</h2>${table(['time', 'what', 'request', 'answer'], failures, 'None yet.')}</section>
<section><h2>Lists</h2>${table(['id', 'name', 'type', 'members'], lists, 'No list yet.')}</section>
<section><h2>Profiles <small>${more}</small></h2>${table(['address', 'events', 'fields'], people, 'Nobody here.')}</section>
</main>`
}

/** One page for a person with a browser: nothing from elsewhere, fresh every second, readable without its script. */
export function page(shown: Shown): FakeAnswer {
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fake Iterable</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head><body>
<header><h1>Fake Iterable</h1><form><input type="search" name="q" aria-label="find an address" placeholder="find an address" value="${escaped(shown.search)}"></form></header>
${main(shown)}<script>${SCRIPT}</script></body></html>`
  return { status: 200, headers: HEADERS, body, how: 'answer' }
}
