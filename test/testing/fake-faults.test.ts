import { describe, expect, test } from 'vitest'
import { FAULTS, type FaultKind } from '../../src/testing/fake-iterable/faults.js'
import { A, B, project, user } from './fake-project.js'

const LOST = {
  throttle: [429, 'answer'],
  'throttle with Retry-After': [429, 'answer'],
  'server error': [500, 'answer'],
  unavailable: [503, 'answer'],
  'too large': [413, 'answer'],
  unauthorized: [401, 'answer'],
  redirect: [307, 'answer'],
  'HTML 502': [502, 'answer'],
  'reset before apply': [200, 'reset'],
  'no answer': [200, 'silence'],
  'failure in 200': [200, 'answer'],
} as const satisfies Partial<Record<FaultKind, unknown>>

/** What is left of the answer to one person, who was stored. */
const SPOILT = {
  'reset after apply': { how: 'reset' },
  'stalled body': { how: 'stall' },
  'empty 200': { how: 'answer', body: '' },
  'truncated JSON': { how: 'answer', json: undefined },
  'HTML 200': { how: 'answer', headers: { 'content-type': 'text/html' }, json: undefined },
  'wrong counts': { how: 'answer', json: { successCount: 0, failCount: 1, invalidEmails: [] } },
} as const satisfies Partial<Record<FaultKind, unknown>>

describe('kinds', () => {
  test('each is shown here', () => {
    expect([...Object.keys(LOST), ...Object.keys(SPOILT), 'failed rows'].sort()).toEqual([...FAULTS].sort())
  })

  test.each(Object.entries(LOST))('%s: nothing is applied', async (kind, [status, how]) => {
    const { fake, bulk, ledger } = project()
    fake.faults.next('users/bulkUpdate', kind as FaultKind)
    expect(await bulk([user(A)])).toMatchObject({ status, how })
    expect(ledger.users()).toEqual([])
    expect(fake.faults.hits).toEqual({ [kind]: 1 })
    expect((await bulk([user(A)])).json.successCount).toBe(1)
  })

  test.each(Object.entries(SPOILT))('%s: applied, and the answer is lost or spoilt', async (kind, answer) => {
    const { fake, bulk, ledger } = project()
    fake.faults.next('users/bulkUpdate', kind as FaultKind)
    expect(await bulk([user(A)])).toMatchObject({ status: 200, ...answer })
    expect(ledger.users()).toHaveLength(1)
    expect(fake.faults.hits).toEqual({ [kind]: 1 })
  })

  test('throttle has no Retry-After, the other one has the seconds that it is told', async () => {
    const { fake, get } = project()
    fake.faults.next('lists', 'throttle').next('lists', 'throttle with Retry-After')
    fake.faults.next('lists', { kind: 'throttle with Retry-After', retryAfterS: 9 })
    const headers = [await get('lists'), await get('lists'), await get('lists')].map((answer) => answer.headers)
    expect(headers.map((one) => one['retry-after'])).toEqual([undefined, '1', '9'])
  })

  test('server error is 500 GenericError, or what it is told', async () => {
    const { fake, get } = project()
    fake.faults.next('lists', 'server error')
    fake.faults.next('lists', { kind: 'server error', status: 409, code: 'ExternalKeyConflict' })
    const answers = [await get('lists'), await get('lists')].map(({ status, json }) => [status, json.code])
    expect(answers).toEqual([
      [500, 'GenericError'],
      [409, 'ExternalKeyConflict'],
    ])
    const wrong = expect.objectContaining({ code: 'OPTION_INVALID' })
    for (const status of [200, 600, 400.5])
      expect(() => fake.faults.next('lists', { kind: 'server error', status })).toThrow(wrong)
  })

  test('failed rows: in the list that the script says, the others are applied', async () => {
    const { fake, bulk, track, ledger } = project()
    fake.faults.next('users/bulkUpdate', { kind: 'failed rows', addresses: [B], list: 'conflictEmails' })
    const { json } = await bulk([user(A), user(B)])
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { conflictEmails: [B] } })
    expect(ledger.users()).toHaveLength(1)
    fake.faults.next('events/trackBulk', { kind: 'failed rows', addresses: [A] })
    expect((await track([{ email: A, eventName: 'x' }])).json.failedUpdates.invalidDataEmails).toEqual([A])
    expect(fake.faults.hits).toEqual({ 'failed rows': 2 })
  })

  test('what has no meaning for its request is spent without a hit', async () => {
    const { fake, get, bulk } = project()
    fake.faults.next('lists', 'wrong counts').next('users/bulkUpdate', { kind: 'failed rows', addresses: [B] })
    fake.faults.next('users/bulkUpdate', 'empty 200')
    expect((await get('lists')).status).toBe(200)
    expect((await bulk([user(A)])).json.failCount).toBe(0)
    expect((await bulk([{}])).json.code).toBe('BadParams') // no 200 that could be empty
    expect(fake.faults.hits).toEqual({})
  })
})

