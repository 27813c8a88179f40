import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

const NO: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
const ANN = { customer_id: 'c-1', email: 'ann@example.com' }
const item = { id: 'i-1', name: 'shoe', price: 1, quantity: 1 }
const shoes = { kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item: 's-1' } as const
const order = { identifiers: ANN, id: 'order-1' } as const

/** How the older row comes to be kept. */
const HELD = ['refused', 'thrown', 'parked'] as const
type Held = (typeof HELD)[number]

/** Runs rows, each with the actions that the test gives it; the first may be held back. */
function stage({ mergesItems = false, keyless = false } = {}) {
  const world = new World()
  world.destination.mergesItems = mergesItems
  const made = new Map<string, readonly Action[]>()
  const mended = { is: true, version: 1 }
  const transform = () => {
    const plain = plainTransform(({ row }) => {
      const actions = made.get(String(row))
      if (!mended.is || actions === undefined) throw new Error('no')
      return actions
    })
    const { prepare } = plain
    const reads = [{ column: 'row', at: 'plain.js:1:1' }]
    const facts = async () => ({ ...(await prepare()), version: `v${mended.version}`, reads })
    return Object.assign(plain, { prepare: facts })
  }
  let count = 0
  const sync = (rows: readonly Row[], more = {}) => {
    const source = new RowsSource({ name: 'rows', rows, complete: false, ...(keyless ? {} : { key: ['row'] }) })
    return world.sync([], { source, transform: transform(), rejectedShareMax: 1, ...more })
  }
  const run = async (...actions: readonly Action[]) => {
    world.clock.advance(1_000)
    const row = `r-${++count}`
    made.set(row, actions)
    return await sync([{ row }]).run()
  }
  return { world, run, sync, mended, made, last: () => `r-${count}` }
}

/** The older row is read and kept, as it befalls it. */
async function hold(stand: ReturnType<typeof stage>, how: Held, older: readonly Action[]): Promise<void> {
  const { world, run, mended } = stand
  world.destination.knob = ({ rows }) => (how === 'refused' ? rows.map(() => NO) : undefined)
  mended.is = how !== 'thrown'
  const shown = how === 'parked' ? older.map((one) => ({ ...one, identifiers: { customer_id: 'c-1' } })) : older
  await run(...shown)
  mended.is = true
  world.destination.knob = () => undefined
}

/** And is tried again. */
async function again({ world, sync }: ReturnType<typeof stage>, how: Held) {
  world.clock.advance(1_000)
  if (how !== 'parked') return (await sync([]).replay({ deadLetters: 'all' })).rows
  const ids = Object.entries(ANN).map(([namespace, value]) => ({ namespace, value }))
  await world.identity.observe([{ source: 'crm', key: 'c-1', observedAt: null, ids }])
  return await sync([]).run()
}

interface Case {
  readonly name: string
  readonly older: Action
  readonly newer: Action
  readonly mergesItems?: boolean
  /** What is sent of the older one all the same; nothing where left out. */
  readonly left?: object
}

/** One action of each kind that writes to a person. */
const writes = (a: number): readonly Action[] => [
  { kind: 'profile', identifiers: ANN, dataFields: { a } },
  { kind: 'event', identifiers: ANN, eventName: 'came' },
  { kind: 'subscription', identifiers: ANN, unsubscribedChannelIds: [1] },
  { kind: 'cart', identifiers: ANN, items: [item] },
  { kind: 'purchase', identifiers: ANN, total: 1, items: [item] },
  { kind: 'membership', identifiers: ANN, list: 'vip', member: true },
]

const CASES: readonly Case[] = [
  {
    name: 'a profile',
    older: { kind: 'profile', identifiers: ANN, dataFields: { a: 1, b: 1 } },
    newer: { kind: 'profile', identifiers: ANN, dataFields: { a: 2 } },
    left: { dataFields: { b: 1 } },
  },
  {
    name: 'a subscription',
    older: { kind: 'subscription', identifiers: ANN, unsubscribedChannelIds: [1], unsubscribedMessageTypeIds: [1] },
    newer: { kind: 'subscription', identifiers: ANN, unsubscribedChannelIds: [] },
    left: { unsubscribedMessageTypeIds: [1] },
  },
  {
    name: 'a cart',
    older: { kind: 'cart', identifiers: ANN, items: [item] },
    newer: { kind: 'cart', identifiers: ANN, items: [] },
  },
  {
    name: 'a cart that was bought since',
    older: { kind: 'cart', identifiers: ANN, items: [item] },
    newer: { kind: 'purchase', identifiers: ANN, total: 1, items: [item] },
  },
  {
    name: 'an item of a catalog',
    older: { ...shoes, dataFields: { a: 1, b: 1 } },
    newer: { ...shoes, dataFields: { a: 2 } },
  },
  {
    name: 'an item of a catalog that keeps fields',
    older: { ...shoes, dataFields: { a: 1, b: 1 } },
    newer: { ...shoes, dataFields: { a: 2 } },
    mergesItems: true,
    left: { dataFields: { b: 1 } },
  },
  { name: 'an item that went since', older: { ...shoes, dataFields: { a: 1 } }, newer: { ...shoes, remove: true } },
  {
    name: 'an item that keeps fields and went since',
    older: { ...shoes, dataFields: { a: 1 } },
    newer: { ...shoes, remove: true },
    mergesItems: true,
  },
  {
    name: 'the going of an item',
    older: { ...shoes, remove: true },
    newer: { ...shoes, dataFields: { a: 2 } },
    mergesItems: true,
  },
  {
    name: 'an event of the same id',
    older: { kind: 'event', ...order, eventName: 'order', dataFields: { at: 'the till' } },
    newer: { kind: 'event', ...order, eventName: 'order', dataFields: { at: 'the door' } },
  },
  {
    name: 'a purchase of the same id',
    older: { kind: 'purchase', ...order, total: 1, items: [item] },
    newer: { kind: 'purchase', ...order, total: 2, items: [item] },
  },
  ...writes(2).map((newer) => ({
    name: `a deletion before a ${newer.kind}`,
    older: { kind: 'delete', identifiers: ANN } as const,
    newer,
  })),
  ...writes(1).map((older) => ({
    name: `a ${older.kind} before a deletion`,
    older,
    newer: { kind: 'delete', identifiers: ANN } as const,
  })),
]

