import type { FakeKey, KeyType } from './key-types.js'
import type { FakeIterableOptions, Unsure } from './options.js'
import { query, type Route } from './route.js'
import { envelope, type FakeAnswer, type FakeRequest } from './wire/answer.js'

/** Source: HC-360043464871; `ServerSide` as RT recorded it, the other spellings after it (invented). */
const NAMES = {
  serverSide: 'ServerSide',
  readOnly: 'ReadOnly',
  mobile: 'Mobile',
  javaScript: 'JavaScript',
  web: 'Web',
} as const satisfies Readonly<Record<KeyType, string>>
/** Source: HC-360043464871, SW `host`. */
const HOSTS = { us: 'api.iterable.com', eu: 'api.eu.iterable.com' } as const

/** What clients' keys reach. Source: HC-360043464871. */
const CLIENT = new Set([
  'users/update',
  'users/updateEmail',
  'users/updateSubscriptions',
  'events/track',
  'commerce/trackPurchase',
  'commerce/updateCart',
])

/** How many refusals it takes until they are 429, where they become so. The number is invented. */
const REFUSALS_MAX = 10

/** Who may ask for what. Source: reference 1.1 and 1.2 (HC-360043464871, SW, RT dataDelivery/network.ts, AB-16408). */
export class Keys {
  readonly #options: FakeIterableOptions
  readonly #unsure: Unsure
  #isRevoked = false
  #refusals = 0

  constructor(options: FakeIterableOptions, unsure: Unsure) {
    this.#options = options
    this.#unsure = unsure
  }

  /** From now on no key is known. */
  revoke(): void {
    this.#isRevoked = true
  }

  /** What a request without the right key gets. */
  refusal(request: FakeRequest, route: Route): FakeAnswer | undefined {
    const answer = this.#refusal(request, route)
    if (answer === undefined) return undefined
    this.#refusals += 1
    if (this.#unsure.unauthorizedAgain === 401 || this.#refusals <= REFUSALS_MAX) return answer
    return envelope(429, 'RateLimitExceeded', 'Too many requests with a wrong key') // AB PR 18292; words invented
  }

  #refusal(request: FakeRequest, { method, endpoint }: Route): FakeAnswer | undefined {
    const { headers, path } = request
    const inQuery = this.#unsure.keyInQuery === 'accepted' ? query(request, 'api_key') : undefined
    const given = headers['api-key'] ?? headers.api_key ?? inQuery
    const key = given === undefined || this.#isRevoked ? undefined : this.#named(given)
    const isElsewhere = headers.host === HOSTS[this.#options.dataCenter === 'eu' ? 'us' : 'eu']
    const at = { ip: '192.0.2.1', endpoint: path.split('?')[0] ?? '' }
    if (key === undefined || given === undefined || isElsewhere) {
      const isOld = this.#unsure.badKeyCode === 'Success'
      return envelope(401, this.#unsure.badKeyCode, 'Invalid API key', isOld ? { endpoint: at.endpoint } : at)
    }
    const { type, jwt } = typeof key === 'string' ? { type: key, jwt: undefined } : key
    if (jwt !== undefined && headers.authorization !== `Bearer ${jwt}`)
      return envelope(401, 'InvalidJwtPayload', 'Invalid JWT') // words invented
    if (this.#reaches(type, method, endpoint)) return undefined
    if (endpoint === 'users/merge' && type !== 'readOnly') return envelope(403, 'Forbidden', 'Forbidden') // SW
    const whose = { apiKeyIdentifier: given.slice(0, 8), apiKeyType: NAMES[type] }
    return envelope(401, 'BadApiKey', 'Disabled API key or insufficient privileges', { ...at, ...whose })
  }

  #named(key: string): FakeKey | undefined {
    if (key === (this.#options.apiKey ?? 'fake-key')) return 'serverSide'
    return new Map(Object.entries(this.#options.keys ?? {})).get(key)
  }

  /** Whether a read-only key may export is unsure. */
  #reaches(type: KeyType, method: string, endpoint: string): boolean {
    if (type === 'serverSide') return true
    if (type !== 'readOnly') return CLIENT.has(endpoint)
    if (endpoint.startsWith('export/') && this.#unsure.readOnlyExport === 'refused') return false
    return method === 'GET'
  }
}
