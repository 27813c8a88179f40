import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { OutcomeEntry } from '../../src/history/outcomes.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { type Store, TABLES } from '../../src/stores/store.js'
import { Lease } from '../../src/sync/lease.js'
import type { OutcomesRequest } from '../../src/sync/person-outcomes.js'
import { Mortal } from '../identity/mortal.js'
import {
  BOB,
  BROKEN_ADDRESS,
  bytesFound,
  CANARY,
  copyOf,
  entriesOf,
  hostile,
  keepRows,
  NEW_ADDRESS,
  OLD_ADDRESS,
  populate,
  row,
  syncOf,
  traces,
  worldOver,
} from './erase-world.js'
import type { World } from './world.js'

/** Rows as the source still has them, and one that nobody has seen yet. */
const AGAIN = [
  row('r-1', CANARY.customer_id, null),
  row('r-9', CANARY.customer_id, CANARY.email),
  row('e-1', CANARY.customer_id, CANARY.email, 'event'),
  row('x-1', CANARY.customer_id, CANARY.email, 'refused'),
  row('w-1', CANARY.customer_id, CANARY.email, 'waits'),
  { id: 'a-1', email: NEW_ADDRESS, kind: 'profile' },
  { id: 'a-2', email: OLD_ADDRESS, kind: 'event' },
  row('b-9', 'c-2', 'bob@example.com', 'event'),
]
const PLACES = {
  audience: 2,
  binding: 1,
  carried: 1,
  claim: 3,
  claimByAddress: 3,
  conflict: 1,
  deadLetter: 3,
  evidence: 12,
  evidenceById: 11,
  fingerprint: 5,
  firstWrite: 1,
  identifier: 3,
  identityHistory: 6,
  identitySeen: 1,
  inbox: 1,
  inboxState: 2,
  membership: 3,
  outcome: 1,
  parked: 1,
  parkedRow: 1,
  profile: 1,
}

/** No value of anybody; or of identity alone, whose own tests erase it; or what erasing itself keeps. */
const ELSEWHERE =
  `checkpoint lease schema run batch outcomeKey field list removed seen departed tombstone identityMeta identityLog identityMove
  identityCursor aging quarantine forgetting erasing`.split(/\s+/)

test('every table of the store is one that the canary passes through, or is named as one that holds none of it', () => {
  expect([...Object.keys(PLACES), ...ELSEWHERE].sort()).toEqual([...TABLES].sort())
})

async function populated(): Promise<{ readonly store: MemoryStore; readonly world: World }> {
  const store = new MemoryStore()
  const world = worldOver(store)
  await populate(world)
  return { store, world }
}

/** Addresses that the destination was sent since, by kind of action. */
const sentTo = (world: World, kind?: string): readonly string[] =>
  world.destination.applied
    .filter(({ action }) => kind === undefined || action.kind === kind)
    .map(({ address }) => address)

/** What history tells, of the syncs that keep hashes and of the one that keeps names. */
async function outcomesOf(world: World, question: OutcomesRequest): Promise<readonly OutcomeEntry[]> {
  const found: OutcomeEntry[] = []
  for (const name of ['churn', 'news'])
    for await (const entry of syncOf(world, [], { name }).outcomes(question)) found.push(entry)
  return found
}

/** Under each name of theirs, and under the keys of their rows. */
const OF_CANARY: readonly OutcomesRequest[] = [
  { person: { customer_id: CANARY.customer_id } },
  { person: { email: CANARY.email } },
  { person: { email: OLD_ADDRESS } },
  { key: 'order/canary-4711/1' },
  { key: 'r-1' },
  { key: 'e-1' },
  { key: 'n-1' },
]

