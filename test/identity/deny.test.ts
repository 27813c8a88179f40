import { describe, expect, test } from 'vitest'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'

const make = () =>
  new IdentityResolver({
    store: new MemoryStore(),
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 2 }, phone: { priority: 4, hub: 1 } },
  })
const seen = (key: string, bag: Record<string, string>, source = 'crm'): Evidence => ({
  source,
  key,
  observedAt: '2026-01-01T00:00:00Z',
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const C1 = { namespace: 'customer_id', value: 'c-1' }
const C2 = { namespace: 'customer_id', value: 'c-2' }
const ANN = { namespace: 'email', value: 'Ann@example.com' }
const address = async (resolver: IdentityResolver, bag: Record<string, string>) => {
  const [found] = await resolver.resolve([bag])
  return found?.status === 'resolved' ? found.address : found?.reason.code
}

describe('deny()', () => {
  test('parts two people whom a household mailbox made one, and allow() joins them again', async () => {
    const resolver = make()
    const shared = { email: 'ann@example.com' }
    await resolver.observe([seen('1', { customer_id: 'c-1', ...shared }), seen('2', { customer_id: 'c-2', ...shared })])
    expect(await address(resolver, { customer_id: 'c-2' })).toBe('ann@example.com')
    await resolver.deny(C1, C2)
    expect(await address(resolver, { customer_id: 'c-1' })).toBe('ann@example.com')
    expect(await address(resolver, { customer_id: 'c-2' })).toBe('ADDRESS_CLAIMED')
    for await (const conflict of resolver.conflicts()) {
      expect(conflict).toMatchObject({ rule: 'denied', limit: 0, wouldBe: 1, a: C2 })
    }
    expect(await resolver.explain(C1, C2)).toMatchObject({ verdict: 'apart', conflicts: [{ rule: 'denied' }] })
    expect((await resolver.allow(C2, C1)).conflicts).toBe(0)
    expect(await address(resolver, { customer_id: 'c-2' })).toBe('ann@example.com')
  })

  test('holds for a pair of which nothing was known yet', async () => {
    const resolver = make()
    await resolver.deny(C1, ANN)
    expect(await address(resolver, { customer_id: 'c-1' })).toBe('ADDRESS_UNKNOWN')
    await resolver.observe([seen('1', { customer_id: 'c-1', email: 'ann@example.com' })])
    expect(await address(resolver, { customer_id: 'c-1' })).toBe('ADDRESS_CLAIMED')
  })

  test('makes nobody known, and does not count as an owner of a shared value', async () => {
    const resolver = make()
    const phone = { namespace: 'phone', value: '+4917000000001' }
    await resolver.deny(C1, phone)
    expect(await resolver.explain(C1, phone)).toMatchObject({ verdict: 'unusable', problem: 'unknown' })
    await resolver.observe([seen('1', { customer_id: 'c-2', phone: phone.value, email: 'bob@example.com' })])
    expect(await address(resolver, { phone: phone.value })).toBe('bob@example.com')
  })

  test('refuses a pair of the same, and an identifier that joins nobody', async () => {
    const resolver = make()
    await expect(resolver.deny(ANN, { ...ANN, value: 'ann@EXAMPLE.com ' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('names one identifier twice'),
    })
    await expect(resolver.deny(ANN, { namespace: 'email', value: 'none' })).rejects.toThrow('joins nobody: blocked')
  })

  test('a source of the host that is called like the denials links as any other', async () => {
    const resolver = make()
    await resolver.observe([seen('1', { customer_id: 'c-1', email: 'ann@example.com' }, '!deny')])
    expect(await address(resolver, { customer_id: 'c-1' })).toBe('ann@example.com')
  })
})
