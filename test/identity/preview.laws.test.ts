import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { dump, leftovers, type RuleSet, restore, stateOf } from './graph-state.js'

const numRuns = Number(process.env.LAW_RUNS ?? 60)
const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }
const law = { numRuns, ...seed }

/** Few values, of which some are one value under some rules and two under others, and some are no text, or none. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  customer_id: ['c1', 'c2', 'c3', 'c\u{1f600}'],
  email: ['a@x.io', 'B@x.io', 'b@x.io', 'c@x.io', 'd@x.io', 'noreply@x.io'],
  phone: ['+49170000001', '+49170000002', '0170000001'],
  device: ['dev', 'Dev', ' DEV ', 'other', 'blocked-1', 7, 'x'.repeat(1_030)],
  late: ['l1', 'l2', 'L1', 7, 'number'],
}
const identifier = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((namespace) => fc.tuple(fc.constant(namespace), fc.constantFrom(...(VALUES[namespace] as unknown[]))))
const record = fc.record({
  at: fc.option(fc.integer({ min: 0, max: 5 }), { freq: 5 }),
  ids: fc.array(identifier, { minLength: 1, maxLength: 4 }),
})
const book = fc.array(record, { minLength: 1, maxLength: 20 }).map((list) => list.map(evidenceOf))
const person = (namespace: string, ...values: string[]) =>
  fc.constantFrom(...values).map((value) => ({ namespace, value }))
const denial = fc.tuple(
  person('customer_id', 'c1', 'c2'),
  fc.oneof(person('email', 'a@x.io', 'c@x.io'), person('customer_id', 'c3')),
)
const denials = fc.array(denial, { maxLength: 2 })

function evidenceOf({ at, ids }: { at: number | null; ids: [string, unknown][] }, index: number): Evidence {
  return {
    source: 'book',
    key: `r${index}`,
    observedAt: at === null ? null : `2026-01-01T00:0${at}:00Z`,
    ids: ids.map(([namespace, value]) => ({ namespace, value: value as string })),
  }
}

const limit = fc.integer({ min: 1, max: 3 })
const drawn = fc.record({
  customers: limit,
  emails: limit,
  devices: limit,
  hub: fc.constantFrom(2, 3, false as const),
  prefer: fc.constantFrom('most-recent' as const, 'earliest' as const),
  attributeOnly: fc.boolean(),
  blocked: fc.boolean(),
  normalise: fc.constantFrom('id' as const, 'idLower' as const, 'idUpper' as const),
  late: fc.boolean(),
  german: fc.boolean(),
  salt: fc.constantFrom('', 'salt'),
  total: fc.constantFrom(4, 100),
})
type Drawn = typeof drawn extends fc.Arbitrary<infer One> ? One : never

const german = (raw: string): string => (raw.startsWith('0') ? `+49${raw.slice(1)}` : raw)

const rulesOf = (one: Drawn): RuleSet => ({
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: one.customers },
    email: { priority: 3, maxIdentifiers: one.emails, hub: one.hub },
    phone: { priority: 4, maxIdentifiers: 2, hub: 3 },
    device: { priority: 4, maxIdentifiers: one.devices, normalise: one.normalise },
    ...(one.late && { late: { priority: 2, maxIdentifiers: 2 } }),
  },
  linkPreference: one.prefer,
  attributeOnly: one.attributeOnly ? ['phone'] : [],
  blocked: one.blocked ? { device: [/^blocked/] } : {},
  maxIdentifiersPerProfile: one.total,
  salt: one.salt,
  ...(one.german && { phoneNormalizer: german }),
})
const rules = drawn.map(rulesOf)

const resolverOf = (store: Store, set: RuleSet) => new IdentityResolver({ store, target: 'email', ...set })

type Pair = readonly [Parameters<IdentityResolver['deny']>[0], Parameters<IdentityResolver['deny']>[1]]

async function told(
  store: Store,
  set: RuleSet,
  records: readonly Evidence[],
  pairs: readonly Pair[],
): Promise<IdentityResolver> {
  const resolver = resolverOf(store, set)
  await resolver.observe(records)
  for (const pair of pairs) await resolver.deny(...pair)
  return resolver
}

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
        { ...law, numRuns: Math.max(4, numRuns / 15) },
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
  return new Map(entries.map(({ key, value }) => [key.join(' '), value as string | null]))
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
