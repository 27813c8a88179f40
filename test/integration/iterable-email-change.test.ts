import { IdentityResolver, type JsonObject, ListDeltaComputer, MemoryStore, RowsSource, Sync } from 'lakeloop'
import { FAULTS, type FakeIterableOptions, type FaultKind } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../sync/virtual-clock.js'
import { codes, LATE_MS, SOON_MS, stand } from './iterable-stand.js'
import { scoredProfiles as profiles } from './scored-profiles.js'

const LIST = 'at-risk'
const [OLD, NEW, BOB] = ['old@example.com', 'new@example.com', 'bob@example.com']
const row = (id: string, email: string, score = 0.5): JsonObject => ({ id, email, score, at_risk: true })

const TYPES = [
  { projectType: 'email', options: {}, sends: 'users/updateEmail' },
  { projectType: 'hybrid', options: { addressBy: 'email' }, sends: 'users/bulkUpdate' },
] as const
type Type = (typeof TYPES)[number]

/** A whole audience that is synced into one project, run after run, over one store. */
async function audience({ projectType, options }: Type, more: object = {}) {
  const on = await stand({ projectType, lists: [LIST] }, { projectType, ...options, ...more })
  const store = new MemoryStore()
  const namespaces = {
    customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
    email: { priority: 2, maxIdentifiers: 5 },
  }
  const run = (...rows: readonly JsonObject[]) =>
    new Sync({
      name: 'churn',
      source: new RowsSource({ name: 'scores', rows, key: ['id'], complete: true }),
      transform: profiles,
      identity: new IdentityResolver({ store, target: 'email', namespaces }),
      lists: new ListDeltaComputer({ store }),
      destination: on.destination,
      store,
      clock: new VirtualClock(),
      settleMs: 0,
      audience: { list: LIST, where: 'at_risk' },
    }).run()
  const moves = () =>
    on.ledger.entries.filter(({ kind, detail }) => kind === 'updateEmail' || (kind === 'profile' && 'email' in detail))
  const letters = async () =>
    (await store.scan('deadLetter', { prefix: [], limit: 10 })).map(({ value }) => (value as JsonObject).reason)
  return { ...on, run, moves, letters, members: () => [...on.ledger.members(LIST)].sort() }
}

/** What somebody else does to the project. */
const post = (fake: Awaited<ReturnType<typeof stand>>['fake'], path: string, body: object, method = 'POST') =>
  fake.handle({
    method,
    path: `/api/${path}`,
    headers: { 'api-key': 'fake-key' },
    body: new TextEncoder().encode(JSON.stringify(body)),
  })

