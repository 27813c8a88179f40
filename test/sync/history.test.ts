import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { OutcomeEntry } from '../../src/history/outcomes.js'
import type { Identifiers } from '../../src/model/identifier.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { type Op, TABLES } from '../../src/stores/store.js'
import type { OutcomesRequest } from '../../src/sync/person-outcomes.js'
import type { Sync } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { people, scoreAndList, World } from './world.js'

async function outcomes(sync: Sync, request: OutcomesRequest = {}): Promise<readonly OutcomeEntry[]> {
  const found: OutcomeEntry[] = []
  for await (const entry of sync.outcomes(request)) found.push(entry)
  return found
}

const short = ({ kind, status, list, member }: OutcomeEntry): string =>
  [kind, status, ...(list === undefined ? [] : [list, member])].join(' ')

const REFUSAL: Outcome = { status: 'rejected', reason: { code: 'ROW_REFUSED', facts: { field: 'score' } } }
const refusing = (address: string) =>
  new RecordingDestination({
    sizeMax: 10,
    knob: ({ rows }) => rows.map((row): Outcome => (row.address === address ? REFUSAL : { status: 'accepted' })),
  })

/** All that the history's tables hold, as text. */
async function heldBy(world: World): Promise<string> {
  const tables = ['run', 'outcome', 'outcomeKey', 'batch', 'schema'] as const
  const all = await Promise.all(tables.map((table) => world.store.scan(table, { prefix: [], limit: 10_000 })))
  return JSON.stringify(all)
}