describe('Sync.erase()', () => {
  test('leaves nothing of a canary that was in every table, in no byte of the file, and touches nobody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-erase-'))
    const path = join(folder, 'store.db')
    const bytes = (): Buffer =>
      Buffer.concat([path, `${path}-wal`].filter((file) => existsSync(file)).map((file) => readFileSync(file)))
    try {
      const store = new SqliteStore({ path })
      const world = worldOver(store)
      await populate(world)
      expect(await traces(store)).toEqual(PLACES)
      expect(bytesFound(bytes())).toEqual(expect.arrayContaining(['plain', expect.stringMatching('base64')]))
      const bob = await traces(store, BOB)
      expect(Object.keys(bob)).toEqual(
        expect.arrayContaining([
          'audience',
          'claim',
          'deadLetter',
          'fingerprint',
          'inbox',
          'inboxState',
          'outcome',
          'parked',
        ]),
      )
      const sync = syncOf(world, [])
      const ofBob = await outcomesOf(world, { person: { customer_id: 'c-2' } })
      for (const question of OF_CANARY) expect(await outcomesOf(world, question)).not.toEqual([])
      const { tables, ...erasure } = await sync.erase({ phone: CANARY.phone })
      expect(erasure).toEqual({ identifiers: 4, waiting: [], forget: { queued: 2, etaMs: 0 }, statements: [] })
      expect(tables).toMatchObject({ deadLetter: 3, parked: 1, parkedRow: 1, carried: 1, audience: 2, membership: 3 })
      expect(await traces(store)).toEqual({ erasing: 2 }) // the addresses, until the destination has forgotten them
      expect(await traces(store, BOB)).toEqual(bob)
      expect(tables).toMatchObject({ inbox: 1, inboxState: 2 })
      for (const question of OF_CANARY) expect(await outcomesOf(world, question)).toEqual([])
      expect(await outcomesOf(world, { person: { customer_id: 'c-2' } })).toEqual(ofBob)
      world.destination.applied.splice(0)
      expect(await sync.run()).toMatchObject({ status: 'complete' })
      expect(sentTo(world).toSorted()).toEqual([NEW_ADDRESS, OLD_ADDRESS].sort())
      expect(await traces(store)).toEqual({})
      expect(await entriesOf(store, 'erasing')).toEqual([])
      expect(await entriesOf(store, 'departed')).toHaveLength(2)
      expect(await entriesOf(store, 'tombstone')).toHaveLength(4)
      await store.close()
      expect(bytesFound(bytes())).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test.each([
    ['a customer id', { customer_id: ' canary-4711 ' }],
    ['an address', { email: 'CANARY.new@example.com' }],
    ['two of them', { email: NEW_ADDRESS, phone: CANARY.phone }],
  ])('finds the whole person by %s', async (_, person) => {
    const { store, world } = await populated()
    expect((await syncOf(world, []).erase(person)).identifiers).toBe(4)
    expect(await traces(store)).toEqual({ erasing: 2 })
  })

  test('takes several people in one call', async () => {
    const { store, world } = await populated()
    const { forget } = await syncOf(world, []).erase([{ customer_id: 'c-2' }, { phone: CANARY.phone }])
    expect(forget?.queued).toBe(3)
    expect(Object.keys(await traces(store, /canary|bob@/i))).toEqual(['erasing'])
  })

  test('is harmless to repeat: who is erased stays so, and nothing is queued twice', async () => {
    const { store, world } = await populated()
    const sync = syncOf(world, [])
    await sync.erase({ phone: CANARY.phone })
    const before = await entriesOf(store, 'departed')
    const again = await sync.erase({ email: NEW_ADDRESS })
    expect(again).toMatchObject({ identifiers: 1, forget: { queued: 1 } })
    expect(Object.values(again.tables).every((count) => count === 0)).toBe(true)
    expect(await entriesOf(store, 'departed')).toEqual(before)
    await sync.run()
    expect(await sync.erase({ email: NEW_ADDRESS })).not.toHaveProperty('forget')
  })

  test.each([
    [{}, 'names no identifier'],
    [{ mail: 'a@example.com' }, 'names an identifier that joins nobody by the rules of identity'],
    [{ email: 'none' }, 'names an identifier that joins nobody by the rules of identity'],
    [[], 'is not one to 100 people'],
    ['canary', 'is no object of identifiers by namespace'],
  ])('refuses %j before anything is done', async (person, problem) => {
    const { store, world } = await populated()
    await expect(syncOf(world, []).erase(person as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      facts: { part: 'Sync.erase', option: 'person', problem },
    })
    expect(await traces(store)).toEqual(PLACES)
  })

  test('takes a pushed row for theirs by the columns of its key, and no id of a push that is as short', async () => {
    const { store, world } = await populated()
    const sync = syncOf(world, [])
    await sync.push([row('c-9', 'c-7', null), row('c-10', 'c-7', null)], { id: 'c-9' })
    expect((await sync.erase({ customer_id: 'c-9' })).tables).toMatchObject({ inbox: 1, inboxState: 0 })
    expect(await traces(store, /"c-(9|10)"/)).toMatchObject({ inbox: 1, inboxState: 2 })
  })

  test('stops while the sync runs', async () => {
    const { store, world } = await populated()
    const lease = await Lease.take(store, { project: 'test', sync: 'churn' }, world.clock)
    await expect(syncOf(world, []).erase({ phone: CANARY.phone })).rejects.toMatchObject({ code: 'LEASE_HELD' })
    await lease.release()
    expect(await traces(store)).toEqual(PLACES)
  })
})

