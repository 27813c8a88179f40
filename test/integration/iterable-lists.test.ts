import {
  IdentityResolver,
  type JsonObject,
  ListDeltaComputer,
  MemoryStore,
  RowsSource,
  Sync,
  type SyncOptions,
} from 'lakeloop'
import type { FakeIterable } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import type { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import { plainTransform } from '../sync/plain-transform.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { codes, stand } from './iterable-stand.js'
import { scoredProfiles as profiles } from './scored-profiles.js'

const LIST = 'at-risk'
const mail = (n: number): string => `p${n}@example.com`
const people = (...numbers: readonly number[]): JsonObject[] =>
  numbers.map((n) => ({ id: `c-${n}`, email: mail(n), score: n + 0.5, at_risk: true }))

/** Syncs of whole audiences into one project, over one store. */
function audienceInto(destination: IterableDestination) {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  return (rows: readonly JsonObject[], more: Partial<SyncOptions> & { complete?: boolean } = {}) => {
    const { complete = true, ...options } = more
    return new Sync({
      name: 'churn',
      source: new RowsSource({ name: 'scores', rows, key: ['id'], complete }),
      transform: profiles,
      identity: new IdentityResolver({
        store,
        target: 'email',
        namespaces: {
          customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
          email: { priority: 2, maxIdentifiers: 5 },
        },
      }),
      lists: new ListDeltaComputer({ store }),
      destination,
      store,
      clock,
      settleMs: 0,
      ...(complete ? { audience: { list: LIST, where: 'at_risk' } } : {}),
      ...options,
    })
  }
}

const on = (fake: FakeIterable): string[] => [...fake.ledger.members(LIST)].sort()

/** Somebody else puts people on the list. */
async function others(fake: FakeIterable, ...addresses: readonly string[]): Promise<void> {
  const body = { listId: fake.ledger.lists[0]?.id, subscribers: addresses.map((email) => ({ email })) }
  await fake.handle({
    method: 'POST',
    path: '/api/lists/subscribe',
    headers: { 'api-key': 'fake-key', 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify(body)),
  })
}

describe('a list of Iterable', () => {
  test('that has members already is adopted, and mended when somebody else changes it', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await others(fake, 'old@example.com', mail(1))
    const adopt = { existing: [{ list: LIST, members: 'adopt' }] } as const
    const report = await sync(people(1, 2), adopt).run()
    expect(report).toMatchObject({ status: 'complete', lists: [{ add: 1, remove: 1, keep: 1 }] })
    expect(on(fake)).toEqual([mail(1), mail(2)])
    fake.ledger.lists[0]?.members.delete(mail(2))
    await others(fake, 'stranger@example.com')
    expect(await sync([]).reconcile({ list: LIST })).toEqual({
      there: 2,
      agreed: 1,
      found: 0,
      unknown: 1,
      missing: 1,
      add: 1,
      remove: 0,
    })
    await sync(people(1, 2)).run()
    expect(on(fake)).toEqual([mail(1), mail(2), 'stranger@example.com'])
  })

  test.each(['reset after apply', 'server error', 'unavailable', 'throttle', 'HTML 200', 'empty 200'] as const)(
    'is asked for again where the answer was %s',
    async (fault) => {
      const { fake, destination } = await stand({ lists: [LIST] })
      const sync = audienceInto(destination)
      await sync(people(1, 2)).run()
      fake.faults.next('lists/getUsers', fault)
      expect(await sync([]).reconcile({ list: LIST })).toMatchObject({ there: 2, agreed: 2, missing: 0 })
      expect(fake.faults.hits[fault]).toBe(1)
    },
  )

  test.each([500, 503])('that answers %d for ever is asked a few times and left as it is', async (status) => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2)).run()
    for (let times = 0; times < 20; times += 1) fake.faults.next('lists/getUsers', { kind: 'server error', status })
    await expect(sync([]).reconcile({ list: LIST })).rejects.toMatchObject({ code: 'RETRIES_SPENT', remedy: 'halt' })
    expect(fake.ledger.requests().byEndpoint['lists/getUsers']).toBeLessThan(10)
    fake.faults.clear()
    await sync(people(1, 2, 3)).run()
    expect(on(fake)).toEqual([mail(1), mail(2), mail(3)])
  })

  test('with some thousand members is read in parts', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    await others(fake, ...Array.from({ length: 5_000 }, (_, n) => `q${n}@example.com`))
    const sync = audienceInto(destination)
    const existing = [{ list: LIST, members: 'adopt' }] as const
    expect(await sync([], { existing }).reconcile({ list: LIST })).toMatchObject({ there: 5_000, found: 5_000 })
    expect(await sync([], { existing }).reconcile({ list: LIST })).toMatchObject({ there: 5_000, agreed: 5_000 })
  })

  test('that was deleted rejects its rows and says so, and stops what asks who is on it', async () => {
    const { fake, destination } = await stand({ lists: [LIST] }, { lists: { create: false } })
    const sync = audienceInto(destination)
    await sync(people(1, 2)).run()
    fake.ledger.lists.splice(0, 1)
    const report = await sync(people(1, 2)).run()
    expect(report.reasons).toMatchObject([{ status: 'rejected', reason: { code: 'LIST_UNKNOWN' }, rows: 2 }])
    await expect(sync([]).reconcile({ list: LIST })).rejects.toThrow(
      'LIST_UNKNOWN: the list at-risk is not there. Create it in the destination, or set lists.create to true.',
    )
  })

  test('that is deleted while a run is under way is an outcome of its addresses', async () => {
    const { fake, send } = await stand({ lists: [LIST] })
    const member = (list: string | number) =>
      ({ kind: 'membership', identifiers: { email: mail(1) }, list, member: true }) as const
    fake.faults.next('lists/subscribe', 'unavailable') // between two attempts
    const id = fake.ledger.lists[0]?.id as number
    const sending = send([member(id)])
    fake.ledger.lists.splice(0, 1)
    expect(codes(await sending)).toEqual(['LIST_UNKNOWN'])
  })

  test('that follows a rule is refused, by its rows and by whoever asks who is on it', async () => {
    const { fake, destination } = await stand({ lists: [{ name: LIST, type: 'Dynamic' }] })
    const sync = audienceInto(destination)
    const report = await sync(people(1)).run()
    expect(report.reasons).toMatchObject([
      { status: 'rejected', reason: { code: 'LIST_DYNAMIC', facts: { list: LIST, type: 'Dynamic' } }, rows: 1 },
    ])
    expect(on(fake)).toEqual([])
    await expect(sync([]).reconcile({ list: LIST })).rejects.toThrow('LIST_DYNAMIC: the list at-risk is Dynamic')
    const adopt = await sync(people(1), { existing: [{ list: LIST, members: 'adopt' }] }).run()
    expect(adopt).toMatchObject({ status: 'failed', rows: { read: 0 }, error: { code: 'LIST_DYNAMIC' } })
  })
})

