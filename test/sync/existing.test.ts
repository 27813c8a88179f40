import { describe, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { Delivery } from '../../src/destinations/destination.js'
import { LakeloopError } from '../../src/errors.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { Row } from '../../src/model/row.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { scoreAndList, World } from './world.js'

/** A destination that can be asked who is on a list: whom it was sent, and strangers whom somebody else put there. */
class ListingDestination extends RecordingDestination {
  strangers = new Set<string>()
  /** Members that do not show yet. */
  late = new Set<string>()
  asked = 0
  fails = 0

  override async open(): Promise<Delivery> {
    const delivery = await super.open()
    const destination = this
    return {
      ...delivery,
      async *members(list) {
        destination.asked += 1
        const there = destination.on(String(list)).filter((address) => !destination.late.has(address))
        for (const address of there.reverse()) yield [address]
        if (destination.fails-- > 0) {
          throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: 'members', problem: 'half' })
        }
      },
    }
  }

  /** Everybody on the list, in order. */
  on(list: string): string[] {
    const gone = new Set<string>()
    for (const { address, action } of this.applied) {
      if (action.kind === 'membership' && action.list === list && !action.member) gone.add(address)
    }
    const strangers = [...this.strangers].filter((address) => !gone.has(address))
    return [...new Set([...strangers, ...this.members(list)])].sort()
  }
}

const LIST = 'at-risk'
const person = (n: number, score: number | null = 0.9): Row => ({ id: `c-${n}`, email: `p${n}@example.com`, score })
const mail = (n: number): string => `p${n}@example.com`

function worldOf() {
  const destination = new ListingDestination({ sizeMax: 10 })
  const world = new World({ destination })
  const lists = new ListDeltaComputer({ store: world.store, guard: { removedShareMax: 0.5, removedFreely: 2 } })
  const sync = (rows: readonly Row[], more: Partial<SyncOptions> & { complete?: boolean } = {}) =>
    world.sync(rows, { lists, ...more })
  return { world, destination, sync, on: () => destination.on(LIST) }
}
const adopt = { existing: [{ list: LIST, members: 'adopt' }] } as const
const reconcile = { existing: [{ list: LIST, members: 'reconcile' }] } as const

describe('members that a list had before', () => {
  test('are never touched where nothing is said, and not even asked for', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com', mail(1)])
    await sync([person(1), person(2)]).run()
    await sync([person(2)]).run()
    expect(on()).toEqual(['old@example.com', mail(2)])
    expect(destination.asked).toBe(0)
  })

  test('adopted, a whole audience decides about them', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com', mail(1)])
    const report = await sync([person(1), person(2)], adopt).run()
    expect(report).toMatchObject({ status: 'complete', lists: [{ add: 1, remove: 1, keep: 1 }] })
    expect(on()).toEqual([mail(1), mail(2)])
    await sync([person(1), person(2)], adopt).run()
    expect(destination.asked).toBe(1)
  })

  test('adopted, they are guarded: a small audience does not empty a big list [I11]', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set([1, 2, 3, 4, 5, 6, 7, 8].map(mail))
    const report = await sync([person(1)], adopt).run()
    expect(report.error?.message).toMatch(/^LIST_GUARD: list at-risk: 7 of 8 members would be removed/)
    expect(on()).toHaveLength(8)
    // What was held is decided by the next audience that the guard lets through.
    expect(
      (
        await sync(
          [1, 2, 3, 4, 5].map((n) => person(n)),
          adopt,
        ).run()
      ).status,
    ).toBe('complete')
    expect(on()).toEqual([1, 2, 3, 4, 5].map(mail))
  })

  test('adopted, changes leave alone whom no row speaks of, and decide about the others', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com', mail(1), mail(2)])
    await sync([person(1, 0.1), person(2)], { ...adopt, complete: false }).run()
    expect(on()).toEqual(['old@example.com', mail(2)])
    await sync([person(2, 0.1)], { ...adopt, complete: false }).run()
    expect(on()).toEqual(['old@example.com'])
  })

  test('adopted, whose row was refused stays, with an address or without [I5]', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set([1, 2, 3].map(mail))
    const transform = plainTransform((row) => {
      if (row.id === 'c-1') throw new Error('no')
      return scoreAndList(row)
    })
    const report = await sync([person(1), person(2)], { ...adopt, transform }).run()
    expect(report).toMatchObject({ status: 'complete', rows: { rejected: 1 } })
    expect(on()).toEqual([1, 2, 3].map(mail)) // c-1 may be anybody of them
    await sync([person(1), person(2)], adopt).run()
    expect(on()).toEqual([1, 2].map(mail))
  })

  test('adopted, whose profile was refused stays by its address, and the others are decided about [I5]', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set([1, 2, 3].map(mail))
    const no: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
    destination.knob = (request) =>
      request.rows.map(
        ({ address, action }): Outcome =>
          action.kind === 'profile' && address === mail(1) ? no : { status: 'accepted' },
      )
    const report = await sync([person(1), person(2)], adopt).run()
    expect(report).toMatchObject({ status: 'complete', rows: { rejected: 1 }, lists: [{ remove: 1, keep: 2 }] })
    expect(on()).toEqual([1, 2].map(mail))
  })

  test('once decided about are members like others: a refused row holds nobody else', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com'])
    await sync([person(1), person(2)], adopt).run()
    expect(on()).toEqual([1, 2].map(mail))
    const transform = plainTransform(() => {
      throw new Error('no')
    })
    await sync([person(1)], { ...adopt, transform, rejectedShareMax: 1 }).run()
    expect(on()).toEqual([mail(1)])
  })

  test('a dry run counts them, and changes nothing', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com', mail(1)])
    const plan = await sync([person(1), person(2)], adopt).plan()
    expect(plan.lists).toMatchObject([{ add: 1, remove: 1, keep: 1 }])
    expect(on()).toEqual(['old@example.com', mail(1)])
    expect((await sync([person(1), person(2)], adopt).run({ plan })).status).toBe('complete')
  })

  test('are asked for again from the beginning where an answer broke off', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com', mail(1)])
    destination.fails = 2
    const report = await sync([person(1)], adopt).run()
    expect(report).toMatchObject({ status: 'complete', lists: [{ add: 0, remove: 1, keep: 1 }] })
    expect([destination.asked, ...on()]).toEqual([3, mail(1)])
  })

  test('cannot be adopted from a destination that does not show them', async () => {
    const report = await new World().sync([person(1)], adopt).run()
    expect(report.error?.message).toMatch(
      /^OPTION_INVALID: Sync: option existing\.list names at-risk, and the destination does not show who is on a list/,
    )
  })
})

