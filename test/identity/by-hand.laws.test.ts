import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { book, evidenceOf, homesIn, identifier, law, prefer, RULES, resolverOf, rows, stateOf } from './book.js'
import { oracle } from './oracle.js'
import { type Id, keyOf, type Said, say, takeBack, textOf, wordsOf } from './words.js'

/** Few of them, so that words contradict each other. */
const few = fc.constantFrom<Id>(['customer_id', 'c1'], ['customer_id', 'c2'], ['email', 'a@x.io'])
const one = fc.oneof(identifier, few) as fc.Arbitrary<Id>
const pair = fc.tuple(one, one).filter(([a, b]) => textOf(a) !== textOf(b))
const step = fc.oneof(fc.constant(0), fc.nat({ max: 24 })) // often before anything is known
const word = fc.record({
  kind: fc.constantFrom('deny' as const, 'merge' as const, 'merge' as const, 'block' as const),
  pair,
  said: step,
  taken: fc.option(fc.nat({ max: 24 })),
})
describe('what is said by hand', () => {
  test('G3 G5 G6 [I5] counts whatever came first, and leaves no trace when it is taken back', async () => {
    const drawn = fc.tuple(book, fc.array(word, { minLength: 1, maxLength: 5 }), prefer)
    await fc.assert(
      fc.asyncProperty(drawn, async ([records, words, preference]) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store, preference)
        const said = new Map<string, Said>()
        for (let now = 0; now <= 25; now += 1) {
          for (const one of words.filter((one) => one.said === now)) {
            await say(resolver, one)
            said.set(keyOf(one), one)
          }
          for (const one of words.filter((one) => one.taken === now)) {
            await takeBack(resolver, one)
            said.delete(keyOf(one))
          }
          const record = records[now]
          if (record !== undefined) await resolver.observe([evidenceOf(record)])
        }
        const rules = { ...RULES, prefer: preference }
        const state = await stateOf(store)
        const byHand = [...said.values()].filter(({ kind }) => kind === 'block').map(({ pair: [a] }) => textOf(a))
        const reasons = [...(await rows(store, 'quarantine'))].filter(([, why]) => why === 'by hand')
        expect(new Set(reasons.map(([id]) => id))).toEqual(new Set(byHand))
        expect(state).toEqual(oracle(records, rules, ...wordsOf([...said.values()])))
        expect(await resolver.conflictCount()).toBe(state.conflicts.length)
        for (const members of Object.values(state.profiles)) {
          for (const [namespace, limit] of Object.entries(RULES.limits)) {
            expect(members.filter((id) => id.startsWith(`${namespace}=`)).length).toBeLessThanOrEqual(limit)
          }
        }
        for (const one of said.values()) await takeBack(resolver, one)
        expect(await stateOf(store)).toEqual(oracle(records, rules))
        expect([...(await homesIn(store)).values()]).not.toContain('')
      }),
      law,
    )
  })
})
