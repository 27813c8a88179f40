import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Key, Store, Table } from '../../src/stores/store.js'

const NAMESPACES = { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 } } as const
const make = (store: Store) => new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })
const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const X = { namespace: 'email', value: 'x@example.com' }

/** Notes what is read. */
class Watched extends MemoryStore {
  readonly reads: Table[] = []
  override get(table: Table, keys: readonly Key[]) {
    this.reads.push(table)
    return super.get(table, keys)
  }
}

describe('people whom nobody knew', () => {
  test('are taken in without asking for profiles, while nobody became part of another', async () => {
    const store = new Watched()
    const resolver = make(store)
    const people = Array.from({ length: 50 }, (_, n) => seen(`${n}`, 1, { customer_id: `c-${n}`, email: `e${n}@x.io` }))
    await resolver.observe(people)
    expect(store.reads).toContain('identifier')
    expect(store.reads).not.toContain('profile')
    expect(await resolver.resolve([{ customer_id: 'c-7' }])).toMatchObject([{ address: 'e7@x.io', why: 'only' }])
  })

  test('are so too once people were merged, until an identifier leaves', async () => {
    const store = new Watched()
    const resolver = make(store)
    await resolver.observe([seen('1', 5, { email: X.value })])
    await resolver.observe([seen('2', 2, { customer_id: 'c-1', email: X.value })])
    store.reads.length = 0
    await resolver.observe([seen('3', 1, { customer_id: 'c-3' })])
    expect(store.reads).not.toContain('profile')
    await resolver.retract([{ source: 'crm', key: '3' }])
    store.reads.length = 0
    await resolver.observe([seen('4', 1, { customer_id: 'c-4' })])
    expect(store.reads).toContain('profile')
  })

  test('are told by the log where they have the id of somebody who became part of another', async () => {
    const store = new MemoryStore()
    const resolver = make(store)
    await resolver.observe([seen('1', 5, { email: X.value })])
    const alone = (await resolver.profile(X))?.profileId as string
    await resolver.observe([seen('2', 2, { customer_id: 'c-1', email: X.value })])
    expect((await resolver.profile(alone))?.profileId).not.toBe(alone)
    await resolver.retract(['1', '2'].map((key) => ({ source: 'crm', key })))
    expect(await resolver.profile(alone)).toBeUndefined()
    const before = await store.scan('identityLog', { prefix: ['main'], limit: 100 })
    await resolver.observe([seen('3', 6, { email: X.value })])
    expect(await resolver.profile(alone)).toMatchObject({ profileId: alone, identifiers: [{ ...X, retired: false }] })
    const log = await store.scan('identityLog', { prefix: ['main'], limit: 100 })
    expect(log.slice(before.length).map(({ value }) => value)).toEqual([alone])
  })

  test('are two where a record breaks a limit by itself', async () => {
    const resolver = make(new MemoryStore())
    const ids = ['c-1', 'c-2'].map((value) => ({ namespace: 'customer_id', value }))
    await resolver.observe([{ source: 'crm', key: '1', observedAt: null, ids }])
    expect(await resolver.conflictCount()).toBe(1)
    const [one, other] = await Promise.all(ids.map((id) => resolver.profile(id)))
    expect(one?.profileId).not.toBe(other?.profileId)
  })
})
