import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, test } from 'vitest'
import { homeIn } from '../../src/identity/holders.js'
import { IdentityResolver, type IngestGuard, type IngestMapping } from '../../src/identity/resolver.js'
import { type Cursor, type Row, rowBlock, type Schema } from '../../src/model/row.js'
import type { Json } from '../../src/model/value.js'
import { DuckDbSource } from '../../src/sources/duckdb.js'
import { RowsSource, type RowsSourceOptions } from '../../src/sources/from-rows.js'
import type { Page, ReadOptions, Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { type Op, type Store, TABLES, type Table } from '../../src/stores/store.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const
const make = (store: Store = new MemoryStore()) =>
  new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })
const MAPPING = { identifiers: { customer_id: 'id', email: 'email' } } as const

type Person = { readonly id: string; readonly email: string | null; readonly at?: string }
const people = (count: number, domain = 'example.com'): Person[] =>
  Array.from({ length: count }, (_, n) => ({ id: `c-${n}`, email: `p${n}@${domain}`, at: '2026-01-01T00:00:00Z' }))
const crm = (rows: RowsSourceOptions['rows'], more: Partial<RowsSourceOptions> = {}) =>
  new RowsSource({ name: 'crm', rows, key: ['id'], changedAt: 'at', ...more })
const one = async (resolver: IdentityResolver, bag: Record<string, string>) => (await resolver.resolve([bag]))[0]
const addressOf = async (resolver: IdentityResolver, id: string) => {
  const answer = await one(resolver, { customer_id: id })
  return answer?.status === 'resolved' ? answer.address : answer?.reason.code
}

/** Everything that is kept, but for what only tells how it came there. */
async function contents(store: Store, but: readonly Table[] = ['identityMeta', 'identityLog']): Promise<string> {
  const kept = await Promise.all(
    TABLES.filter((table) => !but.includes(table)).map(async (table) => [
      table,
      await store.scan(table, { prefix: ['main'], limit: 10_000 }),
    ]),
  )
  return JSON.stringify(kept, null, 1)
}

/** Pages as they are told, each behind its own cursor; a read goes on behind the cursor that it is given. */
class Told implements Source {
  readonly name = 'crm'
  readonly key = ['id']
  readonly asked: (Cursor | undefined)[] = []
  readonly #pages: readonly { readonly rows: readonly Row[]; readonly mode?: Page['mode'] }[]
  readonly #schema: Schema

