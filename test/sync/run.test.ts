import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { RunReport } from '../../src/model/report.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { Lease } from '../../src/sync/lease.js'
import { plainTransform } from './plain-transform.js'
import { VirtualClock } from './virtual-clock.js'
import { people, scoreAndList, World } from './world.js'

const ACCEPTED = { status: 'accepted' } as const
const editedFacts = async () => ({ version: 'edited', form: 'default' as const, reads: [], readsAll: true })
const sum = ({ rows }: RunReport): number =>
  rows.accepted + rows.unchanged + rows.rejected + rows.parked + rows.superseded + rows.filtered

describe('Sync.run()', () => {
  test('every row ends in one outcome, and the sums hold [I4]', async () => {
    const world = new World()
    const rows: Row[] = [
      ...people(20),
      { id: 'c-none', email: null, score: 0.8 },
      { id: 'c-blocked', email: 'none', score: 0.8 },
      { id: 'c-throws', email: 'x@example.com', score: 'boom' },
      { id: 'c-nothing', email: 'y@example.com', score: null },
    ]
    const transform = plainTransform((row) => {
      if (row.score === 'boom') throw new Error('boom')
      return row.score === null ? [] : scoreAndList(row)
    })
    const report = await world.sync(rows, { transform, rejectedShareMax: 1 }).run()
    expect(report).toMatchObject({
      status: 'complete',
      rows: { read: 24, accepted: 20, parked: 2, rejected: 1, filtered: 1, unsettled: 0 },
    })
    expect(sum(report)).toBe(report.rows.read)
    expect(world.destination.profiles().size).toBe(20)
    expect(world.destination.members('at-risk').size).toBe(7)
  })

  test('the same rows again send nothing', async () => {
    const world = new World()
    await world.sync(people(20)).run()
    const sent = world.destination.sent.length
    const again = await world.sync(people(20)).run()
    expect(again).toMatchObject({ status: 'complete', rows: { read: 20, unchanged: 20 }, requests: {} })
    expect(world.destination.sent).toHaveLength(sent)
  })

  test('a changed row is sent alone, and the list follows [I11]', async () => {
    const world = new World()
    await world.sync(people(30)).run()
    const rows = people(30).map((row) => (row.id === 'c-0' ? { ...row, score: 0.2 } : row))
    const report = await world.sync(rows).run()
    expect(report.rows).toMatchObject({ read: 30, accepted: 1, unchanged: 29 })
    expect(report.lists).toEqual([{ list: 'at-risk', add: 0, remove: 1, keep: 9, held: 0, rejected: 0 }])
    expect(world.destination.members('at-risk').has('p0@example.com')).toBe(false)
  })

  test('a day without a row is a whole run, and not a table that lost its columns', async () => {
    const world = new World()
    const empty = { status: 'complete', rows: { read: 0 }, lists: [] }
    expect(await world.sync([]).run()).toMatchObject(empty)
    await world.sync(people(30), { complete: false }).run()
    const nobodyLeaves = { ...empty, lists: [{ remove: 0, keep: 10 }] }
    expect(await world.sync([], { complete: false }).run()).toMatchObject(nobodyLeaves)
    expect(await world.sync([]).run()).toMatchObject(nobodyLeaves)
    const renamed = people(30).map(({ score, ...row }) => ({ ...row, risk: score }) as Row)
    expect(await world.sync(renamed).run()).toMatchObject({ error: { code: 'SCHEMA_BREAKS_TRANSFORM' } })
  })

  test('a customer who is gone from a whole audience leaves the list', async () => {
    const world = new World()
    await world.sync(people(30)).run()
    const report = await world.sync(people(30).slice(1)).run()
    expect(report.lists[0]).toMatchObject({ remove: 1, keep: 9 })
  })

  test('in rows that are changes, a customer who is missing stays', async () => {
    const world = new World()
    await world.sync(people(30), { complete: false }).run()
    const report = await world.sync(people(30).slice(1), { complete: false }).run()
    expect(report.lists[0]).toMatchObject({ remove: 0, keep: 10 })
  })

  test('a row that is rejected is not read as absence [I5]', async () => {
    const world = new World()
    await world.sync(people(30)).run()
    const transform = plainTransform((row) => {
      if (row.id === 'c-0') throw new Error('no')
      return scoreAndList(row)
    })
    const report = await world.sync(people(30), { transform }).run()
    expect(report.rows.rejected).toBe(1)
    expect(report.lists[0]).toMatchObject({ remove: 0, keep: 10 })
  })

  test('more removals than the guard allows: none goes out, and the run says so [I11]', async () => {
    const world = new World()
    await world.sync(people(90)).run()
    const calm = people(90).map((row) => ({ ...row, score: 0.1 }))
    const report = await world.sync(calm).run()
    expect(report.status).toBe('stopped')
    expect(report.error?.message).toMatch(/^LIST_GUARD: list at-risk: 30 of 30 members would be removed/)
    expect(world.destination.members('at-risk').size).toBe(30)
  })

  test('when too many rows are rejected the run stops: it is the mapping [I12]', async () => {
    const world = new World()
    const transform = plainTransform(() => {
      throw new Error('mapping')
    })
    const report = await world.sync(people(500), { transform, pageSize: 100 }).run()
    expect(report).toMatchObject({ status: 'stopped', error: { code: 'CIRCUIT_OPEN' } })
    expect(report.rows.read).toBeLessThan(500)
  })

  test('a run that is stopped for what the destination rejects counts no row twice [I4]', async () => {
    const world = new World()
    const no = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } as const
    world.destination.knob = ({ actions }) => actions.map(() => no)
    const report = await world.sync(people(900), { pageSize: 50 }).run()
    expect(report).toMatchObject({ status: 'stopped', error: { code: 'CIRCUIT_OPEN' } })
    const { read, unsettled, ...ended } = report.rows
    expect(Object.values(ended).reduce((sum, rows) => sum + rows, 0)).toBe(read - unsettled)
    expect(unsettled).toBeGreaterThanOrEqual(0)
    expect(ended.rejected).toBeLessThanOrEqual(world.destination.sent.flatMap(({ actions }) => actions).length)
    expect(report.reasons[0]?.rows).toBe(ended.rejected)
  })

  test('a missing column stops before the first row, and nothing has moved', async () => {
    const world = new World()
    await world.sync(people(20)).run()
    const before = await world.store.get('checkpoint', [['test', 'churn']])
    const sent = world.destination.sent.length
    const renamed = people(20).map(({ score, ...row }) => ({ ...row, churn_score: score as number, extra: 1 }))
    const report = await world.sync(renamed).run()
    expect(report.status).toBe('stopped')
    expect(report.error?.message).toMatch(/column score is missing, perhaps renamed to churn_score.*plain\.js:2:1/)
    expect(report.rows.read).toBe(0)
    expect(world.destination.sent).toHaveLength(sent)
    expect(await world.store.get('checkpoint', [['test', 'churn']])).toEqual(before)
  })

  describe('a column that was never there', () => {
    const typo = plainTransform(scoreAndList, ['id', 'emial'])
    const said =
      'SCHEMA_BREAKS_TRANSFORM: column emial is missing, the nearest is email; the transform reads it at plain.js:2:1'
    /** Columns of these are known with the first page and not before. */
    const undescribed = { source: new RowsSource({ name: 'scores', rows: () => people(9), key: ['id'] }) }

    test.each([
      ['described', {}],
      ['shown by the first page only', undescribed],
    ])('stops plan and run with the nearest name before the first row: %s', async (_what, more) => {
      const world = new World()
      const first = { ...more, transform: typo }
      for (const told of [await world.sync(people(9), first).plan(), await world.sync(people(9), first).run()]) {
        expect(told.error?.message).toContain(said)
      }
      await world.sync(people(9), more).run()
      const sent = world.destination.sent.length
      const edited = Object.assign(plainTransform(scoreAndList, ['id', 'emial']), {
        prepare: async () => ({ ...(await typo.prepare()), version: 'edited' }),
      })
      for (const transform of [typo, edited]) {
        const later = world.sync(people(9), { ...more, transform })
        for (const told of [await later.plan(), await later.run()]) expect(told.error?.message).toContain(said)
      }
      expect(world.destination.sent).toHaveLength(sent)
    })
  })

  test('a type that changed stops the run until the transform was edited', async () => {
    const world = new World()
    await world.sync(people(5)).run()
    const texts = people(5).map((row) => ({ ...row, score: String(row.score) }))
    const stopped = await world.sync(texts).run()
    expect(stopped.error?.message).toMatch(/column score is string and was double/)
    const edited = plainTransform((row) => scoreAndList({ ...row, score: Number(row.score) }), ['score'])
    const report = await world.sync(texts, { transform: Object.assign(edited, { prepare: editedFacts }) }).run()
    expect(report).toMatchObject({ status: 'complete', drift: [{ kind: 'typeChanged', breaks: false }] })
  })

  test('a place on a list is kept whole when the rest of its row is refused, and taken when it is not [I4]', async () => {
    const world = new World()
    const refuse = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } as const
    world.destination.knob = ({ rows }) => rows.map(({ address }) => (address === 'p0@example.com' ? refuse : ACCEPTED))
    const report = await world.sync(people(30), { complete: false }).run()
    expect(report.rows).toMatchObject({ accepted: 29, rejected: 1 })
    const letters = async () =>
      (await world.store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 9 })).map(({ key }) => key.slice(2))
    expect(await letters()).toEqual([
      ['c-0', 'membership'],
      ['c-0', 'profile'],
    ])
    expect(world.destination.members('at-risk').has('p0@example.com')).toBe(false)
    world.destination.knob = () => undefined
    await world.sync(people(30), { complete: false }).run()
    expect(await letters()).toEqual([])
    expect(world.destination.members('at-risk').has('p0@example.com')).toBe(true)
  })

  test('a second run at the same time is refused', async () => {
    const world = new World()
    const [one, two] = await Promise.all([world.sync(people(20)).run(), world.sync(people(20)).run()])
    expect([one.status, two.status].sort()).toEqual(['complete', 'stopped'])
    expect([one, two].find(({ status }) => status === 'stopped')?.error?.code).toBe('LEASE_HELD')
  })

  test('a second run that is told to waits for the first one, or for its own signal', async () => {
    const world = new World()
    const clock = new VirtualClock()
    clock.sleep = () => new Promise((resolve) => setImmediate(resolve)) // looks again and again, and no lease runs out
    const run = () => world.sync(people(20), { clock }).run({ whenHeld: 'wait' })
    const [one, two] = await Promise.all([run(), run()])
    expect([one.status, two.status]).toEqual(['complete', 'complete'])
    expect(one.rows.unchanged + two.rows.unchanged).toBe(20) // the one that waited found all of it sent
    await Lease.take(world.store, { project: 'test', sync: 'churn' }, world.clock)
    const signal = AbortSignal.abort()
    expect(await world.sync(people(20)).run({ whenHeld: 'wait', signal })).toMatchObject({ status: 'cancelled' })
  })

  test('a listener of two events is reported under the one it failed at', async () => {
    const world = new World()
    const sync = world.sync(people(3))
    const failed: unknown[] = []
    const listener = () => {
      throw new Error('mine')
    }
    sync.on('start', listener).on('page', listener)
    sync.on('listenerError', (error) => failed.push(error.facts.event))
    await sync.run()
    expect(failed).toEqual(['start', 'page'])
  })

  test('a listener that throws is reported and hurts nothing', async () => {
    const world = new World()
    const errors: string[] = []
    const sync = world.sync(people(5))
    sync.on('batch', () => {
      throw new Error('listener')
    })
    sync.on('listenerError', (error) => errors.push(error.message))
    expect((await sync.run()).status).toBe('complete')
    expect(errors[0]).toMatch(/^LISTENER_FAILED: a listener of batch threw/)
  })
})

