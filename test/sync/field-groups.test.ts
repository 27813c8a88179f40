import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Row } from '../../src/model/row.js'
import type { Json, JsonObject } from '../../src/model/value.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { FieldGroups } from '../../src/sync/field-groups.js'
import type { SyncOptions } from '../../src/sync/options.js'
import type { RunOptions } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

const numRuns = Number(process.env.LAW_RUNS ?? 50)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
const GROUPS = { score: ['a', 'b'], address: ['c'] }

const transform = plainTransform(({ id, email, fields }) => [
  {
    kind: 'profile',
    identifiers: { customer_id: String(id), email: String(email) },
    dataFields: fields as JsonObject,
  },
])
const row = (id: string, fields: JsonObject, email = `${id}@example.com`): Row => ({ id, email, fields })

/** What a destination holds that merges what it is sent, and removes what is null. */
function profiles({ destination }: World): Record<string, Record<string, Json>> {
  const held: Record<string, Record<string, Json>> = {}
  for (const { address, action } of destination.applied) {
    if (action.kind !== 'profile') continue
    held[address] ??= {}
    for (const [name, value] of Object.entries(action.dataFields ?? {})) {
      if (value === null) delete held[address][name]
      else held[address][name] = value
    }
  }
  return held
}

function living(more: Partial<SyncOptions> = {}) {
  const world = new World()
  const identity = new IdentityResolver({
    store: world.store,
    target: 'email',
    onTargetClaimed: 'share',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 } },
  })
  const run = async (rows: readonly Row[], { mode, ...options }: Partial<SyncOptions> & RunOptions = {}) => {
    const source = new RowsSource({ name: 'rows', rows, key: ['id'] })
    const sync = world.sync([], { source, transform, identity, ...more, ...options })
    return await sync.run(mode === undefined ? {} : { mode })
  }
  const sent = () =>
    world.destination.sent
      .splice(0)
      .flatMap(({ rows }) => rows.map(({ action }) => ('dataFields' in action ? action.dataFields : undefined)))
  return { world, run, sent }
}

