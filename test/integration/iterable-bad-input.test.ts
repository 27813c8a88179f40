import {
  type Action,
  deliver,
  IdentityResolver,
  IterableDestination,
  type IterableDestinationOptions,
  type RunReport,
} from 'lakeloop'
import type { FakeIterable, FakeIterableOptions } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import { opened } from './opened-stage.js'
import { type Stage, saidBy } from './stage.js'

const EVERYBODY = ['ada@example.com', 'bob@example.com', 'eve@example.com']
const arrived = ({ fake }: Stage) => [...fake.ledger.people.keys()].sort()

/** Every row that was read has its outcome or is read again (I4). */
function expectSums({ rows }: RunReport): void {
  const { read, ...others } = rows
  expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBe(read)
}

/** A `fetch` to the fake under the host of the request; `before` sees each path. */
const through =
  (fake: FakeIterable, before: (path: string) => Promise<unknown> | undefined = () => undefined): typeof fetch =>
  async (input) => {
    const request = input as Request
    const { host, pathname, search } = new URL(request.url)
    await before(pathname)
    const headers = { ...Object.fromEntries(request.headers), host }
    const body = new Uint8Array(await request.arrayBuffer())
    const { status, ...answer } = await fake.handle({ method: request.method, path: pathname + search, headers, body })
    return new Response(answer.body, { status, headers: { ...answer.headers } })
  }

const RIGHT = 'complete: 3 read, 3 accepted, 0 unchanged, 0 rejected, 0 parked'
const STOPPED = 'failed: 0 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked\n'
const UNAUTHORIZED = 'refused the credential (401). Check the key, its type and its data center.'

describe('a key or a project that is not right stops the run, loses no row, and the same sync put right sends all [I3]', () => {
  test('a key of the other data center', async () => {
    const stage = await opened({ dataCenter: 'us' })
    const destination = (dataCenter: 'us' | 'eu') =>
      new IterableDestination({
        project: 'stage',
        apiKey: 'fake-key',
        dataCenter,
        projectType: 'email',
        fetch: through(stage.fake),
      })
    expect(saidBy(await stage.play({ options: { destination: destination('eu') } }))).toBe(
      `${STOPPED}DESTINATION_UNAUTHORIZED: users/getFields ${UNAUTHORIZED}`,
    )
    expect(saidBy(await stage.play({ options: { destination: destination('us') } }))).toBe(RIGHT)
    expect(arrived(stage)).toEqual(EVERYBODY)
  })

  test.each([
    [
      'readOnly',
      'users/bulkUpdate',
      'failed: 3 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked, 0 filtered, 3 unsettled\n',
    ],
    ['mobile', 'users/getFields', STOPPED],
    ['javaScript', 'users/getFields', STOPPED],
  ] as const)('a key of the kind %s', async (kind, endpoint, head) => {
    const stage = await opened({ keys: { 'other-key': kind } })
    const report = await stage.play({ apiKey: 'other-key' })
    expect(saidBy(report)).toBe(`${head}DESTINATION_UNAUTHORIZED: ${endpoint} ${UNAUTHORIZED}`)
    expectSums(report)
    expect(arrived(stage)).toEqual([])
    expect(saidBy(await stage.play())).toBe(RIGHT)
    expect(arrived(stage)).toEqual(EVERYBODY)
  })

  test('a key that is refused in the middle of a run', async () => {
    const stage = await opened()
    const options = { pageSize: 1, destination: stage.destination('fake-key', { sizeMax: 1 }) }
    stage.fake.faults.next('users/bulkUpdate', { kind: 'failed rows' }).next('users/bulkUpdate', 'unauthorized')
    const report = await stage.play({ options })
    expect(report).toMatchObject({ status: 'failed', error: { code: 'DESTINATION_UNAUTHORIZED' } })
    expectSums(report)
    expect(arrived(stage)).not.toEqual(EVERYBODY)
    const again = await stage.play()
    expect(again).toMatchObject({ status: 'complete', rows: { rejected: 0, unsettled: 0 } })
    expect(arrived(stage)).toEqual(EVERYBODY)
    expect(stage.fake.ledger.entries.filter(({ address }) => address === 'ada@example.com')).toHaveLength(1)
  })

  test('a project of another type, by email where userIds identify', async () => {
    const stage = await opened({ projectType: 'userId' })
    const report = await stage.play()
    expect(saidBy(report)).toBe(
      'failed: 3 read, 0 accepted, 0 unchanged, 0 rejected, 0 parked, 0 filtered, 3 unsettled\n' +
        'DESTINATION_PROJECT_TYPE: users/bulkUpdate knows nobody by the identifier that was sent, and makes nobody. ' +
        'Compare projectType and addressBy with the project; nothing was stored.',
    )
    expect([arrived(stage), await stage.kept('deadLetter')]).toEqual([[], []])
  })

  test.each(['userId', 'hybrid'] as const)(
    'a project of another type, by userId as in a %s project where emails identify: nobody gets a made-up email',
    async (projectType) => {
      const stage = await opened()
      const report = await stage.play(byUserId(stage, { projectType }))
      expect(report).toMatchObject({ status: 'failed', error: { code: 'DESTINATION_PROJECT_TYPE' } })
      expect([arrived(stage), await stage.kept('deadLetter')]).toEqual([[], []])
    },
  )
})

