import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

/** A project in which A is known. */
async function known(options: Partial<FakeIterableOptions> = {}) {
  const made = project(options)
  await made.bulk([options.projectType === 'userId' ? { userId: 'u' } : user(A)])
  return made
}
const event = (more: object = {}) => ({ email: A, eventName: 'scored', ...more })

describe('whose events', () => {
  test('[source HC-29156459027348] trackBulk creates nobody: an unknown person is in notFound', async () => {
    const { track, ledger } = await known()
    const { json } = await track([event(), event({ email: B }), { userId: 'u', eventName: 'scored' }])
    expect(json).toMatchObject({
      successCount: 1,
      failCount: 2,
      failedUpdates: { notFoundEmails: [B], notFoundUserIds: ['u'] },
    })
    expect(json.invalidUserIds).toEqual(['u']) // SW: deprecated, and means not found here
    expect(ledger.users()).toHaveLength(1)
  })

  test('[source SW] malformed and forgotten people are named; [source VCR] a row without anybody refuses all', async () => {
    const { track, post, ledger } = await known({ forgotten: [B] })
    const { json } = await track([event({ email: 'none' }), event({ email: B })])
    expect(json.failedUpdates).toMatchObject({ invalidEmails: ['none'], forgottenEmails: [B] })
    const nobody = { code: 'BadParams', msg: 'Either email or userId must be specified in a track call' }
    expect(await track([event(), { eventName: 'x' }])).toMatchObject({ status: 400, json: nobody })
    expect(await post('events/track', { eventName: 'x' })).toMatchObject({ status: 400, json: nobody })
    expect(ledger.events()).toEqual([])
  })

  test('[unsure] trackBulkCreates: unknown people are made outside email projects, or not', async () => {
    const send = async (projectType: 'email' | 'userId', trackBulkCreates: boolean) => {
      const { track, ledger } = project({ projectType, unsure: { trackBulkCreates } })
      await track([projectType === 'email' ? event() : { userId: 'u', eventName: 'x' }])
      return [ledger.users().length, ledger.events().length]
    }
    expect(await send('userId', false)).toEqual([0, 0])
    expect(await send('userId', true)).toEqual([1, 1])
    expect(await send('email', true)).toEqual([0, 0])
  })

  test('[unsure] unknownOnTrack: 400, or 200 and dropped', async () => {
    const send = async (unknownOnTrack: 'refused' | 'dropped', body: object) => {
      const { post, ledger } = project({ unsure: { unknownOnTrack }, forgotten: [B] })
      const { status, json } = await post('events/track', body)
      return [status, json.code, ledger.events().length]
    }
    expect(await send('refused', event())).toEqual([400, 'UnknownEmailError', 0])
    expect(await send('dropped', event())).toEqual([200, 'Success', 0])
    const { post } = project({ unsure: { unknownOnTrack: 'dropped' } })
    expect((await post('events/track', event({ id: 'e-1' }))).json.params).toEqual({ id: 'e-1' })
    expect(await send('dropped', event({ email: 'none' }))).toEqual([400, 'InvalidEmailAddressError', 0])
    expect(await send('dropped', event({ email: B }))).toEqual([400, 'ForgottenUserError', 0])
  })

  test('[invented] an address inside the data of an event is data', async () => {
    const { track, ledger } = await known()
    expect((await track([event({ dataFields: { email: 'none', userId: 'ü' } })])).json.successCount).toBe(1)
    expect(ledger.events(A)[0]?.dataFields).toEqual({ email: 'none', userId: 'ü' })
  })
})

