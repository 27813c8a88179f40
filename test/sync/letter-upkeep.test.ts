import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { DeadLetter } from '../../src/sync/dead-letters.js'
import { plainTransform } from './plain-transform.js'
import { people, World } from './world.js'

const NO: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
const DAY_MS = 86_400_000

/** A world whose destination refused every profile of so many people. */
async function refused(count = 1, more = {}) {
  const world = new World()
  world.destination.knob = ({ rows }) => rows.map(() => NO)
  await world.sync(people(count), { complete: false, rejectedShareMax: 1, ...more }).run()
  world.destination.knob = () => undefined
  const sync = world.sync([], more)
  return { world, sync, letters: await all(sync.deadLetters()) }
}

async function all<One>(of: AsyncIterable<One>): Promise<One[]> {
  const found: One[] = []
  for await (const one of of) found.push(one)
  return found
}

const profileOf = (letters: readonly DeadLetter[]): DeadLetter =>
  letters.find(({ kind }) => kind === 'profile') as DeadLetter

describe('an id', () => {
  test('is stable, names one letter, and is looked up', async () => {
    const { sync, letters } = await refused(3)
    expect(new Set(letters.map(({ id }) => id)).size).toBe(letters.length)
    for (const letter of letters) expect(await sync.deadLetter(letter.id)).toEqual(letter)
    expect((await all(sync.deadLetters())).map(({ id }) => id)).toEqual(letters.map(({ id }) => id))
  })

  test.each(['', 'x', 'YQ', 'YQpi=', 'YQpi ', '../..', 'YQpiCmM', 'a'.repeat(10_000), 7, null, undefined])(
    'that is %j is none, and that is a mistake of the program',
    async (id) => {
      const { sync } = await refused()
      const mistake = { code: 'OPTION_INVALID', message: expect.stringMatching(/is not the id of a dead letter/) }
      await expect(sync.deadLetter(id as string)).rejects.toMatchObject(mistake)
      await expect(sync.editDeadLetter(id as string, { row: {} })).rejects.toMatchObject(mistake)
    },
  )

  test('of a letter that is gone gives none, and an edit says so', async () => {
    const { sync, letters } = await refused()
    const { id } = profileOf(letters)
    await sync.replay({ deadLetters: 'all' })
    expect(await sync.deadLetter(id)).toBeUndefined()
    await expect(sync.editDeadLetter(id, { row: {} })).rejects.toMatchObject({ code: 'DEAD_LETTER_UNKNOWN' })
  })
})

