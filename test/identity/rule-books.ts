import fc from 'fast-check'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import type { Store } from '../../src/stores/store.js'
import type { RuleSet } from './graph-state.js'

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
export const book = fc.array(record, { minLength: 1, maxLength: 20 }).map((list) => list.map(evidenceOf))
const person = (namespace: string, ...values: string[]) =>
  fc.constantFrom(...values).map((value) => ({ namespace, value }))
const denial = fc.tuple(
  person('customer_id', 'c1', 'c2'),
  fc.oneof(person('email', 'a@x.io', 'c@x.io'), person('customer_id', 'c3')),
)
export const denials = fc.array(denial, { maxLength: 2 })

function evidenceOf({ at, ids }: { at: number | null; ids: [string, unknown][] }, index: number): Evidence {
  return {
    source: 'book',
    key: `r${index}`,
    observedAt: at === null ? null : `2026-01-01T00:0${at}:00Z`,
    ids: ids.map(([namespace, value]) => ({ namespace, value: value as string })),
  }
}

const limit = fc.integer({ min: 1, max: 3 })
export const drawn = fc.record({
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
export type Drawn = typeof drawn extends fc.Arbitrary<infer One> ? One : never

const german = (raw: string): string => (raw.startsWith('0') ? `+49${raw.slice(1)}` : raw)

export const rulesOf = (one: Drawn): RuleSet => ({
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
export const rules = drawn.map(rulesOf)

export const resolverOf = (store: Store, set: RuleSet) => new IdentityResolver({ store, target: 'email', ...set })

type Pair = readonly [Parameters<IdentityResolver['deny']>[0], Parameters<IdentityResolver['deny']>[1]]

export async function told(
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
