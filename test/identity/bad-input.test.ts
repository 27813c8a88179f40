import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence, Identifier } from '../../src/model/identifier.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Range, Store, Table } from '../../src/stores/store.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const

/** A store that counts its calls and the entries that scans give. */
class Counting extends MemoryStore {
  calls = 0
  scanned = 0
  override async get(...given: Parameters<Store['get']>) {
    this.calls += 1
    return super.get(...given)
  }
  override async scan(table: Table, range: Range) {
    const entries = await super.scan(table, range)
    this.calls += 1
    this.scanned += entries.length
    return entries
  }
  override async commit(...given: Parameters<Store['commit']>) {
    this.calls += 1
    await super.commit(...given)
  }
}

function make(store: Store = new MemoryStore()): IdentityResolver {
  return new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })
}
const record = (key: string, ids: readonly Identifier[]): Evidence => ({ source: 'crm', key, observedAt: null, ids })
const email = (value: string) => ({ namespace: 'email', value })
const customer = (value: unknown) => ({ namespace: 'customer_id', value: value as string })

describe('a value that cannot be one is kept with its reason, and the rest of its record counts', () => {
  test.each([
    ['beyond 2^53', 2 ** 53 + 2, 'not text', 'number'],
    ['a bigint', 2n ** 64n, 'not text', 'bigint'],
    ['a float', 17.5, 'not text', 'number'],
    ['true', true, 'not text', 'boolean'],
    ['null', null, 'not text', 'object'],
    ['an object', { id: 1 }, 'not text', 'object'],
    ['over-long', 'xy'.repeat(513), 'invalid', `${'xy'.repeat(512)}x`],
    ['NUL', 'c-1\u0000', 'invalid', 'c-1\u0000'],
    ['the separator of our own keys', 'c-1\u0001email', 'invalid', 'c-1\u0001email'],
    ['a line break inside', 'c-1\nc-2', 'invalid', 'c-1\nc-2'],
    ['an escape sequence', '\u001b[31mc-1', 'invalid', '\u001b[31mc-1'],
    ['half a surrogate', 'c-\ud83d', 'invalid', 'c-\ud83d'],
  ])('%s', async (_, value, why, kept) => {
    const resolver = make()
    const ada = [customer(value), email('ada@example.com')]
    expect(await resolver.observe([record('1', ada)])).toMatchObject({ identifiers: 1, blocked: 1 })
    const [stored] = await resolver.store.get('evidence', [['main', 'crm', '1']])
    expect(stored).toMatchObject({ unusable: [['customer_id', kept, why]] })
    expect(await resolver.resolve([{ email: 'ada@example.com' }])).toMatchObject([{ why: 'only' }])
    const [answer] = await resolver.resolve([{ customer_id: value as string }])
    if (value !== null) expect(answer).toMatchObject({ reason: { facts: { namespaces: `customer_id ${why}` } } })
  })

  test('an empty one is no identifier at all, and a tab or a line break at an end is trimmed', async () => {
    const resolver = make()
    await resolver.observe([
      record('1', [customer(''), customer(' \t'), customer('c-1\n'), email('\tada@example.com\r\n')]),
    ])
    expect(await resolver.resolve([{ customer_id: 'c-1' }])).toMatchObject([{ address: 'ada@example.com' }])
  })
})

test.each([
  [[null]],
  [['ada@example.com']],
  [[{ value: 'ada@example.com' }]],
  [[{ namespace: 7, value: 'x' }]],
  [{ email: 'ada@example.com' }],
])('ids %j are a mistake of the program, told before anything is written', async (ids) => {
  const resolver = make()
  const records = [record('1', [email('eve@example.com')]), record('2', ids as never)]
  await expect(resolver.observe(records)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    facts: { option: 'records' },
  })
  expect(await resolver.store.scan('evidence', { prefix: ['main'], limit: 1 })).toEqual([])
})

