import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../src/testing/fake-iterable/faults.js'
import { ANSWERS, UNSURE } from '../../src/testing/fake-iterable/options.js'
import { ROUTES } from '../../src/testing/fake-iterable/routes.js'
import { FakeIterable, type FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

describe('options', () => {
  test.each([
    ['projectType', { projectType: 'mail' }],
    ['fieldMax', { fieldMax: 5 }],
    ['fields.n', { fields: { n: 'number' } }],
    ['latencyMs', { latencyMs: 60_001 }],
    ['visibleAfterMs', { visibleAfterMs: -1 }],
    ['rates', { rates: 'none' }],
    ['rates.users/bulkupdate', { rates: { 'users/bulkupdate': { count: 1, perMs: 1 } } }],
    ['unsure.bulkShap', { unsure: { bulkShap: '2022' } }],
    ['unsure.bulkShape', { unsure: { bulkShape: '2021' } }],
    ['unsure.retryAfter', { unsure: { retryAfter: 1 } }],
  ])('%s that is misspelt or wrong is refused by name', (option, given) => {
    const wrong = { code: 'OPTION_INVALID', facts: { part: 'FakeIterable', option } }
    const made = () => new FakeIterable({ projectType: 'email', ...(given as Partial<FakeIterableOptions>) })
    expect(made).toThrow(expect.objectContaining({ ...wrong, facts: expect.objectContaining(wrong.facts) }))
  })

  test('fields that are there and lists with a type are options', async () => {
    const { get } = project({ fields: { 'home.zip': 'string' }, lists: ['one', { name: 'two', type: 'Suppression' }] })
    expect((await get('users/getFields')).json.fields['home.zip']).toBe('string')
    expect((await get('lists')).json.lists).toMatchObject([
      { name: 'two', listType: 'Suppression' },
      { name: 'one', listType: 'Standard' },
    ])
  })
})

describe('what is not sure', () => {
  const texts = readdirSync(import.meta.dirname).map((name) => readFileSync(`${import.meta.dirname}/${name}`, 'utf8'))

  test.each(Object.entries(ANSWERS))(
    '%s has two answers, the first unless told, and a test',
    (name, [first, second]) => {
      expect(first).not.toBe(second)
      expect(UNSURE[name as keyof typeof ANSWERS]).toBe(first)
      expect(
        texts.some((text) => new RegExp(`unsure[^\\n]*\\b${name}: |\\['${name}', (true|false), `).test(text)),
      ).toBe(true)
    },
  )
})

describe('docs/fake-iterable.md names', () => {
  const page = readFileSync(new URL('../../docs/fake-iterable.md', import.meta.url), 'utf8')
  const said = (value: unknown) => `\`${typeof value === 'string' ? `'${value}'` : value}\``

  test.each(Object.entries(ANSWERS))('the switch %s with both answers', (name, [first, second]) => {
    expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\| ${said(first)} +\\| ${said(second)} +\\| \\S`, 'm'))
  })

  test('every fault, and no other', () => {
    const table = page.slice(page.indexOf('## Faults'))
    expect([...table.matchAll(/^\| `([^`]+)`/gm)].map(([, kind]) => kind)).toEqual([...FAULTS])
  })

  test('every endpoint, and no other', () => {
    const [table = ''] = /## Endpoints.*?\n## /s.exec(page) ?? []
    const listed = [...table.matchAll(/`(GET|POST|PUT|PATCH|DELETE) ([^`]+)`/g)].map(
      ([, method, path = '']) => `${method} ${path}`,
    )
    expect(listed.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path.replaceAll('#', '')}`).sort())
  })
})

