import { type JsonObject, RowsSource } from 'lakeloop'
import { describe, expect, test } from 'vitest'
import { opened } from './opened-stage.js'
import type { Stage } from './stage.js'

/** Who wants what is in the row: a kind of leaving, or a profile and a place on a list. */
const TRANSFORM = `export default (row) => {
  const identifiers = { email: row.email }
  if (row.go) return { kind: row.go, identifiers }
  return [
    { kind: 'profile', identifiers, dataFields: { tier: row.tier } },
    { kind: 'membership', list: 'news', identifiers, member: true },
  ]
}`

const person = (name: string, more: JsonObject = {}): JsonObject => ({
  id: name,
  email: `${name}@example.com`,
  tier: 'gold',
  go: null,
  ...more,
})

const arrived = ({ fake }: Stage) => [...fake.ledger.people.keys()].sort()
const onList = ({ fake }: Stage) => [...fake.ledger.members('news')].sort()
const asked = ({ fake }: Stage, address: string) => fake.ledger.entries.filter((entry) => entry.address === address)

const played = (stage: Stage, ...rows: JsonObject[]) =>
  stage.play({
    source: new RowsSource({ name: 'rows', rows, key: ['id'], complete: true }),
    transform: TRANSFORM,
  })

/** A sync of its own that makes people go. */
const leave = (stage: Stage, kind: 'forget' | 'delete', email: string) =>
  stage.play({
    rows: [{ id: 'request-1', email }],
    transform: `export default (row) => ({ kind: '${kind}', identifiers: { email: row.email } })`,
    options: { name: 'requests' },
  })

describe('people who wait to be forgotten', () => {
  test('are not dropped for having left the audience: who is to be forgotten has left it [I4]', async () => {
    const day = { count: 1, perMs: 86_400_000 }
    const stage = await opened({ rates: { 'users/forget': day } })
    const first = await played(stage, person('ada', { go: 'forget' }), person('bob', { go: 'forget' }))
    expect(first.rows).toMatchObject({ accepted: 1, parked: 1 })
    const next = await played(stage, person('eve'))
    expect([next.overtaken, (await stage.kept('parked')).length]).toEqual([0, 1])
  })
})

const ADA = 'ada@example.com'
const BOB = 'bob@example.com'

describe('who was deleted', () => {
  test('is not subscribed again by a former row, and comes back whole when a row says so', async () => {
    const stage = await opened()
    await played(stage, person('ada'), person('bob'))
    const gone = await played(stage, person('ada', { go: 'delete' }), person('bob'))
    expect(gone.rows).toMatchObject({ accepted: 1, unchanged: 1 })
    expect([arrived(stage), onList(stage), gone.lists[0]?.keep]).toEqual([[BOB], [BOB], 1])
    const still = await played(stage, person('ada', { go: 'delete' }), person('bob'))
    expect([still.rows.unchanged, still.requests]).toEqual([2, {}])
    const back = await played(stage, person('ada'), person('bob'))
    expect(back.rows).toMatchObject({ accepted: 1, unchanged: 1 })
    expect([arrived(stage), onList(stage)]).toEqual([
      [ADA, BOB],
      [ADA, BOB],
    ])
    const again = await played(stage, person('ada', { go: 'delete' }), person('bob'))
    expect([again.rows.accepted, arrived(stage)]).toEqual([1, [BOB]])
  })

  test('by another sync of the project is made again, on their lists too, by the sync whose rows still say so', async () => {
    const stage = await opened()
    await played(stage, person('ada'), person('bob'))
    await leave(stage, 'delete', ADA)
    expect(arrived(stage)).toEqual([BOB])
    const back = await played(stage, person('ada'), person('bob'))
    expect([back.rows.accepted, arrived(stage), stage.fake.ledger.field('tier').get(ADA)]).toEqual([
      1,
      [ADA, BOB],
      'gold',
    ])
    expect(onList(stage)).toEqual([ADA, BOB])
    const next = await played(stage, person('ada'), person('bob'))
    expect([next.rows.unchanged, next.requests]).toEqual([2, {}])
  })
})

describe('who was forgotten', () => {
  test('is suppressed ever after: nothing about them is sent, by any sync of the project', async () => {
    const stage = await opened({ deletesAfterMs: 600_000 })
    await played(stage, person('ada'), person('bob'))
    expect((await leave(stage, 'forget', ADA)).rows.accepted).toBe(1)
    const before = stage.fake.ledger.requests().total
    for (const tier of ['gold', 'silver']) {
      const report = await played(stage, person('ada', { tier }), person('bob'))
      expect(report.rows).toMatchObject({ unchanged: 1, rejected: 1 })
      expect(report.reasons.map(({ reason }) => reason.code)).toEqual(['USER_FORGOTTEN'])
      expect(report.requests).toEqual({})
    }
    expect((await leave(stage, 'forget', ADA)).rows.unchanged).toBe(1)
    expect(asked(stage, ADA).filter(({ kind }) => kind === 'forget')).toHaveLength(0) // ten minutes have not passed
    expect(stage.fake.ledger.requests().byEndpoint['users/forget']).toBe(1)
    expect(before).toBeGreaterThan(0)
  })

  test('is taken off the lists that are remembered, and asked about no more', async () => {
    const stage = await opened()
    await played(stage, person('ada'), person('bob'))
    const gone = await played(stage, person('ada', { go: 'forget' }), person('bob'))
    expect(gone.lists).toMatchObject([{ add: 0, remove: 0, keep: 1, rejected: 0 }])
    const later = await played(stage, person('ada'), person('bob'))
    expect([later.lists, later.requests]).toMatchObject([[{ add: 0, remove: 0, keep: 1, rejected: 0 }], {}])
  })

  test('at Iterable by somebody else leaves a list without a removal that is asked again for ever', async () => {
    const stage = await opened()
    await played(stage, person('ada'), person('bob'))
    const body = new TextEncoder().encode(JSON.stringify({ email: ADA }))
    await stage.fake.handle({ method: 'POST', path: '/api/users/forget', headers: { 'api-key': 'fake-key' }, body })
    expect((await played(stage, person('bob'))).lists).toMatchObject([{ remove: 1, rejected: 0, keep: 1 }])
    expect((await played(stage, person('bob'))).lists).toMatchObject([{ remove: 0, rejected: 0, keep: 1 }])
  })
})
