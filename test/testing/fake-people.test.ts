import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { A, B, project, user } from './fake-project.js'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('projects by email', () => {
  test('[source HC-29156459027348, GR] email identifies, and the userId sent is the userId from then on', async () => {
    const { bulk, ledger } = project()
    await bulk([{ email: A, userId: 'u-1' }])
    await bulk([{ email: A, userId: 'u-2' }])
    expect(ledger.users()).toEqual([{ email: A, userId: 'u-2', dataFields: {} }])
    await bulk([{ email: A, dataFields: { userId: 'u-3', n: 1 } }])
    expect(ledger.users()).toEqual([{ email: A, userId: 'u-3', dataFields: { n: 1 } }])
    await bulk([{ userId: 'u-3', dataFields: { n: 2 } }])
    expect(ledger.users()).toEqual([{ email: A, userId: 'u-3', dataFields: { n: 2 } }])
  })

  test('[source HC-9216719179796] several people may share a userId', async () => {
    const { bulk, ledger } = project()
    const rows = [A, B].map((email) => ({ email, userId: 'u-1' }))
    expect((await bulk(rows)).json.successCount).toBe(2)
    expect(ledger.users()).toHaveLength(2)
  })

  test('[source HC-29156459027348] an unknown userId alone fails, or makes an address where it is preferred', async () => {
    const { bulk, ledger } = project()
    const { json } = await bulk([{ userId: 'u 1' }, { userId: 'u 1', preferUserId: true }, { userId: 'u 1' }])
    expect(json).toMatchObject({ successCount: 2, failCount: 1, failedUpdates: { notFoundUserIds: ['u 1'] } })
    expect(ledger.users()).toEqual([{ email: 'u-1+1@placeholder.email', userId: 'u 1', dataFields: {} }])
  })
})

describe('projects by userId', () => {
  test('[source SW] userIds are case-sensitive, 1 to 52 printable ASCII characters', async () => {
    const { bulk, ledger } = project({ projectType: 'userId' })
    const odd = ['x'.repeat(53), 'end ', 'ü', '', 'tab\t']
    const taken = ['Ab', 'ab', ' x', 'x'.repeat(52)]
    const { json } = await bulk([...taken, ...odd].map((userId) => ({ userId })))
    expect(json).toMatchObject({ successCount: 4, failCount: 5, failedUpdates: { invalidUserIds: odd } })
    expect(ledger.users().map(({ userId }) => userId)).toEqual(taken)
  })

  test('[source HC-9216719179796] several people may share an email, and it may change', async () => {
    const { bulk, ledger } = project({ projectType: 'userId' })
    await bulk([
      { userId: 'u', email: A },
      { userId: 'v', email: A },
    ])
    await bulk([{ userId: 'u', dataFields: { email: B } }])
    expect(ledger.users()).toEqual([
      { userId: 'u', email: B, dataFields: {} },
      { userId: 'v', email: A, dataFields: {} },
    ])
  })

  test('[source HC-217744303] an email alone finds somebody, and makes nobody', async () => {
    const { bulk, ledger, get } = project({ projectType: 'userId', lists: ['one'] })
    await bulk([{ userId: 'u', email: A }])
    const { json } = await bulk([user(A, { n: 1, userListIds: [1_001] }), user(B)])
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { notFoundEmails: [B] } })
    expect(ledger.users()).toEqual([{ userId: 'u', email: A, dataFields: { n: 1 } }])
    expect((await get('users/byUserId/u')).json.user.dataFields.userListIds).toEqual([1_001])
  })

  test('[source SW] identifiers inside the data are held to the same rules', async () => {
    const { bulk } = project({ projectType: 'userId' })
    const rows = [
      { userId: 'u', dataFields: { email: 'none' } },
      { userId: 'v', dataFields: { userId: 'ü' } },
    ]
    const { json } = await bulk(rows)
    expect(json.failedUpdates).toMatchObject({ invalidEmails: ['none'], invalidUserIds: ['ü'] })
  })
})

