import type { Clock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import { trustingFetch } from '../../transport/trusting-fetch.js'
import type { DatabricksAuth } from './auth.js'
import { checkedHost } from './host.js'
import { DatabricksToken } from './token.js'
import { UnityCatalog } from './unity-catalog.js'

/** How a workspace is reached, and as whom. */
export interface WorkspaceAccess {
  /** The workspace's host name, e.g. `dbc-1234.cloud.databricks.com`: without scheme, port or path. */
  readonly host: string
  /** Default 443. */
  readonly port?: number | undefined
  /** A service principal, or a token: see docs/databricks.md. */
  readonly auth: DatabricksAuth
  /** Lets `host` be one that only a private network knows (localhost, 10.x, *.internal). Default false. */
  readonly allowPrivateHost?: boolean | undefined
  /** A certificate to trust besides the usual ones, as PEM. */
  readonly customCaCert?: string | undefined
  /** For sign-in and Unity Catalog, in place of the platform's. SQL goes through `@databricks/sql`. */
  readonly fetch?: Fetch | undefined
  /** For tests: when tokens end, and the waits between attempts. */
  readonly clock?: Clock | undefined
}

export interface WorkspaceOptions extends WorkspaceAccess {
  /** Of the source, for errors. */
  readonly name: string
  /** Of the options' owner, for errors: `DatabricksSource`. */
  readonly part: string
}

/**
 * One workspace, and one token for all that is asked of it.
 *
 * Throws  OPTION_INVALID, CREDENTIALS_MISSING at construction.
 */
export class Workspace {
  /** As in a URL. */
  readonly host: string
  readonly token: DatabricksToken
  readonly unityCatalog: UnityCatalog

  constructor(options: WorkspaceOptions) {
    const { part, customCaCert, fetch } = options
    this.host = checkedHost(options.host, options)
    const trusting =
      customCaCert === undefined ? undefined : trustingFetch(customCaCert, { part, option: 'customCaCert' })
    const access = { ...options, host: this.host, fetch: fetch ?? trusting }
    this.token = new DatabricksToken(access)
    this.unityCatalog = new UnityCatalog({ ...access, token: this.token })
  }

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.token.close()
  }
}