const TRANSFORM_BY_USER_ID = `export default (row) => ({ identifiers: { userId: row.id }, dataFields: { tier: row.tier } })`

/** The same rows, by their ids. */
const byUserId = (stage: Stage, { projectType }: Pick<IterableDestinationOptions, 'projectType'>, first = {}) => ({
  rows: stage.rows(first),
  transform: TRANSFORM_BY_USER_ID,
  options: {
    identity: new IdentityResolver({
      store: stage.store,
      target: 'userId',
      namespaces: { userId: { priority: 1, maxIdentifiers: 5 } },
    }),
    destination: stage.destination('fake-key', {
      projectType,
      ...(projectType === 'hybrid' ? { addressBy: 'userId' as const } : {}),
    }),
  },
})

const member = (list: string) => `export default (row) => {
  const identifiers = { email: row.email }
  return [
    { kind: 'profile', identifiers, dataFields: { tier: row.tier } },
    { kind: 'membership', list: row.id === 'c-1' ? ${list} : 'news', identifiers, member: true },
  ]
}`

describe('a list that cannot be written to: the profile arrives, the membership is kept [I4]', () => {
  test.each([
    [
      'a list that is not there, by its number',
      '4711',
      'the list 4711 is not there. Create it in the destination, or set lists.create to true.',
    ],
    ['a dynamic list', "'rule'", 'the list rule is Dynamic: its members follow a rule. Name a static list.'],
    [
      'a dynamic list, by its number',
      '1002',
      'the list 1002 is Dynamic: its members follow a rule. Name a static list.',
    ],
  ])('%s', async (_, list, reason) => {
    const stage = await opened({ lists: ['news', { name: 'rule', type: 'Dynamic' }] })
    const report = await stage.play({ transform: member(list) })
    expect(saidBy(report)).toBe(
      `complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n1 rejected: ${reason}`,
    )
    expectSums(report)
    expect(arrived(stage)).toEqual(EVERYBODY)
    expect(await stage.kept('deadLetter')).toMatchObject([{ action: { kind: 'membership', member: true } }])
    expect(stage.fake.ledger.members('rule')).toEqual([])
  })

  test('a list that is deleted while the run is on', async () => {
    const stage = await opened({ lists: ['news', 'vip'] })
    const remove = {
      method: 'DELETE',
      path: '/api/lists/1002',
      headers: { 'api-key': 'fake-key' },
      body: new Uint8Array(),
    }
    const before = (path: string) => (path === '/api/lists/subscribe' ? stage.fake.handle(remove) : undefined)
    const destination = stage.destination('fake-key', { fetch: through(stage.fake, before) })
    const report = await stage.run(stage.sync({ transform: member("'vip'"), options: { destination } }))
    expect(report).toMatchObject({ status: 'complete', rows: { read: 3, unsettled: 0 } })
    expect(arrived(stage)).toEqual(EVERYBODY)
    expect(stage.fake.ledger.members('news')).toEqual(['bob@example.com', 'eve@example.com'])
    expect(report.lists).toContainEqual(expect.objectContaining({ list: 'vip', add: 0, rejected: 1 }))
  })

  test.each(['by this run, and is made once', 'by somebody else, or by a run that died'])(
    'a list that was made a moment ago gets its members all the same: %s',
    async (by) => {
      let now = 1_000
      const stage = await opened({ newListBlindMs: 2_000, now: () => now })
      const isOurs = by.startsWith('by this run')
      if (!isOurs) {
        const body = new TextEncoder().encode(JSON.stringify({ name: 'fresh' }))
        await stage.fake.handle({ method: 'POST', path: '/api/lists', headers: { 'api-key': 'fake-key' }, body })
      }
      const destination = stage.destination('fake-key', { lists: { create: isOurs } })
      const clock = {
        now: () => now,
        elapsed: () => now,
        random: () => 0.9,
        sleep: async (ms: number) => {
          now += Math.min(ms, 1_000)
        },
      }
      const report = await stage.play({ transform: member("'fresh'"), options: { destination, clock } })
      expect(saidBy(report)).toBe(RIGHT)
      expect(stage.fake.ledger.members('fresh')).toEqual(['ada@example.com'])
      expect(stage.fake.ledger.lists.map(({ name }) => name)).toEqual(['news', 'fresh'])
    },
  )
})

