import { FakeIterable, type FakeIterableOptions } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import { IterableDestination } from '../../src/destinations/iterable/iterable-destination.js'
import { deliver } from '../../src/sync/deliver.js'
import { answer, instantClock, profile, stubbed } from './iterable-stub.js'

const people = (count: number, isWrong: (n: number) => boolean) =>
  Array.from({ length: count }, (_, n) => profile(`p${n}@example.com`, { fresh: isWrong(n) ? 'text' : n + 0.5 }))

/** A destination on the fake, in this process. */
function onFake(options: { readonly sizeMax: number }, given: Partial<FakeIterableOptions> = {}) {
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', ...given })
  const fetch = async (input: unknown): Promise<Response> => {
    const request = input as Request
    const { pathname, search } = new URL(request.url)
    const headers = Object.fromEntries(request.headers)
    const body = new Uint8Array(await request.arrayBuffer())
    const { status, ...given } = await fake.handle({ method: request.method, path: pathname + search, headers, body })
    return new Response(given.body, { status, headers: { ...given.headers } })
  }
  const destination = new IterableDestination({
    project: 'told',
    apiKey: 'fake-key',
    dataCenter: 'us',
    projectType: 'email',
    createNewFields: true,
    clock: instantClock(),
    fetch,
    ...options,
  })
  return { fake, destination }
}

describe('a type that Iterable has told in the run', () => {
  test('is looked for in all rows that wait: a field that one row in ten gets wrong does not use up the search [I12]', async () => {
    const { fake, destination } = onFake({ sizeMax: 20 })
    const outcomes = await deliver(
      destination,
      people(2_000, (n) => n % 10 === 9),
      { limits: { splitsMax: 30 }, concurrency: 1 },
    )
    const wrong = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(wrong).toHaveLength(200)
    expect(wrong.at(-1)).toMatchObject({
      reason: { code: 'FIELD_TYPE_CONFLICT', facts: { field: 'fresh', expected: 'double', got: 'string' } },
    })
    expect([fake.ledger.users().length, fake.ledger.field('fresh').size]).toEqual([1_800, 1_800])
    expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBeLessThan(110)
  })

  test('costs no request where a whole request is wrong', async () => {
    const { fake, destination } = onFake({ sizeMax: 2 })
    const outcomes = await deliver(
      destination,
      people(6, (n) => n > 1),
      { concurrency: 1 },
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'accepted', ...Array(4).fill('rejected')])
    expect(fake.ledger.requests().byEndpoint['users/bulkUpdate']).toBe(2) // the two that are sound, and the first two that are not
  })

  test('is believed only if it is one that fields have', async () => {
    const stub = stubbed({ createNewFields: true, sizeMax: 1 })
    const conflict = { expectedType: 'no type at all', incomingTypes: ['string'], offendingValue: 'a' }
    stub.scripted(
      'users/bulkUpdate',
      answer({ code: 'RequestFieldsTypesMismatched', params: { validationErrors: { fresh: conflict } } }, 400),
    )
    const outcomes = await deliver(
      stub.destination,
      [profile('a@example.com', { fresh: 'a' }), profile('b@example.com', { fresh: 'b' })],
      { concurrency: 1 },
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'accepted'])
  })
})

describe('a project that has all the fields it may have', () => {
  test('takes the rows without new fields; the others are told which field has no place, and are not looked for one by one', async () => {
    const { fake, destination } = onFake({ sizeMax: 20 }, { fieldsMax: 1, fields: { plan: 'string' } })
    const rows = Array.from({ length: 200 }, (_, n) =>
      profile(`p${n}@example.com`, {
        plan: 'pro',
        signupDate: null,
        ...(n % 2 === 1 ? { gone: null, fresh: n } : { phoneNumber: '+49' }),
      }),
    )
    const outcomes = await deliver(destination, rows, { limits: { splitsMax: 30 }, concurrency: 1 })
    const refused = { status: 'rejected', reason: { code: 'FIELD_LIMIT', facts: { field: 'fresh' } } }
    expect(outcomes).toEqual(rows.map((_, n) => (n % 2 === 1 ? refused : { status: 'accepted' })))
    expect(fake.ledger.field('plan').size).toBe(100)
  })

  test('still takes fields that the run itself has made', async () => {
    const { destination } = onFake({ sizeMax: 1 }, { fieldsMax: 1 })
    const rows = [{ one: 'a' }, { two: 'b' }, { one: 'c' }].map((fields, n) => profile(`p${n}@example.com`, fields))
    const outcomes = await deliver(destination, rows, { concurrency: 1 })
    expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'rejected', 'accepted'])
  })
})
