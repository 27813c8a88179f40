import { describe, expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import type { Action } from '../../src/model/action.js'
import type { Reads } from '../../src/model/report.js'
import type { Row } from '../../src/model/row.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Op } from '../../src/stores/store.js'
import type { Learnt } from '../../src/sync/commits.js'
import { takeOff, UnderWay } from '../../src/sync/under-way.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

/** A process that dies where it is told: nothing is written from then on. */
class DyingStore extends MemoryStore {
  dead = false

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.dead) throw new LakeloopError('STORE_FAILED')
    return super.commit(ops)
  }
}

/** Longer than a run that died is believed to live. */
const LEASE_MS = 120_000

const ada = { email: 'ada@example.com' }
const KINDS: readonly (readonly [string, (row: Row) => Action])[] = [
  ['a profile', (row) => ({ kind: 'profile', identifiers: ada, dataFields: { tier: row.tier ?? null } })],
  [
    'a catalog item',
    (row) => ({
      kind: 'catalogItem',
      identifiers: {},
      catalog: 'tiers',
      item: 'ada',
      dataFields: { tier: row.tier ?? null },
    }),
  ],
  ['a subscription', (row) => ({ kind: 'subscription', identifiers: ada, emailListIds: [Number(row.tier)] })],
]

function world(toAction: (row: Row) => Action) {
  const store = new DyingStore()
  const destination = new RecordingDestination()
  const made = new World({ store, destination })
  const transform = plainTransform((row) => [toAction(row)], ['id', 'tier'])
  const run = async (tier: number, name = 'churn') => {
    const sync = made.sync([{ id: 'c-1', tier }], { name, transform, complete: false })
    return await sync.run({ mode: 'resync' })
  }
  /** The destination takes what it is sent, and the process dies before it knows. */
  const dieOver = async (tier: number) => {
    destination.knob = () => {
      store.dead = true
      return undefined
    }
    await run(tier).catch(() => undefined)
    store.dead = false
    made.clock.advance(LEASE_MS)
    destination.knob = () => undefined
  }
  const left = async (): Promise<number> =>
    (await store.scan('checkpoint', { prefix: ['test', 'churn', 'under way'], limit: 10 })).length
  return { run, dieOver, left, store, destination }
}

describe.each(KINDS)('%s that was changed by a run that died', (_, toAction) => {
  test('and was changed back since is not taken for unchanged', async () => {
    const { run, dieOver, destination } = world(toAction)
    expect(await run(1)).toMatchObject({ rows: { accepted: 1 } })
    await dieOver(2)
    expect(await run(1)).toMatchObject({ status: 'complete', rows: { accepted: 1, unchanged: 0 } })
    expect(destination.applied.map(({ action }) => tierOf(action))).toEqual(['1', '2', '1'])
  })

  test('is known again once it was sent, and nothing is kept of it', async () => {
    const { run, dieOver, left } = world(toAction)
    await run(1)
    await dieOver(2)
    expect(await left()).toBe(1)
    await run(1)
    expect(await left()).toBe(0)
    expect(await run(1)).toMatchObject({ status: 'complete', rows: { accepted: 0, unchanged: 1 } })
  })
})

const tierOf = (action: Action): string | undefined => /[12](?=[}\]])/.exec(JSON.stringify(action))?.[0]

test('what a replay died over stays unsure until it was sent again, whatever else is replayed or read', async () => {
  const store = new MemoryStore()
  const scope = { project: 'test', sync: 'churn' }
  const open = (reads: Reads) => UnderWay.of(store, { scope, reads, runId: reads })
  const commits = { commit: ({ main = [] }: Learnt) => store.commit(main) }
  const one = (address: string) => ({ replaces: true, address, key: undefined, write: {}, bind: undefined })
  for (const reads of ['deadLetters', 'inbox'] as const) {
    const flight = await takeOff({ underWay: await open(reads), commits }, [one('ada'), one('bob')])
    const sending = flight.over(() => Promise.reject(new Error('died')))
    await expect(sending).rejects.toThrow('died')
  }
  await store.commit((await open('deadLetters')).ended())
  const inbox = await open('inbox')
  expect(inbox.isUnsure('ada')).toBe(true)
  inbox.settled('ada')
  await store.commit(inbox.ended())
  const after = await open('source')
  expect([after.isUnsure('ada'), after.isUnsure('bob')]).toEqual([false, true])
  after.settled('bob')
  await store.commit(after.ended())
  expect(await store.scan('checkpoint', { prefix: ['test'], limit: 10 })).toEqual([])
})

test('what is new is not written down before it is sent: nothing else can be there', async () => {
  const { run, destination, left } = world(KINDS[0]?.[1] as (row: Row) => Action)
  const held: Promise<number>[] = []
  destination.knob = () => {
    held.push(left())
    return undefined
  }
  await run(1)
  await run(2)
  expect(await Promise.all(held)).toEqual([0, 1])
  expect(await left()).toBe(0)
})
