import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { homeIn } from '../../src/identity/holders.js'
import type { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { dump, leftovers, restore, stateOf } from './graph-state.js'
import { book, type Drawn, denials, drawn, resolverOf, rules, rulesOf, told } from './rule-books.js'

const numRuns = Number(process.env.LAW_RUNS ?? 60)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
const law = { numRuns, ...seed }

/** Identifiers that two rule sets write alike. */
const alike = (one: Drawn, other: Drawn): Drawn => ({ ...other, normalise: one.normalise, german: one.german })

describe('a preview', () => {
  test('[I5] that is adopted leaves what the new rules make of the evidence from the beginning', async () => {
    await fc.assert(
      fc.asyncProperty(book, denials, rules, rules, async (records, pairs, before, after) => {
        const [store, fresh] = [new MemoryStore(), new MemoryStore()]
        const old = await told(store, before, records, pairs)
        const { adopt, conflicts } = await old.preview(after)
        await adopt()
        await told(fresh, after, records, pairs)
        const known = await stateOf(store)
        expect(known).toEqual(await stateOf(fresh))
        expect(await leftovers(store)).toEqual([])
        const now = resolverOf(store, after)
        expect(await now.conflictCount()).toBe(conflicts.after)
        // What comes afterwards is taken into the new generation as into any graph.
        await now.observe(records)
        expect(await stateOf(store)).toEqual(known)
        await now.retract(records.slice(0, 5))
        await resolverOf(fresh, after).retract(records.slice(0, 5))
        expect(await stateOf(store)).toEqual(await stateOf(fresh))
      }),
      law,
    )
  })

  test('that is discarded leaves every table as it was', async () => {
    await fc.assert(
      fc.asyncProperty(book, denials, rules, rules, async (records, pairs, before, after) => {
        const store = new MemoryStore()
        const old = await told(store, before, records, pairs)
        const kept = await dump(store)
        const preview = await old.preview(after, { project: 'prod', samples: 3 })
        expect(await stateOf(store)).toEqual(await stateOf(await copyOf(kept)))
        await preview.discard()
        expect(await dump(store)).toEqual(kept)
        await expect(preview.adopt()).rejects.toMatchObject({ code: 'IDENTITY_PREVIEW_STALE' })
      }),
      law,
    )
  })

  test('counts what the two partitions say', async () => {
    const both = fc.tuple(drawn, drawn).map(([one, other]) => [rulesOf(one), rulesOf(alike(one, other))] as const)
    await fc.assert(
      fc.asyncProperty(book, both, async (records, [before, after]) => {
        const [store, fresh] = [new MemoryStore(), new MemoryStore()]
        const old = await told(store, before, records, [])
        await told(fresh, after, records, [])
        const [left, right] = [await homesOf(store), await homesOf(fresh)]
        const { merged, split, quarantined, released, profiles } = await old.preview(after)
        expect({ merged, split, quarantined, released, profiles }).toEqual(countsOf(left, right))
      }),
      law,
    )
  })

  test('tells of all bound people whose address moves, and so do the changes after it was adopted', async () => {
    await fc.assert(
      fc.asyncProperty(book, denials, rules, rules, async (records, pairs, before, after) => {
        const store = new MemoryStore()
        const old = await told(store, before, records, pairs)
        const bound = await bindAll(old, records)
        const { after: position } = await old.changes({ project: 'prod' })
        const { addresses, adopt } = await old.preview(after, { project: 'prod' })
        await adopt()
        const { changes } = await resolverOf(store, after).changes({ project: 'prod', after: position })
        expect(addresses).toEqual({
          bound: bound.size,
          changed: changes.filter(({ to }) => to !== undefined).length,
          lost: changes.filter(({ to }) => to === undefined).length,
        })
        for (const { profileId, from } of changes) expect(bound.get(profileId)).toBe(from)
      }),
      law,
    )
  })

  test('of another salt gives everybody another id, and everybody is found under the address they had', async () => {
    await fc.assert(
      fc.asyncProperty(book, drawn, async (records, one) => {
        const [before, after] = [rulesOf({ ...one, salt: '' }), rulesOf({ ...one, salt: 'salt' })]
        const store = new MemoryStore()
        const old = await told(store, before, records, [])
        await bindAll(old, records)
        const { after: position } = await old.changes({ project: 'prod' })
        const bags = bagsOf(records)
        const answers = await old.resolve(bags, { project: 'prod' })
        // The one resolver knows how the old ids were made, the other does not.
        const preview = await (one.blocked ? old.preview(after) : resolverOf(store, after).preview())
        await preview.adopt()
        const now = resolverOf(store, after)
        const later = await now.resolve(bags, { project: 'prod' })
        expect(later.map(addressed)).toEqual(answers.map(addressed))
        expect((await now.changes({ project: 'prod', after: position })).changes).toEqual([])
      }),
      law,
    )
  })

  test('there and back again is the former graph, on SQLite too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lakeloop-preview-'))
    try {
      let file = 0
      await fc.assert(
        fc.asyncProperty(book, denials, rules, rules, async (records, pairs, before, after) => {
          await using store = new SqliteStore({ path: join(folder, `${file++}.db`) })
          await told(store, before, records, pairs)
          const former = await stateOf(store)
          const now = resolverOf(store, after)
          await (await now.preview()).adopt()
          await (await now.preview(before)).adopt()
          expect(await stateOf(store)).toEqual(former)
          expect(await leftovers(store)).toEqual([])
        }),
        { ...law, numRuns: Math.max(4, Math.ceil(numRuns / 15)) },
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function copyOf(lines: readonly string[]): Promise<Store> {
  const store = new MemoryStore()
  await restore(store, lines)
  return store
}

const bagsOf = (records: readonly Evidence[]) =>
  records.map(({ ids }) =>
    Object.fromEntries(
      ids.filter(({ value }) => typeof value === 'string').map(({ namespace, value }) => [namespace, value]),
    ),
  )

const addressed = (one: { status: string; address?: string; why?: string }) => [one.status, one.address, one.why]

/** Binds everybody that has an address, as a run does; gives the addresses by profile id. */
async function bindAll(resolver: IdentityResolver, records: readonly Evidence[]): Promise<ReadonlyMap<string, string>> {
  const bound = new Map<string, string>()
  for (const answer of await resolver.resolve(bagsOf(records), { project: 'prod' })) {
    if (answer.status === 'resolved' && answer.why !== 'given') bound.set(answer.profileId, answer.address)
  }
  await resolver.store.commit(
    resolver.bind(
      'prod',
      [...bound].map(([profileId, address]) => ({ profileId, address })),
    ),
  )
  return bound
}

/** Identifier to profile id; null where it is shared by too many. */
async function homesOf(store: Store): Promise<ReadonlyMap<string, string | null>> {
  const entries = await store.scan('identifier', { prefix: ['main'], limit: 10_000 })
  return new Map(entries.map(({ key, value }) => [key.join(' '), homeIn(value)]))
}

function countsOf(left: ReadonlyMap<string, string | null>, right: ReadonlyMap<string, string | null>): object {
  const many = (one: ReadonlyMap<string, string | null>, other: ReadonlyMap<string, string | null>): number => {
    const sides = new Map<string, Set<string>>()
    for (const [id, home] of one) {
      const there = other.get(id)
      if (home !== null && typeof there === 'string') sides.set(home, (sides.get(home) ?? new Set()).add(there))
    }
    return [...sides.values()].filter(({ size }) => size > 1).length
  }
  const only = (one: ReadonlyMap<string, string | null>, other: ReadonlyMap<string, string | null>): number =>
    [...one].filter(([id, home]) => home === null && other.get(id) !== null).length
  const people = (one: ReadonlyMap<string, string | null>) =>
    new Set([...one.values()].filter((home) => home !== null)).size
  return {
    merged: many(right, left),
    split: many(left, right),
    quarantined: only(right, left),
    released: only(left, right),
    profiles: { before: people(left), after: people(right) },
  }
}
