import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/stores/memory.js'
import { overlay } from '../../src/stores/overlay.js'
import type { Key, Op, Store } from '../../src/stores/store.js'

const key: fc.Arbitrary<Key> = fc
  .tuple(fc.constantFrom('p', 'q'), fc.constantFrom('a', 'b', 'c', 'd', 'é', '😀'))
  .map((parts) => parts)
const op: fc.Arbitrary<Op> = fc
  .record({ key, value: fc.option(fc.nat(9), { nil: undefined }) })
  .map(
    ({ key: k, value }): Op =>
      value === undefined ? { op: 'delete', table: 'run', key: k } : { op: 'put', table: 'run', key: k, value },
  )
const commits = fc.array(fc.array(op, { maxLength: 5 }), { maxLength: 8 })

const contents = (store: Store) => store.scan('run', { prefix: [], limit: 100 })

describe('overlay()', () => {
  test('reads as if all had been written to one store, at every page size', async () => {
    await fc.assert(
      fc.asyncProperty(commits, commits, fc.integer({ min: 1, max: 4 }), async (below, above, limit) => {
        const [base, whole] = [new MemoryStore(), new MemoryStore()]
        for (const ops of below) await base.commit(ops)
        const stood = await contents(base)
        const upper = overlay(base)
        for (const ops of above) await upper.commit(ops)
        for (const ops of [...below, ...above]) await whole.commit(ops)

        for (const prefix of [[], ['p'], ['q']]) {
          const expected = await whole.scan('run', { prefix, limit: 100 })
          const found = []
          for (;;) {
            const page = await upper.scan('run', { prefix, after: found.at(-1)?.key, limit })
            found.push(...page)
            if (page.length < limit) break
          }
          expect(found).toEqual(expected)
        }
        const keys = (await contents(whole)).map(({ key: k }) => k)
        expect(await upper.get('run', [...keys, ['p', 'x']])).toEqual(await whole.get('run', [...keys, ['p', 'x']]))
        expect(await contents(base)).toEqual(stood)
      }),
      { numRuns: 400 },
    )
  })

  test('checks against what is seen through it, and leaves its base open', async () => {
    const base = new MemoryStore()
    await base.commit([{ op: 'put', table: 'run', key: ['p'], value: 1 }])
    const upper = overlay(base)
    await upper.commit([
      { op: 'check', table: 'run', key: ['p'], is: 1 },
      { op: 'delete', table: 'run', key: ['p'] },
    ])
    await expect(upper.commit([{ op: 'check', table: 'run', key: ['p'], is: 1 }])).rejects.toThrow('STORE_CONFLICT')
    await upper.commit([{ op: 'check', table: 'run', key: ['p'], is: undefined }])
    await upper.close()
    expect(await base.get('run', [['p']])).toEqual([1])
  })
})
