import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isoOf, microsecondsOf } from '../../src/identity/order.js'

test('a time is written as a Date writes it, with as many digits as it has', () => {
  // From the year 0 to beyond the year 9999.
  const milliseconds = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_900_000 })
  fc.assert(
    fc.property(milliseconds, fc.constantFrom(0, 0, 1, 70, 999), (whole, rest) => {
      const microseconds = whole * 1_000 + rest
      const kept = Math.floor(microseconds / 1_000)
      const text = new Date(kept).toISOString()
      const digits = microseconds - kept * 1_000
      expect(isoOf(microseconds)).toBe(digits === 0 ? text : text.replace('Z', `${String(digits).padStart(3, '0')}Z`))
    }),
  )
  expect(isoOf(0)).toBe('1970-01-01T00:00:00.000Z')
  expect(isoOf(microsecondsOf('2026-02-28T23:59:59.000123Z') as number)).toBe('2026-02-28T23:59:59.000123Z')
})

test('a time that a Date wrote is read as any other', () => {
  const part = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
  fc.assert(
    fc.property(part(13), part(32), part(25), part(61), part(61), part(99), (month, day, hour, minute, second, end) => {
      const whole = `2024-${month}-${day}T${hour}:${minute}:${second}`
      expect(microsecondsOf(`${whole}.1${end}Z`)).toBe(microsecondsOf(`${whole}.1${end}+00:00`))
    }),
    { numRuns: 2_000 },
  )
  expect(microsecondsOf('2024-02-28T24:00:00.100Z')).toBe(microsecondsOf('2024-02-28T24:00:00.100+00:00'))
})
