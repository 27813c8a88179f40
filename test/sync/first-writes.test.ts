import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op, Table } from '../../src/stores/store.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

/** A process that dies where it is told: nothing is written from then on. */
class DyingStore extends MemoryStore {
  dead = false
  readonly commits: (readonly Op[])[] = []

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.dead) throw new LakeloopError('STORE_FAILED')
    this.commits.push(ops)
    return super.commit(ops)
  }
}

/** Longer than a run that died is believed to live. */
const LEASE_MS = 120_000

const [OLD, NEW, BOB] = ['ada@example.com', 'ada@example.org', 'bob@example.com']
const adaAt = (email: string | null, more: Row = {}): Row => ({ id: 'c-1', email, ...more })
const bob: Row = { id: 'c-2', email: BOB }

const SCHEMA = {
  columns: ['id', 'email', 'tier', 'kind'].map((name) => ({ name, type: 'string', nullable: true })),
}

const actionsOf = ({ id, email, tier = 1, kind }: Row): readonly Action[] => {
  const identifiers = { customer_id: String(id), ...(typeof email === 'string' ? { email } : {}) }
  if (kind === 'event') return [{ kind: 'event', identifiers, eventName: 'seen', id: `e-${id}` }]
  return [{ kind: 'profile', identifiers, dataFields: { tier } }]
}

const REFUSED: Outcome = { status: 'rejected', reason: { code: 'USER_UNKNOWN', facts: {} } }
const INVALID: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }

function worldOf() {
  const store = new DyingStore()
  const destination = new RecordingDestination({ sizeMax: 10 })
  const world = new World({ store, destination })
  const users = (): string[] => {
    const there = new Set<string>()
    for (const { address, action } of destination.applied) {
      if (action.kind !== 'addressChange') there.add(address)
      else if (there.delete(action.from)) there.add(action.to)
    }
    return [...there]
  }
  /** Nobody is moved who is not there. */
  const answer: RecordingDestination['knob'] = ({ rows }) =>
    rows.map(({ action }) =>
      action.kind === 'addressChange' && !users().includes(action.from) ? REFUSED : { status: 'accepted' },
    )
  destination.knob = answer
  const sync = (rows: readonly Row[], more: Partial<SyncOptions> = {}) => {
    const transform = plainTransform(actionsOf, ['id', 'email', 'tier', 'kind'])
    const whole = rows.map((row) => ({ tier: 1, kind: 'profile', ...row }))
    const source = new RowsSource({ name: 'scores', rows: whole, key: ['id'], schema: SCHEMA })
    return world.sync([], { transform, source, sharedFields: ['tier'], ...more })
  }
  const run = (rows: readonly Row[], more?: Partial<SyncOptions>) => sync(rows, more).run()
  /** The process dies over the first request; `arrives`: the destination takes it all the same. */
  const dieOver = async (rows: readonly Row[], { arrives }: { readonly arrives: boolean }) => {
    destination.knob = ({ rows: sent }) => {
      store.dead = true
      if (arrives) destination.applied.push(...sent)
      throw new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply' })
    }
    await run(rows).catch(() => undefined)
    expect(store.dead).toBe(true)
    store.dead = false
    world.clock.advance(LEASE_MS)
    destination.knob = answer
  }
  const entries = async (table: Table) =>
    (await store.scan(table, { prefix: [], limit: 100 })).map(({ value }) => value as unknown)
  const moves = () =>
    destination.sent.flatMap(({ rows }) => rows).filter(({ action }) => action.kind === 'addressChange')
  return { ...world, store, destination, sync, run, dieOver, users, entries, moves }
}

