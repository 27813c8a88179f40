import { LakeloopError } from '../../errors.js'
import { type Clock, orAborted, systemClock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import { Secret } from '../../transport/secret.js'
import { type DatabricksAuth, isPrincipal, type TokenAuth } from './auth.js'
import { inTime } from './operation-result.js'
import { type Grant, type Granter, PrincipalGranter } from './token-request.js'

export interface TokenOptions {
  /** Of the source, for errors. */
  readonly name: string
  /** Of the options' owner, for errors: `DatabricksSource`. */
  readonly part: string
  /** As in a URL. */
  readonly host: string
  readonly port?: number | undefined
  readonly auth: DatabricksAuth
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  /** Milliseconds since 1970, for ends that a token or its giver says as a date. */
  readonly today?: (() => number) | undefined
}

/** How long before its end a token is replaced behind the callers' backs; never more than a quarter of its life. */
const EARLY_MS = 300_000
/** How long before its end nobody is given a token any more: a request takes time. Never more than a twentieth of its life. */
const LATE_MS = 30_000
/** After an early renewal that failed, how long until the next. */
const AGAIN_MS = 30_000
/** A token that was asked for because its forerunner was refused, and is refused as well so soon: another would be too. */
const SETTLED_MS = 60_000

interface Held {
  readonly token: string
  /** Of the clock, not of the calendar. */
  readonly askedAt: number
  readonly endsAt: number
  readonly earlyAt: number
  readonly lateAt: number
  readonly afterRefusal: boolean
}

/**
 * One token for everything that is asked of a workspace: SQL, Unity Catalog, files.
 *
 * Repeat   however many ask, one request is under way; a token is renewed early, while callers still get the old one.
 *          A refused token is renewed once: if its follower is refused too, that is the answer.
 * Throws   SOURCE_UNAUTHORIZED, SOURCE_UNREACHABLE, CREDENTIALS_MISSING, OPTION_INVALID, CLOSED, ABORTED.
 * Upholds  I7: tokens and secrets are in private fields. I9: clock and fetch are handed in. I12.
 */
export class DatabricksToken {
  readonly #name: string
  readonly #clock: Clock
  readonly #granter: Granter
  readonly #closed = new AbortController()
  #held: Held | undefined
  #pending: Promise<Held> | undefined
  #earlyAgainAt = Number.NEGATIVE_INFINITY

  constructor(options: TokenOptions) {
    const { auth } = options
    this.#name = options.name
    this.#clock = options.clock ?? systemClock
    this.#granter = isPrincipal(auth) ? new PrincipalGranter({ ...options, auth }) : new GivenGranter(auth, options)
  }

  /** A token that is good now. `refused` is one that the server did not take. */
  async get(refused?: string, signal?: AbortSignal): Promise<string> {
    if (this.#closed.signal.aborted) throw new LakeloopError('CLOSED', { part: `the source ${this.#name}` })
    const held = this.#held
    const now = this.#clock.now()
    const isRefused = held !== undefined && held.token === refused
    if (held !== undefined && !isRefused && now < held.lateAt) {
      if (now >= held.earlyAt && now >= this.#earlyAgainAt) this.#renewEarly()
      return held.token
    }
    if (isRefused && held.afterRefusal && now - held.askedAt < SETTLED_MS) throw this.#unauthorized()
    const renewed = this.#renew(isRefused)
    const { token } = await (signal === undefined ? renewed : orAborted(renewed, signal))
    if (token === refused) throw this.#unauthorized()
    return token
  }

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.#closed.abort()
    this.#held = undefined
  }

  #renewEarly(): void {
    this.#earlyAgainAt = this.#clock.now() + AGAIN_MS
    this.#renew(false).catch(() => undefined) // the old one is still good; whoever needs the new one meets the error
  }

  /** One at a time: whoever comes meanwhile waits for the same. */
  #renew(afterRefusal: boolean): Promise<Held> {
    this.#pending ??= this.#asked(afterRefusal).finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #asked(afterRefusal: boolean): Promise<Held> {
    const askedAt = this.#clock.now()
    const grant = await this.#granter.grant(this.#held?.token, this.#closed.signal)
    this.#held = heldOf(grant, { askedAt, afterRefusal })
    return this.#held
  }

  #unauthorized(): LakeloopError {
    return new LakeloopError('SOURCE_UNAUTHORIZED', { source: this.#name })
  }
}

function heldOf(
  { token, lifeMs = Number.POSITIVE_INFINITY }: Grant,
  since: Pick<Held, 'askedAt' | 'afterRefusal'>,
): Held {
  const endsAt = since.askedAt + lifeMs
  if (lifeMs === Number.POSITIVE_INFINITY) return { ...since, token, endsAt, earlyAt: endsAt, lateAt: endsAt }
  return {
    ...since,
    token,
    endsAt,
    earlyAt: endsAt - Math.min(EARLY_MS, lifeMs / 4),
    lateAt: endsAt - Math.min(LATE_MS, lifeMs / 20),
  }
}

/**
 * What the host gives: a token for ever, or a function that is asked when its last token ends or was refused.
 *
 * Throws  SOURCE_UNREACHABLE where the function does not come back: everybody waits for it.
 */
class GivenGranter implements Granter {
  readonly #name: string
  readonly #clock: Clock
  readonly #secret: Secret
  readonly #part: string
  readonly #today: () => number
  #expiresAt: unknown

  constructor({ token }: TokenAuth, { name, part, clock = systemClock, today = Date.now }: TokenOptions) {
    this.#name = name
    this.#clock = clock
    this.#part = part
    this.#today = today
    const source = typeof token === 'function' ? async () => this.#given(await token()) : token
    this.#secret = new Secret(source, { part, option: 'auth.token' })
  }

  async grant(previous: string | undefined, signal: AbortSignal): Promise<Grant> {
    const waiting = { clock: this.#clock, signal, source: this.#name }
    const token = await inTime('the token function', this.#asked(previous), waiting)
    const expiresAt = this.#expiresAt
    const isTime = typeof expiresAt === 'number' || expiresAt instanceof Date
    if (expiresAt !== undefined && !(isTime && Number.isFinite(Number(expiresAt)))) {
      const problem = 'gave an expiresAt that is no time'
      throw new LakeloopError('OPTION_INVALID', { part: this.#part, option: 'auth.token', problem })
    }
    const endsAt = expiresAt === undefined ? endOf(token) : Number(expiresAt)
    return { token, lifeMs: endsAt === undefined ? undefined : Math.max(0, endsAt - this.#today()) }
  }

  async #asked(previous: string | undefined): Promise<string> {
    if (previous !== undefined) await this.#secret.renew(previous)
    return await this.#secret.reveal()
  }

  /** Another shape is refused by the check of the secret itself, which has no value of it in its error. */
  #given(given: unknown): string {
    const isPair = typeof given === 'object' && given !== null
    const { token, expiresAt } = (isPair ? given : { token: given }) as { token: string; expiresAt?: unknown }
    this.#expiresAt = expiresAt
    return token
  }
}

/** The end that a JSON Web Token says, in ms since 1970; `undefined` for any other token. Source: RFC 7519 4.1.4. */
function endOf(token: string): number | undefined {
  const [, claims, signature] = token.split('.')
  if (claims === undefined || signature === undefined) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { exp?: unknown }
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
