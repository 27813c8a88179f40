import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { DeadLetter } from '../../src/sync/dead-letters.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { Mortal } from '../identity/mortal.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

const NO: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
const ENCRYPTION = { key: Buffer.alloc(32, 7) }

/** A profile, an event and a place on a list of each row; rows of an odd number break the program until it is mended. */
const transform = (state: 'broken' | 'mended') =>
  plainTransform(({ id, email, score, n }): readonly Action[] => {
    if (state === 'broken' && Number(n) % 2 === 1) throw new Error('no')
    const identifiers = { customer_id: String(id), ...(typeof email === 'string' ? { email } : {}) }
    return [
      { kind: 'profile', identifiers, dataFields: { score: score ?? null } },
      { kind: 'event', identifiers, eventName: 'scored', dataFields: { score: score ?? null } },
      { kind: 'membership', identifiers, list: 'all', member: true },
    ]
  })
const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({ n, id: `c-${n}`, email: `p${n}@example.com`, score: n / 10 }))

const source = (given: readonly Row[]) => new RowsSource({ name: 'scores', rows: given, key: ['id'], complete: false })

async function letters(world: World, more: Partial<SyncOptions> = {}): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = []
  for await (const letter of world.sync([], more).deadLetters()) found.push(letter)
  return found
}

const COUNT = 8

/** A store full of letters, and what a process that dies at a commit makes of it. */
async function life(death: { readonly at: number; readonly after: boolean } | undefined, encryption: boolean) {
  const base = new MemoryStore()
  const destination = new RecordingDestination({ sizeMax: 3 })
  const more = { rejectedShareMax: 1, ...(encryption ? { encryption: ENCRYPTION } : {}) }
  const first = new World({ store: base, destination })
  destination.knob = ({ rows: sent }) =>
    sent.map(({ action }) => (action.kind === 'membership' ? { status: 'accepted' } : NO))
  await first.sync([], { ...more, source: source(rows(COUNT)), transform: transform('broken') }).run()
  const taken = (await letters(first, more)).length
  destination.knob = () => undefined
  destination.applied.length = 0

  const store = new Mortal(base, death)
  const mortal = new World({ store, destination })
  const replayed = mortal
    .sync([], { ...more, transform: transform('mended') })
    .replay({ deadLetters: 'all' })
    .catch(() => undefined)
  await replayed
  const sentBefore = destination.applied.length
  first.clock.advance(120_000)
  const again = await first.sync([], { ...more, transform: transform('mended') }).replay({ deadLetters: 'all' })
  return {
    base,
    destination,
    taken,
    again,
    sentBefore,
    commits: store.commits,
    left: await letters(first, more),
    first,
  }
}

describe.each([false, true])('a replay that dies, sealed: %s,', (encryption) => {
  test('at any commit, before or after it, loses no letter and doubles none but what was under way [I1] [I4]', async () => {
    const { commits, taken, left, again } = await life(undefined, encryption)
    expect(left).toEqual([])
    expect(again.rows.read).toBe(0)
    expect(taken).toBe(COUNT / 2 + (COUNT / 2) * 3)
    expect(commits).toBeGreaterThan(10)
    for (let at = 0; at < commits; at += 1) {
      for (const after of [false, true]) {
        const { destination, again: ended, left: stayed, first } = await life({ at, after }, encryption)
        expect(ended, `commit ${at}`).toMatchObject({ status: 'complete', rows: { rejected: 0, unsettled: 0 } })
        expect(stayed).toEqual([])
        const [profiles, events] = ['profile', 'event'].map((kind) =>
          destination.applied.filter(({ action }) => action.kind === kind).map(({ address }) => address),
        )
        const everyone = rows(COUNT).map(({ email }) => email)
        for (const reached of [profiles, events]) expect([...new Set(reached)].sort()).toEqual(everyone)
        expect(destination.members('all')).toEqual(new Set(everyone))
        for (const { n, email } of rows(COUNT)) {
          expect(destination.profiles().get(String(email))).toEqual({ score: Number(n) / 10 })
        }
        // The window of a replay: what one request, or one page of rows, had under way.
        expect((profiles?.length ?? 0) + (events?.length ?? 0) - 2 * COUNT).toBeLessThanOrEqual(COUNT)
        // What was accepted is remembered: a run over the rows has nothing to say.
        const sync = first.sync([], {
          source: source(rows(COUNT)),
          transform: transform('mended'),
          ...(encryption ? { encryption: ENCRYPTION } : {}),
        })
        expect((await sync.run()).rows).toMatchObject({ read: COUNT, unchanged: COUNT })
      }
    }
  }, 60_000)
})