describe('somebody whose first write a run has died over', () => {
  test('is not a second user where the write had arrived, and the address has changed since [I1]', async () => {
    const { run, dieOver, users, moves, entries } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: true })
    expect(await run([adaAt(NEW)])).toMatchObject({ status: 'complete', retargeted: 1, rows: { accepted: 1 } })
    expect([users(), moves().length]).toEqual([[NEW], 1])
    expect([await entries('binding'), await entries('firstWrite')]).toEqual([[{ address: NEW }], []])
    expect(await run([adaAt(NEW)])).toMatchObject({ retargeted: 0, rows: { unchanged: 1 } })
  })

  test('is not a dead letter where it had not arrived: nobody is there to be moved', async () => {
    const { run, dieOver, users, moves, entries } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: false })
    expect(await run([adaAt(NEW)])).toMatchObject({ status: 'complete', retargeted: 0, rows: { accepted: 1 } })
    expect([users(), moves().length]).toEqual([[NEW], 1])
    expect([await entries('deadLetter'), await entries('binding')]).toEqual([[], [{ address: NEW }]])
  })

  test.each([true, false])(
    'is known for sure once a write was accepted where it went (arrived: %s)',
    async (arrives) => {
      const { run, dieOver, users, moves, entries } = worldOf()
      await dieOver([adaAt(OLD)], { arrives })
      await run([])
      expect(await entries('binding')).toEqual([{ address: OLD, unsure: true }])
      await run([adaAt(OLD)])
      expect([users(), moves(), await entries('binding')]).toEqual([[OLD], [], [{ address: OLD }]])
    },
  )

  test('is moved too where the run that could not move them has died, and where only a later one knows the address', async () => {
    const { run, dieOver, users } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: true })
    await dieOver([adaAt(NEW)], { arrives: false })
    await run([adaAt(null)])
    expect(users()).toEqual([NEW])
  })

  test('is not a second user where another sync of the project is the next to run', async () => {
    const { run, dieOver, users, entries } = worldOf()
    await run([bob], { name: 'other' })
    await dieOver([adaAt(OLD)], { arrives: true })
    await run([adaAt(NEW)], { name: 'other' })
    expect([users().sort(), (await entries('firstWrite')).length]).toEqual([[NEW, BOB].sort(), 1]) // it is the first one's own
    await run([adaAt(NEW)])
    expect([users().sort(), await entries('firstWrite')]).toEqual([[NEW, BOB].sort(), []])
  })

  test('is not a second user where identity had told the other sync of the move before the run died', async () => {
    const { run, dieOver, users, identity, store } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: true })
    await identity.observe([ada(NEW, ['scores', 'c-1'])])
    const { after } = await identity.changes({ project: 'test' })
    // As if that sync had come so far in the feed while the first one was on its way.
    await store.commit([{ op: 'put', table: 'checkpoint', key: ['test', 'other'], value: { identityAfter: after } }])
    await run([], { name: 'other' })
    expect(users()).toEqual([NEW])
  })

  test('does not take the user of another person along who has that address now', async () => {
    const { run, dieOver, users, moves, entries } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: false })
    await run([{ id: 'c-2', email: OLD }, adaAt(NEW)])
    await run([{ id: 'c-2', email: OLD, tier: 2 }, adaAt(NEW, { tier: 2 })])
    expect([users().sort(), moves(), await entries('deadLetter')]).toEqual([[OLD, NEW].sort(), [], []])
  })

  test('waits until reads show what the run that died had sent, and only where the address has changed', async () => {
    const { run, dieOver, clock } = worldOf()
    await dieOver([adaAt(OLD), bob], { arrives: true })
    const before = clock.elapsed()
    await run([adaAt(OLD), bob], { settleMs: 20_000 })
    expect(clock.elapsed()).toBe(before)
    await dieOver([{ id: 'c-3', email: 'eve@example.com' }], { arrives: true })
    const again = clock.elapsed()
    await run([{ id: 'c-3', email: 'eve@example.org' }], { settleMs: 20_000 })
    expect(clock.elapsed() - again).toBeGreaterThanOrEqual(20_000)
  })

  test('is shown by a plan as the run will move them', async () => {
    const { sync, run, dieOver, moves } = worldOf()
    await dieOver([adaAt(OLD)], { arrives: true })
    const plan = await sync([adaAt(NEW)]).plan()
    expect(plan.requests.length).toBe(2)
    expect(moves()).toEqual([])
    expect(await sync([adaAt(NEW)]).run({ plan })).toMatchObject({ status: 'complete', retargeted: 1 })
    expect(await run([adaAt(NEW)])).toMatchObject({ requests: {} })
  })

  test('is moved where it was an action that had waited for an address', async () => {
    const { run, dieOver, users, identity } = worldOf()
    await run([adaAt(null, { kind: 'event' })])
    await identity.observe([ada(OLD)])
    await dieOver([], { arrives: true })
    await identity.observe([ada(NEW)])
    await run([])
    expect(users()).toEqual([NEW])
  })
})