describe('ids and times', () => {
  test('[source HC-206430615] the same id is the same event; [unsure] eventUpsert: replaced, or merged', async () => {
    const send = async (eventUpsert: 'replace' | 'merge') => {
      const { track, ledger } = await known({ unsure: { eventUpsert } })
      const first = event({ id: 'e-1', createdAt: 1, dataFields: { a: 1, o: { x: 1 } } })
      await track([first, { email: A, eventName: 'rated', id: 'e-1', dataFields: { b: 2, o: { y: 2 } } }])
      return ledger.events()
    }
    const stored = { id: 'e-1', address: A, eventName: 'rated', createdAt: 1 }
    expect(await send('replace')).toEqual([{ ...stored, dataFields: { b: 2, o: { y: 2 } } }])
    expect(await send('merge')).toEqual([{ ...stored, dataFields: { a: 1, b: 2, o: { x: 1, y: 2 } } }])
  })

  test('[unsure] eventUpsertMoves: a known id may come with another name and person, or stays with its own', async () => {
    const send = async (eventUpsertMoves: boolean) => {
      const { bulk, track, ledger } = await known({ unsure: { eventUpsertMoves } })
      await bulk([user(B)])
      await track([
        event({ id: 'e-1', createdAt: 1 }),
        { email: B, eventName: 'rated', id: 'e-1', dataFields: { n: 2 } },
      ])
      return ledger.events().map(({ address, eventName, dataFields }) => [address, eventName, dataFields])
    }
    expect(await send(true)).toEqual([[B, 'rated', { n: 2 }]])
    expect(await send(false)).toEqual([[A, 'scored', { n: 2 }]])
  })

  test('[source HC-206430615] without an id each is an event of its own', async () => {
    const { track, post, ledger } = await known()
    await track([event(), event()])
    const { json } = await post('events/track', event())
    expect(ledger.events().map(({ id }) => id)).toContain(json.params.id)
    expect(ledger.events()).toHaveLength(3)
  })

  test.each([
    ['a-B-9', 200],
    ['x'.repeat(512), 200],
    ['x'.repeat(513), 400],
    ['a_b', 400],
    ['a:b', 400],
    ['', 400],
  ])('[source HC-206430615; unsure what it gets] eventIdOther: the id %j gets %d, or is taken', async (id, status) => {
    const send = async (unsure: FakeIterableOptions['unsure'] = {}) => (await known({ unsure })).track([event({ id })])
    expect((await send()).status).toBe(status)
    expect((await send({ eventIdOther: 'accepted' })).status).toBe(200)
  })

  test('[unsure] createdAtMs: milliseconds are refused, or taken', async () => {
    const send = async (createdAtMs: 'refused' | 'accepted', createdAt: number) => {
      const { track, ledger } = await known({ unsure: { createdAtMs } })
      const { status } = await track([event(), event({ createdAt })])
      return [status, ledger.events().length]
    }
    expect(await send('refused', 1_700_000_000)).toEqual([200, 2])
    expect(await send('refused', 1_700_000_000_000)).toEqual([400, 0])
    expect(await send('accepted', 1_700_000_000_000)).toEqual([200, 2])
  })

  test('[source SW] without a time it is that of receipt', async () => {
    const { track, ledger } = await known({ now: () => 7_900 })
    await track([event()])
    expect(ledger.events(A)[0]?.createdAt).toBe(7)
  })
})

describe('names', () => {
  test('[source GO] a disallowed name is named in bulk, and 200 with a message alone', async () => {
    const { track, post, ledger } = await known({ disallowedEvents: ['off'] })
    const off = event({ eventName: 'off' })
    const { json } = await track([off, event(), off])
    expect(json).toMatchObject({ successCount: 1, failCount: 0, disallowedEventNames: ['off'] })
    const alone = await post('events/track', off)
    expect(alone).toMatchObject({ status: 200, json: { code: 'Success' } })
    expect(alone.json.msg).toContain('is disallowed from tracking')
    expect(ledger.events()).toHaveLength(1)
  })

  test('[unsure] disallowedCounted: rows of such a name are in failCount, or not', async () => {
    const { track } = await known({ disallowedEvents: ['off'], unsure: { disallowedCounted: true } })
    const off = event({ eventName: 'off' })
    expect((await track([off, event(), off])).json).toMatchObject({ successCount: 1, failCount: 2 })
  })

  test('[unsure] bulkShape: in 2022 [source VCR] failedUpdates was not there', async () => {
    const { track } = await known({ unsure: { bulkShape: '2022' } })
    expect((await track([event(), event({ email: B })])).json).toEqual({
      successCount: 1,
      failCount: 1,
      invalidEmails: [],
      invalidUserIds: [],
      disallowedEventNames: [],
    })
  })
})

