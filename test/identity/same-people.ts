import fc from 'fast-check'
import { expect } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence, Identifier } from '../../src/model/identifier.js'
import { type Entry, type Key, type Store, TABLES } from '../../src/stores/store.js'

const VALUES = {
  customer_id: ['c1', 'c2', 'c\u{1f600}'],
  email: ['a@x.io', 'b@x.io', 'c@x.io'],
  phone: ['+49170000001', '+49170000002'],
} as const
type Namespace = keyof typeof VALUES

const identifier: fc.Arbitrary<Identifier> = fc
  .constantFrom(...(Object.keys(VALUES) as Namespace[]))
  .chain((namespace) => fc.record({ namespace: fc.constant(namespace), value: fc.constantFrom(...VALUES[namespace]) }))
const record: fc.Arbitrary<Evidence> = fc.record({
  source: fc.constantFrom('book', 'web'),
  key: fc.nat({ max: 9 }).map((n) => `r${n}`),
  observedAt: fc.option(fc.nat({ max: 5 }).map((n) => `2026-01-01T00:0${n}:00Z`)),
  ids: fc.array(identifier, { minLength: 1, maxLength: 3 }),
  keep: fc.constantFrom('latest', 'history'),
})
const pair = fc.tuple(identifier, identifier).filter(([a, b]) => a.value !== b.value)

/** Whatever may be done to a graph. */
export const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant('observe'), records: fc.array(record, { minLength: 1, maxLength: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('retract'), records: fc.array(record, { minLength: 1, maxLength: 2 }) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('deny', 'allow', 'merge', 'unmerge'), pair }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom('block', 'unblock', 'pin', 'unpin', 'forget'), identifier }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('advance'), day: fc.integer({ min: 1, max: 60 }) }) },
)
export type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

const RULES = {
  target: 'email',
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
    email: { priority: 2, activeForDays: 30 },
    phone: { priority: 3, hub: 2 },
  },
  sourcePriority: ['web'],
} as const

/** Does one thing to a graph. Gives what came of it, which may be a refusal. */
async function done(resolver: IdentityResolver, one: Step): Promise<unknown> {
  const call = (): Promise<unknown> => {
    switch (one.what) {
      case 'observe':
        return resolver.observe(one.records)
      case 'retract':
        return resolver.retract(one.records)
      case 'advance':
        return resolver.advance({ asOf: new Date(Date.UTC(2026, 0, one.day)).toISOString() })
      case 'forget':
        return resolver.forget([one.identifier], { projects: ['prod'], salt: 'salt' })
      case 'deny':
      case 'allow':
      case 'merge':
      case 'unmerge':
        return resolver[one.what](...one.pair)
      default:
        return resolver[one.what](one.identifier)
    }
  }
  return await call().catch((error: unknown) => String(error))
}

async function entriesOf(store: Store): Promise<readonly (readonly [string, readonly Entry[]])[]> {
  const all: (readonly [string, readonly Entry[]])[] = []
  for (const table of TABLES) {
    const found: Entry[] = []
    for (let after: Key | undefined; ; ) {
      const page = await store.scan(table, { prefix: [], after, limit: 10_000 })
      found.push(...page)
      if (page.length < 10_000) break
      after = page.at(-1)?.key
    }
    all.push([table, found])
  }
  return all
}

/** Does the same to a graph in each of two stores: every answer is the same, and in the end every entry of every table. */
export async function samePeople(stores: readonly [Store, Store], steps: readonly Step[]): Promise<void> {
  const resolvers = stores.map((store) => new IdentityResolver({ store, ...RULES }))
  const bags = Object.entries(VALUES).flatMap(([namespace, values]) => values.map((value) => ({ [namespace]: value })))
  for (const one of steps) {
    const [ours, theirs] = await Promise.all(resolvers.map((resolver) => done(resolver, one)))
    expect(theirs).toEqual(ours)
    const answers = await Promise.all(resolvers.map((resolver) => resolver.resolve(bags)))
    expect(answers[1]).toEqual(answers[0])
  }
  const [ours, theirs] = await Promise.all(stores.map(entriesOf))
  expect(theirs).toEqual(ours)
}
