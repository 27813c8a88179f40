import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bytes, wordOf } from '../../src/transform/child/bytes.js'

const textOf = (bytes: Bytes): string => Buffer.from(bytes.taken()).toString()
const numRuns = Number(process.env.LAW_RUNS ?? 300)

test('what Bytes writes is what JSON.stringify writes, as UTF-8, and its surplus is what UTF-8 adds', () => {
  /** Decimals of few places, and what lies beside them: there our digits and V8's could differ. */
  const decimal = fc
    .tuple(
      fc.integer({ min: -(10 ** 9), max: 10 ** 10 }),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom(0, 1e-7, 1e-16, 0.5),
    )
    .map(([digits, places, more]) => digits / 10 ** places + more)
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), decimal)
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\ud800', '"', '\u007f', '\u2028'),
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(number, text)), fc.array(text), (values, names) => {
      const bytes = new Bytes()
      const expected: string[] = []
      for (const name of names) {
        const json = JSON.stringify({ [name]: 1 })
        bytes.word(wordOf(json))
        bytes.json(json)
        expected.push(json, json)
      }
      for (const value of values) {
        if (typeof value === 'number') bytes.number(value)
        else bytes.text(value)
        bytes.sign(0x3b)
        expected.push(JSON.stringify(value), ';')
      }
      const all = expected.join('')
      expect(textOf(bytes)).toBe(all)
      expect(bytes.surplus).toBe(Buffer.byteLength(all) - all.length)
    }),
    { numRuns },
  )
})

test.each([
  [0, '0'],
  [-0, '0'],
  [9.9999995, '9.9999995'],
  [999_999_999.999_999, '999999999.999999'],
  [0.000001, '0.000001'],
  [0.0000001, '1e-7'],
  [0.1 + 0.2, '0.30000000000000004'],
  [1e21, '1e+21'],
])('the number %d is written as %s', (value, text) => {
  const bytes = new Bytes()
  bytes.number(value)
  expect(textOf(bytes)).toBe(text)
})

test('what is cut off is written over, and no large memory is kept', () => {
  const bytes = new Bytes()
  bytes.text('a')
  const { size, surplus } = bytes
  bytes.text('\u00fc'.repeat(2 ** 20))
  bytes.cut(size, surplus)
  bytes.number(17)
  expect(textOf(bytes)).toBe('"a"17')
  bytes.cut(0, 0)
  bytes.text('b')
  expect(textOf(bytes)).toBe('"b"')
  expect(bytes.taken().buffer.byteLength).toBeLessThan(2 ** 20)
})