describe('what docs/lists.md promises of a list of Iterable', () => {
  test('an address that moves between profiles goes with the person who has it now', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2)).run()
    // c-1 has a new email; c-2, who is not at risk, is shown with the one that c-1 had.
    const rows = [
      { id: 'c-1', email: 'new@example.com', score: 1.5, at_risk: true },
      { id: 'c-2', email: mail(2), score: 2.5, at_risk: false },
    ]
    const report = await sync(rows).run()
    expect(report).toMatchObject({ status: 'complete', retargeted: 1 })
    expect(on(fake)).toEqual(['new@example.com'])
    expect(fake.ledger.user(mail(1))).toBeUndefined()
  })

  test('an undecided claimant keeps its claim [I5]', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2, 3)).run()
    fake.faults.refuse([mail(1)], { endpoint: 'users/bulkUpdate' })
    const changed = people(1, 2).map((row) => ({ ...row, score: 9.5 }))
    const report = await sync(changed).run()
    expect(report).toMatchObject({ status: 'complete', rows: { rejected: 1 }, lists: [{ remove: 1, keep: 2 }] })
    expect(on(fake)).toEqual([mail(1), mail(2)])
  })

  test('an incomplete snapshot removes nobody, and an empty one is told of [I11]', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2, 3)).run()
    const guarded = { status: 'stopped', error: { code: 'LIST_GUARD' }, lists: [{ remove: 0, held: 3 }] }
    expect(await sync([]).run()).toMatchObject(guarded)
    expect(on(fake)).toEqual([1, 2, 3].map(mail))
    const broken = new RowsSource({
      name: 'scores',
      key: ['id'],
      complete: true,
      rows: async function* () {
        yield* people(1)
        throw new Error('the warehouse is gone')
      },
    })
    expect((await sync([], { source: broken }).run()).status).toBe('failed')
    expect(on(fake)).toEqual([1, 2, 3].map(mail))
    await sync(people(1, 2)).run()
    expect(on(fake)).toEqual([1, 2].map(mail))
  })

  test('a dry run gives the exact numbers of additions and removals, and the addresses to who asks for them [I7]', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2, 3, 4)).run()
    const asked: string[] = []
    const plan = await sync(people(2, 3, 5)).plan({
      onAddresses: ({ list, op, addresses }) => void asked.push(`${list} ${op} ${addresses.join(' ')}`),
    })
    expect(plan.lists).toEqual([{ list: LIST, add: 1, remove: 2, keep: 2, held: 0, rejected: 0 }])
    expect(asked).toEqual([`${LIST} remove ${mail(1)} ${mail(4)}`, `${LIST} add ${mail(5)}`])
    expect(JSON.stringify(await sync(people(2, 3, 5)).plan())).not.toContain('@example.com')
    expect(on(fake)).toEqual([1, 2, 3, 4].map(mail))
    const report = await sync(people(2, 3, 5)).run({ plan })
    expect(report.lists).toEqual(plan.lists)
    expect(on(fake)).toEqual([2, 3, 5].map(mail))
  })

  test('a dry run that the guard would stop says how many it would hold [I11]', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(...Array.from({ length: 20 }, (_, n) => n))).run()
    const asked: string[] = []
    const plan = await sync(people(1, 99)).plan({ onAddresses: ({ op }) => void asked.push(op) })
    expect(plan).toMatchObject({ lists: [{ add: 1, remove: 0, keep: 1, held: 19 }], error: { code: 'LIST_GUARD' } })
    expect(asked).toEqual(['add'])
    expect(on(fake)).toHaveLength(20)
  })

  test('additions wait for their profile, or carry its fields', async () => {
    for (const adds of ['wait', 'carry'] as const) {
      const { fake, destination } = await stand({ lists: [LIST] })
      const slept: number[] = []
      const clock = new VirtualClock()
      const sleep = async (ms: number) => void slept.push(ms)
      const waiting = { now: () => clock.now(), elapsed: () => clock.elapsed(), random: () => 0.5, sleep }
      const sync = audienceInto(destination)
      await sync(people(1, 2), { adds, settleMs: 20_000, clock: waiting }).run()
      expect(on(fake)).toEqual([1, 2].map(mail))
      const written = fake.ledger.entries.filter(
        ({ endpoint, kind }) => endpoint === 'lists/subscribe' && kind === 'profile',
      )
      const carried = written.map(({ address, detail }) => [address, detail])
      expect([adds, slept.filter((ms) => ms === 20_000).length, carried]).toEqual(
        adds === 'wait' ? ['wait', 1, []] : ['carry', 0, [1, 2].map((n) => [mail(n), { score: n + 0.5 }])],
      )
    }
  })

  test('an addition whose row is of a former run waits, though others carry their fields', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const slept: number[] = []
    const clock = new VirtualClock()
    const waiting = {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      random: () => 0.5,
      sleep: async (ms: number) => void slept.push(ms),
    }
    const sync = audienceInto(destination)
    const more = { adds: 'carry', settleMs: 20_000, clock: waiting } as const
    await sync(people(1, 2), more).run()
    fake.ledger.lists[0]?.members.delete(mail(1))
    await sync([], more).reconcile({ list: LIST })
    await sync([...people(2).map((row) => ({ ...row, score: 7.5 })), ...people(1)], more).run()
    expect([slept.filter((ms) => ms === 20_000).length, ...on(fake)]).toEqual([1, mail(1), mail(2)])
  })

  test('where two rows write to one profile, an addition does not bring back the older value [I6]', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    const [one] = people(1)
    const twice = [one as JsonObject, { ...(one as JsonObject), id: 'c-1b', score: 8.5, at_risk: false }]
    const byEmail = plainTransform(({ email, score }) => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields: { score: score ?? null } },
    ])
    await sync(twice, { adds: 'carry', transform: byEmail }).run()
    expect(on(fake)).toEqual([mail(1)])
    expect(fake.ledger.user(mail(1))?.dataFields).toEqual({ score: 8.5 })
  })

  test('a resync keeps removals: who was taken off by a decision is not put back', async () => {
    const { fake, destination } = await stand({ lists: [LIST] })
    const sync = audienceInto(destination)
    await sync(people(1, 2, 3)).run()
    const [one, two] = people(1, 2)
    await sync([one as JsonObject, { ...two, at_risk: false }]).run()
    expect(on(fake)).toEqual([mail(1)])
    const left = fake.ledger.entries.length
    // Everything is read again from the beginning: the same rows, the same list, and nothing is sent.
    const again = await sync([one as JsonObject, { ...two, at_risk: false }]).run()
    expect(again).toMatchObject({ status: 'complete', lists: [{ add: 0, remove: 0, keep: 1 }] })
    expect(fake.ledger.entries).toHaveLength(left)
  })
})
