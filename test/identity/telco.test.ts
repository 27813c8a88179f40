import { describe, expect, test } from 'vitest'
import { evidence } from '../../examples/telco/recipe.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'

describe('the telco book', () => {
  test('has two values that nobody joins, and no other', async () => {
    const store = new MemoryStore()
    const resolver = new IdentityResolver({
      store,
      target: 'email',
      phoneNormalizer: (raw) => (/^\+1\d{10}$/.test(raw) ? raw : undefined),
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1, normalise: 'idUpper' },
        email: { priority: 3 },
        phone: { priority: 4 },
      },
    })
    expect(await resolver.observe(evidence())).toMatchObject({ records: 14_134 })
    const quarantined = await store.scan('quarantine', { prefix: ['main'], limit: 10 })
    expect(quarantined.map(({ key }) => key[2])).toEqual(['info@example.org', '+18005550199'])
  })
})
