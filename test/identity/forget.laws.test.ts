import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import {
  batches,
  book,
  cuts,
  evidenceOf,
  identifier,
  law,
  prefer,
  RULES,
  resolverOf,
  shuffled,
  stateOf,
  textsIn,
} from './book.js'
import { oracle, type PlainRecord } from './oracle.js'
import { type Id, named, type Said, say, textOf, wordsOf } from './words.js'

const kind = fc.constantFrom('deny' as const, 'merge' as const, 'block' as const)
const word = fc.record({
  kind,
  pair: fc.tuple(identifier, identifier).filter(([a, b]) => textOf(a) !== textOf(b)),
  said: fc.nat({ max: 24 }),
}) as fc.Arbitrary<Said & { readonly said: number }>
const farewell = fc.record({ of: identifier as fc.Arbitrary<Id>, at: fc.nat({ max: 25 }) })

/** A record as if some identifiers had never been in it. */
function stripped(record: PlainRecord, gone: ReadonlySet<string>): PlainRecord[] {
  const ids = record.ids.filter((id) => !gone.has(textOf(id)))
  return ids.length === 0 ? [] : [{ ...record, ids }]
}

describe('forgetting', () => {
  test('G1 G3 G5 [I5] at any moment leaves the others as if the forgotten had never been seen, and no trace of them', async () => {
    const drawn = fc.tuple(
      book,
      fc.array(word, { maxLength: 3 }),
      fc.array(farewell, { minLength: 1, maxLength: 3 }),
      prefer,
    )
    await fc.assert(
      fc.asyncProperty(drawn, async ([records, words, farewells, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const gone = new Set<string>()
        let said: Said[] = []
        for (let now = 0; now <= 25; now += 1) {
          for (const one of words.filter((one) => one.said === now)) {
            const about = one.kind === 'block' ? one.pair.slice(0, 1) : one.pair
            if (about.some((id) => gone.has(textOf(id)))) {
              await expect(say(resolver, one)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
            } else {
              await say(resolver, one)
              said.push(one)
            }
          }
          const record = records[now]
          if (record !== undefined) await resolver.observe([evidenceOf(record)])
          for (const { of } of farewells.filter((one) => one.at === now)) {
            const { homes } = await stateOf(store)
            const home = homes[textOf(of)]
            const people = Object.keys(homes).filter((id) => home && homes[id] === home)
            const counts = await resolver.forget([named(of)], { projects: [] })
            const fresh = new Set([textOf(of), ...people].filter((id) => !gone.has(id)))
            expect(counts).toMatchObject({ identifiers: fresh.size, profiles: home ? 1 : 0 })
            for (const id of fresh) gone.add(id)
            said = said.filter(
              (one) => !(one.kind === 'block' ? one.pair.slice(0, 1) : one.pair).some((id) => gone.has(textOf(id))),
            )
          }
        }
        const left = records.flatMap((record) => stripped(record, gone))
        expect(await stateOf(store)).toEqual(oracle(left, { ...RULES, prefer: preference }, ...wordsOf(said)))
        expect(await resolver.conflictCount()).toBe((await stateOf(store)).conflicts.length)
        const texts = (await textsIn(store, ['main'])).join('\n')
        for (const id of gone) {
          const [namespace, value] = id.split('=') as [string, string]
          expect(texts).not.toContain(`"${namespace}","${value}"`)
          expect(texts).not.toContain(JSON.stringify(`${namespace}\u0001${value}`))
          const digest = createHash('sha256').update(`\u0001${namespace}\u0001${value}`)
          expect(texts).not.toContain(digest.digest('hex').slice(0, 32))
        }
      }),
      law,
    )
  })

  test('G5 [I5] before or after the evidence comes, in any order and slices, ends in the same people', async () => {
    const drawn = fc.tuple(
      book.chain((records) => fc.tuple(fc.constant(records), shuffled(records))),
      cuts,
      fc.array(identifier as fc.Arbitrary<Id>, { minLength: 1, maxLength: 3 }),
    )
    await fc.assert(
      fc.asyncProperty(drawn, async ([[records, order], at, ids]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        await resolver.forget(ids.map(named), { projects: [] })
        for (const batch of batches(order, at)) await resolver.observe(batch.map(evidenceOf))
        const gone = new Set(ids.map(textOf))
        const left = records.flatMap((record) => stripped(record, gone))
        expect(await stateOf(store)).toEqual(oracle(left, { ...RULES, prefer: 'most-recent' }))
        const again = await resolver.observe(records.map(evidenceOf))
        expect(again.records).toBe(0)
      }),
      law,
    )
  })
})
