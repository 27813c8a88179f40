import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import { compileRules } from '../../src/identity/rules.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { book, evidenceOf, law, resolverOf, rows } from './book.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const

function make(options: Partial<IdentityResolverOptions> = {}): IdentityResolver {
  return new IdentityResolver({ store: new MemoryStore(), target: 'email', namespaces: NAMESPACES, ...options })
}
const seen = (source: string, key: string, day: number | null, bag: Record<string, string>): Evidence => ({
  source,
  key,
  observedAt: day === null ? null : `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const C1 = { customer_id: 'c-1' }
const one = async (resolver: IdentityResolver, bag: Record<string, string> = C1, project?: string) =>
  (await resolver.resolve([bag], { project }))[0]
const email = (value: string) => ({ namespace: 'email', value })
const [OLD, MID, NEW] = ['old@example.com', 'mid@example.com', 'new@example.com'] as const

async function threeEmails(options: Partial<IdentityResolverOptions> = {}): Promise<IdentityResolver> {
  const resolver = make(options)
  await resolver.observe([
    seen('crm', '1', 3, { ...C1, email: OLD }),
    seen('web', '2', 5, { ...C1, email: MID }),
    seen('app', '3', 7, { ...C1, email: NEW }),
    seen('app', '4', 2, { ...C1, email: OLD }),
  ])
  return resolver
}

describe('the address of a person', () => {
  test('comes with the others, the time since when it is known, and the hash of the rules', async () => {
    const resolver = await threeEmails()
    const rulesHash = resolver.rulesHash
    const alternatives = [MID, OLD]
    expect(await one(resolver)).toMatchObject({ address: NEW, why: 'recent', alternatives, rulesHash })
    expect(await one(resolver)).toMatchObject({ since: '2026-01-07T00:00:00.000Z' })
    await resolver.pin(email(OLD))
    expect(await one(resolver)).toMatchObject({ address: OLD, since: '2026-01-02T00:00:00.000Z' })
    for (const bag of [{ email: 'none' }, { email: 'nobody@example.com' }, { customer_id: 'c-9' }]) {
      expect(await one(resolver, bag)).toMatchObject({ rulesHash })
    }
  })

  test('has no time where no record has one, and microseconds where the record has them', async () => {
    const resolver = make()
    await resolver.observe([seen('crm', '1', null, { ...C1, email: OLD })])
    expect(await one(resolver)).toMatchObject({ address: OLD, why: 'only', alternatives: [] })
    expect(await one(resolver)).not.toHaveProperty('since')
    await resolver.observe([
      { ...seen('crm', '2', 1, { ...C1, email: OLD }), observedAt: '2026-01-01T00:00:00.000007Z' },
    ])
    expect(await one(resolver)).toMatchObject({ since: '2026-01-01T00:00:00.000007Z' })
  })

  test('is as old as the records of its own person, not those of another who had it before', async () => {
    const resolver = make()
    await resolver.observe([
      seen('crm', '1', 1, { customer_id: 'c-0', email: OLD }),
      seen('crm', '2', 4, { ...C1, email: OLD }),
    ])
    expect(await one(resolver)).toMatchObject({ address: OLD, since: '2026-01-04T00:00:00.000Z' })
  })

  test('is the one that an earlier source shows, before the more recent one', async () => {
    const resolver = await threeEmails({ sourcePriority: ['crm', 'web'] })
    expect(await one(resolver)).toMatchObject({ address: OLD, why: 'source', alternatives: [MID, NEW] })
    await resolver.observe([seen('crm', '5', 4, { ...C1, email: NEW })])
    expect(await one(resolver)).toMatchObject({ address: NEW, why: 'recent', alternatives: [OLD, MID] })
  })

  test('does not take the word of a source about another person', async () => {
    const resolver = make({ sourcePriority: ['crm'] })
    await resolver.observe([
      seen('crm', '1', 1, { customer_id: 'c-0', email: OLD }),
      seen('web', '2', 4, { ...C1, email: OLD }),
      seen('web', '3', 5, { ...C1, email: NEW }),
    ])
    expect(await one(resolver)).toMatchObject({ address: NEW, why: 'recent', alternatives: [OLD] })
  })

  test('stays the one in use, whatever a source says, and goes where it is pinned', async () => {
    const resolver = await threeEmails({ sourcePriority: ['crm'] })
    const { profileId } = (await one(resolver)) as { profileId: string }
    await resolver.store.commit(resolver.bind('prod', [{ profileId, address: MID }]))
    const { after } = await resolver.changes({ project: 'prod' })
    expect(await one(resolver, C1, 'prod')).toMatchObject({ address: MID, why: 'bound', alternatives: [OLD, NEW] })
    await resolver.pin(email(' New@Example.com'))
    expect(await one(resolver, C1, 'prod')).toMatchObject({ address: NEW, why: 'pinned', alternatives: [MID, OLD] })
    expect((await resolver.changes({ project: 'prod', after })).changes).toEqual([{ profileId, from: MID, to: NEW }])
    await resolver.pin(email(MID))
    expect(await one(resolver, C1, 'prod')).toMatchObject({ address: MID, why: 'pinned', alternatives: [NEW, OLD] })
    await resolver.unpin(email(MID))
    await resolver.unpin(email(NEW))
    expect(await one(resolver, C1, 'prod')).toMatchObject({ address: MID, why: 'bound' })
  })
})

describe('pin()', () => {
  test('may come before any record, makes nobody known, and follows the address to whoever has it', async () => {
    const resolver = make()
    await resolver.pin(email(OLD))
    expect(await one(resolver, { email: OLD })).toMatchObject({ why: 'given' })
    await resolver.observe([seen('crm', '1', 1, { ...C1, email: OLD }), seen('crm', '2', 2, { ...C1, email: NEW })])
    expect(await one(resolver)).toMatchObject({ address: OLD, why: 'pinned' })
    await resolver.observe([seen('crm', '3', 3, { customer_id: 'c-2', email: OLD })])
    expect(await one(resolver)).toMatchObject({ address: NEW, why: 'only' })
    expect(await one(resolver, { customer_id: 'c-2' })).toMatchObject({ address: OLD, why: 'pinned' })
  })

  test('is no owner of a shared address', async () => {
    const resolver = make({ namespaces: { ...NAMESPACES, email: { priority: 2, hub: 1 } } })
    await resolver.observe([seen('crm', '1', 1, { email: OLD })])
    await resolver.pin(email(OLD))
    expect(await one(resolver, { email: OLD })).toMatchObject({ status: 'resolved', why: 'pinned' })
  })

  test('refuses what is no address, and what joins nobody', async () => {
    const resolver = make()
    const refused = { code: 'OPTION_INVALID', facts: { option: 'pin' } }
    await expect(resolver.pin({ namespace: 'phone', value: '+491701234567' })).rejects.toMatchObject(refused)
    await expect(resolver.pin(email('none'))).rejects.toMatchObject(refused)
  })

  test('G5 G6 [I5] whenever it comes the people are the same, and taken back it leaves no trace', async () => {
    const address = fc.constantFrom('a@x.io', 'b@x.io', 'c@x.io')
    const drawn = fc.tuple(book, fc.uniqueArray(address, { minLength: 1 }), fc.nat({ max: 24 }))
    await fc.assert(
      fc.asyncProperty(drawn, async ([records, pins, after]) => {
        const [early, late, never] = [new MemoryStore(), new MemoryStore(), new MemoryStore()]
        const pinned = resolverOf(early)
        for (const [index, record] of [...records.entries(), [24, undefined] as const]) {
          if (index === Math.min(after, 24)) for (const value of pins) await pinned.pin(email(value))
          if (record !== undefined) await pinned.observe([evidenceOf(record)])
        }
        if (after < 24 && after >= records.length) for (const value of pins) await pinned.pin(email(value))
        await resolverOf(late).observe(records.map(evidenceOf))
        for (const value of pins) await resolverOf(late).pin(email(value))
        await resolverOf(never).observe(records.map(evidenceOf))
        const living = async (store: MemoryStore) =>
          [...(await rows(store, 'profile'))].flatMap(([id, row]) => {
            const { was: _, ...rest } = row as { was?: unknown; to?: string }
            return rest.to === undefined ? [[id, rest] as const] : []
          })
        expect(await living(early)).toEqual(await living(late))
        for (const value of pins) await pinned.unpin(email(value))
        expect(await living(early)).toEqual(await living(never))
        expect(await rows(early, 'identifier')).toEqual(await rows(never, 'identifier'))
        expect(await rows(early, 'evidence')).toEqual(await rows(never, 'evidence'))
      }),
      law,
    )
  })
})

describe('a graph that was made before rows kept times', () => {
  const LINES = readFileSync(join(import.meta.dirname, '../golden/identity/graph-1.jsonl'), 'utf8')
  const namespaces = { ...NAMESPACES, email: { priority: 2, maxIdentifiers: 2 } }

  test('is read and written on, and gets its times when its people change', async () => {
    const store = new MemoryStore()
    await store.commit(
      LINES.trim()
        .split('\n')
        .map((line) => ({ op: 'put', ...JSON.parse(line) })),
    )
    const resolver = make({ store, namespaces })
    const ada = { address: 'ada2@example.com', alternatives: ['ada@example.com'] }
    expect(await one(resolver)).toMatchObject({ ...ada, why: 'recent' })
    expect(await one(resolver)).not.toHaveProperty('since')
    expect(await one(resolver, { customer_id: 'c-4' }, 'prod')).toMatchObject({ why: 'bound' })
    expect(await one(resolver, { customer_id: 'c-2' })).toMatchObject({ reason: { code: 'ADDRESS_CLAIMED' } })
    await resolver.observe([seen('crm', '8', 6, { ...C1, phone: '+491701234500' })])
    expect(await one(resolver)).toMatchObject({ ...ada, since: '2026-01-02T00:00:00.000Z' })
  })
})

describe('the hash of rules', () => {
  test('is what it was before there were rules that these do without', () => {
    const [customer_id, phone] = [{ priority: 1, maxIdentifiers: 1 }, { priority: 3 }]
    expect(compileRules({ namespaces: { customer_id } }).hash).toBe('4e390979ffcb479819491e0bbf77a14a')
    const many = {
      customer_id: { priority: 1, maxIdentifiers: 2, anchor: true, normalise: 'idUpper' },
      email: { priority: 2, maxIdentifiers: 4, hub: 10 },
      phone,
      device: { priority: 4, hub: false },
    } as const
    const rules = {
      namespaces: many,
      blocked: { email: ['shared@example.com', /@test\.example$/], '*': [/^x-/] },
      attributeOnly: ['device'],
      ...{ maxIdentifiersPerProfile: 50, linkPreference: 'earliest' as const, salt: 's' },
      phoneNormalizer: (raw: string) => raw,
    }
    expect(compileRules(rules).hash).toBe('433690a700334a72049a1682f4eecd6b')
  })

  test.each([
    [{ sourcePriority: ['crm'] }],
    [{ sourcePriority: ['web', 'crm'] }],
    [{ sourcePriority: ['crm', 'web'] }],
  ])('is another one with %j', (more) => {
    const before = compileRules({ namespaces: NAMESPACES }).hash
    expect(compileRules({ namespaces: NAMESPACES, ...more }).hash).not.toBe(before)
    expect(compileRules({ namespaces: NAMESPACES, sourcePriority: [] }).hash).toBe(before)
  })
})
