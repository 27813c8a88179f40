import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'
import { dump, leftovers, type RuleSet, restore, stateOf } from './graph-state.js'
import { Mortal } from './mortal.js'

const rules = (customers: number, salt: string): RuleSet => ({
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: customers },
    email: { priority: 2, hub: 5 },
    device: { priority: 3, maxIdentifiers: 200 },
  },
  maxIdentifiersPerProfile: 200,
  salt,
})
const [BEFORE, AFTER] = [rules(1, ''), rules(2, 'other')]
const resolverOf = (store: Store, set: RuleSet) => new IdentityResolver({ store, target: 'email', ...set })

/** Pairs of customers who share a mailbox, and a mailbox that all of them share: merges, conflicts, quarantine, moves. */
const RECORDS: readonly Evidence[] = Array.from({ length: 24 }, (_, index) => ({
  source: 'crm',
  key: `r${index}`,
  observedAt: `2026-01-01T00:00:${String(index).padStart(2, '0')}Z`,
  ids: [
    { namespace: 'customer_id', value: `c${index}` },
    { namespace: 'email', value: `m${index >> 1}@x.io` },
    ...(index < 8 ? [{ namespace: 'email', value: 'all@x.io' }] : []),
    // So many that a few records fill a commit.
    ...Array.from({ length: index < 9 ? 90 : 0 }, (_, device) => ({
      namespace: 'device',
      value: `d${index}-${device}`,
    })),
  ],
}))

async function started(): Promise<readonly string[]> {
  const store = new MemoryStore()
  const old = resolverOf(store, BEFORE)
  await old.observe(RECORDS)
  await old.deny({ namespace: 'customer_id', value: 'c2' }, { namespace: 'customer_id', value: 'c3' })
  const answers = await old.resolve(RECORDS.map(({ key }) => ({ customer_id: key.replace('r', 'c') })))
  await store.commit(
    old.bind(
      'prod',
      answers.filter((one) => one.status === 'resolved'),
    ),
  )
  return dump(store)
}

async function copyOf(lines: readonly string[]): Promise<Store> {
  const store = new MemoryStore()
  await restore(store, lines)
  return store
}

/** Runs `work` in a process that dies at each of its commits in turn, until it comes to its end. */
async function dyingAtEach(
  lines: readonly string[],
  work: (store: Store) => Promise<void>,
  then: (store: Store, died: boolean) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at += 1) {
    for (const after of [false, true]) {
      const base = await copyOf(lines)
      const mortal = new Mortal(base, { at, after })
      const died = await work(mortal).then(
        () => false,
        (error: Error) => {
          expect(error.message).toBe('died')
          return true
        },
      )
      await then(base, died)
      if (!died && after) return at
    }
  }
}

describe('a process that dies', () => {
  test('in a preview, at whichever commit, leaves the graph as it was, and the next preview is whole', async () => {
    const lines = await started()
    const [kept, wanted] = [await stateOf(await copyOf(lines)), await adopted(await copyOf(lines))]
    const commits = await dyingAtEach(
      lines,
      async (store) => void (await resolverOf(store, AFTER).preview(undefined, { project: 'prod' })),
      async (store) => {
        expect(await stateOf(store)).toEqual(kept)
        expect(await resolverOf(store, BEFORE).conflictCount()).toBeGreaterThan(0)
        const cut = await copyOf(await dump(store))
        await resolverOf(cut, BEFORE).discardPreviews()
        expect(await dump(cut)).toEqual(lines)
        expect(await adopted(store)).toEqual(wanted)
        expect(await leftovers(store)).toEqual([])
      },
    )
    expect(commits).toBeGreaterThan(5)
  })

  test('while it adopts leaves the old rules or the new ones, and the rest is removed by whoever comes next', async () => {
    const lines = await started()
    const [kept, wanted] = [await stateOf(await copyOf(lines)), await adopted(await copyOf(lines))]
    const outcomes = new Set<string>()
    const commits = await dyingAtEach(
      lines,
      async (store) => {
        const mortal = store as Mortal
        const preview = await resolverOf(store, AFTER).preview()
        outcomes.add(`preview takes ${mortal.commits}`)
        await preview.adopt()
      },
      async (store) => {
        const [meta] = await store.get('identityMeta', [['main']])
        const isNew = (meta as { rules: string }).rules === resolverOf(store, AFTER).rulesHash
        outcomes.add(isNew ? 'new' : 'old')
        expect(await stateOf(store)).toEqual(isNew ? wanted : kept)
        await resolverOf(store, AFTER).discardPreviews()
        expect(await leftovers(store)).toEqual([])
        expect(await stateOf(store)).toEqual(isNew ? wanted : kept)
      },
    )
    expect(outcomes).toContain('new')
    expect(outcomes).toContain('old')
    expect(commits).toBeGreaterThan(10)
  })

  test('while it discards leaves the rest to whoever comes next', async () => {
    const lines = await started()
    await dyingAtEach(
      lines,
      async (store) => (await resolverOf(store, AFTER).preview()).discard(),
      async (store) => {
        await resolverOf(store, BEFORE).discardPreviews()
        expect(await dump(store)).toEqual(lines)
      },
    )
  })

  test('before it heard that it adopted, and tries again: it has', async () => {
    const base = await copyOf(await started())
    let isLost = true
    const deaf: Store = {
      supports: base.supports,
      get: (table, keys) => base.get(table, keys),
      scan: (table, range) => base.scan(table, range),
      close: async () => undefined,
      commit: async (ops) => {
        await base.commit(ops)
        const adopts = ops.some(
          (op) =>
            op.op === 'put' &&
            op.table === 'identityMeta' &&
            op.key.length === 1 &&
            'generation' in (op.value as object),
        )
        if (adopts && isLost) {
          isLost = false
          throw new Error('no answer')
        }
      },
    }
    const preview = await resolverOf(deaf, AFTER).preview()
    await expect(preview.adopt()).rejects.toThrow('no answer')
    await preview.adopt()
    await preview.adopt()
    expect(await leftovers(base)).toEqual([])
    expect(await resolverOf(base, AFTER).conflictCount()).toBe(preview.conflicts.after)
  })
})

async function adopted(store: Store): Promise<readonly string[]> {
  await (await resolverOf(store, AFTER).preview()).adopt()
  return stateOf(store)
}

test('no commit of a preview or of what follows holds more than a few thousand ops', async () => {
  const base = new MemoryStore()
  const old = resolverOf(base, BEFORE)
  const many = Array.from({ length: 3_000 }, (_, index) => ({
    source: 'crm',
    key: `r${index}`,
    observedAt: null,
    ids: [
      { namespace: 'customer_id', value: `c${index}` },
      { namespace: 'email', value: `m${index >> 1}@x.io` },
    ],
  }))
  await old.observe(many)
  const store = new Mortal(base)
  const preview = await resolverOf(store, AFTER).preview()
  expect(preview).toMatchObject({ records: 3_000, profiles: { before: 3_000, after: 1_500 }, merged: 1_500, split: 0 })
  await preview.adopt()
  expect(store.opsMost).toBeLessThan(4_500)
  expect(store.commits).toBeGreaterThan(20)
  expect(await leftovers(base)).toEqual([])
})