describe('who was erased is not made again', () => {
  const expectGone = async (store: Store, world: World): Promise<void> => {
    expect(await traces(store)).toEqual({})
    expect(sentTo(world).filter((address) => /canary/i.test(address))).toEqual([])
  }

  test('by a later sync, whatever its rows say', async () => {
    const { store, world } = await populated()
    await syncOf(world, []).erase({ phone: CANARY.phone })
    await syncOf(world, []).run()
    world.destination.applied.splice(0)
    const events = AGAIN.filter(({ kind }) => kind !== 'profile') // the fields and the list are another sync's
    for (const [name, rows, rejected] of [
      ['churn', AGAIN, 7],
      ['news', events, 4],
      ['never-seen', events, 4],
    ] as const) {
      const report = await syncOf(world, rows, { name, history: { outcomes: 'plain' } }).run()
      expect(report).toMatchObject({ status: 'complete', rows: { read: rejected + 1, rejected } })
      expect(new Set(report.reasons.map(({ reason }) => reason.code))).toEqual(new Set(['IDENTIFIER_FORGOTTEN']))
    }
    for (const question of OF_CANARY) expect(await outcomesOf(world, question)).toEqual([])
    expect(await outcomesOf(world, { reason: 'IDENTIFIER_FORGOTTEN' })).toHaveLength(14) // counted, and of nobody
    await expectGone(store, world)
  })

  test('by rows that nothing could be made of: of theirs nothing is kept, and of the others all', async () => {
    const { store, world } = await populated()
    await syncOf(world, []).erase({ phone: CANARY.phone })
    await syncOf(world, []).run()
    world.destination.applied.splice(0)
    const bob = await traces(store, BOB)
    const rows = [
      row('t-8', CANARY.customer_id, null, 'throws'),
      row('t-9', 'c-2', CANARY.email, 'throws'),
      row('t-2', 'c-2', 'bob@example.com', 'throws'),
    ]
    const plain = { history: { outcomes: 'plain' } } as const
    expect((await syncOf(world, rows, plain).run()).rows).toMatchObject({ rejected: 3 })
    for (const key of ['t-8', 't-9']) expect(await outcomesOf(world, { key })).toEqual([])
    expect(await outcomesOf(world, { key: 't-2' })).toMatchObject([{ key: 't-2' }, { kind: 'row' }])
    const unknown = [
      { id: 'p-3', who: 'c-5', mail: OLD_ADDRESS.toUpperCase(), kind: 'profile' },
      { id: 'p-4', who: CANARY.customer_id, mail: 'x@example.com', kind: 'profile' },
      { id: 'p-5', who: 'c-2', mail: 'bob@example.com', kind: 'profile' },
    ]
    expect((await keepRows(world, unknown)).rows).toMatchObject({ parked: 1, rejected: 2 })
    expect(await traces(store, BOB)).toEqual({ ...bob, parkedRow: 2 })
    await expectGone(store, world)
  })

  test('by a sync with another graph, which knows no tombstone', async () => {
    const { store, world } = await populated()
    await syncOf(world, []).erase({ phone: CANARY.phone })
    await syncOf(world, []).run()
    world.destination.applied.splice(0)
    const identity = new IdentityResolver({ store, target: 'email', namespaces: {}, graph: 'other' })
    const rows = [{ id: 'a-1', email: NEW_ADDRESS, kind: 'profile' }]
    const report = await syncOf(world, rows, { name: 'other', identity, sharedFields: ['nickname'] }).run()
    expect(report.reasons.map(({ reason }) => reason.code)).toEqual(['USER_FORGOTTEN'])
    await expectGone(store, world)
  })

  test('by a run that died before and goes on, with what it had read', async () => {
    const { store, world } = await populated()
    const { knob } = world.destination
    world.destination.knob = () => Promise.reject(new Error('died'))
    expect((await syncOf(world, AGAIN).run()).status).toBe('failed')
    world.destination.knob = knob
    await syncOf(world, []).erase({ phone: CANARY.phone })
    world.destination.applied.splice(0)
    expect((await syncOf(world, AGAIN).run()).status).toBe('complete')
    expect(
      sentTo(world)
        .filter((address) => /canary/i.test(address))
        .toSorted(),
    ).toEqual([NEW_ADDRESS, OLD_ADDRESS].sort())
    expect(sentTo(world, 'forget')).toHaveLength(2)
    expect(await traces(store)).toEqual({})
  })

  test('by an action that was parked in a sync that ran meanwhile: it erases before it tries it again', async () => {
    const { store, world } = await populated()
    const lease = await Lease.take(store, { project: 'test', sync: 'news' }, world.clock)
    // What that run writes down after the erasure has passed by.
    const parked = { action: { kind: 'profile', identifiers: CANARY }, runId: 'r', at: '2026-01-01', order: [9, 9] }
    const erasure = await syncOf(world, []).erase({ phone: CANARY.phone })
    expect(erasure.waiting).toEqual(['news'])
    await store.commit([{ op: 'put', table: 'parked', key: ['test', 'news', 'r-1', 'profile'], value: parked }])
    await lease.release()
    expect(Object.keys(await traces(store))).toEqual(ORDER)
    await syncOf(world, []).run()
    world.destination.applied.splice(0)
    expect(await syncOf(world, [], { name: 'news' }).run()).toMatchObject({ status: 'complete', unparked: 0 })
    await expectGone(store, world)
  })
})

