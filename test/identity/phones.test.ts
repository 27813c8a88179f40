import { describe, expect, test } from 'vitest'
import { phones } from '../../src/identity/phones.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'

const [anywhere, german, british, american, italian] = await Promise.all(
  [undefined, 'DE', 'GB', 'US', 'IT'].map((country) => phones({ country })),
)

/** Numbers of the plans' own examples and of nobody: the ranges for films and tests, where a country has them. */
describe('phones()', () => {
  test.each([
    ['+491701234567', '+491701234567'],
    ['+49 170 1234567', '+491701234567'],
    ['+49 (0)170 1234567', '+491701234567'],
    ['+49 (0) 170/123 45 67', '+491701234567'],
    ['+44 20 7946 0958', '+442079460958'],
    ['+44 (0)20 7946 0958', '+442079460958'],
    ['+39 06 6982', '+39066982'],
    ['+1 (202) 555-0143', '+12025550143'],
    ['+1 202.555.0143', '+12025550143'],
    ['＋４９ １７０ １２３４５６７', '+491701234567'],
    ['\u202a+49 170 1234567\u202c', '+491701234567'],
    ['+49\u00a0170\u20111234567', '+491701234567'],
  ])('%s is %s in any country, and without one', (raw, number) => {
    for (const normalise of [anywhere, german, american]) expect(normalise?.(raw)).toBe(number)
  })

  test.each([
    [german, '0170 1234567', '+491701234567'],
    [german, '0170/1234567', '+491701234567'],
    [german, '(030) 901820', '+4930901820'],
    [german, '0049 170 1234567', '+491701234567'],
    [british, '020 7946 0958', '+442079460958'],
    [british, '07400 123456', '+447400123456'],
    [american, '(202) 555-0143', '+12025550143'],
    [american, '1 202 555 0143', '+12025550143'],
    [american, '011 49 170 1234567', '+491701234567'],
    [italian, '06 6982', '+39066982'],
  ])('of its country: %#: %s is %s, and nothing without a country', (normalise, raw, number) => {
    expect(normalise?.(raw)).toBe(number)
    expect(anywhere?.(raw)).toBeUndefined()
  })

  test.each([
    '',
    '+',
    '0',
    '+49',
    '+49 1',
    '+490',
    '+49 170 12345678901',
    '+999 170 1234567',
    '110',
    '112',
    '+49 170 1234567 ext. 12',
    '+49 170 1234567 x12',
    '+49 170 1234567;ext=12',
    'tel:+49-170-1234567',
    'tel:+49-170-1234567;ext=12',
    '+1 202 555 0143 #12',
    'call +49 170 1234567',
    '+49 170 1234567 (office)',
    '+49 170 1234567, +49 170 1234568',
    '+49 170 1234567 / 0170 1234568',
    '1-800-FLOWERS',
    '1701234567.0',
    '1701234567.',
    '1.701234567e9',
    'ada@example.com',
    '9'.repeat(300),
    `+49 170 1234567${' '.repeat(200)}`,
    '\ud800',
    '+49 170\u0000 1234567',
  ])('%j is no number of anybody', (raw) => {
    for (const normalise of [anywhere, german]) expect(normalise?.(raw)).toBeUndefined()
  })

  test('a number of one country is none of another, whatever its length', () => {
    expect(american?.('0170 1234567')).toBeUndefined()
    expect(german?.('07400 123456')).not.toBe('+447400123456')
    expect(british?.('0170 1234567')).toBeUndefined()
  })

  test('what it gives, it gives again', () => {
    for (const raw of ['+49 (0)170 1234567', '+39 06 6982', '+1 202 555 0143']) {
      const once = anywhere?.(raw) as string
      for (const normalise of [anywhere, german, italian]) expect(normalise?.(once)).toBe(once)
    }
  })

  test.each(['de', 'XX', 'Germany', '', 49 as never])('%j is no country', async (country) => {
    await expect(phones({ country })).rejects.toMatchObject({ code: 'OPTION_INVALID', facts: { option: 'country' } })
  })
})

describe('a resolver', () => {
  const NAMESPACES = { customer_id: { priority: 1, maxIdentifiers: 1 }, phone: { priority: 2 } } as const
  const make = (phoneNormalizer: ((raw: string) => string | undefined) | undefined) =>
    new IdentityResolver({ store: new MemoryStore(), target: 'phone', namespaces: NAMESPACES, phoneNormalizer })

  test('joins what is one number, however it is written', async () => {
    const resolver = make(german)
    const written = ['0170 1234567', '+49 (0)170 1234567', '+491701234567']
    await resolver.observe(
      written.map((value, n) => ({ source: 's', key: `${n}`, observedAt: null, ids: [{ namespace: 'phone', value }] })),
    )
    const answers = await resolver.resolve(written.map((phone) => ({ phone })))
    expect(new Set(answers.map((one) => one.status === 'resolved' && one.address))).toEqual(new Set(['+491701234567']))
  })

  test('without one takes E.164 only, and says so', async () => {
    const [answer] = await make(undefined).resolve([{ phone: '0170 1234567' }])
    expect(answer).toMatchObject({ reason: { code: 'IDENTIFIER_UNUSABLE', facts: { namespaces: 'phone invalid' } } })
  })

  test('with another one has other rules', () => {
    const plain = (raw: string) => raw
    const hashes = [undefined, plain, anywhere, german, british].map((one) => make(one).rulesHash)
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(make(Object.assign((raw: string) => raw, { version: german?.version })).rulesHash).toBe(hashes[3])
    const wrong = Object.assign((raw: string) => raw, { version: 2 })
    expect(() => make(wrong as never)).toThrow('phoneNormalizer')
  })
})