describe('two syncs of one project', () => {
  test('the second one to write a field is refused before it sends, unless both share it', async () => {
    const world = new World()
    const lists = { transform: plainTransform((row) => scoreAndList(row).slice(0, 1)) }
    await world.sync(people(5), lists).run()
    const sent = world.destination.sent.length
    const other = await world.sync(people(5), { ...lists, name: 'other' }).run()
    expect(other.status).toBe('stopped')
    expect(other.error?.message).toMatch(/^FIELD_OWNED: the field score is written by the sync churn/)
    expect(world.destination.sent).toHaveLength(sent)
    const shared = await world.sync(people(5), { ...lists, name: 'other', sharedFields: ['score'] }).run()
    expect(shared.status).toBe('complete')
  })
})

describe('Sync.run() is interrupted', () => {
  test('cancelled with grace: what is on its way is settled, the rest is read again [I3]', async () => {
    const world = new World()
    const cancel = new AbortController()
    const sync = world.sync(people(40))
    sync.on('page', () => cancel.abort())
    const report = await sync.run({ signal: cancel.signal })
    expect(report.status).toBe('cancelled')
    expect(sum(report) + report.rows.unsettled).toBe(report.rows.read)
    const rest = await world.sync(people(40)).run()
    expect(rest.status).toBe('complete')
    expect(world.destination.profiles().size).toBe(40)
    expect(world.destination.members('at-risk').size).toBe(14)
  })

  test('a credential refused half way stops the run, and the next one ends it [I1]', async () => {
    const world = new World()
    world.destination.knob = (_, nth) =>
      nth < 2
        ? undefined
        : Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply', status: 401 }))
    const stopped = await world.sync(people(60)).run()
    expect(stopped).toMatchObject({ status: 'failed', error: { code: 'DESTINATION_UNAUTHORIZED' } })
    expect(stopped.rows.accepted).toBeLessThanOrEqual(20)
    world.destination.knob = () => undefined
    const ended = await world.sync(people(60)).run()
    expect(ended.status).toBe('complete')
    expect(world.destination.profiles().size).toBe(60)
    expect(world.destination.members('at-risk').size).toBe(20)
  })
})