describe('scripts', () => {
  test('next() is for its endpoint, and one after the other', async () => {
    const { fake, bulk, get } = project()
    fake.faults
      .next('users/bulkUpdate', 'server error')
      .next('users/bulkUpdate', 'unavailable')
      .next(undefined, 'throttle')
    expect((await get('lists')).status).toBe(429)
    expect((await get('lists')).status).toBe(200)
    const statuses = [await bulk([user(A)]), await bulk([user(A)]), await bulk([user(A)])].map(({ status }) => status)
    expect(statuses).toEqual([500, 503, 200])
  })

  test('at() is the nth request from now, whatever its endpoint, and stands before next()', async () => {
    const { fake, get } = project()
    await get('lists')
    fake.faults.at(2, 'server error').at(3, 'unavailable').next(undefined, 'throttle').next(undefined, 'redirect')
    const statuses: number[] = []
    for (const path of ['lists', 'channels', 'users/getFields', 'lists', 'lists'])
      statuses.push((await get(path)).status)
    expect(statuses).toEqual([429, 500, 503, 307, 200])
  })

  test('refuse() fails rows from now on, by address or rule, at one endpoint or all', async () => {
    const { fake, bulk, track } = project()
    await bulk([user(A), user(B)])
    fake.faults.refuse([A]).refuse((address) => address.startsWith('b@'), {
      list: 'notFoundEmails',
      endpoint: 'events/trackBulk',
    })
    for (let round = 0; round < 2; round += 1) {
      expect((await bulk([user(A), user(B)])).json).toMatchObject({
        successCount: 1,
        failedUpdates: { invalidDataEmails: [A], notFoundEmails: [] },
      })
    }
    const events = [A, B].map((email) => ({ email, eventName: 'x' }))
    expect((await track(events)).json.failedUpdates).toMatchObject({ invalidDataEmails: [A], notFoundEmails: [B] })
    expect(fake.faults.hits).toEqual({ 'failed rows': 3 })
  })

  test('refuse() names what is no address in invalidDataUserIds', async () => {
    const { fake, bulk } = project({ projectType: 'userId' })
    fake.faults.refuse(['u'])
    expect((await bulk([{ userId: 'u' }])).json.failedUpdates.invalidDataUserIds).toEqual(['u'])
  })

  test('a seed gives the same faults again, about as often as it is told', async () => {
    const drawn = async (seed: number, rate: number) => {
      const { fake, get } = project()
      fake.faults.seeded(seed, { rate, kinds: ['server error', 'throttle'] })
      const statuses: number[] = []
      for (let asked = 0; asked < 400; asked += 1) statuses.push((await get('lists')).status)
      return statuses
    }
    const statuses = await drawn(7, 0.5)
    expect(await drawn(7, 0.5)).toEqual(statuses)
    expect(await drawn(8, 0.5)).not.toEqual(statuses)
    expect([...new Set(statuses)].sort()).toEqual([200, 429, 500])
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(160)
    expect(statuses.filter((status) => status === 200).length).toBeLessThan(240)
    expect(await drawn(7, 0)).not.toContain(500)
    expect(await drawn(7, 1)).not.toContain(200)
  })

  test('clear() takes all of it back, and keeps the hits', async () => {
    const { fake, bulk } = project()
    fake.faults.next(undefined, 'throttle')
    await bulk([user(A)])
    fake.faults.next(undefined, 'throttle').at(1, 'redirect').refuse([A])
    fake.faults.seeded(1, { rate: 1, kinds: ['server error'] }).clear()
    expect((await bulk([user(A)])).json.successCount).toBe(1)
    expect(fake.faults.hits).toEqual({ throttle: 1 })
  })

  test('a list or an endpoint that is misspelt is refused, and none is guessed', () => {
    const { faults } = project().fake
    const wrong = expect.objectContaining({ code: 'OPTION_INVALID' })
    expect(() => faults.refuse([A], { list: 'invalidEmail' })).toThrow(wrong)
    expect(() => faults.next(undefined, { kind: 'failed rows', list: 'x' })).toThrow(wrong)
    expect(() => faults.at(1, { kind: 'failed rows', list: 'x' })).toThrow(wrong)
    expect(() => faults.next('users/bulkupdate', 'throttle')).toThrow(wrong)
    expect(() => faults.refuse([A], { endpoint: 'users' })).toThrow(wrong)
  })

  test('a fault that there is not is refused, and is none that never comes', () => {
    const { faults } = project().fake
    const wrong = expect.objectContaining({ code: 'OPTION_INVALID' })
    expect(() => faults.next(undefined, 'trottle' as never)).toThrow(wrong)
    expect(() => faults.at(1, { kind: 'trottle' as never })).toThrow(wrong)
    expect(() => faults.seeded(1, { rate: 0.5, kinds: ['trottle' as never] })).toThrow(wrong)
    expect(() => faults.seeded(1, { rate: 2, kinds: ['throttle'] })).toThrow(wrong)
    expect(() => faults.seeded(Number.NaN, { rate: 1, kinds: ['throttle'] })).toThrow(wrong)
  })

  test('a request that the key or the rate refuses spends no fault', async () => {
    const { fake, call, get } = project({ rates: { lists: { count: 1, perMs: 1_000 } }, now: () => 0 })
    await get('lists')
    fake.faults.next(undefined, 'server error').at(1, 'unavailable')
    expect((await get('lists')).status).toBe(429)
    expect((await call('GET', 'channels', undefined, {})).status).toBe(401)
    expect((await get('nothing')).status).toBe(404)
    expect((await get('channels')).status).toBe(503)
    expect((await get('channels')).status).toBe(500)
  })
})
