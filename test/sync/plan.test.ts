import { describe, expect, test } from 'vitest'
import type { Delivery, Foreseen } from '../../src/destinations/destination.js'
import type { Row, Schema } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import { type Plan, planJson, planText } from '../../src/sync/plan.js'
import type { Sync } from '../../src/sync/sync.js'
import { member, profile, stubbed } from '../destinations/iterable-stub.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { people, scoreAndList, World } from './world.js'

/** One who is rejected, one who has no address, one who is well. */
const MIXED: readonly Row[] = [
  { id: 'key-of-bad', email: 'bad@example.com', score: 'boom' },
  { id: 'key-of-none', email: null, score: 0.9 },
  { id: 'key-of-well', email: 'well@example.com', score: 0.9 },
]
const mixed = plainTransform(
  (row) => {
    if (row.score === 'boom') throw new Error('boom')
    return scoreAndList(row)
  },
  ['id', 'score'],
)

/** A store that keeps the ops of every commit. */
class WatchedStore extends MemoryStore {
  readonly ops: Op[] = []
  override async commit(ops: readonly Op[]): Promise<void> {
    this.ops.push(...ops)
    await super.commit(ops)
  }
}

/** A recording destination that tells beforehand what `of` says of each request. */
function foreseeing(of: (kind: string | undefined) => Foreseen): RecordingDestination {
  const destination = new RecordingDestination({ sizeMax: 10 })
  const open = destination.open.bind(destination)
  destination.open = async (...args): Promise<Delivery> => ({
    ...(await open(...args)),
    foresee: (request) => of((request as RecordingDestination['sent'][number]).rows[0]?.action.kind),
  })
  return destination
}

