import assert from 'node:assert/strict'
import type { Json } from '../model/value.js'
import type { Entry, Key, Op, Store, Table } from '../stores/store.js'
import { rejects, type StoreCase, storeCase } from './store-case.js'

const putIn = (table: Table, key: Key, value: Json): Op => ({ op: 'put', table, key, value })

/** Every entry under a prefix, page by page, as the mechanisms read. */
async function readAll(store: Store, table: Table, prefix: Key, limit: number): Promise<Entry[]> {
  const entries: Entry[] = []
  for (;;) {
    const page = await store.scan(table, { prefix, after: entries.at(-1)?.key, limit })
    entries.push(...page)
    if (page.length < limit) return entries
  }
}

const numbered = (n: number): string => String(n).padStart(6, '0')
const person = (n: number): string => `person-${numbered(n)}@example.com`

/** What each role does with a store, by the role's name. */
export const ROLES: readonly StoreCase[] = [
  storeCase('checkpoint and lease: a fenced commit moves cursor and outcomes together, or neither', async (store) => {
    const [lease, checkpoint] = [['prod', 'churn'] as Key, ['prod', 'churn'] as Key]
    const fence = (n: number): Op => ({ op: 'check', table: 'lease', key: lease, is: { fence: n } })
    await store.commit([
      { op: 'check', table: 'lease', key: lease, is: undefined },
      putIn('lease', lease, { fence: 1 }),
    ])
    await store.commit([
      fence(1),
      putIn('checkpoint', checkpoint, { offset: 10 }),
      putIn('deadLetter', ['prod', 'churn', '1'], 'x'),
    ])
    await store.commit([fence(1), putIn('lease', lease, { fence: 2 })])
    const late = [
      fence(1),
      putIn('checkpoint', checkpoint, { offset: 20 }),
      putIn('deadLetter', ['prod', 'churn', '2'], 'y'),
    ]
    await rejects(store.commit(late), 'STORE_CONFLICT')
    assert.deepEqual(await store.get('checkpoint', [checkpoint]), [{ offset: 10 }])
    assert.equal((await store.scan('deadLetter', { prefix: ['prod'], limit: 10 })).length, 1)
  }),
  storeCase('binding: an address is bound once, also when two ask at once', async (store) => {
    const bind = (profile: string): Promise<void> =>
      store.commit([
        { op: 'check', table: 'binding', key: ['prod', person(1)], is: undefined },
        putIn('binding', ['prod', person(1)], { profile }),
      ])
    const ends = await Promise.allSettled([bind('p_1'), bind('p_2')])
    assert.deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal(await store.get('binding', [['test', person(1)]]).then(([bound]) => bound), undefined)
  }),
  storeCase(
    'membership: thousands of addresses are read sorted, page by page, while they are settled',
    async (store) => {
      const members = Array.from({ length: 5_000 }, (_, n) => (n * 1_237) % 5_000)
      await store.commit(members.map((n) => putIn('membership', ['prod', 's:news', person(n)], 'member')))
      await store.commit([
        putIn('membership', ['prod', 's:newsletter', person(1)], 'member'),
        putIn('membership', ['prod', 'n:7', person(1)], 'member'),
      ])
      const seen: string[] = []
      for (let after: Key | undefined; ; ) {
        const page = await store.scan('membership', { prefix: ['prod', 's:news'], after, limit: 700 })
        seen.push(...page.map(({ key }) => key[2] as string))
        await store.commit(
          page.filter((_, n) => n % 2 === 0).map(({ key }) => ({ op: 'delete', table: 'membership', key })),
        )
        after = page.at(-1)?.key
        if (page.length < 700) break
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 5_000 }, (_, n) => person(n)),
      )
      assert.equal((await readAll(store, 'membership', ['prod', 's:news'], 700)).length, 2_500)
    },
  ),
  storeCase('fingerprint: many are looked up and replaced at once', async (store) => {
    const keys = Array.from({ length: 2_000 }, (_, n): Key => ['prod', 'churn', person(n), 'profile'])
    await store.commit(keys.filter((_, n) => n % 2 === 0).map((key) => putIn('fingerprint', key, 'aa')))
    const found = await store.get('fingerprint', keys)
    assert.equal(found.filter((value) => value === undefined).length, 1_000)
    await store.commit(keys.map((key) => putIn('fingerprint', key, 'bb')))
    assert.ok((await store.get('fingerprint', keys)).every((value) => value === 'bb'))
  }),
  storeCase(
    'history: what is appended is read in the order of its numbers, and the oldest are cut off',
    async (store) => {
      for (let n = 0; n < 30; n += 1) await store.commit([putIn('run', ['prod', 'churn', numbered(n)], { n })])
      const oldest = await store.scan('run', { prefix: ['prod', 'churn'], limit: 10 })
      await store.commit(oldest.map(({ key }) => ({ op: 'delete', table: 'run', key })))
      const left = await readAll(store, 'run', ['prod', 'churn'], 7)
      assert.deepEqual(
        left.map(({ value }) => value),
        Array.from({ length: 20 }, (_, n) => ({ n: n + 10 })),
      )
    },
  ),
  storeCase('dead letters: kept whole, found by reason, replayed once', async (store) => {
    const letter = {
      action: { kind: 'profile', identifiers: { email: person(1) }, dataFields: { risk: 0.5, deep: [{ a: null }] } },
    }
    await store.commit([
      putIn('deadLetter', ['prod', 'churn', 'DATA_INVALID', '1'], letter),
      putIn('deadLetter', ['prod', 'churn', 'EMAIL_INVALID', '2'], letter),
    ])
    const [found] = await store.scan('deadLetter', { prefix: ['prod', 'churn', 'DATA_INVALID'], limit: 10 })
    assert.deepEqual(found?.value, letter)
    const taken: Op[] = [
      { op: 'check', table: 'deadLetter', key: found?.key ?? [], is: letter },
      { op: 'delete', table: 'deadLetter', key: found?.key ?? [] },
    ]
    await store.commit(taken)
    await rejects(store.commit(taken), 'STORE_CONFLICT')
  }),
  storeCase('parked: the newest per row and kind replaces the one before', async (store) => {
    const key: Key = ['prod', 'churn', 'customer_id', 'c-17', 'row-1', 'profile']
    await store.commit([putIn('parked', key, { risk: 1 })])
    await store.commit([putIn('parked', key, { risk: 2 })])
    assert.deepEqual(await readAll(store, 'parked', ['prod', 'churn', 'customer_id', 'c-17'], 5), [
      { key, value: { risk: 2 } },
    ])
  }),
  storeCase('identity: evidence is found by its record and by each identifier, and goes whole', async (store) => {
    const ids = [
      ['email', person(1)],
      ['customer_id', 'c-17'],
    ] as const
    const rows = ids.map(([namespace, value]): Key => ['main', namespace, value, 'crm', 'row-1'])
    await store.commit([
      putIn('evidence', ['main', 'crm', 'row-1'], { ids: ids.map((id) => [...id]) }),
      ...rows.map((key) => putIn('evidenceById', key, true)),
    ])
    await store.commit([putIn('evidenceById', ['main', 'email', person(10), 'crm', 'row-2'], true)])
    const found = await store.scan('evidenceById', { prefix: ['main', 'email', person(1)], limit: 10 })
    assert.deepEqual(
      found.map(({ key }) => key.slice(3)),
      [['crm', 'row-1']],
    )
    await store.commit([
      { op: 'delete', table: 'evidence', key: ['main', 'crm', 'row-1'] },
      ...rows.map((key): Op => ({ op: 'delete', table: 'evidenceById', key })),
    ])
    assert.equal((await readAll(store, 'evidenceById', ['main'], 10)).length, 1)
  }),
]
