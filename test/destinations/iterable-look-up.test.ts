import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import { deliver } from '../../src/sync/deliver.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { type Answer, answer, signal, stubbed } from './iterable-stub.js'

const ada = { email: 'ada@example.com' }
const ITEM = { id: 'sku-1', name: 'Shoe', price: 49.5, quantity: 2 }
const purchase = (more: object = {}): Action =>
  ({ kind: 'purchase', identifiers: ada, total: 99, items: [ITEM], ...more }) as Action
const cart = (): Action => ({ kind: 'cart', identifiers: ada, items: [ITEM] }) as Action
const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.code : outcome.status))

describe('a look-up before a purchase or a cart is sent again [I2]', () => {
  const ID = { userId: 'User-1' }
  const said = (code: string, msg: string) => () => answer({ msg, code, params: null }, 400)
  const again = async (action: Action, path: string, ...given: readonly Answer[]) => {
    const stub = stubbed({ projectType: 'userId', createNewFields: true })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([{ ...action, identifiers: ID } as Action]))).requests
    stub.scripted(path, ...given)
    return { stub, outcomes: () => delivery.apply(request as never, signal, true) }
  }
  const LOOKS = [
    [purchase({ id: 'abc-1' }), 'events/byUserId/User-1', 'commerce/trackPurchase'],
    [cart(), 'users/byUserId/User-1', 'commerce/updateCart'],
  ] as const

  const OTHERS: readonly (readonly [string, Answer])[] = [
    ['400 BadParams', said('BadParams', 'limit is out of range')],
    ['400 Success', said('Success', 'error.lists.invalidListId(1)')],
    ['400 GenericError', said('GenericError', 'User does not exist')],
    ['400 BadJsonBody that quotes the request', said('BadJsonBody', 'user does not exist')],
    ['400 without a body', () => new Response('', { status: 400 })],
    ['400 as a page', () => new Response('<html>Bad Request</html>', { status: 400 })],
    ['404 as a page', () => new Response('<html>Action not found</html>', { status: 404 })],
    ['404 NotFound', () => answer({ msg: '', code: 'NotFound', params: null }, 404)],
  ]
  test.each(LOOKS.flatMap((look) => OTHERS.map(([name, given]) => [look[2], name, look, given] as const)))(
    '%s: %s is not the answer that there is nobody [I10]',
    async (_path, _name, [action, path, sends], given) => {
      const { stub, outcomes } = await again(action, path, given)
      await expect(outcomes()).rejects.toMatchObject({ code: 'DESTINATION_ANSWER_UNCLEAR' })
      expect(stub.sent(sends)).toHaveLength(0)
    },
  )

  const NOBODY: readonly (readonly [string, Answer])[] = [
    ['the text of 2017', () => new Response('No user with that id exists!', { status: 400 })],
    ['the name of today', said('BadParams', 'error.users.noUserWithIdExists')],
    ['that name under Success', said('Success', 'error.users.noUserWithIdExists')],
    ['the words for who is deleted', said('BadParams', 'User does not exist. Email:  UserId: User-1')],
    ['the words for who is deleted of 2017', said('BadParams', 'No users with userId User-1 exist')],
    ['the code for an unknown userId', said('UnknownUserIdError', '')],
    ['the code for an unknown email', said('UnknownEmailError', '')],
    ['a userId that is none', said('InvalidUserIdError', '')],
    ['an email that is none', said('InvalidEmailAddressError', 'Invalid email: x')],
    ['who was forgotten', said('ForgottenUserError', '')],
    ['an empty object', () => answer({})],
  ]
  test.each(LOOKS.flatMap((look) => NOBODY.map(([name, given]) => [look[2], name, look, given] as const)))(
    '%s: %s is, and it is sent',
    async (_path, _name, [action, path, sends], given) => {
      const { stub, outcomes } = await again(action, path, given)
      expect(codes(await outcomes())).toEqual(['accepted'])
      expect(stub.sent(sends)).toHaveLength(1)
    },
  )

  test('that says something else is asked again until it says whether the purchase is there, and nothing is lost', async () => {
    const stub = stubbed({ createNewFields: true })
    const odd = said('BadParams', 'x')
    stub.scripted('commerce/trackPurchase', new TypeError('fetch failed'))
    stub.scripted('events/ada%40example.com', odd, odd, answer({ events: [{ eventType: 'purchase', id: 'abc-1' }] }))
    const clock = new VirtualClock()
    expect(codes(await deliver(stub.destination, [purchase({ id: 'abc-1' })], { clock }))).toEqual(['accepted'])
    expect(stub.sent('commerce/trackPurchase')).toHaveLength(1)
  })
})
