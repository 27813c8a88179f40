import { describe, expect, test } from 'vitest'
import { A, B, project, user } from './fake-project.js'

describe('users/bulkUpdate', () => {
  test('[source HC-209082806] addresses are stored in lower case, and failure lists echo them so', async () => {
    const { bulk, ledger } = project({ forgotten: ['gone@example.com'] })
    const { json } = await bulk([user('Ada@Example.com', { a: 1 }), user('NONE'), user('GONE@example.com')])
    expect(json).toMatchObject({
      successCount: 1,
      failCount: 2,
      invalidEmails: ['none'],
      failedUpdates: { invalidEmails: ['none'], forgottenEmails: ['gone@example.com'] },
    })
    expect(ledger.users()).toEqual([{ email: 'ada@example.com', dataFields: { a: 1 } }])
  })

  test('[source VCR] a row without identifiers refuses all', async () => {
    const { bulk, ledger } = project()
    expect(await bulk([user(A), { dataFields: {} }])).toMatchObject({
      status: 400,
      json: { code: 'BadParams', msg: 'Either email or userId must be set' },
    })
    expect(ledger.users()).toEqual([])
  })

  test.each([
    ['plain', false],
    ['a@b', false],
    ['a b@example.com', false],
    ['.a@example.com', false],
    ['a.@example.com', false],
    ['a..b@example.com', false],
    ['a@-example.com', false],
    ['a@example.c', false],
    [`${'a'.repeat(65)}@example.com`, false],
    [`${'a'.repeat(64)}@example.com`, true],
    ["o'neil+tag@sub.example.co", true],
    ['', false],
    ['a@example.invalid', false], // no top-level domain; [source RFC 2606] which are none
    ['a@host.local', false],
    ['a@xn--bcher-kva.com', true],
  ])('[source HC-209082806] the address %j is taken: %s', async (email, taken) => {
    expect((await project().bulk([user(email)])).json.successCount).toBe(taken ? 1 : 0)
  })

  test('[source GR] null removes a field; nested objects replace, or merge at every depth; an absent field is untouched', async () => {
    const { bulk, ledger } = project()
    await bulk([user(A, { top: 1, other: 1, deep: { a: 1, b: { c: 1, d: 2 } } })])
    await bulk([{ ...user(A, { top: null, deep: { b: { c: null } } }), mergeNestedObjects: true }])
    expect(ledger.user(A)?.dataFields).toEqual({ other: 1, deep: { a: 1, b: { d: 2 } } })
    await bulk([user(A, { deep: { x: 1 } })])
    expect(ledger.user(A)?.dataFields).toEqual({ other: 1, deep: { x: 1 } })
  })

  test('[unsure] otherEmails: other scripts and quoted parts are refused, or taken', async () => {
    const odd = ['j\u00f6rg@example.com', 'a@b\u00fccher.com', '"a b"@example.com', '"ab"@example.com']
    const never = ['a b@example.com', 'a@b@example.com', 'j\u00f6rg@example.invalid']
    const taken = async (otherEmails: 'refused' | 'accepted') => {
      const { bulk, ledger } = project({ unsure: { otherEmails } })
      await bulk([...odd, ...never].map((email) => user(email)))
      return ledger.users().map(({ email }) => email)
    }
    expect(await taken('refused')).toEqual([])
    expect(await taken('accepted')).toEqual([odd[0], odd[1], odd[3]])
  })

  test('[unsure] nullInside: of an object that replaces, it is dropped, or kept', async () => {
    const stored = async (nullInside: 'dropped' | 'kept') => {
      const { bulk, ledger } = project({ unsure: { nullInside } })
      await bulk([user(A, { deep: { a: null, b: 1 }, gone: null })])
      await bulk([{ ...user(A, { deep: { b: null } }), mergeNestedObjects: true }])
      return ledger.user(A)?.dataFields
    }
    expect(await stored('dropped')).toEqual({ deep: {} })
    expect(await stored('kept')).toEqual({ deep: { a: null } })
  })

  test('[unsure] emptyText: is stored as it is, or passed over', async () => {
    const stored = async (emptyText: 'stored' | 'dropped') => {
      const { bulk, ledger } = project({ unsure: { emptyText } })
      await bulk([user(A, { city: 'Ulm' })])
      await bulk([user(A, { city: '', zip: '' })])
      return ledger.user(A)?.dataFields
    }
    expect(await stored('stored')).toEqual({ city: '', zip: '' })
    expect(await stored('dropped')).toEqual({ city: 'Ulm' })
  })

  test('[source SW] null in subscription fields leaves them alone', async () => {
    const { bulk, ledger } = project()
    await bulk([user(A, { unsubscribedChannelIds: [7] })])
    await bulk([user(A, { unsubscribedChannelIds: null })])
    expect(ledger.user(A)?.dataFields).toEqual({ unsubscribedChannelIds: [7] })
  })

  test('[source SW] emailListIds replaces the memberships, and is no subscribe event', async () => {
    const { bulk, ledger, get } = project({ lists: ['one', 'two', { name: 'rule', type: 'Dynamic' }] })
    await bulk([user(A, { emailListIds: [1_001, 1_003] })])
    await bulk([user(A, { emailListIds: [1_002] })])
    expect([ledger.members('one'), ledger.members('two'), ledger.members('rule')]).toEqual([[], [A], []])
    expect(ledger.entries.map(({ kind }) => kind)).toEqual(['profile', 'profile'])
    expect((await get(`users/${A}`)).json.user.dataFields.emailListIds).toEqual([1_002])
  })

  test('[source SW] the same request may hold somebody twice; [unsure] rowsOfOne: the last wins, or the first', async () => {
    const stored = async (rowsOfOne: 'last' | 'first') => {
      const { bulk, ledger } = project({ unsure: { rowsOfOne } })
      expect((await bulk([user(A, { n: 1 }), user(A.toUpperCase(), { n: 2 })])).json.successCount).toBe(2)
      return ledger.users()
    }
    expect(await stored('last')).toEqual([{ email: A, dataFields: { n: 2 } }])
    expect(await stored('first')).toEqual([{ email: A, dataFields: { n: 1 } }])
  })

  test('[unsure] longValue: over 32,000 characters [source HC-208183076] its row is in invalidData, or stored', async () => {
    const rows = [user(A, { x: 'x'.repeat(32_000) }), user(B, { x: 'x'.repeat(32_001) })]
    const { json } = await project().bulk(rows)
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { invalidDataEmails: [B] } })
    const kept = project({ unsure: { longValue: 'accepted' } })
    expect((await kept.bulk(rows)).json.successCount).toBe(2)
    const byId = project({ projectType: 'userId' })
    const answer = await byId.bulk([{ userId: 'u', dataFields: { x: { y: 'x'.repeat(32_001) } } }])
    expect(answer.json.failedUpdates.invalidDataUserIds).toEqual(['u'])
  })

  test('[unsure] bulkShape: in 2022 [source VCR] only two lists were named, so that other failures have no name', async () => {
    const { bulk } = project({ unsure: { bulkShape: '2022' }, forgotten: ['gone@example.com'] })
    expect((await bulk([user('gone@example.com'), user('none')])).json).toEqual({
      successCount: 0,
      failCount: 2,
      invalidEmails: ['none'],
      invalidUserIds: [],
    })
  })

  test('[unsure] updateOnly: ignored, or nobody is made [source SEG]', async () => {
    const send = async (updateOnly: 'ignored' | 'honoured', projectType: 'email' | 'userId', row: object) => {
      const { bulk, ledger } = project({ projectType, unsure: { updateOnly } })
      const { json } = await bulk([row], { updateOnly: true })
      return [json.successCount, json.failCount, json.noOpEmails, json.noOpUserIds, ledger.users().length]
    }
    expect(await send('ignored', 'email', user(A))).toEqual([1, 0, [], [], 1])
    expect(await send('honoured', 'email', user(A))).toEqual([0, 0, [A], [], 0])
    expect(await send('honoured', 'userId', { userId: 'u' })).toEqual([0, 0, [], ['u'], 0])
  })
})

