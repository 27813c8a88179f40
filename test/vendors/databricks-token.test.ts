import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { causeOf, type LakeloopError } from '../../src/errors.js'
import type { DatabricksAuth, GivenToken } from '../../src/vendors/databricks/auth.js'
import { DatabricksToken } from '../../src/vendors/databricks/token.js'
import { failure } from '../failure.js'
import { ManualClock } from './manual-clock.js'

const HOUR = 3_600_000
const SECRET = 'dose-secret-canary'

interface Asked {
  readonly url: string
  readonly authorization: string | null
  readonly body: string
}

/** A token endpoint that gives t1, t2, ... for an hour each, or what the script says first. */
function endpoint(script: (() => Response | Promise<Response>)[] = []) {
  const asked: Asked[] = []
  const fetch = async (input: string | URL | Request): Promise<Response> => {
    const request = input as Request
    asked.push({
      url: request.url,
      authorization: request.headers.get('authorization'),
      body: await request.text(),
    })
    const scripted = script.shift()
    if (scripted !== undefined) return await scripted()
    return Response.json({ access_token: `t${asked.length}`, token_type: 'Bearer', expires_in: 3600 })
  }
  return { asked, fetch: fetch as typeof globalThis.fetch }
}

const principal: DatabricksAuth = { clientId: 'app-1', clientSecret: SECRET }

function stand(script: (() => Response | Promise<Response>)[] = [], more: object = {}) {
  const clock = new ManualClock()
  const { asked, fetch } = endpoint(script)
  const options = { name: 'churn', part: 'P', host: 'dbc-1.cloud.databricks.com', auth: principal, fetch, clock }
  return { clock, asked, token: new DatabricksToken({ ...options, ...more }) }
}