test('a cursor does not move past dead letters that could not be written down, when what was learned is [I3]', async () => {
  let isFull = true
  class Full extends MemoryStore {
    override async commit(ops: readonly Op[]): Promise<void> {
      if (isFull && ops.some(({ table }) => table === 'deadLetter'))
        throw new LakeloopError('STORE_FULL', { file: 'f' })
      await super.commit(ops)
    }
  }
  const store = new Full()
  const world = new World({ store })
  world.destination.learns = { sizes: 7 }
  const no = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } } as const
  world.destination.knob = ({ rows }) =>
    rows.map(({ address }) => (address === 'p3@example.com' ? no : { status: 'accepted' }))
  expect((await world.sync(people(20)).run()).error?.code).toBe('STORE_FULL')
  isFull = false
  expect((await world.sync(people(20)).run()).status).toBe('complete')
  expect(await store.scan('deadLetter', { prefix: ['test', 'churn'], limit: 10 })).not.toEqual([])
})

describe('what a destination has learned', () => {
  test('is not lost with a run that fails: the next one begins with it', async () => {
    const world = new World()
    world.destination.learns = { sizes: 7 }
    const refused = new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply', status: 401 })
    world.destination.knob = (_, nth) => (nth < 2 ? undefined : Promise.reject(refused))
    await world.sync(people(60)).run()
    world.destination.knob = () => undefined
    expect(await world.sync(people(60)).run()).toMatchObject({ status: 'complete' })
    expect(world.destination.opened).toEqual([{}, { sizes: 7 }])
  })
})

