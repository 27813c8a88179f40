import { FAULTS, type FaultKind } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { conformance } from '../../src/testing/declare.js'
import type { DestinationSetup } from '../../src/testing/destination-case.js'
import { destinationConformance } from '../../src/testing/destination-conformance.js'
import { event, member, profile } from '../destinations/iterable-stub.js'
import { codes, LATE_MS, SOON_MS, stand } from './iterable-stand.js'

// The destination and the fake were written by two hands from one reference and share no code. Nothing here was run
// against the vendor: where the reference says unsure, the fake can answer both ways, and both are tried.

describe.each(['profile', 'event', 'membership'])('IterableDestination on the strict fake with %ss', (kind) => {
  const make = async (): Promise<DestinationSetup> => {
    const { fake, destination, send } = await stand({ lists: ['vip'] }, { sizeMax: 8 })
    const email = (n: number) => `person-${n}@example.com`
    await send(Array.from({ length: 20 }, (_, n) => profile(email(n))))
    return {
      destination,
      action: (n) => {
        if (kind === 'event') return event(email(n), 'seen', { createdAt: 1_700_000_000, dataFields: { n } })
        return kind === 'profile' ? profile(email(n), { n }) : member(email(n), 'vip', n % 2 === 0)
      },
      ...(kind === 'profile' ? { again: (n: number) => profile(email(n), { n: n + 1_000 }) } : {}),
      state: () =>
        JSON.parse(JSON.stringify([fake.ledger.users(), fake.ledger.events(), [...fake.ledger.members('vip')].sort()])),
      revoke: () => fake.revoke(),
    }
  }
  conformance({ test }, destinationConformance, make)
})

