import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Clock } from '../../transport/clock.js'
import { type Fetch, type HttpAnswer, HttpClient, type HttpRequest } from '../../transport/http-client.js'
import { Secret } from '../../transport/secret.js'
import type { PrincipalAuth } from './auth.js'
import { sendHarmless, unreachable } from './retry.js'

/** A token, and how long it is good from when it was asked for, in ms. `undefined`: not known to end. */
export interface Grant {
  readonly token: string
  readonly lifeMs: number | undefined
}

/** Where tokens come from. `previous` is the one that ends, or was refused. */
export interface Granter {
  grant(previous: string | undefined, signal: AbortSignal): Promise<Grant>
}

export interface PrincipalOptions {
  /** Of the source, for errors. */
  readonly name: string
  /** Of the options' owner, for errors: `DatabricksSource`. */
  readonly part: string
  /** As in a URL. */
  readonly host: string
  readonly port?: number | undefined
  readonly auth: PrincipalAuth
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
}

/** The Azure Databricks application in Entra ID. Source: learn.microsoft.com/azure/databricks/dev-tools/service-prin-aad-token. */
const AZURE_SCOPE = '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default'
/** Who signs people in, by the clouds of Azure. Source: databricks/databricks-sdk-go config/azure environments. */
const AUTHORITIES: readonly (readonly [suffix: string, authority: string])[] = [
  ['.databricks.azure.us', 'login.microsoftonline.us'],
  ['.databricks.azure.cn', 'login.chinacloudapi.cn'],
]
const AZURE = /\.(?:azuredatabricks\.net|databricks\.azure\.(?:us|cn))$/

/** Codes of OAuth that may be named in an error. Source: RFC 6749 5.2. */
const NAMED = new Set(
  'invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope'.split(' '),
)
const TOKEN = /^[\x21-\x7e]{1,4096}$/

/**
 * Tokens of a service principal, by its client credentials. Asking twice does no harm, so what fails is asked again.
 *
 * Throws  SOURCE_UNAUTHORIZED with what is usually wrong; SOURCE_UNREACHABLE; CREDENTIALS_MISSING; ABORTED.
 * Source  docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m; databricks-sdk-py oauth.py.
 */
export class PrincipalGranter implements Granter {
  readonly #options: PrincipalOptions
  readonly #secret: Secret
  readonly #http: HttpClient

  constructor(options: PrincipalOptions) {
    const { part, host, port, auth } = options
    this.#options = options
    this.#secret = new Secret(auth.clientSecret, { part, option: 'auth.clientSecret' })
    const baseUrl = auth.issuer === 'entra' ? `https://${authorityOf(host)}` : `https://${host}:${port ?? 443}`
    this.#http = new HttpClient({ ...options, baseUrl, answerBytesMax: 256 * 1024 })
  }

  async grant(_previous: string | undefined, signal: AbortSignal): Promise<Grant> {
    const secret = await this.#secret.reveal()
    let answer = await this.#ask(secret, signal)
    if (errorOf(answer.json) === 'invalid_client' && (await this.#secret.renew(secret))) {
      answer = await this.#ask(await this.#secret.reveal(), signal)
    }
    if (answer.status >= 200 && answer.status < 300) return this.#granted(answer.json)
    throw this.#refused(answer)
  }

  async #ask(secret: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { name, clock, auth } = this.#options
    return await sendHarmless({ name, http: this.#http, clock }, requestOf(auth, secret), signal)
  }

  #granted(json: Json | undefined): Grant {
    const { access_token: token, expires_in: seconds } = asObject(json)
    if (typeof token !== 'string' || !TOKEN.test(token)) {
      throw unreachable(this.#options.name, 'the token endpoint answered without a token')
    }
    const lifeMs = Number(seconds) * 1000
    return { token, lifeMs: lifeMs > 0 ? lifeMs : undefined }
  }

  #refused({ status, json }: HttpAnswer): LakeloopError {
    const error = errorOf(json)
    const [code] = Array.isArray(asObject(json).error_codes) ? (asObject(json).error_codes as readonly Json[]) : []
    const vendor = typeof code === 'number' ? `, AADSTS${code}` : ''
    const problem = `: the token endpoint said ${error ?? `HTTP ${status}`}${vendor}`
    const hint = error === 'invalid_client' || error === undefined ? this.#usual() : ''
    return new LakeloopError('SOURCE_UNAUTHORIZED', { source: this.#options.name, problem, hint })
  }

  /** What is usually wrong. Source: databrickslabs/brickster issue 185; databricks-sql-nodejs issue 279. */
  #usual(): string {
    const { auth, host } = this.#options
    if (auth.issuer === 'entra') {
      return "; a secret that was made in Databricks takes issuer: 'databricks', else the secret has expired, its value is mixed up with its id, or tenantId is another directory"
    }
    const expired = 'the secret has expired, or the principal is not in the workspace of this host'
    return AZURE.test(host)
      ? `; a secret that was made in Entra ID takes issuer: 'entra' and tenantId, else ${expired}`
      : `; usually ${expired}`
  }
}

export const authorityOf = (host: string): string =>
  AUTHORITIES.find(([suffix]) => host.endsWith(suffix))?.[1] ?? 'login.microsoftonline.com'

function requestOf({ issuer, clientId, tenantId = '' }: PrincipalAuth, secret: string): HttpRequest {
  const isEntra = issuer === 'entra'
  const form = isEntra
    ? { grant_type: 'client_credentials', scope: AZURE_SCOPE, client_id: clientId, client_secret: secret }
    : { grant_type: 'client_credentials', scope: 'all-apis' }
  const basic = isEntra ? {} : { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` }
  return {
    endpoint: 'the token endpoint',
    method: 'POST',
    path: isEntra ? `/${tenantId}/oauth2/v2.0/token` : '/oidc/v1/token',
    headers: { ...basic, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: Buffer.from(new URLSearchParams(form).toString()),
  }
}

const errorOf = (json: Json | undefined): string | undefined => {
  const { error } = asObject(json)
  return typeof error === 'string' && NAMED.has(error) ? error : undefined
}

const asObject = (json: Json | undefined): JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : {}