describe('sync.outcomes()', () => {
  test('tells what happened to a person, by any identifier that identity knows of them', async () => {
    const world = new World({ destination: refusing('p4@example.com') })
    const sync = world.sync(people(30), { rejectedShareMax: 1 })
    const { runId } = await sync.run()
    const of = async (person: Identifiers) => (await outcomes(sync, { person })).map(short)
    const joined = ['list accepted at-risk true', 'profile accepted', 'membership accepted at-risk true']
    expect(await of({ customer_id: 'c-3' })).toEqual(joined)
    expect(await of({ email: 'P3@Example.com' })).toEqual(joined)
    expect(await of({ customer_id: 'c-20' })).toEqual(['profile accepted', 'membership unchanged at-risk false'])
    expect(await of({ customer_id: 'c-99' })).toEqual([])
    expect(await outcomes(sync, { person: { customer_id: 'c-4' }, status: 'rejected' })).toMatchObject([
      { runId, kind: 'profile', reason: { code: 'ROW_REFUSED', facts: { field: 'score' } } },
      { runId, kind: 'membership', list: 'at-risk', member: true },
    ])
  })

  test('finds what was sent to the address that a person had before', async () => {
    const world = new World()
    const row = (email: string, day: number): Row => ({ id: 'c-1', email, score: 0.1, at: `2026-01-0${day}T00:00:00Z` })
    const run = async (rows: readonly Row[]) => {
      const source = new RowsSource({ name: 'scores', rows, key: ['id'], changedAt: 'at', complete: true })
      const sync = world.sync([], { source })
      await sync.run()
      return sync
    }
    // Known by the old address alone, then by both, and from then on by the new one.
    await run([{ id: 'c-1', email: 'old@example.com', score: 0.1, at: '2026-01-01T00:00:00Z' }])
    const sync = await run([row('new@example.com', 2)])
    const entries = await outcomes(sync, { person: { email: 'new@example.com' } })
    expect(entries.map(short)).toContain('addressChange accepted')
    expect(new Set(entries.map(({ runId }) => runId)).size).toBe(2)
  })

  test('is asked by key, run, reason and status, newest first, so many at most', async () => {
    const world = new World({ destination: refusing('p4@example.com') })
    const first = await world.sync(people(8), { rejectedShareMax: 1 }).run()
    world.clock.advance(60_000)
    const sync = world.sync(people(8), { rejectedShareMax: 1 })
    const second = await sync.run()
    expect((await outcomes(sync, { reason: 'ROW_REFUSED' })).map(({ runId }) => runId)).toEqual([
      second.runId,
      second.runId,
      first.runId,
      first.runId,
    ])
    expect((await outcomes(sync, { runId: second.runId, status: 'unchanged' })).length).toBe(14)
    expect(await outcomes(sync, { key: 'c-2', runId: first.runId, status: 'accepted' })).toHaveLength(2)
    expect(await outcomes(sync, { limit: 3 })).toHaveLength(3)
    await expect(outcomes(sync, { key: 'c-2', person: { email: 'x' } })).rejects.toThrow('OPTION_INVALID')
    await expect(outcomes(sync, { status: 'gone' as 'parked' })).rejects.toThrow('OPTION_INVALID')
  })

  test('has the row that no action was made of, and the action that waits for an address', async () => {
    const world = new World()
    const transform = plainTransform((row) => (row.id === 'c-1' ? [] : scoreAndList(row)))
    const rows = [
      { id: 'c-1', email: 'p1@example.com', score: 0.1 },
      { id: 'c-2', score: 0.1 },
    ]
    const sync = world.sync(rows, { transform })
    const report = await sync.run()
    expect(report.rows).toMatchObject({ filtered: 1, parked: 1 })
    expect((await outcomes(sync, { key: 'c-1' })).map(short)).toEqual(['row filtered'])
    expect(await outcomes(sync, { person: { customer_id: 'c-2' } })).toMatchObject([
      { kind: 'profile', status: 'parked', reason: { code: 'ADDRESS_UNKNOWN' } },
      { kind: 'membership', status: 'parked' },
    ])
    // The address comes; what was parked is tried again, and that is told too.
    await world.identity.observe([
      {
        source: 'crm',
        key: '1',
        observedAt: null,
        ids: [
          { namespace: 'customer_id', value: 'c-2' },
          { namespace: 'email', value: 'p2@example.com' },
        ],
      },
    ])
    const next = world.sync([], { source: new RowsSource({ name: 'scores', rows: [], key: ['id'], complete: false }) })
    expect(await next.run()).toMatchObject({ unparked: 2 })
    const now = await outcomes(next, { person: { customer_id: 'c-2' } })
    expect(now.map(short)).toEqual([
      'profile accepted',
      'membership unchanged at-risk false',
      'profile parked',
      'membership parked at-risk false',
    ])
  })

  test('holds no address and no key unless it is asked to; off, it holds nothing [I7]', async () => {
    const world = new World({ destination: refusing('p4@example.com') })
    const sync = world.sync(people(30), { rejectedShareMax: 1 })
    await sync.run()
    expect((await outcomes(sync)).length).toBeGreaterThan(60)
    expect(await heldBy(world)).not.toMatch(/example\.com|"c-\d/)

    const plain = new World({ destination: refusing('p4@example.com') })
    const told = plain.sync(people(30), { rejectedShareMax: 1, history: { outcomes: 'plain' } })
    await told.run()
    expect(await outcomes(told, { status: 'rejected', limit: 1 })).toMatchObject([
      { key: 'c-4', address: 'p4@example.com' },
    ])

    const silent = new World()
    const off = silent.sync(people(30), { history: { outcomes: 'off' } })
    expect((await off.run()).status).toBe('complete')
    expect(await outcomes(off)).toEqual([])
    expect(await outcomes(off, { person: { customer_id: 'c-1' } })).toEqual([])
  })

  test('knows nothing of what the destination has not answered for [I1]', async () => {
    const unclear = () => Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR'))
    const world = new World({ destination: new RecordingDestination({ sizeMax: 10, knob: unclear }) })
    const sync = world.sync(people(5), { retry: { attemptsMax: 2, waitMaxMs: 1 } })
    expect((await sync.run()).status).toBe('failed')
    expect(await outcomes(sync)).toEqual([])
  })

  test('after a crash at any commit has every outcome of the rows that are finished, and no page twice [I3]', async () => {
    for (let dieAt = 0; ; dieAt += 1) {
      const world = new World({ store: new MemoryStore() })
      let commits = 0
      const dying = new Proxy(world.store, {
        get: (store, name) =>
          name === 'commit'
            ? (ops: readonly Op[]) => (commits++ < dieAt ? store.commit(ops) : Promise.reject(new Error('dead')))
            : Reflect.get(store, name, store).bind?.(store),
      })
      const rows = people(20)
      const died = await world
        .sync(rows, { store: dying })
        .run()
        .catch(() => undefined)
      world.clock.advance(60_001) // its lease has run out
      const sync = world.sync(rows)
      expect((await sync.run()).status).toBe('complete')
      for (const { id } of rows) {
        const found = await outcomes(sync, { key: String(id) })
        const profiles = found.filter(({ kind }) => kind === 'profile')
        const runs = new Set(profiles.map(({ runId }) => runId))
        expect(profiles.length).toBeGreaterThan(0)
        expect(profiles.length).toBe(runs.size)
      }
      if (died?.status === 'complete') return
    }
  })
})

describe('what a sync keeps of its runs', () => {
  test('a run that died is told as interrupted, with what was known when it began', async () => {
    const world = new World()
    let commits = 0
    const dying = new Proxy(world.store, {
      get: (store, name) =>
        name === 'commit'
          ? (ops: readonly Op[]) => (commits++ < 4 ? store.commit(ops) : Promise.reject(new Error('dead')))
          : Reflect.get(store, name, store).bind?.(store),
    })
    await world
      .sync(people(20), { store: dying })
      .run()
      .catch(() => undefined)
    const sync = world.sync(people(20))
    const [died] = await sync.history()
    expect(died).toMatchObject({ status: 'interrupted', sync: 'churn', rows: { read: 0 } })
    world.clock.advance(60_001) // its lease has run out
    const report = await sync.run()
    expect((await sync.history()).map(({ status }) => status).sort()).toEqual(['complete', 'interrupted'])
    expect(report.versions.rules).toBe(world.identity.rulesHash)
    expect(report.versions.transform).toBe((await plainTransform(scoreAndList, ['id', 'score']).prepare()).version)
  })

  test('the schema of a run by its digest, with its columns, and when it was met first and last', async () => {
    const world = new World()
    const sync = world.sync(people(3))
    const first = await sync.run()
    world.clock.advance(86_400_000)
    await sync.run()
    const changed = world.sync(people(3).map((row) => ({ ...row, tier: 'gold' })))
    const last = await changed.run()
    const schemas = await changed.schemas()
    expect(schemas.map(({ digest }) => digest)).toEqual([first.schema, last.schema])
    expect(schemas[1]?.columns.map(({ name }) => name)).toContain('tier')
    expect(first.schema).not.toBe(last.schema)
  })

  test('its requests add up to its outcomes', async () => {
    const world = new World({ destination: refusing('p4@example.com') })
    const sync = world.sync(people(30), { rejectedShareMax: 1 })
    const report = await sync.run()
    const sums = { requests: 0, actions: 0, accepted: 0, rejected: 0 }
    for await (const { actions, accepted, rejected, bytes, ms, at } of sync.batches({ runId: report.runId })) {
      expect(bytes).toBeGreaterThan(0)
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(at).toMatch(/^\d{4}-\d\d-\d\dT/)
      sums.requests += 1
      sums.actions += actions
      sums.accepted += accepted
      sums.rejected += rejected
    }
    expect(sums.requests).toBe(Object.values(report.requests).reduce((a, b) => a + b))
    const entries = await outcomes(sync)
    const sent = (status: string) =>
      entries.filter((one) => one.status === status && (one.kind === 'profile' || one.kind === 'list')).length
    expect(sums).toMatchObject({ accepted: sent('accepted'), rejected: sent('rejected') })
    expect(sums.actions).toBe(sums.accepted + sums.rejected)
  })

  test('a plan leaves no trace of itself in the store', async () => {
    const world = new World()
    const sync = world.sync(people(30))
    await sync.plan()
    for (const table of TABLES) expect(await world.store.scan(table, { prefix: [], limit: 10 })).toEqual([])
  })
})

describe('retention', () => {
  test('prune() takes away what is older than the bounds, and only that', async () => {
    const world = new World()
    const sync = world.sync(people(5), { history: { keepDays: 10, runsMax: 2 } })
    const runs = [await sync.run()]
    for (let n = 0; n < 3; n += 1) {
      world.clock.advance(86_400_000)
      runs.push(await sync.run())
    }
    const pruned = await sync.prune()
    const kept = await sync.history()
    expect(kept.map(({ runId }) => runId)).toEqual([runs[3]?.runId, runs[2]?.runId])
    expect(pruned).toMatchObject({ schemas: 0 })
    expect(new Set((await outcomes(sync)).map(({ runId }) => runId))).toEqual(new Set(kept.map(({ runId }) => runId)))
    for await (const batch of sync.batches({ runId: runs[0]?.runId as string })) expect(batch).toBeUndefined()
    expect(await sync.prune()).toEqual({ runs: 0, outcomes: 0, schemas: 0 })
  })

  test('is seen to at the end of a run', async () => {
    const world = new World()
    const sync = world.sync(people(5), { history: { keepDays: 3 } })
    const first = await sync.run()
    for (let n = 0; n < 5; n += 1) {
      world.clock.advance(86_400_000)
      await sync.run()
    }
    const kept = await sync.history()
    expect(kept.map(({ runId }) => runId)).not.toContain(first.runId)
    expect(kept.length).toBeLessThan(6)
    expect(await outcomes(sync, { runId: first.runId })).toEqual([])
  })

  test('is not begun while the sync runs', async () => {
    const world = new World()
    const sync = world.sync(people(5))
    let refused: unknown
    sync.once('page', () => {
      refused = sync.prune().catch((error: unknown) => error)
    })
    await sync.run()
    expect(await refused).toMatchObject({ code: 'LEASE_HELD' })
  })
})
