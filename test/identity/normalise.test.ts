import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isJunk, normaliseAs, normaliseEmail, normaliseId, normalisePhone } from '../../src/identity/normalise.js'
import { microsecondsOf } from '../../src/identity/order.js'
import { compareBytes } from '../../src/model/byte-order.js'

describe('normaliseEmail()', () => {
  test.each([
    ['  Ada.Lovelace@Example.COM ', 'ada.lovelace@example.com'],
    ['ada+shop@example.com', 'ada+shop@example.com'],
    ['ada@example.com.', 'ada@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ADA@BÜCHER.EXAMPLE', 'ada@xn--bcher-kva.example'],
    ['a\u200bd\ufeffa@exam\u00adple.com', 'ada@example.com'],
    ['\ufeffada@example.com', 'ada@example.com'],
    ['Jose\u0301@example.com', 'josé@example.com'],
    ['ﬁ@example.com', 'ﬁ@example.com'],
    ["o'brien@example.com", "o'brien@example.com"],
  ])('%j is %j', (raw, email) => {
    expect(normaliseEmail(raw)).toBe(email)
  })

  test.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@1.2.3.4',
    'ada@１.２',
    'Ada <ada@example.com>',
    'ada b@example.com',
    'a@b@example.com',
    'ada@exa mple.com',
    'ada@example..com',
    'ada@.com',
    'ada@exam%70le.ü.com',
    'ada@example.com/x',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(64)}.com`,
    `ada@${'aaaaaaa.'.repeat(40)}com`,
    'ada\ud800@example.com',
    'ada\n@example.com',
  ])('%j is no email', (raw) => {
    expect(normaliseEmail(raw)).toBeUndefined()
  })
})

describe('normalisation', () => {
  const letter = fc.constantFrom(...'aA.@+ İßﬁé\u0301\u200b\u00ad-0xn１ücK\ud800😀\u0345ǰ')
  const rule = fc.constantFrom(
    'email' as const,
    'phone' as const,
    'id' as const,
    'idUpper' as const,
    'idLower' as const,
  )
  const domain = fc.constantFrom('', '@example.com', '@Bücher.example', '@a.b.')

  test('done twice is done once', () => {
    fc.assert(
      fc.property(rule, fc.string({ unit: letter, maxLength: 12 }), domain, (as, raw, tail) => {
        const once = normaliseAs(as, raw + tail)
        if (once !== undefined) expect(normaliseAs(as, once)).toBe(once)
      }),
      { numRuns: 2_000 },
    )
  })

  test('ids keep their case unless told, and are refused where they cannot be a key', () => {
    expect(normaliseId(' 0002-orfbo ')).toBe('0002-orfbo')
    expect(normaliseId(' 0002-orfbo ', 'upper')).toBe('0002-ORFBO')
    expect(normaliseId('ABC', 'lower')).toBe('abc')
    expect(normaliseId('x'.repeat(1_025))).toBeUndefined()
    expect(normaliseId('\ud800')).toBeUndefined()
    expect(normaliseId('\u00a0\ufeff')).toBeUndefined()
  })

  test('a phone is E.164, or what the host makes of it if that is E.164', () => {
    expect(normalisePhone(' +491701234567 ')).toBe('+491701234567')
    for (const raw of ['0170 1234567', '+49 170 1234567', '+0123456789', '+12', `+${'1'.repeat(16)}`]) {
      expect(normalisePhone(raw)).toBeUndefined()
    }
    expect(normalisePhone('0170', () => '+491701234567')).toBe('+491701234567')
    expect(normalisePhone('0170', () => 'nonsense')).toBeUndefined()
  })

  test('junk is known in any case and form', () => {
    for (const raw of ['none', ' N/A ', 'NULL', '(not set)', '0', '-1', '000-000', 'xxxxxx', 'Guest']) {
      expect(isJunk('id', raw), raw).toBe(true)
    }
    expect(isJunk('email', 'TEST@test.com')).toBe(true)
    expect(isJunk('email', 'no-reply@shop.example')).toBe(true)
    expect(isJunk('phone', '+15555555555')).toBe(true)
    expect(isJunk('phone', '+12015550100')).toBe(false)
    expect(isJunk('id', '0002-ORFBO')).toBe(false)
    expect(isJunk('email', 'ada@example.com')).toBe(false)
  })
})

describe('order', () => {
  test('compareBytes() is the order of UTF-8', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uff21', '😀', '\u{10ffff}') })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })

  test('a time means the same on every machine, to the microsecond', () => {
    const base = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000
    expect(microsecondsOf('2026-01-02T03:04:05Z')).toBe(base)
    expect(microsecondsOf('2026-01-02 03:04:05')).toBe(base)
    expect(microsecondsOf('2026-01-02T03:04:05.123456Z')).toBe(base + 123_456)
    expect(microsecondsOf('2026-01-02T03:04:05.123456789Z')).toBe(base + 123_456)
    expect(microsecondsOf('2026-01-02T05:04:05+02:00')).toBe(base)
    expect(microsecondsOf('2026-01-02')).toBe(Date.UTC(2026, 0, 2) * 1000)
    for (const text of [null, undefined, '', 'yesterday', '1767323045', '2026-13-01', '2026-01-02T25:00:00Z']) {
      expect(microsecondsOf(text)).toBeNull()
    }
  })
})