describe('fieldGroups', () => {
  test('send the groups that changed, and the rest as one more', async () => {
    const { run, sent } = living({ fieldGroups: GROUPS })
    await run([row('ann', { a: 1, b: 1, c: 1, d: 1, e: 1 })])
    expect(sent()).toEqual([{ a: 1, b: 1, c: 1, d: 1, e: 1 }])
    expect((await run([row('ann', { a: 1, b: 2, c: 1, d: 1, e: 1 })])).rows).toMatchObject({ accepted: 1 })
    expect(sent()).toEqual([{ a: 1, b: 2 }])
    await run([row('ann', { a: 1, b: 2, c: 2, d: 1, e: 2 })])
    expect(sent()).toEqual([{ c: 2, d: 1, e: 2 }])
    const back = await run([row('ann', { e: 2, d: 1, c: 2, b: 2, a: 1 })])
    expect(back.rows).toMatchObject({ unchanged: 1 })
    expect(sent()).toEqual([])
  })

  test('remove a field by null with its group, and send nothing for one that is only left out', async () => {
    const { run, sent } = living({ fieldGroups: GROUPS })
    await run([row('ann', { a: 1, c: 1, d: 1 })])
    sent()
    await run([row('ann', { a: null, c: 1, d: 1 })])
    expect(sent()).toEqual([{ a: null }])
    expect((await run([row('ann', { a: null, d: 1 })])).rows).toMatchObject({ unchanged: 1 })
    expect(sent()).toEqual([])
    await run([row('ann', { a: null, c: 2, d: 1 })])
    expect(sent()).toEqual([{ c: 2 }])
  })

  test('hold for a field whose name has a dot in it', async () => {
    const { run, sent } = living({ fieldGroups: { dotted: ['a.b'] } })
    await run([row('ann', { 'a.b': 1, c: 1 })])
    sent()
    await run([row('ann', { 'a.b': 2, c: 1 })])
    expect(sent()).toEqual([{ 'a.b': 2 }])
  })

  test('once changed send each profile as a whole, once', async () => {
    const { run, sent } = living()
    const rows = [row('ann', { a: 1, c: 1 })]
    await run(rows)
    sent()
    for (const options of [{ fieldGroups: GROUPS }, { fieldGroups: { score: ['c'], address: ['a'] } }, {}]) {
      await run(rows, options)
      expect(sent()).toEqual([{ a: 1, c: 1 }])
      expect((await run(rows, options)).rows).toMatchObject({ unchanged: 1 })
    }
  })

  test('compare with what was accepted, and not with what was refused [I1]', async () => {
    const { run, sent, world } = living({ fieldGroups: GROUPS, rejectedShareMax: 1 })
    await run([row('ann', { a: 1, c: 1 })])
    world.destination.knob = () => [{ status: 'rejected', reason: { code: 'INVALID', facts: {} } }]
    await run([row('ann', { a: 2, c: 1 })])
    world.destination.knob = () => undefined
    sent()
    await run([row('ann', { a: 2, c: 2 })])
    expect(sent()).toEqual([{ a: 2, c: 2 }])
  })

  test('send all of a profile that another row was written over in the same pass [I6]', async () => {
    const { run, sent, world } = living({ fieldGroups: GROUPS })
    await run([row('ann', { a: 1, c: 1 }, 'home@example.com'), row('bob', { a: 2, c: 1 }, 'home@example.com')])
    sent()
    await run([row('ann', { a: 3, c: 1 }, 'home@example.com'), row('bob', { a: 2, c: 1 }, 'home@example.com')])
    expect(sent()).toEqual([{ a: 3 }, { a: 2, c: 1 }])
    expect(profiles(world)).toEqual({ 'home@example.com': { a: 2, c: 1 } })
  })

  test('send all of a profile that another row was written over before the pass was interrupted [I6]', async () => {
    const { run, sent, world } = living({ fieldGroups: GROUPS, concurrency: 1 })
    const rows = (a: number) => [
      row('ann', { a, c: 1 }, 'home@example.com'),
      ...Array.from({ length: 9 }, (_, n) => row(`c${n}`, { a, c: 1 })),
      row('bob', { a: 2, c: 1 }, 'home@example.com'),
    ]
    await run(rows(1), { pageSize: 50 })
    sent()
    world.destination.knob = (_, nth) =>
      nth > 0 ? Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', {})) : undefined
    expect((await run(rows(3), { pageSize: 50 })).status).toBe('failed')
    world.destination.knob = () => undefined
    sent()
    expect((await run(rows(3), { pageSize: 50 })).status).toBe('complete')
    // Of Bob's nobody knows whether it arrived, and so not what of Ann's is still there.
    expect(sent()).toEqual([
      { a: 3, c: 1 },
      { a: 2, c: 1 },
    ])
    expect(profiles(world)['home@example.com']).toEqual({ a: 2, c: 1 })
  })

  test('send all of a profile of which more than fields has changed', () => {
    const groups = new FieldGroups(GROUPS)
    const payload = new TextEncoder().encode('{"a":1}')
    const said = { address: '', kind: 'profile', detail: {}, payload }
    const other = groups.print({ ...said, detail: { merge: true } })
    expect(groups.changed(groups.print(said), { print: other, payload })).toBeUndefined()
    expect(groups.changed(groups.print(said), { print: groups.print(said), payload })).toEqual([])
    expect(groups.changed('a print of old', { print: other, payload })).toBeUndefined()
  })

  test('are left aside by a full run', async () => {
    const { run, sent } = living({ fieldGroups: GROUPS })
    const rows = [row('ann', { a: 1, c: 1 })]
    await run(rows)
    sent()
    await run(rows, { mode: 'full' })
    expect(sent()).toEqual([{ a: 1, c: 1 }])
  })

  test('go along with additions to a list that carry the profile', async () => {
    const carrying = plainTransform(({ email, fields }) => [
      { kind: 'profile', identifiers: { email: String(email) }, dataFields: fields as JsonObject },
      { kind: 'membership', identifiers: { email: String(email) }, list: 'at-risk', member: true },
    ])
    const { run, sent } = living({ fieldGroups: GROUPS, adds: 'carry', transform: carrying })
    await run([row('ann', { a: 1, c: 1 })])
    expect(sent()).toEqual([
      { a: 1, c: 1 },
      { a: 1, c: 1 },
    ])
  })

  test.each([
    ['a field in two of them', { one: ['a'], two: ['a'] }, /names a field twice/],
    ['an empty one', { one: [] }, /fieldGroups/],
    ['too many', Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`g${n}`, [`f${n}`]])), /more than 16 groups/],
  ])('%s is refused', (_, fieldGroups, problem) => {
    expect(() => new World().sync([], { fieldGroups })).toThrow(problem)
  })
})

const value = fc.constantFrom<Json>(1, 2, 'x', null)
/** Of a person of their own: any fields. */
const own = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), value)
/** Of people with one mailbox: each row always says the same fields. */
const shared = fc.record({ a: value, c: value, d: value })
const pass = fc.record({
  ann: fc.option(own, { freq: 5 }),
  bob: fc.option(own, { freq: 5 }),
  cat: shared,
  dan: shared,
  pageSize: fc.integer({ min: 1, max: 5 }),
})

test('whatever the rows were, with groups a profile ends as when everything is sent', async () => {
  let parts = 0
  await fc.assert(
    fc.asyncProperty(fc.array(pass, { minLength: 1, maxLength: 6 }), async (passes) => {
      const [grouped, whole] = [living({ fieldGroups: GROUPS }), living()]
      for (const { ann, bob, cat, dan, pageSize } of passes) {
        const rows = [
          ...(ann === null ? [] : [row('ann', ann)]),
          row('cat', cat, 'home@example.com'),
          ...(bob === null ? [] : [row('bob', bob)]),
          row('dan', dan, 'home@example.com'),
        ]
        expect((await grouped.run(rows, { pageSize })).status).toBe('complete')
        expect((await whole.run(rows, { pageSize, mode: 'full' })).status).toBe('complete')
        expect(profiles(grouped.world)).toEqual(profiles(whole.world))
      }
      parts += whole.sent().length - grouped.sent().length
    }),
    { numRuns, ...seed },
  )
  expect(parts).toBeGreaterThan(0)
}, 120_000)