describe("another script's look-alikes", () => {
  test.each([
    ['in the local part', 'аda@example.com', 'аda@example.com'],
    ['in the domain', 'ada@exаmple.com', 'ada@xn--exmple-4nf.com'],
    ['in all of the domain', 'ada@ехамрӏе.com', 'ada@xn--80ajb1au1a38g.com'],
  ])('Cyrillic letters %s are another mailbox, and join nobody to the Latin one', async (_, raw, address) => {
    const resolver = make()
    await resolver.observe([
      record('1', [customer('c-1'), email('ada@example.com')]),
      record('2', [customer('c-2'), email(raw)]),
    ])
    const answers = await resolver.resolve([{ email: 'ada@example.com' }, { email: raw }])
    expect(answers).toMatchObject([{ address: 'ada@example.com' }, { address }])
    expect(await resolver.conflictCount()).toBe(0)
  })

  test.each([
    ['аda@example.com', true],
    ['ada@ехамрӏе.com', true],
    ['с-1', true],
    ['Ada-Κ7', true],
    ['ada@example.com', false],
    ['анна@example.com', false],
    ['łódź@example.com', false],
    ['日本@example.com', false],
  ])('%s is counted: %s', async (value, isCounted) => {
    const source = new RowsSource({ name: 'crm', rows: [{ id: 'k', value }], key: ['id'] })
    const done = await make().ingest(source, { identifiers: { customer_id: 'value', email: 'id' } })
    expect(done.lookAlikes).toEqual(isCounted ? { customer_id: 1 } : {})
  })

  test('a customer id with one is another customer', async () => {
    const resolver = make()
    await resolver.observe([record('1', [customer('c-1'), email('ada@example.com')])])
    expect(await resolver.resolve([{ customer_id: 'с-1' }])).toMatchObject([{ status: 'unresolved' }])
  })
})

test('one mailbox on 100,000 records joins nobody, and neither that nor a change of one of them reads them all', {
  timeout: 180_000,
}, async () => {
  const store = new Counting()
  const resolver = make(store)
  const count = 100_000
  const shared = (n: number) => record(`${n}`, [customer(`c-${n}`), email('all@example.com')])
  for (let from = 0; from < count; from += 10_000) {
    await resolver.observe(Array.from({ length: 10_000 }, (_, n) => shared(from + n)))
  }
  // A commit for about 285 records, each with a few reads: and of the mailbox a page of 1,000 holders at most.
  const commits = count / 285
  expect(store.calls).toBeLessThan(commits * 10)
  expect(store.scanned).toBeLessThan(commits * 1_100)
  const [answer] = await resolver.resolve([{ email: 'all@example.com' }])
  expect(answer).toMatchObject({ reason: { facts: { namespaces: 'email shared by too many' } } })
  expect(await resolver.resolve([{ customer_id: 'c-77777' }])).toMatchObject([{ status: 'unresolved' }])
  expect(await resolver.conflictCount()).toBe(0)
  const before = { calls: store.calls, scanned: store.scanned }
  await resolver.observe([record('7', [customer('c-7'), email('seven@example.com')])])
  expect(store.calls - before.calls).toBeLessThan(15)
  expect(store.scanned - before.scanned).toBeLessThan(1_100)
})

test('a record with 10,000 identifiers joins the hundred strongest, keeps the others, and costs a few calls', async () => {
  const store = new Counting()
  const resolver = make(store)
  const many = Array.from({ length: 10_000 }, (_, n) => email(`p${n}@example.com`))
  expect(await resolver.observe([record('1', [...many, customer('c-1')])])).toEqual({
    records: 1,
    identifiers: 100,
    blocked: 9_901,
    conflicts: 0,
  })
  expect(store.calls).toBeLessThan(20)
  const [kept] = await store.get('evidence', [['main', 'crm', '1']])
  const { ids, unusable } = kept as unknown as { ids: string[][]; unusable: string[][] }
  expect([ids.length + unusable.length, new Set(unusable.map(([, , why]) => why))]).toEqual([
    10_001,
    new Set(['too many']),
  ])
  expect(await resolver.resolve([{ customer_id: 'c-1' }])).toMatchObject([{ status: 'resolved' }])
  // What there is no room for still leads to the person.
  const [first, last] = [ids[1], ids.at(-1)] as [string[], string[]]
  const answers = await resolver.resolve([{ email: first[1] as string }, { email: last[1] as string }])
  expect(new Set(answers.map((one) => one.status === 'resolved' && one.profileId)).size).toBe(1)
  await resolver.retract([{ source: 'crm', key: '1' }])
  expect(await store.scan('identifier', { prefix: ['main'], limit: 1 })).toEqual([])
})
