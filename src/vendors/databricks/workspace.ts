import type { Fetch } from '../../transport/http-client.js'
import { fetchTrusting } from '../../transport/https-fetch.js'

/** A workspace, as every way into it needs it. */
export interface Workspace {
  /** What errors call the source that asks. */
  readonly name: string
  readonly host: string
  /** `https://host[:port]` */
  readonly url: string
  readonly fetch: Fetch | undefined
}

export function workspace(given: {
  readonly name: string
  readonly host: string
  readonly port?: number | undefined
  readonly customCaCert?: string | undefined
  readonly fetch?: Fetch | undefined
}): Workspace {
  const { name, host, port, customCaCert } = given
  const fetch = given.fetch ?? (customCaCert === undefined ? undefined : fetchTrusting(customCaCert))
  return { name, host, url: `https://${host}${port === undefined ? '' : `:${port}`}`, fetch }
}