  constructor(
    columns: Readonly<Record<string, string>>,
    pages: readonly (readonly Row[])[],
    mode: Page['mode'] = 'changes',
  ) {
    this.#pages = pages.map((rows) => ({ rows, mode }))
    this.#schema = { columns: Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true })) }
  }
  async *read({ after }: ReadOptions): AsyncGenerator<Page> {
    this.asked.push(after)
    for (let at = Number(after?.page ?? 0); at < this.#pages.length; at += 1) {
      const { rows, mode = 'changes' } = this.#pages[at] as { rows: readonly Row[]; mode?: Page['mode'] }
      yield { schema: this.#schema, rows: rowBlock(rows, { key: this.key }), cursor: { page: at + 1 }, mode }
    }
  }
  async describe(): Promise<Schema> {
    return this.#schema
  }
  async close(): Promise<void> {}
}

describe('ingest()', () => {
  test('learns people from the columns that the mapping names, and tells what it met', async () => {
    const resolver = make()
    const rows = [
      { id: 'c-1', email: ' Ada@Example.com', spare: 'ada@work.example', at: '2026-01-02' },
      { id: 'c-2', email: 'none', spare: '', at: 'yesterday' },
      { id: null, email: 'lost@example.com', spare: null, at: null },
    ]
    const mapping = { identifiers: { customer_id: 'id', email: ['email', 'spare'] } }
    const told: number[] = []
    const done = await resolver.ingest(crm(rows), mapping, { onPage: ({ pages }) => told.push(pages), pageSize: 2 })
    expect(done).toEqual({
      pages: 2,
      rows: 3,
      records: 2,
      identifiers: 4,
      unusable: { email: { blocked: 1, blank: 1 } },
      lookAlikes: {},
      rejected: { EVIDENCE_KEY_NULL: 1 },
      undated: 1,
      absent: null,
      held: 0,
      conflicts: 0,
    })
    expect(told).toEqual([1, 2])
    expect(await addressOf(resolver, 'c-1')).toBe('ada@example.com')
    const [kept] = await resolver.store.get('evidence', [['main', 'crm', 'c-1']])
    expect(kept).toMatchObject({ at: Date.UTC(2026, 0, 2) * 1_000 })
  })

  test('gives the same graph as observe(), whatever the page size', async () => {
    const rows = people(100)
    const by = make()
    await by.observe(
      rows.map(({ id, email, at }) => ({
        source: 'crm',
        key: id,
        observedAt: at as string,
        ids: [
          { namespace: 'customer_id', value: id },
          { namespace: 'email', value: email as string },
        ],
      })),
    )
    for (const pageSize of [1, 7, 100]) {
      const store = new MemoryStore()
      await make(store).ingest(crm(rows), MAPPING, { pageSize })
      expect(await contents(store, ['identityMeta', 'identityLog', 'identityCursor'])).toBe(
        await contents(by.store, ['identityMeta', 'identityLog', 'identityCursor']),
      )
    }
  })

  test('source, key, observedAt and keep of the mapping go before what the source says', async () => {
    const resolver = make()
    const rows = [
      { id: 'c-1', account: 7, email: 'old@example.com', at: '2026-01-01', seen: '2026-02-02' },
      { id: 'c-1', account: 7, email: 'new@example.com', at: '2026-01-02', seen: '2026-02-03' },
    ]
    const mapping = {
      ...MAPPING,
      source: 'accounts',
      key: ['account', 'id'],
      observedAt: 'seen',
      keep: 'history',
    } as const
    await resolver.ingest(crm(rows), mapping)
    const kept = await resolver.store.scan('evidence', { prefix: ['main'], limit: 9 })
    expect(kept.map(({ key }) => key.slice(0, 3))).toEqual(Array(2).fill(['main', 'accounts', '[7,"c-1"]']))
    expect(kept.map(({ value }) => (value as { at: number }).at).sort()).toEqual(
      [2, 3].map((day) => Date.UTC(2026, 1, day) * 1_000),
    )
    expect(await one(resolver, { email: 'old@example.com' })).toMatchObject({ address: 'new@example.com' })
  })

  test('[I3] goes on where the last call stood, and commits a cursor with the evidence of its page', async () => {
    const told = new Told({ id: 'string', email: 'string' }, [people(3).slice(0, 2), people(3).slice(2)])
    const commits: Op[][] = []
    const memory = new MemoryStore()
    const store: Store = {
      supports: memory.supports,
      get: (table, keys) => memory.get(table, keys),
      scan: (table, range) => memory.scan(table, range),
      close: () => memory.close(),
      async commit(ops) {
        commits.push([...ops])
        await memory.commit(ops)
      },
    }
    const resolver = make(store)
    const first = resolver.ingest(told, MAPPING, {
      onPage: () => {
        throw new Error('the host falls over')
      },
    })
    await expect(first).rejects.toThrow('the host falls over')
    expect(await addressOf(resolver, 'c-2')).toBe('ADDRESS_UNKNOWN')
    expect(await resolver.ingest(told, MAPPING)).toMatchObject({ pages: 1, rows: 1, records: 1 })
    expect(await resolver.ingest(told, MAPPING)).toMatchObject({ pages: 0, rows: 0, records: 0 })
    expect(told.asked).toEqual([undefined, { page: 1 }, { page: 2 }])
    const tables = commits.map((ops) => new Set(ops.filter(({ op }) => op === 'put').map(({ table }) => table)))
    expect(tables.map((names) => [names.has('evidence'), names.has('identityCursor')])).toEqual([
      [true, true],
      [true, true],
    ])
  })

  test('[I3] of a page that takes several commits the cursor is in the last, and a cut before it does no harm', async () => {
    const rows = people(2_000)
    const whole = new MemoryStore()
    await make(whole).ingest(crm(rows), MAPPING)
    for (const cut of [1, 3]) {
      const memory = new MemoryStore()
      let commits = 0
      const mortal: Store = {
        supports: memory.supports,
        get: (table, keys) => memory.get(table, keys),
        scan: (table, range) => memory.scan(table, range),
        close: () => memory.close(),
        async commit(ops) {
          commits += 1
          if (commits > cut) throw new Error('dead')
          await memory.commit(ops)
        },
      }
      await expect(make(mortal).ingest(crm(rows), MAPPING)).rejects.toThrow('dead')
      expect(await memory.scan('identityCursor', { prefix: ['main'], limit: 9 })).toEqual([])
      await make(memory).ingest(crm(rows), MAPPING)
      expect(await contents(memory)).toBe(await contents(whole))
    }
  })

  test('another mapping begins again; another name has a cursor of its own', async () => {
    const told = new Told({ id: 'string', email: 'string', mobile: 'string' }, [
      [{ id: 'c-1', email: 'ada@example.com', mobile: '+491701234567' }],
    ])
    const resolver = make()
    await resolver.ingest(told, MAPPING)
    await resolver.ingest(told, { identifiers: { ...MAPPING.identifiers, phone: 'mobile' } })
    await resolver.ingest(told, MAPPING, { name: 'once more' })
    expect(told.asked).toEqual([undefined, undefined, undefined])
    const cursors = await resolver.store.scan('identityCursor', { prefix: ['main'], limit: 9 })
    expect(cursors.map(({ key }) => key)).toEqual([
      ['main', 'crm'],
      ['main', 'once more'],
    ])
  })

  test('rows that a change feed tells as deleted are taken out, in the order of the feed', async () => {
    const columns = { id: 'string', email: 'string', _change_type: 'string', _commit_timestamp: 'timestamp' }
    const days = { p: '2026-01-01T00:00:00Z', q: '2026-01-02T00:00:00Z' }
    const change = (what: string, id: string, email: string) => {
      const _commit_timestamp = days[email[0] as keyof typeof days]
      return { id, email, _change_type: what, _commit_timestamp }
    }
    const told = new Told(columns, [
      [1, 2, 3, 4, 5].map((n) => change('insert', `c-${n}`, `p${n}@example.com`)),
      [
        change('delete', 'c-1', 'p1@example.com'),
        change('update_preimage', 'c-2', 'p2@example.com'),
        change('update_postimage', 'c-2', 'q2@example.com'),
        change('delete', 'c-3', 'p3@example.com'),
        change('insert', 'c-3', 'q3@example.com'),
        change('insert', 'c-6', 'p6@example.com'),
        change('delete', 'c-6', 'p6@example.com'),
        change('delete', 'c-4', 'p4@example.com'),
        change('insert', 'c-4', 'q4@example.com'),
        change('delete', 'c-4', 'q4@example.com'),
      ],
    ])
    for (const keep of ['latest', 'history'] as const) {
      const resolver = make()
      await resolver.ingest(told, { ...MAPPING, keep, observedAt: '_commit_timestamp' })
      const addresses = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => addressOf(resolver, `c-${n}`)))
      const [q2, q3, p5] = ['q2@example.com', 'q3@example.com', 'p5@example.com']
      const gone = 'ADDRESS_UNKNOWN'
      expect(addresses).toEqual([gone, q2, q3, gone, p5, gone])
      expect(await one(resolver, { email: 'p3@example.com' })).toMatchObject({ why: 'given' })
      const left = make()
      const [p2, ...others] = ['c-2 p2', 'c-2 q2', 'c-3 q3', 'c-5 p5'].map((text) => {
        const [id, name] = text.split(' ') as [string, string]
        return change('', id, `${name}@example.com`)
      })
      await left.ingest(new Told(columns, [[p2 as Row, ...others]]), {
        ...MAPPING,
        keep,
        observedAt: '_commit_timestamp',
      })
      for (const table of ['evidence', 'evidenceById', 'identifier'] as const) {
        const range = { prefix: ['main'], limit: 99 }
        expect(await resolver.store.scan(table, range)).toEqual(await left.store.scan(table, range))
      }
    }
  })