describe('users/update', () => {
  test.each([
    ['InvalidEmailAddressError', { email: 'none' }],
    ['InvalidUserIdError', { userId: 'ü' }],
    ['UnknownUserIdError', { userId: 'nobody' }],
    ['BadParams', {}],
    ['BadParams', user(A, { x: 'x'.repeat(32_001) })],
  ])('[source SW] refuses with %s: %#', async (code, body) => {
    const { post, ledger } = project()
    expect(await post('users/update', body)).toMatchObject({ status: 400, json: { code } })
    expect(ledger.users()).toEqual([])
  })

  test('[unsure] forgottenStatus: 400 or 409 [source AE]', async () => {
    for (const forgottenStatus of [400, 409] as const) {
      const { post } = project({ forgotten: [A], unsure: { forgottenStatus } })
      const answer = { status: forgottenStatus, json: { code: 'ForgottenUserError' } }
      expect(await post('users/update', { email: A })).toMatchObject(answer)
      expect(await post('users/updateEmail', { currentEmail: B, newEmail: A })).toMatchObject(answer)
    }
  })

  test('[source SW] a taken identifier is a conflict', async () => {
    const { bulk, post } = project({ projectType: 'hybrid' })
    await bulk([{ userId: 'u', email: A }, { userId: 'v' }])
    const taken = await post('users/update', { userId: 'v', dataFields: { email: A } })
    expect(taken).toMatchObject({ status: 409, json: { code: 'EmailAlreadyExists' } })
  })
})

