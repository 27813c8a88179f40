// The identity recipe `telco-v1`: who the 7,043 accounts are, and the untidy records that three systems keep of them.
// There is no randomness: every decision is a hash of a purpose and an id, so that each run makes the same records.
// Every name and number is invented; addresses and phones are of the kinds reserved for fiction.

import { createHash } from 'node:crypto'
import type { Evidence, Identifier } from 'lakeloop'
import { type Account, accounts } from './accounts.js'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

const FIRST = words(`ada alan anna ben carla chen dana diego elif emil fatima grace hana hugo ines ivan jana jonas kofi
  lena liam mara mei nadia noah olga omar petra ravi rosa sara tariq`)
const LAST = words(`abbott baker castro dietrich eriksen farouk garcia haas ito jensen kaya lopez meyer nguyen okafor
  petrov quist rossi sato tanaka usman vogel weber xu young zhang adler blom costa duval evans fox`)
const DOMAINS = [
  ...Array<string>(10).fill('example.com'),
  ...Array<string>(5).fill('example.org'),
  ...Array<string>(3).fill('example.net'),
  ...Array<string>(2).fill('mail.example.com'),
]
const AREAS = words(`201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240
  248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318
  319 320 321 323 325 330 334 336 337 339 346 347 351 352 360 361 385 386`)
const JUNK = ['n/a', 'NONE', 'test@test.com', 'noreply@example.com', 'null', 'unknown', '']

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A number in [0, 1) that depends on the purpose and the id alone. */
export const h = (purpose: string, id: string): number =>
  Number.parseInt(sha256(`telco-v1|${purpose}|${id}`).slice(0, 8), 16) / 2 ** 32

const pick = (purpose: string, id: string, list: readonly string[]): string =>
  list[Math.floor(h(purpose, id) * list.length)] as string

/** An account, and the person whom it belongs to: what a resolver should find out. */
export interface Person {
  readonly account: Account
  /** The same for both accounts of a person. */
  readonly person: string
  /** The first account of the person, and so not a second one. */
  readonly first: boolean
  /** Two people who live together, and may share an address or a phone. */
  readonly household: string | null
  readonly email: string
  readonly phone: string
}

/** Steps 1 to 3, in byte order of the account ids. */
export function people(): readonly Person[] {
  const made: Person[] = []
  for (const [index, account] of accounts().entries()) {
    const before = made.at(-1)
    const second = before?.first === true && h('dup', account.id) < 0.06
    made.push(second ? { ...before, account, first: false } : newPerson(account, index))
  }
  return sharedHomes(made)
}

function newPerson(account: Account, index: number): Person {
  const { id } = account
  return {
    account,
    person: `P-${id}`,
    first: true,
    household: null,
    email: `${pick('first', id, FIRST)}.${pick('last', id, LAST)}.${index}@${pick('dom', id, DOMAINS)}`,
    phone: `+1${AREAS[Math.floor(index / 100)]}55501${String(index % 100).padStart(2, '0')}`,
  }
}

/** Step 3. A second account lives where its person does. */
function sharedHomes(all: readonly Person[]): readonly Person[] {
  const partners = all.filter(({ account, first }) => first && account.partner)
  const moved = new Map<string, Partial<Person>>()
  for (let at = 0; at + 1 < partners.length; at += 2) {
    const [one, other] = [partners[at] as Person, partners[at + 1] as Person]
    if (h('house', one.account.id) >= 0.25) continue
    const household = one.account.id
    moved.set(one.person, { household })
    moved.set(other.person, {
      household,
      ...(h('house-mail', other.account.id) < 0.4 ? { email: one.email } : {}),
      ...(h('house-phone', other.account.id) < 0.6 ? { phone: one.phone } : {}),
    })
  }
  return all.map((person) => ({ ...person, ...moved.get(person.person) }))
}

/** Steps 4 to 7: 14,176 records of four systems, in the order of the check vector. */
export function evidence(): readonly Evidence[] {
  const all = people()
  return [...all.flatMap((person) => [crm(person), ...web(person), ...newsletter(person)]), ...support(all)]
}

