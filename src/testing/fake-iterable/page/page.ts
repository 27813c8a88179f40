import { createHash } from 'node:crypto'
import type { Ledger } from '../ledger.js'
import type { FakeAnswer } from '../wire/answer.js'
import type { Activity } from './activity.js'
import { STYLE } from './style.js'

/** How many profiles the page shows. */
const PROFILES_MAX = 50
/** Characters of one profile's fields, and of the fields of one that was found alone. */
const [FIELDS_MAX, ALONE_MAX] = [400, 100_000]

/** What the page is made of. */
export interface Shown {
  readonly projectType: string
  readonly ledger: Ledger
  readonly activity: Activity
  /** Only people with an identifier that holds this. */
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

/** Keeps the page fresh, but not under the hands of somebody who selects; and says so when nobody answers any more. */
const SCRIPT = `
const fresh = async () => {
  if (document.hidden || String(getSelection()) !== '') return
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
  const places = [...document.querySelectorAll('.wide')].map((one) => [one.id, one.scrollLeft, one.scrollTop])
  document.querySelector('main').replaceWith(page.querySelector('main'))
  for (const [id, left, top] of places) document.getElementById(id)?.scrollTo(left, top)
}
const turn = async () => {
  document.body.className = await fresh().then(() => '', () => 'gone')
  setTimeout(turn, 1000)
}
setTimeout(turn, 1000)`
const hash = createHash('sha256').update(SCRIPT).digest('base64')

/** Nothing from elsewhere, and no script but the one above: also what slipped through unescaped could do nothing. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; connect-src 'self'; form-action 'self'; base-uri 'none'`,
}

/** A table under its heading. */
function section(id: string, heading: string, more: string, head: readonly string[], rows: Rows, empty: string) {
  const cells = (row: readonly unknown[]) =>
    row.map((cell, at) => `<td data-name="${escaped(head[at])}">${escaped(cell)}</td>`).join('')
  const heads = head.map((name) => `<th>${escaped(name)}</th>`).join('')
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`).join('')
  const table = `<div class="wide" id="${id}"><table><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`
  const shown = rows.length === 0 ? `<p class="none">${escaped(empty)}</p>` : table
  return `<section><h2>${heading} <small>${more}</small></h2>${shown}</section>`
}
type Rows = readonly (readonly unknown[])[]

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}\u2026 (${text.length.toLocaleString('en')} characters)`

const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

/** A bar for each second. */
function requests(perSecond: readonly number[]): string {
  const most = Math.max(1, ...perSecond)
  const rects = perSecond.map((count, at) => {
    const height = Math.round((count / most) * 40)
    return `<rect x="${at * 5}" y="${40 - height}" width="4" height="${height}"/>`
  })
  const said = `${perSecond.at(-2) ?? 0} in the last one, at most ${Math.max(...perSecond)} in one`
  return `<section><h2>Requests per second <small>${said}</small></h2>
<svg viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label="requests in each second: ${said}">${rects.join('')}</svg>
<p class="ends"><small>${perSecond.length} s ago</small><small>now</small></p></section>`
}

function failures(activity: Activity): string {
  const rows = activity
    .failures()
    .map(({ at, method, path, what, said }) => [time(at), what, `${method} ${path}`, said])
  return section('failures', 'Last failures', 'UTC', ['time', 'what', 'request', 'answer'], rows, 'None yet.')
}

const lists = ({ lists: all }: Ledger): string => {
  const rows = all.map(({ id, name, listType, members }) => [id, name, listType, members.size.toLocaleString('en')])
  return section('lists', 'Lists', '', ['id', 'name', 'type', 'members'], rows, 'No list yet.')
}

/** Newest first. */
function people({ projectType, ledger, search }: Shown): string {
  const wanted = search.toLowerCase()
  const found = [...ledger.people].filter(([, { email, userId }]) =>
    [email, userId].some((one) => one?.toLowerCase().includes(wanted)),
  )
  const shown = found.slice(-PROFILES_MAX).reverse()
  const tracked = new Map(shown.map(([address]) => [address, 0]))
  for (const { address } of ledger.eventsById.values()) {
    const before = tracked.get(address)
    if (before !== undefined) tracked.set(address, before + 1)
  }
  const rows = shown.map(([address, { email, userId, dataFields }]) => {
    const other = [email, userId].find((one) => one !== undefined && one !== address) ?? ''
    const on = ledger.lists.filter(({ members }) => members.has(address)).map(({ name }) => name)
    const fields = cut(JSON.stringify(dataFields), shown.length === 1 && search !== '' ? ALONE_MAX : FIELDS_MAX)
    return [address, other, cut(on.join(', '), FIELDS_MAX), tracked.get(address), fields]
  })
  const more = found.length > PROFILES_MAX ? `the newest ${PROFILES_MAX} of ${found.length.toLocaleString('en')}` : ''
  const head = ['address', projectType === 'email' ? 'userId' : 'email', 'lists', 'events', 'fields']
  return section('people', 'Profiles', more, head, rows, search === '' ? 'Nobody here.' : `Nobody here with ${search}`)
}

function main(shown: Shown): string {
  const { ledger, activity } = shown
  const facts: readonly (readonly [string, number])[] = [
    ['profiles', ledger.people.size],
    ['events', ledger.eventsById.size],
    ['purchases', ledger.purchases.length],
    ['lists', ledger.lists.length],
    ['catalogs', ledger.catalogs.size],
    ['requests', ledger.requests().total],
  ]
  const tiles = facts.map(([name, count]) => `<li><b>${count.toLocaleString('en')}</b>${name}</li>`).join('')
  const all = [requests(activity.perSecond()), failures(activity), lists(ledger)]
  const sections = shown.search === '' ? [...all, people(shown)] : [people(shown), ...all]
  return `<main>
<ul class="facts">${tiles}</ul>
${sections.join('\n')}
</main>`
}

/** One page for a person with a browser: nothing from elsewhere, fresh every second, readable without its script. */
export function page(shown: Shown): FakeAnswer {
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fake Iterable</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head><body>
<header><h1>Fake Iterable <small>project by ${escaped(shown.projectType)}</small></h1>
<form><input type="search" name="q" aria-label="find somebody" placeholder="find an email or userId" value="${escaped(shown.search)}"></form>
<p role="status">No answer: the fake does not run any more. What is below was last seen.</p></header>
${main(shown)}<script>${SCRIPT}</script></body></html>`
  return { status: 200, headers: HEADERS, body, how: 'answer' }
}
