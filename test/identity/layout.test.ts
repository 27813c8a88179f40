import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { IdentityResolver } from '../../src/identity/resolver.js'
import type { Json } from '../../src/model/value.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Key, Store, Table } from '../../src/stores/store.js'
import { placesIn, type RuleSet, restore } from './graph-state.js'
import { Mortal } from './mortal.js'
import { resolverOf } from './rule-books.js'

const OF_0_1_0: RuleSet = {
  namespaces: {
    customer_id: { priority: 1, maxIdentifiers: 1 },
    email: { priority: 3, maxIdentifiers: 2 },
    phone: { priority: 4, hub: 2 },
  },
}
/** How they came about: test/golden/identity/ORIGIN.md. */
const GOLDEN: readonly (readonly [file: string, rules: RuleSet])[] = [
  ['state-0.1.0', OF_0_1_0],
  [
    'graph-1',
    {
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1 },
        email: { priority: 2, maxIdentifiers: 2 },
        phone: { priority: 3 },
      },
    },
  ],
  ['generations', { namespaces: { customer_id: { priority: 1, maxIdentifiers: 2 }, phone: { priority: 3 } } }],
  ['layout-2', OF_0_1_0],
]

function linesOf(file: string): readonly string[] {
  const lines = readFileSync(new URL(`../golden/identity/${file}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => {
    const one = JSON.parse(line) as [Table, Key, Json] | { table: Table; key: Key; value: Json }
    return JSON.stringify('table' in one ? [one.table, one.key, one.value] : one)
  })
}

async function read(file: string): Promise<Store> {
  const store = new MemoryStore()
  await restore(store, linesOf(file))
  return store
}

/** The same evidence in a graph of its own. */
async function anew(resolver: IdentityResolver, rules: RuleSet): Promise<Store> {
  const store = new MemoryStore()
  await resolverOf(store, rules).import(resolver.export())
  return store
}

const fromHost = async (resolver: IdentityResolver) => {
  const found: { source: string; key: string }[] = []
  for await (const line of resolver.export()) {
    const { ref } = JSON.parse(line) as { ref?: [string, string] }
    if (ref !== undefined && !ref[0].startsWith('!')) found.push({ source: ref[0], key: ref[1] })
  }
  return found
}

/** Kills the first commit of a piece of work, before it takes effect or after, then does it again. */
async function killedOnce(
  store: Store,
  rules: RuleSet,
  after: boolean,
  work: (one: IdentityResolver) => Promise<unknown>,
) {
  await work(resolverOf(new Mortal(store, { at: 0, after }), rules)).catch(() => undefined)
  await work(resolverOf(store, rules))
}

describe.each(GOLDEN)('the stored graph %s', (file, rules) => {
  test('knows every record that holds an identifier', async () => {
    const store = await read(file)
    const places = await placesIn(store)
    expect(places.size).toBeGreaterThan(4)
    expect(places).toEqual(await placesIn(await anew(resolverOf(store, rules), rules)))
  })

  test('loses none of them while records come and go, each killed once', async () => {
    const store = await read(file)
    const resolver = resolverOf(store, rules)
    for (const [n, name] of (await fromHost(resolver)).entries()) {
      await killedOnce(store, rules, n % 2 === 0, (one) => one.retract([name]))
      const ids = [
        { namespace: 'customer_id', value: `c-${n % 3}` },
        { namespace: 'phone', value: '+4917000000001' },
      ]
      const shown = { source: 'new', key: `${n}`, observedAt: '2026-02-01T00:00:00Z', ids }
      await killedOnce(store, rules, n % 2 === 1, (one) => one.observe([shown]))
      expect(await placesIn(store)).toEqual(await placesIn(await anew(resolver, rules)))
    }
    for (const [n, name] of (await fromHost(resolver)).entries()) {
      await killedOnce(store, rules, n % 2 === 0, (one) => one.retract([name]))
    }
    expect(await placesIn(store)).toEqual(await placesIn(await anew(resolver, rules)))
    const [left] = await store.get('identityMeta', [['main']])
    expect(left).toMatchObject({ layout: 2 })
  })

  test('forgets whom it is told to, and no record is left that shows them', async () => {
    const store = await read(file)
    const resolver = resolverOf(store, rules)
    const people = [...(await placesIn(store)).keys()].map((id) => id.split(' ') as [string, string])
    for (const [n, [namespace, value]] of people.entries()) {
      await killedOnce(store, rules, n % 2 === 0, (one) =>
        one.forget([{ namespace, value }], { projects: ['shop', 'prod'], salt: 'salt' }),
      )
      const places = await placesIn(store)
      expect(places.has(`${namespace} ${value}`)).toBe(false)
      expect(places).toEqual(await placesIn(await anew(resolver, rules)))
    }
    expect((await placesIn(store)).size).toBe(0)
  })
})
