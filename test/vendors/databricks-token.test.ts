import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/transport/clock.js'
import { AccessToken, type DatabricksAuth } from '../../src/vendors/databricks/token.js'
import { workspace } from '../../src/vendors/databricks/workspace.js'
import { type Answer, FakeWorkspace, HOST } from './fake-workspace.js'

class HandClock implements Clock {
  at = 1_000_000
  now = (): number => this.at
  sleep = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true }))
}

const grant = (token: string, seconds = 3_600): Answer => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: seconds,
})
const M2M = { clientId: 'app-1', clientSecret: 'dose-secret' }

function stand(
  auth: DatabricksAuth,
  answers: readonly (Answer | (() => Answer | Promise<Answer>))[] = [],
  host = HOST,
) {
  const fake = new FakeWorkspace()
  const clock = new HandClock()
  let at = 0
  const next = () => {
    const answer = answers[Math.min(at, answers.length - 1)] as Answer | (() => Answer | Promise<Answer>)
    at += 1
    return typeof answer === 'function' ? answer() : answer
  }
  for (const issuer of [
    `${host}/oidc/v1/token`,
    'login.microsoftonline.com/t-1/oauth2/v2.0/token',
    'login.microsoftonline.us/t-1/oauth2/v2.0/token',
    'login.chinacloudapi.cn/t-1/oauth2/v2.0/token',
  ])
    fake.on(`POST ${issuer}`, next)
  const token = new AccessToken(auth, workspace({ name: 'churn', host, fetch: fake.fetch }), {
    clock,
    wallNow: () => 5_000_000 + clock.at,
  })
  return { fake, clock, token }
}

describe('OAuth for a service principal', () => {
  test('with a secret of Databricks asks the workspace, with Basic and the scope all-apis', async () => {
    const { fake, token } = stand(M2M, [grant('t1')])
    expect(await token.current()).toBe('t1')
    const [seen] = fake.seen
    expect(seen?.path).toBe('/oidc/v1/token')
    expect(seen?.headers.get('authorization')).toBe(`Basic ${Buffer.from('app-1:dose-secret').toString('base64')}`)
    expect(Object.fromEntries(new URLSearchParams(seen?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'all-apis',
    })
  })

  test.each([
    ['adb-1.11.azuredatabricks.net', 'login.microsoftonline.com'],
    ['adb-1.11.databricks.azure.us', 'login.microsoftonline.us'],
    ['adb-1.11.databricks.azure.cn', 'login.chinacloudapi.cn'],
  ])('with a secret of Entra asks the authority of %s', async (host) => {
    const { fake, token } = stand({ ...M2M, tenantId: 't-1' }, [grant('t1')], host)
    expect(await token.current()).toBe('t1')
    expect(Object.fromEntries(new URLSearchParams(fake.seen[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default',
      client_id: 'app-1',
      client_secret: 'dose-secret',
    })
    expect(fake.seen[0]?.headers.get('authorization')).toBeNull()
  })

  test('makes one request however many ask', async () => {
    const { fake, token } = stand(M2M, [grant('t1')])
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => token.current())))).toEqual(new Set(['t1']))
    expect(fake.seen).toHaveLength(1)
  })

  test('renews five minutes before the end, while those who ask get the old one, and waits for none', async () => {
    let release: (answer: Answer) => void = () => undefined
    const { fake, clock, token } = stand(M2M, [
      grant('t1'),
      () => new Promise<Answer>((resolve) => (release = resolve)),
    ])
    await token.current()
    clock.at += 3_299_000
    expect(await token.current()).toBe('t1')
    expect(fake.seen).toHaveLength(1)
    clock.at += 2_000
    expect([await token.current(), await token.current()]).toEqual(['t1', 't1'])
    await expect.poll(() => fake.seen.length).toBe(2)
    release(grant('t2'))
    await expect.poll(() => token.current()).toBe('t2')
    expect(fake.seen).toHaveLength(2)
  })

  test('that fails early fails nobody until the token has ended', async () => {
    const { clock, token } = stand(M2M, [grant('t1'), [503, {}]])
    await token.current()
    clock.at += 3_400_000
    expect(await token.current()).toBe('t1')
    clock.at += 300_000
    await expect(token.current()).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  })

  test('gives another token for one that was refused, and not the same one again', async () => {
    const { fake, token } = stand(M2M, [grant('t1'), grant('t2'), grant('t2')])
    await token.current()
    expect(await token.current('t1')).toBe('t2')
    expect(await token.current('t1')).toBe('t2')
    expect(fake.seen).toHaveLength(2)
    await expect(token.current('t2')).rejects.toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  test.each([
    [HOST, ''],
    ['adb-1.11.azuredatabricks.net', 'say tenantId if the secret was made in Microsoft Entra'],
  ])('that is refused on %s says what helps, and no secret', async (host, hint) => {
    const { token } = stand(M2M, [[401, { error: 'invalid_client', error_description: 'dose-secret is wrong' }]], host)
    const error = await token.current().catch((thrown: Error) => thrown as Error)
    expect(error).toMatchObject({ code: 'SOURCE_UNAUTHORIZED', message: expect.stringContaining(hint) })
    expect(inspect(error, { depth: 9 })).not.toContain('dose-secret')
    expect(inspect(token, { depth: 9, showHidden: true })).not.toContain('dose-secret')
  })

  test('asks a function for the secret again when it was refused', async () => {
    let asked = 0
    const { token } = stand({ clientId: 'app-1', clientSecret: () => `secret-${++asked}` }, [[401, {}], grant('t1')])
    expect(await token.current()).toBe('t1')
    expect(asked).toBe(2)
  })

  test.each([
    [429, {}],
    [503, {}],
    [500, {}],
  ] as const)('takes %i as something that may pass', async (status, body) => {
    const { token } = stand(M2M, [[status, body]])
    await expect(token.current()).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  })
})

describe('a token of the host', () => {
  test('as text is used until it is refused, and then there is no other', async () => {
    const { token } = stand({ token: 'dapi-1' })
    expect(await token.current()).toBe('dapi-1')
    await expect(token.current('dapi-1')).rejects.toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  test('with an end is asked for again before it', async () => {
    let asked = 0
    const { clock, token } = stand({
      token: () => ({ token: `p-${++asked}`, expiresAt: 5_000_000 + 1_000_000 + 600_000 }),
    })
    expect(await token.current()).toBe('p-1')
    clock.at += 600_001
    expect(await token.current()).toBe('p-2')
  })

  test('that is a JWT ends when it says', async () => {
    let asked = 0
    const jwt = () =>
      `h.${Buffer.from(JSON.stringify({ exp: (5_000_000 + 1_000_000 + 60_000) / 1_000, n: ++asked })).toString('base64url')}.s`
    const { clock, token } = stand({ token: jwt })
    const first = await token.current()
    expect(await token.current()).toBe(first)
    clock.at += 60_001
    expect(await token.current()).not.toBe(first)
  })

  test.each([[undefined], ['']])('that is not there is refused by name: %s', (value) => {
    expect(() => stand({ token: value as unknown as string })).toThrowError(/CREDENTIALS_MISSING.*auth\.token/)
  })
})
