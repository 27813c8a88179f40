import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type HistoryEntry, IdentityResolver } from '../../src/identity/resolver.js'
import type { Evidence, Identifier } from '../../src/model/identifier.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { at, evidenceOf, ids, law, resolverOf, stateOf } from './book.js'

const make = () =>
  new IdentityResolver({
    store: new MemoryStore(),
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1 },
      email: { priority: 3, maxIdentifiers: 1 },
      phone: { priority: 4, hub: 1 },
    },
  })
const seen = (key: string, day: number, bag: Record<string, string>): Evidence => ({
  source: 'crm',
  key,
  observedAt: `2026-01-0${day}T00:00:00Z`,
  ids: Object.entries(bag).map(([namespace, value]) => ({ namespace, value })),
})
const ANN = { namespace: 'email', value: 'ann@example.com' }
const C1 = { namespace: 'customer_id', value: 'c-1' }
const PHONE = { namespace: 'phone', value: '+4917000000001' }
async function history(resolver: IdentityResolver, of: Identifier): Promise<HistoryEntry[]> {
  const found: HistoryEntry[] = []
  for await (const entry of resolver.history(of)) found.push(entry)
  return found
}
const words = async (resolver: IdentityResolver, of: Identifier) =>
  (await history(resolver, of)).map(({ what }) => what)

describe('history()', () => {
  test('has nothing of what was seen for the first time, is unknown, or joins nobody', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: ANN.value })])
    for (const one of [ANN, C1, PHONE, { ...ANN, value: 'none' }]) expect(await history(resolver, one)).toEqual([])
  })

  test('tells of a merge and its end, with what was said by hand', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1' }), seen('2', 2, { email: ANN.value })])
    const [a, b] = [(await resolver.profile(C1))?.profileId, (await resolver.profile(ANN))?.profileId]
    await resolver.merge(C1, ANN)
    await resolver.unmerge(C1, ANN)
    const records = [{ source: 'by hand', key: 'merge', byHand: true }]
    const told = await history(resolver, { ...ANN, value: 'Ann@EXAMPLE.com' })
    expect(told).toMatchObject([
      { what: 'merged', from: b, to: a, records },
      { what: 'split', from: a, to: b, records },
    ])
    expect(told[0]?.sequence).toBeLessThan(told[1]?.sequence as number)
    expect(await history(resolver, C1)).toEqual([])
  })

  test('tells of a mailbox that went to another person, and names the record', async () => {
    const resolver = make()
    await resolver.observe([
      seen('1', 1, { customer_id: 'c-1', email: ANN.value }),
      seen('2', 1, { customer_id: 'c-2' }),
    ])
    const from = (await resolver.profile(ANN))?.profileId
    await resolver.observe([seen('3', 3, { customer_id: 'c-2', email: ANN.value })])
    const to = (await resolver.profile(ANN))?.profileId
    expect(await history(resolver, ANN)).toMatchObject([
      { what: 'moved', from, to, records: [{ source: 'crm', key: '3' }] },
    ])
  })

  test('tells of the quarantine, of retiring, and of leaving', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 1, { customer_id: 'c-1', email: ANN.value, phone: PHONE.value })])
    await resolver.observe([seen('2', 2, { customer_id: 'c-2', phone: PHONE.value })])
    await resolver.observe([seen('3', 3, { customer_id: 'c-1', email: 'new@example.com' })])
    await resolver.retract([{ source: 'crm', key: '2' }])
    await resolver.retract([{ source: 'crm', key: '3' }])
    await resolver.block(PHONE)
    await resolver.retract([{ source: 'crm', key: '1' }])
    expect(await words(resolver, PHONE)).toEqual(['quarantined', 'released', 'quarantined'])
    expect(await words(resolver, ANN)).toEqual(['retired', 'unretired', 'left'])
    expect(await words(resolver, C1)).toEqual(['left'])
  })

  test('calls a profile that only got another id moved, and names five records', async () => {
    const resolver = make()
    await resolver.observe([seen('1', 5, { customer_id: 'c-1' })])
    await resolver.observe(
      Array.from({ length: 9 }, (_, n) => seen(`x${n}`, 4, { customer_id: 'c-1', email: ANN.value })),
    )
    expect(await history(resolver, C1)).toEqual([]) // the stronger of two that are equally old names it
    await resolver.observe([seen('older', 1, { email: ANN.value })])
    expect(await words(resolver, C1)).toEqual(['moved'])
    await resolver.retract(Array.from({ length: 9 }, (_, n) => ({ source: 'crm', key: `x${n}` })))
    const last = (await history(resolver, C1)).at(-1)
    expect(last).toMatchObject({ what: 'split', records: ['x0', 'x1', 'x2', 'x3', 'x4'].map((key) => ({ key })) })
  })

  test('of any evidence has one row for each known identifier that changed its place, and no other', async () => {
    const step = fc.record({ key: fc.nat({ max: 9 }), at, ids })
    const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(batches, async (list) => {
        const store = new MemoryStore()
        const resolver = resolverOf(store)
        const placesNow = async () => {
          const { homes, profiles } = await stateOf(store)
          return new Map(
            Object.entries(homes).map(([id, home]) => [
              id,
              { home, retired: home !== null && !profiles[home]?.includes(id) },
            ]),
          )
        }
        const rowsOf = async (id: string) => {
          const [namespace, value] = id.split('=') as [string, string]
          return history(resolver, { namespace, value })
        }
        let before = await placesNow()
        const counts = new Map<string, number>()
        for (const batch of list) {
          await resolver.observe(batch.map((one) => evidenceOf({ key: `r${one.key}`, at: one.at, ids: one.ids })))
          const after = await placesNow()
          for (const id of new Set([...before.keys(), ...after.keys()])) {
            const told = await rowsOf(id)
            const [was, is] = [before.get(id), after.get(id)]
            const changed = was !== undefined && (was.home !== is?.home || was.retired !== is?.retired)
            expect(told.length - (counts.get(id) ?? 0)).toBe(changed ? 1 : 0)
            counts.set(id, told.length)
            if (!changed) continue
            expect(told.at(-1)?.from).toBe(was.home ?? undefined)
            expect(told.at(-1)?.to).toBe(is?.home ?? undefined)
          }
          before = after
        }
      }),
      law,
    )
  })
})
