import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Identifiers } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import {
  at,
  batches,
  book,
  bookOf,
  crowded,
  cuts,
  evidenceOf,
  homesIn,
  identifier,
  ids,
  type Kept,
  law,
  prefer,
  RULES,
  resolverOf,
  rows,
  shuffled,
  stateOf,
  VALUES,
} from './book.js'
import { oracle, type PlainRecord } from './oracle.js'

describe('who is who', () => {
  test('G5 [I5] does not depend on the order or the slicing of the evidence, and is what the plain oracle says', async () => {
    const run = fc.tuple(
      book.chain((records) => fc.tuple(fc.constant(records), shuffled(records))),
      cuts,
      prefer,
    )
    await fc.assert(
      fc.asyncProperty(run, async ([[records, order], at, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        for (const batch of batches(order, at)) await resolver.observe(batch.map(evidenceOf))
        expect(await stateOf(store)).toEqual(oracle(records, { ...RULES, prefer: preference }))
        expect(await resolver.conflictCount()).toBe((await rows(store, 'conflict')).size)
      }),
      law,
    )
  })

  test('G5 [I5] and so are the addresses, in the order of the sources that show them', async () => {
    const source = fc.constantFrom('book', 'crm', 'web', '!deny')
    const drawn = fc.tuple(book, fc.array(source, { minLength: 24, maxLength: 24 }), fc.uniqueArray(source), cuts)
    await fc.assert(
      fc.asyncProperty(drawn, async ([plain, sources, sourcePriority, places]) => {
        const records = plain.map((record, index) => ({ ...record, source: sources[index] as string }))
        const store = new MemoryStore()
        const resolver = resolverOf(store, 'most-recent', { sourcePriority })
        for (const batch of batches(records, places)) await resolver.observe(batch.map(evidenceOf))
        expect(await stateOf(store)).toEqual(
          oracle(records, { ...RULES, prefer: 'most-recent', sources: sourcePriority }),
        )
      }),
      law,
    )
  })

  test('G5 [I5] is the same after any history of new, replaced, repeated, late and retracted records', async () => {
    const step = fc.record({ key: fc.nat({ max: 9 }), at, ids, gone: fc.integer({ min: 0, max: 4 }) })
    const history = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(history, async (batchList) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        const kept = new Map<string, PlainRecord>()
        for (const steps of batchList) {
          const records = steps.map((one) => ({ key: `r${one.key}`, at: one.at, ids: one.ids }))
          for (const record of records) {
            const known = kept.get(record.key)?.at ?? null
            if (known === null || record.at === null || record.at >= known) kept.set(record.key, record)
          }
          await resolver.observe(records.map(evidenceOf))
          const gone = steps.filter((one) => one.gone === 0).map((one) => `r${one.key}`)
          for (const key of gone) kept.delete(key)
          await resolver.retract(gone.map((key) => ({ source: 'book', key })))
          expect(await stateOf(store)).toEqual(oracle([...kept.values()], { ...RULES, prefer: 'most-recent' }))
        }
      }),
      law,
    )
  })

  test('G5 G6 [I5] what is kept with its history is the same in any order, slices and repeats, and is taken out whole', async () => {
    // Few bags, so that one is seen again at another time.
    const bags = fc.array(fc.oneof(ids, crowded as typeof ids), { minLength: 1, maxLength: 6 })
    const steps = bags.chain((few) =>
      fc.array(fc.record({ key: fc.nat({ max: 2 }), at, ids: fc.constantFrom(...few) }), {
        minLength: 1,
        maxLength: 20,
      }),
    )
    const kept = steps.map((list) => list.map((one): PlainRecord => ({ ...one, key: `h${one.key}`, keep: 'history' })))
    const drawn = fc.tuple(kept, bookOf(ids), prefer, cuts, fc.array(fc.nat({ max: 5 }), { maxLength: 3 }))
    const orders = drawn.chain((all) =>
      fc.tuple(fc.constant(all), shuffled([...all[0], ...all[0].slice(0, 3), ...all[1]])),
    )
    await fc.assert(
      fc.asyncProperty(orders, async ([[versions, plain, preference, at, gone], order]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const rules = { ...RULES, prefer: preference }
        for (const batch of batches(order, at)) await resolver.observe(batch.map(evidenceOf))
        expect(await stateOf(store)).toEqual(oracle([...versions, ...plain], rules))
        const out = gone.map((key) => `h${key}`)
        await resolver.retract(out.map((key) => ({ source: 'book', key })))
        const left = [...versions.filter(({ key }) => !out.includes(key)), ...plain]
        expect(await stateOf(store)).toEqual(oracle(left, rules))
        await resolver.retract(order.map(({ key }) => ({ source: 'book', key })))
        for (const table of ['evidence', 'evidenceById', 'identifier'] as const) {
          expect((await rows(store, table)).size).toBe(0)
        }
      }),
      law,
    )
  })

  test('G5 G6 [I5] denials part people whatever came first, and leave no trace when they are taken back', async () => {
    const few = fc.constantFrom(
      ['customer_id', 'c1'] as const,
      ['customer_id', 'c2'] as const,
      ['email', 'a@x.io'] as const,
    )
    const one = fc.oneof(identifier, few) as typeof identifier
    const pair = fc.tuple(one, one).filter(([a, b]) => a.join('=') !== b.join('='))
    const early = fc.oneof(fc.constant(0), fc.nat({ max: 24 })) // before anything is known of the two
    const word = fc.record({ pair, after: early, taken: fc.option(fc.nat({ max: 24 })) })
    const drawn = fc.tuple(book, fc.array(word, { minLength: 1, maxLength: 4 }), prefer)
    const named = ([namespace, value]: readonly [string, string]) => ({ namespace, value })
    const textOf = (one: readonly [string, string]): string => one.join('=')
    await fc.assert(
      fc.asyncProperty(drawn, async ([records, words, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const said = new Map<string, readonly [string, string]>()
        for (let step = 0; step <= 25; step += 1) {
          for (const {
            pair: [a, b],
            after,
          } of words.filter((one) => one.after === step)) {
            await resolver.deny(named(a), named(b))
            said.set([textOf(a), textOf(b)].sort().join(' '), [textOf(a), textOf(b)])
            expect(after).toBe(step)
          }
          for (const {
            pair: [a, b],
          } of words.filter((one) => one.taken === step)) {
            await resolver.allow(named(b), named(a))
            said.delete([textOf(a), textOf(b)].sort().join(' '))
          }
          const record = records[step]
          if (record !== undefined) await resolver.observe([evidenceOf(record)])
        }
        const rules = { ...RULES, prefer: preference }
        expect(await stateOf(store)).toEqual(oracle(records, rules, [...said.values()]))
        for (const [a, b] of said.values()) {
          const [left, right] = [a, b].map((id) => named([id.slice(0, id.indexOf('=')), id.slice(id.indexOf('=') + 1)]))
          await resolver.allow(left as never, right as never)
        }
        expect(await stateOf(store)).toEqual(oracle(records, rules))
        expect([...(await homesIn(store)).values()]).not.toContain('')
      }),
      law,
    )
  })

  test('G6 adding evidence and taking it away again gives the exact former people, ids included', async () => {
    await fc.assert(
      fc.asyncProperty(book, book, async (records, bad) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const before = await stateOf(store)
        const noise = bad.map((record) => ({ ...evidenceOf(record), source: 'bad' }))
        await resolver.observe(noise)
        await resolver.retract(noise)
        expect(await stateOf(store)).toEqual(before)
      }),
      law,
    )
  })

  test('G1 G3 G4 every identifier has one place, no profile breaks a limit, and every parting has its conflict', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        await resolverOf(store).observe(records.map(evidenceOf))
        const { homes, profiles } = await stateOf(store)
        const conflicts = [...((await rows(store, 'conflict')) as Map<string, Kept>).values()]
        for (const home of Object.values(homes)) if (home !== null) expect(profiles[home]).toBeDefined()
        for (const members of Object.values(profiles)) {
          expect(members.length).toBeLessThanOrEqual(RULES.total)
          for (const [namespace, limit] of Object.entries(RULES.limits)) {
            expect(members.filter((id) => id.startsWith(`${namespace}=`)).length).toBeLessThanOrEqual(limit)
          }
        }
        for (const record of records) {
          const known = record.ids.map((id) => id.join('=')).filter((id) => homes[id] !== null)
          for (const id of known) expect(homes[id]).toBeDefined()
          if (new Set(known.map((id) => homes[id])).size < 2) continue
          expect(conflicts.some(({ a, b }) => known.includes(a.join('=')) && known.includes(b.join('=')))).toBe(true)
        }
      }),
      law,
    )
  })

  test('G2 [I4] [I5] a record that was observed leads to one person, or is unresolvable with a reason; never to two', async () => {
    const bag = fc.dictionary(fc.constantFrom(...Object.keys(VALUES)), fc.nat({ max: 5 }), { minKeys: 1, maxKeys: 4 })
    const bags = fc.array(bag, { minLength: 1, maxLength: 20 }).map((list) =>
      list.map(
        (one): Identifiers =>
          Object.fromEntries(
            Object.entries(one).map(([namespace, index]) => {
              const values = VALUES[namespace] as readonly string[]
              return [namespace, values[index % values.length] as string]
            }),
          ),
      ),
    )
    await fc.assert(
      fc.asyncProperty(bags, async (list) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(
          list.map((one, index) => evidenceOf({ key: `r${index}`, at: 1, ids: Object.entries(one) })),
        )
        const { homes, profiles } = await stateOf(store)
        for (const [index, resolution] of (await resolver.resolve(list)).entries()) {
          const known = Object.entries(list[index] as Identifiers).filter((id) => homes[id.join('=')] !== null)
          if (resolution.status === 'unresolvable') {
            expect(resolution.reason.code).toBe('IDENTIFIER_UNUSABLE')
            expect(known).toEqual([])
            continue
          }
          const members = profiles[resolution.profileId as string] as readonly string[]
          const addresses = members.filter((id) => id.startsWith('email='))
          if (resolution.status === 'resolved') expect(addresses).toContain(`email=${resolution.address}`)
          else expect(addresses).toEqual([])
        }
      }),
      law,
    )
  })

  test('G5 [I5] the same evidence again commits nothing', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (records) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.observe(records.map(evidenceOf))
        const meta = await store.get('identityMeta', [['main']])
        const again = await resolver.observe(records.map(evidenceOf))
        expect(again).toMatchObject({ records: 0, identifiers: 0, blocked: 0 })
        expect(await store.get('identityMeta', [['main']])).toEqual(meta)
      }),
      law,
    )
  })
})
