import { Buffer } from 'node:buffer'
import { inspect } from 'node:util'
import { LakeloopError } from '../../errors.js'
import { type Clock, systemClock } from '../../transport/clock.js'
import { HttpClient } from '../../transport/http-client.js'
import { Secret, type SecretSource } from '../../transport/secret.js'
import { toSource } from './rest-errors.js'
import type { Workspace } from './workspace.js'

/** A token of the host's own making, with the time until which it is good, where that is known. */
export interface GivenToken {
  readonly token: string
  /** Ms since 1970. Without it, the `exp` of a JWT is taken; a token without either is used until it is refused. */
  readonly expiresAt?: number | undefined
}

/**
 * One principal for SQL, Unity Catalog and Files.
 *
 * `token`: a personal access token, or a function that gives one; it is asked again before the token expires, and once
 * when it was refused. `clientId` with `clientSecret`: OAuth for a service principal, with a secret made in Databricks
 * (AWS, Azure, GCP); with `tenantId` one made in Microsoft Entra.
 */
export type DatabricksAuth =
  | { readonly token: string | (() => string | GivenToken | Promise<string | GivenToken>) }
  | { readonly clientId: string; readonly clientSecret: SecretSource; readonly tenantId?: string | undefined }

/** The application that Azure knows all Databricks workspaces by. Source: @databricks/sql 2.1, connection/auth. */
const AZURE_SCOPE = '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default'
/** Where Entra answers, by the ending of the workspace's host. Source: databricks-sdk-go, config/azure_environment. */
const ENTRA: readonly (readonly [RegExp, string])[] = [
  [/\.databricks\.azure\.us$/, 'https://login.microsoftonline.us'],
  [/\.databricks\.azure\.cn$/, 'https://login.chinacloudapi.cn'],
  [/$/, 'https://login.microsoftonline.com'],
]

/** A token is renewed this long before it ends, or in the last fifth of its life if that is shorter. */
const EARLY_MS = 300_000

interface Held {
  readonly value: string
  /** On the clock's `now`; infinite where nobody knows. */
  readonly renewAt: number
  readonly endsAt: number
}

/**
 * The token for all calls. Whoever asks while one is on its way waits for the same one; who asks while the old one is
 * still good gets that.
 *
 * Throws  CREDENTIALS_MISSING; SOURCE_UNAUTHORIZED; SOURCE_UNREACHABLE: asking again is the caller's.
 * Upholds I7: no way to show it shows a token or a secret.
 */
export class AccessToken {
  readonly #workspace: Workspace
  readonly #clock: Clock
  readonly #wallNow: () => number
  readonly #ask: (signal: AbortSignal) => Promise<{ readonly value: string; readonly lifeMs: number }>
  #held: Held | undefined
  #asking: Promise<Held> | undefined

  constructor(
    auth: DatabricksAuth,
    workspace: Workspace,
    {
      clock = systemClock,
      wallNow = Date.now,
    }: { readonly clock?: Clock | undefined; readonly wallNow?: () => number } = {},
  ) {
    this.#workspace = workspace
    this.#clock = clock
    this.#wallNow = wallNow
    this.#ask = 'token' in auth ? this.#given(auth.token) : this.#granted(auth)
  }

  /**
   * A token that is good now.
   *
   * @param refused  one that the server did not take: it is not given again
   */
  async current(refused?: string): Promise<string> {
    if (refused !== undefined && this.#held?.value === refused) this.#held = undefined
    const held = this.#held
    const now = this.#clock.now()
    if (held !== undefined && now < held.endsAt) {
      if (now >= held.renewAt) this.#renewed().catch(() => undefined) // the old one is good: nobody has to wait or fail
      return held.value
    }
    const { value } = await this.#renewed()
    if (value === refused) throw this.#unauthorized()
    return value
  }

  [inspect.custom](): string {
    return '[redacted]'
  }

  #renewed(): Promise<Held> {
    this.#asking ??= this.#ask(new AbortController().signal)
      .then(({ value, lifeMs }) => {
        const now = this.#clock.now()
        this.#held = { value, endsAt: now + lifeMs, renewAt: now + lifeMs - Math.min(EARLY_MS, lifeMs / 5) }
        return this.#held
      })
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }

