import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Op, Store } from '../../src/stores/store.js'
import { textsIn } from './book.js'

const make = (store: Store = new MemoryStore()) =>
  new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1 },
      email: { priority: 3, maxIdentifiers: 2 },
      phone: { priority: 4, hub: 2 },
    },
  })
const seen = (key: string, day: number, bag: Record<string, string>, source = 'crm'): Evidence => ({
  source,
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const C1 = { namespace: 'customer_id', value: 'c-001' }
const C2 = { namespace: 'customer_id', value: 'c-002' }
const ANN = { namespace: 'email', value: 'ann@example.com' }
const PHONE = '+4917000000001'
const PROJECTS = { projects: ['shop'] }

/** A book in which Ann's values stand in every place that there is. */
async function written(store: Store): Promise<IdentityResolver> {
  const resolver = make(store)
  await resolver.observe([
    seen('c-001', 1, { customer_id: 'c-001', email: 'Ann@Example.com', phone: PHONE }),
    seen('n-1', 2, { customer_id: 'c-001', email: 'ann.new@example.com' }),
    seen('n-2', 3, { customer_id: 'c-001', email: 'ann.newest@example.com' }), // ann@ is retired
    seen('order:C-001:7', 3, { customer_id: 'c-001', phone: PHONE }),
    seen('2', 1, { customer_id: 'c-002', email: 'bob@example.com', phone: PHONE }),
    seen('3', 1, { customer_id: 'c-003', phone: PHONE }), // the phone is shared by too many
    seen('4', 4, { customer_id: 'c-002', email: 'ann.new@example.com' }), // a conflict
    seen('5', 4, { customer_id: 'c-001', email: 'ann@@example.com' }), // invalid
  ])
  await resolver.merge(C1, { namespace: 'email', value: 'ann.merged@example.com' })
  await resolver.deny(C1, C2)
  await resolver.retract([{ source: 'crm', key: '4' }])
  const [ann] = await resolver.resolve([{ customer_id: 'c-001' }])
  if (ann?.status !== 'resolved') throw new Error('Ann has an address')
  await store.commit([
    ...resolver.bind('shop', [ann]),
    ...resolver.bind('shop', [{ ...ann, profileId: (await resolver.profile(C2))?.profileId as string }]),
    ...resolver.bind('other', [ann]),
  ])
  await resolver.observe([
    seen('0', 1, { email: 'ann.new@example.com' }),
    seen('6', 6, { customer_id: 'c-002', phone: PHONE }),
  ])
  return resolver
}
const CANARIES = /ann|c-001/i

async function leaks(store: Store, prefixes: readonly string[] = ['main', 'shop']): Promise<string[]> {
  return (await textsIn(store, prefixes)).filter((text) => CANARIES.test(text))
}

describe('forget()', () => {
  test('leaves no value of the person in any table, and one salted tombstone for each', async () => {
    const store = new MemoryStore()
    const resolver = await written(store)
    expect((await leaks(store)).length).toBeGreaterThan(15)
    expect(await resolver.forget([{ ...ANN, value: ' ANN@example.com' }], { ...PROJECTS, salt: 'known' })).toEqual({
      identifiers: 5,
      profiles: 1,
      records: 8,
      bindings: 2,
    })
    expect(await leaks(store)).toEqual([])
    expect(await store.scan('tombstone', { prefix: ['main'], limit: 10 })).toHaveLength(5)
    expect(await store.scan('forgetting', { prefix: ['main'], limit: 10 })).toEqual([])
    expect(await store.scan('binding', { prefix: ['other'], limit: 10 })).toHaveLength(1)
    // The others are as they were.
    expect(await resolver.resolve([{ customer_id: 'c-002' }, { phone: PHONE }])).toMatchObject([
      { status: 'resolved', address: 'bob@example.com' },
      { status: 'resolved', address: 'bob@example.com' },
    ])
    expect(await resolver.conflictCount()).toBe(1)
  })

  test('leaves none of their bytes in the file of a SqliteStore once it is closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-forget-'))
    try {
      const store = new SqliteStore({ path: join(folder, 'store.db') })
      const resolver = await written(store)
      await store.commit([{ op: 'delete', table: 'binding', key: ['other', 'none'] }])
      await resolver.observe(
        Array.from({ length: 400 }, (_, n) => seen(`k${n}`, 2, { customer_id: 'c-001', email: `ann${n}@example.com` })),
      )
      await resolver.forget([C1], { projects: ['shop', 'other'] })
      await resolver.close()
      await store.close()
      const files = readdirSync(folder).map((file) => readFileSync(join(folder, file)).toString('latin1'))
      const bytes = files.join('')
      expect(bytes).toContain('bob@example.com')
      expect(/ann[\w.]*@|c-001/i.exec(bytes)).toBeNull()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('is for ever: what comes later is not taken in, resolved, bound or spoken of', async () => {
    const store = new MemoryStore()
    const resolver = await written(store)
    const [before] = await resolver.resolve([{ customer_id: 'c-001' }])
    await resolver.forget([C1], PROJECTS)
    await resolver.observe([
      seen('c-001', 8, { customer_id: 'c-001', email: 'other@example.com' }), // its key names her: nothing is kept
      seen('8', 8, { customer_id: 'c-001', email: 'Ann@example.com' }),
      seen('9', 8, { customer_id: 'c-004', email: 'ANN@example.com', phone: PHONE }),
    ])
    await store.commit(resolver.bind('shop', [before as { profileId: string; address: string }]))
    expect(await leaks(store)).toEqual([])
    expect(await resolver.profile({ namespace: 'email', value: 'other@example.com' })).toBeUndefined()
    const [kept] = await store.get('evidence', [['main', 'crm', '9']])
    expect(kept).toMatchObject({
      ids: [
        ['customer_id', 'c-004'],
        ['phone', PHONE],
      ],
      unusable: [['email', '', 'forgotten']],
    })
    const bags = [{ customer_id: 'c-001', email: 'new@example.com' }, { email: 'ann@example.com' }]
    for (const found of await resolver.resolve(bags)) {
      expect(found).toMatchObject({ status: 'unresolvable', reason: { code: 'IDENTIFIER_FORGOTTEN' } })
    }
    // A value of hers beside a stronger one of somebody else counts as not there.
    expect(await resolver.resolve([{ customer_id: 'c-002', email: 'ann@example.com' }])).toMatchObject([
      { status: 'resolved', address: 'bob@example.com' },
    ])
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'unusable', problem: 'forgotten' })
    for (const word of [resolver.merge(C1, C2), resolver.deny(C1, C2), resolver.block(C1)]) {
      await expect(word).rejects.toThrow('names an identifier that was forgotten')
    }
    for (const word of [resolver.unmerge(C1, C2), resolver.allow(C1, C2), resolver.unblock(C1)]) {
      expect(await word).toMatchObject({ records: 0 })
    }
    expect(await resolver.forget([C1, ANN], PROJECTS)).toEqual({ identifiers: 0, profiles: 0, records: 0, bindings: 0 })
  })

  test('of a value that nobody has takes that alone, and takes in nobody else', async () => {
    const store = new MemoryStore()
    const resolver = await written(store)
    const shared = { namespace: 'phone', value: '+4917000000009' }
    await resolver.observe([1, 2, 3].map((n) => seen(`s${n}`, n, { customer_id: `c-01${n}`, phone: shared.value })))
    const people = await count(resolver)
    const unknown = { namespace: 'email', value: 'never@example.com' }
    expect(await resolver.forget([shared, unknown], PROJECTS)).toMatchObject({
      identifiers: 2,
      profiles: 0,
      records: 3,
    })
    expect(await count(resolver)).toBe(people)
    expect(await store.scan('quarantine', { prefix: ['main'], limit: 10 })).toHaveLength(1)
    await resolver.observe([seen('u', 1, { email: unknown.value })])
    expect(await count(resolver)).toBe(people)
  })

  test('finds an identifier that was too many for its record', async () => {
    const store = new MemoryStore()
    const resolver = make(store)
    const many = Array.from({ length: 101 }, (_, n) => ({
      namespace: 'email',
      value: `x${String(n).padStart(3, '0')}@y.io`,
    }))
    await resolver.observe([{ source: 'crm', key: 'many', observedAt: null, ids: [C2, ...many] }])
    for (const value of ['x100@y.io', 'x099@y.io']) {
      await resolver.forget([{ namespace: 'email', value }], PROJECTS)
      expect((await textsIn(store, ['main'])).filter((text) => text.includes(value))).toEqual([])
    }
    await resolver.observe([{ source: 'crm', key: 'more', observedAt: null, ids: [C2, ...many] }])
    expect((await textsIn(store, ['main'])).filter((text) => /x(100|099)@/.test(text))).toEqual([])
  })

  test('finds an identifier that has gone out of use, and pins of it', async () => {
    const store = new MemoryStore()
    const resolver = new IdentityResolver({
      store,
      target: 'email',
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1 },
        email: { priority: 3, activeForDays: 30 },
      },
    })
    await resolver.observe([seen('1', 1, { customer_id: 'c-002', email: ' ANN@example.com' })])
    await resolver.pin(ANN)
    await resolver.advance({ asOf: '2026-06-01T00:00:00Z' })
    await resolver.forget([ANN], PROJECTS)
    expect(await leaks(store)).toEqual([])
    await resolver.advance({ asOf: '2026-06-02T00:00:00Z' })
    await expect(resolver.pin(ANN)).rejects.toThrow('names an identifier that was forgotten')
    await resolver.observe([seen('2', 1, { customer_id: 'c-003', email: ANN.value })])
    expect(await leaks(store)).toEqual([])
  })

  test('takes a person with many records out in commits of a bounded size', async () => {
    const store = new Watched()
    const resolver = make(store)
    await resolver.observe(
      Array.from({ length: 3_000 }, (_, n) => seen(`r${n}`, 1, { customer_id: 'c-001', email: ANN.value })),
    )
    store.sizes.length = 0
    expect(await resolver.forget([ANN], PROJECTS)).toMatchObject({ identifiers: 2, records: 3_000 })
    expect(Math.max(...store.sizes)).toBeLessThan(3_000)
    expect(await leaks(store)).toEqual([])
  })

  test('[I3] killed at any commit and begun again, or followed by any write, ends as one that was not', async () => {
    const whole = new Watched()
    const first = await written(whole)
    const from = whole.sizes.length
    await first.forget([ANN], { ...PROJECTS, salt: 'known' })
    const commits = whole.sizes.length - from
    expect(commits).toBeGreaterThan(5)
    const wanted = await textsIn(whole, ['main', 'shop', 'other'], WHO)
    for (let at = 1; at <= commits; at += 1) {
      for (const how of ['again', 'write'] as const) {
        const store = new Watched()
        const resolver = await written(store)
        store.failAfter = at - 1
        await expect(resolver.forget([ANN], { ...PROJECTS, salt: 'known' })).rejects.toThrow('killed')
        store.failAfter = Number.POSITIVE_INFINITY
        const later = make(store)
        if (how === 'again' || at === 1) await later.forget([ANN], { ...PROJECTS, salt: 'known' })
        else await later.observe([seen('new', 1, { email: 'new@example.com' })])
        if (how === 'write') await later.retract([{ source: 'crm', key: 'new' }])
        expect(await leaks(store)).toEqual([])
        expect(await textsIn(store, ['main', 'shop', 'other'], WHO)).toEqual(wanted)
      }
    }
  })

  test('takes them out of who is who in one commit: killed right after it, the others are as at the end', async () => {
    const store = new Watched()
    const resolver = make(store)
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-001', email: ANN.value }),
      seen('2', 2, { customer_id: 'c-002', email: ANN.value }),
    ])
    expect((await resolver.profile(C2))?.conflicts).toBe(1)
    store.failAfter = 1
    await expect(resolver.forget([C1], PROJECTS)).rejects.toThrow('killed')
    expect((await resolver.profile(C2))?.conflicts).toBe(0)
    expect(await resolver.conflictCount()).toBe(0)
    expect(await resolver.resolve([{ customer_id: 'c-001' }, { email: ANN.value }])).toMatchObject([
      { reason: { code: 'IDENTIFIER_FORGOTTEN' } },
      { address: ANN.value },
    ])
  })

  test('is not undone by another process that writes at the same time', async () => {
    const store = new MemoryStore()
    const [one, other] = [await written(store), make(store)]
    const records = Array.from({ length: 40 }, (_, n) =>
      seen(`w${n}`, 5, { customer_id: 'c-001', email: `w${n}@example.com` }),
    )
    await Promise.all([
      one.forget([ANN], PROJECTS),
      ...records.map((record) => other.observe([record])),
      one.observe([seen('late', 9, { customer_id: 'c-001', phone: PHONE })]),
    ])
    expect((await textsIn(store, ['main', 'shop'])).filter((text) => /c-001|ann@/i.test(text))).toEqual([])
  })

  test('refuses what is no identifier by the rules, and options that are none', async () => {
    const resolver = make()
    await expect(resolver.forget([{ namespace: 'email', value: 'none' }], PROJECTS)).rejects.toThrow('joins nobody')
    await expect(resolver.forget([ANN], {} as never)).rejects.toThrow('option projects')
    await expect(resolver.forget(ANN as never, PROJECTS)).rejects.toThrow('option identifiers')
  })

  test('costs an observe nothing in a graph where nobody was forgotten, and one read where somebody was', async () => {
    const store = new Watched()
    const resolver = make(store)
    const records = Array.from({ length: 50 }, (_, n) =>
      seen(`r${n}`, 1, { customer_id: `k${n}`, email: `k${n}@example.com` }),
    )
    await resolver.observe(records)
    expect(store.reads.get('tombstone')).toBeUndefined()
    await resolver.forget([ANN], PROJECTS)
    await resolver.observe(records)
    expect(store.reads.get('tombstone')).toBe(1)
  })
})