  test('whole numbers are identifiers where the column says so; floats, decimals and what else is no text are counted', async () => {
    const columns = { id: 'bigint', small: 'decimal(20,0)', real: 'double', money: 'decimal(18,2)', flag: 'boolean' }
    const row = { id: 9_007_199_254_740_991, small: -5, real: 7, money: '1.50', flag: true }
    const told = new Told(columns, [[row, { ...row, id: 2 ** 53, small: 1.5 }]])
    const resolver = make()
    const done = await resolver.ingest(told, {
      identifiers: { customer_id: 'id', phone: ['small', 'real', 'money', 'flag'] },
    })
    expect(done.unusable).toEqual({
      phone: { invalid: 1, 'not text': 7 },
      customer_id: { 'not text': 1 },
    })
    expect(await one(resolver, { customer_id: '9007199254740991' })).toMatchObject({ status: 'unresolved' })
    const [kept] = await resolver.store.get('identifier', [['main', 'customer_id', '9007199254740991']])
    expect(homeIn(kept as Json)).toMatch(/^p_/)
  })

  test('each element of an array is an identifier', async () => {
    const columns = { id: 'array<bigint>', email: 'array<string>', key: 'string' }
    const told = new Told(columns, [[{ id: [17], email: ['a@example.com', null, 'b@example.com'], key: 'k' }]])
    const resolver = make()
    await resolver.ingest(told, { ...MAPPING, key: 'key' })
    expect(await one(resolver, { email: 'b@example.com' })).toMatchObject({ address: 'a@example.com', why: 'recent' })
    expect(await addressOf(resolver, '17')).toBe('a@example.com')
  })