describe('what is stored', () => {
  test('profiles, events and members, each with its own outcome', async () => {
    const { send, ledger } = await stand({
      fields: { plan: 'string', seats: 'long' },
      lists: ['vip', { name: 'rule', type: 'Dynamic' }],
      forgotten: ['gone@example.com'],
      disallowedEvents: ['secret'],
    })
    const outcomes = await send([
      profile('Ann@example.com', { plan: 'pro', score: 1 }, { userId: 'u-1' }),
      profile('none', { plan: 'pro' }),
      profile('bob@example.com', { seats: 'many' }),
      profile('gone@example.com', { plan: 'pro' }),
      event('ann@example.com', 'bought', { dataFields: { item: 'x' } }),
      event('ann@example.com', 'secret'),
      event('unknown@example.com', 'bought'),
      member('ann@example.com', 'vip'),
      member('ann@example.com', 'rule'),
      member('cy@example.com', 'fresh list'),
    ])
    expect(codes(outcomes)).toEqual([
      'accepted',
      'EMAIL_INVALID',
      'FIELD_TYPE_CONFLICT',
      'USER_FORGOTTEN',
      'accepted',
      'EVENT_NAME_DISALLOWED',
      'USER_UNKNOWN',
      'accepted',
      'LIST_DYNAMIC',
      'accepted',
    ])
    expect(ledger.user('ann@example.com')).toMatchObject({ userId: 'u-1', dataFields: { plan: 'pro', score: 1 } })
    expect(ledger.events('ann@example.com').map(({ eventName }) => eventName)).toEqual(['bought'])
    expect([...ledger.members('vip')]).toEqual(['ann@example.com'])
    expect([...ledger.members('fresh list')]).toEqual(['cy@example.com'])
  })

  test.each([true, false])(
    'a whole number makes and meets a double field, whether 1 would be taken there (%s)',
    async (longIntoDouble) => {
      const { send, ledger } = await stand({ unsure: { longIntoDouble } })
      expect(codes(await send([profile('a@example.com', { score: 1 })]))).toEqual(['accepted'])
      expect(
        codes(await send([profile('b@example.com', { score: 0.5 }), profile('c@example.com', { score: 2 })])),
      ).toEqual(['accepted', 'accepted'])
      expect(ledger.user('c@example.com')?.dataFields.score).toBe(2)
    },
  )

  test('a conflict that arises in the run rejects the rows that hold the value, and no other', async () => {
    const { send, ledger } = await stand()
    const rows = Array.from({ length: 40 }, (_, n) =>
      profile(`p${n}@example.com`, { fresh: n === 17 || n === 30 ? 5 : `text ${n}` }),
    )
    const found = codes(await send(rows))
    expect(found.flatMap((code, n) => (code === 'accepted' ? [] : [[n, code]]))).toEqual([
      [17, 'FIELD_TYPE_CONFLICT'],
      [30, 'FIELD_TYPE_CONFLICT'],
    ])
    expect(ledger.users()).toHaveLength(38)
  })

  test('a nested field, which only Iterable makes, takes objects and nothing else', async () => {
    const { send, ledger } = await stand({ fields: { cars: 'nested', 'cars.id': 'long' } })
    const outcomes = await send([
      profile('ann@example.com', { cars: [{ id: 1 }, { id: 2 }] }),
      profile('bob@example.com', { cars: 'two' }),
      profile('cy@example.com', { cars: [{ id: 'one' }] }),
    ])
    expect(codes(outcomes)).toEqual(['accepted', 'FIELD_TYPE_CONFLICT', 'FIELD_TYPE_CONFLICT'])
    expect(ledger.users()).toHaveLength(1)
  })

  test('a folded write at fault does not take the good one with it', async () => {
    const { send, ledger } = await stand()
    const outcomes = await send([
      profile('b@example.com', { fresh: 'text' }),
      profile('a@example.com', { plan: 'pro' }),
      profile('a@example.com', { fresh: 5 }),
    ])
    expect(codes(outcomes)).toEqual(['accepted', 'accepted', 'FIELD_TYPE_CONFLICT'])
    expect(ledger.user('a@example.com')?.dataFields).toEqual({ plan: 'pro' })
  })

  test('a new list that is blind for a while gets its members all the same, once', async () => {
    const { send, ledger } = await stand({ newListBlindMs: 1_500 })
    expect(codes(await send([member('a@example.com', 'fresh'), member('b@example.com', 'fresh')]))).toEqual([
      'accepted',
      'accepted',
    ])
    expect([...ledger.members('fresh')]).toEqual(['a@example.com', 'b@example.com'])
    expect(ledger.lists).toHaveLength(1)
  })

  test('without createNewFields, fields that the project lacks are refused before they are sent', async () => {
    const { send, ledger } = await stand({ fields: { plan: 'string' } }, { createNewFields: false })
    expect(
      codes(await send([profile('a@example.com', { plan: 'x' }), profile('b@example.com', { fresh: 'x' })])),
    ).toEqual(['accepted', 'FIELD_NOT_ALLOWED'])
    expect(ledger.users()).toHaveLength(1)
  })

  test('userId and hybrid projects are addressed by userId', async () => {
    for (const projectType of ['userId', 'hybrid'] as const) {
      const { send, ledger } = await stand({ projectType }, { projectType, addressBy: 'userId' })
      const who = (kind: object): Action =>
        ({ ...kind, identifiers: { userId: 'U-1', email: 'a@example.com' } }) as unknown as Action
      const outcomes = await send([
        who({ kind: 'profile', dataFields: { plan: 'x' } }),
        who({ kind: 'event', eventName: 'seen' }),
        who({ kind: 'membership', list: 'vip', member: true }),
      ])
      expect(codes(outcomes)).toEqual(['accepted', 'accepted', 'accepted'])
      expect(ledger.user('U-1')?.dataFields).toMatchObject({ plan: 'x' })
      expect([...ledger.members('vip')]).toEqual(['U-1'])
    }
  })
})

/** Faults after which the engine asks again, or looks for the row, and everything ends well. */
const HALTS: readonly FaultKind[] = ['unauthorized', 'redirect']
const PASSING = FAULTS.filter((kind) => !HALTS.includes(kind) && kind !== 'failed rows')
/** These cost a deadline each, so they are met where what follows differs. */
const SILENT: readonly FaultKind[] = ['stalled body', 'no answer']
const one: Readonly<Record<string, readonly Action[]>> = {
  'users/bulkUpdate': [profile('a@example.com', { plan: 'new' }), profile('b@example.com', { plan: 'new' })],
  'events/trackBulk': [event('a@example.com', 'seen'), event('b@example.com', 'seen')],
  'lists/subscribe': [member('a@example.com', 'vip'), member('b@example.com', 'vip')],
  'lists/create': [member('a@example.com', 'fresh'), member('b@example.com', 'fresh')],
  'users/updateEmail': [{ kind: 'addressChange', identifiers: {}, from: 'a@example.com', to: 'z@example.com' }],
}
const cases = Object.keys(one).flatMap((endpoint) =>
  PASSING.filter((kind) => {
    // What is sent alone has no counts, and cannot be made smaller.
    if (kind === 'wrong counts' || kind === 'too large') return !/create|updateEmail/.test(endpoint)
    return !SILENT.includes(kind) || /bulkUpdate|create|updateEmail/.test(endpoint)
  }).map((kind) => [endpoint, kind] as const),
)

