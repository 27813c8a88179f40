import { describe, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import type { SyncOptions } from '../../src/sync/options.js'
import { plainTransform } from './plain-transform.js'
import { World } from './world.js'

const LIST = 'at-risk'
const mail = (n: number): string => `p${n}@example.com`
const rows = (...numbers: readonly number[]): Row[] => numbers.map((n) => ({ id: `${n}`, email: mail(n) }))

/** Everybody in the rows is on the list. Both syncs number their rows alike, so keys of the two are the same. */
const members = plainTransform(({ email }) => [
  { kind: 'membership', identifiers: { email: String(email) }, list: LIST, member: true },
])

function sharing({ shared = [LIST] as readonly string[] } = {}) {
  const world = new World()
  const lists = new ListDeltaComputer({ store: world.store, shared, guard: { removedShareMax: 1 } })
  const run = (name: string, given: readonly Row[], more: Partial<SyncOptions> & { complete?: boolean } = {}) => {
    const { complete = true, ...options } = more
    const source = new RowsSource({ name, rows: given, key: ['id'], complete })
    return world.sync([], { name, source, transform: members, lists, ...options }).run()
  }
  return { world, run, on: () => [...world.destination.members(LIST)].sort() }
}

describe('a list that two syncs share', () => {
  test('has whom one of the two claims, and each snapshot decides about its own claims only', async () => {
    const { run, on } = sharing()
    await run('churn', rows(1, 2, 3))
    await run('winback', rows(3, 4))
    expect(on()).toEqual([1, 2, 3, 4].map(mail))
    await run('churn', rows(1))
    expect(on()).toEqual([1, 3, 4].map(mail)) // 3 is winback's too
    await run('winback', rows(4))
    expect(on()).toEqual([1, 4].map(mail))
    expect(await run('churn', rows(1))).toMatchObject({ status: 'complete', lists: [{ add: 0, remove: 0, keep: 2 }] })
  })

  test('takes rows of the two with one key for two claimants', async () => {
    const { run, on } = sharing()
    await run('churn', [{ id: '1', email: mail(1) }])
    await run('winback', [{ id: '1', email: mail(2) }])
    expect(on()).toEqual([mail(1), mail(2)])
    await run('winback', rows(1), { complete: false })
    expect(on()).toEqual([mail(1)])
  })

  test('an empty or broken snapshot of the one removes nobody of the other', async () => {
    const { run, on } = sharing()
    await run('churn', rows(1, 2))
    await run('winback', rows(3))
    const schema = { columns: ['id', 'email'].map((name) => ({ name, type: 'string', nullable: true })) }
    const empty = new RowsSource({ name: 'winback', rows: [], key: ['id'], complete: true, schema })
    expect(await run('winback', [], { source: empty })).toMatchObject({ lists: [{ remove: 0, keep: 3 }] })
    expect(on()).toEqual([1, 2, 3].map(mail))
  })

  test('follows a person to another address for both', async () => {
    const { world, run, on } = sharing()
    const crm = (email: string, at: string) => ({
      source: 'crm',
      key: '1',
      observedAt: `2026-01-0${at}T00:00:00Z`,
      ids: [
        { namespace: 'customer_id', value: '1' },
        { namespace: 'email', value: email },
      ],
    })
    const transform = plainTransform(({ id }) => [
      { kind: 'membership', identifiers: { customer_id: String(id) }, list: LIST, member: true },
      { kind: 'profile', identifiers: { customer_id: String(id) }, dataFields: {} },
    ])
    await world.identity.observe([crm(mail(1), '1')])
    await run('churn', rows(1), { transform })
    await run('winback', rows(1), { transform })
    await world.identity.observe([crm(mail(9), '2')])
    await run('churn', rows(1), { transform })
    await run('winback', rows(1), { transform })
    expect((await run('churn', rows(1), { transform })).lists).toMatchObject([{ add: 0, remove: 0, keep: 1 }])
    const moved = world.destination.applied.filter(({ action }) => action.kind === 'addressChange')
    expect(moved.length).toBeGreaterThan(0)
    // Nobody was sent twice: the destination moved its member by itself.
    expect(on()).toEqual([mail(1)])
  })

  test('has to be declared by both', async () => {
    const { world, run } = sharing()
    await run('churn', rows(1))
    const lists = new ListDeltaComputer({ store: world.store })
    expect((await run('winback', rows(2), { lists })).error?.message).toMatch(
      /^LIST_OWNED: .* belongs to the sync churn/,
    )
    const other = sharing({ shared: [] })
    await other.run('churn', rows(1))
    const says = new ListDeltaComputer({ store: other.world.store, shared: [LIST] })
    expect((await other.run('winback', rows(2), { lists: says })).error?.code).toBe('LIST_OWNED')
    await other.run('churn', rows(1), { lists: says }) // the owner says so from now on
    expect((await other.run('winback', rows(2), { lists: says })).status).toBe('complete')
    expect(other.on()).toEqual([mail(1), mail(2)])
  })

  test('has its former members taken over by its owner alone', async () => {
    const { world, run } = sharing()
    await run('churn', rows(1))
    await run('winback', rows(2))
    const lists = new ListDeltaComputer({ store: world.store, shared: [LIST] })
    const ask = (owner: string, takeOver: boolean) =>
      lists.reconcile({ project: 'test', owner, list: LIST, members: there(), takeOver })
    async function* there() {
      yield [mail(1), mail(2), mail(7)]
    }
    await expect(ask('winback', true)).rejects.toThrow('LIST_OWNED: the list at-risk belongs to the sync churn')
    expect(await ask('winback', false)).toMatchObject({ there: 3, agreed: 2, unknown: 1 })
    expect(await ask('churn', true)).toMatchObject({ there: 3, agreed: 2, found: 1, remove: 1 })
  })
})
