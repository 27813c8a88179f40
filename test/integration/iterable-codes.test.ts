import { describe, expect, test } from 'vitest'
import { profile } from '../destinations/iterable-stub.js'
import { codes, stand } from './iterable-stand.js'

// Every code that Iterable lists, under each status it is listed for (reference 1.4), once, for a request that would have
// been taken. Source: Iterable api-docs.json `IterableApiResponse.code`, help 39629320560148.

const people = ['a', 'b', 'c'].map((name) => profile(`${name}@example.com`, { plan: 'new' }))
const EVERYBODY = people.map(() => 'accepted')

async function met(status: number, code: string) {
  const { fake, send } = await stand()
  fake.faults.next('users/bulkUpdate', { kind: 'server error', status, code })
  const end = await send(people).then(codes, (error: unknown) => error)
  expect(fake.ledger.requests().byAnswer[`users/bulkUpdate ${status}`]).toBe(1)
  return { end, requests: fake.ledger.requests().byEndpoint['users/bulkUpdate'], send, fake }
}

describe('an answer that Iterable lists', () => {
  test.each([
    ...[408, 500, 502, 503, 504].map((status) => [status, 'GenericError'] as const),
    [500, 'DatabaseError'],
    [500, 'QueueEmailError'],
    [400, 'QueueEmailError'],
    [429, 'RateLimitExceeded'],
  ] as const)('%d %s: the request is asked again as it is', async (status, code) => {
    const { end, requests } = await met(status, code)
    expect([end, requests]).toEqual([EVERYBODY, 2])
  })

  test.each([
    ...'BadJsonBody BadParams BatchTooLarge EmailAlreadyExists ForgottenUserError InvalidEmailAddressError'.split(' '),
    ...'InvalidJwtPayload InvalidUserIdError JwtUserIdentifiersMismatched RequestFieldsTypesMismatched'.split(' '),
    ...'UnknownEmailError UnknownUserIdError UserIdAlreadyExists'.split(' '),
  ])('400 %s: the request is taken apart, so that one row costs no other its place', async (code) => {
    const { end, requests } = await met(400, code)
    expect(end).toEqual(EVERYBODY)
    expect(requests).toBeGreaterThan(2)
  })

  test('400 UniqueFieldsLimitExceeded: who brings a new field is told so, and nobody else loses his place', async () => {
    const { fake, send } = await stand({ fields: { known: 'string' } })
    fake.faults.next('users/bulkUpdate', { kind: 'server error', status: 400, code: 'UniqueFieldsLimitExceeded' })
    const rows = [...people, profile('d@example.com', { known: 'x' })]
    expect(codes(await send(rows))).toEqual([...people.map(() => 'FIELD_LIMIT'), 'accepted'])
    expect(fake.ledger.users()).toHaveLength(1)
  })

  test.each(['ExternalKeyConflict', 'ForgottenUserError'])('409 %s: likewise', async (code) => {
    const { end, requests } = await met(409, code)
    expect(end).toEqual(EVERYBODY)
    expect(requests).toBeGreaterThan(2)
  })

  test.each([
    [401, 'BadApiKey', 'DESTINATION_UNAUTHORIZED'],
    [401, 'BadAuthorizationHeader', 'DESTINATION_UNAUTHORIZED'],
    [401, 'Unauthorized', 'DESTINATION_UNAUTHORIZED'],
    [401, 'InvalidJwtPayload', 'DESTINATION_UNAUTHORIZED'],
    [403, 'Forbidden', 'DESTINATION_UNAUTHORIZED'],
    [403, 'ForbiddenParamsError', 'DESTINATION_UNAUTHORIZED'],
    [404, 'NotFound', 'DESTINATION_REFUSED'],
  ])('%d %s: the run stops at once as %s, and the next one ends it', async (status, code, error) => {
    const { end, requests, send, fake } = await met(status, code)
    expect([end, requests]).toEqual([expect.objectContaining({ code: error, remedy: 'halt' }), 1])
    expect(codes(await send(people))).toEqual(EVERYBODY)
    expect(fake.ledger.users()).toHaveLength(3)
  })
})
