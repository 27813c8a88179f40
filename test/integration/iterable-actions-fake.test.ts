import { FAULTS, type FaultKind } from 'lakeloop/testing'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { conformance } from '../../src/testing/declare.js'
import type { DestinationSetup } from '../../src/testing/destination-case.js'
import { destinationConformance } from '../../src/testing/destination-conformance.js'
import { profile } from '../destinations/iterable-stub.js'
import { codes, stand } from './iterable-stand.js'

const ITEM = { id: 'sku-1', name: 'Shoe', price: 49.5, quantity: 2 }
const email = (n: number) => `person-${n}@example.com`
type Make = (n: number, value?: number) => Action
const KINDS: Readonly<Record<string, Make>> = {
  purchase: (n, value = n) => ({
    kind: 'purchase',
    identifiers: { email: email(n) },
    id: `order-${n}`,
    total: value,
    items: [ITEM],
    createdAt: 1_700_000_000,
  }),
  cart: (n, value = n) => ({
    kind: 'cart',
    identifiers: { email: email(n) },
    items: [{ ...ITEM, quantity: value + 1 }],
  }),
  catalogItem: (n, value = n) => ({
    kind: 'catalogItem',
    identifiers: {},
    catalog: 'shoes',
    item: `sku-${n}`,
    dataFields: { stock: value },
  }),
  subscription: (n, value = n) => ({
    kind: 'subscription',
    identifiers: { email: email(n) },
    unsubscribedChannelIds: [value + 1],
  }),
  delete: (n) => ({ kind: 'delete', identifiers: { email: email(n) } }),
  forget: (n) => ({ kind: 'forget', identifiers: { email: email(n) } }),
}
const SENT_TO: Readonly<Record<string, string>> = {
  purchase: 'commerce/trackPurchase',
  cart: 'commerce/updateCart',
  catalogItem: 'catalogs/items/upload',
  subscription: 'users/bulkUpdateSubscriptions',
  delete: 'users/delete',
  forget: 'users/forget',
}

/** Twenty people and a catalog. */
async function populated(unsure = {}) {
  const held = await stand({ catalogs: ['shoes'], unsure }, { sizeMax: 8 })
  await held.send(Array.from({ length: 20 }, (_, n) => profile(email(n))))
  const { ledger } = held.fake
  const state = () =>
    JSON.parse(
      JSON.stringify([
        ledger.users(),
        ledger.purchases,
        [...(ledger.catalogs.get('shoes')?.items ?? [])],
        ledger.people.size,
      ]),
    )
  return { ...held, state }
}

describe.each(Object.keys(KINDS))('IterableDestination on the strict fake with %ss', (kind) => {
  const make = async (): Promise<DestinationSetup> => {
    const { destination, fake, state } = await populated()
    return { destination, action: KINDS[kind] as Make, state, revoke: () => fake.revoke() }
  }
  conformance({ test }, destinationConformance, make)
})

/** What the ledger calls them. */
const NOTED: Readonly<Record<string, string>> = { catalogItem: 'item', subscription: 'subscriptions' }
/** Those that are looked up before they are repeated, or that nothing is left of to repeat. */
const ONCE = new Set(['purchase', 'cart', 'delete'])
const BULK = new Set(['catalogItem', 'subscription'])
const PASSING = FAULTS.filter(
  (kind) => !['unauthorized', 'redirect', 'failed rows', 'stalled body', 'no answer', 'wrong counts'].includes(kind),
)
const cases = Object.keys(KINDS).flatMap((kind) =>
  PASSING.filter((fault) => {
    if (fault === 'too large') return BULK.has(kind) // what is sent alone cannot be made smaller
    return kind !== 'forget' || !fault.startsWith('throttle')
  }).map((fault) => [kind, fault] as const),
)

describe('faults [I2] [I10]', () => {
  test.each(cases)('%s meets %s: it is applied, and once', async (kind, fault: FaultKind) => {
    const { fake, send } = await populated({ purchasesAmongEvents: true })
    const endpoint = SENT_TO[kind] as string
    fake.faults.next(endpoint, fault)
    const from = fake.ledger.entries.length
    expect(codes(await send([(KINDS[kind] as Make)(1), (KINDS[kind] as Make)(2)]))).toEqual(['accepted', 'accepted'])
    expect(fake.faults.hits[fault]).toBe(1)
    const entries = fake.ledger.entries.slice(from).filter((entry) => entry.kind === (NOTED[kind] ?? kind))
    const applied = entries.map(({ address }) => address)
    if (ONCE.has(kind)) expect(applied.sort()).toEqual([...new Set(applied)])
    expect(new Set(applied).size).toBe(2)
  })

  test.each(['purchase', 'cart', 'delete', 'forget'])(
    '%s meets too large: it cannot be made smaller, is refused and not applied',
    async (kind) => {
      const { fake, send } = await populated()
      fake.faults.next(SENT_TO[kind] as string, 'too large')
      const from = fake.ledger.entries.length
      expect(codes(await send([(KINDS[kind] as Make)(1)]))).toEqual(['ROW_TOO_LARGE'])
      expect(fake.ledger.entries.slice(from)).toEqual([])
    },
  )

  test('a purchase that cannot be looked up is sent again, and overwrites itself', async () => {
    const { fake, send } = await populated({ purchasesAmongEvents: false })
    fake.faults.next('commerce/trackPurchase', 'reset after apply')
    expect(codes(await send([(KINDS.purchase as Make)(1)]))).toEqual(['accepted'])
    expect(fake.ledger.purchases).toHaveLength(1)
    expect(fake.ledger.entries.filter(({ kind }) => kind === 'purchase')).toHaveLength(2)
  })
})