describe('faults [I2] [I10]', () => {
  test.each(cases)('%s meets %s: what should be stored is, and nothing twice', async (endpoint, kind) => {
    const { fake, send, ledger } = await stand(
      { lists: ['vip'] },
      { timeoutMs: SILENT.includes(kind) ? SOON_MS : LATE_MS },
    )
    await send([profile('a@example.com'), profile('b@example.com')])
    fake.faults.next(endpoint, kind)
    const outcomes = await send(one[endpoint] ?? [])
    expect(fake.faults.hits[kind]).toBe(1)
    expect(new Set(codes(outcomes))).toEqual(new Set(['accepted']))
    if (endpoint === 'users/bulkUpdate')
      expect(ledger.users().map(({ dataFields }) => dataFields.plan)).toEqual(['new', 'new'])
    if (endpoint === 'events/trackBulk') expect(ledger.events()).toHaveLength(2)
    if (endpoint === 'lists/subscribe')
      expect([...ledger.members('vip')].sort()).toEqual(['a@example.com', 'b@example.com'])
    if (endpoint === 'lists/create') {
      expect([...ledger.members('fresh')].sort()).toEqual(['a@example.com', 'b@example.com'])
      expect(ledger.lists).toHaveLength(2)
    }
    if (endpoint === 'users/updateEmail') {
      expect([...ledger.people.keys()].sort()).toEqual(['b@example.com', 'z@example.com'])
      expect(ledger.entries.filter((entry) => entry.kind === 'updateEmail')).toHaveLength(1)
    }
  })

  test.each(HALTS)('%s stops at once', async (kind) => {
    const { fake, send, ledger } = await stand()
    fake.faults.next('users/bulkUpdate', kind)
    await expect(send([profile('a@example.com')])).rejects.toMatchObject({ remedy: 'halt' })
    expect(ledger.requests().byEndpoint['users/bulkUpdate']).toBe(1)
    expect(ledger.users()).toHaveLength(0)
  })

  test('named failures are rejected, the rest is accepted', async () => {
    const { fake, send } = await stand()
    fake.faults.next('users/bulkUpdate', { kind: 'failed rows', addresses: ['b@example.com'], list: 'conflictEmails' })
    expect(codes(await send([profile('a@example.com'), profile('b@example.com'), profile('c@example.com')]))).toEqual([
      'accepted',
      'USER_CONFLICT',
      'accepted',
    ])
  })

  test.each([1, 2, 3])(
    'a storm of faults (seed %i) ends with what was sent, and in the order of each person [I6]',
    async (seed) => {
      const { fake, send, ledger } = await stand({ lists: ['vip'] }, { sizeMax: 5 })
      const kinds = PASSING.filter((kind) => kind !== 'stalled body' && kind !== 'no answer' && kind !== 'wrong counts')
      fake.faults.seeded(seed, { rate: 0.25, kinds })
      fake.faults.next('users/getFields', { kind: 'failed rows' }).next('lists', { kind: 'failed rows' }) // opening is not asked again
      const people = Array.from({ length: 40 }, (_, n) => `p${n % 30}@example.com`)
      const actions = people.flatMap((email, n) => [
        profile(email, { n }),
        event(email, 'seen', { createdAt: n }),
        member(email, 'vip', n % 3 > 0),
      ])
      const outcomes = await send(actions)
      expect(new Set(codes(outcomes))).toEqual(new Set(['accepted']))
      expect(ledger.users()).toHaveLength(30)
      for (const [email, n] of new Map(people.map((email, n) => [email, n]))) {
        expect(ledger.user(email)?.dataFields.n).toBe(n)
        expect(ledger.members('vip').includes(email)).toBe(n % 3 > 0)
      }
      expect(ledger.events()).toHaveLength(40)
      console.log(`faults met with seed ${seed}: ${JSON.stringify(fake.faults.hits)}`)
    },
  )
})
