import { expect, test } from 'vitest'
import { LakeloopError } from '../../src/errors.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'

const NAMESPACES = { customer_id: { priority: 1, maxIdentifiers: 1 } }
const records = Array.from(
  { length: 500 },
  (_, n): Evidence => ({
    source: 'crm',
    key: `${n}`,
    observedAt: null,
    ids: [
      { namespace: 'customer_id', value: `c-${n}` },
      { namespace: 'email', value: `p${n}@example.com` },
    ],
  }),
)

/** A store where somebody else is always faster than a commit of more than so many ops. */
function rivalled(fasterThan: number): { readonly store: Store; readonly lost: number[] } {
  const memory = new MemoryStore()
  const lost: number[] = []
  const store: Store = {
    supports: memory.supports,
    get: (table, keys) => memory.get(table, keys),
    scan: (table, range) => memory.scan(table, range),
    close: () => memory.close(),
    async commit(ops) {
      if (ops.length > fasterThan) {
        lost.push(ops.length)
        throw new LakeloopError('STORE_CONFLICT', { table: 'identityMeta' })
      }
      await memory.commit(ops)
    },
  }
  return { store, lost }
}

test('a writer that is always too late commits less at a time, and loses nothing', async () => {
  const { store, lost } = rivalled(40)
  const resolver = new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })
  expect(await resolver.observe(records)).toEqual({ records: 500, identifiers: 1_000, blocked: 0, conflicts: 0 })
  expect(lost.length).toBeGreaterThan(10)
  const alone = new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: NAMESPACES })
  await alone.observe(records)
  for (const table of ['evidence', 'identifier', 'profile'] as const) {
    const range = { prefix: ['main'], limit: 10_000 }
    expect(await store.scan(table, range)).toEqual(await alone.store.scan(table, range))
  }
})

test('a writer that never gets a turn gives up with the conflict, after a bounded number of attempts', async () => {
  const { store, lost } = rivalled(0)
  const resolver = new IdentityResolver({ store, target: 'email', namespaces: NAMESPACES })
  await expect(resolver.observe(records)).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
  expect(lost.length).toBeLessThan(40)
})