/** What another source shows of Ada. */
const ada = (email: string, [source, key] = ['crm', '1'] as readonly [string, string]) => ({
  source,
  key,
  observedAt: '2026-11-01T00:00:00Z',
  ids: [
    { namespace: 'customer_id', value: 'c-1' },
    { namespace: 'email', value: email },
  ],
})

describe('a first write', () => {
  test('that was refused leaves nothing behind', async () => {
    const { run, destination, entries, moves } = worldOf()
    destination.knob = ({ rows }) => rows.map(() => INVALID)
    await run([adaAt(OLD)], { rejectedShareMax: 1 })
    expect([await entries('firstWrite'), await entries('binding')]).toEqual([[], []])
    await run([adaAt(NEW)], { rejectedShareMax: 1 })
    expect(moves()).toEqual([])
  })

  test('is written down with what is replaced, in one commit a block, and gone behind it', async () => {
    const { run, store, entries, destination } = worldOf()
    await run([bob])
    const held: unknown[] = []
    const { knob } = destination
    destination.knob = async (request, nth) => {
      held.push(await entries('firstWrite'))
      return (await knob(request, nth)) as never
    }
    store.commits.length = 0
    await run([{ ...bob, tier: 2 }, adaAt(OLD), adaAt(OLD, { id: 'c-1', kind: 'event' })])
    const written = store.commits.filter((ops) => ops.some(({ table }) => table === 'firstWrite'))
    expect(written.map((ops) => ops.map(({ op, table }) => `${op} ${table}`))).toEqual([
      ['check lease', 'put checkpoint', 'put firstWrite'],
      ['check lease', 'delete checkpoint', 'delete firstWrite'],
    ])
    expect([held, await entries('firstWrite')]).toEqual([[[[expect.stringMatching(/^p_/), OLD]]], []])
  })

  test('of a run that gave up over it is known, and what had its answer is not written down again', async () => {
    const { run, destination, entries } = worldOf()
    destination.knob = ({ rows }) => {
      if (rows.some(({ address }) => address === OLD))
        throw new LakeloopError('DESTINATION_UNAUTHORIZED', { endpoint: 'apply' })
      return undefined
    }
    expect(await run([bob, adaAt(OLD)])).toMatchObject({ status: 'failed' })
    expect(JSON.stringify(await entries('firstWrite'))).toContain(OLD)
    const bound = JSON.stringify(await entries('binding'))
    expect([bound.includes(OLD)]).toEqual([false])
  })
})

describe('Sync.erase()', () => {
  test('is not undone, nor is forgetting by identity alone, by what a run had died over', async () => {
    const { run, dieOver, entries, identity, store } = worldOf()
    await dieOver([adaAt(OLD), bob], { arrives: true })
    await identity.forget([{ namespace: 'customer_id', value: 'c-1' }], { projects: ['test'] })
    const ofAnotherProcess = new World({ store }).identity
    await run([bob], { identity: ofAnotherProcess })
    expect([await entries('firstWrite'), await entries('binding')]).toEqual([[], [{ address: BOB }]])
  })

  test('finds somebody whose first write a run has died over, where nothing else tells of the address any more', async () => {
    const { sync, dieOver, entries, identity } = worldOf()
    await dieOver([adaAt(OLD), bob], { arrives: true })
    await identity.observe([ada(NEW, ['scores', 'c-1'])])
    const { forget } = await sync([]).erase({ customer_id: 'c-1' })
    expect(forget?.queued).toBe(2)
    expect(await entries('firstWrite')).toEqual([])
    expect(await entries('binding')).toEqual([{ address: BOB, unsure: true }])
  })

  test('takes one person out of what another sync has died over, and leaves the others in it', async () => {
    const { sync, run, dieOver, entries, users } = worldOf()
    await run([], { name: 'other' })
    await dieOver([adaAt(OLD), bob], { arrives: true })
    await sync([], { name: 'other' }).erase({ customer_id: 'c-1' })
    expect(await entries('firstWrite')).toEqual([[expect.stringMatching(/^p_/), BOB]])
    expect(JSON.stringify(await entries('binding'))).not.toContain(OLD)
    await run([adaAt(OLD), { ...bob, email: 'bob@example.org' }], { rejectedShareMax: 1 })
    expect(users()).toEqual([OLD, 'bob@example.org'])
  })
})
