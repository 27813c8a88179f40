import { describe, expect, test } from 'vitest'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { TABLES } from '../../src/stores/store.js'
import { textsIn } from './book.js'

const record = (key: string, day: number, ids: Readonly<Record<string, string>>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
  ids: Object.entries(ids).map(([namespace, value]) => ({ namespace, value })),
})
const resolverOf = (store: MemoryStore, accounts: number, more: Partial<IdentityResolverOptions> = {}) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: accounts },
      email: { priority: 2, activeForDays: 30 },
    },
    ...more,
  })
const adopted = async (store: MemoryStore): Promise<IdentityResolver> => {
  const next = resolverOf(store, 2)
  await (await next.preview()).adopt()
  return next
}

describe('what outlives a change of rules', () => {
  test('who was forgotten stays so, and is in no generation', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, 1)
    const secret = { customer_id: 'c-77', email: 'canary@example.com' }
    await old.observe([record('1', 1, secret), record('2', 2, { customer_id: 'c-2', email: 'b@example.com' })])
    await old.forget([{ namespace: 'customer_id', value: 'c-77' }], { projects: [] })
    const next = await adopted(store)
    await next.observe([record('3', 3, secret)])
    expect(await next.resolve([secret])).toMatchObject([
      { status: 'unresolvable', reason: { code: 'IDENTIFIER_FORGOTTEN' } },
    ])
    const generation = (await store.get('identityMeta', [['main']])) as [{ generation: string }]
    const texts = await textsIn(store, ['main', generation[0].generation], TABLES)
    expect(texts.filter((text) => /canary|c-77/.test(text))).toEqual([])
  })

  test('a forget that a crash cut short is not taken over, and the next write finishes it', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, 1)
    const secret = { customer_id: 'c-77', email: 'canary@example.com' }
    await old.observe([record('1', 1, secret)])
    let commits = 0
    const commit = store.commit.bind(store)
    store.commit = async (ops) => {
      commits += 1
      if (commits > 1) throw new Error('killed')
      await commit(ops)
    }
    await expect(old.forget([{ namespace: 'email', value: secret.email }], { projects: [] })).rejects.toThrow('killed')
    store.commit = commit
    const next = await adopted(store)
    expect(await next.resolve([secret])).toMatchObject([{ status: 'unresolvable' }])
    await next.observe([record('2', 2, { customer_id: 'c-2' })])
    const generation = (await store.get('identityMeta', [['main']])) as [{ generation: string }]
    const texts = await textsIn(store, ['main', generation[0].generation], TABLES)
    expect(texts.filter((text) => /canary|c-77/.test(text))).toEqual([])
  })

  test('the time of the graph, and what has gone out of use by it', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, 1)
    await old.observe([record('1', 1, { customer_id: 'c-1', email: 'old@example.com' })])
    await old.observe([record('2', 20, { customer_id: 'c-1', email: 'new@example.com' })])
    await old.advance({ asOf: '2026-02-10' })
    const next = await adopted(store)
    expect(await next.asOf()).toBe('2026-02-10T00:00:00.000Z')
    const ask = () => next.resolve([{ customer_id: 'c-1' }])
    expect(await ask()).toMatchObject([{ address: 'new@example.com', alternatives: [] }])
    await next.advance({ asOf: '2026-03-10' })
    expect(await ask()).toMatchObject([{ status: 'unresolved' }])
  })

  test('what became of an identifier, and no word of what came and went while it was made anew', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, 1)
    const email = { namespace: 'email', value: 'a@example.com' }
    await old.observe([record('1', 1, { customer_id: 'c-1', email: email.value })])
    await old.observe([record('2', 2, { customer_id: 'c-2', email: email.value })])
    const told = async (resolver: IdentityResolver) => {
      const all = []
      for await (const entry of resolver.history(email)) all.push(entry)
      return all
    }
    const before = await told(old)
    expect(before).toHaveLength(1)
    expect(await told(await adopted(store))).toEqual(before)
  })

  test('what was said by hand', async () => {
    const store = new MemoryStore()
    const old = resolverOf(store, 2)
    const email = (value: string) => ({ namespace: 'email', value })
    await old.observe([
      record('1', 1, { customer_id: 'c-1', email: 'one@example.com' }),
      record('2', 2, { customer_id: 'c-1', email: 'two@example.com' }),
      record('3', 3, { customer_id: 'c-3', email: 'three@example.com' }),
    ])
    await old.pin(email('one@example.com'))
    await old.block(email('three@example.com'))
    await old.merge(email('two@example.com'), email('four@example.com'))
    const next = resolverOf(store, 2, { linkPreference: 'earliest' })
    await (await next.preview()).adopt()
    const answers = await next.resolve([{ customer_id: 'c-1' }, { customer_id: 'c-3' }, { email: 'four@example.com' }])
    expect(answers).toMatchObject([
      { address: 'one@example.com', why: 'pinned' },
      { status: 'unresolved' },
      { address: 'one@example.com', why: 'pinned' },
    ])
  })
})