describe('Sync.plan()', () => {
  test('as JSON names no one and holds no body, unless payloads were asked for [I7]', async () => {
    const world = new World()
    const sync = () => world.sync(MIXED, { transform: mixed, rejectedShareMax: 1 })
    const plan = await sync().plan()
    for (const text of [planJson(plan), planText(plan), JSON.stringify(plan)]) {
      expect(text).not.toMatch(/example\.com|key-of|boom/)
    }
    expect(plan.rows).toMatchObject({ read: 3, accepted: 1, rejected: 1, parked: 1 })
    expect(plan.endpoints).toMatchObject([{ endpoint: 'apply', requests: 2, actions: 2, fields: ['score'] }])
    const open = await sync().plan({ payloads: true })
    expect(open.losses).toEqual([
      { status: 'rejected', key: 'key-of-bad', reason: { code: 'TRANSFORM_THREW', facts: expect.anything() } },
      { status: 'parked', key: 'key-of-none', reason: expect.objectContaining({ code: expect.any(String) }) },
    ])
    expect(open.requests.map(({ body }) => JSON.parse(body ?? '')[0].address)).toEqual(
      Array(2).fill('well@example.com'),
    )
    expect(open.requests.map(({ digest }) => digest)).toEqual(plan.requests.map(({ digest }) => digest))
    expect(planText(open)).toContain('rejected: key-of-bad: TRANSFORM_THREW')
  })

  test('tells as many rows one by one as rowsMax says, and of none without payloads', async () => {
    const world = new World()
    const rows = people(20).map((row) => ({ ...row, email: null }))
    const told = async (more: object) => (await world.sync(rows).plan(more)).losses?.length
    expect(await told({ payloads: true, rowsMax: 3 })).toBe(3)
    expect(await told({ payloads: true })).toBe(20)
    expect(await told({ rowsMax: 3 })).toBeUndefined()
  })

  test('keeps no more than 64 MiB of bodies', async () => {
    const world = new World({ destination: new RecordingDestination({ sizeMax: 100 }) })
    const open = world.destination.open.bind(world.destination)
    world.destination.open = async (...args) => {
      const delivery = await open(...args)
      const body = Buffer.alloc(33 * 2 ** 20, 0x20)
      return {
        ...delivery,
        async prepare(block) {
          const made = await delivery.prepare(block)
          return { ...made, requests: made.requests.map((request) => ({ ...request, body })) }
        },
      }
    }
    expect((await world.sync(people(9)).plan()).error).toBeUndefined()
    expect((await world.sync(people(9)).plan({ payloads: true })).error?.code).toBe('PLAN_TOO_LARGE')
  })

  test('refuses what is no option of it', async () => {
    const sync = new World().sync([])
    for (const wrong of [{ payload: true }, { rowsMax: -1 }, { onAddresses: 1 }, { payloads: 'yes' }]) {
      await expect(sync.plan(wrong as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    }
  })

  test('gives the same text for the same state, whatever the order of its lists and reasons', async () => {
    const lists = ['b', 'a', 'c']
    const planned = async (order: readonly string[]) => {
      const world = new World()
      const transform = plainTransform(({ id, email }) => [
        {
          kind: 'membership',
          identifiers: { customer_id: String(id), email: String(email) },
          list: order[0] as string,
          member: true,
        },
        ...order.slice(1).map((list) => ({
          kind: 'membership' as const,
          identifiers: { customer_id: String(id), email: String(email) },
          list,
          member: true,
        })),
      ])
      return await world.sync(people(3), { transform }).plan()
    }
    const still = ({ pins, madeAt, requests, ...rest }: Plan) => planJson({ ...rest, requests: [] } as unknown as Plan)
    expect(still(await planned(lists))).toBe(still(await planned([...lists].reverse())))
    const plan = await planned(lists)
    const shuffled = Object.fromEntries(Object.entries(plan).reverse()) as unknown as Plan
    expect(planJson(shuffled)).toBe(planJson(plan))
    const reasons = ['A', 'B'].map((code) => ({ status: 'rejected' as const, reason: { code, facts: {} }, rows: 1 }))
    const drift = ['a', 'b'].map((column) => ({
      kind: 'added' as const,
      column,
      breaks: false,
      decision: 'report' as const,
    }))
    const two = {
      ...plan,
      reasons,
      drift,
      endpoints: [...plan.endpoints, { ...plan.endpoints[0], endpoint: 'other' }],
    } as Plan
    const reversed = Object.fromEntries(
      (['reasons', 'drift', 'endpoints', 'lists'] as const).map((key) => [key, [...two[key]].reverse()]),
    )
    expect(planJson({ ...two, ...reversed })).toBe(planJson(two))
    expect(JSON.parse(planJson(plan))).toEqual(plan)
  })

  test('can be kept as JSON, and given to run by another process', async () => {
    const world = new World()
    await world.sync(people(10)).run()
    const plan = JSON.parse(planJson(await world.sync(people(25)).plan())) as Plan
    const sent = world.destination.sent.length
    expect(await world.sync(people(25)).run({ plan })).toMatchObject({ status: 'complete', rows: { accepted: 20 } })
    expect(world.destination.sent).toHaveLength(sent + plan.requests.length)
  })

  test('pins nothing that a cursor may hold of a row [I7]', async () => {
    const world = new World()
    const { read } = new RowsSource({ name: 'scores', rows: people(9), key: ['id'] })
    const source = new RowsSource({ name: 'scores', rows: people(9), key: ['id'] })
    source.read = async function* (options) {
      for await (const page of read.call(this, { ...options, after: undefined })) {
        yield { ...page, cursor: { after: 'last@example.com' } }
      }
    }
    await world.sync([], { source }).run()
    const plan = await world.sync([], { source }).plan()
    expect(JSON.stringify(plan)).not.toContain('example.com')
    expect((await world.sync([], { source }).run({ plan })).status).toBe('complete')
  })
})

describe('a plan tells how long', () => {
  const pace: Record<string, number> = { profile: 2, membership: 4 }
  const paced = () => foreseeing((kind = '') => ({ creates: [], perSecond: pace[kind] ?? 1 }))

  test('sending takes at the pace of the destination, and what of it is what', async () => {
    const world = new World({ destination: paced() })
    const plan = await world.sync(people(60), { settleMs: 60_000 }).plan()
    // Six requests with 10 profiles, two with 10 of the 20 who join; the pace of an endpoint is the one told last.
    expect(plan.timeParts).toEqual({ moves: 0, rows: (6 / 4) * 1_000, settling: 60_000, lists: (2 / 4) * 1_000 })
    expect(plan.timeMs).toBe(62_000)
    expect(planText(plan)).toContain('time at the pace: 1 min 2 s (rows 1.5 s, settling 1 min 0 s, lists 0.5 s)')
  })

  test('nothing settles where nobody joins a list', async () => {
    const world = new World({ destination: paced() })
    const transform = plainTransform((row) => scoreAndList(row).slice(0, 1))
    const plan = await world.sync(people(60), { settleMs: 60_000, transform }).plan()
    expect(plan.timeParts).toEqual({ moves: 0, rows: 3_000, settling: 0, lists: 0 })
  })

  test('nobody knows, of a destination that says no pace', async () => {
    const plan = await new World().sync(people(3), { settleMs: 1_000 }).plan()
    expect(plan.timeMs).toBeUndefined()
    expect(plan.timeParts.settling).toBe(1_000)
    expect(planText(plan)).toContain('time: not known')
    expect(planText(await new World().sync([]).plan())).not.toContain('time')
  })
})

describe('a plan for Iterable', () => {
  const rows: readonly Row[] = [
    { id: 'c-1', email: 'ann@example.com', score: 1.5 },
    { id: 'c-2', email: 'bob@example.com', score: 2.5 },
  ]
  const transform = plainTransform(({ email, score }) => [
    {
      ...profile(String(email), { known: score ?? 0, fresh: { deep: score ?? 0 } }),
      identifiers: { email: String(email) },
    },
    member(String(email), 'vip', true),
    { ...member(String(email), 'new list', true) },
    {
      kind: 'catalogItem',
      identifiers: {},
      catalog: 'Shoes',
      item: String(email).slice(0, 3),
      dataFields: { size: 1 },
    },
  ])
  const planned = async (more: object) => {
    const stub = stubbed({
      fields: { known: 'double' },
      knownLists: [{ id: 7, name: 'vip', listType: 'Standard' }],
      ...more,
    })
    stub.scripted('catalogs/Shoes/fieldMappings', new Response('{}', { status: 404 }))
    const world = new World({ destination: stub.destination as never })
    return { plan: await world.sync(rows, { transform, settleMs: 0, rejectedShareMax: 1 }).plan(), stub }
  }
  const may = {
    createNewFields: true,
    lists: { create: true },
    catalogs: { create: true, fields: { Shoes: { size: 'long' } } },
  }

  test('names the lists, fields and catalogs that are not there yet, and makes none', async () => {
    const { plan, stub } = await planned(may)
    expect(plan.error).toBeUndefined()
    expect(plan.creates).toEqual({ lists: ['new list'], fields: ['fresh', 'fresh.deep'], catalogs: ['Shoes'] })
    expect(stub.seen.filter(({ method }) => method !== 'GET')).toEqual([])
    const text = planText(plan)
    expect(text).toContain('makes list: new list\n')
    expect(text).toContain('makes fields: fresh, fresh.deep\n')
    expect(text).toContain('makes catalog: Shoes\n')
  })

  test('makes nothing that may not be made: it tells why those rows are rejected', async () => {
    const { plan } = await planned({})
    expect(plan.creates).toEqual({ lists: [], fields: [], catalogs: [] })
    expect(plan.rows.rejected).toBe(2)
  })

  test('takes the pace that the destination keeps to: the share of the published rate, and less than all of it', async () => {
    const { plan } = await planned({ ...may, share: 0.5, rates: { 'lists/subscribe': 4 } })
    const perSecond = Object.fromEntries(plan.endpoints.map((one) => [one.endpoint, one.perSecond]))
    expect(perSecond).toMatchObject({ 'users/bulkUpdate': 5 * 0.5 * 0.975, 'lists/subscribe': 4 * 0.5 * 0.975 })
    const { rows: sending, lists } = plan.timeParts
    expect(sending).toBe(Math.round(1_000 / (5 * 0.5 * 0.975))) // one request each; the slowest endpoint counts
    expect(lists).toBe(Math.round(2_000 / (4 * 0.5 * 0.975)))
    expect(plan.timeMs).toBe(sending + lists)
  })
})

describe('a plan that something has moved away from is refused, before the first byte, and nothing is written:', () => {
  const schema = (asOf: string, more: readonly string[] = []): Schema => ({
    columns: ['id', 'email', 'score', ...more].map((name) => ({
      name,
      type: name === 'score' ? 'double' : 'string',
      nullable: true,
    })),
    asOf,
  })
  const at = (told: Schema) =>
    Object.assign(new RowsSource({ name: 'scores', rows: people(9), key: ['id'], complete: true }), {
      describe: async () => told,
    })
  const evidence = (email: string) => [
    {
      source: 'crm',
      key: '1',
      observedAt: null,
      ids: [
        { namespace: 'customer_id', value: 'c-1' },
        { namespace: 'email', value: email },
      ],
    },
  ]
  const edited = Object.assign(plainTransform(scoreAndList), {
    prepare: async () => ({ version: 'edited', form: 'default' as const, reads: [], readsAll: true }),
  })
  type Change = (world: World) => Promise<object>
  const CHANGES: Readonly<Record<string, readonly [part: string, change: Change]>> = {
    'another run ended': [
      'store',
      async (world) => {
        await world.sync([], { source: at(schema('1')) }).run()
        return {}
      },
    ],
    'the transform was edited': ['transform', async () => ({ transform: edited })],
    'identity learned an address': [
      'identity',
      async (world) => {
        await world.identity.observe(evidence('other@example.com'))
        return {}
      },
    ],
    'the table has a newer version': ['source', async () => ({ source: at(schema('2')) })],
    'the table has another column': ['source', async () => ({ source: at(schema('1', ['more'])) })],
    'it is the plan of another sync': ['sync', async () => ({ name: 'other' })],
  }

  test.each(Object.entries(CHANGES))('%s', async (_, [part, change]) => {
    const store = new WatchedStore()
    const world = new World({ store })
    const source = at(schema('1'))
    const plan = await world.sync([], { source }).plan()
    expect(store.ops).toEqual([])
    const more = await change(world)
    const [written, sent] = [store.ops.length, world.destination.sent.length]
    const report = await world.sync([], { source, ...more }).run({ plan })
    expect(report).toMatchObject({ status: 'stopped', rows: { read: 0 }, error: { code: 'PLAN_STALE' } })
    expect(report.error?.message).toContain(`the ${part} has moved on`)
    expect(new Set(store.ops.slice(written).map(({ table }) => table))).toEqual(new Set(['lease']))
    expect(world.destination.sent).toHaveLength(sent)
    expect(world.destination.opened).toHaveLength(part === 'store' ? 2 : 1) // by the plan, and by the run that ended
  })

  test('and what has not moved is sent', async () => {
    const world = new World()
    const source = at(schema('1'))
    await world.identity.observe(evidence('other@example.com'))
    const plan = await world.sync([], { source }).plan()
    expect(await world.sync([], { source }).run({ plan })).toMatchObject({ status: 'complete', rows: { accepted: 9 } })
  })

  test('a plan that is none is a mistake of the program', async () => {
    const world = new World()
    const { pins, ...plan } = await world.sync(people(2)).plan()
    const { identity, ...others } = pins
    for (const wrong of [plan, { ...plan, pins: others }]) {
      await expect(world.sync(people(2)).run({ plan: wrong as never })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      })
    }
  })

  test('a source that cannot be asked ends the run, and sends nothing', async () => {
    const world = new World()
    const plan = await world.sync(people(2)).plan()
    const source = Object.assign(at(schema('1')), { describe: () => Promise.reject(new Error('p1@example.com')) })
    const report = await world.sync([], { source }).run({ plan })
    expect(report).toMatchObject({ status: 'failed', error: { code: 'SOURCE_FAILED' } })
    expect(report.error?.message).not.toContain('example.com')
  })
})

test('a plan is no run: nothing of it is told to who listens, and it takes no lease', async () => {
  const store = new WatchedStore()
  const world = new World({ store })
  const sync: Sync = world.sync(people(20))
  const told: string[] = []
  for (const event of ['start', 'page', 'batch', 'progress', 'list'] as const)
    sync.on(event, () => void told.push(event))
  await sync.plan({ payloads: true })
  expect(told).toEqual([])
  expect(store.ops).toEqual([])
})
