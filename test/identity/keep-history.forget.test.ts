import { expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { textsIn } from './book.js'

const NAMESPACES = { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 } } as const
const make = (store: MemoryStore, accounts = 1) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: { ...NAMESPACES, customer_id: { priority: 1, maxIdentifiers: accounts } },
  })
const seen = (key: string, day: number, bag: Readonly<Record<string, string>>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
  keep: 'history',
})
const evidence = async (store: MemoryStore) => store.scan('evidence', { prefix: ['main'], limit: 100 })

test('a forget takes out every version that showed the person, whose name is a digest of it', async () => {
  const store = new MemoryStore()
  const resolver = make(store)
  await resolver.observe([
    seen('k', 1, { customer_id: 'c-1', email: 'canary@example.com' }),
    seen('k', 2, { customer_id: 'c-1', email: 'canary-2@example.com' }),
    seen('k', 3, { customer_id: 'c-2', email: 'b@example.com' }),
  ])
  const names = (await evidence(store)).map(({ key }) => key[3] as string)
  await resolver.forget([{ namespace: 'email', value: 'canary@example.com' }], { projects: [] })
  const left = (await evidence(store)).map(({ key }) => key[3] as string)
  expect(left).toHaveLength(1)
  const gone = names.filter((name) => !left.includes(name))
  expect(gone).toHaveLength(2)
  const texts = await textsIn(store, ['main'])
  expect(texts.filter((text) => /canary|c-1/.test(text) || gone.some((name) => text.includes(name)))).toEqual([])
})

test('a version that shows somebody forgotten is kept without, under the name of what is left', async () => {
  const store = new MemoryStore()
  const resolver = make(store)
  await resolver.observe([seen('k', 1, { email: 'canary@example.com' })])
  await resolver.forget([{ namespace: 'email', value: 'canary@example.com' }], { projects: [] })
  await resolver.observe([
    seen('k', 2, { customer_id: 'c-9', email: 'canary@example.com' }),
    seen('k', 3, { email: 'canary@example.com' }),
  ])
  const plain = make(new MemoryStore())
  await plain.observe([seen('k', 2, { customer_id: 'c-9' })])
  const keys = async (of: IdentityResolver) =>
    (await of.store.scan('evidence', { prefix: ['main'], limit: 9 })).map(({ key }) => key)
  expect(await keys(resolver)).toEqual(expect.arrayContaining([...(await keys(plain))]))
  expect(await resolver.resolve([{ customer_id: 'c-9' }])).toMatchObject([{ status: 'unresolved' }])
  expect((await textsIn(store, ['main'])).filter((text) => text.includes('canary'))).toEqual([])
})

test('what a source has shown already is not read again once other rules were adopted', async () => {
  const store = new MemoryStore()
  const rows = [1, 2, 3].map((n) => ({ id: `c-${n}`, email: `p${n}@example.com` }))
  const source = () => new RowsSource({ name: 'crm', rows, key: ['id'] })
  const mapping = { identifiers: { customer_id: 'id', email: 'email' } } as const
  expect(await make(store).ingest(source(), mapping)).toMatchObject({ rows: 3, records: 3 })
  const next = make(store, 2)
  await (await next.preview()).adopt()
  expect(await next.ingest(source(), mapping)).toMatchObject({ records: 0 })
  expect(await next.resolve([{ customer_id: 'c-2' }])).toMatchObject([{ address: 'p2@example.com' }])
})
