import type { Fetch } from '../../src/transport/http-client.js'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Headers
  readonly body: string
}

/** An answer: a body with 200, or `[status, body, headers]`; an Error is a connection that broke. */
export type Answer = object | readonly [number, unknown, Record<string, string>?] | Error

/** The REST side of a workspace, in process. Strict: what no route answers is a failure of the test and not a 404. */
export class FakeWorkspace {
  readonly seen: Seen[] = []
  readonly #routes = new Map<string, (seen: Seen) => Answer | Promise<Answer>>()

  /** @param route  `METHOD host/path`, e.g. `GET dbc-1.cloud.databricks.com/api/2.1/unity-catalog/catalogs` */
  on(route: string, answer: (seen: Seen) => Answer | Promise<Answer>): this {
    this.#routes.set(route, answer)
    return this
  }

  readonly fetch: Fetch = async (input, init) => {
    const asked = new Request(input, init)
    const url = new URL(asked.url)
    const seen: Seen = {
      method: asked.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: asked.headers,
      body: await asked.text(),
    }
    this.seen.push(seen)
    const answer = this.#routes.get(`${asked.method} ${url.host}${url.pathname}`)
    if (answer === undefined) throw new Error(`no route for ${asked.method} ${url.host}${url.pathname}`)
    const given = await answer(seen)
    if (given instanceof Error) throw given
    const [status, body, headers = {}] = Array.isArray(given) ? given : [200, given]
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
  }
}

export const HOST = 'dbc-1.cloud.databricks.com'
export const UC = `GET ${HOST}/api/2.1/unity-catalog`