describe('reading', () => {
  test('[source VCR; derived for reads] a malformed address is 400, and not {}', async () => {
    const { get } = project()
    for (const path of ['users/foo%40', 'users/getByEmail?email=foo%40', 'users/getByEmail'])
      expect(await get(path)).toMatchObject({ status: 400, json: { code: 'InvalidEmailAddressError' } })
  })

  test('[source GR] an unknown address is {}, [source GO] an unknown userId is 400', async () => {
    const { get } = project()
    expect(await get('users/getByEmail?email=a%40example.com')).toMatchObject({ status: 200, body: '{}' })
    expect(await get('users/byUserId/u-1')).toMatchObject({
      status: 400,
      json: { msg: 'error.users.noUserWithIdExists' },
    })
  })

  test('[source GR] date-times are read back in one form, bare days unchanged', async () => {
    const { bulk, get } = project({ now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) })
    const dataFields = { when: '2026-01-31T10:00:00.999+02:00', day: '2026-01-31', in: [{ at: '2026-01-31 10:00:00' }] }
    await bulk([{ email: A, userId: 'u/1', dataFields }])
    const { json } = await get('users/byUserId/u%2F1')
    expect(json).toEqual((await get(`users/${A.toUpperCase()}`)).json)
    expect(json.user).toEqual({
      email: A,
      userId: 'u/1',
      dataFields: {
        email: A,
        userId: 'u/1',
        when: '2026-01-31 08:00:00 +00:00',
        day: '2026-01-31',
        in: [{ at: '2026-01-31 10:00:00 +00:00' }],
        signupDate: '2026-01-02 03:04:05 +00:00',
        signupSource: 'API',
        profileUpdatedAt: '2026-01-02 03:04:05 +00:00',
        itblInternal: {
          documentCreatedAt: '2026-01-02 03:04:05 +00:00',
          documentUpdatedAt: '2026-01-02 03:04:05 +00:00',
        },
      },
    })
  })

  test('[source AB] who comes by a list has signupSource ListAPI, and keeps it', async () => {
    const { bulk, post, get } = project({ lists: ['churn'] })
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }, user(B, { x: 1 })] })
    await bulk([user(A, { x: 1 })])
    for (const email of [A, B]) expect((await get(`users/${email}`)).json.user.dataFields.signupSource).toBe('ListAPI')
  })
})
