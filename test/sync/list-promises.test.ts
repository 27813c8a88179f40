import { expect, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import { FakeIterable } from '../../src/testing/index.js'
import { ListLife } from './list-life.js'
import { VirtualClock } from './virtual-clock.js'

const person = (n: number, more: Partial<Row> = {}): Row => ({
  id: `c-${n}`,
  email: `p${n}@example.com`,
  on: true,
  score: 0.5,
  at: '2026-01-01T00:00:00.000Z',
  bad: false,
  ...more,
})
const people = (...numbers: readonly number[]): Row[] => numbers.map((n) => person(n))

function living({ before = [] }: { readonly before?: readonly string[] } = {}) {
  const clock = new VirtualClock()
  const lists = before.length > 0 ? ['at-risk'] : []
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', now: () => clock.now(), lists })
  for (const address of before) fake.ledger.lists[0]?.members.add(address)
  const life = new ListLife(fake, clock)
  const run = (rows: readonly Row[], more: Partial<Parameters<ListLife['run']>[0]> = {}) =>
    life.run({ rows, complete: true, guarded: false, ...more })
  return { life, run, members: () => [...life.fake.ledger.members('at-risk')].sort() }
}

test('a run that goes on does not forget that a row of the snapshot was nobody’s [I5]', async () => {
  const { run, members } = living()
  await run(people(0, 1, 2, 3, 4, 5, 6, 7))
  const rows = [{ ...person(9), score: Number.NaN }, ...people(1, 2, 3, 4, 5, 6, 7)]
  const broken = await run(rows, { breaksAfter: 1 })
  expect(broken?.status).toBe('failed')
  const report = await run(rows)
  expect(report?.rows.read).toBe(5)
  expect(members()).toContain('p0@example.com')
})

test('a member found does not leave because its row was refused twice [I5]', async () => {
  const { run, members, life } = living({ before: ['p0@example.com', 'old@example.com'] })
  const adopting = (day: number) => {
    const rows = people(0, 1, 2).map((row) => ({ ...row, score: day + 0.5 }))
    return run(rows, { members: 'adopt' })
  }
  life.fake.faults.refuse(['p0@example.com'], { endpoint: 'users/bulkUpdate' })
  for (const day of [1, 2, 3]) {
    await adopting(day)
    expect(members()).toEqual(['p0@example.com', 'p1@example.com', 'p2@example.com'])
  }
  await run(people(1, 2), { members: 'adopt' })
  expect(members()).toEqual(['p1@example.com', 'p2@example.com'])
})