  test('a row with a whole number beyond 2^53 is counted, and what was known of it stays', async () => {
    const resolver = make()
    await resolver.ingest(crm([{ id: 'c-1', email: 'ada@example.com', at: '2026-01-01', n: 1 }]), MAPPING)
    const done = await resolver.ingest(
      crm([{ id: 'c-1', email: 'eve@example.com', at: '2026-01-02', n: 2n ** 60n }], { complete: true }),
      { ...MAPPING, complete: true },
    )
    expect(done).toMatchObject({ rows: 1, records: 0, rejected: { VALUE_NOT_EXACT: 1 }, absent: null })
    expect(await addressOf(resolver, 'c-1')).toBe('ada@example.com')
  })

  test('a source that only reading tells the columns of is checked with its first page', async () => {
    async function* once() {
      yield { id: 'c-1', mail: 'ada@example.com', at: '2026-01-01' }
    }
    const resolver = make()
    await expect(resolver.ingest(crm(once()), MAPPING)).rejects.toMatchObject({ code: 'IDENTITY_COLUMN_MISSING' })
    expect(await resolver.store.scan('evidence', { prefix: ['main'], limit: 1 })).toEqual([])
    expect(await resolver.ingest(crm([]), MAPPING)).toMatchObject({ pages: 0 })
  })

