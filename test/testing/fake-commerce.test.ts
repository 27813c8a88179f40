import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, B, project, user } from './fake-project.js'

const ITEM = { id: 'i-1', name: 'Tea', price: 2.5, quantity: 2 }

/** A project, and short ways to buy and to fill a cart. */
function shop(options: Partial<FakeIterableOptions> = {}) {
  const made = project(options)
  const buy = (more: object = {}) =>
    made.post('commerce/trackPurchase', { user: { email: A }, items: [ITEM], total: 5, ...more })
  const cart = (items: object[], who: object = { email: A }) => made.post('commerce/updateCart', { user: who, items })
  return { ...made, buy, cart }
}

describe('purchases', () => {
  test('[source SW] write the profile, create who is unknown, and stand in the ledger', async () => {
    const { buy, ledger } = shop({ now: () => 7_900 })
    expect((await buy({ user: user(A, { tier: 'gold' }), id: 'p-1', dataFields: { channel: 'web' } })).status).toBe(200)
    expect(ledger.user(A)?.dataFields).toEqual({ tier: 'gold' })
    const stored = { id: 'p-1', address: A, items: [ITEM], total: 5, createdAt: 7, dataFields: { channel: 'web' } }
    expect(ledger.purchases).toEqual([stored])
    expect(ledger.entries.map(({ kind, seqOfAddress }) => [kind, seqOfAddress])).toEqual([
      ['profile', 1],
      ['purchase', 2],
    ])
  })

  test('[source SW] the same id is the same purchase; without an id each is one of its own', async () => {
    const { buy, ledger } = shop()
    await buy({ id: 'p-1', createdAt: 1, dataFields: { a: 1 } })
    await buy({ id: 'p-1', total: 9, items: [], dataFields: { b: 1 } })
    expect(ledger.purchases).toMatchObject([{ id: 'p-1', total: 9, items: [], createdAt: 1, dataFields: { b: 1 } }])
    await buy()
    await buy()
    expect(ledger.purchases).toHaveLength(3)
  })

  test('[unsure] purchasesAmongEvents: they are not among the events of a person, or they are', async () => {
    const shown = async (purchasesAmongEvents: boolean) => {
      const { buy, get } = shop({ unsure: { purchasesAmongEvents } })
      await buy({ id: 'p-1', createdAt: 7 })
      return (await get(`events/${A}`)).json.events
    }
    expect(await shown(false)).toEqual([])
    expect(await shown(true)).toMatchObject([{ email: A, eventType: 'purchase', id: 'p-1', total: 5 }])
  })

  test('[unsure] eventUpsert: the fields of a known purchase are replaced, or merged', async () => {
    const { buy, ledger } = shop({ unsure: { eventUpsert: 'merge' } })
    await buy({ id: 'p-1', dataFields: { a: 1 } })
    await buy({ id: 'p-1', dataFields: { b: 1 } })
    expect(ledger.purchases[0]?.dataFields).toEqual({ a: 1, b: 1 })
  })

  test('[unsure] eventIdOther, createdAtMs: hold for purchases as for events', async () => {
    const { buy, ledger } = shop()
    expect((await buy({ id: 'p_1' })).status).toBe(400)
    expect((await buy({ createdAt: 1_700_000_000_000 })).status).toBe(400)
    expect(ledger.entries).toEqual([])
    const kind = shop({ unsure: { eventIdOther: 'accepted', createdAtMs: 'accepted' } })
    expect((await kind.buy({ id: 'p_1', createdAt: 1_700_000_000_000 })).status).toBe(200)
  })

  test('[source HC-360046134891] the total is taken as it is, and nothing is summed', async () => {
    const { buy, ledger } = shop()
    await buy({ total: 1_000.0 })
    expect(ledger.purchases[0]?.total).toBe(1_000)
  })

  test('[source SW] items and user are held to their types, by path', async () => {
    const { buy, ledger } = shop()
    const items = [{ ...ITEM, quantity: '2', price: '1' }, { id: 'i', categories: [1] }, 'x']
    expect((await buy({ items, user: { email: 5 } })).json.params).toEqual({
      'obj.items[0].quantity': 'Number value expected',
      'obj.items[0].price': 'Number value expected',
      'obj.items[1].name': 'Required field missing',
      'obj.items[1].price': 'Required field missing',
      'obj.items[1].quantity': 'Required field missing',
      'obj.items[1].categories': 'Array value expected',
      'obj.items[2]': 'Object value expected',
      'obj.user.email': 'String value expected',
    })
    expect((await buy({ items: [{ ...ITEM, quantity: 1.5 }] })).status).toBe(400) // derived
    expect((await buy({ user: undefined })).json.params).toEqual({ 'obj.user': 'Required field missing' })
    expect((await buy({ user: 'x' })).json.params).toEqual({ 'obj.user': 'Object value expected' })
    expect(ledger.entries).toEqual([])
  })

  test('[source HC-29156459027348] an unknown userId alone fails in an email project, unless it is preferred', async () => {
    const { buy, ledger } = shop()
    expect(await buy({ user: { userId: 'u' } })).toMatchObject({ status: 400, json: { code: 'UnknownUserIdError' } })
    expect(ledger.purchases).toEqual([])
    expect((await buy({ user: { userId: 'u', preferUserId: true } })).status).toBe(200)
    expect(ledger.users()[0]?.email).toMatch(/^u\+\d+@placeholder\.email$/)
  })

  test.each([400, 409] as const)('[source AE] forgottenStatus: somebody who was forgotten gets %d', async (status) => {
    const { buy, cart, ledger } = shop({ forgotten: [A], unsure: { forgottenStatus: status } })
    expect(await buy()).toMatchObject({ status, json: { code: 'ForgottenUserError' } })
    expect(await cart([])).toMatchObject({ status, json: { code: 'ForgottenUserError' } })
    expect(ledger.users()).toEqual([])
  })

  test('[reference 4.2] all purchases share one schema, apart from that of users', async () => {
    const { buy, ledger } = shop({ fields: { n: 'string' } })
    await buy({ dataFields: { n: 1 } })
    const { status, json } = await buy({ dataFields: { n: 'text' }, user: user(B, { fresh: 1 }) })
    expect([status, json.code]).toEqual([400, 'RequestFieldsTypesMismatched'])
    expect((await buy({ user: user(A, { n: 5 }) })).json.code).toBe('RequestFieldsTypesMismatched')
    expect([ledger.purchases.length, ledger.user(B)]).toEqual([1, undefined])
  })

  test('[source SW] move along with an address', async () => {
    const { buy, post, ledger } = shop()
    await buy()
    await post('users/updateEmail', { currentEmail: A, newEmail: B })
    expect(ledger.purchases.map(({ address }) => address)).toEqual([B])
  })
})

describe('carts', () => {
  test('[source SW] are replaced, and emptied by a purchase', async () => {
    const { buy, cart, get, ledger } = shop()
    await cart([ITEM, { ...ITEM, id: 'i-2' }])
    await cart([ITEM])
    const read = async () => (await get(`users/${A}`)).json.user.dataFields.shoppingCartItems
    expect(await read()).toEqual([ITEM])
    await buy()
    expect(await read()).toEqual([]) // invented: the field could be gone
    expect(ledger.entries.map(({ kind }) => kind)).toEqual([
      'profile',
      'cart',
      'profile',
      'cart',
      'profile',
      'purchase',
    ])
  })

  test('[source SW] a purchase makes no cart where there was none', async () => {
    const { buy, ledger } = shop()
    await buy()
    expect(ledger.user(A)?.dataFields).toEqual({})
  })

  test('[source SW] by userId', async () => {
    const { cart, ledger } = shop({ projectType: 'userId' })
    await cart([ITEM], { userId: 'u' })
    expect(ledger.user('u')?.dataFields).toEqual({ shoppingCartItems: [ITEM] })
  })
})
