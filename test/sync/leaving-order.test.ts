import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

const ADA = 'ada@example.com'

/** `delete` is the row's one action; others write a profile, and say whether it is on a list. */
const transform = plainTransform(
  ({ who, email, does }: Row): readonly Action[] => {
    const identifiers = { customer_id: String(who), email: String(email) }
    if (does === 'delete') return [{ kind: 'delete', identifiers }]
    return [
      { kind: 'profile', identifiers, dataFields: { n: 1 } },
      { kind: 'membership', identifiers, list: 'at-risk', member: does === 'joins' },
    ]
  },
  ['who', 'email', 'does'],
)

interface Told {
  readonly id?: string
  readonly who: string
  readonly email: string
  readonly does: 'delete' | 'joins' | 'is'
}
let made = 0
const rowOf = (one: Told): Row => ({ id: `r-${made++}`, ...one })

/** A destination that answers one request per row, and one of them once `after` was applied. */
function slow(held: (email: string) => boolean, after: (kind: string) => boolean): RecordingDestination {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const destination: RecordingDestination = new RecordingDestination({
    sizeMax: 1,
    knob: ({ rows }) => {
      const [{ address, action }] = rows as [(typeof rows)[number]]
      if (after(action.kind)) setTimeout(release, 0)
      return (held(address) ? released.then(() => undefined) : undefined) as undefined
    },
  })
  return destination
}

function worldOf(destination?: RecordingDestination) {
  const world = new World(destination === undefined ? {} : { destination })
  const identity = new IdentityResolver({
    store: world.store,
    target: 'email',
    onTargetClaimed: 'share',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 } },
  })
  const run = (rows: readonly Told[], pageSize = 2) =>
    world.sync(rows.map(rowOf), { identity, transform, complete: false, pageSize, concurrency: 2 }).run()
  return { world, run }
}

const placesOf = async ({ store }: World): Promise<readonly string[]> => {
  const claims = await store.scan('claim', { prefix: ['test'], limit: 100 })
  return claims.map(({ value }) => String((value as readonly unknown[])[0]))
}

describe('who is deleted in a run', () => {
  const joins: readonly Told[] = [
    { who: 'c-0', email: ADA, does: 'joins' },
    { who: 'c-1', email: 'bob@example.com', does: 'is' },
  ]

  test('is not put on a list again by an earlier row whose page finishes later [I6]', async () => {
    const { world, run } = worldOf(
      slow(
        (address) => address === 'bob@example.com',
        (kind) => kind === 'delete',
      ),
    )
    const report = await run([...joins, { who: 'c-9', email: ADA, does: 'delete' }])
    expect(report).toMatchObject({ status: 'complete', rows: { accepted: 3 } })
    expect(world.destination.applied.map(({ action }) => action.kind)).toEqual(['profile', 'delete', 'profile'])
    expect([...world.destination.members('at-risk')]).toEqual([])
    expect(await placesOf(world)).toEqual([])
  })

  test('is not put on a list again by an earlier row of the same page [I6]', async () => {
    const { world, run } = worldOf()
    await run([...joins, { who: 'c-9', email: ADA, does: 'delete' }], 7)
    expect([...world.destination.members('at-risk')]).toEqual([])
    expect(await placesOf(world)).toEqual([])
  })

  test.each([1, 2, 7])('is on the list where a later row says so, in pages of %i', async (pageSize) => {
    const { world, run } = worldOf()
    await run([{ who: 'c-9', email: ADA, does: 'delete' }, ...joins], pageSize)
    expect([...world.destination.members('at-risk')]).toEqual([ADA])
  })

  test.each([1, 2, 7])(
    'is on the list where a later version of the same row says so, in pages of %i',
    async (pageSize) => {
      const { world, run } = worldOf()
      const here: Told = { id: 'r', who: 'c-0', email: ADA, does: 'joins' }
      await run([here, { who: 'c-9', email: ADA, does: 'delete' }, here], pageSize)
      expect([...world.destination.members('at-risk')]).toEqual([ADA])
    },
  )

  test.each([1, 2, 7])('and is back in that run can be deleted in the next one, in pages of %i', async (pageSize) => {
    const { world, run } = worldOf()
    const leaves: Told = { who: 'c-9', email: ADA, does: 'delete' }
    await run([leaves, ...joins], pageSize)
    expect((await run([leaves], pageSize)).rows).toMatchObject({ accepted: 1, unchanged: 0 })
    expect(world.destination.applied.at(-1)).toMatchObject({ address: ADA, action: { kind: 'delete' } })
  })

  test.each([1, 2, 7])('can come back and be deleted again by a next run, in pages of %i [I6]', async (pageSize) => {
    const { world, run } = worldOf()
    const leaves: Told = { who: 'c-9', email: ADA, does: 'delete' }
    await run([leaves], pageSize)
    await run([...joins, leaves], pageSize)
    expect(world.destination.applied.filter(({ address }) => address === ADA).map(({ action }) => action.kind)).toEqual(
      ['delete', 'profile', 'delete'],
    )
    expect(await placesOf(world)).toEqual([])
  })
})
