import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { plainTransform } from './plain-transform.js'
import { people, scoreAndList, World } from './world.js'

const NO: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
const DAY_MS = 86_400_000

/** A destination that refuses what it is told to, until `mend`. */
function refusing(world: World, isBad: (action: Action, address: string) => boolean) {
  world.destination.knob = ({ rows }) =>
    rows.map(({ action, address }): Outcome => (isBad(action, address) ? NO : { status: 'accepted' }))
  return { mend: () => (world.destination.knob = () => undefined) }
}

const lettersOf = async (world: World, more: Partial<SyncOptions> = {}) => {
  const found = []
  for await (const letter of world.sync([], more).deadLetters()) found.push(letter)
  return found
}

const isProfileOf =
  (...addresses: string[]) =>
  ({ kind }: Action, address: string) =>
    kind === 'profile' && addresses.includes(address)

const changes = (world: World, rows: readonly Row[], more: Partial<SyncOptions> = {}) =>
  world.sync(rows, { complete: false, ...more })

const scores = (world: World): Record<string, unknown> =>
  Object.fromEntries([...world.destination.profiles()].map(([address, fields]) => [address, fields?.score]))

describe('deadLetters()', () => {
  test('shows each letter whole, by reason, key and run, and no more than asked for', async () => {
    const world = new World()
    refusing(world, isProfileOf('p0@example.com', 'p4@example.com'))
    const sync = changes(world, people(6), { rejectedShareMax: 1 })
    const { runId } = await sync.run()
    const letters = await lettersOf(world)
    expect(letters).toMatchObject(
      [
        {
          kind: 'profile',
          key: 'c-0',
          reason: NO.reason,
          runId,
          attempts: 0,
          action: { kind: 'profile', identifiers: { customer_id: 'c-0' }, dataFields: { score: 0.9 } },
        },
        { kind: 'membership', key: 'c-0', action: { list: 'at-risk', member: true } },
        { kind: 'membership', key: 'c-4' },
        { kind: 'profile', key: 'c-4' },
      ].sort((a, b) => (a.key + a.kind < b.key + b.kind ? -1 : 1)),
    )
    const count = async (query: object) => {
      let found = 0
      for await (const _ of sync.deadLetters(query)) found += 1
      return found
    }
    expect(await count({ key: 'c-4' })).toBe(2)
    expect(await count({ key: 'c-' })).toBe(0)
    expect(await count({ runId, reason: 'DATA_INVALID', limit: 3 })).toBe(3)
    expect(await count({ reason: 'EMAIL_INVALID' })).toBe(0)
    expect(await count({ runId: 'another' })).toBe(0)
  })

  test('shows none of another sync or project', async () => {
    const world = new World()
    refusing(world, () => true)
    await changes(world, people(1), { name: 'churn-2' }).run()
    expect(await lettersOf(world)).toEqual([])
  })

  test.each([
    [{ reasons: 'x' }, 'reasons'],
    [{ limit: 0 }, 'limit'],
    [{ key: 7 }, 'key'],
    [null, 'query'],
  ])('refuses the query %j', async (query, named) => {
    const world = new World()
    const first = world
      .sync([])
      .deadLetters(query as never)
      .next()
    await expect(first).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining(named) })
  })
})