describe('Sync.run() and identity', () => {
  test('a parked action is sent in a later run, when identity has learned its address', async () => {
    const world = new World()
    const rows = [{ id: 'c-1', email: null, score: 0.9 }]
    const parked = await world.sync(rows, { complete: false }).run()
    expect(parked.rows).toMatchObject({ read: 1, parked: 1 })
    expect(parked.reasons).toMatchObject([{ status: 'parked', reason: { code: 'ADDRESS_UNKNOWN' }, rows: 1 }])
    await world.identity.observe([
      {
        source: 'crm',
        key: '1',
        observedAt: '2026-01-01T00:00:00Z',
        ids: [
          { namespace: 'customer_id', value: 'c-1' },
          { namespace: 'email', value: 'Late@Example.com' },
        ],
      },
    ])
    const others = [{ id: 'c-2', email: 'c2@example.com', score: 0.1 }]
    const later = await world.sync(others, { complete: false }).run()
    expect(later).toMatchObject({ status: 'complete', rows: { read: 1, accepted: 1 }, unparked: 2 })
    expect([...world.destination.profiles().keys()]).toEqual(['c2@example.com', 'late@example.com'])
    expect([...world.destination.members('at-risk')]).toEqual(['late@example.com'])
  })

  test('a place on a list that was parked in a run does not overrule what a later row of that run has decided [I6]', async () => {
    const world = new World()
    const rows = [
      { id: 'c-1', email: null, score: 0.1 },
      { id: 'c-1', email: 'ann@example.com', score: 0.9 },
    ]
    await world.sync(rows, { complete: false, pageSize: 1 }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['ann@example.com'])
    await world.sync([], { complete: false }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['ann@example.com'])
  })

  test('nor where the later row is looked up before the page of the earlier one is finished [I6]', async () => {
    const world = new World()
    const rows = [
      { id: 'c-1', email: null, score: 0.1 },
      { id: 'c-2', email: 'bob@example.com', score: 0.1 },
      { id: 'c-1', email: 'ann@example.com', score: 0.9 },
    ]
    await world.sync(rows, { complete: false, pageSize: 2 }).run()
    await world.sync([], { complete: false }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['ann@example.com'])
  })

  test('a person whose address moved is moved at the destination first, then on the lists, also without a row today [I6]', async () => {
    const world = new World()
    const crm = (email: string, observedAt: string) => ({
      source: 'crm',
      key: 'c-1',
      observedAt,
      ids: [
        { namespace: 'customer_id', value: 'c-1' },
        { namespace: 'email', value: email },
      ],
    })
    await world.identity.observe([crm('old@example.com', '2026-01-01T00:00:00Z')])
    await world.sync([{ id: 'c-1', score: 0.9 }], { complete: false }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['old@example.com'])
    await world.identity.observe([crm('new@example.com', '2026-02-01T00:00:00Z')])
    world.destination.applied.length = 0
    const report = await world.sync([{ id: 'c-2', score: 0.1 }], { complete: false }).run()
    expect(report).toMatchObject({ status: 'complete', retargeted: 1, lists: [{ add: 0, remove: 0, keep: 1 }] })
    expect(world.destination.applied.map(({ action }) => action)).toEqual([
      {
        kind: 'addressChange',
        identifiers: { email: 'old@example.com' },
        from: 'old@example.com',
        to: 'new@example.com',
      },
    ])
  })

  test('two customers who share an address: one leaving does not take the other off the list', async () => {
    const world = new World()
    const shared = [
      { id: 'c-1', email: 'home@example.com', score: 0.9 },
      { id: 'c-2', email: 'home@example.com', score: 0.8 },
    ]
    await world.identity.observe(
      shared.map(({ id, email }) => ({
        source: 'crm',
        key: id,
        observedAt: null,
        ids: [
          { namespace: 'customer_id', value: id },
          { namespace: 'email', value: email },
        ],
      })),
    )
    const transform = plainTransform(({ id, email, score }) => [
      { kind: 'membership', identifiers: { email: String(email) }, list: 'at-risk', member: Number(score) > 0.7 },
      {
        kind: 'profile',
        identifiers: { email: String(email) },
        dataFields: { [`score_${String(id).slice(-1)}`]: score ?? null },
      },
    ])
    await world.sync(shared, { transform }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['home@example.com'])
    await world.sync([{ ...shared[0], score: 0.1 } as Row, shared[1] as Row], { transform }).run()
    expect([...world.destination.members('at-risk')]).toEqual(['home@example.com'])
  })
})