const refusal =
  (error: string, more: object = {}) =>
  () =>
    Response.json({ error, ...more }, { status: 401 })
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the token of a service principal', () => {
  test('is asked for at the workspace, with the secret in the header', async () => {
    const { token, asked } = stand()
    expect(await token.get()).toBe('t1')
    expect(asked).toEqual([
      {
        url: 'https://dbc-1.cloud.databricks.com/oidc/v1/token',
        authorization: `Basic ${Buffer.from(`app-1:${SECRET}`).toString('base64')}`,
        body: 'grant_type=client_credentials&scope=all-apis',
      },
    ])
  })

  test.each([
    ['adb-1.2.azuredatabricks.net', 'login.microsoftonline.com'],
    ['adb-1.2.databricks.azure.us', 'login.microsoftonline.us'],
    ['adb-1.2.databricks.azure.cn', 'login.chinacloudapi.cn'],
  ])('of Entra ID for %s is asked for at %s', async (host, authority) => {
    const auth = { ...principal, issuer: 'entra', tenantId: 'tenant-1' }
    const { token, asked } = stand([], { host, auth })
    await token.get()
    expect(asked[0]?.url).toBe(`https://${authority}/tenant-1/oauth2/v2.0/token`)
    expect(asked[0]?.authorization).toBeNull()
    expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default',
      client_id: 'app-1',
      client_secret: SECRET,
    })
  })

  test('is asked for once, however many wait for it', async () => {
    const { token, asked } = stand()
    expect(await Promise.all(Array.from({ length: 50 }, () => token.get()))).toEqual(Array(50).fill('t1'))
    await token.get()
    expect(asked).toHaveLength(1)
  })

  test('is renewed early while callers still get the old one, and nobody is given one that is about to end', async () => {
    let answer = (_: Response): void => {}
    const slow = new Promise<Response>((resolve) => {
      answer = resolve
    })
    const first = () => Response.json({ access_token: 'old', expires_in: 3600 })
    const { token, clock, asked } = stand([first, () => slow])
    expect(await token.get()).toBe('old')
    clock.advance(HOUR - 300_001)
    expect(await token.get()).toBe('old')
    expect(asked).toHaveLength(1)
    clock.advance(2)
    expect(await token.get()).toBe('old')
    expect(await token.get()).toBe('old')
    await settled()
    expect(asked).toHaveLength(2)
    clock.advance(270_000) // within 30 s of the end: whoever comes now waits
    const waiting = token.get()
    answer(Response.json({ access_token: 'new', expires_in: 3600 }))
    expect(await waiting).toBe('new')
    expect(asked).toHaveLength(2)
  })

  test('an early renewal that fails is not tried again at once, and hurts nobody', async () => {
    const { token, clock, asked } = stand([
      () => Response.json({ access_token: 'old', expires_in: 3600 }),
      refusal('invalid_scope'),
    ])
    await token.get()
    clock.advance(HOUR - 200_000)
    expect(await token.get()).toBe('old')
    await settled()
    await settled()
    expect(await token.get()).toBe('old')
    await settled()
    expect(asked).toHaveLength(2)
    clock.advance(30_000)
    expect(await token.get()).toBe('old')
    await settled()
    await settled()
    expect(await token.get()).toBe('t3')
  })

  test('is renewed once for all who were refused the same one', async () => {
    const { token, asked } = stand()
    const old = await token.get()
    expect(await Promise.all([token.get(old), token.get(old), token.get(old)])).toEqual(['t2', 't2', 't2'])
    expect(await token.get(old)).toBe('t2')
    expect(asked).toHaveLength(2)
  })

  test('that is refused although it is new is not renewed again, until time has passed', async () => {
    const { token, clock, asked } = stand()
    const second = await token.get(await token.get())
    for (let at = 0; at < 3; at += 1) {
      expect(await failure(token.get(second))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    }
    expect(asked).toHaveLength(2)
    clock.advance(60_001)
    expect(await token.get(second)).toBe('t3')
  })

  test('is asked for again where the endpoint stumbles, and no longer than the bound', async () => {
    const busy = () => new Response('{}', { status: 429, headers: { 'retry-after': '7200' } })
    const reset = () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNRESET' }))
    const { token, clock } = stand([reset, busy, () => new Response('<html>', { status: 200 })])
    expect(await token.get()).toBe('t4')
    expect(clock.slept).toEqual([1_000, 60_000, 4_000])

    const down = stand(Array.from({ length: 9 }, () => () => new Response('{}', { status: 503 })))
    expect(await failure(down.token.get())).toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      facts: { problem: ': HTTP 503' },
    })
    expect(down.asked).toHaveLength(5)
    expect(await down.token.get().catch((error: LakeloopError) => error.code)).toBe('t10')
  })

  test('a redirect and a name that nobody has are not asked again', async () => {
    const away = stand([() => new Response(null, { status: 302, headers: { location: 'https://evil.example' } })])
    expect((await failure(away.token.get())).message).toContain('HTTP 302, a redirect')
    expect(away.asked).toHaveLength(1)
    const gone = stand([() => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))])
    expect((await failure(gone.token.get())).message).toContain('ENOTFOUND')
    expect(gone.asked).toHaveLength(1)
  })

  test('a secret function is asked again when its secret was refused, once', async () => {
    let given = 0
    const auth = { clientId: 'app-1', clientSecret: () => `s${++given}` }
    const { token, asked } = stand([refusal('invalid_client')], { auth })
    expect(await token.get()).toBe('t2')
    expect(asked.map(({ authorization }) => atob(authorization?.slice(6) ?? ''))).toEqual(['app-1:s1', 'app-1:s2'])
    given = 0
    const fine = stand([refusal('invalid_scope')], { auth })
    await failure(fine.token.get())
    await fine.token.get()
    expect(given).toBe(1)
    const never = stand([refusal('invalid_client'), refusal('invalid_client')], { auth })
    expect(await failure(never.token.get())).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    expect(never.asked).toHaveLength(2)
  })

  test.each([
    ['dbc-1.cloud.databricks.com', {}, /usually the secret has expired, or the principal is not in the workspace/],
    ['adb-1.2.azuredatabricks.net', {}, /a secret that was made in Entra ID takes issuer: 'entra' and tenantId/],
    ['adb-1.2.databricks.azure.cn', {}, /a secret that was made in Entra ID takes issuer: 'entra'/],
    [
      'adb-1.2.azuredatabricks.net',
      { issuer: 'entra', tenantId: 't' },
      /made in Databricks takes issuer: 'databricks'/,
    ],
  ])('a refusal at %s %j says what is usual, and never the secret [I7]', async (host, more, usual) => {
    const said = { error_description: `AADSTS7000215: ${SECRET}`, error_codes: [7_000_215] }
    const { token } = stand([refusal('invalid_client', said)], { host, auth: { ...principal, ...more } })
    const error = await failure(token.get())
    expect(error.code).toBe('SOURCE_UNAUTHORIZED')
    expect(error.message).toMatch(usual)
    expect(error.message).toContain('invalid_client, AADSTS7000215')
    expect(inspect([error, causeOf(error), token], { depth: 9, showHidden: true })).not.toContain(SECRET)
    expect(inspect(token, { depth: 9 }) + JSON.stringify(token)).not.toContain(Buffer.from(SECRET).toString('base64'))
  })

  test.each([[{ access_token: '' }], [{ token: 'x' }], [{ access_token: 'a b' }], [[]]])(
    'an answer without a token (%j) is said so',
    async (body) => {
      const { token } = stand([() => Response.json(body)])
      expect((await failure(token.get())).message).toContain('answered without a token')
    },
  )

  test('the recorded refusal of Entra ID is read: its code, and not its text', async () => {
    const golden = readFileSync(
      join(import.meta.dirname, '../golden/databricks-rest/entra-invalid-client.json'),
      'utf8',
    )
    const auth = { ...principal, issuer: 'entra', tenantId: 't' }
    const { token } = stand([() => new Response(golden, { status: 401 })], { auth })
    const { facts } = await failure(token.get())
    expect(facts.problem).toBe(': the token endpoint said invalid_client, AADSTS7000215')
    expect(JSON.stringify(facts)).not.toMatch(/Trace|34744c89/)
  })

  test('an error that OAuth does not know is not repeated [I7]', async () => {
    const { token } = stand([refusal('ann@example.com')])
    expect((await failure(token.get())).facts.problem).toBe(': the token endpoint said HTTP 401')
  })

  test('a caller that is cancelled leaves the others their token', async () => {
    let answer = (_: Response): void => {}
    const slow = new Promise<Response>((resolve) => {
      answer = resolve
    })
    const { token } = stand([() => slow])
    const cancel = new AbortController()
    const [mine, other] = [token.get(undefined, cancel.signal), token.get()]
    await settled()
    cancel.abort()
    expect(await failure(mine)).toMatchObject({ code: 'ABORTED' })
    answer(Response.json({ access_token: 'kept', expires_in: 60 }))
    expect(await other).toBe('kept')
  })

  test('is not given after close(), which ends what is under way', async () => {
    const { token } = stand([() => new Promise<Response>(() => {})])
    const waiting = failure(token.get())
    await settled()
    token.close()
    expect(await waiting).toMatchObject({ code: 'ABORTED' })
    expect(await failure(token.get())).toMatchObject({ code: 'CLOSED' })
  })
})