describe('replay()', () => {
  test('is a run that reads the letters, sends what was kept and leaves none', async () => {
    const world = new World()
    const { mend } = refusing(world, isProfileOf('p0@example.com', 'p4@example.com'))
    await changes(world, people(6), { rejectedShareMax: 1 }).run()
    const before = await world.store.get('checkpoint', [['test', 'churn']])
    mend()
    const report = await changes(world, []).replay({ deadLetters: 'all' })
    expect(report).toMatchObject({
      status: 'complete',
      reads: 'deadLetters',
      // Who was not on the list and is not to be has nothing to be told.
      rows: { read: 4, accepted: 3, unchanged: 1, rejected: 0, unsettled: 0 },
      lists: [{ list: 'at-risk', add: 1 }],
      unparked: 0,
    })
    expect(scores(world)).toMatchObject({ 'p0@example.com': 0.9, 'p4@example.com': 0.1 })
    expect(world.destination.members('at-risk')).toEqual(new Set(['p0@example.com', 'p1@example.com']))
    expect(await lettersOf(world)).toEqual([])
    expect(await world.store.get('checkpoint', [['test', 'churn']])).toEqual(before)
    expect(await world.sync([]).history()).toContainEqual(report)
    // What was accepted is known: the rows have nothing new to say.
    expect((await changes(world, people(6)).run()).rows).toMatchObject({ read: 6, unchanged: 6 })
  })

  test('chooses by reason, key, run and id', async () => {
    const world = new World()
    const { mend } = refusing(world, ({ kind }) => kind === 'profile')
    const { runId } = await changes(world, people(5), { rejectedShareMax: 1 }).run()
    mend()
    const sync = changes(world, [])
    const read = async (deadLetters: Parameters<typeof sync.replay>[0]['deadLetters']) =>
      (await sync.replay({ deadLetters })).rows.read
    expect(await read({ reason: 'EMAIL_INVALID' })).toBe(0)
    expect(await read({ runId: 'another' })).toBe(0)
    expect(await read({ key: 'c-1', reason: 'DATA_INVALID' })).toBe(2)
    const [one, two] = await lettersOf(world)
    expect(await read({ ids: [one?.id ?? '', two?.id ?? ''] })).toBe(2)
    // Gone since: no letter, and no mistake either.
    expect(await read({ ids: [one?.id ?? ''] })).toBe(0)
    expect(await read({ runId })).toBe(6)
    expect(await lettersOf(world)).toEqual([])
  })

  test('what is refused again stays a letter, with its attempts, since when it is one, and the new reason', async () => {
    const world = new World()
    refusing(world, ({ kind }) => kind === 'profile')
    await changes(world, people(1), { rejectedShareMax: 1 }).run()
    const [, first] = await lettersOf(world)
    world.clock.advance(DAY_MS)
    world.destination.knob = ({ rows }) =>
      rows.map((): Outcome => ({ status: 'rejected', reason: { code: 'USER_CONFLICT', facts: {} } }))
    const report = await changes(world, []).replay({ deadLetters: { ids: [first?.id ?? ''] } })
    expect(report).toMatchObject({ status: 'complete', rows: { read: 1, rejected: 1 } })
    expect(report.reasons).toEqual([{ status: 'rejected', reason: { code: 'USER_CONFLICT', facts: {} }, rows: 1 }])
    const again = await world.sync([]).deadLetter(first?.id ?? '')
    expect(again).toEqual({
      ...first,
      reason: { code: 'USER_CONFLICT', facts: {} },
      runId: report.runId,
      attempts: 1,
      triedAt: new Date(world.clock.now()).toISOString(),
    })
  })

  test('never overwrites what a newer row has written since, field by field [I6]', async () => {
    const world = new World()
    const transform = plainTransform(({ row: _, email, ...dataFields }) => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields },
    ])
    const run = (...rows: Row[]) => {
      const source = new RowsSource({ name: 'scores', rows, key: ['row'], complete: false })
      return world.sync([], { source, transform, rejectedShareMax: 1 }).run()
    }
    const ann = 'ann@example.com'
    const { mend } = refusing(world, () => true)
    await run({ row: 'r1', email: ann, score: 0.1, tier: 'gold' }, { row: 'r2', email: ann, plan: 'a' })
    mend()
    await run({ row: 'r3', email: ann, score: 0.9, plan: 'b' })
    const report = await world.sync([], { transform }).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 2, accepted: 1, superseded: 1 })
    const held = Object.assign(
      {},
      ...world.destination.applied.map(({ action }) => 'dataFields' in action && action.dataFields),
    )
    expect(held).toEqual({ score: 0.9, plan: 'b', tier: 'gold' })
    expect(await lettersOf(world)).toEqual([])
  })

  test('holds a letter against what the very request that refused it was accepted for [I6]', async () => {
    const world = new World()
    const transform = plainTransform(({ email, score }) => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields: { score: score ?? null } },
    ])
    const rows = [0.1, 0.9].map((score, n) => ({ id: `r-${n}`, email: 'ann@example.com', score }))
    const { mend } = refusing(world, (action) => action.kind === 'profile' && action.dataFields?.score === 0.1)
    await changes(world, rows, { transform, rejectedShareMax: 1 }).run()
    mend()
    const report = await changes(world, [], { transform }).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 1, superseded: 1 })
    expect(scores(world)).toEqual({ 'ann@example.com': 0.9 })
  })

  test.each([1, 7])(
    'is over when its row came again and was accepted in the same run, in pages of %i',
    async (pageSize) => {
      const world = new World()
      const { mend } = refusing(world, (action) => action.kind === 'profile' && action.dataFields?.score === 0.9)
      const twice = (one: Partial<Row>, other: Partial<Row>) =>
        [one, other].map((row): Row => ({ id: 'c-1', email: 'ann@example.com', ...row }) as Row)
      const more = { rejectedShareMax: 1, pageSize }
      await changes(world, twice({ score: 0.9 }, { score: 0.1 }), more).run()
      expect(await lettersOf(world)).toEqual([])
      const transform = plainTransform((row) => {
        if (row.bad === true) throw new Error('no')
        return scoreAndList(row)
      })
      await changes(world, twice({ score: 0.5, bad: true }, { score: 0.2 }), { ...more, transform }).run()
      expect(await lettersOf(world)).toEqual([])
      // And the other way round the refused one is the newest word.
      await changes(world, twice({ score: 0.3 }, { score: 0.9 }), more).run()
      expect(await lettersOf(world)).toHaveLength(2)
      mend()
      await changes(world, []).replay({ deadLetters: 'all' })
      expect(scores(world)).toEqual({ 'ann@example.com': 0.9 })
      expect(world.destination.members('at-risk').size).toBe(1)
    },
  )

  test('does not send what a whole audience has not shown again since', async () => {
    const world = new World()
    const { mend } = refusing(world, isProfileOf('p0@example.com'))
    await world.sync(people(3), { rejectedShareMax: 1 }).run()
    expect(await lettersOf(world)).toHaveLength(2)
    mend()
    await world.sync(people(3).slice(1), { rejectedShareMax: 1 }).run()
    const report = await world.sync([]).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 2, superseded: 2 })
    expect(world.destination.profiles().has('p0@example.com')).toBe(false)
    expect(await lettersOf(world)).toEqual([])
  })

  test('sends what is older than a whole audience where that shows it, and what came after one', async () => {
    const world = new World()
    const { mend } = refusing(world, isProfileOf('p0@example.com', 'p9@example.com'))
    await world.sync(people(3), { rejectedShareMax: 1 }).run()
    await world.sync(people(3), { rejectedShareMax: 1 }).run()
    await changes(world, [{ id: 'c-9', email: 'p9@example.com', score: 0.1 }], { rejectedShareMax: 1 }).run()
    await changes(world, [], {}).run()
    mend()
    expect((await world.sync([]).replay({ deadLetters: 'all' })).rows).toMatchObject({
      read: 4,
      accepted: 3,
      unchanged: 1,
    })
  })

  test('takes nobody off a list, tries nothing that is parked, and reads no source', async () => {
    const world = new World()
    const nameless = { id: 'c-8', score: 0.9 }
    const { mend } = refusing(world, isProfileOf('p0@example.com'))
    await world.sync([...people(3), nameless], { rejectedShareMax: 1 }).run()
    mend()
    const ids = [
      { namespace: 'customer_id', value: 'c-8' },
      { namespace: 'email', value: 'eve@example.com' },
    ]
    await world.identity.observe([{ source: 'crm', key: '1', observedAt: null, ids }])
    const source = new RowsSource({ name: 'scores', rows: people(1), key: ['id'], complete: true })
    source.read = () => {
      throw new Error('read')
    }
    const report = await world.sync([], { source }).replay({ deadLetters: 'all' })
    expect(report).toMatchObject({ status: 'complete', rows: { read: 2, accepted: 2 }, lists: [{ add: 1, remove: 0 }] })
    expect(world.destination.profiles().has('eve@example.com')).toBe(false)
    // And the run after it does both.
    expect(await changes(world, []).run()).toMatchObject({ unparked: 2 })
    expect(world.destination.members('at-risk')).toEqual(new Set(['p0@example.com', 'eve@example.com']))
  })

  test('moves what still has no address to what is parked, and the next run goes on with it', async () => {
    const world = new World()
    const { mend } = refusing(world, isProfileOf('ann@example.com'))
    const known = (email: string) =>
      world.identity.observe([
        {
          source: 'crm',
          key: '1',
          observedAt: null,
          ids: [
            { namespace: 'customer_id', value: 'c-1' },
            { namespace: 'email', value: email },
          ],
        },
      ])
    await known('ann@example.com')
    await changes(world, [{ id: 'c-1', score: 0.1 }], { rejectedShareMax: 1 }).run()
    mend()
    await world.identity.retract([{ source: 'crm', key: '1' }])
    const report = await changes(world, []).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 2, parked: 2 })
    expect(await lettersOf(world)).toEqual([])
    const parked = []
    for await (const one of world.sync([]).parked()) parked.push(one)
    expect(parked).toMatchObject([
      { kind: 'membership', key: 'c-1', reason: { code: 'ADDRESS_UNKNOWN' }, runId: report.runId },
      { kind: 'profile', key: 'c-1', action: { kind: 'profile', dataFields: { score: 0.1 } } },
    ])
    let first = 0
    for await (const _ of world.sync([]).parked({ limit: 1 })) first += 1
    expect(first).toBe(1)
    await known('ann@new.example')
    expect(await changes(world, []).run()).toMatchObject({ unparked: 2 })
    expect(scores(world)).toEqual({ 'ann@new.example': 0.1 })
  })

  test.each([
    [{}, 'deadLetters'],
    [{ deadLetters: {} }, "'all'"],
    [{ deadLetters: 'everything' }, 'deadLetters'],
    [{ deadLetters: { ids: ['no id'] } }, 'id'],
    [{ deadLetters: 'all', dry: true }, 'dry'],
    [{ deadLetters: 'all', graceMs: -1 }, 'graceMs'],
  ])('refuses %j', async (options, named) => {
    const world = new World()
    await expect(world.sync([]).replay(options as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(named),
    })
  })

  test('is refused while the sync runs, and changes nothing', async () => {
    const world = new World()
    refusing(world, ({ kind }) => kind === 'profile')
    await changes(world, people(1), { rejectedShareMax: 1 }).run()
    const [letter] = await lettersOf(world)
    let seen: unknown
    const edits: unknown[] = []
    world.destination.knob = () => undefined
    const sync = changes(world, people(2))
    sync.once('page', () => undefined)
    const source = new RowsSource({ name: 'scores', rows: people(2), key: ['id'], complete: false })
    const read = source.read.bind(source)
    source.read = async function* (options) {
      seen = await world.sync([]).replay({ deadLetters: 'all' })
      const id = letter?.id ?? ''
      for (const go of [
        () => world.sync([]).dropDeadLetters('all'),
        () => world.sync([]).editDeadLetter(id, { row: {} }),
        () => world.sync([]).expire(),
      ])
        edits.push(await go().catch(({ code }: { code: string }) => code))
      yield* read(options)
    }
    await world.sync([], { source }).run()
    expect(seen).toMatchObject({ status: 'stopped', reads: 'deadLetters', error: { code: 'LEASE_HELD' } })
    expect(edits).toEqual(['LEASE_HELD', 'LEASE_HELD', 'LEASE_HELD'])
  })
})

