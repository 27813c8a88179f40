import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Clock } from '../../transport/clock.js'
import { type Fetch, type HttpAnswer, HttpClient } from '../../transport/http-client.js'
import { isRefused, restError } from './rest-errors.js'
import { sendHarmless } from './retry.js'
import { listOf, objectOf, type TableInfo, tableInfoOf, textOf } from './table-info.js'
import type { DatabricksToken } from './token.js'

export interface UnityCatalogOptions {
  /** Of the source, for errors. */
  readonly name: string
  /** As in a URL. */
  readonly host: string
  readonly port?: number | undefined
  readonly token: DatabricksToken
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
}

/** One question. */
export interface Question {
  /** Default: that of Unity Catalog. `/api/2.0/fs` is that of files. */
  readonly base?: string
  /** Below the base, each part already encoded: `/tables/main.crm.users`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>> | undefined
  /** What an error says is missing or refused: `Table main.crm.users`. */
  readonly securable: string
}

const BASE = '/api/2.1/unity-catalog'
/** Pages of one list, empty ones counted: a table list of 50 a page is then 500,000 tables. */
const PAGES_MAX = 10_000

/**
 * Reads Unity Catalog, and the interface of files, over REST. Only GETs, so what is not answered is asked again.
 *
 * Throws  SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FORBIDDEN with privilege and securable, SOURCE_TABLE_MISSING,
 *         SOURCE_FAILED, ABORTED, and what the token throws.
 * Upholds I7, I12.
 * Source  databricks-sdk-py service/catalog.py; docs.databricks.com/api.
 */
export class UnityCatalog {
  readonly #options: UnityCatalogOptions
  readonly #http: HttpClient

  constructor(options: UnityCatalogOptions) {
    this.#options = options
    // Its deadline is of the machine's clock: the host's is for the waits between attempts.
    const { fetch } = options
    this.#http = new HttpClient({ fetch, baseUrl: `https://${options.host}:${options.port ?? 443}` })
  }

  /** A table or a view with its columns, also one that can only be browsed. @param fullName `catalog.schema.table` */
  async tableInfo(fullName: string, signal: AbortSignal): Promise<TableInfo> {
    const json = await this.get(
      {
        path: `/tables/${encodeURIComponent(fullName)}`,
        query: { include_browse: 'true' },
        securable: `Table ${fullName}`,
      },
      signal,
    )
    return tableInfoOf(json, this.#options.name)
  }

  /**
   * Throws as the class does where files of a volume cannot be listed: the interface of files takes the same token.
   *
   * @param parts  catalog, schema, volume
   * Source  databricks-sdk-py service/files.py, list_directory_contents.
   */
  async listVolume(parts: readonly string[], signal: AbortSignal): Promise<void> {
    const path = `/directories/Volumes/${parts.map(encodeURIComponent).join('/')}`
    const securable = `Volume ${parts.join('.')}`
    await this.get({ base: '/api/2.0/fs', path, query: { page_size: '1' }, securable }, signal)
  }

  async get(question: Question, signal: AbortSignal): Promise<Json | undefined> {
    const { name, token } = this.#options
    const used = await token.get(undefined, signal)
    let answer = await this.#once(question, used, signal)
    if (isRefused(answer)) answer = await this.#once(question, await token.get(used, signal), signal)
    if (answer.status >= 200 && answer.status < 300) return answer.json
    throw restError(answer, { name, securable: question.securable })
  }

  /**
   * The objects of a list, page by page as they are asked for.
   *
   * Shape   a page may be empty and not be the last: only a missing `next_page_token` ends the list.
   * @param field  where the objects stand in an answer
   */
  async *list(question: Question, field: string, signal: AbortSignal): AsyncGenerator<JsonObject> {
    const { name } = this.#options
    const seen = new Set<string>()
    let query: Record<string, string> = { ...question.query, max_results: '0' }
    for (;;) {
      const page = objectOf(await this.get({ ...question, query }, signal))
      for (const one of listOf(page[field])) yield objectOf(one)
      const next = textOf(page.next_page_token)
      if (next === undefined) return
      if (seen.has(next) || seen.size === PAGES_MAX) {
        const problem = seen.has(next) ? 'gave the same page token twice' : `has more than ${PAGES_MAX} pages`
        throw new LakeloopError('SOURCE_FAILED', { source: name, problem: `: a list of Unity Catalog ${problem}` })
      }
      seen.add(next)
      query = { ...query, page_token: next }
    }
  }

  async #once({ base = BASE, path, query = {} }: Question, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { name, clock } = this.#options
    const text = new URLSearchParams(query).toString()
    const request = {
      endpoint: 'Unity Catalog',
      method: 'GET',
      path: `${base}${path}${text === '' ? '' : `?${text}`}`,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    } as const
    return await sendHarmless({ name, http: this.#http, clock }, request, signal)
  }
}