describe('Sync.plan()', () => {
  test('writes nothing, and run({ plan }) sends exactly its bytes [I9]', async () => {
    const world = new World()
    const plan = await world.sync(people(25)).plan()
    expect(plan.rows).toMatchObject({ read: 25, accepted: 25 })
    expect(plan.lists).toEqual([{ list: 'at-risk', add: 9, remove: 0, keep: 0, held: 0, rejected: 0 }])
    expect(await world.store.get('checkpoint', [['test', 'churn']])).toEqual([undefined])
    expect(world.destination.sent).toEqual([])
    const report = await world.sync(people(25)).run({ plan })
    expect(report.status).toBe('complete')
    expect(world.destination.sent).toHaveLength(plan.requests.length)
  })

  test('a plan that the rows have moved away from is refused before they are sent', async () => {
    const world = new World()
    const plan = await world.sync(people(25)).plan()
    const moved = people(25).map((row) => ({ ...row, score: 0.5 }))
    const report = await world.sync(moved).run({ plan })
    expect(report).toMatchObject({ status: 'stopped', error: { code: 'PLAN_STALE' } })
    expect(world.destination.applied).toEqual([])
  })

  test('a plan that the store has moved away from is refused', async () => {
    const world = new World()
    const plan = await world.sync(people(25)).plan()
    await world.sync(people(25)).run()
    const report = await world.sync(people(25)).run({ plan })
    expect(report.error?.message).toMatch(/the store has moved on/)
  })
})