describe('a replay', () => {
  const bought = ({ id, email, total }: Row): readonly Action[] => [
    {
      kind: 'purchase',
      identifiers: { customer_id: String(id), email: String(email) },
      total: Number(total),
      items: [],
    },
  ]
  const order = { id: 'o-1', email: 'ada@example.com', total: 9 }
  const purchases = (world: World, given: readonly Row[] = []) =>
    world.sync(given, { complete: false, transform: plainTransform(bought), rejectedShareMax: 1 })

  test('of a purchase that died with no answer is told that it may have arrived, by replay and by run [I2]', async () => {
    for (const next of ['replay', 'run'] as const) {
      const base = new MemoryStore()
      const destination = new RecordingDestination({ sizeMax: 1, knob: ({ rows: sent }) => sent.map(() => NO) })
      const world = new World({ store: base, destination })
      await purchases(world, [order]).run()
      const dying = new World({ store: new Mortal(base), destination })
      destination.knob = () => Promise.reject(new Error('died'))
      await purchases(dying)
        .replay({ deadLetters: 'all' })
        .catch(() => undefined)
      world.clock.advance(120_000)
      destination.knob = () => undefined
      const ended =
        next === 'replay' ? purchases(world).replay({ deadLetters: 'all' }) : purchases(world, [order]).run()
      expect((await ended).rows).toMatchObject({ read: 1, accepted: 1 })
      expect(destination.again).toEqual([false, false, true])
      expect(await letters(world)).toEqual([])
      expect((await purchases(world, [order]).run()).rows).toMatchObject({ unchanged: 1 })
      expect(destination.applied).toHaveLength(1)
    }
  })

  test('of a purchase that nothing was written down for leaves word for a run over its row, too [I2]', async () => {
    const world = new World({ destination: new RecordingDestination({ sizeMax: 1 }) })
    const { destination } = world
    const open = destination.open.bind(destination)
    const reason = { code: 'ACTION_INVALID', facts: {} }
    destination.open = async (...given) => ({
      ...(await open(...given)),
      prepare: async () => ({ requests: [], refused: [{ action: 0, reason }] }),
    })
    await purchases(world, [order]).run()
    destination.open = open
    destination.knob = () => Promise.reject(new Error('died'))
    await purchases(world)
      .replay({ deadLetters: 'all' })
      .catch(() => undefined)
    world.clock.advance(120_000)
    destination.knob = () => undefined
    await purchases(world, [order]).run()
    expect(destination.again).toEqual([false, true])
  })

  test('of a row whose action is refused then counts the row once, and keeps the action', async () => {
    const world = new World()
    await world.sync([], { source: source(rows(2)), transform: transform('broken'), rejectedShareMax: 1 }).run()
    expect(await letters(world)).toMatchObject([{ kind: 'row', key: 'c-1' }])
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    const report = await world.sync([], { transform: transform('mended') }).replay({ deadLetters: 'all' })
    expect(report.rows).toMatchObject({ read: 1, rejected: 1, unsettled: 0 })
    const left = await letters(world)
    expect(left.map(({ kind, attempts }) => [kind, attempts])).toEqual([
      ['event', 0],
      ['membership', 0],
      ['profile', 0],
    ])
  })

  test('of a letter that was edited since is no repeat of what died', async () => {
    const base = new MemoryStore()
    const destination = new RecordingDestination({ sizeMax: 1, knob: ({ rows: sent }) => sent.map(() => NO) })
    const world = new World({ store: base, destination })
    await purchases(world, [order]).run()
    destination.knob = () => Promise.reject(new Error('died'))
    await purchases(world)
      .replay({ deadLetters: 'all' })
      .catch(() => undefined)
    world.clock.advance(120_000)
    const [letter] = await letters(world)
    const action = { ...letter?.action, total: 10 } as Action
    await purchases(world).editDeadLetter(letter?.id ?? '', { action })
    destination.knob = () => undefined
    await purchases(world).replay({ deadLetters: 'all' })
    expect(destination.again.at(-1)).toBe(false)
    expect(destination.applied.map(({ action: sent }) => sent)).toEqual([action])
  })

  test('gives an event the origin and the time that its row had, so that its id is the same [I2]', async () => {
    const world = new World()
    const made = plainTransform(({ id, email }) => [
      { kind: 'event', identifiers: { customer_id: String(id), email: String(email) }, eventName: 'seen' },
    ])
    const seen: (string | undefined)[][] = []
    const open = world.destination.open.bind(world.destination)
    world.destination.open = async (...given) => {
      const delivery = await open(...given)
      const prepare: typeof delivery.prepare = (block) => {
        for (let at = 0; at < block.length; at += 1) seen.push([block.key(at), block.changedAt(at)])
        return delivery.prepare(block)
      }
      return { ...delivery, prepare }
    }
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    const dated = { id: 'e-1', email: 'ada@example.com', at: '2026-11-01T00:00:00Z' }
    const keyed = new RowsSource({ name: 'events', rows: [dated], key: ['id'], changedAt: 'at' })
    const bare = new RowsSource({ name: 'events', rows: [dated], changedAt: 'at' })
    for (const [from, ids] of [
      [keyed, ['["events","e-1","event"]', dated.at]],
      [bare, [undefined, dated.at]],
    ] as const) {
      seen.length = 0
      await world.sync([], { source: from, transform: made, rejectedShareMax: 1 }).run()
      await world.sync([], { source: from, transform: made }).replay({ deadLetters: 'all' })
      expect(seen).toEqual([ids, ids])
      await world.sync([]).dropDeadLetters('all')
    }
  })

  test('sends in the order in which rows were read, whatever their keys [I6]', async () => {
    const world = new World()
    const made = plainTransform(({ email, kind, n }) => {
      const identifiers = { email: String(email) }
      return [
        kind === 'delete'
          ? { kind: 'delete', identifiers }
          : { kind: 'profile', identifiers, dataFields: { n: n ?? null } },
      ]
    })
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    const email = 'ann@example.com'
    const given = [
      { id: 'z', email, kind: 'profile', n: 1 },
      { id: 'm', email, kind: 'delete', n: 2 },
      { id: 'a', email, kind: 'profile', n: 3 },
    ]
    await world.sync(given, { complete: false, transform: made, rejectedShareMax: 1 }).run()
    world.destination.knob = () => undefined
    await world.sync([], { transform: made }).replay({ deadLetters: 'all' })
    expect(
      world.destination.applied.map(({ action }) => ('dataFields' in action ? action.dataFields : action.kind)),
    ).toEqual([{ n: 1 }, 'delete', { n: 3 }])
  })

  test('does not delete somebody who was written to since [I6]', async () => {
    const world = new World()
    const made = plainTransform(({ email, gone }) => {
      const identifiers = { email: String(email) }
      return [gone ? { kind: 'delete', identifiers } : { kind: 'profile', identifiers, dataFields: { gone: false } }]
    })
    const run = (...given: Row[]) => world.sync(given, { complete: false, transform: made, rejectedShareMax: 1 })
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    await run({ id: 'r-1', email: 'ann@example.com', gone: true }).run()
    world.destination.knob = () => undefined
    await run({ id: 'r-2', email: 'ann@example.com', gone: false }).run()
    expect((await run().replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, superseded: 1 })
    expect(world.destination.applied.map(({ action }) => action.kind)).toEqual(['profile'])
  })

  test('that is cancelled says so, and the next one goes on', async () => {
    const world = new World()
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    await world.sync([], { source: source(rows(6)), transform: transform('mended'), rejectedShareMax: 1 }).run()
    world.destination.knob = () => undefined
    const report = await world.sync([]).replay({ deadLetters: 'all', signal: AbortSignal.abort() })
    expect(report).toMatchObject({ status: 'cancelled', reads: 'deadLetters', error: { code: 'ABORTED' } })
    expect((await world.sync([]).replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 18, accepted: 18 })
  })

  test('stops for what stops a run, and keeps what it did not come to', async () => {
    const world = new World()
    world.destination.knob = ({ rows: sent }) => sent.map(() => NO)
    await world.sync([], { source: source(rows(6)), transform: transform('mended'), rejectedShareMax: 1 }).run()
    world.destination.knob = (_, nth) =>
      nth % 2 === 0 ? undefined : Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply' }))
    const report = await world.sync([], { concurrency: 1 }).replay({ deadLetters: 'all' })
    expect(report).toMatchObject({ status: 'failed', error: { code: 'DESTINATION_UNAUTHORIZED' } })
    const { read, unsettled, accepted } = report.rows
    expect([read, unsettled + accepted + report.rows.unchanged]).toEqual([18, 18])
    world.destination.knob = () => undefined
    const next = await world.sync([]).replay({ deadLetters: 'all' })
    expect(next.rows).toMatchObject({ read: 18 - accepted, accepted: 18 - accepted })
    expect(await letters(world)).toEqual([])
  })

  test('tries an address change again, and drops it once the person has moved on', async () => {
    const world = new World()
    const known = (email: string, day: number) =>
      world.identity.observe([
        {
          source: 'crm',
          key: '1',
          observedAt: `2026-01-0${day}T00:00:00Z`,
          ids: [
            { namespace: 'customer_id', value: 'c-1' },
            { namespace: 'email', value: email },
          ],
        },
      ])
    const run = () => world.sync([{ id: 'c-1', score: 0.1 }], { complete: false, rejectedShareMax: 1 })
    await known('old@example.com', 1)
    await run().run()
    world.destination.knob = ({ rows: sent }) =>
      sent.map(({ action }) => (action.kind === 'addressChange' ? NO : { status: 'accepted' }))
    await known('new@example.com', 2)
    await run().run()
    const [letter] = await letters(world)
    expect(letter).toMatchObject({
      kind: 'addressChange',
      action: { kind: 'addressChange', from: 'old@example.com', to: 'new@example.com' },
    })
    expect((await run().replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, rejected: 1 })
    world.destination.knob = () => undefined
    expect((await run().replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(world.destination.applied.at(-1)).toMatchObject({
      address: 'old@example.com',
      action: { to: 'new@example.com' },
    })

    world.destination.knob = ({ rows: sent }) =>
      sent.map(({ action }) => (action.kind === 'addressChange' ? NO : { status: 'accepted' }))
    await known('newer@example.com', 3)
    await run().run()
    world.destination.knob = () => undefined
    await known('newest@example.com', 4)
    expect(await run().replay({ deadLetters: 'all' })).toMatchObject({
      rows: { read: 1, superseded: 1 },
      retargeted: 1,
    })
    expect(await letters(world)).toEqual([])
  })

  test('does not subscribe to a list that is still refused, and does once it is there', async () => {
    const world = new World()
    const open = world.destination.open.bind(world.destination)
    let isThere = false
    world.destination.open = async (...given) => {
      const delivery = await open(...given)
      const unknown = { code: 'LIST_UNKNOWN', facts: { list: 'at-risk' } }
      const prepare: typeof delivery.prepare = async (block) => {
        const refused = Array.from({ length: block.length }, (_, action) => action).filter(
          (action) => !isThere && block.kind(action) === 'membership',
        )
        return refused.length === 0
          ? await delivery.prepare(block)
          : { requests: [], refused: refused.map((action) => ({ action, reason: unknown })) }
      }
      return { ...delivery, prepare }
    }
    await world
      .sync([{ id: 'c-1', email: 'ann@example.com', score: 0.9 }], { complete: false, rejectedShareMax: 1 })
      .run()
    expect(await letters(world)).toMatchObject([{ kind: 'membership', reason: { code: 'LIST_UNKNOWN' } }])
    const again = await world.sync([]).replay({ deadLetters: 'all' })
    expect(again).toMatchObject({ rows: { read: 1, rejected: 1 }, lists: [] })
    isThere = true
    expect((await world.sync([]).replay({ deadLetters: 'all' })).rows).toMatchObject({ read: 1, accepted: 1 })
    expect(world.destination.members('at-risk')).toEqual(new Set(['ann@example.com']))
  })
})
