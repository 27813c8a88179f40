import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Fingerprinted, fingerprint } from '../../src/delta/fingerprint.js'
import type { Json, JsonObject } from '../../src/model/value.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const base: Fingerprinted = {
  address: 'ada@example.com',
  kind: 'event',
  detail: { eventName: 'x', n: 1 },
  payload: bytes('{"a":1}'),
}

describe('fingerprint()', () => {
  test('is 22 letters, and always the same', () => {
    expect(fingerprint(base)).toBe('M7DpnNa7tSI5o0S2csdWOQ')
    expect(fingerprint(base)).toMatch(/^[\w-]{22}$/)
  })

  test('does not depend on the order of the keys of the detail', () => {
    const detail = fc.object({
      values: [fc.string(), fc.integer(), fc.constant(null)],
      maxDepth: 2,
    }) as fc.Arbitrary<JsonObject>
    fc.assert(
      fc.property(detail, (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse())
        expect(fingerprint({ ...base, detail: turned })).toBe(fingerprint({ ...base, detail: value }))
      }),
    )
  })

  test.each([
    { address: 'ada@example.org' },
    { kind: 'profile' },
    { detail: { eventName: 'x', n: '1' } },
    { detail: { eventName: 'x' } },
    { detail: { eventName: ['x'], n: 1 } },
    { detail: { eventName: { x: 1 }, n: 1 } },
    { payload: bytes('{"a":2}') },
    { payload: bytes('') },
  ])('is another for %j', (part) => {
    expect(fingerprint({ ...base, ...part })).not.toBe(fingerprint(base))
  })

  test('cannot be the same for two details that are not', () => {
    const leaf = fc.constantFrom<Json>(null, 0, 1, '', '{', 'a', '1', [], {})
    const value = fc.oneof(
      leaf,
      fc.array(leaf, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', '{', '1'), leaf, { maxKeys: 2 }),
    )
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [left, right] = [a, b].map((it) => fingerprint({ ...base, detail: { it } as JsonObject }))
        expect(left === right).toBe(same(a, b))
      }),
      { numRuns: 500 },
    )
  })
})

/** Equal as JSON, whatever the order of keys. */
function same(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): string =>
    JSON.stringify(value, (_, held) =>
      held !== null && typeof held === 'object' && !Array.isArray(held)
        ? Object.fromEntries(Object.entries(held).sort(([x], [y]) => (x < y ? -1 : 1)))
        : held,
    )
  return sorted(a) === sorted(b)
}
