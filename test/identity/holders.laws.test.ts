import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HOLDERS_INLINE } from '../../src/identity/holders.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { evidenceOf, law, resolverOf, VALUES } from './book.js'
import { dump } from './graph-state.js'
import type { PlainRecord } from './oracle.js'

const PHONES = VALUES.phone as string[]
const WHERE = ['evidence', 'evidenceById', 'identifier', 'quarantine'] as const

/** Of so few values that each is held by many. */
const bag = fc
  .tuple(
    fc.constantFrom('c1', 'c2', 'c3', 'c4', null),
    fc.constantFrom('d1', 'd1', 'd2'),
    fc.constantFrom(...PHONES, null),
  )
  .map(([customer, device, phone]): PlainRecord['ids'] => [
    ...(customer === null ? [] : [['customer_id', customer] as const]),
    ['device', device],
    ...(phone === null ? [] : [['phone', phone] as const]),
  ])
/** What a key shows from now on; null: it is taken out. */
const steps = fc.array(fc.tuple(fc.nat({ max: 19 }), fc.option(bag, { freq: 3 })), { minLength: 30, maxLength: 70 })

describe('the records that hold an identifier', () => {
  test('G5 G6 [I5] stand in its row while they are few, else in rows of their own, whatever came before', async () => {
    let [inline, scattered] = [0, 0]
    await fc.assert(
      fc.asyncProperty(steps, async (said) => {
        const [store, fresh] = [new MemoryStore(), new MemoryStore()]
        const resolver = resolverOf(store)
        const left = new Map<string, PlainRecord>()
        for (const [number, ids] of said) {
          const key = `r${number}`
          if (ids === null) await resolver.retract([{ source: 'book', key }])
          else await resolver.observe([evidenceOf({ key, at: null, ids })])
          if (ids === null) left.delete(key)
          else left.set(key, { key, at: null, ids })
        }
        await resolverOf(fresh).observe([...left.values()].map(evidenceOf))
        const kept = await dump(store, WHERE)
        expect(kept).toEqual(await dump(fresh, WHERE))
        for (const line of kept) {
          const [table, , row] = JSON.parse(line) as [string, string[], unknown]
          if (table === 'identifier' && Array.isArray(row)) {
            expect(row.length - 1).toBeLessThanOrEqual(HOLDERS_INLINE)
            inline += 1
          } else if (table === 'identifier') scattered += 1
        }
      }),
      { ...law, numRuns: Math.ceil(law.numRuns / 4) },
    )
    expect(inline).toBeGreaterThan(0)
    expect(scattered).toBeGreaterThan(0)
  })
})