describe('a row that cannot be delivered says why, is kept whole, and holds up no other [I4]', () => {
  const profile = (fields: string) =>
    `export default (row) => ({ identifiers: { email: row.email }, dataFields: row.id === 'c-1' ? ${fields} : { tier: row.tier } })`
  const event = (detail: string) => `export default (row) => [
    { kind: 'profile', identifiers: { email: row.email }, dataFields: { tier: row.tier } },
    { kind: 'event', identifiers: { email: row.email }, eventName: 'scored', ...(row.id === 'c-1' ? ${detail} : {}) },
  ]`

  test.each<[string, string, string, Partial<FakeIterableOptions>?]>([
    [
      'a field with a dot in its name',
      profile("{ 'home.zip': 'x' }"),
      'field home.zip has a dot in its name. Nest it as an object instead.',
    ],
    [
      'a place that is text',
      profile("{ home_geo_location: '52.5,13.4' }"),
      'field home_geo_location is geo_location in the destination and the row has string. Send the field as geo_location, or under a new name.',
      { fields: { tier: 'string', home_geo_location: 'geo_location' } },
    ],
    [
      'a place of one degree',
      profile('{ home_geo_location: { lat: 52.5 } }'),
      'field home_geo_location is geo_location in the destination and the row has an object without the numbers lat and lon. Send the field as geo_location, or under a new name.',
      { fields: { tier: 'string', home_geo_location: 'geo_location' } },
    ],
    [
      'a value over 32,000 characters',
      profile("{ tier: 'x'.repeat(32_001) }"),
      'the destination refused the data of the row. Compare the fields with their types in the destination, and look for values over 32,000 characters.',
    ],
  ])('%s', async (_, transform, reason, fakeOptions = {}) => {
    const stage = await opened(fakeOptions)
    const report = await stage.play({ transform })
    expect(saidBy(report)).toBe(
      `complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n1 rejected: ${reason}`,
    )
    expectSums(report)
    expect(arrived(stage)).toEqual(['bob@example.com', 'eve@example.com'])
    expect(await stage.kept('deadLetter')).toMatchObject([{ action: { identifiers: { email: 'ada@example.com' } } }])
  })

  test('people that the project has forgotten, of whom nothing is kept: it would bring their data back', async () => {
    const stage = await opened({ forgotten: ['ada@example.com'] })
    expect(saidBy(await stage.play({ transform: profile('{ tier: row.tier }') }))).toBe(
      'complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n' +
        '1 rejected: the person was forgotten and stays so. Nothing to do.',
    )
    expect(arrived(stage)).toEqual(['bob@example.com', 'eve@example.com'])
    expect(await stage.kept('deadLetter')).toEqual([])
  })

  test('a value over 32,000 characters that is taken after all is delivered', async () => {
    const stage = await opened({ unsure: { longValue: 'accepted' } })
    expect(saidBy(await stage.play({ transform: profile("{ tier: 'x'.repeat(32_001) }") }))).toBe(RIGHT)
  })

  test('a place that is new and would be half a place for ever', async () => {
    const stage = await opened()
    const destination = stage.destination('fake-key', { createNewFields: true })
    const report = await stage.play({
      transform: profile('{ home_geo_location: { lat: 52.5 } }'),
      options: { destination },
    })
    expect(report).toMatchObject({ rows: { accepted: 2, rejected: 1 } })
    expect(report.reasons[0]?.reason).toMatchObject({
      code: 'FIELD_TYPE_CONFLICT',
      facts: { expected: 'geo_location' },
    })
    expect(stage.fake.ledger.field('home_geo_location').get('ada@example.com')).toBeUndefined()
  })

  test.each([
    [
      'an event name that is not allowed',
      "{ eventName: 'secret' }",
      'the event secret is not allowed in the project. Allow it in the destination.',
    ],
    [
      'an event id with a colon',
      "{ id: 'a:b' }",
      'the event id is not 1 to 512 letters, digits and hyphens. Leave it out: one is made from the row.',
    ],
  ])('%s', async (_, detail, reason) => {
    const stage = await opened({ disallowedEvents: ['secret'] })
    const report = await stage.play({ transform: event(detail) })
    expect(saidBy(report)).toBe(
      `complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n1 rejected: ${reason}`,
    )
    expect(arrived(stage)).toEqual(EVERYBODY)
    expect(
      stage.fake.ledger
        .events()
        .map(({ address }) => address)
        .sort(),
    ).toEqual(['bob@example.com', 'eve@example.com'])
    expect(await stage.kept('deadLetter')).toMatchObject([{ action: { kind: 'event' } }])
  })

  test('createdAt in milliseconds: the transform has refused the row already', async () => {
    const stage = await opened()
    const report = await stage.play({ transform: event('{ createdAt: 1700000000000 }') })
    expect(saidBy(report)).toBe(
      'complete: 3 read, 2 accepted, 0 unchanged, 1 rejected, 0 parked\n1 rejected: stage.transform.js:1:16: the transform returned a createdAt in ' +
        'milliseconds: give seconds since 1970. Return actions: objects with identifiers, as docs/transform.md shows.',
    )
    expect(arrived(stage)).toEqual(['bob@example.com', 'eve@example.com'])
    expect(await stage.kept('deadLetter')).toMatchObject([{ row: { email: 'ada@example.com' } }])
  })

  test.each([
    ['a userId of 53 characters', 'x'.repeat(53), 'IDENTIFIER_UNUSABLE'],
    ['a userId that is not ASCII', 'ü-1', 'USER_ID_INVALID'],
  ])('%s', async (_, id, code) => {
    const stage = await opened({ projectType: 'userId' })
    const report = await stage.play(byUserId(stage, { projectType: 'userId' }, { id }))
    expect(report).toMatchObject({ status: 'complete', rows: { read: 3, accepted: 2, rejected: 1 } })
    expect(report.reasons.map(({ reason }) => reason.code)).toEqual([code])
    expect(arrived(stage)).toEqual(['c-2', 'c-3'])
    expect(await stage.kept('deadLetter')).toMatchObject([{ action: { identifiers: { userId: id } } }])
  })

  test('a userId with a space at an end is another one: identity trims it, and without identity it is refused', async () => {
    const stage = await opened({ projectType: 'userId' })
    const parts = byUserId(stage, { projectType: 'userId' }, { id: ' c-1 ' })
    expect(saidBy(await stage.play(parts))).toBe(RIGHT)
    expect(arrived(stage)).toEqual(['c-1', 'c-2', 'c-3'])
    const actions = [' c-1', 'c-1 '].map((userId): Action => ({ kind: 'profile', identifiers: { userId } }))
    const outcomes = await deliver(parts.options.destination, [
      ...actions,
      { kind: 'event', identifiers: { userId: 'c-1' }, eventName: 'seen', createdAt: 1_700_000_000_000 },
    ])
    expect(outcomes.map((outcome) => 'reason' in outcome && outcome.reason.code)).toEqual([
      'USER_ID_INVALID',
      'USER_ID_INVALID',
      'CREATED_AT_INVALID',
    ])
  })
})