describe.each(TYPES)('an email that moves in a project of type $projectType', (type) => {
  test('takes the profile, its events and its lists along, and what is remembered of them', async () => {
    const { fake, ledger, run, moves, members } = await audience(type)
    await run(row('c-1', OLD), row('c-2', BOB))
    await post(fake, 'users/bulkUpdate', { users: [{ email: OLD, dataFields: { theirs: 'kept' } }] })
    await post(fake, 'events/trackBulk', { events: [{ email: OLD, eventName: 'seen' }] })
    const report = await run(row('c-1', NEW), row('c-2', BOB))
    expect(report).toMatchObject({
      status: 'complete',
      retargeted: 1,
      rows: { accepted: 0, unchanged: 2 },
      requests: { [type.sends]: 1 },
      lists: [{ add: 0, remove: 0, keep: 2 }],
    })
    expect(moves()).toHaveLength(1)
    expect(ledger.users()).toHaveLength(2)
    expect([ledger.user(OLD), ledger.user(NEW)?.dataFields]).toEqual([undefined, { score: 0.5, theirs: 'kept' }])
    expect([ledger.events(NEW).length, members()]).toEqual([1, [BOB, NEW]])
    const next = await run(row('c-1', NEW), row('c-2', BOB))
    expect([next.rows.unchanged, next.retargeted, next.requests]).toEqual([2, 0, {}])
  })

  test('goes before what the same rows write to the new one [I6]', async () => {
    const { ledger, run, moves } = await audience(type)
    await run(row('c-1', OLD))
    expect(await run(row('c-1', NEW, 0.9))).toMatchObject({ retargeted: 1, rows: { accepted: 1 } })
    expect([ledger.users().length, ledger.user(NEW)?.dataFields]).toEqual([1, { score: 0.9 }])
    expect(moves()[0]?.seq).toBeLessThan(ledger.entries.at(-1)?.seq as number)
  })

  test('to one that is somebody else’s stays: a conflict, and nobody is overwritten by it', async () => {
    const { fake, ledger, run, moves, letters } = await audience(type)
    await run(row('c-1', OLD))
    await post(fake, 'users/bulkUpdate', { users: [{ email: NEW, dataFields: { theirs: 'kept' } }] })
    const report = await run(row('c-1', NEW))
    expect(report).toMatchObject({ status: 'complete', retargeted: 0, rows: { accepted: 1 } })
    expect([moves(), await letters()]).toEqual([[], [{ code: 'USER_CONFLICT', facts: {} }]])
    expect(ledger.user(NEW)?.dataFields).toEqual({ theirs: 'kept', score: 0.5 })
  })

  test('to one that Iterable takes for none is rejected, and stops no run', async () => {
    const { ledger, run, moves, letters } = await audience(type)
    await run(row('c-1', OLD))
    const report = await run(row('c-1', 'ada@host.local'))
    expect(report).toMatchObject({ status: 'complete', retargeted: 0, rows: { rejected: 1 } })
    expect([moves(), (await letters())[0]]).toEqual([[], { code: 'EMAIL_INVALID', facts: {} }])
    expect([...ledger.people.keys()]).toEqual([OLD])
  })

  test('of nobody makes nobody under the former one', async () => {
    const { fake, ledger, run, moves, letters } = await audience(type)
    await run(row('c-1', OLD))
    await post(fake, `users/${OLD}`, {}, 'DELETE')
    expect(await run(row('c-1', NEW))).toMatchObject({ status: 'complete', retargeted: 0, rows: { accepted: 1 } })
    expect([moves(), await letters()]).toEqual([[], [{ code: 'USER_UNKNOWN', facts: {} }]])
    expect([...ledger.people.keys()]).toEqual([NEW])
  })

  test('that a run which died had moved is not moved again [I2]', async () => {
    const { fake, ledger, run, moves, members } = await audience(type)
    await run(row('c-1', OLD))
    fake.faults.next(type.sends, 'reset after apply')
    // Behind the look-up that a first attempt in a hybrid project makes, none is answered.
    const first = type.projectType === 'hybrid' ? 4 : 2
    for (let n = 0; n < 20; n += 1) fake.faults.at(first + 3 + n, 'server error')
    expect(await run(row('c-1', NEW))).toMatchObject({ status: 'failed' })
    fake.faults.clear()
    expect(await run(row('c-1', NEW))).toMatchObject({ status: 'complete', retargeted: 1 })
    expect([moves().length, ledger.users().length, members()]).toEqual([1, 1, [NEW]])
  })

  test('that nobody knew moves the user whom a run has made that died over it, and no second one is there [I1]', async () => {
    const { fake, ledger, run, moves, letters, members } = await audience(type)
    await run(row('c-2', BOB))
    fake.faults.next('users/bulkUpdate', 'reset after apply')
    for (let n = 0; n < 5; n += 1) fake.faults.next('users/bulkUpdate', 'server error')
    expect(await run(row('c-1', OLD), row('c-2', BOB))).toMatchObject({ status: 'failed' })
    fake.faults.clear()
    expect([...ledger.people.keys()]).toEqual([BOB, OLD])
    expect(await run(row('c-1', NEW), row('c-2', BOB))).toMatchObject({ status: 'complete', retargeted: 1 })
    expect([moves().length, await letters(), members()]).toEqual([1, [], [BOB, NEW]])
    expect([...ledger.people.keys()].sort()).toEqual([BOB, NEW])
  })

  test('that nobody knew moves nobody where the first write had not arrived, and no letter tells of it', async () => {
    const { fake, ledger, run, moves, letters } = await audience(type)
    for (let n = 0; n < 6; n += 1) fake.faults.next('users/bulkUpdate', 'server error')
    expect(await run(row('c-1', OLD))).toMatchObject({ status: 'failed' })
    fake.faults.clear()
    expect(await run(row('c-1', NEW))).toMatchObject({ status: 'complete', retargeted: 0, rows: { accepted: 1 } })
    expect([moves(), await letters(), [...ledger.people.keys()]]).toEqual([[], [], [NEW]])
  })

  const HALTS: readonly FaultKind[] = ['unauthorized', 'redirect', 'failed rows', 'too large']
  test.each(FAULTS.filter((kind) => !HALTS.includes(kind)))('meets %s: it moves, and once [I2] [I10]', async (kind) => {
    const timeoutMs = kind === 'stalled body' || kind === 'no answer' ? SOON_MS : LATE_MS
    const { fake, ledger, run, moves, members } = await audience(type, { timeoutMs })
    await run(row('c-1', OLD))
    fake.faults.next(type.sends, kind)
    const isMet = kind !== 'wrong counts' || type.projectType === 'hybrid'
    expect(await run(row('c-1', NEW))).toMatchObject({ status: 'complete', retargeted: 1 })
    expect(fake.faults.hits[kind] ?? 0).toBe(Number(isMet))
    expect([moves().length, [...ledger.people.keys()], members()]).toEqual([1, [NEW], [NEW]])
  })
})

