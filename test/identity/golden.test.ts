import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { leftovers, restore } from './graph-state.js'
import { resolverOf } from './rule-books.js'

/** How it came about: test/golden/identity/ORIGIN.md. */
const lines = readFileSync(join(import.meta.dirname, '../golden/identity/generations.jsonl'), 'utf8')
  .trim()
  .split('\n')

const RULES = {
  namespaces: { customer_id: { priority: 1, maxIdentifiers: 2 }, phone: { priority: 3 } },
}

async function isReadAsItWasMeant(store: Store): Promise<void> {
  await restore(store, lines)
  const resolver = resolverOf(store, RULES)
  const bags = ['c-1', 'c-2', 'c-3', 'c-4'].map((id) => ({ customer_id: id }))
  // The old rows do not tell since when; rows that are made anew do.
  const ask = async () =>
    (await resolver.resolve(bags, { project: 'prod' })).map((answer) => ({ ...answer, since: undefined }))
  const answers = await ask()
  expect(answers).toMatchObject([
    { status: 'resolved', address: 'ada@example.com', why: 'bound' },
    { status: 'resolved', address: 'home@example.com', why: 'bound' },
    { status: 'resolved', address: 'home@example.com', why: 'bound' },
    { status: 'unresolved' },
  ])
  expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
  expect(await resolver.conflictCount()).toBe(1)
  expect(await leftovers(store)).not.toEqual([])
  await resolver.discardPreviews()
  expect(await leftovers(store)).toEqual([])
  await (await resolverOf(store, { ...RULES, attributeOnly: ['phone'] }).preview()).adopt()
  await (await resolver.preview()).adopt()
  expect(await ask()).toEqual(answers)
  expect(await resolver.conflictCount()).toBe(1)
}

describe('state of 0.1.0 with an adopted generation and an unfinished one is read as it was meant', () => {
  test('in memory', () => isReadAsItWasMeant(new MemoryStore()))

  test('in SQLite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-golden-'))
    const store = new SqliteStore({ path: join(folder, 'a.db') })
    try {
      await isReadAsItWasMeant(store)
    } finally {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