  #given(source: Extract<DatabricksAuth, { token: unknown }>['token']) {
    let expiresAt: number | undefined
    const text = async (): Promise<string> => {
      const given = typeof source === 'function' ? await source() : source
      expiresAt = typeof given === 'object' && given !== null ? given.expiresAt : undefined
      return typeof given === 'object' && given !== null ? given.token : given
    }
    const named = { part: 'DatabricksSource', option: 'auth.token' }
    if (typeof source !== 'function') new Secret(source, named) // refused here and now if it is none
    return async () => {
      const value = await new Secret(text, named).reveal()
      const until = expiresAt ?? (typeof source === 'function' ? expiryOf(value) : undefined)
      return { value, lifeMs: until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, until - this.#wallNow()) }
    }
  }

  /** OAuth client credentials. Source: docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m; databricks-sdk-py oauth.py. */
  #granted({ clientId, clientSecret, tenantId }: Extract<DatabricksAuth, { clientId: string }>) {
    const { host, fetch, url } = this.#workspace
    const secret = new Secret(clientSecret, { part: 'DatabricksSource', option: 'auth.clientSecret' })
    const issuer = ENTRA.find(([ending]) => ending.test(host))?.[1] as string
    const http = new HttpClient({ baseUrl: tenantId === undefined ? url : issuer, fetch, clock: this.#clock })
    const path = tenantId === undefined ? '/oidc/v1/token' : `/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`
    const scope = tenantId === undefined ? 'all-apis' : AZURE_SCOPE
    return async (signal: AbortSignal) => {
      const shown = await secret.reveal()
      const answer = await http
        .send(
          { endpoint: 'token', method: 'POST', path, ...tokenRequest({ clientId, secret: shown, scope, tenantId }) },
          signal,
        )
        .catch((error: unknown) => {
          throw toSource(error, this.#workspace.name)
        })
      const { access_token: value, expires_in: seconds } = (answer.json ?? {}) as Record<string, unknown>
      if (answer.status === 200 && typeof value === 'string' && value !== '') {
        return { value, lifeMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : 3_600_000 }
      }
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
        if (await secret.renew(shown)) return await this.#ask(signal)
        throw this.#unauthorized(tenantId)
      }
      throw new LakeloopError('SOURCE_UNREACHABLE', {
        source: this.#workspace.name,
        problem: `: HTTP ${answer.status} for a token`,
      })
    }
  }

  #unauthorized(tenantId?: string): LakeloopError {
    const isAzure = /\.azuredatabricks\.net$|\.databricks\.azure\.(?:us|cn)$/.test(this.#workspace.host)
    const hint = isAzure && tenantId === undefined ? ', or say tenantId if the secret was made in Microsoft Entra' : ''
    return new LakeloopError('SOURCE_UNAUTHORIZED', { source: this.#workspace.name, hint })
  }
}

function tokenRequest({
  clientId,
  secret,
  scope,
  tenantId,
}: {
  readonly clientId: string
  readonly secret: string
  readonly scope: string
  readonly tenantId: string | undefined
}) {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope })
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
  if (tenantId === undefined) {
    headers.authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  } else {
    form.set('client_id', clientId)
    form.set('client_secret', secret)
  }
  return { headers, body: new TextEncoder().encode(form.toString()) }
}

/** `exp` of a JWT, in ms. Read and not verified: it is our own credential, and only decides when the next is asked for. */
function expiryOf(token: string): number | undefined {
  const [, claims] = token.split('.')
  try {
    const { exp } = JSON.parse(Buffer.from(claims ?? '', 'base64url').toString('utf8')) as { readonly exp?: unknown }
    return typeof exp === 'number' ? exp * 1_000 : undefined
  } catch {
    return undefined
  }
}
