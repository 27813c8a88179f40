import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BOOKS, type Found, measure, rowOf } from './known-truth.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/identity-measured.md'), 'utf8')

/** What those who published a set, or resolved it by other means, found. More recall would be guessing. */
const EXPECTED: readonly (readonly [set: string, rules: string, figures: Partial<Found>])[] = [
  ['telco', 'up to 1 accounts a person', { profiles: 7_043, conflicts: 1_395, recall: 0, withoutEmail: 609 }],
  ['telco', 'up to 2 accounts', { profiles: 6_500, conflicts: 282, precision: 0.737, recall: 0.98, withoutEmail: 177 }],
  [
    'telco',
    'up to 5 accounts',
    { profiles: 6_482, conflicts: 253, precision: 0.698, recall: 0.993, withoutEmail: 169 },
  ],
  ['splink_fake_1000', 'email alone', { profiles: 635, conflicts: 0, precision: 1, recall: 0.336 }],
  ['febrl1', 'number alone', { profiles: 550, precision: 1, recall: 0.9 }],
  ['febrl1', 'number and name with birthday, up to 3', { profiles: 529, recall: 0.942 }],
  ['febrl1', 'number and name with birthday, one', { conflicts: 21, recall: 0.9 }],
  ['dbt_idr_sample', 'up to 100', { profiles: 10, conflicts: 0, precision: 1, recall: 1 }],
  ['dbt_idr_sample', 'up to 3', { profiles: 10, conflicts: 0, precision: 1, recall: 1 }],
  // Published with 27 of 52 pairs, where a link of the stronger identifier goes before the more recent one.
  ['dbt_idr_sample', 'one CRM id', { profiles: 13, conflicts: 4, precision: 1, recall: 29 / 52 }],
]

describe('books whose people are known', () => {
  for (const book of BOOKS) {
    test.skipIf(!book.isHere)(`${book.set}, ${book.rules} (skipped where the data is absent)`, async () => {
      const found = await measure(book)
      const [, , figures] = EXPECTED.find(([set, rules]) => set === book.set && book.rules.startsWith(rules)) ?? []
      for (const [name, figure] of Object.entries(figures ?? { nothing: 'expected' })) {
        expect(found[name as keyof Found], name).toBeCloseTo(figure as number, 3)
      }
      expect(page).toContain(`\n${rowOf(book, found)}\n`)
    })
  }
})