/** Tables of a sync, in the order of all. */
const ORDER = ['deadLetter', 'parked', 'fingerprint', 'outcome', 'erasing', 'firstWrite']

describe('addresses that wait to be forgotten', () => {
  test('wait on while the destination has no room, and its refusal is told', async () => {
    const { store, world } = await populated()
    await syncOf(world, []).erase({ phone: CANARY.phone })
    const waits = { status: 'parked', reason: { code: 'FORGET_WAITING', facts: {} } } as const
    const refused = { status: 'rejected', reason: { code: 'ACTION_UNSUPPORTED', facts: {} } } as const
    const sync = syncOf(world, [])
    const told: string[] = []
    sync.on('reject', ({ reason, actions }) => told.push(`${actions} ${reason.code}`))
    for (const outcome of [waits, refused]) {
      world.destination.knob = ({ rows }) => rows.map(() => outcome)
      expect((await sync.run()).status).toBe('complete')
      expect(await entriesOf(store, 'erasing')).toHaveLength(2)
    }
    expect(told).toEqual(['1 ACTION_UNSUPPORTED', '2 ACTION_UNSUPPORTED']) // the first is of what Bob waits for
    world.destination.knob = ({ rows }) =>
      rows.map(() => ({ status: 'rejected', reason: { code: 'USER_UNKNOWN', facts: {} } }))
    await sync.run()
    expect(await entriesOf(store, 'erasing')).toEqual([])
    expect(told.slice(2)).toEqual(['2 USER_UNKNOWN'])
  })

  test('a plan shows them and takes nobody off the queue', async () => {
    const { store, world } = await populated()
    await syncOf(world, []).erase({ phone: CANARY.phone })
    const plan = await syncOf(world, []).plan()
    expect(plan.requests.reduce((sum, { actions }) => sum + actions, 0)).toBe(3) // and what Bob waits for
    expect(await entriesOf(store, 'erasing')).toHaveLength(2)
  })

  test('tell how long it takes, by what the destination says of all that wait', async () => {
    const { world } = await populated()
    world.destination.learns = { forgets: { '1': 2 } }
    await syncOf(world, []).run()
    const asked: unknown[] = []
    const destination = Object.assign(world.destination, {
      forgetEtaMs: (...of: unknown[]) => asked.push(of) * 1_000,
    })
    await syncOf(world, [], { destination }).erase({ customer_id: 'c-2' })
    const { forget } = await syncOf(world, [], { destination }).erase({ phone: CANARY.phone })
    expect([asked, forget]).toEqual([
      [
        [1, { forgets: { '1': 2 } }],
        [3, { forgets: { '1': 2 } }],
      ],
      { queued: 2, etaMs: 2_000 },
    ])
  })
})

