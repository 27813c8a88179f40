import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareBytes } from '../../src/model/byte-order.js'
import { decodeKey, encodeKey, fromSortable, sortableKey, toSortable } from '../../src/stores/key.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Key } from '../../src/stores/store.js'

const letter = fc.constantFrom(
  '\0',
  '\u0001',
  '\u0002',
  '\u0003',
  'a',
  'b',
  'é',
  '\ud7ff',
  '\ue000',
  '\uff21',
  '\uffff',
  '😀',
  '\u{10ffff}',
)
const part = fc.string({ unit: letter, minLength: 1, maxLength: 4 })
const key: fc.Arbitrary<Key> = fc
  .tuple(fc.array(part, { maxLength: 3 }), fc.string({ unit: letter, maxLength: 3 }))
  .map(([head, last]) => [...head, last])

/** The oracle: bytes, part by part. */
function compareKeys(a: Key, b: Key): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = Buffer.compare(Buffer.from(a[index] as string), Buffer.from(b[index] as string))
    if (order !== 0) return order
  }
  return Math.sign(a.length - b.length)
}

describe('encodeKey()', () => {
  test('is undone by decodeKey(), also in its sortable form', () => {
    fc.assert(
      fc.property(key, (k) => {
        expect(decodeKey(encodeKey('run', k))).toEqual(k)
        expect(decodeKey(fromSortable(toSortable(encodeKey('run', k))))).toEqual(k)
        expect(sortableKey('run', k)).toBe(toSortable(encodeKey('run', k)))
      }),
    )
  })

  test('keeps the order of the parts, as bytes and as sortable text', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [left, right] = [encodeKey('run', a), encodeKey('run', b)]
        expect(Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)))).toBe(compareKeys(a, b))
        expect(Math.sign(compareBytes(left, right))).toBe(compareKeys(a, b))
        expect(toSortable(left) < toSortable(right)).toBe(compareKeys(a, b) < 0)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('MemoryStore', () => {
  test('agrees with a sorted array after any history of puts and deletes', async () => {
    const step = fc.record({ key, put: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        key,
        fc.option(key, { nil: undefined }),
        async (steps, prefix, after) => {
          const store = new MemoryStore()
          const truth = new Map<string, Key>()
          for (const { key: k, put } of steps) {
            if (put) truth.set(JSON.stringify(k), k)
            else truth.delete(JSON.stringify(k))
            await store.commit([
              put ? { op: 'put', table: 'run', key: k, value: [...k] } : { op: 'delete', table: 'run', key: k },
            ])
          }
          const expected = [...truth.values()]
            .filter((k) => prefix.every((p, index) => k[index] === p))
            .filter((k) => after === undefined || compareKeys(k, after) > 0)
            .sort(compareKeys)
          const found = await store.scan('run', { prefix, after, limit: 10_000 })
          expect(found).toEqual(expected.map((k) => ({ key: k, value: [...k] })))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('keeps its order through many chunks', async () => {
    const store = new MemoryStore()
    const numbers = Array.from({ length: 6_000 }, (_, n) => String((n * 7919) % 6_000).padStart(4, '0'))
    await store.commit(numbers.map((n) => ({ op: 'put', table: 'run', key: ['p', n], value: n })))
    await store.commit(
      numbers.filter((n) => Number(n) % 3 === 0).map((n) => ({ op: 'delete', table: 'run', key: ['p', n] })),
    )
    const left = await store.scan('run', { prefix: ['p'], limit: 10_000 })
    expect(left.map(({ value }) => value)).toEqual([...numbers].sort().filter((n) => Number(n) % 3 !== 0))
  })
})