describe('a dead letter of a row', () => {
  const strict = (version: 'broken' | 'mended') =>
    plainTransform(
      (row) => {
        if (version === 'broken' && Number(row.score) > 0.7) throw new Error('no')
        return scoreAndList(row)
      },
      ['id', 'score'],
    )

  test('goes through the transform again, and its row is one like any other', async () => {
    const world = new World()
    await changes(world, people(6), { transform: strict('broken'), rejectedShareMax: 1 }).run()
    const letters = await lettersOf(world)
    expect(letters).toMatchObject([
      { kind: 'row', key: 'c-0', row: people(1)[0], reason: { code: 'TRANSFORM_THREW' } },
      { kind: 'row', key: 'c-1' },
    ])
    const report = await changes(world, [], { transform: strict('mended') }).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 2, accepted: 2 })
    expect(scores(world)).toMatchObject({ 'p0@example.com': 0.9, 'p1@example.com': 0.9 })
    expect(world.destination.members('at-risk').size).toBe(2)
    expect(await lettersOf(world)).toEqual([])
    expect((await changes(world, people(6)).run()).rows.unchanged).toBe(6)
  })

  test('that is refused again stays one, and the circuit does not stop the others', async () => {
    const world = new World()
    const count = 150
    const rows = people(count).map((row) => ({ ...row, score: 0.9 }))
    await changes(world, rows, { transform: strict('broken'), rejectedShareMax: 1 }).run()
    const report = await changes(world, [], { transform: strict('broken') }).replay({ deadLetters: 'all' })
    expect(report).toMatchObject({ status: 'complete', rows: { read: count, rejected: count } })
    const letters = await lettersOf(world)
    expect(letters).toHaveLength(count)
    expect(letters.every(({ attempts, kind }) => attempts === 1 && kind === 'row')).toBe(true)
  })

  test('is over when a newer version of its row became actions, and not sent over it [I6]', async () => {
    const world = new World()
    await changes(world, people(1), { transform: strict('broken'), rejectedShareMax: 1 }).run()
    expect(await lettersOf(world)).toHaveLength(1)
    await changes(world, [{ ...people(1)[0], score: 0.2 } as Row], { transform: strict('broken') }).run()
    expect(await lettersOf(world)).toEqual([])
  })

  test('does not go because the transform makes nothing of a newer version: what the older one said never arrived [I4]', async () => {
    const world = new World()
    await changes(world, people(1), { transform: strict('broken'), rejectedShareMax: 1 }).run()
    const { rows } = await changes(world, people(1), { transform: plainTransform(() => []) }).run()
    expect(rows).toMatchObject({ filtered: 1 })
    expect(await lettersOf(world)).toHaveLength(1)
  })

  test('whose columns the transform does not know any more says so, and can be edited', async () => {
    const world = new World()
    await changes(world, people(1), { transform: strict('broken'), rejectedShareMax: 1 }).run()
    const transform = plainTransform(
      ({ id, email, churn }) => scoreAndList({ id, email, score: churn } as Row),
      ['churn'],
    )
    const sync = changes(world, [], { transform })
    const report = await sync.replay({ deadLetters: 'all' })
    expect(report.reasons).toEqual([
      {
        status: 'rejected',
        reason: { code: 'DEAD_LETTER_OUTDATED', facts: { column: 'churn', at: 'plain.js:1:1' } },
        rows: 1,
      },
    ])
    const [letter] = await lettersOf(world)
    expect(letter).toMatchObject({ reason: { code: 'TRANSFORM_THREW' }, attempts: 1 })
    await sync.editDeadLetter(letter?.id ?? '', { row: { id: 'c-0', email: 'p0@example.com', churn: 0.3 } })
    expect((await sync.replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(scores(world)).toEqual({ 'p0@example.com': 0.3 })
  })

  test('that the source refused needs an edit: a replay says that it cannot help', async () => {
    const world = new World()
    const rows = [...people(2), { id: 'c-7', email: 'big@example.com', score: (2n ** 60n) as unknown as number }]
    const sync = world.sync(rows, { complete: false, rejectedShareMax: 1 })
    await sync.run()
    const [letter, ...others] = await lettersOf(world)
    expect(others).toEqual([])
    expect(letter).toMatchObject({ kind: 'row', needsEdit: true, reason: { code: 'VALUE_NOT_EXACT' } })
    const report = await sync.replay({ deadLetters: 'all' })
    expect(report.reasons).toMatchObject([{ status: 'rejected', reason: { code: 'DEAD_LETTER_UNCHANGED' }, rows: 1 }])
    const id = letter?.id ?? ''
    expect(await sync.deadLetter(id)).toMatchObject({
      reason: { code: 'VALUE_NOT_EXACT' },
      needsEdit: true,
      attempts: 1,
    })
    await sync.editDeadLetter(id, { row: { id: 'c-7', email: 'big@example.com', score: 0.2 } })
    expect(await sync.deadLetter(id)).not.toHaveProperty('needsEdit')
    expect((await sync.replay({ deadLetters: { ids: [id] } })).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(scores(world)).toMatchObject({ 'big@example.com': 0.2 })
  })

  test('rows without a key lose none of each other, page after page [I4]', async () => {
    const world = new World()
    const source = new RowsSource({ name: 'scores', rows: people(20), complete: false })
    const transform = plainTransform(() => {
      throw new Error('no')
    })
    const report = await world.sync([], { source, transform, rejectedShareMax: 1, pageSize: 3 }).run()
    expect(report.rows.rejected).toBe(20)
    expect(await lettersOf(world)).toHaveLength(20)
    const mended = world.sync([], { source, transform: plainTransform(scoreAndList), pageSize: 3 })
    expect((await mended.replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 20, accepted: 20 })
    expect(world.destination.profiles().size).toBe(20)
  })
})