describe('hybrid projects', () => {
  const hybrid = () => project({ projectType: 'hybrid', lists: ['one'] })

  test('[source HC-9216719179796] either identifier makes somebody, and both are one person', async () => {
    const { bulk, ledger } = hybrid()
    expect((await bulk([{ userId: 'u' }, { email: A }, { userId: 'u', email: B }])).json.successCount).toBe(3)
    expect(ledger.users()).toEqual([
      { userId: 'u', email: B, dataFields: {} },
      { email: A, dataFields: {} },
    ])
  })

  test('[source SW] who was known by email only takes lists and events along to the userId', async () => {
    const { bulk, track, post, ledger } = hybrid()
    await bulk([user(A, { n: 1 })])
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    await track([{ email: A, eventName: 'x', id: 'e' }])
    await bulk([{ userId: 'u', email: A }])
    expect(ledger.users()).toEqual([{ userId: 'u', email: A, dataFields: { n: 1 } }])
    expect(ledger.members('one')).toEqual(['u'])
    expect(ledger.events('u')).toHaveLength(1)
  })

  test('[source SEG, SW] an address changes through dataFields; one that is taken is named in conflictEmails', async () => {
    const { bulk, ledger } = hybrid()
    await bulk([{ userId: 'u', email: A }, { userId: 'v' }])
    const { json } = await bulk([
      { userId: 'v', dataFields: { email: A } },
      { userId: 'u', dataFields: { email: 'B@Example.com' } },
    ])
    expect(json).toMatchObject({ successCount: 1, failCount: 1, failedUpdates: { conflictEmails: [A] } })
    expect(ledger.users().map(({ email }) => email)).toEqual([B, undefined])
  })

  test('[source HC-9216719179796, SEG] an email alone names who moves: profile, lists and events go along', async () => {
    const { bulk, post, track, get, ledger } = hybrid()
    await bulk([user(A, { n: 1 })])
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    await track([{ email: A, eventName: 'x' }])
    expect((await bulk([{ email: A, dataFields: { email: B } }])).json).toMatchObject({ successCount: 1, failCount: 0 })
    expect(ledger.users()).toEqual([{ email: B, dataFields: { n: 1 } }])
    expect([ledger.members('one'), ledger.events(B).length]).toEqual([[B], 1])
    expect((await get(`users/getByEmail?email=${A}`)).json).toEqual({})
    expect((await get(`users/getByEmail?email=${B}`)).json.user.dataFields).toMatchObject({ n: 1, email: B })
  })

  test('[source SEG, SW] an email alone: a new one that is taken is named in conflictEmails, also where nobody has the former one', async () => {
    const { bulk, ledger } = hybrid()
    await bulk([user(A), user(B)])
    for (const email of [A, 'nobody@example.com']) {
      const { json } = await bulk([{ email, dataFields: { email: B } }])
      expect(json).toMatchObject({ successCount: 0, failCount: 1, failedUpdates: { conflictEmails: [B] } })
    }
    expect([...ledger.people.keys()]).toEqual([A, B])
  })

  test('[source SW] an email of nobody that is to change makes somebody, [invented] under the new one', async () => {
    const { bulk, ledger } = hybrid()
    expect((await bulk([{ email: A, dataFields: { email: B } }])).json.successCount).toBe(1)
    expect(ledger.users()).toEqual([{ email: B, dataFields: {} }])
  })

  test('[source SW, of updateEmail; of bulkUpdate derived] nobody moves to an email that was forgotten', async () => {
    const { bulk, post, ledger } = project({ projectType: 'hybrid', forgotten: [B] })
    await bulk([user(A)])
    const row = { email: A, dataFields: { email: 'B@example.com' } }
    expect((await bulk([row])).json).toMatchObject({ failCount: 1, failedUpdates: { forgottenEmails: [B] } })
    expect((await post('users/update', row)).json.code).toBe('ForgottenUserError')
    expect([...ledger.people.keys()]).toEqual([A])
  })

  test('[source HC-9216719179796, SW] users/update changes an email too; one that is taken is 409', async () => {
    const { bulk, post, ledger } = hybrid()
    await bulk([user(A), user('c@example.com')])
    const to = (email: string) => post('users/update', { email: A, dataFields: { email } })
    expect(await to('c@example.com')).toMatchObject({ status: 409, json: { code: 'EmailAlreadyExists' } })
    expect((await to(B)).status).toBe(200)
    expect([...ledger.people.keys()]).toEqual(['c@example.com', B])
  })

  test('[source SW] a userId that is taken is named in conflictUserIds', async () => {
    const { bulk } = hybrid()
    await bulk([{ userId: 'u' }, { userId: 'v' }])
    const { json } = await bulk([{ userId: 'v', dataFields: { userId: 'u' } }])
    expect(json).toMatchObject({ failCount: 1, failedUpdates: { conflictUserIds: ['u'] } })
  })

  test('[unsure] a userId and an email of two people are a conflict', async () => {
    const { bulk, ledger } = hybrid()
    await bulk([
      { userId: 'u', email: A },
      { userId: 'v', email: B },
    ])
    expect((await bulk([{ userId: 'u', email: B }])).json.failedUpdates.conflictEmails).toEqual([B])
    expect((await bulk([{ userId: 'w', email: B }])).json.failedUpdates.conflictEmails).toEqual([B])
    expect(ledger.users()).toHaveLength(2)
  })
})

