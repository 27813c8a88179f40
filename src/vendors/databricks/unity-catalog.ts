import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import { type Clock, systemClock } from '../../transport/clock.js'
import { type HttpAnswer, HttpClient } from '../../transport/http-client.js'
import { restError, toSource } from './rest-errors.js'
import { type CatalogTable, catalogTable } from './table-info.js'
import type { AccessToken } from './token.js'
import type { Workspace } from './workspace.js'

const BASE = '/api/2.1/unity-catalog'
/** Attempts at one GET, and the wait before the second; it doubles, up to the longest, which also caps `Retry-After`. */
const ATTEMPTS_MAX = 4
const WAIT_MS = 1_000
const WAIT_MS_MAX = 60_000

/**
 * Unity Catalog over REST, read only.
 *
 * Repeat  a GET that 429, 5xx or the network got in the way of is asked four times at most.
 * Throws  SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FORBIDDEN, SOURCE_TABLE_MISSING, SOURCE_FAILED, ABORTED.
 * Source  databricks-sdk-py service/catalog.py.
 */
export class UnityCatalog {
  readonly #workspace: Workspace
  readonly #token: AccessToken
  readonly #clock: Clock
  readonly #http: HttpClient

  constructor(workspace: Workspace, token: AccessToken, clock: Clock = systemClock) {
    this.#workspace = workspace
    this.#token = token
    this.#clock = clock
    this.#http = new HttpClient({
      baseUrl: workspace.url,
      fetch: workspace.fetch,
      clock,
      answerBytesMax: 64 * 1024 ** 2,
    })
  }

  /** A table, a view and so on, with its columns. */
  async table(fullName: string, signal: AbortSignal): Promise<CatalogTable> {
    const path = `/tables/${encodeURIComponent(fullName)}`
    return catalogTable(await this.get(path, { include_browse: 'true' }, { what: fullName, signal }))
  }

  /**
   * What a listing has under `name`, page by page.
   *
   * A page may be empty and still go on; only a page that names no next one is the last. A page that names itself as the
   * next would never end: SOURCE_FAILED.
   */
  async *list(
    path: string,
    query: Readonly<Record<string, string>>,
    asked: { readonly name: string; readonly what: string; readonly signal: AbortSignal },
  ): AsyncGenerator<JsonObject> {
    let token = ''
    for (;;) {
      const page = await this.get(path, { ...query, max_results: '0', ...(token && { page_token: token }) }, asked)
      const found = page[asked.name]
      for (const one of Array.isArray(found) ? found : []) yield one as JsonObject
      const next = page.next_page_token
      if (typeof next !== 'string' || next === '') return
      if (next === token) throw new LakeloopError('SOURCE_FAILED', { source: this.#workspace.name })
      token = next
    }
  }

  /** @param asked  `what`: the securable that errors name, e.g. `main.crm` */
  async get(
    path: string,
    query: Readonly<Record<string, string>>,
    { what, signal }: { readonly what: string; readonly signal: AbortSignal },
  ): Promise<JsonObject> {
    const source = this.#workspace.name
    const search = new URLSearchParams(query).toString()
    let refused: string | undefined
    for (let attempt = 1; ; attempt += 1) {
      let last: LakeloopError
      let afterMs: number | undefined
      try {
        const token = await this.#token.current(refused)
        const answer = await this.#once(`${BASE}${path}${search && `?${search}`}`, token, signal)
        if (answer.status === 200) return objectOf(answer.json, source)
        last = restError(answer, { source, what })
        afterMs = answer.afterMs
        if (answer.status === 401 && refused === undefined) {
          refused = token
          continue
        }
      } catch (error) {
        const told = toSource(error, source)
        if (!isLakeloopError(told)) throw told
        last = told
      }
      if (!isLakeloopError(last, 'SOURCE_UNREACHABLE') || attempt >= ATTEMPTS_MAX) throw last
      await this.#clock.sleep(Math.min(afterMs ?? WAIT_MS * 2 ** (attempt - 1), WAIT_MS_MAX), signal)
    }
  }

  async #once(path: string, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { authorization: `Bearer ${token}`, 'user-agent': 'lakeloop' }
    return await this.#http.send({ endpoint: 'Unity Catalog', method: 'GET', path, headers }, signal)
  }
}

function objectOf(json: Json | undefined, source: string): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject
  throw new LakeloopError('SOURCE_FAILED', { source })
}
