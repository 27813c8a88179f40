import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentityResolver, type IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { Evidence } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { batches, book, cuts, evidenceOf, homesIn, law, prefer, resolverOf, rows, shuffled, VALUES } from './book.js'

const NAMESPACES = {
  customer_id: { priority: 1, maxIdentifiers: 1 },
  email: { priority: 2 },
  phone: { priority: 3 },
} as const

function make(options: Partial<IdentityResolverOptions> = {}): IdentityResolver {
  const where = { store: new MemoryStore(), target: 'email', namespaces: NAMESPACES }
  return new IdentityResolver({ ...where, onTargetClaimed: 'share', ...options })
}
const seen = (source: string, key: string, day: number | null, bag: Record<string, string>): Evidence => ({
  source,
  key,
  observedAt: day === null ? null : `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const one = async (resolver: IdentityResolver, customer_id: string, project?: string) =>
  (await resolver.resolve([{ customer_id }], { project }))[0]
const [HOME, WORK, OWN] = ['home@example.com', 'work@example.com', 'own@example.com'] as const
const HOUSEHOLD = [
  seen('crm', '1', 1, { customer_id: 'ann', email: HOME }),
  seen('crm', '2', 2, { customer_id: 'bob', email: HOME }),
]

describe("onTargetClaimed: 'share'", () => {
  test('writes to two of one household under its one mailbox, and says so', async () => {
    const resolver = make()
    await resolver.observe(HOUSEHOLD)
    const ann = await one(resolver, 'ann')
    expect(ann).toMatchObject({ address: HOME, why: 'shared', alternatives: [], since: '2026-01-01T00:00:00.000Z' })
    const bob = await one(resolver, 'bob')
    expect(bob).toMatchObject({ address: HOME, why: 'only', since: '2026-01-02T00:00:00.000Z' })
    expect(ann).not.toMatchObject({ profileId: (bob as { profileId: string }).profileId })
    expect(await resolver.conflictCount()).toBe(1)
    for await (const conflict of resolver.conflicts()) expect(conflict).not.toHaveProperty('claims')
  })

  test('refuses by default, and is a rule of its own', async () => {
    const refusing = make({ onTargetClaimed: 'refuse' })
    await refusing.observe(HOUSEHOLD)
    expect(await one(refusing, 'ann')).toMatchObject({ reason: { code: 'ADDRESS_CLAIMED' } })
    expect(refusing.rulesHash).toBe(make({ onTargetClaimed: undefined }).rulesHash)
    expect(refusing.rulesHash).not.toBe(make().rulesHash)
    const [conflict] = (await rows(refusing.store, 'conflict')).values()
    expect(conflict).not.toHaveProperty('claims')
  })

  test('gives way to an address of the own, also to one that comes later', async () => {
    const resolver = make()
    await resolver.observe([...HOUSEHOLD, seen('crm', '3', 1, { customer_id: 'ann', email: OWN })])
    expect(await one(resolver, 'ann')).toMatchObject({ address: OWN, why: 'only' })
  })

  test('takes the best of several: by pin, use, source, time, records and bytes', async () => {
    const others = [HOME, WORK].map((email, n) => seen('crm', `o${n}`, 9, { customer_id: `other-${n}`, email }))
    const said = (workDay: number, homeDay: number, source = 'crm') => [
      ...others,
      seen('crm', 'h', homeDay, { customer_id: 'ann', email: HOME }),
      seen(source, 'w', workDay, { customer_id: 'ann', email: WORK }),
    ]
    const best = async (options: Partial<IdentityResolverOptions>, records: readonly Evidence[]) => {
      const resolver = make(options)
      await resolver.observe(records)
      return [resolver, await one(resolver, 'ann')] as const
    }
    expect((await best({}, said(3, 3)))[1]).toMatchObject({ address: HOME, alternatives: [WORK] })
    const twice = seen('crm', 'w2', 3, { customer_id: 'ann', email: WORK })
    expect((await best({}, [...said(3, 3), twice]))[1]).toMatchObject({ address: WORK, alternatives: [HOME] })
    expect((await best({}, [...said(3, 4), twice]))[1]).toMatchObject({ address: HOME })
    const [resolver, bySource] = await best({ sourcePriority: ['erp'] }, said(1, 4, 'erp'))
    expect(bySource).toMatchObject({ address: WORK, why: 'shared' })
    const { profileId } = bySource as { profileId: string }
    await resolver.store.commit(resolver.bind('prod', [{ profileId, address: HOME }]))
    expect(await one(resolver, 'ann', 'prod')).toMatchObject({ address: HOME, why: 'shared' })
    await resolver.pin({ namespace: 'email', value: WORK })
    expect(await one(resolver, 'ann', 'prod')).toMatchObject({ address: WORK, why: 'shared' })
  })

  test('never shares what somebody denied', async () => {
    const resolver = make()
    await resolver.observe(HOUSEHOLD)
    const [ann, bob] = ['ann', 'bob'].map((value) => ({ namespace: 'customer_id', value })) as [never, never]
    await resolver.deny(ann, bob)
    expect(await one(resolver, 'ann')).toMatchObject({ why: 'shared' })
    await resolver.deny(ann, { namespace: 'email', value: HOME })
    expect(await one(resolver, 'ann')).toMatchObject({ reason: { code: 'ADDRESS_CLAIMED' } })
    await resolver.allow(ann, { namespace: 'email', value: HOME })
    expect(await one(resolver, 'ann')).toMatchObject({ why: 'shared' })
  })

  test('moves nobody away from an address that another person has', async () => {
    const resolver = make()
    await resolver.observe([HOUSEHOLD[0] as Evidence])
    const { profileId } = (await one(resolver, 'ann')) as { profileId: string }
    await resolver.store.commit(resolver.bind('prod', [{ profileId, address: HOME }]))
    await resolver.observe(HOUSEHOLD)
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
    await resolver.observe([seen('crm', '1', 3, { customer_id: 'ann', email: OWN })])
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([])
    expect(await one(resolver, 'ann', 'prod')).toMatchObject({ address: OWN, why: 'only' })
    // Nobody else has it any more: the user there is hers.
    await resolver.retract([{ source: 'crm', key: '2' }])
    expect((await resolver.changes({ project: 'prod' })).changes).toEqual([{ profileId, from: HOME, to: OWN }])
  })

  test('G5 [I5] is the same in any order, parts people as before, and reaches no stranger', async () => {
    const drawn = fc.tuple(
      book.chain((records) => fc.tuple(fc.constant(records), shuffled(records))),
      cuts,
      prefer,
    )
    const bags = Object.entries(VALUES).flatMap(([namespace, values]) =>
      values.map((value) => ({ [namespace]: value })),
    )
    await fc.assert(
      fc.asyncProperty(drawn, async ([[records, order], places, preference]) => {
        const [refusing, whole, sliced] = [new MemoryStore(), new MemoryStore(), new MemoryStore()]
        const share = { onTargetClaimed: 'share' } as const
        await resolverOf(refusing, preference).observe(records.map(evidenceOf))
        await resolverOf(whole, preference, share).observe(records.map(evidenceOf))
        for (const batch of batches(order, places)) {
          await resolverOf(sliced, preference, share).observe(batch.map(evidenceOf))
        }
        expect(await rows(whole, 'identifier')).toEqual(await rows(refusing, 'identifier'))
        expect(await rows(whole, 'conflict')).toEqual(await rows(sliced, 'conflict'))
        const answers = await resolverOf(whole, preference, share).resolve(bags)
        expect(await resolverOf(sliced, preference, share).resolve(bags)).toEqual(answers)
        const before = await resolverOf(refusing, preference).resolve(bags)
        const homes = await homesIn(whole)
        for (const [index, answer] of answers.entries()) {
          const { rulesHash: _, ...refused } = before[index] as (typeof before)[number]
          if (answer.status !== 'resolved' || answer.why !== 'shared') {
            expect(answer).toMatchObject(refused)
            continue
          }
          expect(refused).toMatchObject({ reason: { code: 'ADDRESS_CLAIMED' }, profileId: answer.profileId })
          for (const address of [answer.address, ...answer.alternatives]) {
            expect(homes.get(`email=${address}`)).not.toBe(answer.profileId)
            const shown = records.filter(({ ids }) => ids.some((id) => id.join('=') === `email=${address}`))
            const its = shown.flatMap(({ ids }) => ids.map((id) => homes.get(id.join('='))))
            expect(its).toContain(answer.profileId)
          }
        }
      }),
      law,
    )
  })
})