test.each(TYPES)(
  'a move whose answer was lost is not called refused while reads lag behind ($projectType) [I10]',
  async (type) => {
    const { projectType, options } = type
    const { fake, send, ledger } = await stand({ projectType, visibleAfterMs: 10_000 }, { projectType, ...options })
    await send([{ kind: 'profile', identifiers: { email: OLD }, dataFields: { n: 1 } }])
    // Time goes by until reads show them.
    fake.faults.next('users/bulkUpdate', { kind: 'throttle with Retry-After', retryAfterS: 30 })
    await send([{ kind: 'profile', identifiers: { email: BOB }, dataFields: { n: 1 } }])
    fake.faults.next(type.sends, 'reset after apply')
    expect(codes(await send([{ kind: 'addressChange', identifiers: {}, from: OLD, to: NEW }]))).toEqual(['accepted'])
    expect([...ledger.people.keys()].sort()).toEqual([BOB, NEW])
  },
)

/** A hybrid project whose reads show what was written a minute ago. */
async function late(unsure: FakeIterableOptions['unsure'] = {}) {
  let now = Date.UTC(2026, 10, 1)
  const fakes = { projectType: 'hybrid', unsure, visibleAfterMs: 60_000, now: () => now } as const
  const { send, ledger } = await stand(fakes, { projectType: 'hybrid', addressBy: 'email' })
  const make = (email: string) => send([{ kind: 'profile', identifiers: { email }, dataFields: { n: 1 } }])
  const move = async () => codes(await send([{ kind: 'addressChange', identifiers: {}, from: OLD, to: NEW }]))
  const wait = (): void => {
    now += 60_000
  }
  return { make, move, wait, addresses: () => [...ledger.people.keys()] }
}

describe('in a hybrid project whose reads lag behind', () => {
  test.each([
    ['full', 'USER_CONFLICT'],
    ['2022', 'ROW_FAILED_UNNAMED'],
  ] as const)(
    'an email that somebody has just taken is refused by the write (bulkShape %s)',
    async (bulkShape, code) => {
      const { make, move, wait, addresses } = await late({ bulkShape })
      await make(OLD)
      wait()
      await make(NEW)
      expect(await move()).toEqual([code])
      wait()
      expect([await move(), addresses()]).toEqual([['USER_CONFLICT'], [OLD, NEW]])
    },
  )

  test('somebody who was made within the last minute is unknown, and nobody else is made', async () => {
    const { make, move, wait, addresses } = await late()
    await make(OLD)
    expect([await move(), addresses()]).toEqual([['USER_UNKNOWN'], [OLD]])
    wait()
    expect([await move(), addresses()]).toEqual([['accepted'], [NEW]])
  })
})
