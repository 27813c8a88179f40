import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { NamespaceRule } from '../../src/identity/resolver.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

/** Public data sets that lie beside the checkout, where there are any; LAKELOOP_DATA names another place. */
const DATA = process.env.LAKELOOP_DATA ?? join(import.meta.dirname, '../../../shared/data')

interface Line extends Omit<Evidence, 'ids'> {
  readonly ids: readonly { readonly type: string; readonly value: string }[]
  readonly truth: string
}

function load(name: string): readonly Line[] {
  const file = join(DATA, 'identity', name, 'evidence.jsonl')
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Line)
}

interface Found {
  readonly profiles: number
  readonly conflicts: number
  readonly precision: number
  readonly recall: number
}

/** Pairs of records that are together, by what `nameOf` calls them. */
function pairsBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): number {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0)
}

/** A record's profile is its strongest identifier's; one without any stands alone. */
async function find(lines: readonly Line[], namespaces: Record<string, NamespaceRule>): Promise<Found> {
  const store = new MemoryStore()
  const resolver = new IdentityResolver({ store, target: 'email', namespaces })
  const { conflicts } = await resolver.observe(
    lines.map(({ ids, truth: _, ...line }) => ({
      ...line,
      ids: ids.map(({ type, value }) => ({ namespace: type, value })),
    })),
  )
  const placed: { profile: string; truth: string }[] = []
  for (const { source, key, truth } of lines) {
    const [record] = (await store.get('evidence', [['main', source, key]])) as [{ ids: [string, string][] }]
    const [strongest] = record.ids
    const [home] = strongest === undefined ? [] : await store.get('identifier', [['main', ...strongest.slice(0, 2)]])
    placed.push({ profile: typeof home === 'string' ? home : `alone ${source} ${key}`, truth })
  }
  const together = pairsBy(placed, ({ profile }) => profile)
  const right = pairsBy(placed, ({ profile, truth }) => `${profile} ${truth}`)
  return {
    profiles: new Set(placed.map(({ profile }) => profile)).size,
    conflicts,
    precision: right / together,
    recall: right / pairsBy(placed, ({ truth }) => truth),
  }
}

const here = (name: string): boolean => existsSync(join(DATA, 'identity', name))

describe.skipIf(!here('splink_fake_1000'))('splink fake_1000 (skipped where the data is absent)', () => {
  test('exact emails find what exact emails can, and nothing fuzzy', async () => {
    const found = await find(load('splink_fake_1000'), { email: { priority: 1 } })
    expect(found).toMatchObject({ profiles: 635, conflicts: 0, precision: 1 })
    expect(found.recall).toBeCloseTo(0.336, 3)
  })
})

describe.skipIf(!here('febrl1'))('febrl1 (skipped where the data is absent)', () => {
  const ssnOnly = () => load('febrl1').map((line) => ({ ...line, ids: line.ids.filter(({ type }) => type === 'ssn') }))
  const rules = (maxIdentifiers: number) => ({
    ssn: { priority: 1, anchor: true, maxIdentifiers },
    name_dob: { priority: 2 },
  })

  test('by number alone', async () => {
    expect(await find(ssnOnly(), rules(1))).toMatchObject({ profiles: 550, precision: 1, recall: 0.9 })
  })
  test('a second key joins more where a person may have three numbers', async () => {
    const found = await find(load('febrl1'), rules(3))
    expect(found.profiles).toBe(529)
    expect(found.recall).toBeCloseTo(0.942, 3)
  })
  test('and where a person may have one, it opens conflicts instead', async () => {
    expect(await find(load('febrl1'), rules(1))).toMatchObject({ conflicts: 21, recall: 0.9 })
  })
})

describe.skipIf(!here('dbt_idr_sample'))('dbt identity sample (skipped where the data is absent)', () => {
  // National numbers without a region are no phones here: they are compared as ids.
  const rules = (maxIdentifiers: number) => ({
    crm_id: { priority: 1, anchor: true, maxIdentifiers },
    email: { priority: 2 },
    phone: { priority: 3, normalise: 'id' as const },
    loyalty: { priority: 4 },
  })
  test.each([
    [3, { profiles: 10, conflicts: 0, precision: 1, recall: 1 }],
    [100, { profiles: 10, conflicts: 0, precision: 1, recall: 1 }],
    [1, { profiles: 13, conflicts: 4, precision: 1 }],
  ])('up to %i CRM ids a person', async (max, expected) => {
    const found = await find(load('dbt_idr_sample'), rules(max))
    expect(found).toMatchObject(expected)
    // 27 of 52 pairs where a link of the stronger identifier goes before the more recent one; 29 in the order that holds.
    if (max === 1) expect(found.recall).toBeCloseTo(29 / 52, 6)
  })
})