describe('a delay until reads show what was written', () => {
  test('[source SW, AC, GR: it is there; its length unsure] profiles, lists and events', async () => {
    let now = 0
    const { bulk, post, track, get, ledger } = project({ lists: ['churn'], visibleAfterMs: 1_000, now: () => now })
    const shown = async () => [
      (await get('lists/1001/size')).body,
      (await get(`users/${A}`)).json.user?.dataFields.n,
      (await get('lists/getUsers?listId=1001')).body,
      (await get(`events/${A}`)).json.events.length,
    ]
    await bulk([user(A, { n: 1 })])
    now = 400
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    await track([{ email: A, eventName: 'x' }]) // writes see at once who is there
    await bulk([user(A, { n: 2 })])
    now = 999
    expect(await shown()).toEqual(['0', undefined, '', 0])
    now = 1_000
    expect(await shown()).toEqual(['0', 1, '', 0])
    now = 1_400
    expect(await shown()).toEqual(['1', 2, `${A}\n`, 1])
    expect(ledger.user(A)?.dataFields).toEqual({ n: 2 })
  })

  test('who moved or was forgotten is seen at the former place for as long', async () => {
    let now = 0
    const { bulk, post, track, get } = project({ visibleAfterMs: 1_000, now: () => now })
    const shown = async () => {
      const read = [A.toUpperCase(), B, 'c@example.com'].map(
        async (email) => (await get(`users/${email}`)).json.user?.email,
      )
      return Promise.all(read)
    }
    await bulk([user(A), user(B)])
    await track([{ email: B, eventName: 'x' }])
    now = 1_000
    await post('users/updateEmail', { currentEmail: A, newEmail: 'c@example.com' })
    await post('users/forget', { email: B })
    now = 1_999
    expect(await shown()).toEqual([A, B, undefined])
    expect((await get(`events/${B.toUpperCase()}`)).json.events).toHaveLength(1)
    now = 2_000
    expect(await shown()).toEqual([undefined, undefined, 'c@example.com'])
  })

  test('the marks of a profile are those of its time', async () => {
    let now = 0
    const { bulk, get } = project({ visibleAfterMs: 1_000, now: () => now })
    await bulk([user(A)])
    now = 500
    await bulk([user(A)])
    now = 1_400
    expect((await get(`users/${A}`)).json.user.dataFields.profileUpdatedAt).toBe('1970-01-01 00:00:00 +00:00')
  })
})

test('latencyMs: the work is done on arrival, the answer comes later, and a signal ends the wait', async () => {
  const { fake, ledger } = project({ latencyMs: 60_000 })
  const gone = new AbortController()
  const body = new TextEncoder().encode(JSON.stringify({ users: [user(A)] }))
  const request = { method: 'POST', path: '/api/users/bulkUpdate', headers: { 'api-key': 'fake-key' }, body }
  const answer = fake.handle(request, gone.signal)
  expect(ledger.users()).toHaveLength(1)
  await turn()
  gone.abort()
  await expect(answer).rejects.toThrow(/abort/i)
})

test('reset(): as it was made, with its options, and without what was asked of it', async () => {
  const { fake, bulk, get, track } = project({
    lists: ['churn'],
    fields: { known: 'long' },
    rates: { lists: { count: 1, perMs: 1_000 } },
    now: () => 0,
  })
  const fresh = { people: 0, entries: 0, requests: 0, lists: ['churn'], hits: {} }
  const state = () => {
    const { ledger, faults } = fake
    const lists = ledger.lists.map(({ name }) => name)
    return {
      people: ledger.users().length,
      entries: ledger.entries.length,
      requests: ledger.requests().total,
      lists,
      hits: faults.hits,
    }
  }
  expect(state()).toEqual(fresh)
  await bulk([user(A, { made: 1 })])
  await track([{ email: A, eventName: 'x', dataFields: { n: 1 } }])
  await get('lists')
  fake.faults.next('lists/getUsers', 'throttle').refuse([A])
  fake.revoke()
  fake.reset()
  expect(state()).toEqual(fresh)
  expect((await get('lists')).status).toBe(200)
  expect((await bulk([user(A)])).json.successCount).toBe(1)
  const { fields } = (await get('users/getFields')).json
  expect([fields.known, fields.made]).toEqual(['long', undefined])
  expect((await track([{ email: A, eventName: 'x', dataFields: { n: 'text' } }])).json.successCount).toBe(1)
})

describe('the ledger', () => {
  test('counts what was applied, in all and per address', async () => {
    const { bulk, ledger } = project()
    await bulk([user(A), user(B)])
    await bulk([user(A)])
    expect(ledger.entries.map(({ seq, seqOfAddress, address }) => [seq, seqOfAddress, address])).toEqual([
      [1, 1, A],
      [2, 1, B],
      [3, 2, A],
    ])
  })

  test('counts requests, by endpoint and by answer', async () => {
    const { fake, bulk, get, ledger } = project()
    fake.faults.next('users/bulkUpdate', 'reset before apply')
    await bulk([user(A)])
    await bulk([user(A)])
    await get('nothing')
    expect(ledger.requests()).toEqual({
      total: 3,
      byEndpoint: { 'users/bulkUpdate': 2, unknown: 1 },
      byAnswer: { 'users/bulkUpdate reset': 1, 'users/bulkUpdate 200': 1, 'unknown 404': 1 },
    })
  })

  test('gives one field of everybody, and the members of a list by name or number', async () => {
    const { bulk, post, ledger } = project({ lists: ['churn'] })
    await bulk([user(A, { n: 1 }), user(B)])
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: B }] })
    expect([...ledger.field('n')]).toEqual([
      [A, 1],
      [B, undefined],
    ])
    expect([ledger.members('churn'), ledger.members(1_001), ledger.members('none')]).toEqual([[B], [B], []])
  })
})