/** Tables that say who is who. */
const WHO = [
  'evidence',
  'evidenceById',
  'identifier',
  'profile',
  'conflict',
  'quarantine',
  'binding',
  'tombstone',
  'forgetting',
] as const

async function count(resolver: IdentityResolver): Promise<number> {
  let people = 0
  for await (const _ of resolver.profiles()) people += 1
  return people
}

/** Counts, and dies on demand. */
class Watched extends MemoryStore {
  readonly sizes: number[] = []
  readonly reads = new Map<string, number>()
  failAfter = Number.POSITIVE_INFINITY

  override async get(...[table, keys]: Parameters<MemoryStore['get']>) {
    this.reads.set(table, (this.reads.get(table) ?? 0) + 1)
    return super.get(table, keys)
  }

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.failAfter <= 0) throw new Error('killed')
    this.failAfter -= 1
    this.sizes.push(ops.length)
    await super.commit(ops)
  }
}

describe('resolve(), of a row that shows somebody who was forgotten beside another', () => {
  test('does not give their address to an identifier that nobody knows', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { email: 'ann@example.com' })])
    await resolver.forget([ANN], PROJECTS)
    const [found] = await resolver.resolve([{ customer_id: 'c-009', email: 'ann@example.com' }])
    expect(found).toMatchObject({ status: 'unresolved', reason: { code: 'ADDRESS_UNKNOWN' } })
  })

  test('does not take the forgotten for another person beside the one who is known', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { userId: 'u-001' }),
      seen('2', 1, { customer_id: 'c-002', userId: 'u-002', email: 'bob@example.com' }),
    ])
    await resolver.forget([{ namespace: 'userId', value: 'u-001' }], PROJECTS)
    const [found] = await resolver.resolve([{ customer_id: 'c-002', userId: 'u-001' }])
    expect(found).toMatchObject({ status: 'resolved', address: 'bob@example.com' })
  })
})