describe('Sync.reconcile()', () => {
  test('mends what is remembered, and the next run sends what is missing', async () => {
    const { destination, sync, on } = worldOf()
    const rows = [1, 2, 3, 4].map((n) => person(n))
    await sync(rows).run()
    destination.applied.splice(
      destination.applied.findIndex(({ action }) => action.kind === 'membership'),
      1,
    )
    destination.strangers = new Set(['old@example.com'])
    expect(on()).toHaveLength(4)
    expect(await sync(rows).reconcile({ list: LIST })).toEqual({
      there: 4,
      agreed: 3,
      found: 0,
      unknown: 1,
      missing: 1,
      add: 1,
      remove: 0,
    })
    expect((await sync(rows).run()).lists).toMatchObject([{ add: 1, remove: 0, keep: 3 }])
    expect(on()).toEqual(['old@example.com', ...[1, 2, 3, 4].map(mail)])
    expect(await sync(rows).reconcile({ list: LIST })).toMatchObject({ there: 5, agreed: 4, unknown: 1, add: 0 })
  })

  test('takes over who is there where the list says so, and only a whole audience removes them', async () => {
    const { destination, sync, on } = worldOf()
    await sync(
      [1, 2].map((n) => person(n)),
      adopt,
    ).run()
    destination.strangers = new Set(['old@example.com'])
    const found = await sync([], adopt).reconcile({ list: LIST })
    expect(found).toEqual({ there: 3, agreed: 2, found: 1, unknown: 0, missing: 0, add: 0, remove: 1 })
    await sync([person(1)], { ...adopt, complete: false }).run()
    expect(on()).toEqual(['old@example.com', mail(1), mail(2)])
    await sync(
      [1, 2].map((n) => person(n)),
      adopt,
    ).run()
    expect(on()).toEqual([mail(1), mail(2)])
  })

  test('who was found and has gone by themselves is not brought back', async () => {
    const { destination, sync, on } = worldOf()
    destination.strangers = new Set(['old@example.com'])
    await sync([person(1)], { ...adopt, complete: false }).run()
    destination.strangers.clear()
    expect(await sync([], adopt).reconcile({ list: LIST })).toMatchObject({ there: 1, missing: 1, add: 0 })
    await sync([person(1)], { ...adopt, complete: false }).run()
    expect(on()).toEqual([mail(1)])
  })

  test('somebody who does not show yet is not forgotten, and leaves when it is time [I1]', async () => {
    const { destination, sync, on } = worldOf()
    await sync([1, 2].map((n) => person(n))).run()
    destination.late = new Set([mail(2)])
    expect(await sync([]).reconcile({ list: LIST })).toMatchObject({ there: 1, missing: 1 })
    await sync([person(1)]).run()
    expect(on()).toEqual([mail(1)])
  })

  test('is done in every run where the list says so', async () => {
    const { destination, sync, on } = worldOf()
    await sync([person(1)], reconcile).run()
    destination.strangers = new Set(['old@example.com'])
    await sync([person(1)], reconcile).run()
    expect([destination.asked, ...on()]).toEqual([2, mail(1)])
  })

  test('of the list of another sync is refused', async () => {
    const { sync } = worldOf()
    await sync([person(1)]).run()
    await expect(sync([], { name: 'other' }).reconcile({ list: LIST })).rejects.toThrow('LIST_OWNED')
  })

  test('works where lists have a store of their own', async () => {
    const { sync, on } = worldOf()
    const lists = new ListDeltaComputer({ store: new MemoryStore() })
    expect((await sync([person(1)], { lists }).run()).status).toBe('complete')
    expect(await sync([], { lists }).reconcile({ list: LIST })).toMatchObject({ there: 1, agreed: 1 })
    expect(on()).toEqual([mail(1)])
  })
})