describe('fields', () => {
  test('[source SW] one name keeps one type for a field, other names are independent', async () => {
    const { track, ledger } = await known()
    const row = (eventName: string, x: unknown) => event({ eventName, dataFields: { x } })
    expect((await track([row('a', 1), row('b', 'text')])).json.createdFields).toEqual(['x'])
    const { status, json } = await track([row('b', 'text'), row('a', 'text')])
    expect([status, json.code]).toEqual([400, 'RequestFieldsTypesMismatched'])
    expect(json.params.validationErrors).toMatchObject({ 'a:::x': { expectedType: 'long', offendingValue: 'text' } })
    expect(json.msg).toContain("already exists for type 'a'")
    expect(ledger.events()).toHaveLength(2)
  })

  test('[source GO] a single call is refused as well', async () => {
    const { post, track } = await known({ unsure: { typeConflictStatus: 500 } })
    await track([event({ dataFields: { x: 1 } })])
    const { status, json } = await post('events/track', event({ dataFields: { x: 'text' } }))
    expect([status, Object.keys(json.params.validationErrors)]).toEqual([500, ['scored:::x']])
  })

  test('[source SW] createNewFields is said by each event: made and named, or left out and named', async () => {
    const { track, ledger } = await known({ createNewFields: false })
    const { json } = await track([
      event({ id: 'e-1', dataFields: { a: 1 }, createNewFields: true }),
      event({ id: 'e-2', dataFields: { a: 2, b: 1 } }),
      event({ id: 'e-3', dataFields: { b: 1 }, createNewFields: false }),
    ])
    expect(json).toMatchObject({ successCount: 3, createdFields: ['a'], filteredOutFields: ['a', 'b'] })
    expect(ledger.events().map(({ dataFields }) => dataFields)).toEqual([{ a: 1 }, {}, {}])
    await track([event({ id: 'e-2', dataFields: { a: 2, b: 1 } })])
    expect(ledger.events()[1]?.dataFields).toEqual({ a: 2 })
  })

  test('[source SW, HC-26678893969812; unsure] eventFieldsOf: the project has room for so many, or each name', async () => {
    const byName = await known({ eventFieldsMax: 2, unsure: { eventFieldsOf: 'name' } })
    const wide = (eventName: string, ...names: string[]) =>
      event({ eventName, dataFields: Object.fromEntries(names.map((name) => [name, 1])) })
    expect((await byName.track([wide('a', 'x', 'y'), wide('b', 'x', 'y')])).status).toBe(200)
    expect((await byName.track([wide('b', 'z')])).json.code).toBe('UniqueFieldsLimitExceeded')
    const { track, post } = await known({ eventFieldsMax: 2 })
    expect((await track([event({ dataFields: { a: 1 } })])).status).toBe(200)
    const refused = { status: 400, json: { code: 'UniqueFieldsLimitExceeded' } }
    expect(await track([event({ dataFields: { b: 1, c: 1 } })])).toMatchObject(refused)
    expect(await post('events/track', event({ eventName: 'other', dataFields: { b: 1, c: 1 } }))).toMatchObject(refused)
    expect((await track([event({ eventName: 'other', dataFields: { a: 1 } })])).status).toBe(200)
  })
})

describe('reading', () => {
  test('[source VCR] newest first, with the time as text; [source SW] 30 of them unless told, at most 200', async () => {
    const { track, get } = await known()
    const rows = Array.from({ length: 201 }, (_, at) => event({ createdAt: 1_000 + at, dataFields: { at } }))
    await track(rows)
    const { events } = (await get(`events/${A.toUpperCase()}`)).json
    expect(events).toHaveLength(30)
    expect(events[0]).toEqual({
      email: A,
      eventName: 'scored',
      eventType: 'customEvent',
      createdAt: '1970-01-01 00:20:00 +00:00',
      dataFields: { at: 200 },
    })
    expect((await get(`events/${A}?limit=2`)).json.events).toHaveLength(2)
    expect((await get(`events/${A}?limit=1000`)).json.events).toHaveLength(200)
    expect((await get(`events/${B}`)).json).toEqual({ events: [] })
  })

  test('[source SW] by userId', async () => {
    const { track, get } = await known({ projectType: 'userId' })
    await track([{ userId: 'u', eventName: 'x' }])
    expect((await get('events/byUserId/u')).json.events).toMatchObject([{ userId: 'u', eventName: 'x' }])
    expect((await get('events/byUserId/v')).json.events).toEqual([])
  })
})
