import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { accounts } from '../../examples/telco/accounts.js'
import { checkLines, evidence, h, people, truth } from '../../examples/telco/recipe.js'
import { type Score, scores } from '../../examples/telco/scores.js'

/** Published with the recipe `telco-v1`: examples/data/README.md. */
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const records = evidence()
const value = (namespace: string, source = 'crm'): string[] =>
  records
    .filter((record) => record.source === source)
    .map(({ ids }) => ids.find((id) => id.namespace === namespace)?.value ?? '')
const count = (values: readonly string[], test: (value: string) => boolean): number => values.filter(test).length

describe('the recipe telco-v1', () => {
  test('makes the evidence of the check vector, byte for byte', () => {
    const lines = checkLines(records)
    expect([records.length, Buffer.byteLength(lines)]).toEqual([14_176, 2_447_078])
    expect(sha256(lines)).toBe('ff2e47426cafee28b1c60713c958b05c231c428b012a330fe4a31e1a2f254823')
  })

  test('makes the truth of the check vector, byte for byte', () => {
    const lines = truth().map((one) => `${JSON.stringify(one)}\n`)
    expect(sha256(lines.join(''))).toBe('def2aa63077834fcc1f058697f32f83deab95d349f7aa1c35214e8814ce53e40')
  })

  test('people, second accounts, households, records', () => {
    const persons = new Set(people().map(({ person }) => person)).size
    expect([accounts().length, persons, accounts().length - persons]).toEqual([7_043, 6_635, 408])
    expect(new Set(people().flatMap(({ household }) => household ?? [])).size).toBe(386)
    const sources = ['crm', 'web', 'newsletter', 'support'].map((name) =>
      count(
        records.map(({ source }) => source),
        (source) => source === name,
      ),
    )
    expect(sources).toEqual([7_043, 4_975, 2_075, 83])
  })

  test('households that share an address or a phone', () => {
    const homes = new Map<string, { email: string; phone: string }>()
    const shared = { emails: 0, phones: 0 }
    for (const { first, household, email, phone } of people()) {
      if (!first || household === null) continue
      const other = homes.get(household)
      if (other?.email === email) shared.emails += 1
      if (other?.phone === phone) shared.phones += 1
      homes.set(household, { email, phone })
    }
    expect(shared).toEqual({ emails: 162, phones: 228 })
  })

  test('spellings and junk', () => {
    const emails = value('email')
    const phones = value('phone')
    const junk = ['n/a', 'NONE', 'test@test.com', 'noreply@example.com', 'null', 'unknown']
    const real = emails.filter((email) => !junk.includes(email) && email !== '')
    expect(count(emails, (email) => /^ {2}.* $/.test(email))).toBe(262)
    expect(count(real, (email) => email === email.toUpperCase())).toBe(358)
    expect(count(real, (email) => /^[A-Z].*[a-z]/.test(email))).toBe(1_342)
    const ids = records.filter(({ source }) => source === 'crm').map(({ key }) => key)
    expect(count(ids, (id) => h('mailform', id) < 0.02)).toBe(140)
    // None: an empty cell by form, not one that junk left empty.
    expect(emails.filter((email, at) => email === '' && h('mailform', ids[at] ?? '') >= 0.02)).toHaveLength(216)
    expect(count(emails, (email) => email === 'info@example.org')).toBe(30)
    expect(count(phones, (phone) => phone.startsWith('('))).toBe(1_824)
    expect(count(phones, (phone) => phone === '0000000000')).toBe(113)
    expect(count(phones, (phone) => phone === '+15555555555')).toBe(34)
    expect(count(phones, (phone) => phone === '+18005550199')).toBe(49)
    expect(count(phones, (phone) => phone === '')).toBe(331)
    expect(count(value('email', 'web'), (email) => email.includes('.new@'))).toBe(332)
    expect(count(value('email', 'web'), (email) => email.includes('+shop@'))).toBe(229)
    expect(count(value('customer_id', 'web'), (id) => id.endsWith(' '))).toBe(157)
  })
})

describe('the churn scores', () => {
  const [first, second] = [scores(1), scores(2)]
  const above = (rows: readonly Score[]): Set<string> =>
    new Set(rows.filter((row) => row.churn_risk_score > 0.7).map((row) => row.user_id))

  test('1,684 accounts score above 0.7, and 1,707 after the second model run: 33 come in, 10 go out', () => {
    const [before, after] = [above(first), above(second)]
    expect([before.size, after.size]).toEqual([1_684, 1_707])
    expect([...after].filter((id) => !before.has(id))).toHaveLength(33)
    expect([...before].filter((id) => !after.has(id))).toHaveLength(10)
  })

  test('the second model run touches 1,531 rows, and 1,521 scores differ', () => {
    const touched = second.filter((row, at) => row.updated_at !== first[at]?.updated_at)
    const differ = second.filter((row, at) => row.churn_risk_score !== first[at]?.churn_risk_score)
    expect([touched.length, differ.length]).toEqual([1_531, 1_521])
  })

  test('the score tells who churned: area under the curve 0.839', () => {
    const churned = new Map(accounts().map((account) => [account.id, account.churned]))
    const ranked = [...first].sort((a, b) => a.churn_risk_score - b.churn_risk_score)
    const ranks = new Map<number, { sum: number; count: number }>()
    ranked.forEach((row, at) => {
      const tie = ranks.get(row.churn_risk_score) ?? { sum: 0, count: 0 }
      ranks.set(row.churn_risk_score, { sum: tie.sum + at + 1, count: tie.count + 1 })
    })
    const positive = first.filter((row) => churned.get(row.user_id) === true)
    const rankOf = (row: Score): number => {
      const { sum = 0, count: ties = 1 } = ranks.get(row.churn_risk_score) ?? {}
      return sum / ties
    }
    const sum = positive.reduce((total, row) => total + rankOf(row), 0)
    const p = positive.length
    const area = (sum - (p * (p + 1)) / 2) / (p * (first.length - p))
    expect(area).toBeCloseTo(0.839, 3)
  })
})
