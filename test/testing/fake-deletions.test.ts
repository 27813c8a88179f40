import { describe, expect, test } from 'vitest'
import { A, B, project, user } from './fake-project.js'

describe('deleting', () => {
  test('[source SW, GR] takes the profile and its memberships; an unknown address is success; it may come back', async () => {
    const { post, call, bulk, ledger } = project({ lists: ['churn'] })
    await post('lists/subscribe', { listId: 1_001, subscribers: [user(A, { n: 1 })] })
    for (const email of ['A@Example.com', B]) {
      expect((await call('DELETE', `users/${email}`)).json.code).toBe('Success')
    }
    expect([ledger.users(), ledger.members('churn')]).toEqual([[], []])
    expect((await bulk([user(A)])).json.successCount).toBe(1)
    expect(ledger.entries.map(({ kind }) => kind)).toEqual(['profile', 'subscribe', 'delete', 'profile'])
  })

  test('[source SW] a slash in the path is encoded', async () => {
    const { call, bulk, ledger } = project({ projectType: 'hybrid' })
    await bulk([{ userId: 'u/1' }, { email: 'a/b@example.com' }])
    await call('DELETE', 'users/byUserId/u%2F1')
    await call('DELETE', 'users/a%2Fb%40example.com')
    expect(ledger.users()).toEqual([])
  })

  test('[source VCR] by userId: everybody who has it', async () => {
    const { call, bulk, ledger } = project()
    await bulk([A, B].map((email) => ({ email, userId: 'u' })))
    expect((await call('DELETE', 'users/byUserId/u')).status).toBe(200)
    expect(ledger.users()).toEqual([])
  })

  test('[source SW; invented words] by email is not for userId projects', async () => {
    const { call } = project({ projectType: 'userId' })
    expect(await call('DELETE', `users/${A}`)).toMatchObject({ status: 400, json: { code: 'BadParams' } })
  })

  test('[unsure] unknownUserId: in the words of today [source GO, RT], or of 2017 [source VCR]', async () => {
    const { get } = project({ unsure: { unknownUserId: '2017' } })
    expect(await get('users/byUserId/u')).toMatchObject({
      status: 400,
      headers: { 'content-type': 'text/plain' },
      body: 'No user with that id exists!',
    })
    expect((await project().get('users/byUserId/u')).json.msg).toBe('error.users.noUserWithIdExists')
  })

  test('[source SW] takes its time, and reads show the profile until then', async () => {
    let now = 0
    const { fake, call, bulk, get } = project({ deletesAfterMs: 1_000, now: () => now })
    await bulk([user(A, { n: 1 })])
    expect((await call('DELETE', `users/${A}`)).status).toBe(200)
    now = 999
    expect((await get(`users/${A}`)).json.user.email).toBe(A)
    expect(fake.ledger.users()).toHaveLength(1)
    now = 1_000
    expect(fake.ledger.users()).toEqual([])
    expect((await get(`users/${A}`)).json).toEqual({})
    expect(fake.ledger.entries.map(({ kind }) => kind)).toEqual(['profile', 'delete'])
  })
})

describe('forgetting', () => {
  test('[source SW] is done later, and [unsure] blocks at once', async () => {
    let now = 0
    const { fake, post, bulk, get } = project({ deletesAfterMs: 600_000, now: () => now })
    await bulk([user(A)])
    await post('users/forget', { email: A })
    expect((await bulk([user(A)])).json.failedUpdates.forgottenEmails).toEqual([A])
    expect((await get(`users/${A}`)).json.user.email).toBe(A)
    now = 600_000
    expect((await get(`users/${A}`)).json).toEqual({})
    expect(fake.ledger.entries.map(({ kind }) => kind)).toEqual(['profile', 'forget'])
  })

  test('[source SW] 3 a second and 1,000 a day, each call for itself', async () => {
    let now = 0
    const { post } = project({ rates: 'published', now: () => now })
    const forget = async () => (await post('users/forget', { email: A })).status
    for (let sent = 0; sent < 3; sent += 1) expect(await forget()).toBe(200)
    expect((await post('users/forget', { email: A })).json.msg).toContain('3.0 per second')
    for (let sent = 4; sent < 1_000; sent += 1) {
      now += 1_000
      expect(await forget()).toBe(200)
    }
    now += 1_000
    expect((await post('users/forget', { email: A })).json.msg).toContain('1000.0 per day')
    expect((await post('users/unforget', { email: A })).status).toBe(200)
    now = 86_400_000 + 1_000
    expect(await forget()).toBe(200)
  })
})