  test('what a source throws is SOURCE_FAILED, and a call that is cancelled ends behind a page', async () => {
    const failing = new Told({ id: 'string', email: 'string' }, [people(1)])
    failing.read = async function* () {
      yield* []
      throw new Error('canary@example.com')
    }
    const failed = make().ingest(failing, MAPPING)
    await expect(failed).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    await expect(failed).rejects.not.toThrow('canary')
    failing.describe = () => Promise.reject(new TypeError('canary@example.com'))
    await expect(make().ingest(failing, MAPPING)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    await expect(make().ingest(failing, MAPPING, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    const abort = new AbortController()
    const told = new Told({ id: 'string', email: 'string' }, [people(1), people(2)])
    const resolver = make()
    const cancelled = resolver.ingest(told, MAPPING, { signal: abort.signal, onPage: () => abort.abort() })
    await expect(cancelled).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await resolver.ingest(told, MAPPING)).toMatchObject({ pages: 1 })
    await resolver.close()
    await expect(resolver.ingest(told, MAPPING)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('somebody who reads the same source at the same time writes nothing over what the other one wrote', async () => {
    const store = new MemoryStore()
    const columns = { id: 'string', email: 'string' }
    const rows = (...bags: [string, string][]) => bags.map(([id, email]) => ({ id, email }))
    const told = () => new Told(columns, [rows(['c-1', 'old@example.com']), rows(['c-1', 'new@example.com'])])
    const slow = told()
    const pages = slow.read
    slow.read = async function* (options) {
      for await (const page of pages.call(slow, options)) {
        if (options.after === undefined) await make(store).ingest(told(), MAPPING)
        yield page
      }
    }
    await expect(make(store).ingest(slow, MAPPING)).rejects.toMatchObject({
      code: 'IDENTITY_INGEST_OVERTAKEN',
      facts: { source: 'crm' },
    })
    expect(await addressOf(make(store), 'c-1')).toBe('new@example.com')
    expect(await make(store).ingest(slow, MAPPING)).toMatchObject({ pages: 0 })
  })
})

describe('a mapping that cannot be', () => {
  const bad: readonly (readonly [string, object, string, string])[] = [
    ['a key that nobody says', { identifiers: { email: 'email' } }, 'mapping.key', 'the source has none'],
    ['no identifiers', { key: 'id', identifiers: {} }, 'mapping.identifiers', 'names no column'],
    ['a namespace', { key: 'id', identifiers: { emial: 'email' } }, 'mapping.identifiers', '(perhaps email)'],
    ['an option', { key: 'id', identifiers: { email: 'email' }, keeps: 'latest' }, 'mapping.keeps', '(perhaps keep)'],
    ['a word', { key: 'id', identifiers: { email: 'email' }, keep: 'all' }, 'mapping.keep', 'latest'],
    ['nothing', undefined as never, 'mapping', 'is missing'],
  ]
  test.each(bad)('%s is refused before anything is read', async (_, mapping, option, problem) => {
    const source = new RowsSource({ name: 'crm', rows: people(1) })
    const refused = make().ingest(source, mapping as IngestMapping)
    await expect(refused).rejects.toMatchObject({ code: 'OPTION_INVALID', facts: { option } })
    await expect(refused).rejects.toThrow(problem)
  })

  test.each([
    [{ identifiers: { customer_id: 'id', email: 'emial' } }, 'email', 'emial', 'email'],
    [{ key: 'ids', identifiers: { email: 'email' } }, 'key', 'ids', 'id'],
    [{ observedAt: 'att', identifiers: { email: 'email' } }, 'observedAt', 'att', 'at'],
  ])('%j names the column that is not there, and the nearest that is', async (mapping, role, column, close) => {
    const refused = make().ingest(crm(people(1)), mapping)
    await expect(refused).rejects.toMatchObject({
      code: 'IDENTITY_COLUMN_MISSING',
      facts: { role, column, source: 'crm' },
    })
    await expect(refused).rejects.toThrow(`(perhaps ${close})`)
  })
})

describe('complete: true', () => {
  const complete = { ...MAPPING, complete: true } as const
  const whole = (rows: readonly Person[], pageSize?: number) =>
    [crm(rows, { complete: true }), complete, { pageSize, guard: { absentShareMax: 1 } }] as const

  test('holds back what is more than the guard allows, and says so', async () => {
    const resolver = make()
    const guarded = (rows: readonly Person[], guard?: IngestGuard) =>
      resolver.ingest(crm(rows, { complete: true }), complete, { guard })
    expect(await guarded(people(100))).toMatchObject({ absent: 0, held: 0 })
    expect(await guarded(people(69))).toMatchObject({ absent: 0, held: 31 })
    expect(await addressOf(resolver, 'c-99')).toBe('p99@example.com')
    expect(await guarded(people(70))).toMatchObject({ absent: 30, held: 0 })
    expect(await addressOf(resolver, 'c-99')).toBe('ADDRESS_UNKNOWN')
    expect(await guarded(people(69), { absentShareMax: 0, absentFreely: 0 })).toMatchObject({ absent: 0, held: 1 })
    expect(await guarded(people(5), { absentShareMax: 1 })).toMatchObject({ absent: 65, held: 0 })
    expect(await guarded(people(1))).toMatchObject({ absent: 4, held: 0 })
    for (const guard of [{ absentShareMax: 2 }, { absentFreely: -1 }, { absent: 1 }] as IngestGuard[]) {
      await expect(guarded(people(1), guard)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    }
  })

  test('takes out what a whole snapshot does not show, and what it shows again is back', async () => {
    const resolver = make()
    expect(await resolver.ingest(...whole(people(2_500), 700))).toMatchObject({ records: 2_500, absent: 0 })
    const half = people(2_500).filter((_, n) => n % 2 === 0)
    expect(await resolver.ingest(...whole(half, 700))).toMatchObject({ records: 1_250, absent: 1_250 })
    expect([await addressOf(resolver, 'c-1'), await addressOf(resolver, 'c-2')]).toEqual([
      'ADDRESS_UNKNOWN',
      'p2@example.com',
    ])
    const only = make()
    await only.ingest(...whole(half))
    const but = ['identityMeta', 'identityLog', 'identityHistory', 'identityCursor'] as const
    expect(await contents(resolver.store, but)).toBe(await contents(only.store, but))
    expect(await resolver.ingest(...whole(people(3)))).toMatchObject({ absent: 1_248 })
    expect(await addressOf(resolver, 'c-1')).toBe('p1@example.com')
  })

  test('leaves records of other sources, and all of them where the snapshot is empty', async () => {
    const resolver = make()
    await resolver.ingest(crm(people(3)), MAPPING)
    await resolver.ingest(...whole(people(2)))
    await resolver.observe([
      { source: 'crm2', key: 'x', observedAt: null, ids: [{ namespace: 'email', value: 'x@example.com' }] },
    ])
    expect(await addressOf(resolver, 'c-2')).toBe('ADDRESS_UNKNOWN')
    expect(await resolver.ingest(...whole([]))).toMatchObject({ absent: null })
    expect(await resolver.ingest(...whole(people(1)))).toMatchObject({ absent: 1 })
    expect(await one(resolver, { email: 'x@example.com' })).toMatchObject({ why: 'only' })
  })

  test('takes out nobody while a row has no key: it could be anybody', async () => {
    const resolver = make()
    await resolver.ingest(...whole(people(3)))
    const rows = [...people(1), { id: null as never, email: 'lost@example.com' }]
    expect(await resolver.ingest(...whole(rows))).toMatchObject({ absent: null, rejected: { EVIDENCE_KEY_NULL: 1 } })
    expect(await addressOf(resolver, 'c-2')).toBe('p2@example.com')
  })

  test('[I3] a reading that was cut off goes on, and counts as one with what it had shown', async () => {
    const rows = people(9)
    const resolver = make()
    await resolver.ingest(...whole(people(12)))
    const [source, mapping] = whole(rows)
    const cut = { pageSize: 3, onPage: ({ pages }: { pages: number }) => pages === 2 && fail() }
    const fail = (): never => {
      throw new Error('cut')
    }
    await expect(resolver.ingest(source, mapping, cut)).rejects.toThrow('cut')
    expect(await addressOf(resolver, 'c-11')).toBe('p11@example.com')
    expect(await resolver.ingest(source, mapping, { pageSize: 3 })).toMatchObject({ pages: 1, absent: 3 })
    expect(await addressOf(resolver, 'c-1')).toBe('p1@example.com')
    expect(await resolver.store.scan('identitySeen', { prefix: ['main'], limit: 9 })).toEqual([])
  })

  test('[I3] a reading that was cut off behind its last page still takes out whom it did not show', async () => {
    const columns = { id: 'string', email: 'string' }
    const resolver = make()
    await resolver.ingest(...whole(people(6)))
    const told = new Told(columns, [people(2), people(4).slice(2)], 'snapshot')
    const fail = ({ pages }: { pages: number }): void => {
      if (pages === 2) throw new Error('cut')
    }
    await expect(resolver.ingest(told, complete, { onPage: fail })).rejects.toThrow('cut')
    expect(await resolver.ingest(told, complete)).toMatchObject({ pages: 0, absent: 2 })
    expect([await addressOf(resolver, 'c-3'), await addressOf(resolver, 'c-4')]).toEqual([
      'p3@example.com',
      'ADDRESS_UNKNOWN',
    ])
    // Where nothing is new, nothing is shown, and that takes out nobody.
    expect(await resolver.ingest(told, complete)).toMatchObject({ pages: 0, absent: null })
  })

  test('a reading that was given up for another mapping leaves no marks that count', async () => {
    const resolver = make()
    const fail = (): never => {
      throw new Error('cut')
    }
    await expect(
      resolver.ingest(crm(people(9), { complete: true }), complete, { pageSize: 3, onPage: fail }),
    ).rejects.toThrow('cut')
    const other = { ...complete, identifiers: { customer_id: 'id' } }
    const rows = people(9).slice(3)
    expect(await resolver.ingest(crm(rows, { complete: true }), other)).toMatchObject({ absent: 3 })
  })

  test('is refused where the source gives changes, unless they are a feed that tells who left', async () => {
    await expect(make().ingest(crm(people(1)), complete)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      facts: { option: 'mapping.complete' },
    })
    const feed = new Told({ id: 'string', email: 'string', _change_type: 'string' }, [
      [{ id: 'c-1', email: 'ada@example.com', _change_type: 'insert' }],
    ])
    expect(await make().ingest(feed, complete)).toMatchObject({ records: 1, absent: null })
  })
})

test('a table of DuckDB is read exactly: BIGINT keys, timestamps, lists', async () => {
  const database = await DuckDBInstance.create(':memory:')
  const query = `SELECT * FROM (VALUES
    (9007199254740991, ['ada@example.com', 'ada@work.example'], TIMESTAMPTZ '2026-01-02 03:04:05.123456+00', 7.0),
    (2, ['bob@example.com'], NULL, 8.0)) AS crm(id, email, changed, score)`
  const source = new DuckDbSource({ name: 'crm', database, query, key: ['id'], changedAt: 'changed', order: 'key' })
  const resolver = make()
  const mapping = { identifiers: { customer_id: 'id', email: 'email', phone: 'score' } }
  const done = await resolver.ingest(source, mapping, { pageSize: 1 })
  expect(done).toMatchObject({ rows: 2, records: 2, undated: 1, unusable: { phone: { 'not text': 2 } } })
  expect(await addressOf(resolver, '9007199254740991')).toBe('ada@example.com')
  const records = await resolver.store.scan('evidence', { prefix: ['main'], limit: 9 })
  expect(records.map(({ value }) => (value as { at: number }).at)).toContain(
    Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 123_456,
  )
  const misspelt = resolver.ingest(source, { identifiers: { email: 'emails' } })
  await expect(misspelt).rejects.toThrow('(perhaps email)')
  await source.close()
  database.closeSync()
})
