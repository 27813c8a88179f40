import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/model/action.js'
import { actionBlock } from '../../src/model/action-block.js'
import type { Outcome } from '../../src/model/outcome.js'
import { type Answer, answer, bulk, signal, stubbed } from './iterable-stub.js'

const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ('reason' in outcome ? outcome.reason.code : outcome.status))

describe('a change of email in a hybrid project [I2]', () => {
  const [FROM, TO] = ['old@example.com', 'new@example.com']
  const change: Action = { kind: 'addressChange', identifiers: {}, from: FROM, to: TO }
  /** Who is there changes with each look: before it is sent, and after what was answered. */
  const start = async (...looks: readonly (readonly string[])[]) => {
    const stub = stubbed({ projectType: 'hybrid', addressBy: 'email' })
    const delivery = await stub.destination.open(signal)
    const [request] = (await delivery.prepare(actionBlock([change]))).requests
    for (const there of looks) {
      const look = ({ json }: { json: unknown }) =>
        answer(there.includes((json as { email: string }).email) ? { user: { email: 'x' } } : {})
      stub.scripted('users/getByEmail', look, look)
    }
    const apply = (again = false) => delivery.apply(request as never, signal, again)
    return { stub, apply, sent: () => stub.sent('users/bulkUpdate').length }
  }
  const failed = (list: string, email: string) => () => bulk(0, 1, { failedUpdates: { [list]: [email] } })
  const whole = (status: number, code: string) => () => answer({ msg: '', code, params: null }, status)

  test('is sent where the former email alone is there', async () => {
    const { stub, apply, sent } = await start([FROM])
    expect(codes(await apply())).toEqual(['accepted'])
    expect(sent()).toBe(1)
    expect(stub.sent('users/getByEmail').map(({ json }) => (json as never as { email: string }).email)).toEqual([
      FROM,
      TO,
    ])
    expect(stub.sent('users/updateEmail')).toHaveLength(0)
  })

  test.each([
    [[TO], 'accepted'],
    [[FROM, TO], 'USER_CONFLICT'],
    [[], 'USER_UNKNOWN'],
  ])('is not sent while %j are there, since it would make whom it does not know: %s', async (there, code) => {
    const { apply, sent } = await start(there)
    expect(codes(await apply())).toEqual([code])
    expect(sent()).toBe(0)
  })

  test.each<[string, Answer, readonly string[], string]>([
    ['the new email is somebody else’s', failed('conflictEmails', 'New@Example.com'), [FROM, TO], 'USER_CONFLICT'],
    ['it is, and reads do not show it yet', failed('conflictEmails', TO), [FROM], 'USER_CONFLICT'],
    ['it is, in an answer of old without lists', bulk(0, 1, { failedUpdates: undefined }), [FROM, TO], 'USER_CONFLICT'],
    ['it is, by the whole answer', whole(409, 'EmailAlreadyExists'), [FROM, TO], 'USER_CONFLICT'],
    ['it is the former attempt’s', failed('conflictEmails', TO), [TO], 'accepted'],
    ['the former email is gone since', failed('notFoundEmails', FROM), [], 'USER_UNKNOWN'],
    ['the new one was forgotten', failed('forgottenEmails', TO), [FROM], 'USER_FORGOTTEN'],
    ['the new one was forgotten, by the whole answer', whole(400, 'ForgottenUserError'), [FROM], 'USER_FORGOTTEN'],
    ['the new one is none', failed('invalidEmails', TO), [FROM], 'EMAIL_INVALID'],
    ['the new one is none, by the whole answer', whole(400, 'InvalidEmailAddressError'), [FROM], 'EMAIL_INVALID'],
    ['its data are bad', failed('invalidDataEmails', FROM), [FROM], 'DATA_INVALID'],
    ['nobody says why', bulk(0, 1), [FROM], 'ROW_FAILED_UNNAMED'],
    ['nobody says why, though it was done', bulk(0, 1), [TO], 'accepted'],
    ['the email was left out', bulk(1, 0, { filteredOutFields: ['email'] }), [FROM], 'FIELD_NOT_ALLOWED'],
    ['nothing was to be changed, since it was done', bulk(0, 0, { noOpEmails: [FROM] }), [TO], 'accepted'],
  ])('refused because %s', async (_, given, after, code) => {
    const { stub, apply } = await start([FROM], after)
    stub.scripted('users/bulkUpdate', given)
    expect(codes(await apply())).toEqual([code])
    expect(stub.sent('users/getByEmail')).toHaveLength(code === 'USER_FORGOTTEN' ? 2 : 4)
  })

  test.each<[string, Answer, string]>([
    [
      'nothing was to be changed, and it was not done',
      bulk(0, 0, { noOpEmails: [FROM] }),
      'DESTINATION_ANSWER_UNCLEAR',
    ],
    ['counts of no row', bulk(0, 0), 'DESTINATION_ANSWER_UNCLEAR'],
    ['no counts', answer({ msg: '', code: 'Success' }), 'DESTINATION_ANSWER_UNCLEAR'],
    ['400 BadParams', whole(400, 'BadParams'), 'REQUEST_REFUSED'],
    ['400 GenericError', whole(400, 'GenericError'), 'DESTINATION_ANSWER_UNCLEAR'],
    ['500', whole(500, 'GenericError'), 'DESTINATION_ANSWER_UNCLEAR'],
  ])('is neither done nor failed by %s [I10]', async (_, given, code) => {
    const { stub, apply } = await start([FROM], [FROM])
    stub.scripted('users/bulkUpdate', given)
    await expect(apply()).rejects.toMatchObject({ code })
  })

  test.each([
    [[TO], 1],
    [[FROM], 2],
  ])('after a lost answer it is looked up before it is repeated, with %j there', async (there, calls) => {
    const { stub, apply, sent } = await start([FROM], there)
    stub.scripted('users/bulkUpdate', new TypeError('fetch failed'))
    await expect(apply()).rejects.toMatchObject({ remedy: 'retry' })
    expect(codes(await apply(true))).toEqual(['accepted'])
    expect(sent()).toBe(calls)
  })

  test.each<[string, Answer]>([
    ['a conflict', failed('conflictEmails', TO)],
    ['an unknown former email', failed('notFoundEmails', FROM)],
    ['no reason', bulk(0, 1)],
    ['the whole answer', whole(409, 'EmailAlreadyExists')],
  ])(
    'a repeat that is refused by %s while reads show no move may follow its own first attempt: unclear [I10]',
    async (_, given) => {
      const { stub, apply } = await start([FROM], [FROM])
      stub.scripted('users/bulkUpdate', given)
      await expect(apply(true)).rejects.toMatchObject({ code: 'DESTINATION_ANSWER_UNCLEAR' })
    },
  )

  test('a repeat that is refused for another reason is refused', async () => {
    const { stub, apply } = await start([FROM], [FROM])
    stub.scripted('users/bulkUpdate', failed('invalidEmails', TO))
    expect(codes(await apply(true))).toEqual(['EMAIL_INVALID'])
  })

  test('a look-up that says something else stops it before it is sent [I10]', async () => {
    const { stub, apply, sent } = await start()
    stub.scripted('users/getByEmail', whole(400, 'BadParams'))
    await expect(apply()).rejects.toMatchObject({ code: 'DESTINATION_ANSWER_UNCLEAR' })
    expect(sent()).toBe(0)
  })
})