describe('merging', () => {
  const ask = (sourceEmail: string, destinationEmail: string, more: object = {}) => ({
    sourceEmail,
    destinationEmail,
    ...more,
  })

  test('[source SW] values of the destination win, objects are not combined, the source is deleted', async () => {
    const { post, bulk, track, ledger } = project()
    await bulk([user(A, { a: 1, both: 1, o: { x: 1 } }), user(B, { both: 2, o: { y: 1 } })])
    await track([{ email: A, eventName: 'x' }])
    expect((await post('users/merge', ask(A, B))).status).toBe(200)
    expect(ledger.users()).toEqual([{ email: B, dataFields: { a: 1, both: 2, o: { y: 1 } } }])
    expect(ledger.events(B)).toHaveLength(1) // unsure
    expect(ledger.entries.at(-1)).toMatchObject({ kind: 'merge', address: B, detail: { from: A } })
  })

  test('[source SW] a destination that is not there is the source renamed; a source that is not there is an error', async () => {
    const { post, bulk, ledger } = project()
    await bulk([user(A, { n: 1 })])
    expect((await post('users/merge', ask('c@example.com', A))).status).toBe(400)
    expect((await post('users/merge', ask(A, B))).status).toBe(200)
    expect(ledger.users()).toEqual([{ email: B, dataFields: { n: 1 } }])
  })

  test('[source SW] arrays are joined where it is said, by a field of their objects if wanted', async () => {
    const { post, bulk, ledger } = project()
    const rows = [
      user(A, { tags: ['x'], cars: [{ id: 1, by: 'a' }, { id: 2 }] }),
      user(B, { tags: ['y'], cars: [{ id: 1 }] }),
    ]
    await bulk(rows)
    const wrong = await post('users/merge', ask(A, B, { arrayMerge: [{ field: 'tags', dedupeBy: 'id' }] }))
    expect([wrong.status, ledger.users().length]).toEqual([400, 2])
    const arrayMerge = [{ field: 'tags' }, { field: 'cars', dedupeBy: 'id' }]
    expect((await post('users/merge', ask(A, B, { arrayMerge }))).status).toBe(200)
    expect(ledger.user(B)?.dataFields).toEqual({ tags: ['y', 'x'], cars: [{ id: 1 }, { id: 2 }] })
  })

  test.each([400, 409] as const)(
    '[source SW, AE] forgottenStatus: forgotten people are refused: %d',
    async (status) => {
      const { post, bulk } = project({ forgotten: [B], unsure: { forgottenStatus: status } })
      await bulk([user(A)])
      expect(await post('users/merge', ask(A, B))).toMatchObject({ status, json: { code: 'ForgottenUserError' } })
      expect(await post('users/merge', ask(B, A))).toMatchObject({ status })
    },
  )

  test('[invented] nobody, oneself and malformed addresses are refused', async () => {
    const { post, bulk, ledger } = project()
    await bulk([user(A)])
    for (const body of [{}, { sourceEmail: A }, ask(A, A), ask(A, 'none')]) {
      expect((await post('users/merge', body)).status).toBe(400)
    }
    expect(ledger.users()).toHaveLength(1)
  })

  test('[source SW] by userId', async () => {
    const { post, bulk, ledger } = project({ projectType: 'userId' })
    await bulk([{ userId: 'u', dataFields: { n: 1 } }, { userId: 'v' }])
    expect((await post('users/merge', { sourceUserId: 'u', destinationUserId: 'v' })).status).toBe(200)
    expect(ledger.users()).toEqual([{ userId: 'v', dataFields: { n: 1 } }])
  })
})