/** Who an item is about needs no address, and a place on a list is refused with its list alone. */
const isNone = (how: Held, { kind }: Action): boolean =>
  (how === 'parked' && kind === 'catalogItem') || (how === 'refused' && kind === 'membership')
const rows = CASES.flatMap((one) => HELD.map((how) => [one.name, how, one] as const)).filter(
  ([, how, { older }]) => !isNone(how, older),
)

describe('what another row said later', () => {
  test.each(rows)('is not undone by %s that was %s [I6]', async (_, how, { older, newer, mergesItems, left }) => {
    const stand = stage({ mergesItems })
    await hold(stand, how, [older])
    const { applied } = stand.world.destination
    expect(applied).toEqual([])
    await stand.run(newer)
    const ended = await again(stand, how)
    const [first, ...sent] = applied.map(({ action }) => action)
    expect(first?.kind).toBe(newer.kind)
    const named = { kind: older.kind, identifiers: older.identifiers, ...(older.kind === 'catalogItem' ? shoes : {}) }
    const shown = how === 'parked' ? { identifiers: { customer_id: 'c-1' } } : {}
    expect(sent).toEqual(left === undefined ? [] : [{ ...named, ...shown, ...left }])
    if (how !== 'parked') expect(ended).toMatchObject({ read: 1, [left === undefined ? 'superseded' : 'accepted']: 1 })
    for (const table of ['deadLetter', 'parked'] as const)
      expect(await stand.world.store.scan(table, { prefix: [], limit: 10 })).toEqual([])
  })

  test.each(['refused', 'thrown'] as const)(
    'is not undone by what was %s before the person left and came back [I6]',
    async (how) => {
      const stand = stage()
      await hold(stand, how, [{ kind: 'profile', identifiers: ANN, dataFields: { a: 1 } }])
      await stand.run({ kind: 'delete', identifiers: ANN })
      await stand.run({ kind: 'profile', identifiers: ANN, dataFields: { b: 2 } })
      expect(await again(stand, how)).toMatchObject({ read: 1, superseded: 1 })
      expect(stand.world.destination.applied.map(({ action }) => action.kind)).toEqual(['delete', 'profile'])
    },
  )

  test('is not undone by a row before it in the same page, whose letter is written down later [I6]', async () => {
    const { world, sync, made } = stage()
    const profile = { kind: 'profile', identifiers: ANN, dataFields: { a: 1 } } as const
    made.set('r-2', [{ kind: 'delete', identifiers: ANN }])
    const page = [{ row: 'r-1' }, { row: 'r-2' }]
    world.destination.knob = async () => world.clock.advance(1_000) as never
    await sync(page).run()
    made.set('r-1', [profile])
    world.clock.advance(1_000)
    const { rows } = await sync([]).replay({ deadLetters: 'all' })
    expect(rows).toMatchObject({ read: 1, superseded: 1 })
    expect(world.destination.applied.map(({ action }) => action.kind)).toEqual(['delete'])
  })

  test('counts also where it said the same before: it is read again, and nothing is sent [I6]', async () => {
    const stand = stage()
    const newer = { ...shoes, dataFields: { a: 2 } } as const
    await stand.run(newer)
    const row = stand.last()
    await hold(stand, 'refused', [{ ...shoes, dataFields: { a: 1 } }])
    expect((await stand.sync([{ row }]).run()).rows).toMatchObject({ unchanged: 1 })
    expect(await again(stand, 'refused')).toMatchObject({ superseded: 1 })
    expect(stand.world.destination.applied).toHaveLength(1)
  })

  test('counts field by field, also where many rows said one each [I6]', async () => {
    const stand = stage()
    const fields = Array.from({ length: 12 }, (_, n) => `f${n}`)
    await hold(stand, 'refused', [{ kind: 'profile', identifiers: ANN, dataFields: { f0: 'old', other: 'old' } }])
    for (const field of fields) await stand.run({ kind: 'profile', identifiers: ANN, dataFields: { [field]: 'new' } })
    await again(stand, 'refused')
    expect(stand.world.destination.applied.at(-1)?.action).toMatchObject({ dataFields: { other: 'old' } })
    expect(stand.world.destination.applied.at(-1)?.action).not.toHaveProperty('dataFields.f0')
  })

  test('of a place on a list without a key is the newest word of the person, and of rows with keys that of each [I6]', async () => {
    const place = (member: boolean): Action => ({ kind: 'membership', identifiers: ANN, list: 'vip', member })
    const sheet = stage({ keyless: true })
    await hold(sheet, 'thrown', [place(true)])
    await sheet.run(place(false))
    expect(await again(sheet, 'thrown')).toMatchObject({ superseded: 1 })
    expect(sheet.world.destination.members('vip').size).toBe(0)
    const keyed = stage()
    await hold(keyed, 'thrown', [place(true)])
    await keyed.run({ kind: 'profile', identifiers: ANN, dataFields: { a: 1 } })
    expect(await again(keyed, 'thrown')).toMatchObject({ accepted: 1 })
    expect([...keyed.world.destination.members('vip')]).toEqual([ANN.email])
  })
})
