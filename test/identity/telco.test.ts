import { describe, expect, test } from 'vitest'
import { evidence, truth } from '../../examples/telco/recipe.js'
import { IdentityResolver, type Resolution } from '../../src/identity/resolver.js'
import { MemoryStore } from '../../src/stores/memory.js'

/** North American numbers, as the example's CRM writes them. */
function northAmerican(raw: string): string | undefined {
  const digits = raw.replace(/[\s()-]/g, '')
  return digits.startsWith('+') ? digits : /^\d{10}$/.test(digits) ? `+1${digits}` : undefined
}

describe('the telco book', () => {
  test.each([
    { limit: 1, conflicts: 1_395, profiles: 7_043, recall: 0, silent: 609 },
    { limit: 2, conflicts: 282, profiles: 6_500, recall: 0.98, silent: 177 },
    { limit: 5, conflicts: 253, profiles: 6_482, recall: 0.993, silent: 169 },
  ])('with up to $limit accounts a person', async ({ limit, conflicts, profiles, recall, silent }) => {
    const people = new Map(truth().map(({ customer_id, person }) => [customer_id, person]))
    const store = new MemoryStore()
    const resolver = new IdentityResolver({
      store,
      target: 'email',
      phoneNormalizer: northAmerican,
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: limit, normalise: 'idUpper' },
        user_id: { priority: 2, maxIdentifiers: 1, anchor: true },
        email: { priority: 3 },
        phone: { priority: 4 },
      },
    })
    const observed = await resolver.observe(evidence())
    expect(observed).toMatchObject({ records: 14_134, conflicts })

    const ids = [...people.keys()]
    const answers = await resolver.resolve(ids.map((id) => ({ customer_id: id })))
    expect(new Set(answers.map(profileOf)).size).toBe(profiles)
    expect(answers.filter(({ status }) => status !== 'resolved')).toHaveLength(silent)
    const both = pairs(ids, (id, index) => `${profileOf(answers[index] as Resolution)} ${people.get(id)}`)
    expect(both / pairs(ids, (id) => people.get(id) as string)).toBeCloseTo(recall, 3)

    const quarantined = await store.scan('quarantine', { prefix: ['main'], limit: 10 })
    expect(quarantined.map(({ key }) => key[2])).toEqual(['info@example.org', '+18005550199'])
  })
})

const profileOf = (answer: Resolution): string => ('profileId' in answer && answer.profileId) || ''

function pairs(ids: readonly string[], nameOf: (id: string, index: number) => string): number {
  const counts = new Map<string, number>()
  for (const name of ids.map(nameOf)) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0)
}