describe('editDeadLetter()', () => {
  test('puts an action in the place of the one that was refused, and sends nothing', async () => {
    const { world, sync, letters } = await refused()
    const before = profileOf(letters)
    world.clock.advance(DAY_MS)
    const action = { ...before.action, dataFields: { score: 0.5, note: null, deep: { a: [1, true] } } } as Action
    await sync.editDeadLetter(before.id, { action })
    const edited = new Date(world.clock.now()).toISOString()
    expect(await sync.deadLetter(before.id)).toEqual({ ...before, action, edited })
    expect(world.destination.applied).toEqual([])
    await sync.replay({ deadLetters: { ids: [before.id] } })
    expect(world.destination.applied).toMatchObject([{ address: 'p0@example.com', action }])
  })

  const ada = { customer_id: 'c-0', email: 'ada@canary.example' }
  const profile = { kind: 'profile', identifiers: ada }
  test.each([
    ['nothing', undefined, 'the edit is { action }'],
    ['a row', { row: { id: 'c-0' } }, 'the edit is { action }'],
    ['both', { action: profile, row: {} }, 'the edit is { action }'],
    ['no object', { action: 'ada@canary.example' }, 'the action is not valid'],
    ['no identifiers', { action: { kind: 'profile' } }, 'at identifiers'],
    [
      'an identifier that is a number',
      { action: { kind: 'profile', identifiers: { email: 7 } } },
      'at identifiers.email',
    ],
    ['data that is no object', { action: { ...profile, dataFields: ['ada@canary.example'] } }, 'at dataFields'],
    ['a field of another kind', { action: { ...profile, eventName: 'ada@canary.example' } }, 'not valid'],
    ['another kind', { action: { kind: 'event', identifiers: ada, eventName: 'x' } }, 'its kind is profile'],
    ['an unknown kind', { action: { kind: 'prophecy', identifiers: ada } }, 'at kind'],
    ['a bigint', { action: { ...profile, dataFields: { n: 1n } } }, 'no text for'],
    ['a number that is none', { action: { ...profile, dataFields: { n: Number.NaN } } }, 'no text for'],
    ['a function', { action: { ...profile, dataFields: { n: () => 1 } } }, 'no text for'],
  ])('refuses %s, says what is wrong and writes nothing', async (_, edit, problem) => {
    const { sync, letters } = await refused()
    const before = profileOf(letters)
    const error: unknown = await sync.editDeadLetter(before.id, edit as never).then(
      () => expect.unreachable(),
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'DEAD_LETTER_EDIT_INVALID', message: expect.stringContaining(problem) })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('canary')
    expect(await sync.deadLetter(before.id)).toEqual(before)
  })

  const kinds: readonly (readonly [Action, object])[] = [
    [{ kind: 'event', identifiers: ada, eventName: 'seen', createdAt: 1 }, { createdAt: 1_700_000_000_000 }],
    [{ kind: 'event', identifiers: ada, eventName: 'seen' }, { eventName: '' }],
    [{ kind: 'purchase', identifiers: ada, total: 9, items: [] }, { total: '9' }],
    [{ kind: 'cart', identifiers: ada, items: [] }, { items: [{ id: 1 }] }],
    [{ kind: 'catalogItem', identifiers: {}, catalog: 'c', item: 'i' }, { item: 7 }],
    [{ kind: 'membership', identifiers: ada, list: 7, member: true }, { member: 'yes' }],
    [{ kind: 'membership', identifiers: ada, list: 'at-risk', member: true }, { list: 'x'.repeat(256) }],
    [{ kind: 'subscription', identifiers: ada, unsubscribedChannelIds: [1] }, { unsubscribedChannelIds: ['1'] }],
    [{ kind: 'forget', identifiers: ada }, { dataFields: {} }],
    [{ kind: 'delete', identifiers: ada }, { list: 7 }],
  ]
  test.each(kinds)('takes %j, and not with %j', async (action, wrong) => {
    const world = new World()
    world.destination.knob = ({ rows }) => rows.map(() => NO)
    const transform = plainTransform(() => [
      { kind: 'profile', identifiers: { email: 'ann@example.com' } },
      ...(action.kind === 'membership' ? [{ ...action, identifiers: { email: 'ann@example.com' } }] : [action]),
    ])
    const sync = world.sync([{ id: 'c-0' }], { transform, rejectedShareMax: 1, complete: false })
    await sync.run()
    const letter = (await all(sync.deadLetters())).find(({ kind }) => kind === action.kind)
    const id = letter?.id ?? ''
    await sync.editDeadLetter(id, { action })
    expect((await sync.deadLetter(id))?.action).toEqual(action)
    const refusing = sync.editDeadLetter(id, { action: { ...action, ...wrong } as never })
    await expect(refusing).rejects.toMatchObject({ code: 'DEAD_LETTER_EDIT_INVALID' })
    expect((await sync.deadLetter(id))?.action).toEqual(action)
  })

  test('of identifiers teaches identity who is meant, when the letter is replayed', async () => {
    const world = new World()
    world.destination.knob = ({ rows }) => rows.map(() => NO)
    const ids = [
      { namespace: 'customer_id', value: 'c-0' },
      { namespace: 'email', value: 'typo@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: '2026-01-01T00:00:00Z', ids }])
    const sync = world.sync([{ id: 'c-0', score: 0.1 }], { complete: false, rejectedShareMax: 1 })
    await sync.run()
    world.destination.knob = () => undefined
    const letter = profileOf(await all(sync.deadLetters()))
    const identifiers = { customer_id: 'c-0', email: 'ada@example.com' }
    await sync.editDeadLetter(letter.id, { action: { ...letter.action, identifiers } as Action })
    await sync.replay({ deadLetters: { ids: [letter.id] } })
    expect(world.destination.profiles().get('ada@example.com')).toEqual({ score: 0.1 })
    expect((await world.identity.resolve([{ customer_id: 'c-0' }], { project: 'test' }))[0]).toMatchObject({
      address: 'ada@example.com',
    })
  })
})

describe('dropDeadLetters()', () => {
  test('drops what is chosen, says how many, and leaves the rest', async () => {
    const { sync, letters } = await refused(4)
    expect(letters).toHaveLength(8)
    expect(await sync.dropDeadLetters({ key: 'c-1' })).toBe(2)
    expect(await sync.dropDeadLetters({ ids: [letters[0]?.id ?? '', letters[0]?.id ?? ''] })).toBe(1)
    expect(await sync.dropDeadLetters({ reason: 'EMAIL_INVALID' })).toBe(0)
    expect(await sync.dropDeadLetters('all')).toBe(5)
    expect(await all(sync.deadLetters())).toEqual([])
  })

  test.each([[{}], [undefined], ['some'], [{ limit: 1 }], [{ ids: ['x'] }]])('refuses %j', async (selection) => {
    const { sync } = await refused()
    await expect(sync.dropDeadLetters(selection as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(await all(sync.deadLetters())).toHaveLength(2)
  })
})

describe('expiry', () => {
  const deadLetters = { expireAfterDays: 30 }

  test('lets nothing go where nothing is said', async () => {
    const { world, sync, letters } = await refused()
    world.clock.advance(9_000 * DAY_MS)
    expect(await sync.expire()).toEqual([])
    expect((await sync.run()).expired).toEqual([])
    expect(await all(sync.deadLetters())).toEqual(letters)
  })

  test('lets go at the end of a run, and the report says how many of each reason', async () => {
    const { world, sync } = await refused(2, { deadLetters })
    world.clock.advance(20 * DAY_MS)
    const transform = plainTransform(() => {
      throw new Error('no')
    })
    const more = { deadLetters, transform, complete: false, rejectedShareMax: 1 }
    await world.sync([{ id: 'c-9', email: null, score: 1 }], more).run()
    world.clock.advance(9.99 * DAY_MS)
    expect((await sync.run()).expired).toEqual([])
    world.clock.advance(0.01 * DAY_MS)
    expect((await all(sync.deadLetters())).map(({ key, expired }) => [key, expired])).toEqual([
      ...['c-0', 'c-0', 'c-1', 'c-1'].map((key) => [key, true]),
      ['c-9', undefined],
    ])
    const report = await sync.run()
    expect(report.expired).toEqual([{ reason: 'DATA_INVALID', letters: 4 }])
    expect(await world.sync([]).history()).toContainEqual(report)
    expect(await all(sync.deadLetters())).toMatchObject([{ key: 'c-9', kind: 'row' }])
    world.clock.advance(20 * DAY_MS)
    expect(await sync.expire()).toEqual([{ reason: 'TRANSFORM_THREW', letters: 1 }])
    expect(await sync.expire()).toEqual([])
  })

  test('counts from when a letter was first refused, and not from the last replay', async () => {
    const { world, sync } = await refused(1, { deadLetters })
    world.clock.advance(29 * DAY_MS)
    world.destination.knob = ({ rows }) => rows.map(() => NO)
    await sync.replay({ deadLetters: { reason: 'DATA_INVALID' } })
    world.clock.advance(DAY_MS)
    expect(await sync.expire()).toMatchObject([{ reason: 'DATA_INVALID' }])
    expect(await all(sync.deadLetters())).toEqual([])
  })

  test.each([[{ expireAfterDays: 0 }], [{ expireAfterDays: Number.NaN }], [{ days: 1 }]])('%j is refused', (wrong) => {
    expect(() => new World().sync([], { deadLetters: wrong as never })).toThrow(/deadLetters|days/)
  })
})

describe('a parked action', () => {
  test('goes out once identity has ingested an address from a source of its own, between two runs', async () => {
    const world = new World()
    const sync = world.sync([{ id: 'c-1', score: 0.9 }], { complete: false })
    expect((await sync.run()).rows).toMatchObject({ parked: 1 })
    expect(await all(sync.parked())).toMatchObject([{ kind: 'membership' }, { kind: 'profile', key: 'c-1' }])
    const crm = new RowsSource({
      name: 'crm',
      key: ['n'],
      rows: [{ n: '1', customer: 'c-1', mail: 'ann@example.com' }],
    })
    await world.identity.ingest(crm, { identifiers: { customer_id: 'customer', email: 'mail' } })
    expect(await world.sync([], { complete: false }).run()).toMatchObject({ unparked: 2 })
    expect(world.destination.profiles().get('ann@example.com')).toEqual({ score: 0.9 })
    expect(world.destination.members('at-risk')).toEqual(new Set(['ann@example.com']))
    expect(await all(sync.parked())).toEqual([])
  })

  test('that is refused does not take the place of a newer letter of its row', async () => {
    const world = new World()
    const made = (email: string | undefined) =>
      plainTransform(({ score }) => [
        {
          kind: 'profile',
          identifiers: { customer_id: 'c-1', ...(email ? { email } : {}) },
          dataFields: { score: Number(score) },
        },
      ])
    const more = { complete: false, rejectedShareMax: 1 }
    await world.sync([{ id: 'r-1', score: 0.1 }], { ...more, transform: made(undefined) }).run()
    world.destination.knob = ({ rows }) => rows.map(() => NO)
    await world.sync([{ id: 'r-1', score: 0.9 }], { ...more, transform: made('ann@example.com') }).run()
    expect(await all(world.sync([]).deadLetters())).toMatchObject([{ action: { dataFields: { score: 0.9 } } }])
    expect(await all(world.sync([]).parked())).toEqual([])
  })

  test.each([[{ limit: 0 }], [{ key: 'x' }], [null]])('parked(%j) is refused', async (query) => {
    const first = new World()
      .sync([])
      .parked(query as never)
      .next()
    await expect(first).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe('encryption', () => {
  const encryption = { key: Buffer.alloc(32, 9) }
  const stored = async (world: World) =>
    JSON.stringify(
      await Promise.all(
        (['deadLetter', 'parked', 'parkedRow', 'carried'] as const).map((table) =>
          world.store.scan(table, { prefix: [], limit: 100 }),
        ),
      ),
    )

  test('keeps no value of a letter or a parked action in the clear, and everything works as it does without', async () => {
    const { world, sync, letters } = await refused(2, { encryption })
    await world.sync([{ id: 'c-9', score: 0.123 }], { encryption, complete: false }).run()
    expect(await stored(world)).not.toMatch(/example\.com|0\.123|dataFields|DATA_INVALID/)
    expect(await stored(world)).toContain('$sealed')
    expect(profileOf(letters).action).toMatchObject({ dataFields: { score: 0.9 } })
    expect(await all(sync.parked())).toHaveLength(2)
    const plan = await world.sync(people(2), { encryption, complete: false }).plan()
    expect(plan.error).toBeUndefined()
    expect(plan.requests.length).toBeGreaterThan(0)
    expect((await sync.replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 4, rejected: 0 })
  })

  test('by a wrong key ends a run with an error that says which table, and no value', async () => {
    const { world } = await refused(1, { encryption })
    for (const more of [{}, { encryption: { key: Buffer.alloc(32, 1) } }]) {
      const sync = world.sync(people(1), { ...more, complete: false })
      const report = await sync.run()
      expect(report).toMatchObject({ status: 'failed', error: { code: 'SEALED_KEY_MISSING' } })
      expect(JSON.stringify(report)).not.toContain('example.com')
      await expect(sync.deadLetters().next()).rejects.toMatchObject({ code: 'SEALED_KEY_MISSING' })
    }
    const former = { key: Buffer.alloc(32, 1), former: [encryption.key] }
    expect((await world.sync([], { encryption: former }).replay({ deadLetters: 'all' })).rows).toMatchObject({
      read: 2,
    })
  })

  test('commits what roles of one store learn in one commit, as without it', async () => {
    const { world, sync } = await refused(1, { encryption })
    const mixed: boolean[] = []
    const { store } = world
    const commit = store.commit.bind(store)
    store.commit = async (ops) => {
      const tables = new Set(ops.map(({ table }) => table))
      if (tables.has('claim')) mixed.push(tables.has('deadLetter') && tables.has('lease'))
      await commit(ops)
    }
    await sync.replay({ deadLetters: 'all' })
    expect(mixed).toContain(true)
  })

  test('is seen nowhere in what shows a sync, and a wrong key is refused at once', () => {
    const world = new World()
    const text = Buffer.from('a key of 32 letters, of my own..').toString('base64')
    const shown = inspect(world.sync([], { encryption: { key: text, former: [text] } }), { depth: 9, showHidden: true })
    expect(shown).not.toContain(text)
    expect(() => world.sync([], { encryption: { key: 'short' } })).toThrow(/encryption\.key is not 32 bytes/)
    expect(() => world.sync([], { encryption: {} as never })).toThrow(/CREDENTIALS_MISSING/)
    expect(() => world.sync([], { encryption: { keys: text } as never })).toThrow(/keys is not an option/)
  })
})
