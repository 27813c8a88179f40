import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contractChanges, contractOf, likeOf } from '../../src/destinations/iterable/contract.js'
import type { IterableEvent } from '../../src/destinations/iterable/iterable-options.js'
import { actionBlock } from '../../src/model/action-block.js'
import { bulk, delivered, profile, signal, stubbed } from './iterable-stub.js'

describe('likeOf()', () => {
  test.each([
    ['churnScore', 'churn_score', 'case'],
    ['Churn Score', 'churn_score', 'case'],
    ['home.Zip', 'home.zip', 'case'],
    ['churn_scor', 'churn_score', 'near'],
    ['churn_socre', 'churn_score', 'near'],
    ['churn_scoree', 'churn_score', 'near'],
  ])('%s looks like %s: %s', (field, like, how) => {
    expect(likeOf(field, ['tier', like])).toEqual([{ field, how, like }])
  })

  test.each([
    ['score_1', 'score_2'],
    ['tier', 'tie'],
    ['home.zip', 'work.zip'],
    ['first_name', 'last_name'],
  ])('%s does not look like %s', (field, like) => {
    expect(likeOf(field, [like])).toEqual([])
  })

  test('is mutual, and nothing looks like itself', () => {
    const name = fc.stringMatching(/^[a-c_]{6,9}$/)
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(likeOf(a, [b]).map(({ how }) => how)).toEqual(likeOf(b, [a]).map(({ how }) => how))
        expect(likeOf(a, [a])).toEqual([])
      }),
    )
  })
})

test('a contract has the fields, what is left, and pairs that look alike', () => {
  const types = new Map([
    ['tier', 'string'],
    ['churnScore', 'double'],
    ['churn_score', 'double'],
  ])
  expect(contractOf(types)).toEqual({
    fields: { churnScore: 'double', churn_score: 'double', tier: 'string' },
    events: {},
    left: 997,
    alike: [{ field: 'churn_score', how: 'case', like: 'churnScore' }],
  })
})

test('what differs from a contract that was kept is told by name', () => {
  const kept = JSON.parse(
    JSON.stringify(
      contractOf(
        new Map([
          ['tier', 'string'],
          ['old', 'date'],
        ]),
        { Seen: { at: 'date' } },
      ),
    ),
  )
  const today = contractOf(
    new Map([
      ['tier', 'double'],
      ['__proto__', 'long'],
    ]),
    { Seen: { at: 'date', n: 'long' }, Left: {} },
  )
  expect(contractChanges(kept, today)).toEqual([
    { field: '__proto__', before: undefined, now: 'long' },
    { field: 'old', before: 'date', now: undefined },
    { field: 'tier', before: 'string', now: 'double' },
    { event: 'Seen', field: 'n', before: undefined, now: 'long' },
  ])
  expect(contractChanges(today, today)).toEqual([])
})

test('destination.contract() asks the project, and sends nothing', async () => {
  const { destination, seen } = stubbed({ fields: { tier: 'string' } })
  expect(await destination.contract({ signal })).toEqual({
    fields: { tier: 'string' },
    events: {},
    left: 999,
    alike: [],
  })
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET users/getFields'])
})

test('fields that are about to be made are told before anything is sent, so that a plan warns too', async () => {
  const events: IterableEvent[] = []
  const stub = stubbed({
    fields: { churn_score: 'double', home: 'object' },
    createNewFields: true,
    onEvent: (event) => events.push(event),
  })
  const delivery = await stub.destination.open(signal)
  const fields = { churnScore: 1, tags: ['a'], home: { zip: '1', floor: null }, ip: '::1' }
  for (const name of ['a', 'b']) await delivery.prepare(actionBlock([profile(`${name}@example.com`, fields)]))
  await delivery.prepare(actionBlock([profile('c@example.com', { bad: '2026-01-01T00:00:00Z', fine: 1 })]))
  await delivery.prepare(actionBlock([profile('d@example.com', { tier: 'x' })]))
  expect(events).toEqual([
    {
      kind: 'fieldsNew',
      fields: ['churnScore', 'tags', 'home.zip'],
      left: 995,
      alike: [{ field: 'churnScore', how: 'case', like: 'churn_score' }],
    },
    { kind: 'fieldsNew', fields: ['tier'], left: 994, alike: [] },
  ])
  expect(stub.sent('users/bulkUpdate')).toEqual([])
})

test('fields that a request has made are told once, with what they look like and what is left', async () => {
  const events: IterableEvent[] = []
  const stub = stubbed({
    fields: { churn_score: 'double' },
    createNewFields: true,
    onEvent: (event) => events.push(event),
  })
  stub.scripted('users/bulkUpdate', bulk(1, 0, { createdFields: ['churnScore', 'tier', 'nobody asked'] }))
  await delivered(stub, [profile('a@example.com', { churnScore: 1, tier: 'a' })])
  expect(events.filter(({ kind }) => kind === 'fieldsCreated')).toEqual([
    {
      kind: 'fieldsCreated',
      fields: ['churnScore', 'tier'],
      left: 997,
      alike: [{ field: 'churnScore', how: 'case', like: 'churn_score' }],
    },
  ])
})

test('what a listener throws is no reason to stop', async () => {
  const stub = stubbed({
    createNewFields: true,
    onEvent: () => {
      throw new Error('mine')
    },
  })
  stub.scripted('users/bulkUpdate', bulk(1, 0, { createdFields: ['plan'] }))
  const { outcomes } = await delivered(stub, [profile('a@example.com')])
  expect(outcomes).toEqual([[{ status: 'accepted' }]])
})