describe('users/updateEmail', () => {
  test('[source SW] moves the profile with its lists and events; [source GR] the document is a new one', async () => {
    let now = 0
    const { post, bulk, track, get, ledger } = project({ lists: ['churn'], now: () => now })
    await bulk([user(A, { a: 1 })])
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    await track([{ email: A, eventName: 'x' }])
    now = 60_000
    const moved = await post('users/updateEmail', { currentEmail: A, newEmail: 'NEW@example.com' })
    expect(moved).toMatchObject({ status: 200, json: { code: 'Success' } })
    expect(ledger.users()).toEqual([{ email: 'new@example.com', dataFields: { a: 1 } }])
    expect(ledger.members('churn')).toEqual(['new@example.com'])
    expect(ledger.events('new@example.com')).toHaveLength(1)
    expect(ledger.entries.at(-1)).toMatchObject({
      kind: 'updateEmail',
      address: 'new@example.com',
      detail: { from: A },
    })
    expect((await get(`users/${A}`)).json).toEqual({})
    expect((await get('users/new%40example.com')).json.user.dataFields).toMatchObject({
      signupDate: '1970-01-01 00:00:00 +00:00',
      itblInternal: { documentCreatedAt: '1970-01-01 00:01:00 +00:00' },
    })
  })

  test('[source SW] currentEmail wins over currentUserId, which does alone', async () => {
    const { post, bulk, ledger } = project()
    await bulk([user(A), { email: B, userId: 'u' }])
    await post('users/updateEmail', { currentEmail: A, currentUserId: 'u', newEmail: 'one@example.com' })
    await post('users/updateEmail', { currentUserId: 'u', newEmail: 'two@example.com' })
    expect(ledger.users().map(({ email }) => email)).toEqual(['one@example.com', 'two@example.com'])
  })

  test.each([
    ['SW', 'EmailAlreadyExists', { currentEmail: A, newEmail: B }],
    ['VCR', 'InvalidEmailAddressError', { currentEmail: 'foo', newEmail: 'x@example.com' }],
    ['VCR', 'InvalidEmailAddressError', { currentEmail: A, newEmail: 'foo' }],
    ['GR', 'BadParams', { currentUserId: 'nobody', newEmail: 'x@example.com' }],
    ['SW', 'BadJsonBody', { currentEmail: A }],
  ])('[source %s] %s: %j', async (_source, code, body) => {
    const { post, bulk, ledger } = project()
    await bulk([user(A), user(B)])
    expect(await post('users/updateEmail', body)).toMatchObject({ status: 400, json: { code } })
    expect(ledger.users().map(({ email }) => email)).toEqual([A, B])
  })

  test('[source SW] is for projects by email only', async () => {
    const { post } = project({ projectType: 'userId' })
    expect((await post('users/updateEmail', { currentEmail: A, newEmail: B })).status).toBe(400)
  })
})

describe('forgotten people', () => {
  test('[source SW, HC-360029174171] are deleted, never stored again until unforgotten, and known by hash', async () => {
    const { post, bulk, get, ledger } = project({ lists: ['churn'] })
    await post('lists/subscribe', { listId: 1_001, subscribers: [{ email: A }] })
    expect((await post('users/forget', { email: 'A@Example.com' })).json.code).toBe('Success')
    expect([ledger.users(), ledger.members('churn')]).toEqual([[], []])
    expect((await bulk([user(A)])).json.failedUpdates.forgottenEmails).toEqual([A])
    expect(await get('users/forgotten')).toMatchObject({ status: 200, json: { hashedEmails: [sha256(A)] } })
    await post('users/unforget', { email: A })
    expect((await bulk([user(A)])).json.successCount).toBe(1)
    expect((await get('users/forgotten')).json).toEqual({ hashedEmails: [] })
    expect(ledger.entries.map(({ kind }) => kind)).toEqual(['subscribe', 'forget', 'unforget', 'profile'])
  })

  test.each([
    ['email', [200, 400]],
    ['userId', [400, 200]],
    ['hybrid', [200, 200]],
  ] as const)(
    '[source HC-9216719179796; invented words] a %s project forgets by its own identifier',
    async (type, ends) => {
      const { post, ledger } = project({ projectType: type })
      const asked = [await post('users/forget', { email: A }), await post('users/forget', { userId: 'u-1' })]
      expect(asked.map(({ status }) => status)).toEqual(ends)
      expect(ledger.entries).toHaveLength(ends.filter((status) => status === 200).length)
    },
  )

  test('[source SW] by userId; [invented] the name of the list of their hashes', async () => {
    const { post, bulk, get, track } = project({ projectType: 'userId', forgotten: ['U-1'] })
    const ids = ['u-1', 'U-1'] // hashed in lower case, so both are meant
    expect((await bulk(ids.map((userId) => ({ userId })))).json.failedUpdates.forgottenUserIds).toEqual(ids)
    expect((await track([{ userId: 'u-1', eventName: 'x' }])).json.failedUpdates.forgottenUserIds).toEqual(['u-1'])
    expect((await get('users/forgottenUserIds')).json).toEqual({ hashedUserIds: [sha256('u-1')] })
    expect(await post('users/forget', { userId: 'ü' })).toMatchObject({
      status: 400,
      json: { code: 'InvalidUserIdError' },
    })
    expect(await post('users/forget', {})).toMatchObject({ json: { code: 'BadParams' } })
  })
})