describe('a token of the host', () => {
  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`

  /** A function that gives the tokens in turn, the last one for ever. */
  function given(...tokens: GivenToken[]) {
    const clock = new ManualClock(300_000)
    let asked = 0
    const auth = { token: () => tokens[Math.min(asked++, tokens.length - 1)] as GivenToken }
    const today = () => 1_000_000 + clock.now()
    const token = new DatabricksToken({ name: 'churn', part: 'P', host: 'h', auth, clock, today })
    return { clock, token, asked: () => asked }
  }

  test('that is a text is good until it is refused, and then there is no other', async () => {
    const clock = new ManualClock(300_000)
    const token = new DatabricksToken({ name: 'churn', part: 'P', host: 'h', auth: { token: 'dapi-1' }, clock })
    clock.advance(1e12)
    expect(await token.get()).toBe('dapi-1')
    expect(await failure(token.get('dapi-1'))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    expect(await failure(token.get('dapi-1'))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  test('that never comes is not waited for for ever', async () => {
    const auth = { token: () => new Promise<never>(() => undefined) }
    const clock = new ManualClock() // to which 300 s are a wait, and over at once
    const token = new DatabricksToken({ name: 'churn', part: 'P', host: 'h', auth, clock })
    const error = await failure(token.get())
    expect([error.code, error.facts.problem]).toEqual([
      'SOURCE_UNREACHABLE',
      ': the token function had no answer for 300 s',
    ])
  })

  test('is asked for again before expiresAt', async () => {
    for (const expiresAt of [1_000_000 + HOUR, new Date(1_000_000 + HOUR)]) {
      const { token, clock, asked } = given({ token: 'a', expiresAt }, { token: 'b', expiresAt: Number(expiresAt) * 2 })
      expect(await token.get()).toBe('a')
      clock.advance(HOUR - 30_001)
      expect(await token.get()).toBe('a')
      await settled()
      expect(await token.get()).toBe('b')
      expect(asked()).toBe(2)
    }
  })

  test('is asked for again before the exp of a JWT, and expiresAt goes before it', async () => {
    const exp = (1_000_000 + HOUR) / 1000
    const plain = given(jwt({ exp }), 'later')
    await plain.token.get()
    plain.clock.advance(HOUR - 30_000)
    expect(await plain.token.get()).toBe('later')
    const both = given({ token: jwt({ exp }), expiresAt: 1_000_000 + 10 * HOUR }, 'later')
    await both.token.get()
    both.clock.advance(2 * HOUR)
    expect(await both.token.get()).toBe(jwt({ exp }))
  })

  test.each(['opaque', 'a.b.c', 'a.e30.c', jwt({ exp: 'soon' })])('%s has no end of its own', async (text) => {
    const { token, clock, asked } = given(text)
    await token.get()
    clock.advance(1e12)
    expect(await token.get()).toBe(text)
    expect(asked()).toBe(1)
  })

  test('is asked for again when it was refused, once', async () => {
    const { token, asked } = given('a', 'b', 'c')
    expect(await token.get(await token.get())).toBe('b')
    expect(await failure(token.get('b'))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
    expect(asked()).toBe(2)
    const same = given('a')
    expect(await failure(same.token.get(await same.token.get()))).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' })
  })

  test.each([
    [undefined, 'CREDENTIALS_MISSING'],
    [{}, 'CREDENTIALS_MISSING'],
    [7, 'OPTION_INVALID'],
    ['a b', 'OPTION_INVALID'],
    [{ token: 'a', expiresAt: 'tomorrow' }, 'OPTION_INVALID'],
    [{ token: 'a', expiresAt: new Date(Number.NaN) }, 'OPTION_INVALID'],
  ])('%j is refused by name', async (value, code) => {
    const error = await failure(given(value as never).token.get())
    expect(error).toMatchObject({ code, facts: { part: 'P', option: 'auth.token' } })
  })
})