const DAY_MS = 86_400_000
const day = (days: number): string => `${new Date(Date.UTC(2024, 0, 1) + days * DAY_MS).toISOString().slice(0, 19)}Z`
const ids = (...pairs: readonly (readonly [namespace: string, value: string])[]): readonly Identifier[] =>
  pairs.map(([namespace, value]) => ({ namespace, value }))

/** When the account was opened, in days after 2024-01-01. */
const opened = ({ id, tenureMonths }: Account): number => Math.floor(20 * h('crm', id)) - 30 * tenureMonths

function crm({ account, email, phone }: Person): Evidence {
  const { id } = account
  return {
    source: 'crm',
    key: id,
    observedAt: day(opened(account)),
    ids: ids(['customer_id', id], ['email', typedEmail(id, email)], ['phone', typedPhone(account, phone)]),
  }
}

/** What a clerk makes of an address. */
function typedEmail(id: string, email: string): string {
  const form = h('mailform', id)
  if (form < 0.02) return pick('junk', id, JUNK)
  if (form < 0.024) return 'info@example.org'
  if (form < 0.054) return ''
  if (form < 0.25) return capitalised(email)
  if (form < 0.3) return email.toUpperCase()
  return form < 0.34 ? `  ${email} ` : email
}

function capitalised(email: string): string {
  const upper = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
  const [local = '', domain = ''] = email.split('@')
  return `${local.split('.').map(upper).join('.')}@${upper(domain)}`
}

function typedPhone({ id, phoneService }: Account, phone: string): string {
  if (!phoneService && h('nophone', id) < 0.5) return ''
  const form = h('phoneform', id)
  if (form < 0.015) return '0000000000'
  if (form < 0.02) return '+15555555555'
  if (form < 0.026) return '+18005550199'
  return form < 0.3 ? `(${phone.slice(2, 5)}) ${phone.slice(5, 8)}-${phone.slice(8)}` : phone
}

function web({ account, person, email }: Person): readonly Evidence[] {
  const { id } = account
  if (h('web', id) >= 0.7) return []
  const userId = `u-${sha256(`telco-v1|uid|${person}`).slice(0, 10)}`
  const customerId = h('webcid', id) <= 0.03 ? `${id.toLowerCase()} ` : id
  const form = h('webform', id)
  const mark = form < 0.06 ? '.new@' : form < 0.11 ? '+shop@' : '@'
  return [
    {
      source: 'web',
      key: `${userId}/${id}`,
      observedAt: day(opened(account) + 5 + Math.floor(300 * h('webd', id))),
      ids: ids(['user_id', userId], ['customer_id', customerId], ['email', email.replace('@', mark)]),
    },
  ]
}

/** A shared mailbox repeats the key: that is a record sent again. */
function newsletter({ account, email }: Person): readonly Evidence[] {
  if (h('news', account.id) >= 0.3) return []
  const key = sha256(`telco-v1|news|${email}`).slice(0, 12)
  return [{ source: 'newsletter', key, observedAt: day(opened(account) + 2), ids: ids(['email', email]) }]
}

/** Phones of customers who left come back with new ones. */
function support(all: readonly Person[]): readonly Evidence[] {
  const firsts = all.filter(({ first }) => first)
  const left = firsts.filter(({ account }) => account.churned && h('reuse', account.id) < 0.05)
  const joined = firsts.filter(({ account }) => !account.churned && account.tenureMonths <= 6)
  return left.map(({ phone }, k) => ({
    source: 'support',
    key: `call-${k}`,
    observedAt: day(10 + k),
    ids: ids(['customer_id', (joined[k] as Person).account.id], ['phone', phone]),
  }))
}

/** Who is who, per account: what a resolver is measured against. */
export function truth(): readonly { customer_id: string; person: string; household: string | null }[] {
  return people().map(({ account, person, first, household }) => ({
    customer_id: account.id,
    person,
    household: first ? household : null,
  }))
}

/** The lines that the check sums of the recipe are made of. */
export function checkLines(records: readonly Evidence[]): string {
  const line = ({ source, key, observedAt, ids: held }: Evidence): string =>
    JSON.stringify({ source, key, observedAt, ids: held.map(({ namespace, value }) => [namespace, value]) })
  return records.map((record) => `${line(record)}\n`).join('')
}