describe('killed at any of its commits', () => {
  /** What does not depend on when, how often, and by which salt. */
  const stateOf = async (store: Store): Promise<unknown> => {
    const state: Record<string, unknown> = {}
    for (const table of ['tombstone', 'lease', 'run', 'identityMeta'] as const)
      state[table] = (await entriesOf(store, table)).length
    for (const table of [...Object.keys(PLACES), 'departed', 'erasing', 'list'] as (keyof typeof PLACES)[])
      state[table] = JSON.stringify(await entriesOf(store, table)).replaceAll(/"at":"[^"]*"|"nth":\d+/g, '')
    return state
  }

  test('before it took effect or after, the next erasure ends the same, and so does a run', {
    timeout: 120_000,
  }, async () => {
    const { store: base } = await populated()
    const whole = new Mortal(await copyOf(base))
    await syncOf(worldOver(whole), []).erase({ phone: CANARY.phone })
    const done = await stateOf(whole)
    expect(whole.commits).toBeGreaterThan(25)
    let deaths = 0
    for (let at = 0; at < whole.commits; at += 1) {
      for (const after of [false, true]) {
        const store = await copyOf(base)
        const first = worldOver(new Mortal(store, { at, after }))
        const isDead = await syncOf(first, [])
          .erase({ phone: CANARY.phone })
          .then(
            () => false,
            () => true,
          )
        deaths += Number(isDead)
        const [again, run] = [worldOver(store), worldOver(await copyOf(store), hostile())]
        for (const world of [again, run]) world.clock.advance(61_000) // the dead one's lease
        const isKnown = (await entriesOf(run.store, 'erasing')).some(({ key }) => key[2] === 'who')
        const { identifiers } = await syncOf(again, []).erase({ phone: CANARY.phone })
        if (isKnown || !isDead) expect(identifiers).toBe(isDead ? 4 : 1)
        expect(await stateOf(store), `killed at ${at}, ${after ? 'after' : 'before'}`).toEqual(done)
        // From the first commit of the intent on, a run alone does the rest.
        const isBegun = (await entriesOf(run.store, 'departed')).length > 0
        await syncOf(run, []).run()
        await syncOf(run, [], { name: 'news' }).run()
        for (const name of ['carrier', 'live']) await syncOf(run, [], { name }).run()
        if (isBegun) expect(await traces(run.store), `run after ${at}`).toEqual({})
      }
    }
    expect(deaths).toBeGreaterThan(50)
  })
})

test('a run has nothing to do, and reads one page of one table more, where nobody was erased', async () => {
  const { store, world } = await populated()
  const scans: string[] = []
  const scan = store.scan.bind(store)
  store.scan = (table, range) => {
    if (table === 'erasing') scans.push(table)
    return scan(table, range)
  }
  await syncOf(world, []).run()
  expect(scans).toHaveLength(2) // what is pending, and who waits to be forgotten
})

test('what is invalid in a record of theirs goes from letters too', async () => {
  const { store, world } = await populated()
  const letter = { row: { contact: BROKEN_ADDRESS }, reason: { code: 'X', facts: {} } }
  await store.commit([{ op: 'put', table: 'deadLetter', key: ['test', 'churn', 'z', 'row'], value: letter }])
  await syncOf(world, []).erase({ phone: CANARY.phone })
  expect(await store.get('deadLetter', [['test', 'churn', 'z', 'row']])).toEqual([undefined])
})
